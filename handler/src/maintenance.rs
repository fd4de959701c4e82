//! Maintenance removes data that is no longer needed, and then sends notices that are due. Without maintenance the database grows, but
//! counts stay correct.
//!
//! The task has its own connection, open only during a run. Only one instance runs maintenance at a time.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, MissedTickBehavior},
};

use crate::{
    domain::{CountingRules, Day},
    notices::Notices,
    store::{self, Connection, Failure, Removed},
    telemetry::milliseconds_since,
};

/// The interval of runs without a timer.
const INTERVAL: Duration = Duration::from_secs(60 * 60);

/// The delay of the first run. An instance that starts on demand may stop within the hour. The first minutes are for visitors.
const FIRST_RUN: Duration = Duration::from_mins(2);

/// The number of requests that may wait. The timer sends one per hour.
const QUEUE_LENGTH: usize = 8;

/// A handle to maintenance; cheap to clone.
#[derive(Clone)]
pub struct Maintenance {
    requests: mpsc::Sender<oneshot::Sender<Result<Option<Removed>, Failure>>>,
}

impl Maintenance {
    /// Starts the task. The task ends when every handle has been dropped.
    pub fn start(
        connection: Arc<Connection>,
        rules: CountingRules,
        notices: Option<Notices>,
    ) -> (Self, JoinHandle<()>) {
        let (requests, queue) = mpsc::channel(QUEUE_LENGTH);
        (Self { requests }, tokio::spawn(run(connection, rules, notices, queue)))
    }

    /// Removes data that is no longer needed: salts and sets of ended periods, old batch ids, views by minute, and statistics
    /// beyond the retention. Returns `None` if another instance is running maintenance.
    ///
    /// # Errors
    /// If the database is unavailable or rejects a statement.
    pub async fn run(&self) -> Result<Option<Removed>, Failure> {
        let gone = || Failure::lost("maintenance has stopped");
        let (response, removed) = oneshot::channel();
        self.requests.try_send(response).map_err(|_| Failure::lost("maintenance is busy"))?;
        removed.await.map_err(|_| gone())?
    }
}

async fn run(
    connection: Arc<Connection>,
    rules: CountingRules,
    notices: Option<Notices>,
    mut queue: mpsc::Receiver<oneshot::Sender<Result<Option<Removed>, Failure>>>,
) {
    let mut hourly = tokio::time::interval_at(Instant::now() + FIRST_RUN, INTERVAL);
    hourly.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let request = tokio::select! {
            received = queue.recv() => match received {
                Some(response) => Some(response),
                None => break,
            },
            _ = hourly.tick() => None,
        };
        let outcome = maintain(&connection, &rules).await;
        if outcome.is_ok()
            && let Some(notices) = &notices
        {
            notices.send_due(&connection).await;
        }
        connection.close().await;
        if let Err(failure) = &outcome {
            // The next run retries.
            tracing::warn!(event = "maintenance_failed", sqlstate = %failure.cause(), "{failure}");
        }
        if let Some(response) = request {
            // The caller may have hung up.
            let _ = response.send(outcome);
        }
    }
}

async fn maintain(connection: &Connection, rules: &CountingRules) -> Result<Option<Removed>, Failure> {
    let began = std::time::Instant::now();
    let mut checkout = connection.checkout().await?;
    let now = connection.now();
    let first_kept = rules.first_kept(now);
    // A time outside of the calendar ends no month.
    let today = Day::containing(now, &rules.counting_mode.zone).unwrap_or(Day::from_number(0));
    let outcome = store::remove(&mut checkout, today, first_kept, rules).await;
    let removed = checkout.release(outcome)?;
    if let Some(Removed {
        salts_forgotten,
        sets_dropped,
        batches_deleted,
        minutes_deleted,
        additions_deleted,
        counters_merged,
        tallies_deleted,
        imported_deleted,
        registers_deleted,
        days_packed,
        cells_deleted,
    }) = removed
    {
        let elapsed_ms = milliseconds_since(began);
        tracing::info!(
            event = "maintenance",
            salts_forgotten,
            sets_dropped,
            batches_deleted,
            minutes_deleted,
            additions_deleted,
            counters_merged,
            tallies_deleted,
            imported_deleted,
            registers_deleted,
            days_packed,
            cells_deleted,
            elapsed_ms,
            "removed expired data"
        );
    }
    Ok(removed)
}
