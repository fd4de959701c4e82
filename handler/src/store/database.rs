//! Logs in to the database, migrates its schema and checks its counting mode.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, migrate::MigrateError,
    postgres::PgConnectOptions,
};
use tokio::sync::OnceCell;

use super::{Failure, StatementLimits, clock::DatabaseClock, counting_mode, entra::Tokens};
use crate::{clock::Clock, config::DatabaseConfig, domain::CountingMode};

/// The name of the connection in `pg_stat_activity`.
const APPLICATION_NAME: &str = "footfall";

/// The time limit of a login, excluding the token request.
const LOGIN_LIMIT: Duration = Duration::from_secs(3);

/// The time limit of migrations, including the wait for other instances.
const MIGRATION_LIMIT: Duration = Duration::from_secs(20);

/// The failure of a database that can't store every path and name.
const NOT_UNICODE: &str = "its encoding is not UTF8: create the database with encoding UTF8";

/// The key of the advisory lock of migrations: an arbitrary number.
const MIGRATION_LOCK: i64 = 0x0F00_7FA1;

/// A database and its connection options.
pub struct Database {
    source: Source,
    /// The name of the database in failures.
    pub(super) place: Arc<str>,
    counting_mode: CountingMode,
    pub(super) clock: DatabaseClock,
    migrated: OnceCell<()>,
}

enum Source {
    Server(Box<PgConnectOptions>),
    Entra(Box<PgConnectOptions>, Tokens),
    #[cfg(feature = "embedded")]
    Embedded(super::embedded::Embedded),
}

impl Database {
    /// Prepares connections to the database. Starts an embedded database; does not connect to a server.
    ///
    /// # Errors
    /// If the embedded database can't be started, for example because another process uses its folder.
    pub async fn new(config: &DatabaseConfig, counting_mode: CountingMode, clock: Clock) -> anyhow::Result<Arc<Self>> {
        let source = match config {
            DatabaseConfig::Server(options) => Source::Server(options.clone()),
            DatabaseConfig::Entra(options, identity) => Source::Entra(options.clone(), Tokens::new(identity.clone())),
            DatabaseConfig::Embedded(folder) => start_embedded(folder).await?,
        };
        let (place, clock) = (config.place().into(), DatabaseClock::new(clock));
        Ok(Arc::new(Self { source, place, counting_mode, clock, migrated: OnceCell::new() }))
    }

    /// Whether the database accepts only one connection, which all tasks share then.
    pub(super) fn accepts_one_connection(&self) -> bool {
        match self.source {
            Source::Server(_) | Source::Entra(..) => false,
            #[cfg(feature = "embedded")]
            Source::Embedded(_) => true,
        }
    }

    /// Opens a connection; the first connection also migrates the schema. No visits have been sent yet, so every failure can be
    /// retried.
    pub(super) async fn open(&self, limits: StatementLimits) -> Result<PgConnection, Failure> {
        let password = match &self.source {
            Source::Entra(_, tokens) => Some(tokens.get().await?),
            Source::Server(_) => None,
            #[cfg(feature = "embedded")]
            Source::Embedded(_) => None,
        };
        let mut connection = self.within(LOGIN_LIMIT, "logging in", self.log_in(password)).await?;
        self.migrated.get_or_try_init(|| self.within(MIGRATION_LIMIT, "migrating", migrate(&mut connection))).await?;
        let set_up = async {
            let settings = sqlx::raw_sql(AssertSqlSafe(limits.settings())).execute(&mut connection).await;
            settings.map_err(|error| Failure::of(&error))?;
            let sent = self.clock.machine_now();
            let seconds = counting_mode::check(&mut connection, &self.counting_mode).await?;
            self.clock.observe(seconds, sent);
            Ok(())
        };
        self.within(LOGIN_LIMIT, "setting up", set_up).await?;
        Ok(connection)
    }

    /// Does a step of opening a connection within its time limit. The embedded database has no limit: it runs in this process, its
    /// first start creates its files, and a second attempt would wait for the first one.
    async fn within<T>(
        &self,
        limit: Duration,
        operation: &str,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        if self.accepts_one_connection() {
            return work.await;
        }
        tokio::time::timeout(limit, work).await.map_err(|_| Failure::lost(format!("{operation} timed out")))?
    }

    async fn log_in(&self, password: Option<String>) -> Result<PgConnection, Failure> {
        let options = match &self.source {
            Source::Server(options) => options.as_ref().clone(),
            Source::Entra(options, _) => options.as_ref().clone().password(&password.unwrap_or_default()),
            #[cfg(feature = "embedded")]
            Source::Embedded(embedded) => embedded.options(),
        };
        // The recorder and the reader log durations. Logging by sqlx would quote statements.
        let options = options.application_name(APPLICATION_NAME).disable_statement_logging();
        // PgBouncer rejects this parameter. Floating-point numbers are sent in binary, so they need no digits.
        let options = options.extra_float_digits(None);
        PgConnection::connect_with(&options).await.map_err(|error| {
            let failure = Failure::of(&error);
            if let (Source::Entra(_, tokens), true) = (&self.source, failure.is_login()) {
                tokens.forget();
            }
            failure.into_lost()
        })
    }
}

#[cfg(feature = "embedded")]
async fn start_embedded(folder: &std::path::Path) -> anyhow::Result<Source> {
    let folder = folder.to_owned();
    let started = tokio::task::spawn_blocking(move || super::embedded::Embedded::start(&folder)).await;
    Ok(Source::Embedded(started.context("the embedded PostgreSQL panicked while it started")??))
}

#[cfg(not(feature = "embedded"))]
#[expect(clippy::unused_async, reason = "async to match the `embedded` version")]
async fn start_embedded(_: &std::path::Path) -> anyhow::Result<Source> {
    Err(anyhow::anyhow!("this build has no embedded PostgreSQL")).context("no database")
}

/// Migrates the schema in one transaction. A lock makes instances that start together wait for each other. The lock ends with the
/// transaction, so that a pooler does not keep it. A newer schema is left unchanged: migrations expand before they contract, so
/// the previous version of the program works with it.
async fn migrate(connection: &mut PgConnection) -> Result<(), Failure> {
    let run = async {
        let mut transaction = connection.begin().await?;
        // The server must release the lock if this connection breaks half way.
        let limits = "set local idle_in_transaction_session_timeout = '5s'; set local lock_timeout = '15s'";
        sqlx::raw_sql(limits).execute(&mut *transaction).await?;
        let lock = sqlx::query_scalar!(
            r#"select current_setting('server_encoding') as "encoding!" from pg_advisory_xact_lock($1)"#,
            MIGRATION_LOCK
        );
        if lock.fetch_one(&mut *transaction).await? != "UTF8" {
            return Ok(Err(Failure::rejected(NOT_UNICODE)));
        }
        let mut migrator = sqlx::migrate!();
        migrator.set_locking(false).set_ignore_missing(true);
        migrator.run_direct(None, &mut *transaction, false).await?;
        transaction.commit().await?;
        Ok::<_, MigrateError>(Ok(()))
    };
    run.await.unwrap_or_else(|error| {
        Err(match &error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Failure::of(error),
            MigrateError::VersionMismatch(_) => Failure::rejected("the schema was created by other migrations"),
            _ => Failure::rejected("migration"),
        })
    })
}
