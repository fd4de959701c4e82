//! The state that every request shares.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::{access::Access, response_cache::ResponseCache};
use crate::{
    clock::Clock,
    config::Config,
    domain::{Network, visit::rate_limit::RateLimit},
    maintenance::Maintenance,
    reader::Reader,
    recorder::Recorder,
};

/// The state that every request shares; it never changes.
pub struct App {
    /// The settings.
    pub config: Arc<Config>,
    /// The public address of the page, without a slash at the end.
    pub address: String,
    /// Records visits.
    pub recorder: Recorder,
    /// Reads statistics.
    pub reader: Reader,
    /// Bodies rendered from readings.
    pub response_cache: ResponseCache,
    /// Deletes expired data.
    pub maintenance: Maintenance,
    /// A permit for each export that may be sent at a time.
    pub exports: Arc<Semaphore>,
    /// The time at which visits arrive.
    pub clock: Clock,
    /// The rules for private statistics.
    pub access: Access,
    /// The limit of counted views per network; without it every view counts.
    pub rate_limit: Option<RateLimit>,
}

impl App {
    /// Whether one more view of this network counts.
    pub(super) fn admits(&self, network: Network) -> bool {
        self.rate_limit.as_ref().is_none_or(|limit| limit.admits(network, std::time::Instant::now()))
    }
}
