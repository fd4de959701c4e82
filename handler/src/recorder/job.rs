//! The jobs that handles of the recorder send to its task.

use tokio::{sync::oneshot, time::Instant};

use super::{Imported, LogPrefix, RecordError};
use crate::{
    domain::{Visit, statistics::Query},
    reader::ReadResult,
    store::Failure,
};

/// Work for the recorder's task.
pub(super) enum Job {
    Record(Waiting),
    Import(Chunk),
}

/// A visit whose caller waits for the commit.
pub(super) struct Waiting {
    pub(super) visit: Visit,
    /// The deadline of the response. A client that hangs up does not shorten it, because the visit still counts.
    pub(super) answer_by: Instant,
    pub(super) receipt: Receipt,
}

/// The result that a caller waits for.
pub(super) enum Receipt {
    /// The commit.
    Committed(oneshot::Sender<Result<(), RecordError>>),
    /// The result of a query that is read after the commit.
    Read(Query, oneshot::Sender<ReadResult>),
}

/// Visits of a log, which are committed together with their checkpoint.
pub(super) struct Chunk {
    pub(super) visits: Vec<Visit>,
    pub(super) upto: LogPrefix,
    pub(super) receipt: oneshot::Sender<Result<Imported, Failure>>,
}
