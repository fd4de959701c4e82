//! Log lines of an outage: one at its beginning, one per additional kind of failure, and a reminder every minute. A line per visit
//! would flood the log.

use std::time::{Duration, Instant};

use super::{Cause, Failure};

/// How often a lasting outage is logged again.
const REMINDER: Duration = Duration::from_secs(60);

/// The state of the current outage, if any.
#[derive(Default)]
pub(crate) struct Outage {
    last_line: Option<Instant>,
    /// The causes logged since the last line.
    logged: Vec<Cause>,
    /// The number of minutes that have begun. An `attempt` above 5 means an outage of more than five minutes.
    minutes: u32,
}

impl Outage {
    /// Call this after every failure. Logs the kind of failure and never a sent value.
    pub(crate) fn failed(&mut self, failure: &Failure) {
        if self.last_line.is_none_or(|line| line.elapsed() >= REMINDER) {
            self.last_line = Some(Instant::now());
            self.minutes += 1;
            self.logged.clear();
        }
        let cause = failure.cause();
        if !self.logged.contains(&cause) {
            tracing::warn!(event = "database_lost", sqlstate = %cause, attempt = self.minutes, "{failure}");
            self.logged.push(cause);
        }
    }

    /// Call this after every success.
    pub(crate) fn ended(&mut self) {
        *self = Self::default();
    }
}
