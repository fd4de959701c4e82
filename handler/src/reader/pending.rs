//! Read requests that wait, in the order in which they are served.

use std::collections::{HashMap, VecDeque};

use tokio::sync::oneshot;

use super::{
    error::ReadError,
    live::{LiveResult, PendingLive},
    reading::ReadResult,
};
use crate::{
    domain::{SiteName, statistics::Query},
    store::Failure,
};

/// The maximum number of waiting requests: as many as may wait to be recorded.
pub(super) const QUEUE_LENGTH: usize = 16_384;

/// A request to the reader's task.
pub(super) enum ReadRequest {
    Statistics(StatisticsRequest),
    Live(SiteName, oneshot::Sender<LiveResult>),
    Ready(oneshot::Sender<Result<(), Failure>>),
}

/// A query, and the callers that wait for its reading.
pub(super) struct StatisticsRequest {
    pub(super) query: Query,
    pub(super) receipts: Vec<oneshot::Sender<ReadResult>>,
    /// Dropped when every receipt has its result.
    pub(super) done_guard: Option<oneshot::Sender<()>>,
}

/// Queries that wait, each once: this app's own page first, then in order of arrival.
#[derive(Default)]
pub(super) struct Pending {
    order: VecDeque<Query>,
    waiting: HashMap<Query, Waiting>,
    pub(super) live: PendingLive,
    pub(super) probes: Vec<oneshot::Sender<Result<(), Failure>>>,
}

/// The callers that wait for one reading.
#[derive(Default)]
pub(super) struct Waiting {
    receipts: Vec<oneshot::Sender<ReadResult>>,
    done_guards: Vec<oneshot::Sender<()>>,
}

impl Waiting {
    pub(super) fn send(self, result: &ReadResult) {
        for receipt in self.receipts {
            let _ = receipt.send(result.clone());
        }
    }
}

impl Pending {
    pub(super) fn add(&mut self, request: ReadRequest, own_page: &Query) {
        match request {
            ReadRequest::Ready(receipt) => self.probes.push(receipt),
            ReadRequest::Live(site, receipt) => self.live.add(site, receipt),
            ReadRequest::Statistics(StatisticsRequest { query, receipts, done_guard }) => {
                if !self.waiting.contains_key(&query) {
                    if query == *own_page {
                        self.order.push_front(query.clone());
                    } else {
                        self.order.push_back(query.clone());
                    }
                }
                let waiting = self.waiting.entry(query).or_default();
                waiting.receipts.extend(receipts);
                waiting.done_guards.extend(done_guard);
            }
        }
    }

    /// The next query that still has a waiting caller.
    pub(super) fn next(&mut self) -> Option<(Query, Waiting)> {
        while let Some(query) = self.order.pop_front() {
            let mut waiting = self.waiting.remove(&query).unwrap_or_default();
            waiting.receipts.retain(|receipt| !receipt.is_closed());
            if !waiting.receipts.is_empty() {
                return Some((query, waiting));
            }
        }
        None
    }

    /// Sends every waiting caller that the database is unavailable.
    pub(super) fn fail(&mut self, failure: &Failure) {
        self.order.clear();
        for (_, waiting) in self.waiting.drain() {
            waiting.send(&Err(ReadError::Unavailable));
        }
        self.live.fail();
        for receipt in self.probes.drain(..) {
            let _ = receipt.send(Err(failure.clone()));
        }
    }
}
