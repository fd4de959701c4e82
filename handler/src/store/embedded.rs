//! The embedded PostgreSQL: for trying Footfall out and for small sites on one machine, without installing anything.
//!
//! It accepts one connection at a time, and does not wait for the disk: a power cut may lose the last moments.

use std::{fs::Permissions, os::unix::fs::PermissionsExt, path::Path, str::FromStr};

use anyhow::{Context, bail};
use pglite_oxide::PgliteServer;
use sqlx::postgres::PgConnectOptions;

/// A running embedded database; it stops when this is dropped.
pub(super) struct Embedded {
    server: PgliteServer,
}

impl Embedded {
    /// Starts it on a folder, which is made if it does not exist. Takes about a second.
    ///
    /// # Errors
    /// If another process uses the folder, or it can't be written.
    pub(super) fn start(folder: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("the data folder {} can't be made or kept from others", folder.display());
        std::fs::create_dir_all(folder).with_context(cannot)?;
        // The salts of open periods are in it.
        std::fs::set_permissions(folder, Permissions::from_mode(0o700)).with_context(cannot)?;
        match PgliteServer::builder().path(folder).start() {
            Ok(server) => Ok(Self { server }),
            Err(error) if format!("{error:#}").contains("already in use") => bail!(
                "the data folder {} is in use by another Footfall process: stop that one first, or name a database with DATABASE_URL",
                folder.display()
            ),
            Err(error) => {
                Err(error).with_context(|| format!("the embedded PostgreSQL could not start in {}", folder.display()))
            }
        }
    }

    /// How to connect.
    pub(super) fn options(&self) -> PgConnectOptions {
        PgConnectOptions::from_str(&self.server.database_url()).expect("the server's own URL is valid")
    }
}
