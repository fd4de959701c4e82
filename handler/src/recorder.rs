//! Group commit: visits wait on a bounded queue; one task takes whatever has gathered, makes one statement of it, and
//! answers when that has been committed. While it runs, the next batch gathers.
//!
//! The recorder alone writes what is counted. It never sees HTTP. It ends when no handle to it is left and the queue is empty.

mod batch_builder;
mod commit;
mod keys;
mod metrics;
mod seen;

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
    task::JoinHandle,
    time::{Instant, MissedTickBehavior},
};

use self::{
    commit::{Attempted, BatchIdentity, Committer},
    metrics::MinuteSummary,
};
use crate::{
    domain::CountingRules,
    domain::statistics::Query,
    domain::{Classification, Exclusion, SiteName, Visit},
    reader::{ReadError, ReadResult, Reader},
    store::{Connection, Failure, Outage},
};

pub use crate::reader::RecordError;

/// How many visits may wait: at 40,000 a second less than half a second's worth, and a few megabytes.
const QUEUE_LENGTH: usize = 16_384;

/// How many visits one statement may hold, so that it stays far below a second.
const LARGEST_BATCH: usize = 4096;

/// How long a batch may wait until those before it have been shown what they were counted into. They come back with it, or others
/// come: fewer and larger batches cost less. A slow reading holds nobody up for longer.
const GATHERING: Duration = Duration::from_millis(2);

/// How many turns of the scheduler without another visit end the gathering. In a turn, answers are sent and requests read.
const IDLE_TURNS: u32 = 8;

/// How long to wait before a lost batch is sent again; doubled each time, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long an import may wait for the database: its reader is not a person in front of a page.
const IMPORT_PATIENCE: Duration = Duration::from_secs(60);

/// How many times one batch may be halved because the database refused it: enough to find three visits in the largest batch.
const MOST_SPLITS: usize = 40;

/// A handle to the recorder; cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    jobs: mpsc::Sender<Job>,
    /// Visits that were answered 503 since the last report.
    unanswered: Arc<AtomicU64>,
}

enum Job {
    Record(Waiting),
    Import(Chunk),
}

struct Waiting {
    visit: Visit,
    /// Until then somebody waits for the receipt. A client that hangs up does not shorten it: it has visited.
    answer_by: Instant,
    receipt: Receipt,
}

/// What somebody waits for.
enum Receipt {
    /// The commit.
    Committed(oneshot::Sender<Result<(), RecordError>>),
    /// The answer to a question that is read after the commit.
    Read(Query, oneshot::Sender<ReadResult>),
}

struct Chunk {
    visits: Vec<Visit>,
    upto: LogPrefix,
    receipt: oneshot::Sender<Result<Imported, Failure>>,
}

/// How far a log has been counted once a chunk of it is committed.
#[derive(Clone, Debug)]
pub struct LogPrefix {
    /// The site that the log belongs to.
    pub site: SiteName,
    /// BLAKE3 of the site's name and of the log from its beginning to the chunk's end.
    pub digest: [u8; 32],
    /// How many bytes of the log that is, uncompressed.
    pub bytes: u64,
}

/// What became of a chunk of a log.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Whether it was counted by this import; if not, it had been counted before.
    pub applied: bool,
    /// Which visits (by their place in the chunk) lie in a period that has been closed, and were not counted.
    pub closed: Vec<usize>,
    /// Which visits came too late for their visitors to be told from others: pageviews, and no visitors.
    pub late: Vec<usize>,
}

impl Recorder {
    /// Starts the recorder's task, which records over `connection`. `reader` answers those who want to see what they were counted
    /// into.
    pub fn start(connection: Arc<Connection>, rules: CountingRules, reader: Option<Reader>) -> (Self, JoinHandle<()>) {
        let (jobs, queue) = mpsc::channel(QUEUE_LENGTH);
        let unanswered = Arc::new(AtomicU64::new(0));
        let task = Task {
            committer: Committer::new(connection, rules),
            reader,
            previous_batch_read: None,
            summary: MinuteSummary::default(),
            unanswered: unanswered.clone(),
            outage: Outage::default(),
        };
        (Self { jobs, unanswered }, tokio::spawn(task.run(queue)))
    }

