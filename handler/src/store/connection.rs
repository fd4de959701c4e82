//! Connections to the database: an instance holds three at most, one to record, one to read, and one for maintenance that is open
//! only while it works (embedded: one for all).
//!
//! There is no pool. A connection opens when it is needed, is kept, and is opened anew when it was lost or has become old; one
//! that was lost in the middle of a statement is never used again. Everything has a limit, here and on the server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, migrate::MigrateError,
    postgres::PgConnectOptions,
};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use super::{Failure, entra::Tokens, foundation};
use crate::domain::CountingMode;
use crate::{clock::Clock, config::DatabaseConfig};

/// The name under which other users of a database see us.
const APPLICATION_NAME: &str = "footfall";

/// How long logging in may take, without the token, which has a limit of its own.
const LOGIN_LIMIT: Duration = Duration::from_secs(3);

/// How long bringing the schema up to date may take, waiting for others who do it included.
const MIGRATION_LIMIT: Duration = Duration::from_secs(20);

/// How old a connection may become: an Entra token is checked at login only, and what it allowed should not outlive it.
pub const CONNECTION_LIFETIME: Duration = Duration::from_mins(30);

/// By how much our clock and the database's may differ before the database's is believed.
pub const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(2);

/// Any number that no other program takes: the transaction-level lock under which migrations run.
const MIGRATION_LOCK: i64 = 0x0F00_7FA1;

/// How long a connection's work may take.
#[derive(Clone, Copy, Debug)]
pub struct StatementLimits {
    /// A statement, on the server. Here it may take a little longer before the connection is given up.
    pub statement: Duration,
    /// Waiting for a lock, on the server.
    pub lock: Duration,
}

impl StatementLimits {
    /// While somebody waits for an answer: twice fits into the time that a request may take, so that a statement that stalled is
    /// tried again within it.
    pub const FOR_REQUESTS: Self = Self { statement: Duration::from_millis(1800), lock: Duration::from_secs(1) };

    /// For an import, whose batches hold thousands of lines and whose reader is patient.
    pub const FOR_IMPORTS: Self = Self { statement: Duration::from_secs(20), lock: Duration::from_secs(10) };

    /// For maintenance, which gives way to everybody else. What it waits for most are batches that had begun before a set was
    /// detached, and these it does not hold up.
    pub const FOR_MAINTENANCE: Self = Self { statement: Duration::from_secs(10), lock: Duration::from_secs(2) };

    /// How long to wait for an answer before the connection is given up.
    fn answer(self) -> Duration {
        self.statement + Duration::from_millis(200)
    }

    /// Settings of the session. A statement of its own and no start-up parameter: poolers refuse those. Plans are made once, and
    /// must not rest on how small a table was at that time. A plan that has to read a whole table all the same looks so dear then that
    /// the server would compile it to machine code, which takes many times as long as the statement.
    fn settings(self) -> String {
        format!(
            "set statement_timeout = {}; set lock_timeout = {}; set idle_in_transaction_session_timeout = {}; \
             set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set jit = off",
            self.statement.as_millis(),
            self.lock.as_millis(),
            self.statement.as_millis()
        )
    }
}

/// A database, and how to reach it.
pub struct Database {
    source: Source,
    foundation: CountingMode,
    clock: Clock,
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
    pub async fn new(config: &DatabaseConfig, foundation: CountingMode, clock: Clock) -> anyhow::Result<Arc<Self>> {
        let source = match config {
            DatabaseConfig::Server(options) => Source::Server(options.clone()),
            DatabaseConfig::Entra(options, identity) => Source::Entra(options.clone(), Tokens::new(identity.clone())),
            DatabaseConfig::Embedded(folder) => start_embedded(folder).await?,
        };
        Ok(Arc::new(Self { source, foundation, clock, migrated: OnceCell::new() }))
    }

    /// One connection for each of these limits; the same one for all, with the first limits, if the database takes only one.
    pub fn connections<const N: usize>(self: &Arc<Self>, limits: [StatementLimits; N]) -> [Arc<Connection>; N] {
        self.connections_that_last(CONNECTION_LIFETIME, limits)
    }

