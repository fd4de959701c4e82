//! Connections to the database. An instance has at most three: for recording, for reading, and for maintenance. The maintenance
//! connection is open only during a run. The embedded database has one connection for all.
//!
//! There is no pool. A connection opens on first use, and again after a loss or at the end of its lifetime. A connection lost
//! during a statement is never reused. Every operation has a time limit, in the program and on the server.

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

use super::{Failure, counting_mode, entra::Tokens};
use crate::domain::CountingMode;
use crate::{clock::Clock, config::DatabaseConfig};

/// The name of the connection in `pg_stat_activity`.
const APPLICATION_NAME: &str = "footfall";

/// The time limit of a login, excluding the token request.
const LOGIN_LIMIT: Duration = Duration::from_secs(3);

/// The same for the embedded database, whose first start initialises its files.
#[cfg(feature = "embedded")]
const EMBEDDED_LOGIN_LIMIT: Duration = Duration::from_secs(60);

/// The time limit of migrations, including the wait for other instances.
const MIGRATION_LIMIT: Duration = Duration::from_secs(20);

/// The lifetime of a connection. The server checks an Entra token only at login, so a connection must not long outlive its token.
pub const CONNECTION_LIFETIME: Duration = Duration::from_mins(30);

/// The tolerated difference to the database's clock. Beyond it, times are corrected by the database's clock.
pub const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(2);

/// The key of the advisory lock of migrations: an arbitrary number.
const MIGRATION_LOCK: i64 = 0x0F00_7FA1;

/// The time limits of a connection's statements.
#[derive(Clone, Copy, Debug)]
pub struct StatementLimits {
    /// The limit of a statement, on the server. The program waits a little longer before it closes the connection.
    pub statement: Duration,
    /// The limit of waiting for a lock, on the server.
    pub lock: Duration,
}

impl StatementLimits {
    /// For requests. The limit fits twice into the time limit of a request, so that a stalled statement can be retried once.
    pub const FOR_REQUESTS: Self = Self { statement: Duration::from_millis(1800), lock: Duration::from_secs(1) };

    /// For imports, whose batches contain thousands of lines.
    pub const FOR_IMPORTS: Self = Self { statement: Duration::from_secs(20), lock: Duration::from_secs(10) };

    /// For maintenance, which yields to other work. It mostly waits for batches that began before a set was detached, and does
    /// not block them.
    pub const FOR_MAINTENANCE: Self = Self { statement: Duration::from_secs(10), lock: Duration::from_secs(2) };

    /// The time to wait for a response before the connection is closed.
    fn response(self) -> Duration {
        self.statement + Duration::from_millis(200)
    }

    /// Settings of the session, as a statement because poolers reject start-up parameters. Plans are made once, so they must not
    /// depend on the size of a table at that time. With seqscan off, unavoidable scans look expensive enough to trigger JIT, which
    /// takes far longer than the query.
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

/// A database and its connection options.
pub struct Database {
    source: Source,
    counting_mode: CountingMode,
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
        Ok(Arc::new(Self { source, counting_mode, clock, migrated: OnceCell::new() }))
    }

    /// Returns one connection per limit. The embedded database returns the same connection for all, with the first limits.
    pub fn connections<const N: usize>(self: &Arc<Self>, limits: [StatementLimits; N]) -> [Arc<Connection>; N] {
        self.connections_that_last(CONNECTION_LIFETIME, limits)
    }

    /// Like [`Database::connections`], with another lifetime.
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

    /// Opens a connection; the first connection also migrates the schema. No visits have been sent yet, so every failure can be
    /// retried.
    async fn open(&self, limits: StatementLimits) -> Result<(PgConnection, f64), Failure> {
        let password = match &self.source {
            Source::Entra(_, tokens) => Some(tokens.get().await?),
            Source::Server(_) => None,
            #[cfg(feature = "embedded")]
            Source::Embedded(_) => None,
        };
        let mut connection = within(self.login_limit(), "logging in", self.log_in(password)).await?;
        self.migrated.get_or_try_init(|| within(MIGRATION_LIMIT, "migrating", migrate(&mut connection))).await?;
        let set_up = async {
            let settings = sqlx::raw_sql(AssertSqlSafe(limits.settings())).execute(&mut connection).await;
            settings.map_err(|error| Failure::of(&error))?;
            counting_mode::check(&mut connection, &self.counting_mode).await
        };
        let clock_seconds = within(LOGIN_LIMIT, "setting up", set_up).await?;
        Ok((connection, clock_seconds))
    }

