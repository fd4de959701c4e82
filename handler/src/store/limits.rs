//! Time limits of statements.

use std::time::Duration;

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

    /// For `handler distribute`, which copies all rows of the sets in one statement. Batches wait for it.
    pub const FOR_DISTRIBUTING: Self = Self { statement: Duration::from_hours(6), lock: Duration::from_secs(10) };

    /// The time to wait for a response before the connection is closed.
    pub(super) fn response(self) -> Duration {
        self.statement + Duration::from_millis(200)
    }

    /// Settings of the session, as a statement because poolers reject start-up parameters. Plans are made once, so they must not
    /// depend on the size of a table at that time. With seqscan off, unavoidable scans look expensive enough to trigger JIT, which
    /// takes far longer than the query.
    pub(super) fn settings(self) -> String {
        format!(
            "set statement_timeout = {}; set lock_timeout = {}; set idle_in_transaction_session_timeout = {}; \
             set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set jit = off",
            self.statement.as_millis(),
            self.lock.as_millis(),
            self.statement.as_millis()
        )
    }
}
