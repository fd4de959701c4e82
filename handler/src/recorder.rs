//! Group commit. Visits wait on a bounded queue. One task takes all waiting visits, commits them in one statement, and responds
//! after the commit. The next batch gathers meanwhile.
//!
//! Only the recorder writes counts. The recorder is independent of HTTP. The task ends after the last handle was dropped and the
//! queue is empty.

mod batch_builder;
mod commit;
mod dated;
mod generations;
mod job;
mod keys;
mod metrics;
mod places;
mod seen;
mod task;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::Instant,
};

use self::{
    job::{Chunk, Job, Receipt, Waiting},
    task::Task,
};
use crate::{
    domain::{CountingRules, LimitedNetwork, Visit, statistics::Query},
    reader::{ReadError, ReadResult, Reader},
    store::{Connection, Failure},
};

pub use self::job::{Imported, LogPrefix};
pub use crate::reader::RecordError;

/// The maximum number of waiting visits: a few megabytes, and less than half a second at 40,000 visits per second.
const QUEUE_LENGTH: usize = 16_384;

/// A handle to the recorder; cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    jobs: mpsc::Sender<Job>,
    /// Visits since the last report whose client got a 503.
    unanswered: Arc<AtomicU64>,
}

impl Recorder {
    /// Starts the recorder's task, which records over `connection`. `reader` runs the queries of [`Recorder::record_and_read`].
    pub fn start(connection: Arc<Connection>, rules: CountingRules, reader: Option<Reader>) -> (Self, JoinHandle<()>) {
        let (jobs, queue) = mpsc::channel(QUEUE_LENGTH);
        let unanswered = Arc::new(AtomicU64::new(0));
        let task = Task::new(connection, rules, reader, unanswered.clone());
        (Self { jobs, unanswered }, tokio::spawn(task.run(queue)))
    }

    /// Records a visit, and waits for the commit until `answer_by`. `Ok` means that the visit is committed. Dropping the future
    /// does not cancel the visit.
    ///
    /// # Errors
    /// If the queue is full, or the database rejects the visit. Also if the commit is not confirmed in time; then the visit may
    /// have been counted.
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

    /// Records a visit, and then runs a query whose result includes the visit. The waiting task is woken only once.
    ///
    /// # Errors
    /// As [`Recorder::record`] and [`Reader::read`].
    pub async fn record_and_read(
        &self,
        visit: Visit,
        query: Query,
        network: LimitedNetwork,
        answer_by: Instant,
    ) -> ReadResult {
        let (receipt, read) = oneshot::channel();
        let result = match self.queue(visit, answer_by, Receipt::Read(query, network, receipt)) {
            Ok(()) => match tokio::time::timeout_at(answer_by, read).await {
                Ok(Ok(result)) => result,
                Ok(Err(_)) | Err(_) => Err(RecordError::Unavailable.into()),
            },
            Err(problem) => Err(problem.into()),
        };
        if let Err(ReadError::NotRecorded(_)) = result {
            self.unanswered.fetch_add(1, Ordering::Relaxed);
        }
        result
    }

    fn queue(&self, visit: Visit, answer_by: Instant, receipt: Receipt) -> Result<(), RecordError> {
        self.jobs.try_send(Job::Record(Waiting { visit, answer_by, receipt })).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => RecordError::QueueFull,
            mpsc::error::TrySendError::Closed(_) => RecordError::Unavailable,
        })
    }

    /// Records a whole chunk of a log together with its checkpoint, in one transaction.
    ///
    /// # Errors
    /// If the database is unavailable for a minute, or rejects the chunk.
    pub async fn import(&self, visits: Vec<Visit>, upto: LogPrefix) -> Result<Imported, Failure> {
        let gone = || Failure::lost("the recorder has stopped");
        let (receipt, imported) = oneshot::channel();
        self.jobs.send(Job::Import(Chunk { visits, upto, receipt })).await.map_err(|_| gone())?;
        imported.await.map_err(|_| gone())?
    }
}
