//! The last minutes of a site: one reading for all callers within a second.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{sync::oneshot, time::Instant};

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

/// The callers that wait for live readings, in the order in which their sites were first requested.
#[derive(Default)]
pub(super) struct PendingLive(VecDeque<(SiteName, Vec<oneshot::Sender<LiveResult>>)>);

impl PendingLive {
    pub(super) fn add(&mut self, site: SiteName, receipt: oneshot::Sender<LiveResult>) {
        match self.0.iter_mut().find(|(known, _)| *known == site) {
            Some((_, receipts)) => receipts.push(receipt),
            None => self.0.push_back((site, vec![receipt])),
        }
    }

    pub(super) fn next(&mut self) -> Option<(SiteName, Vec<oneshot::Sender<LiveResult>>)> {
        self.0.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn fail(&mut self) {
        for (_, receipts) in self.0.drain(..) {
            send(receipts, &Err(ReadError::Unavailable));
        }
    }
}

pub(super) fn send(receipts: Vec<oneshot::Sender<LiveResult>>, result: &LiveResult) {
    for receipt in receipts {
        let _ = receipt.send(result.clone());
    }
}
