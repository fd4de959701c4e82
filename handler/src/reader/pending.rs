//! Read requests that wait.

use tokio::sync::oneshot;

use super::{
    error::ReadError,
    export::ExportResult,
    live::LiveResult,
    overview::OverviewResult,
    partial::Partial,
    reading::ReadResult,
    turns::{Turn, Turns},
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
    live: Turns<SiteName, LimitedNetwork, LiveReceipts>,
    exports: Turns<ExportPlace, LimitedNetwork, ExportReceipts>,
    overviews: Turns<Vec<SiteName>, LimitedNetwork, OverviewReceipts>,
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

/// The callers that wait for one live reading.
pub(super) type LiveReceipts = Vec<oneshot::Sender<LiveResult>>;

/// The callers that wait for one part of an export.
pub(super) type ExportReceipts = Vec<oneshot::Sender<ExportResult>>;

/// The callers that wait for one overview.
pub(super) type OverviewReceipts = Vec<oneshot::Sender<OverviewResult>>;

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
            live: Turns::new(|receipts: &LiveReceipts| receipts.iter().any(|receipt| !receipt.is_closed())),
            exports: Turns::new(|receipts: &ExportReceipts| receipts.iter().any(|receipt| !receipt.is_closed())),
            overviews: Turns::new(|receipts: &OverviewReceipts| receipts.iter().any(|receipt| !receipt.is_closed())),
            probes: Vec::new(),
            refused: 0,
        }
    }

    pub(super) fn add(&mut self, request: ReadRequest) {
        match request {
            ReadRequest::Ready(receipt) => self.probes.push(receipt),
            ReadRequest::Live(site, network, receipt) => {
                if let Some(receipts) = self.live.join(&site, network, Vec::new) {
                    receipts.push(receipt);
                } else {
                    self.refused += 1;
                    let _ = receipt.send(Err(ReadError::TooMany));
                }
            }
            ReadRequest::Export(place, network, receipt) => {
                if let Some(receipts) = self.exports.join(&place, network, Vec::new) {
                    receipts.push(receipt);
                } else {
                    self.refused += 1;
                    let _ = receipt.send(Err(ReadError::TooMany));
                }
            }
            ReadRequest::Overview(sites, network, receipt) => {
                if let Some(receipts) = self.overviews.join(&sites, network, Vec::new) {
                    receipts.push(receipt);
                } else {
                    self.refused += 1;
                    let _ = receipt.send(Err(ReadError::TooMany));
                }
            }
            ReadRequest::Statistics(request) => self.add_query(request),
        }
    }

    fn add_query(&mut self, request: StatisticsRequest) {
        let StatisticsRequest { query, receipts, mut done_guard } = request;
        let is_front_page = query == self.front_page;
        for (network, receipt) in receipts {
            let caller = if is_front_page { Caller::FrontPage } else { Caller::Network(network) };
            if let Some(waiting) = self.statistics.join(&query, caller, Waiting::default) {
                waiting.receipts.push(receipt);
                waiting.done_guards.extend(done_guard.take());
            } else {
                self.refused += 1;
                let _ = receipt.send(Err(ReadError::TooMany));
            }
        }
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

    /// The site whose live reading has its turn.
    pub(super) fn next_live(&mut self) -> Option<(SiteName, LiveReceipts)> {
        let (turn, receipts) = self.live.next()?;
        // All live readings cost about the same.
        self.live.charge(&turn, super::turns::TURN);
        Some((turn.subject, receipts))
    }

    /// The part of an export that has its turn.
    pub(super) fn next_export(&mut self) -> Option<(ExportPlace, ExportReceipts)> {
        let (turn, receipts) = self.exports.next()?;
        // A day is about as much work as any other statement.
        self.exports.charge(&turn, super::turns::TURN);
        Some((turn.subject, receipts))
    }

    /// The sites whose overview has its turn.
    pub(super) fn next_overview(&mut self) -> Option<(Vec<SiteName>, OverviewReceipts)> {
        let (turn, receipts) = self.overviews.next()?;
        self.overviews.charge(&turn, super::turns::TURN);
        Some((turn.subject, receipts))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.statistics.is_empty()
            && self.live.is_empty()
            && self.exports.is_empty()
            && self.overviews.is_empty()
            && self.probes.is_empty()
    }

    /// Sends every waiting caller that the database is unavailable.
    pub(super) fn fail(&mut self, failure: &Failure) {
        for waiting in self.statistics.drain() {
            waiting.send(&Err(ReadError::Unavailable));
        }
        for receipt in self.live.drain().flatten() {
            let _ = receipt.send(Err(ReadError::Unavailable));
        }
        for receipt in self.overviews.drain().flatten() {
            let _ = receipt.send(Err(ReadError::Unavailable));
        }
        for receipt in self.exports.drain().flatten() {
            let _ = receipt.send(Err(ReadError::Unavailable));
        }
        for receipt in self.probes.drain(..) {
            let _ = receipt.send(Err(failure.clone()));
        }
    }
}
