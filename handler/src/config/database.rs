//! The location of the database: a PostgreSQL server, a server with Entra tokens, or the embedded PostgreSQL. This
//! module does not connect.

use std::{path::PathBuf, str::FromStr};

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::{
    environment::SettingValues,
    settings::{
        AZURE_CLIENT_ID, BadVariable, DATA, DATABASE_AUTH, DATABASE_URL, IDENTITY_ENDPOINT, PGDATABASE, PGHOST,
        PGPASSWORD, PGPORT, PGSSLMODE, PGSSLROOTCERT, PGUSER,
    },
};

/// The location of the database.
pub enum DatabaseConfig {
    /// A PostgreSQL server: `DATABASE_URL`, or `PGHOST` with its companions.
    Server(Box<PgConnectOptions>),
    /// A PostgreSQL server that accepts Entra tokens: `FOOTFALL_DATABASE_AUTH=entra`, `PGHOST` and `PGUSER`. The
    /// server's certificate is always verified in full.
    Entra(Box<PgConnectOptions>, Entra),
    /// The embedded PostgreSQL with its folder, if no server is set.
    Embedded(PathBuf),
}

/// The identity whose token is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entra {
    /// The platform's managed identity, because `IDENTITY_ENDPOINT` is set.
    Managed {
        /// The user-assigned identity; `None`: the system-assigned one.
        client_id: Option<String>,
    },
    /// The account of the Azure CLI on this machine.
    Developer,
}

impl DatabaseConfig {
    /// The place of the database, for people: `footfall at db.example:5432`, `footfall at /run/postgresql` for a socket, or
    /// `embedded in /srv/.footfall/` for the embedded PostgreSQL. Never contains role or password.
    pub fn place(&self) -> String {
        let options = match self {
            Self::Embedded(folder) => {
                let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
                return format!("embedded in {}/", folder.display());
            }
            Self::Server(options) | Self::Entra(options, _) => options,
        };
        let (host, port) = (options.get_host(), options.get_port());
        let at = match options.get_socket() {
            Some(folder) => folder.display().to_string(),
            None if host.starts_with('/') => host.to_owned(),
            None if host.contains(':') && !host.starts_with('[') => format!("[{host}]:{port}"),
            None => format!("{host}:{port}"),
        };
        // Without a name, the server uses the role's.
        options.get_database().map_or_else(|| format!("at {at}"), |name| format!("{name} at {at}"))
    }

    /// Reads the location from the environment.
    pub(super) fn load(values: &SettingValues<'_>) -> Result<Self, BadVariable> {
        match values.get_or_default(&DATABASE_AUTH) {
            "password" => {}
            "entra" => return entra(values),
            other => return Err(DATABASE_AUTH.reject(other)),
        }
        if let Some(url) = values.get(&DATABASE_URL) {
            // Otherwise a part of the password would be the host's port or the database's name.
            if has_raw_password(url) {
                return Err(DATABASE_URL
                    .error("must have %2F, %3F, %23 and %40 for /, ?, # and @ in user, password and parameters"));
            }
            let is_postgres = url.starts_with("postgres://") || url.starts_with("postgresql://");
            let options = is_postgres.then(|| PgConnectOptions::from_str(url).ok()).flatten();
            return match options {
                Some(options) => Ok(Self::Server(Box::new(options))),
                None => Err(DATABASE_URL.reject(url)),
            };
        }
        if values.get(&PGHOST).is_some() {
            let mut options = server(values)?;
            if let Some(password) = values.get(&PGPASSWORD) {
                options = options.password(password);
            }
            if let Some(mode) = values.parse_optional(&PGSSLMODE, |mode| PgSslMode::from_str(mode).ok())? {
                options = options.ssl_mode(mode);
            }
            return Ok(Self::Server(Box::new(options)));
        }
        if cfg!(feature = "embedded") {
            Ok(Self::Embedded(PathBuf::from(values.get_or_default(&DATA))))
        } else {
            Err(DATABASE_URL.error(
                "must be set, such as postgres://user:password@host:5432/database: this build has no embedded database",
            ))
        }
    }
}

/// Whether the part before the host ends too early, because a character in it was not percent-encoded.
fn has_raw_password(url: &str) -> bool {
    let (_, rest) = url.split_once("://").unwrap_or_default();
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    authority.contains(':') && !authority.contains('@') && rest.contains('@')
}

/// The server in `PGHOST`.
fn server(values: &SettingValues<'_>) -> Result<PgConnectOptions, BadVariable> {
    let host = values.get(&PGHOST).ok_or_else(|| PGHOST.error("must be set to the database server"))?;
    let role = values.get(&PGUSER).ok_or_else(|| PGUSER.error("must be set to a role, because PGHOST is set"))?;
    let mut options = PgConnectOptions::new_without_pgpass()
        .host(host)
        .port(values.number(&PGPORT)?)
        .database(values.get_or_default(&PGDATABASE))
        .username(role);
    if let Some(file) = values.get(&PGSSLROOTCERT) {
        options = options.ssl_root_cert(file);
    }
    Ok(options)
}

fn entra(values: &SettingValues<'_>) -> Result<DatabaseConfig, BadVariable> {
    if values.get(&DATABASE_URL).is_some() {
        let problem = "can't be used with FOOTFALL_DATABASE_AUTH=entra: set PGHOST and PGUSER instead";
        return Err(DATABASE_URL.error(problem));
    }
    if values.get(&PGSSLMODE).is_some_and(|mode| mode != "verify-full") {
        let problem = "must be verify-full or unset with FOOTFALL_DATABASE_AUTH=entra, because a token is sent";
        return Err(PGSSLMODE.error(problem));
    }
    let identity = match values.get(&IDENTITY_ENDPOINT) {
        Some(_) => Entra::Managed { client_id: values.get(&AZURE_CLIENT_ID).map(str::to_owned) },
        None => Entra::Developer,
    };
    Ok(DatabaseConfig::Entra(Box::new(server(values)?.ssl_mode(PgSslMode::VerifyFull)), identity))
}
