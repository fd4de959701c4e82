//! Where the numbers are kept, as the environment says: a PostgreSQL server, one that takes Entra tokens, or the embedded
//! PostgreSQL. It connects to none of them.

use std::{path::PathBuf, str::FromStr};

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::{BadVariable, bad, number};

/// Where the numbers are kept.
pub enum DatabaseConfig {
    /// A PostgreSQL server: `DATABASE_URL`, or `PGHOST` with its companions.
    Server(Box<PgConnectOptions>),
    /// A PostgreSQL server that takes Entra tokens: `FOOTFALL_DATABASE_AUTH=entra`, `PGHOST`, `PGUSER` and, by default, port
    /// 5432 and the database `footfall`. The server's certificate is always verified in full.
    Entra(Box<PgConnectOptions>, Entra),
    /// The embedded PostgreSQL, in this folder. The default where nothing else is named.
    Embedded(PathBuf),
}

/// Whose token is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entra {
    /// The platform's managed identity, because `IDENTITY_ENDPOINT` is set.
    Managed {
        /// `AZURE_CLIENT_ID`: which user-assigned identity. Default: the system-assigned one.
        client_id: Option<String>,
    },
    /// Whoever is signed in on this machine with the Azure CLI.
    Developer,
}

impl DatabaseConfig {
    /// Reads which database is named, where `get` knows the environment.
    pub(super) fn load<'a>(get: &impl Fn(&str) -> Option<&'a str>) -> Result<Self, BadVariable> {
        match get("FOOTFALL_DATABASE_AUTH") {
            None | Some("password") => {}
            Some("entra") => return entra(get),
            Some(other) => {
                return Err(bad("FOOTFALL_DATABASE_AUTH", format!("is '{other}', but must be 'password' or 'entra'")));
            }
        }
        if let Some(url) = get("DATABASE_URL") {
            if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
                return Err(bad("DATABASE_URL", "must begin with postgres:// or postgresql://"));
            }
            let options = PgConnectOptions::from_str(url).map_err(|_| {
                bad("DATABASE_URL", "is not a valid URL: write postgres://user:password@host:5432/database")
            })?;
            return Ok(DatabaseConfig::Server(Box::new(options)));
        }
        if get("PGHOST").is_some() {
            let mut options = server(get)?;
            if let Some(password) = get("PGPASSWORD") {
                options = options.password(password);
            }
            if let Some(mode) = get("PGSSLMODE") {
                options = options.ssl_mode(PgSslMode::from_str(mode).map_err(|_| {
                    bad(
                        "PGSSLMODE",
                        format!("is '{mode}', but must be disable, prefer, require, verify-ca or verify-full"),
                    )
                })?);
            }
            return Ok(DatabaseConfig::Server(Box::new(options)));
        }
        if cfg!(feature = "embedded") {
            Ok(DatabaseConfig::Embedded(PathBuf::from(get("FOOTFALL_DATA").unwrap_or(".footfall"))))
        } else {
            Err(bad(
                "DATABASE_URL",
                "must name a PostgreSQL database (postgres://user:password@host:5432/database), because this build has none embedded",
            ))
        }
    }
}

/// The server that `PGHOST` and its companions name.
fn server<'a>(get: &impl Fn(&str) -> Option<&'a str>) -> Result<PgConnectOptions, BadVariable> {
    let required = |name: &str, why: &str| get(name).ok_or_else(|| bad(name, why));
    let mut options = PgConnectOptions::new_without_pgpass()
        .host(required("PGHOST", "must name the database server")?)
        .port(number("PGPORT", get("PGPORT"), 1..=u16::MAX)?.unwrap_or(5432))
        .database(get("PGDATABASE").unwrap_or("footfall"))
        .username(required("PGUSER", "must name the role to log in as, because PGHOST is set")?);
    if let Some(file) = get("PGSSLROOTCERT") {
        options = options.ssl_root_cert(file);
    }
    Ok(options)
}

fn entra<'a>(get: &impl Fn(&str) -> Option<&'a str>) -> Result<DatabaseConfig, BadVariable> {
    if get("DATABASE_URL").is_some() {
        return Err(bad(
            "DATABASE_URL",
            "can't be used with FOOTFALL_DATABASE_AUTH=entra: name the server in PGHOST and PGUSER",
        ));
    }
    if get("PGSSLMODE").is_some_and(|mode| mode != "verify-full") {
        return Err(bad(
            "PGSSLMODE",
            "must be verify-full, or unset, with FOOTFALL_DATABASE_AUTH=entra: a token is sent",
        ));
    }
    let identity = match get("IDENTITY_ENDPOINT") {
        Some(_) => Entra::Managed { client_id: get("AZURE_CLIENT_ID").map(str::to_owned) },
        None => Entra::Developer,
    };
    Ok(DatabaseConfig::Entra(Box::new(server(get)?.ssl_mode(PgSslMode::VerifyFull)), identity))
}
