//! The numbers of one query at one time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, Instant},
};

use super::error::ReadError;
use crate::domain::statistics::{Query, Report};

/// How old a reading may be for callers that did not visit.
pub(super) const SHARED_FOR: Duration = Duration::from_secs(1);

/// A reading, or why there is none.
pub type ReadResult = Result<Arc<Reading>, ReadError>;

/// The last reading of each query.
pub(super) type KeptReadings = Mutex<HashMap<Query, Arc<Reading>>>;

/// A report and when it was read. All callers with the same query share one.
pub struct Reading {
    /// The numbers.
    pub report: Report,
    read: Instant,
    /// The same report, marked as stale: made once per outage, not once per visitor.
    stale: OnceLock<Arc<Reading>>,
}

impl Reading {
    pub(super) fn new(report: Report) -> Self {
        Self { report, read: Instant::now(), stale: OnceLock::new() }
    }

    pub(super) fn stale(&self) -> Arc<Self> {
        let make = || Arc::new(Self::new(Report { stale: true, ..self.report.clone() }));
        self.stale.get_or_init(make).clone()
    }

    /// Whether no later reading of the same query exists with other lists. After a page with the caller's own visit, numbers from
    /// before the visit would be wrong.
    pub(super) fn is_newest(&self, query: &Query, kept: &HashMap<Query, Arc<Self>>) -> bool {
        kept.iter().all(|(other, reading)| reading.read <= self.read || !other.is_equal_but_for_lists(query))
    }

    pub(super) fn age(&self) -> Duration {
        self.read.elapsed()
    }
}
