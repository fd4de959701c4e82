//! The embedded PostgreSQL, for tests of Footfall and for small sites on one machine. It needs no installation.
//!
//! The embedded PostgreSQL accepts one connection at a time. Commits do not wait for the disk: a power cut may lose the last visits.

use std::{fs::Permissions, os::unix::fs::PermissionsExt, path::Path, str::FromStr};

use anyhow::{Context, bail};
use pglite_oxide::PgliteServer;
use sqlx::postgres::PgConnectOptions;

/// A running embedded database. Dropping this value stops the database.
pub(super) struct Embedded {
    server: PgliteServer,
}

impl Embedded {
    /// Starts the database on a folder, and creates the folder if needed. Takes about a second.
    ///
    /// # Errors
    /// If another process uses the folder, or the folder can't be written.
    pub(super) fn start(folder: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("can't create the data folder {} or restrict its permissions", folder.display());
        std::fs::create_dir_all(folder).with_context(cannot)?;
        // The folder contains the salts of open periods.
        std::fs::set_permissions(folder, Permissions::from_mode(0o700)).with_context(cannot)?;
        match PgliteServer::builder().path(folder).start() {
            Ok(server) => Ok(Self { server }),
            Err(error) if format!("{error:#}").contains("already in use") => bail!(
                "the data folder {} is in use by another Footfall process: stop that process, or set DATABASE_URL",
                folder.display()
            ),
            Err(error) => {
                Err(error).with_context(|| format!("the embedded PostgreSQL could not start in {}", folder.display()))
            }
        }
    }

    /// The options for a connection.
    pub(super) fn options(&self) -> PgConnectOptions {
        PgConnectOptions::from_str(&self.server.database_url()).expect("the server's own URL is valid")
    }
}
