//! Group commit: visits wait on a bounded queue; one task takes whatever has gathered, makes one statement of it, and
//! answers when that has been committed. While it runs, the next batch gathers.
//!
//! The recorder alone writes. It never sees HTTP. It ends when every handle to it has been dropped and the queue is empty.

mod gathering;
mod keys;
mod minute;
mod seen;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, MissedTickBehavior},
};
use uuid::Uuid;

use self::{gathering::gather, keys::Keys, minute::Minute, seen::Seen};
use crate::{
    store::{self, Checkpoint, Failure, Line, Removed},
    telemetry::{Outage, milliseconds_since},
    visitor::{Kind, Period, Periods, Visit, period::Calendar},
};

/// How many visits may wait: at 40,000 a second less than half a second's worth, and a few megabytes.
const QUEUE_LENGTH: usize = 16_384;

/// How many visits one statement may hold, so that it stays far below a second.
const LARGEST_BATCH: usize = 4096;

/// How long to wait before a lost batch is sent again; doubled each time, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long an import may wait for the database: its reader is not a person in front of a page.
const IMPORT_PATIENCE: Duration = Duration::from_secs(60);

/// How often maintenance runs by itself, in case that no timer asks for it.
const MAINTENANCE_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// When it runs first: soon, because an instance that is only there while somebody visits may not live for an hour.
const FIRST_MAINTENANCE: Duration = Duration::from_secs(30);

/// How long ids of batches are kept: a batch is sent again within seconds, if at all.
const BATCHES_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// A handle to the recorder; cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    orders: mpsc::Sender<Order>,
    /// Visits that were answered 503 since the last report.
    refused: Arc<AtomicU64>,
}

/// A visit was not recorded, or nobody knows: ask again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// More visits wait than can be committed in time.
    #[error("too many visits are waiting")]
    QueueFull,
    /// The database did not commit it in time.
    #[error("the database is not available")]
    Unavailable,
}

enum Order {
    Visit(Waiting),
    Import(Import),
    Maintain(oneshot::Sender<Result<Removed, Failure>>),
}

struct Waiting {
    visit: Visit,
    /// Until then somebody waits for the receipt. A client that hangs up does not shorten it: it has visited.
    answer_by: Instant,
    receipt: oneshot::Sender<Result<(), Refused>>,
}

struct Import {
    visits: Vec<Visit>,
    upto: LogPrefix,
    receipt: oneshot::Sender<Result<Imported, Failure>>,
}

/// How far a log has been counted once a chunk of it is committed.
#[derive(Clone, Debug)]
pub struct LogPrefix {
    /// The site that the log belongs to.
    pub site: Arc<str>,
    /// BLAKE3 of the site's name and of the log from its beginning to the chunk's end.
    pub digest: [u8; 32],
    /// How many bytes of the log that is, uncompressed.
    pub bytes: u64,
}

/// What became of a chunk of a log.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Whether it was counted now; if not, it had been counted before.
    pub applied: bool,
    /// Which visits (by their place in the chunk) lie in a period that has been closed, and were not counted.
    pub closed: Vec<usize>,
}

impl Recorder {
    /// Starts the recorder's task, which records over `line` for periods in `zone`.
    pub fn start(line: Arc<Line>, zone: TimeZone, retention_days: Option<u32>) -> (Self, JoinHandle<()>) {
        let (orders, queue) = mpsc::channel(QUEUE_LENGTH);
        let refused = Arc::new(AtomicU64::new(0));
        let task = Task {
            line,
            zone,
            retention_days,
            calendar: Calendar::default(),
            keys: Keys::default(),
            seen: Seen::default(),
            minute: Minute::default(),
            refused: refused.clone(),
            outage: Outage::default(),
        };
        (Self { orders, refused }, tokio::spawn(task.run(queue)))
    }

    /// Records a visit, and waits for the commit until `answer_by`. `Ok` means that it has been committed. Dropping the
    /// future does not take the visit back.
    ///
    /// # Errors
    /// If the queue is full, or the commit did not come in time; then it may or may not be counted.
    pub async fn record(&self, visit: Visit, answer_by: Instant) -> Result<(), Refused> {
        let outcome = self.queue(visit, answer_by).await;
        if outcome.is_err() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        outcome
    }

