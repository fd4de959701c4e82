//! Logs in to the database, and opens sessions that are ready for use.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};

use super::{
    Failure, StatementLimits,
    clock::DatabaseClock,
    entra::Tokens,
    migration::{MIGRATION_LIMIT, migrate},
    set_up::{Origin, SetUp, set_up},
};
use crate::{clock::Clock, config::DatabaseConfig, domain::CountingMode};

/// The name of the connection in `pg_stat_activity`.
const APPLICATION_NAME: &str = "footfall";

/// The time limit of a login, excluding the token request, and of the set-up that follows.
const LOGIN_LIMIT: Duration = Duration::from_secs(3);

/// A database and its connection options.
pub struct Database {
    source: Source,
    /// The name of the database in failures.
    pub(super) place: Arc<str>,
    pub(super) counting_mode: CountingMode,
    /// Whether a session was opened. Later sessions do not replace the stored counting mode, so that the process that started last
    /// decides.
    has_opened: AtomicBool,
    pub(super) clock: DatabaseClock,
}

/// A connection that was set up.
pub(super) struct Opened {
    pub(super) connection: PgConnection,
    pub(super) origin: Origin,
    /// Whether the time zone of the database can't change any more.
    pub(super) has_fixed_zone: bool,
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
        Ok(Arc::new(Self { source, place, counting_mode, has_opened: AtomicBool::new(false), clock }))
    }

    /// Whether the database accepts only one connection, which all tasks share then.
    pub(super) fn accepts_one_connection(&self) -> bool {
        match self.source {
            Source::Server(_) | Source::Entra(..) => false,
            #[cfg(feature = "embedded")]
            Source::Embedded(_) => true,
        }
    }

    /// Opens a connection, and migrates the schema if a migration is missing. No visits have been sent yet, so every failure can be
    /// retried.
    pub(super) async fn open(&self, limits: StatementLimits) -> Result<Opened, Failure> {
        let password = match &self.source {
            Source::Entra(_, tokens) => Some(tokens.get().await?),
            Source::Server(_) => None,
            #[cfg(feature = "embedded")]
            Source::Embedded(_) => None,
        };
        let mut connection = self.within(LOGIN_LIMIT, "logging in", self.log_in(password)).await?;
        if let SetUp::Ready { origin, has_fixed_zone, .. } = self.set_up(&mut connection, limits).await? {
            return Ok(Opened { connection, origin, has_fixed_zone });
        }
        self.within(MIGRATION_LIMIT, "migrating", migrate(&mut connection)).await?;
        match self.set_up(&mut connection, limits).await? {
            SetUp::Ready { origin, has_fixed_zone, .. } => Ok(Opened { connection, origin, has_fixed_zone }),
            SetUp::Outdated(failure) => Err(failure),
        }
    }

    async fn set_up(&self, connection: &mut PgConnection, limits: StatementLimits) -> Result<SetUp, Failure> {
        let sent = self.clock.machine_now();
        let set_up = set_up(connection, limits, &self.counting_mode, !self.has_opened.load(Ordering::Relaxed));
        let set_up = self.within(LOGIN_LIMIT, "setting up", set_up).await?;
        if let SetUp::Ready { clock_seconds, .. } = &set_up {
            self.has_opened.store(true, Ordering::Relaxed);
            self.clock.observe(*clock_seconds, sent);
        }
        Ok(set_up)
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