    fn login_limit(&self) -> Duration {
        match self.source {
            Source::Server(_) | Source::Entra(..) => LOGIN_LIMIT,
            #[cfg(feature = "embedded")]
            Source::Embedded(_) => EMBEDDED_LOGIN_LIMIT,
        }
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
        PgConnection::connect_with(&options).await.map_err(|error| {
            let failure = Failure::of(&error);
            if let (Source::Entra(_, tokens), true) = (&self.source, failure.is_login()) {
                tokens.forget();
            }
            Failure::Lost(failure.cause())
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
        sqlx::query!("select pg_advisory_xact_lock($1)", MIGRATION_LOCK).execute(&mut *transaction).await?;
        let mut migrator = sqlx::migrate!();
        migrator.set_locking(false).set_ignore_missing(true);
        migrator.run_direct(None, &mut *transaction, false).await?;
        transaction.commit().await?;
        Ok::<_, MigrateError>(())
    };
    run.await.map_err(|error| match &error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Failure::of(error),
        MigrateError::VersionMismatch(_) => Failure::rejected("the schema was created by other migrations"),
        _ => Failure::rejected("migration"),
    })
}

async fn within<T>(
    limit: Duration,
    operation: &str,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::time::timeout(limit, work).await.map_err(|_| Failure::lost(format!("{operation} timed out")))?
}

/// One connection, opened on demand and used for one task at a time.
pub struct Connection {
    // Fields drop in this order: the embedded database can stop only after its connection was closed.
    session: Mutex<Slot>,
    database: Arc<Database>,
    limits: StatementLimits,
    lifetime: Duration,
    /// Whether all callers share this connection, because the database accepts only one.
    is_shared: bool,
    /// How far the database's clock is ahead of ours, in milliseconds.
    clock_offset_ms: AtomicI64,
}

#[derive(Default)]
struct Slot {
    session: Option<Session>,
    /// The number of sessions until now.
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

    /// Opens the connection if needed, and pings the database.
    ///
    /// # Errors
    /// If the database is unavailable, or its schema can't be migrated.
    pub async fn check(&self) -> Result<(), Failure> {
        let mut checkout = self.checkout().await?;
        let outcome = checkout.run(async |connection| connection.ping().await).await;
        checkout.release(outcome)
    }

    /// Closes the connection, unless it is shared. The next task opens a new session.
    pub async fn close(&self) {
        if self.is_shared {
            return;
        }
        if let Some(session) = self.session.lock().await.session.take() {
            // If the goodbye times out, the server notices the closed socket.
            let _ = tokio::time::timeout(Duration::from_secs(1), session.connection.close()).await;
        }
    }

    /// The time by the database's clock, as last observed.
    pub fn now(&self) -> Timestamp {
        self.correct(self.database.clock.now())
    }

    /// Converts a time of this machine's clock to the database's clock, so that all instances count into the same days.
    pub fn correct(&self, at: Timestamp) -> Timestamp {
        let offset = SignedDuration::from_millis(self.clock_offset_ms.load(Ordering::Relaxed));
        if offset.abs() <= CLOCK_TOLERANCE { at } else { at.checked_add(offset).unwrap_or(at) }
    }

    /// Takes the connection for one task, and opens it if needed. Only [`Checkout::release`] returns the connection: an interrupted
    /// task closes the connection, and with it the transaction.
    ///
    /// # Errors
    /// If the connection can't be opened.
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
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 are far below 2^53")]
        let database_ms = (database_seconds * 1000.0) as i64;
        let offset_ms = database_ms - self.database.clock.now().as_millisecond();
        let before_ms = self.clock_offset_ms.swap(offset_ms, Ordering::Relaxed);
        let differs = |offset_ms: i64| i128::from(offset_ms).abs() > CLOCK_TOLERANCE.as_millis();
        if differs(offset_ms) && !differs(before_ms) {
            tracing::warn!(
                event = "clock_differs",
                offset_ms,
                "clock differs from the database's; using the database's"
            );
        }
    }
}

/// Exclusive use of a connection.
pub struct Checkout<'c> {
    owner: &'c Connection,
    slot: MutexGuard<'c, Slot>,
    session: Session,
}

impl Checkout<'_> {
    /// The number of this session. Data cached in an earlier session may be invalid, because the server may be another one.
    pub fn generation(&self) -> u64 {
        self.slot.generation
    }

    /// Runs statements within the time limit.
    pub(super) async fn run<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut PgConnection) -> sqlx::Result<T>,
    ) -> Result<T, Failure> {
        tokio::time::timeout(self.owner.limits.response(), work(&mut self.session.connection))
            .await
            .map_err(|_| Failure::lost("the statement timed out"))?
            .map_err(|error| Failure::of(&error))
    }

    /// Call this whenever the database has returned its time.
    pub(super) fn observe_clock(&self, database_seconds: f64) {
        self.owner.observe_clock(database_seconds);
    }

    /// Returns the connection, unless it was lost.
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