    /// Records a visit, and waits for the commit until `answer_by`. `Ok` means that it has been committed. Dropping the
    /// future does not take the visit back.
    ///
    /// # Errors
    /// If the queue is full, or the commit did not come in time; then it may or may not be counted. Or if the database refused it.
    pub async fn record(&self, visit: Visit, answer_by: Instant) -> Result<(), RecordError> {
        let (receipt, committed) = oneshot::channel();
        let outcome = match self.queue(visit, answer_by, Receipt::Committed(receipt)) {
            Ok(()) => match tokio::time::timeout_at(answer_by, committed).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) | Err(_) => Err(RecordError::Unavailable),
            },
            Err(problem) => Err(problem),
        };
        if outcome.is_err() {
            self.unanswered.fetch_add(1, Ordering::Relaxed);
        }
        outcome
    }

    /// The same, and then reads the answer to a question, in which the visit is counted. Whoever waits is woken once.
    ///
    /// # Errors
    /// As [`Recorder::record`] and [`Reader::read`].
    pub async fn record_and_read(&self, visit: Visit, query: Query, answer_by: Instant) -> ReadResult {
        let (receipt, read) = oneshot::channel();
        let answer = match self.queue(visit, answer_by, Receipt::Read(query, receipt)) {
            Ok(()) => match tokio::time::timeout_at(answer_by, read).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) | Err(_) => Err(RecordError::Unavailable.into()),
            },
            Err(problem) => Err(problem.into()),
        };
        if let Err(ReadError::NotRecorded(_)) = answer {
            self.unanswered.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }

    fn queue(&self, visit: Visit, answer_by: Instant, receipt: Receipt) -> Result<(), RecordError> {
        self.jobs.try_send(Job::Record(Waiting { visit, answer_by, receipt })).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => RecordError::QueueFull,
            mpsc::error::TrySendError::Closed(_) => RecordError::Unavailable,
        })
    }

    /// Records a chunk of a log, all of it or nothing, together with the fact that the log has been counted up to here.
    ///
    /// # Errors
    /// If the database could not be reached for a minute, or refused.
    pub async fn import(&self, visits: Vec<Visit>, upto: LogPrefix) -> Result<Imported, Failure> {
        let gone = || Failure::Lost("the recorder has stopped".to_owned());
        let (receipt, answer) = oneshot::channel();
        self.jobs.send(Job::Import(Chunk { visits, upto, receipt })).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// The recorder's own state: nobody else sees it.
struct Task {
    committer: Committer,
    reader: Option<Reader>,
    /// Resolves when those of the last batch have been shown the numbers.
    previous_batch_read: Option<oneshot::Receiver<()>>,
    summary: MinuteSummary,
    unanswered: Arc<AtomicU64>,
    outage: Outage,
}

impl Task {
    async fn run(mut self, mut queue: mpsc::Receiver<Job>) {
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
        // Halves of a batch that was refused come back here.
        let mut batches = vec![waiting];
        let mut splits = 0;
        while let Some(waiting) = batches.pop() {
            let split = if splits < MOST_SPLITS { Split::Allowed } else { Split::Forbidden };
            match self.record(waiting, split).await {
                Recorded::Answered => {}
                Recorded::Halves(halves) => {
                    splits += 1;
                    batches.extend(halves);
                }
            }
        }
    }

    /// Commits visits as one batch, and answers each. Sends the same batch again after a loss, as long as somebody waits.
    async fn record(&mut self, mut waiting: Vec<Waiting>, split: Split) -> Recorded {
        // Who has been told 503 must not be counted afterwards, if that can be helped.
        let now = Instant::now();
        waiting.retain(|waiting| waiting.answer_by > now);
        let Some(last_answer) = waiting.iter().map(|waiting| waiting.answer_by).max() else {
            return Recorded::Answered;
        };
        let mut identity = BatchIdentity::default();
        let mut pause = FIRST_PAUSE;
        // Then it may have been applied: it may be divided only if the database, which would know it again, refuses its data.
        let mut outcome_is_unknown = false;
        let outcome = loop {
            let visits = waiting.iter().map(|waiting| &waiting.visit);
            let Err(failure) = self.attempt(visits, &mut identity).await else { break Ok(()) };
            let took_too_long = failure.is_cancelled();
            let is_too_much = failure.is_about_data() || (took_too_long && !outcome_is_unknown);
            outcome_is_unknown |= matches!(failure, Failure::Lost(_));
            if is_too_much && split == Split::Allowed && waiting.len() > 1 {
                // Nothing of it was applied: the halves are new batches.
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
            let may_pass = matches!(failure, Failure::Lost(_) | Failure::TimedOut(_));
            if !may_pass || Instant::now() + pause >= last_answer {
                break Err(RecordError::Unavailable);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        };
        self.answer(waiting, outcome);
        Recorded::Answered
    }

    /// Tells everybody what became of their visits. Whoever hung up does not get it; the visit is counted all the same.
    fn answer(&mut self, waiting: Vec<Waiting>, outcome: Result<(), RecordError>) {
        let mut readers: HashMap<Query, Vec<oneshot::Sender<ReadResult>>> = HashMap::new();
        for waiting in waiting {
            match (waiting.receipt, outcome) {
                (Receipt::Committed(receipt), _) => drop(receipt.send(outcome)),
                (Receipt::Read(query, receipt), Ok(())) => readers.entry(query).or_default().push(receipt),
                (Receipt::Read(_, receipt), Err(problem)) => drop(receipt.send(Err(problem.into()))),
            }
        }
        if let Some(reader) = &self.reader {
            for (query, receipts) in readers {
                self.previous_batch_read = Some(reader.read_for(query, receipts));
            }
        }
    }

    /// Counts a visit that the database refused as such, and says so.
    async fn account_refused(&mut self, visit: &Visit, failure: &Failure) {
        tracing::error!(event = "visit_refused", sqlstate = failure.code(), "the database refused a visit: {failure}");
        let accounted = Visit {
            at: visit.at,
            site: visit.site.clone(),
            kind: visit.kind,
            values: Vec::new(),
            classification: Classification::Excluded(Exclusion::Refused),
        };
        // What goes wrong now has been logged, and there is nothing left to try.
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
                Err(Failure::Lost(_) | Failure::TimedOut(_)) if Instant::now() + pause < give_up => {
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
    /// Everybody was told.
    Answered,
    /// The database refused it as a whole; what is to be tried next, the last first.
    Halves([Vec<Waiting>; 2]),
}

/// Gathers visits: until those before have been `shown` the numbers, and then as long as they keep coming.
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