    /// The same, with connections that are not used any more when they are older than this.
    pub fn connections_that_last<const N: usize>(
        self: &Arc<Self>,
        lifetime: Duration,
        limits: [StatementLimits; N],
    ) -> [Arc<Connection>; N] {
        let connection = |limits, is_shared| Arc::new(Connection::new(self.clone(), limits, lifetime, is_shared));
        match self.source {
            Source::Server(_) | Source::Entra(..) => limits.map(|limits| connection(limits, false)),
            #[cfg(feature = "embedded")]
            Source::Embedded(_) => {
                let only = connection(limits[0], true);
                limits.map(|_| only.clone())
            }
        }
    }

    /// Opens a connection; the first one also brings the schema up to date. Nothing has been sent to be applied yet, so
    /// whatever goes wrong may be tried again.
    async fn open(&self, limits: StatementLimits) -> Result<(PgConnection, f64), Failure> {
        let password = match &self.source {
            Source::Entra(_, tokens) => Some(tokens.get().await?),
            Source::Server(_) => None,
            #[cfg(feature = "embedded")]
            Source::Embedded(_) => None,
        };
        let mut connection = within(LOGIN_LIMIT, "logging in", self.log_in(password)).await?;
        self.migrated.get_or_try_init(|| within(MIGRATION_LIMIT, "migrating", migrate(&mut connection))).await?;
        let set_up = async {
            let settings = sqlx::raw_sql(AssertSqlSafe(limits.settings())).execute(&mut connection).await;
            settings.map_err(|error| Failure::of(&error))?;
            foundation::check(&mut connection, &self.foundation).await
        };
        let clock_seconds = within(LOGIN_LIMIT, "setting up", set_up).await?;
        Ok((connection, clock_seconds))
    }

