//! What a reading found, and how it looks, for all who asked the same.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use crate::{domain::statistics::Report, http::response_body::Body};

/// A report, with the bodies that were made of it.
pub struct Snapshot {
    /// The numbers.
    pub report: Report,
    /// The page.
    pub page: Body,
    /// The page for who may not know what other sites there are.
    pub alone: Body,
    /// The page for a frame in another one.
    pub embedded: Body,
    /// The JSON answer.
    pub json: Body,
    /// The same as a table.
    pub csv: Body,
    read: Instant,
    /// The same, marked as stale: made once an outage, not for every visitor in it.
    stale: OnceLock<Arc<Snapshot>>,
}

impl Snapshot {
    pub(super) fn new(report: Report) -> Self {
        Self {
            report,
            page: Body::default(),
            alone: Body::default(),
            embedded: Body::default(),
            json: Body::default(),
            csv: Body::default(),
            read: Instant::now(),
            stale: OnceLock::new(),
        }
    }

    pub(super) fn stale(&self) -> Arc<Self> {
        let make = || Arc::new(Self::new(Report { stale: true, ..self.report.clone() }));
        self.stale.get_or_init(make).clone()
    }

    /// How long ago it was read.
    pub(super) fn age(&self) -> Duration {
        self.read.elapsed()
    }
}
