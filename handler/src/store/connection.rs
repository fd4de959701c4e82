//! Connections to the database. An instance has at most three: for recording, for reading, and for maintenance. The maintenance
//! connection is open only during a run. The embedded database has one connection for all.
//!
//! There is no pool. A connection opens on first use, and again after a loss or at the end of its lifetime. A connection lost
//! during a statement is never reused. Every operation has a time limit, in the program and on the server.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use sqlx::{Connection as _, PgConnection};
use tokio::sync::{Mutex, MutexGuard};

use super::{Failure, StatementLimits, database::Database};

/// The lifetime of a connection. The server checks an Entra token only at login, so a connection must not long outlive its token.
pub const CONNECTION_LIFETIME: Duration = Duration::from_mins(30);

impl Database {
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
        let connection = |limits| Arc::new(Connection::new(self.clone(), limits, lifetime));
        if self.accepts_one_connection() {
            let only = connection(limits[0]);
            return limits.map(|_| only.clone());
        }
        limits.map(connection)
    }
}

/// One connection, opened on demand and used for one task at a time.
pub struct Connection {
    // Fields drop in this order: the embedded database can stop only after its connection was closed.
    session: Mutex<Slot>,
    database: Arc<Database>,
    limits: StatementLimits,
    lifetime: Duration,
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
    fn new(database: Arc<Database>, limits: StatementLimits, lifetime: Duration) -> Self {
        Self { session: Mutex::default(), database, limits, lifetime }
    }

    /// Opens the connection, or pings the database over the open one.
    ///
    /// # Errors
    /// If the database is unavailable, or its schema can't be migrated.
    pub async fn check(&self) -> Result<(), Failure> {
        let mut checkout = self.checkout().await?;
        // A new connection has just had a response.
        let outcome = if checkout.is_new {
            Ok(())
        } else {
            checkout.run(async |connection| connection.ping().await).await
        };
        checkout.release(outcome)
    }

    /// Closes the connection, unless it is shared. The next task opens a new session.
    pub async fn close(&self) {
        if self.database.accepts_one_connection() {
            return;
        }
        if let Some(session) = self.session.lock().await.session.take() {
            // If the goodbye times out, the server notices the closed socket.
            let _ = tokio::time::timeout(Duration::from_secs(1), session.connection.close()).await;
        }
    }

    /// The time by the database's clock, as any connection last observed it.
    pub fn now(&self) -> Timestamp {
        self.database.clock.now()
    }

    /// Converts a time of this machine's clock to the database's clock, so that all instances count into the same days.
    pub fn correct(&self, at: Timestamp) -> Timestamp {
        self.database.clock.correct(at)
    }

    /// Takes the connection for one task, and opens it if needed. Only [`Checkout::release`] returns the connection: an interrupted
    /// task closes the connection, and with it the transaction.
    ///
    /// # Errors
    /// If the connection can't be opened.
    pub async fn checkout(&self) -> Result<Checkout<'_>, Failure> {
        let mut slot = self.session.lock().await;
        let kept = slot.session.take().filter(|session| session.opened.elapsed() < self.lifetime);
        let is_new = kept.is_none();
        let session = if let Some(session) = kept {
            session
        } else {
            let opened = self.database.open(self.limits).await;
            let (connection, _) = opened.map_err(|failure| failure.at(&self.database.place))?;
            slot.generation += 1;
            Session { connection, opened: Instant::now() }
        };
        Ok(Checkout { owner: self, slot, session, is_new, sent: self.database.clock.machine_now() })
    }
}

/// Exclusive use of a connection.
pub struct Checkout<'c> {
    owner: &'c Connection,
    slot: MutexGuard<'c, Slot>,
    session: Session,
    /// Whether the session was opened for this checkout.
    is_new: bool,
    /// When the last statements were sent, by this machine's clock.
    sent: Timestamp,
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
        self.sent = self.owner.database.clock.machine_now();
        let outcome = match tokio::time::timeout(self.owner.limits.response(), work(&mut self.session.connection)).await
        {
            Ok(outcome) => outcome.map_err(|error| Failure::of(&error)),
            Err(_) => Err(Failure::lost("the statement timed out")),
        };
        outcome.map_err(|failure| failure.at(&self.owner.database.place))
    }

    /// Call this whenever the last statements have returned the database's time.
    pub(super) fn observe_clock(&self, database_seconds: f64) {
        self.owner.database.clock.observe(database_seconds, self.sent);
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
