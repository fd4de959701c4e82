//! The overview of sites: one reading for all callers with the same sites within a second.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::Instant;

use super::error::ReadError;
use crate::domain::{SiteName, statistics::Overview};

/// An overview, and when it was read.
pub struct OverviewReading {
    /// The numbers.
    pub overview: Overview,
    read: Instant,
}

impl OverviewReading {
    pub(super) fn new(overview: Overview) -> Self {
        Self { overview, read: Instant::now() }
    }

    /// Whether this reading serves a caller that wants these sites now.
    pub(super) fn serves(&self, sites: &[SiteName], shared_for: Duration) -> bool {
        self.read.elapsed() < shared_for && self.overview.sites.iter().map(|of| &of.site).eq(sites)
    }
}

/// An overview, or why there is none.
pub(super) type OverviewResult = Result<Arc<OverviewReading>, ReadError>;

/// The last overview. Searches find many different sets of sites, so earlier ones are not kept.
pub(super) type KeptOverview = Mutex<Option<Arc<OverviewReading>>>;
