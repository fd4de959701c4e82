//! The recorder's task: gathers visits into batches, commits each batch until its outcome is known, and responds to the callers.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, MissedTickBehavior},
};

use super::{
    commit::{Attempted, BatchIdentity, Committer},
    job::{Chunk, Job, Receipt, Waiting},
    metrics::{self, MinuteSummary},
};
use crate::{
    domain::{Classification, CountingRules, Exclusion, LimitedNetwork, Visit, cells::Profile, statistics::Query},
    reader::{ReadResult, Reader, RecordError},
    store::{Connection, Failure, Outage},
};

/// The maximum number of visits per statement, so that a statement takes far less than a second.
const LARGEST_BATCH: usize = 4096;

/// Longest time a batch waits for the readers of the previous batch. Waiting lets their next requests join, and larger batches are
/// cheaper. The limit keeps a slow read from delaying writes.
const GATHERING: Duration = Duration::from_millis(2);

/// The number of scheduler turns without a new visit that ends the gathering. In a turn, other tasks send responses and read
/// requests.
const IDLE_TURNS: u32 = 8;

/// The pause before the first retry of a lost batch. Each retry doubles the pause, up to [`LONGEST_PAUSE`], which delays the first batch
/// after an outage.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The time for which an import retries while the database is unavailable. An import can wait longer than a page.
const IMPORT_PATIENCE: Duration = Duration::from_secs(60);

/// The maximum number of times a rejected batch is halved: enough to isolate three visits in the largest batch.
const MOST_SPLITS: usize = 40;

/// The state of the recorder's task.
pub(super) struct Task {
    committer: Committer,
    reader: Option<Reader>,
    /// Resolves when the queries of the previous batch have been read.
    previous_batch_read: Option<oneshot::Receiver<()>>,
    summary: MinuteSummary,
    unanswered: Arc<AtomicU64>,
    outage: Outage,
}

