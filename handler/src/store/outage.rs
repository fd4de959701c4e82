//! The log lines of an outage: one when it begins, one for each other kind of failure, and a reminder every minute. A line
//! per visit would flood the log.

use std::time::{Duration, Instant};

use super::Failure;

/// How often a lasting outage is logged again.
const REMINDER: Duration = Duration::from_secs(60);

/// The state of an outage, if there is one.
#[derive(Default)]
pub(crate) struct Outage {
    last_line: Option<Instant>,
    /// The codes logged since then.
    logged: Vec<String>,
    /// How many minutes have begun. An `attempt` above 5 means an outage of more than five minutes.
    minutes: u32,
}

impl Outage {
    /// To be called after every failure. Logs its kind, never a value that was sent.
    pub(crate) fn failed(&mut self, failure: &Failure) {
        if self.last_line.is_none_or(|line| line.elapsed() >= REMINDER) {
            self.last_line = Some(Instant::now());
            self.minutes += 1;
            self.logged.clear();
        }
        let code = failure.code();
        if !self.logged.iter().any(|logged| logged == code) {
            self.logged.push(code.to_owned());
            tracing::warn!(event = "database_lost", sqlstate = code, attempt = self.minutes, "{failure}");
        }
    }

    /// To be called after every success.
    pub(crate) fn ended(&mut self) {
        *self = Self::default();
    }
}
