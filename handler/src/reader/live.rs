//! The last minutes of a site: one reading for all callers within a second.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::Instant;

use super::error::ReadError;
use crate::domain::{SiteName, statistics::Live};

/// A site's last minutes, and when they were read.
pub struct LiveReading {
    /// The numbers.
    pub live: Live,
    read: Instant,
}

impl LiveReading {
    pub(super) fn new(live: Live) -> Self {
        Self { live, read: Instant::now() }
    }

    pub(super) fn age(&self) -> Duration {
        self.read.elapsed()
    }
}

/// A live reading, or why there is none.
pub(super) type LiveResult = Result<Arc<LiveReading>, ReadError>;

/// The last live reading of each site, so at most one per site.
pub(super) type KeptLiveReadings = Mutex<HashMap<SiteName, Arc<LiveReading>>>;