    async fn log_in(&self, password: Option<String>) -> Result<PgConnection, Failure> {
        let options = match &self.source {
            Source::Server(options) => options.as_ref().clone(),
            Source::Entra(options, _) => options.as_ref().clone().password(&password.unwrap_or_default()),
            #[cfg(feature = "embedded")]
            Source::Embedded(embedded) => embedded.options(),
        };
        // What is slow, the recorder's and the reader's lines tell; the library's would quote the statement.
        let options = options.application_name(APPLICATION_NAME).disable_statement_logging();
        PgConnection::connect_with(&options).await.map_err(|error| {
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
        // If this connection is cut off half way, the server must not keep the lock.
        let limits = "set local idle_in_transaction_session_timeout = '5s'; set local lock_timeout = '15s'";
        sqlx::raw_sql(limits).execute(&mut *transaction).await?;
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

async fn within<T>(limit: Duration, what: &str, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::time::timeout(limit, work).await.map_err(|_| Failure::Lost(format!("{what} timed out")))?
}

/// One connection, opened when needed and used for one piece of work at a time.
pub struct Connection {
    // Dropped in this order: the embedded database waits, when it is stopped, until its connection has been closed.
    session: Mutex<Slot>,
    database: Arc<Database>,
    limits: StatementLimits,
    lifetime: Duration,
    /// Whether it is the only one that the database takes, and others use it, too.
    is_shared: bool,
    /// How far the database's clock is ahead of ours, in milliseconds.
    clock_offset_ms: AtomicI64,
}

#[derive(Default)]
struct Slot {
    session: Option<Session>,
    /// How many sessions there have been.
    generation: u64,
}

struct Session {
    connection: PgConnection,
    opened: Instant,
}

impl Connection {
    fn new(database: Arc<Database>, limits: StatementLimits, lifetime: Duration, is_shared: bool) -> Self {
        Self { session: Mutex::default(), database, limits, lifetime, is_shared, clock_offset_ms: AtomicI64::new(0) }
    }

    /// Opens the connection if it is not open, and asks the database for an answer.
    ///
    /// # Errors
    /// If it can't be reached, or its schema can't be brought up to date.
    pub async fn check(&self) -> Result<(), Failure> {
        let mut checkout = self.checkout().await?;
        let outcome = checkout.run(async |connection| connection.ping().await).await;
        checkout.release(outcome)
    }

    /// Closes the connection, if it is open and nobody else uses it; the next piece of work opens another.
    pub async fn close(&self) {
        if self.is_shared {
            return;
        }
        if let Some(session) = self.session.lock().await.session.take() {
            // Whoever can't be told in a moment finds out.
            let _ = tokio::time::timeout(Duration::from_secs(1), session.connection.close()).await;
        }
    }

    /// The time by the database's clock, as far as it is known.
    pub fn now(&self) -> Timestamp {
        self.correct(self.database.clock.now())
    }

    /// What the database's clock showed when ours showed `at`. Instances whose clocks differ count into the same days by it.
    pub fn correct(&self, at: Timestamp) -> Timestamp {
        let offset = SignedDuration::from_millis(self.clock_offset_ms.load(Ordering::Relaxed));
        if offset.abs() <= CLOCK_TOLERANCE { at } else { at.checked_add(offset).unwrap_or(at) }
    }

    /// Takes the connection for one piece of work; opens it if need be. It comes back with [`Checkout::release`] only: whatever
    /// interrupts the work also ends the connection, and with it the transaction.
    ///
    /// # Errors
    /// If it can't be opened.
    pub async fn checkout(&self) -> Result<Checkout<'_>, Failure> {
        let mut slot = self.session.lock().await;
        let kept = slot.session.take().filter(|session| session.opened.elapsed() < self.lifetime);
        let session = if let Some(session) = kept {
            session
        } else {
            let (connection, clock_seconds) = self.database.open(self.limits).await?;
            slot.generation += 1;
            self.observe_clock(clock_seconds);
            Session { connection, opened: Instant::now() }
        };
        Ok(Checkout { owner: self, slot, session })
    }

    fn observe_clock(&self, database_seconds: f64) {
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds of the years to come are far below 2^53")]
        let database_ms = (database_seconds * 1000.0) as i64;
        let offset_ms = database_ms - self.database.clock.now().as_millisecond();
        let before_ms = self.clock_offset_ms.swap(offset_ms, Ordering::Relaxed);
        let differs = |offset_ms: i64| i128::from(offset_ms).abs() > CLOCK_TOLERANCE.as_millis();
        if differs(offset_ms) && !differs(before_ms) {
            tracing::warn!(
                event = "clock_differs",
                offset_ms,
                "this machine's clock differs from the database's, which is believed"
            );
        }
    }
}

/// The right to use a connection.
pub struct Checkout<'c> {
    owner: &'c Connection,
    slot: MutexGuard<'c, Slot>,
    session: Session,
}

impl Checkout<'_> {
    /// Which of the sessions that the connection has had this is: what was learnt over an earlier one may not hold any more,
    /// because it may have been another server.
    pub fn generation(&self) -> u64 {
        self.slot.generation
    }

    /// Runs statements, as long as one may take.
    pub(super) async fn run<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut PgConnection) -> sqlx::Result<T>,
    ) -> Result<T, Failure> {
        tokio::time::timeout(self.owner.limits.answer(), work(&mut self.session.connection))
            .await
            .map_err(|_| Failure::Lost("the statement timed out".to_owned()))?
            .map_err(|error| Failure::of(&error))
    }

    /// To be told whenever the database has said what time it is.
    pub(super) fn observe_clock(&self, database_seconds: f64) {
        self.owner.observe_clock(database_seconds);
    }

    /// Gives the connection back, unless it was lost.
    ///
    /// # Errors
    /// Those of the outcome.
    pub fn release<T>(mut self, outcome: Result<T, Failure>) -> Result<T, Failure> {
        if !matches!(outcome, Err(Failure::Lost(_))) {
            self.slot.session = Some(self.session);
        }
        outcome
    }
}
