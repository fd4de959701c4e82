//! The jobs that handles of the recorder send to its task.

use tokio::{sync::oneshot, time::Instant};

use crate::{
    domain::{LimitedNetwork, SiteName, Visit, statistics::Query},
    reader::{ReadResult, RecordError},
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
    /// The result of a query that is read after the commit, for a client of this network.
    Read(Query, LimitedNetwork, oneshot::Sender<ReadResult>),
}

/// Visits of a log, which are committed together with their checkpoint.
pub(super) struct Chunk {
    pub(super) visits: Vec<Visit>,
    pub(super) upto: LogPrefix,
    pub(super) receipt: oneshot::Sender<Result<Imported, Failure>>,
}

/// The prefix of a log that is counted once a chunk of the log is committed.
#[derive(Clone, Debug)]
pub struct LogPrefix {
    /// The site that the log belongs to.
    pub site: SiteName,
    /// BLAKE3 of the site's name and of the log from its beginning to the chunk's end.
    pub digest: [u8; 32],
    /// The length of the prefix in bytes, uncompressed.
    pub bytes: u64,
}

/// The result of importing a chunk of a log.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Whether this import counted the chunk. False if the chunk was counted before.
    pub applied: bool,
    /// Indexes in the chunk of visits that were not counted, because their period is closed.
    pub closed: Vec<usize>,
    /// Indexes of late visits. They count as pageviews and not as visitors, because their visitors can't be distinguished.
    pub late: Vec<usize>,
}
