//! Connections to the database. An instance has at most three: for recording, for reading, and for maintenance. The maintenance
//! connection is open only during a run. The embedded database has one connection for all.
//!
//! There is no pool. A connection opens on first use, and again after a loss. At the end of its lifetime the next one opens in the
//! background, while the old one still serves. A connection lost during a statement is never reused. Every operation has a time
//! limit, in the program and on the server.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use sqlx::{Connection as _, PgConnection};
use tokio::{
    sync::{Mutex, MutexGuard},
    task::JoinHandle,
};

use super::{
    Failure, StatementLimits,
    database::{Database, Opened},
    set_up::Origin,
};
use crate::domain::CountingMode;

/// The lifetime of a connection. The server checks an Entra token only at login, so a connection must not long outlive its token.
pub const CONNECTION_LIFETIME: Duration = Duration::from_mins(30);

/// The pause before a failed renewal is tried again, as a part of the lifetime.
const RENEWAL_PAUSE: u32 = 30;

/// How long cached knowledge of the data stays valid. So what the database has forgotten, such as fingerprints, also leaves the
/// memory of a process that runs for months.
const KNOWLEDGE_LIFETIME: Duration = Duration::from_hours(24);

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
    /// The opening of the next session.
    renewal: Option<JoinHandle<Result<Session, Failure>>>,
    /// The data that callers may have cached.
    knowledge: Option<Knowledge>,
    /// The number of knowledges until now.
    generation: u64,
}

/// The age and the origin of the data that callers may have cached.
struct Knowledge {
    origin: Origin,
    began: Instant,
}

struct Session {
    connection: PgConnection,
    origin: Origin,
    has_fixed_zone: bool,
    renew_at: Instant,
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
        let outcome =
            if checkout.is_new { Ok(()) } else { checkout.run(async |connection| connection.ping().await).await };
        checkout.release(outcome)
    }

    /// Closes the connection, unless it is shared. The next task opens a new session.
    pub async fn close(&self) {
        if self.database.accepts_one_connection() {
            return;
        }
        let mut slot = self.session.lock().await;
        slot.stop_renewal();
        if let Some(session) = slot.session.take() {
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
        let kept = slot.session.take();
        let is_new = kept.is_none();
        let session = if let Some(session) = kept {
            self.renewed(&mut slot, session).await?
        } else {
            slot.stop_renewal();
            open(self.database.clone(), self.limits, self.lifetime).await?
        };
        slot.meet(&session.origin);
        Ok(Checkout { owner: self, slot, session, is_new, sent: self.database.clock.machine_now() })
    }

    /// Returns the session, or its successor if that was opened meanwhile. Begins to open the successor at the end of the session's
    /// lifetime. The embedded database accepts no second session.
    async fn renewed(&self, slot: &mut Slot, mut session: Session) -> Result<Session, Failure> {
        if self.database.accepts_one_connection() || session.renew_at > Instant::now() {
            return Ok(session);
        }
        match slot.renewal.take() {
            None => {
                let opening = open(self.database.clone(), self.limits, self.lifetime);
                slot.renewal = Some(tokio::spawn(opening));
            }
            Some(renewal) if !renewal.is_finished() => slot.renewal = Some(renewal),
            Some(renewal) => match renewal.await.unwrap_or_else(|_| Err(Failure::lost("renewing"))) {
                Ok(successor) => return Ok(successor),
                // The session would count in another mode than the database.
                Err(failure @ Failure::ModeMismatch(_)) => return Err(failure),
                Err(failure) => {
                    session.renew_at = Instant::now() + self.lifetime / RENEWAL_PAUSE;
                    let sqlstate = failure.cause();
                    tracing::warn!(event = "not_renewed", %sqlstate, "a connection stays in use, because its successor failed: {failure}");
                }
            },
        }
        Ok(session)
    }
}

async fn open(database: Arc<Database>, limits: StatementLimits, lifetime: Duration) -> Result<Session, Failure> {
    let opened = database.open(limits).await.map_err(|failure| failure.at(&database.place))?;
    let Opened { connection, origin, has_fixed_zone } = opened;
    Ok(Session { connection, origin, has_fixed_zone, renew_at: Instant::now() + lifetime })
}

impl Slot {
    fn stop_renewal(&mut self) {
        if let Some(renewal) = self.renewal.take() {
            renewal.abort();
        }
    }

    /// Keeps the callers' knowledge of the data if the session has the same origin. This is sound, because callers only cache what
    /// they have seen committed. A server that lost a commit has restarted, recovered from a crash, or is another one, and then the
    /// origin differs. The loss of a connection loses no commit. Maintenance forgets salts whatever the session, so the statements
    /// of batches check them.
    fn meet(&mut self, origin: &Origin) {
        let is_known = |known: &Knowledge| known.origin == *origin && known.began.elapsed() < KNOWLEDGE_LIFETIME;
        if !self.knowledge.as_ref().is_some_and(is_known) {
            self.generation += 1;
            self.knowledge = Some(Knowledge { origin: origin.clone(), began: Instant::now() });
        }
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
    /// The number of the callers' knowledge of the data. Data cached under an earlier number may be invalid, because the server may be
    /// another one.
    pub fn generation(&self) -> u64 {
        self.slot.generation
    }

    /// Whether the time zone could not change any more when the session was opened.
    pub fn had_fixed_zone(&self) -> bool {
        self.session.has_fixed_zone
    }

    /// The counting mode that the session was opened with.
    pub(super) fn counting_mode(&self) -> &CountingMode {
        &self.owner.database.counting_mode
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
