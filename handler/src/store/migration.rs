//! Migrates the schema of the database.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection,
    migrate::{MigrateError, Migrator},
};

use super::Failure;

/// The time limit of migrations, including the wait for other instances.
pub(super) const MIGRATION_LIMIT: Duration = Duration::from_secs(20);

/// The key of the advisory lock of migrations: an arbitrary number.
const MIGRATION_LOCK: i64 = 0x0F00_7FA1;

/// The failure of a database that can't store every path and name.
const NOT_UNICODE: &str = "its encoding is not UTF8: create the database with encoding UTF8";

/// The failure of a database with a migration of the same number and another text.
const OTHER_MIGRATIONS: &str = "the schema was created by other migrations";

/// The migrations of this program. A newer schema is left unchanged: migrations expand before they contract, so the previous
/// version of the program works with it.
fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!();
    migrator.set_locking(false).set_ignore_missing(true);
    migrator
}

/// Fails if the database can't store every path and name.
pub(super) fn check_encoding(encoding: &str) -> Result<(), Failure> {
    if encoding == "UTF8" { Ok(()) } else { Err(Failure::rejected(NOT_UNICODE)) }
}

/// Whether the applied migrations include all of this program. Each has its version, and its checksum in Base64.
pub(super) fn are_applied(applied: &[(i64, String)]) -> Result<bool, Failure> {
    for migration in migrator().iter() {
        let same_version = applied.iter().find(|(version, _)| *version == migration.version);
        let Some((_, checksum)) = same_version else { return Ok(false) };
        if *checksum != BASE64_STANDARD.encode(&migration.checksum) {
            return Err(Failure::rejected(OTHER_MIGRATIONS));
        }
    }
    Ok(true)
}

/// Migrates the schema in one transaction. A lock makes instances that start together wait for each other. The lock ends with the
/// transaction, so that a pooler does not keep it.
pub(super) async fn migrate(connection: &mut PgConnection) -> Result<(), Failure> {
    let run = async {
        let mut transaction = connection.begin().await?;
        // The limits of the session are too short. But the server must release the lock if this connection breaks half way.
        let limits = format!(
            "set local statement_timeout = {}; set local lock_timeout = '15s'; \
             set local idle_in_transaction_session_timeout = '5s'",
            MIGRATION_LIMIT.as_millis()
        );
        sqlx::raw_sql(AssertSqlSafe(limits)).execute(&mut *transaction).await?;
        let lock = sqlx::query_scalar!(
            r#"select current_setting('server_encoding') as "encoding!" from pg_advisory_xact_lock($1)"#,
            MIGRATION_LOCK
        );
        if let Err(failure) = check_encoding(&lock.fetch_one(&mut *transaction).await?) {
            return Ok(Err(failure));
        }
        migrator().run_direct(None, &mut *transaction, false).await?;
        transaction.commit().await?;
        Ok::<_, MigrateError>(Ok(()))
    };
    run.await.unwrap_or_else(|error| {
        Err(match &error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Failure::of(error),
            MigrateError::VersionMismatch(_) => Failure::rejected(OTHER_MIGRATIONS),
            _ => Failure::rejected("migration"),
        })
    })
}
