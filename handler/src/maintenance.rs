//! Maintenance: a task of its own, over a connection of its own that is open only while it works. One instance at a time does it.
//!
//! It removes what is no longer needed. Nothing goes wrong if it never runs; the database only grows.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, MissedTickBehavior},
};

use crate::{
    domain::CountingRules,
    store::{self, Connection, Failure, Removed},
    telemetry::milliseconds_since,
};

/// How often it runs by itself, in case that no timer asks for it.
const INTERVAL: Duration = Duration::from_secs(60 * 60);

/// When it runs first: soon, because an instance that is only there while somebody visits may not live for an hour.
const FIRST_RUN: Duration = Duration::from_secs(30);

/// How many may wait for it: the timer asks once an hour.
const QUEUE_LENGTH: usize = 8;

/// A handle to maintenance; cheap to clone.
#[derive(Clone)]
pub struct Maintenance {
    requests: mpsc::Sender<oneshot::Sender<Result<Option<Removed>, Failure>>>,
}

impl Maintenance {
    /// Starts the task. It ends when every handle to it has been dropped.
    pub fn start(connection: Arc<Connection>, rules: CountingRules) -> (Self, JoinHandle<()>) {
        let (requests, queue) = mpsc::channel(QUEUE_LENGTH);
        (Self { requests }, tokio::spawn(run(connection, rules, queue)))
    }

    /// Removes what is no longer needed: salts and sets of ended periods, ids of batches that nobody asks for, views by
    /// minute, statistics beyond the retention. `None` if another instance is at it.
    ///
    /// # Errors
    /// If the database could not be reached, or refused.
    pub async fn run(&self) -> Result<Option<Removed>, Failure> {
        let gone = || Failure::Lost("maintenance has stopped".to_owned());
        let (answer, removed) = oneshot::channel();
        self.requests.try_send(answer).map_err(|_| Failure::Lost("maintenance is busy".to_owned()))?;
        removed.await.map_err(|_| gone())?
    }
}

async fn run(
    connection: Arc<Connection>,
    rules: CountingRules,
    mut queue: mpsc::Receiver<oneshot::Sender<Result<Option<Removed>, Failure>>>,
) {
    let mut hourly = tokio::time::interval_at(Instant::now() + FIRST_RUN, INTERVAL);
    hourly.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let asked = tokio::select! {
            asked = queue.recv() => match asked {
                Some(answer) => Some(answer),
                None => break,
            },
            _ = hourly.tick() => None,
        };
        let outcome = maintain(&connection, &rules).await;
        connection.close().await;
        if let Err(failure) = &outcome {
            // The next hour is another chance.
            tracing::warn!(event = "maintenance_failed", sqlstate = failure.code(), "{failure}");
        }
        if let Some(answer) = asked {
            // Nobody may wait for the answer any more; then nobody gets it.
            let _ = answer.send(outcome);
        }
    }
}

async fn maintain(connection: &Connection, rules: &CountingRules) -> Result<Option<Removed>, Failure> {
    let began = std::time::Instant::now();
    let mut checkout = connection.checkout().await?;
    let first_kept = rules.first_kept(connection.now());
    let outcome = store::remove(&mut checkout, first_kept, rules.keeps_all_time).await;
    let removed = checkout.release(outcome)?;
    if let Some(Removed {
        salts_forgotten,
        sets_dropped,
        batches_deleted,
        minutes_deleted,
        tallies_deleted,
        imported_deleted,
        registers_deleted,
    }) = removed
    {
        let elapsed_ms = milliseconds_since(began);
        tracing::info!(
            event = "maintenance",
            salts_forgotten,
            sets_dropped,
            batches_deleted,
            minutes_deleted,
            tallies_deleted,
            imported_deleted,
            registers_deleted,
            elapsed_ms,
            "removed what is no longer needed"
        );
    }
    Ok(removed)
}
