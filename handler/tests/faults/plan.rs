//! The faults, and a plan of them from a seed.

use std::time::Duration;

use crate::random::Random;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    HandlerKilled,
    HandlerStopped,
    RequestLost,
    ResponseLost,
    RequestLate,
    ResponsesLate,
    ConnectionsBroken,
    ConnectionsRefused,
    ConnectionsSilent,
    BlackHole,
    ResponsesWithheld,
    LockHeld,
    StatementsCancelled,
    SessionsTerminated,
    ImportKilled,
    PoolerKilled,
    ServerStopped,
    ServerKilled,
    ServerFrozen,
    BackendKilled,
    DiskFull,
    ReadOnly,
    NoSlots,
    WorkerStopped,
    WorkerKilled,
    WorkerFrozen,
    WorkerSessionsTerminated,
}

/// The target of a fault, so that a plan has only those that are possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// One handler, or sessions of this database.
    Database,
    /// The pooler in front of the first handler.
    Pooler,
    /// The whole server, also of other databases.
    Server,
    /// One worker of a cluster, which the coordinator needs for the sets.
    Worker,
}

impl Kind {
    pub(crate) const ALL: [Self; 27] = [
        Self::HandlerKilled,
        Self::HandlerStopped,
        Self::RequestLost,
        Self::ResponseLost,
        Self::RequestLate,
        Self::ResponsesLate,
        Self::ConnectionsBroken,
        Self::ConnectionsRefused,
        Self::ConnectionsSilent,
        Self::BlackHole,
        Self::ResponsesWithheld,
        Self::LockHeld,
        Self::StatementsCancelled,
        Self::SessionsTerminated,
        Self::ImportKilled,
        Self::PoolerKilled,
        Self::ServerStopped,
        Self::ServerKilled,
        Self::ServerFrozen,
        Self::BackendKilled,
        Self::DiskFull,
        Self::ReadOnly,
        Self::NoSlots,
        Self::WorkerStopped,
        Self::WorkerKilled,
        Self::WorkerFrozen,
        Self::WorkerSessionsTerminated,
    ];

    pub(crate) const fn reach(self) -> Reach {
        match self {
            Self::PoolerKilled => Reach::Pooler,
            Self::ServerStopped
            | Self::ServerKilled
            | Self::ServerFrozen
            | Self::BackendKilled
            | Self::DiskFull
            | Self::ReadOnly
            | Self::NoSlots => Reach::Server,
            Self::WorkerStopped | Self::WorkerKilled | Self::WorkerFrozen | Self::WorkerSessionsTerminated => {
                Reach::Worker
            }
            _ => Reach::Database,
        }
    }

    /// The fault in words, and the moment that counts as its end.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::HandlerKilled => "a handler is killed (SIGKILL); the end is its next start",
            Self::HandlerStopped => "a handler is stopped (SIGSTOP) and continued",
            Self::RequestLost => "the connection breaks before a statement arrives",
            Self::ResponseLost => "the connection breaks after a commit, before the response",
            Self::RequestLate => "one statement arrives late, often after it was sent again",
            Self::ResponsesLate => "all responses of the database are late",
            Self::ConnectionsBroken => "all connections of a handler break once",
            Self::ConnectionsRefused => "connections break, and new ones are refused",
            Self::ConnectionsSilent => "open connections become silent; the end is at once, because new ones work",
            Self::BlackHole => "nothing passes between a handler and its database",
            Self::ResponsesWithheld => "statements pass and commit, and responses do not",
            Self::LockHeld => "another session holds a lock on a table or on rows",
            Self::StatementsCancelled => "statements are cancelled (`pg_cancel_backend`)",
            Self::SessionsTerminated => "sessions are terminated (`pg_terminate_backend`)",
            Self::ImportKilled => "an import is killed in the middle and started again",
            Self::PoolerKilled => "PgBouncer is killed; the end is its next start",
            Self::ServerStopped => "PostgreSQL stops at once and recovers",
            Self::ServerKilled => "all processes of PostgreSQL are killed (SIGKILL); it recovers",
            Self::ServerFrozen => "all processes of PostgreSQL are stopped (SIGSTOP) and continued",
            Self::BackendKilled => "one backend is killed (SIGKILL), so PostgreSQL ends all sessions and recovers",
            Self::DiskFull => "the disk of PostgreSQL is full, and it needs a new log file",
            Self::ReadOnly => "the database accepts no writes (`default_transaction_read_only`)",
            Self::NoSlots => "no connection slot is free",
            Self::WorkerStopped => "a worker stops at once and recovers",
            Self::WorkerKilled => "all processes of a worker are killed (SIGKILL); it recovers",
            Self::WorkerFrozen => "all processes of a worker are stopped (SIGSTOP) and continued",
            Self::WorkerSessionsTerminated => "the coordinator's sessions on a worker are terminated",
        }
    }
}

/// One fault of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    /// The handler that it hits, if it hits one.
    pub(crate) handler: usize,
    /// The number of the message, lock or session that it hits.
    pub(crate) nth: usize,
    /// How many faults of this kind come before, so that each worker has its turn.
    pub(crate) turn: usize,
    pub(crate) lasts: Duration,
    /// The undisturbed time before it.
    pub(crate) pause: Duration,
}

/// A shuffled deck of the kinds, again and again, so that each kind comes equally often.
pub(crate) fn plan(seed: u64, faults: usize, kinds: &[Kind], handlers: usize, longest: Duration) -> Vec<Fault> {
    let mut random = Random::of(seed);
    let milliseconds = |random: &mut Random, most: Duration| {
        let most = usize::try_from(most.as_millis()).unwrap();
        Duration::from_millis(u64::try_from(random.below(most)).unwrap())
    };
    let mut deck = Vec::new();
    let mut plan: Vec<Fault> = Vec::new();
    while plan.len() < faults {
        if deck.is_empty() {
            deck = kinds.to_vec();
        }
        let kind = deck.swap_remove(random.below(deck.len()));
        plan.push(Fault {
            kind,
            handler: random.below(handlers),
            nth: random.below(8),
            turn: plan.iter().filter(|fault| fault.kind == kind).count(),
            lasts: Duration::from_millis(100) + milliseconds(&mut random, longest),
            pause: milliseconds(&mut random, longest / 3),
        });
    }
    plan
}

#[test]
fn a_seed_gives_the_same_faults_and_each_kind_equally_often() {
    let of = |seed| plan(seed, 3 * Kind::ALL.len(), &Kind::ALL, 4, Duration::from_secs(3));
    assert_eq!(of(7), of(7));
    assert_ne!(of(7), of(8));
    for kind in Kind::ALL {
        assert_eq!(of(7).iter().filter(|fault| fault.kind == kind).count(), 3, "{kind:?}");
    }
}
