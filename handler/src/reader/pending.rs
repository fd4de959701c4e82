//! Read requests that wait.

use std::{hash::Hash, sync::Arc};

use tokio::sync::oneshot;

use super::{
    error::ReadError,
    export::{ExportPart, ExportResult},
    live::{LiveReading, LiveResult},
    overview::{OverviewReading, OverviewResult},
    partial::Partial,
    reading::ReadResult,
    turns::{TURN, Turn, Turns},
};
use crate::{
    domain::{Day, LimitedNetwork, SiteName, statistics::Query},
    store::Failure,
};

/// The maximum number of waiting requests: as many as may wait to be recorded.
pub(super) const QUEUE_LENGTH: usize = 16_384;

/// A request to the reader's task.
pub(super) enum ReadRequest {
    Statistics(StatisticsRequest),
    Live(SiteName, LimitedNetwork, oneshot::Sender<LiveResult>),
    Export(ExportPlace, LimitedNetwork, oneshot::Sender<ExportResult>),
    Overview(Vec<SiteName>, LimitedNetwork, oneshot::Sender<OverviewResult>),
    Ready(oneshot::Sender<Result<(), Failure>>),
}

/// The site of an export, and the day after which its next part begins.
pub(super) type ExportPlace = (SiteName, Option<Day>);

/// A query, and the callers that wait for its reading.
pub(super) struct StatisticsRequest {
    pub(super) query: Query,
    pub(super) receipts: Vec<(LimitedNetwork, oneshot::Sender<ReadResult>)>,
    /// Dropped when every receipt has its result.
    pub(super) done_guard: Option<oneshot::Sender<()>>,
}

/// The callers among which the turns are divided.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Caller {
    /// The visitors of `/` without parameters, all with the same query.
    FrontPage,
    Network(LimitedNetwork),
}

/// Queries and live readings that wait, each once.
pub(super) struct Pending {
    front_page: Query,
    statistics: Turns<Query, Caller, Waiting>,
    pub(super) live: ShortReadings<SiteName, Arc<LiveReading>>,
    pub(super) exports: ShortReadings<ExportPlace, Arc<ExportPart>>,
    pub(super) overviews: ShortReadings<Vec<SiteName>, Arc<OverviewReading>>,
    pub(super) probes: Vec<oneshot::Sender<Result<(), Failure>>>,
    /// Requests that were refused since the last summary, because too many of their network wait.
    pub(super) refused: u64,
}

/// The callers that wait for one reading.
#[derive(Default)]
pub(super) struct Waiting {
    receipts: Vec<oneshot::Sender<ReadResult>>,
    done_guards: Vec<oneshot::Sender<()>>,
    /// The reading, once its first statement has run.
    pub(super) partial: Option<Partial>,
}

/// The callers that wait for one reading `T`.
pub(super) type Receipts<T> = Vec<oneshot::Sender<Result<T, ReadError>>>;

/// Readings `T` that wait, each about a subject `S`. Each costs about as much as a statement of a query.
pub(super) struct ShortReadings<S, T>(Turns<S, LimitedNetwork, Receipts<T>>);

impl<S: Clone + Eq + Hash, T> ShortReadings<S, T> {
    fn new() -> Self {
        Self(Turns::new(|receipts| receipts.iter().any(|receipt| !receipt.is_closed())))
    }

    /// Adds a caller. Returns how many were refused: one, if too many readings of its network wait.
    fn add(&mut self, subject: &S, network: LimitedNetwork, receipt: oneshot::Sender<Result<T, ReadError>>) -> u64 {
        if let Some(receipts) = self.0.join(subject, network, Vec::new) {
            receipts.push(receipt);
            0
        } else {
            let _ = receipt.send(Err(ReadError::TooMany));
            1
        }
    }

    /// The reading whose turn it is.
    pub(super) fn next(&mut self) -> Option<(S, Receipts<T>)> {
        let (turn, receipts) = self.0.next()?;
        self.0.charge(&turn, TURN);
        Some((turn.subject, receipts))
    }

    /// Sends every waiting caller that the database is unavailable.
    fn fail(&mut self) {
        for receipt in self.0.drain().flatten() {
            let _ = receipt.send(Err(ReadError::Unavailable));
        }
    }
}

/// A query whose turn it is.
pub(super) type StatisticsTurn = Turn<Query, Caller>;

impl Waiting {
    pub(super) fn send(self, result: &ReadResult) {
        for receipt in self.receipts {
            let _ = receipt.send(result.clone());
        }
    }

    fn is_wanted(&self) -> bool {
        self.receipts.iter().any(|receipt| !receipt.is_closed())
    }
}

impl Pending {
    pub(super) fn new(front_page: Query) -> Self {
        Self {
            front_page,
            statistics: Turns::new(Waiting::is_wanted).preferring(Caller::FrontPage),
            live: ShortReadings::new(),
            exports: ShortReadings::new(),
            overviews: ShortReadings::new(),
            probes: Vec::new(),
            refused: 0,
        }
    }

    pub(super) fn add(&mut self, request: ReadRequest) {
        self.refused += match request {
            ReadRequest::Statistics(request) => self.add_query(request),
            ReadRequest::Live(site, network, receipt) => self.live.add(&site, network, receipt),
            ReadRequest::Export(place, network, receipt) => self.exports.add(&place, network, receipt),
            ReadRequest::Overview(sites, network, receipt) => self.overviews.add(&sites, network, receipt),
            ReadRequest::Ready(receipt) => {
                self.probes.push(receipt);
                0
            }
        };
    }

    /// Adds the callers of a query. Returns how many were refused.
    fn add_query(&mut self, request: StatisticsRequest) -> u64 {
        let StatisticsRequest { query, receipts, mut done_guard } = request;
        let mut refused = 0;
        let is_front_page = query == self.front_page;
        for (network, receipt) in receipts {
            let caller = if is_front_page { Caller::FrontPage } else { Caller::Network(network) };
            if let Some(waiting) = self.statistics.join(&query, caller, Waiting::default) {
                waiting.receipts.push(receipt);
                waiting.done_guards.extend(done_guard.take());
            } else {
                refused += 1;
                let _ = receipt.send(Err(ReadError::TooMany));
            }
        }
        refused
    }

    /// The query whose turn it is.
    pub(super) fn next(&mut self) -> Option<(StatisticsTurn, Waiting)> {
        self.statistics.next()
    }

    /// Accounts for a statement that was run for a query. If more of them follow, `waiting` goes back.
    pub(super) fn served(&mut self, turn: StatisticsTurn, cost: i64, unfinished: Option<Waiting>) {
        self.statistics.charge(&turn, cost);
        if let Some(waiting) = unfinished {
            self.statistics.put_back(turn, waiting);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.statistics.is_empty()
            && self.live.0.is_empty()
            && self.exports.0.is_empty()
            && self.overviews.0.is_empty()
            && self.probes.is_empty()
    }

    /// Sends every waiting caller that the database is unavailable.
    pub(super) fn fail(&mut self, failure: &Failure) {
        for waiting in self.statistics.drain() {
            waiting.send(&Err(ReadError::Unavailable));
        }
        self.live.fail();
        self.exports.fail();
        self.overviews.fail();
        for receipt in self.probes.drain(..) {
            let _ = receipt.send(Err(failure.clone()));
        }
    }
}
