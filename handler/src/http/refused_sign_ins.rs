//! The log of refused sign-ins: the first is logged at once, and more of them once a minute, so that a client that guesses
//! tokens does not fill the log.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Time between two log lines.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Counts refused sign-ins until they are logged.
#[derive(Default)]
pub(super) struct RefusedSignIns(Mutex<Tally>);

#[derive(Default)]
struct Tally {
    refused: u64,
    /// Whether a task logs the next ones.
    is_logging: bool,
}

impl RefusedSignIns {
    /// Counts one refused sign-in.
    pub(super) fn add(self: &Arc<Self>) {
        let mut tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tally.refused += 1;
        if !tally.is_logging {
            tally.is_logging = true;
            tally.log();
            tokio::spawn(log_each_minute(self.clone()));
        }
    }

    /// Logs those that are not logged yet, and returns whether there were any.
    pub(super) fn log(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).log()
    }
}

impl Tally {
    fn log(&mut self) -> bool {
        let refused = std::mem::take(&mut self.refused);
        if refused > 0 {
            tracing::warn!(event = "sign_in_refused", refused, "sign-in refused: wrong token");
        }
        self.is_logging &= refused > 0;
        refused > 0
    }
}

/// Logs once a minute until a minute has no refused sign-in.
async fn log_each_minute(refused: Arc<RefusedSignIns>) {
    loop {
        tokio::time::sleep(LOG_INTERVAL).await;
        if !refused.log() {
            return;
        }
    }
}