impl Task {
    pub(super) fn new(
        connection: Arc<Connection>,
        rules: CountingRules,
        reader: Option<Reader>,
        unanswered: Arc<AtomicU64>,
    ) -> Self {
        Self {
            committer: Committer::new(connection, rules),
            reader,
            previous_batch_read: None,
            summary: MinuteSummary::default(),
            unanswered,
            outage: Outage::default(),
        }
    }

    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        let mut jobs = Vec::with_capacity(LARGEST_BATCH);
        let mut report = tokio::time::interval(metrics::INTERVAL);
        report.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                received = queue.recv_many(&mut jobs, LARGEST_BATCH) => {
                    if received == 0 {
                        break;
                    }
                    if let Some(previous_batch_read) = self.previous_batch_read.take()
                        && received < LARGEST_BATCH
                    {
                        let _ = tokio::time::timeout(GATHERING, gather(previous_batch_read, &mut queue, &mut jobs)).await;
                    }
                    self.summary.queued(jobs.len() + queue.len());
                    self.handle(&mut jobs).await;
                }
                _ = report.tick() => self.report(),
            }
        }
        self.report();
    }

    async fn handle(&mut self, jobs: &mut Vec<Job>) {
        let mut waiting = Vec::with_capacity(jobs.len());
        for job in jobs.drain(..) {
            match job {
                Job::Record(visit) => waiting.push(visit),
                Job::Import(chunk) => self.import(chunk).await,
            }
        }
        // Halves of a rejected batch are added here.
        let mut batches = vec![waiting];
        let mut splits = 0;
        while let Some(waiting) = batches.pop() {
            let split = if splits < MOST_SPLITS { Split::Allowed } else { Split::Forbidden };
            match self.record(waiting, split).await {
                Recorded::Done => {}
                Recorded::Halves(halves) => {
                    splits += 1;
                    batches.extend(halves);
                }
            }
        }
    }

    /// Commits visits as one batch, and responds to each caller. Resends the batch after a loss until the last deadline.
    async fn record(&mut self, mut waiting: Vec<Waiting>, split: Split) -> Recorded {
        let mut identity = BatchIdentity::default();
        let mut pause = FIRST_PAUSE;
        let outcome = loop {
            if !identity.may_arrive_late {
                // Nothing was applied. Drop visits whose client already got a 503.
                let now = Instant::now();
                waiting.retain(|waiting| waiting.answer_by > now);
                identity = BatchIdentity::default();
            }
            let Some(last_answer) = waiting.iter().map(|waiting| waiting.answer_by).max() else {
                return Recorded::Done;
            };
            let visits = waiting.iter().map(|waiting| &waiting.visit);
            let Err(failure) = self.attempt(visits, &mut identity).await else { break Ok(()) };
            let took_too_long = failure.is_cancelled();
            // If a previous attempt may have been applied, split the batch only if the database rejects its data.
            let is_too_much = failure.is_about_data() || (took_too_long && !identity.may_arrive_late);
            if is_too_much && split == Split::Allowed && waiting.len() > 1 {
                // No part of the batch was applied, so the halves are new batches.
                let second = waiting.split_off(waiting.len() / 2);
                return Recorded::Halves([second, waiting]);
            }
            if failure.is_about_data() {
                if let [waiting] = waiting.as_slice() {
                    self.account_refused(&waiting.visit, &failure).await;
                    break Err(RecordError::Rejected);
                }
                break Err(RecordError::Unavailable);
            }
            let may_pass = failure.may_pass();
            if !may_pass || Instant::now() + pause >= last_answer {
                break Err(RecordError::Unavailable);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        };
        self.respond(waiting, outcome);
        Recorded::Done
    }

    /// Sends the outcome to each caller. The visits of clients that hung up stay counted.
    fn respond(&mut self, waiting: Vec<Waiting>, outcome: Result<(), RecordError>) {
        let mut readers: HashMap<Query, Vec<(LimitedNetwork, oneshot::Sender<ReadResult>)>> = HashMap::new();
        for waiting in waiting {
            match (waiting.receipt, outcome) {
                (Receipt::Committed(receipt), _) => drop(receipt.send(outcome)),
                (Receipt::Read(query, network, receipt), Ok(())) => {
                    readers.entry(query).or_default().push((network, receipt));
                }
                (Receipt::Read(_, _, receipt), Err(problem)) => drop(receipt.send(Err(problem.into()))),
            }
        }
        if let Some(reader) = &self.reader {
            for (query, receipts) in readers {
                self.previous_batch_read = Some(reader.read_for(query, receipts));
            }
        }
    }

    /// Counts a visit that the database rejected under [`Exclusion::Refused`], and logs it.
    async fn account_refused(&mut self, visit: &Visit, failure: &Failure) {
        tracing::error!(event = "visit_refused", sqlstate = %failure.cause(), "the database rejected a visit: {failure}");
        let accounted = Visit {
            at: visit.at,
            site: visit.site.clone(),
            kind: visit.kind,
            values: Vec::new(),
            profile: Profile::default(),
            classification: Classification::Excluded(Exclusion::Refused),
            network: None,
        };
        // A failure here is already logged; there is no other way to count the visit.
        let _ = self.attempt(std::iter::once(&accounted), &mut BatchIdentity::default()).await;
    }

    async fn import(&mut self, chunk: Chunk) {
        let Chunk { visits, upto, receipt } = chunk;
        let give_up = Instant::now() + IMPORT_PATIENCE;
        let mut identity = BatchIdentity::of_import(upto);
        let mut pause = FIRST_PAUSE;
        let outcome = loop {
            match self.attempt(visits.iter(), &mut identity).await {
                Ok(Attempted { imported, .. }) => break Ok(imported),
                Err(failure) if failure.may_pass() && Instant::now() + pause < give_up => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(failure) => break Err(failure),
            }
        };
        let _ = receipt.send(outcome);
    }

    async fn attempt<'v>(
        &mut self,
        visits: impl Iterator<Item = &'v Visit> + Clone,
        identity: &mut BatchIdentity,
    ) -> Result<Attempted, Failure> {
        let began = std::time::Instant::now();
        let attempted = self.committer.attempt(visits, identity).await;
        match &attempted {
            Ok(attempted) => {
                self.outage.ended();
                self.summary.committed(attempted, began);
            }
            Err(failure) => self.outage.failed(failure),
        }
        attempted
    }

    fn report(&mut self) {
        self.summary.report(self.unanswered.swap(0, Ordering::Relaxed));
    }
}

/// Whether a batch that the database rejects may be split and tried again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Split {
    Allowed,
    Forbidden,
}

/// The result of recording a batch.
enum Recorded {
    /// Every caller got the outcome.
    Done,
    /// The database rejected the whole batch. Record these halves next, the last one first.
    Halves([Vec<Waiting>; 2]),
}

/// Gathers visits until the previous batch was read, and then as long as new visits arrive.
async fn gather(previous_batch_read: oneshot::Receiver<()>, queue: &mut mpsc::Receiver<Job>, jobs: &mut Vec<Job>) {
    let _ = previous_batch_read.await;
    let mut idle_turns = 0;
    while idle_turns < IDLE_TURNS && jobs.len() < LARGEST_BATCH {
        if let Ok(job) = queue.try_recv() {
            jobs.push(job);
            idle_turns = 0;
        } else {
            tokio::task::yield_now().await;
            idle_turns += 1;
        }
    }
}