    async fn queue(&self, visit: Visit, answer_by: Instant) -> Result<(), Refused> {
        let (receipt, committed) = oneshot::channel();
        self.orders.try_send(Order::Visit(Waiting { visit, answer_by, receipt })).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refused::QueueFull,
            mpsc::error::TrySendError::Closed(_) => Refused::Unavailable,
        })?;
        match tokio::time::timeout_at(answer_by, committed).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => Err(Refused::Unavailable),
        }
    }

    /// Records a chunk of a log, all of it or nothing, together with the fact that the log has been counted up to here.
    ///
    /// # Errors
    /// If the database could not be reached for a minute, or refused.
    pub async fn import(&self, visits: Vec<Visit>, upto: LogPrefix) -> Result<Imported, Failure> {
        self.ask(|receipt| Order::Import(Import { visits, upto, receipt })).await
    }

    /// Removes what is no longer needed: salts and sets of ended periods, old batch ids, statistics beyond the retention.
    ///
    /// # Errors
    /// If the database could not be reached, or refused.
    pub async fn maintain(&self) -> Result<Removed, Failure> {
        self.ask(Order::Maintain).await
    }

    async fn ask<T>(&self, order: impl FnOnce(oneshot::Sender<Result<T, Failure>>) -> Order) -> Result<T, Failure> {
        let gone = || Failure::Lost("the recorder has stopped".to_owned());
        let (receipt, answer) = oneshot::channel();
        self.orders.send(order(receipt)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// The recorder's own state: nobody else sees it.
struct Task {
    line: Arc<Line>,
    zone: TimeZone,
    retention_days: Option<u32>,
    calendar: Calendar,
    keys: Keys,
    seen: Seen,
    minute: Minute,
    refused: Arc<AtomicU64>,
    outage: Outage,
}

impl Task {
    async fn run(mut self, mut queue: mpsc::Receiver<Order>) {
        let mut orders = Vec::with_capacity(LARGEST_BATCH);
        let mut report = tokio::time::interval(minute::INTERVAL);
        let mut maintenance = tokio::time::interval_at(Instant::now() + FIRST_MAINTENANCE, MAINTENANCE_INTERVAL);
        report.set_missed_tick_behavior(MissedTickBehavior::Delay);
        maintenance.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                received = queue.recv_many(&mut orders, LARGEST_BATCH) => {
                    if received == 0 {
                        break;
                    }
                    self.minute.queued(received + queue.len());
                    self.obey(&mut orders).await;
                }
                _ = report.tick() => self.report(),
                // What went wrong has been logged, and the next hour is another chance.
                _ = maintenance.tick() => drop(self.maintain().await),
            }
        }
        self.report();
    }

    async fn obey(&mut self, orders: &mut Vec<Order>) {
        let mut waiting = Vec::with_capacity(orders.len());
        for order in orders.drain(..) {
            match order {
                Order::Visit(visit) => waiting.push(visit),
                Order::Import(import) => self.record_import(import).await,
                // Nobody may wait for the answer any more; then nobody gets it.
                Order::Maintain(receipt) => drop(receipt.send(self.maintain().await)),
            }
        }
        if !waiting.is_empty() {
            self.record(waiting).await;
        }
    }

    /// Commits visits as one batch, and answers each. Sends the same batch again after a loss, as long as somebody waits.
    async fn record(&mut self, mut waiting: Vec<Waiting>) {
        // Who has been told 503 must not be counted afterwards, if that can be helped.
        let now = Instant::now();
        waiting.retain(|waiting| waiting.answer_by > now);
        let Some(last_answer) = waiting.iter().map(|waiting| waiting.answer_by).max() else { return };
        let id = Uuid::now_v7();
        let mut pause = FIRST_PAUSE;
        let outcome = loop {
            match self.attempt(id, waiting.iter().map(|waiting| &waiting.visit), None).await {
                Ok(_) => break Ok(()),
                Err(failure) => {
                    self.outage.failed(&failure);
                    let again = match &failure {
                        Failure::Lost(_) => Instant::now() + pause < last_answer,
                        // Another instance has closed the period: ask which salts still hold, once.
                        Failure::Rejected(_) => failure.is_missing_set() && pause == FIRST_PAUSE,
                    };
                    if !again {
                        break Err(Refused::Unavailable);
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        };
        for waiting in waiting {
            // Whoever hung up does not get it; the visit is counted all the same.
            let _ = waiting.receipt.send(outcome);
        }
    }

    async fn record_import(&mut self, import: Import) {
        let Import { visits, upto, receipt } = import;
        let id = Uuid::now_v7();
        let give_up = Instant::now() + IMPORT_PATIENCE;
        let mut pause = FIRST_PAUSE;
        let outcome = loop {
            match self.attempt(id, visits.iter(), Some(&upto)).await {
                Ok(imported) => break Ok(imported),
                Err(failure @ Failure::Lost(_)) if Instant::now() + pause < give_up => {
                    self.outage.failed(&failure);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(failure) => break Err(failure),
            }
        };
        let _ = receipt.send(outcome);
    }

    /// One try to commit these visits under this id.
    async fn attempt<'v>(
        &mut self,
        id: Uuid,
        visits: impl Iterator<Item = &'v Visit>,
        upto: Option<&LogPrefix>,
    ) -> Result<Imported, Failure> {
        let importing = upto.is_some();
        let began = std::time::Instant::now();
        // An import needs the salts of periods that ended long ago.
        if !importing {
            self.forget_ended();
        }
        // Times were checked at the door; one that has no period all the same is not counted.
        let calendar = &mut self.calendar;
        let zone = &self.zone;
        let mut dated: Vec<(&Visit, Periods)> =
            visits.filter_map(|visit| Some((visit, calendar.periods(visit.at, zone).ok()?))).collect();
        let names = dated.iter().map(|(visit, _)| &visit.site).chain(upto.map(|upto| &upto.site));
        self.keys.open(&self.line, &self.zone, names, dated.iter().map(|(_, periods)| *periods), importing).await?;
        let mut closed = Vec::new();
        if importing {
            let keys = &self.keys;
            closed = dated
                .iter()
                .enumerate()
                .filter(|(_, (_, periods))| !keys.are_open(periods))
                .map(|(place, _)| place)
                .collect();
            dated.retain(|(_, periods)| keys.are_open(periods));
        }
        let checkpoint = upto.map(|LogPrefix { site, digest, bytes }| {
            let site = self.keys.site(site).expect("just opened").id;
            Checkpoint { digest: *digest, bytes: *bytes, site }
        });
        let visits = dated.len();
        let gathered = gather(id, dated.into_iter(), &self.keys, &self.seen, checkpoint);
        let applied = match store::commit(&self.line, &gathered.batch).await {
            Ok(applied) => applied,
            Err(failure) => {
                if failure.is_missing_set() {
                    self.keys.forget_salts();
                }
                return Err(failure);
            }
        };
        for (period, fingerprint) in &gathered.committed {
            self.seen.insert(*period, *fingerprint);
        }
        for (site, register, rank) in &gathered.raised {
            self.keys.raise(*site, *register, *rank);
        }
        self.outage.ended();
        self.minute.committed(&gathered, visits, began);
        Ok(Imported { applied, closed })
    }

    fn report(&mut self) {
        self.minute.report(self.refused.swap(0, Ordering::Relaxed));
    }

    /// Forgets what belongs to periods that have ended.
    fn forget_ended(&mut self) {
        let Self { keys, seen, .. } = self;
        if keys.forget_ended(Timestamp::now(), &self.zone) {
            seen.retain(|period| keys.knows(period));
        }
    }

    async fn maintain(&mut self) -> Result<Removed, Failure> {
        let began = std::time::Instant::now();
        let now = Timestamp::now();
        let batches_before = first_uuid_at(now - BATCHES_KEPT);
        let kept_from = self.retention_days.map(|days| now - SignedDuration::from_hours(24 * i64::from(days)));
        let mut ended = Vec::new();
        for kind in [Kind::Hour, Kind::Day, Kind::Week, Kind::Month] {
            if let Some(Ok(first_kept)) = kept_from.map(|instant| Period::containing(kind, instant, &self.zone)) {
                ended.push(Period::first_of(kind).bucket()..first_kept.bucket());
            }
        }
        let removed =
            store::remove(&self.line, now.as_second(), batches_before, &ended).await.inspect_err(|failure| {
                tracing::warn!(event = "maintenance_failed", sqlstate = failure.code(), "{failure}");
            })?;
        self.forget_ended();
        let Removed { salts_forgotten, sets_dropped, batches_deleted, tallies_deleted } = removed;
        let elapsed_ms = milliseconds_since(began);
        tracing::info!(
            event = "maintenance",
            salts_forgotten,
            sets_dropped,
            batches_deleted,
            tallies_deleted,
            elapsed_ms,
            "removed what is no longer needed"
        );
        Ok(removed)
    }
}

/// The smallest UUID of version 7 that can have been made at this time (RFC 9562 §5.7: 48 bits of Unix milliseconds first).
fn first_uuid_at(instant: Timestamp) -> Uuid {
    let milliseconds = u128::try_from(instant.as_millisecond()).unwrap_or(0);
    Uuid::from_u128(milliseconds << 80)
}
