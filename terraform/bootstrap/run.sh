# Runs bootstrap/roles.sql as the Entra administrator, with a token instead of a password.
# Runs in the container of the bootstrap job (busybox sh, wget, psql); its environment is set in main.database.tf.
set -eu

# The token endpoint may not respond at once after the container has started.
token=
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  answer=$(wget -q -O - -T 10 --header "X-IDENTITY-HEADER: $IDENTITY_HEADER" \
    "$IDENTITY_ENDPOINT?api-version=2019-08-01&resource=https%3A%2F%2Fossrdbms-aad.database.windows.net&client_id=$AZURE_CLIENT_ID") || answer=
  token=$(printf '%s' "$answer" | sed -n 's/.*"access_token" *: *"\([^"]*\)".*/\1/p')
  if [ -n "$token" ]; then break; fi
  echo "no token at attempt $attempt" >&2
  sleep 3
done
if [ -z "$token" ]; then
  echo "the token endpoint gave no token for client $AZURE_CLIENT_ID" >&2
  exit 1
fi

# verify-full against the root certificates of the image.
export PGPASSWORD="$token" PGDATABASE=postgres PGPORT="${PGPORT:-5432}" PGCONNECT_TIMEOUT=15
export PGSSLMODE="${PGSSLMODE:-verify-full}" PGSSLROOTCERT="${PGSSLROOTCERT:-system}"

printf '%s\n' "$ROLES_SQL" | psql -X -v ON_ERROR_STOP=1 \
  -v app_database="$APP_DATABASE" -v app_role="$APP_ROLE" -v app_principal="$APP_PRINCIPAL" -f -
echo "bootstrap finished"
