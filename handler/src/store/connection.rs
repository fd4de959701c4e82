//! Lines to the database: an instance holds two at most, one to record and one to read (embedded: one for both).
//!
//! There is no pool. A line opens its connection when it is needed, keeps it, and opens another when it was lost or has
//! become old; a line that was lost in the middle of a statement is never used again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use sqlx::{Connection, PgConnection, migrate::MigrateError, postgres::PgConnectOptions};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use super::{Failure, entra::Tokens};
use crate::config::DatabaseConfig;

/// The name under which other users of a database see us.
const APPLICATION_NAME: &str = "footfall";

/// How long opening a connection may take, migrations not counted. A token has to be fetched in it, too.
const OPEN_LIMIT: Duration = Duration::from_secs(10);

/// How long one statement may take before its connection is given up.
const STATEMENT_LIMIT: Duration = Duration::from_secs(10);

/// How old a connection may become: an Entra token is checked at login only, and what it allowed should not outlive it.
pub const CONNECTION_LIFETIME: Duration = Duration::from_mins(30);

/// Any number that no other program takes: the transaction-level lock under which migrations run.
const MIGRATION_LOCK: i64 = 0x0F00_7FA1;

/// A database, and how to reach it.
pub struct Database {
    source: Source,
    migrated: OnceCell<()>,
}

enum Source {
    Server(Box<PgConnectOptions>),
    Entra(Box<PgConnectOptions>, Tokens),
    #[cfg(feature = "embedded")]
    Embedded(super::embedded::Embedded),
}

impl Database {
    /// Prepares to reach the database; only the embedded one is started here, others are not touched.
    ///
    /// # Errors
    /// If the embedded database can't be started, for example because another process uses its folder.
    pub async fn new(config: &DatabaseConfig) -> anyhow::Result<Arc<Self>> {
        let source = match config {
            DatabaseConfig::Server(options) => Source::Server(options.clone()),
            DatabaseConfig::Entra(options, identity) => Source::Entra(options.clone(), Tokens::new(identity.clone())),
            DatabaseConfig::Embedded(folder) => start_embedded(folder).await?,
        };
        Ok(Arc::new(Self { source, migrated: OnceCell::new() }))
    }

    /// The line to record with and the line to read with; one and the same if the database has only one.
    pub fn lines(self: &Arc<Self>) -> (Arc<Line>, Arc<Line>) {
        self.lines_that_last(CONNECTION_LIFETIME)
    }

    /// The same, with connections that are not used any more when they are older than this.
    pub fn lines_that_last(self: &Arc<Self>, lifetime: Duration) -> (Arc<Line>, Arc<Line>) {
        let recording = Arc::new(Line::new(self.clone(), lifetime));
        let reading = match self.source {
            Source::Server(_) | Source::Entra(..) => Arc::new(Line::new(self.clone(), lifetime)),
            #[cfg(feature = "embedded")]
            Source::Embedded(_) => recording.clone(),
        };
        (recording, reading)
    }

    /// Opens a connection; the first one also brings the schema up to date. Nothing has been sent to be applied yet, so
    /// whatever goes wrong may be tried again.
    async fn open(&self) -> Result<PgConnection, Failure> {
        let login = tokio::time::timeout(OPEN_LIMIT, self.log_in());
        let mut connection = login.await.map_err(|_| Failure::Lost("opening timed out".to_owned()))??;
        self.migrated.get_or_try_init(|| migrate(&mut connection)).await?;
        Ok(connection)
    }

    async fn log_in(&self) -> Result<PgConnection, Failure> {
        let options = match &self.source {
            Source::Server(options) => options.as_ref().clone(),
            Source::Entra(options, tokens) => options.as_ref().clone().password(&tokens.get().await?),
            #[cfg(feature = "embedded")]
            Source::Embedded(embedded) => embedded.options(),
        };
        PgConnection::connect_with(&options.application_name(APPLICATION_NAME)).await.map_err(|error| {
            let failure = Failure::of(&error);
            if let (Source::Entra(_, tokens), true) = (&self.source, failure.is_login()) {
                tokens.forget();
            }
            Failure::Lost(failure.code().to_owned())
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
#[expect(clippy::unused_async, reason = "its twin has something to wait for")]
async fn start_embedded(_: &std::path::Path) -> anyhow::Result<Source> {
    Err(anyhow::anyhow!("this build has no embedded PostgreSQL")).context("no database")
}

/// Brings the schema up to date, in one transaction. Instances that start together wait for each other by a lock that
/// ends with the transaction, so that a pooler in between does not keep it. A schema that is newer than this program is
/// left alone: migrations expand before they contract, so the previous version of the program goes on working on it.
async fn migrate(connection: &mut PgConnection) -> Result<(), Failure> {
    let run = async {
        let mut transaction = connection.begin().await?;
        sqlx::query!("select pg_advisory_xact_lock($1)", MIGRATION_LOCK).execute(&mut *transaction).await?;
        let mut migrator = sqlx::migrate!();
        migrator.set_locking(false).set_ignore_missing(true);
        migrator.run_direct(None, &mut *transaction, false).await?;
        transaction.commit().await?;
        Ok::<_, MigrateError>(())
    };
    run.await.map_err(|error| match &error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Failure::of(error),
        MigrateError::VersionMismatch(_) => Failure::Rejected("the schema was made by other migrations".to_owned()),
        _ => Failure::Rejected("migration".to_owned()),
    })
}

/// One connection, opened when needed and used by one statement at a time.
pub struct Line {
    // Dropped in this order: the embedded database waits, when it is stopped, until its connection has been closed.
    session: Mutex<Option<Session>>,
    database: Arc<Database>,
    lifetime: Duration,
}

struct Session {
    connection: PgConnection,
    opened: Instant,
}

impl Line {
    fn new(database: Arc<Database>, lifetime: Duration) -> Self {
        Self { session: Mutex::new(None), database, lifetime }
    }

    /// Opens the connection if it is not open, and asks the database for an answer.
    ///
    /// # Errors
    /// If it can't be reached, or its schema can't be brought up to date.
    pub async fn check(&self) -> Result<(), Failure> {
        let mut lease = self.lease().await?;
        let outcome = limited(lease.connection().ping()).await;
        lease.settle(outcome)
    }

    /// Takes the connection for one piece of work; opens it if need be. It comes back with [`Lease::settle`] only: whatever
    /// interrupts the work also ends the connection, and with it the transaction.
    pub(super) async fn lease(&self) -> Result<Lease<'_>, Failure> {
        let mut slot = self.session.lock().await;
        let session = match slot.take().filter(|session| session.opened.elapsed() < self.lifetime) {
            Some(session) => session,
            None => Session { connection: self.database.open().await?, opened: Instant::now() },
        };
        Ok(Lease { slot, session })
    }
}

/// The right to use a line's connection.
pub(super) struct Lease<'l> {
    slot: MutexGuard<'l, Option<Session>>,
    session: Session,
}

impl Lease<'_> {
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.session.connection
    }

    /// Gives the connection back, unless it was lost.
    pub(super) fn settle<T>(mut self, outcome: Result<T, Failure>) -> Result<T, Failure> {
        if !matches!(outcome, Err(Failure::Lost(_))) {
            *self.slot = Some(self.session);
        }
        outcome
    }
}

/// Waits for a statement as long as one may take.
pub(super) async fn limited<T>(work: impl Future<Output = sqlx::Result<T>>) -> Result<T, Failure> {
    tokio::time::timeout(STATEMENT_LIMIT, work)
        .await
        .map_err(|_| Failure::Lost("the statement timed out".to_owned()))?
        .map_err(|error| Failure::of(&error))
}
