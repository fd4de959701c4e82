//! Grouped reads: one reading serves every caller with the same query. The reader owns numbers only; `http` renders them.
//!
//! A visitor's reading begins after the visit's commit, so visitors always see themselves counted. Other callers may get a
//! reading of the last second. Reading is fair by network: networks take turns, and one of them may have only a few queries
//! waiting. The last readings are kept, so that a page can be shown, marked as stale, while the database is unavailable.

mod error;
mod export;
mod live;
mod overview;
mod partial;
mod pending;
mod reading;
mod session_cache;
mod task;
mod turns;

use std::{
    collections::HashMap,
    sync::{Arc, MutexGuard},
};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::Instant,
};

pub use self::{
    error::{ReadError, RecordError},
    export::ExportPart,
    live::LiveReading,
    overview::OverviewReading,
    reading::{ReadResult, Reading},
};
use self::{
    export::ExportResult,
    live::{KeptLiveReadings, LiveResult},
    overview::{KeptOverview, OverviewResult},
    pending::{QUEUE_LENGTH, ReadRequest, StatisticsRequest},
    reading::{KeptReadings, SHARED_FOR},
    task::Task,
};
use crate::{
    domain::statistics::{BadQuery, Lists, Plan, Query, Range},
    domain::{CountingMode, CountingRules, Day, LimitedNetwork, SiteName},
    store::{Connection, Failure},
};

/// A handle to the reader; cheap to clone.
#[derive(Clone)]
pub struct Reader {
    requests: mpsc::Sender<ReadRequest>,
    kept: Arc<KeptReadings>,
    kept_live: Arc<KeptLiveReadings>,
    kept_overview: Arc<KeptOverview>,
    connection: Arc<Connection>,
    rules: CountingRules,
}

impl Reader {
    /// Starts the reader's task. `sites` are the counted ones: they have statistics even before their first visit, and `/` shows the
    /// first.
    pub fn start(connection: Arc<Connection>, rules: CountingRules, sites: Vec<SiteName>) -> (Self, JoinHandle<()>) {
        let (requests, queue) = mpsc::channel(QUEUE_LENGTH);
        let (kept, kept_live) = (Arc::<KeptReadings>::default(), Arc::<KeptLiveReadings>::default());
        let kept_overview = Arc::<KeptOverview>::default();
        let task =
            Task::new(connection.clone(), rules.clone(), sites, kept.clone(), kept_live.clone(), kept_overview.clone());
        (Self { requests, kept, kept_live, kept_overview, connection, rules }, tokio::spawn(task.run(queue)))
    }

    /// Reads the current numbers for a client of this network, and waits for them until `answer_by`.
    ///
    /// # Errors
    /// If the site is unknown, the query invalid, the database unavailable, or too many queries of the network wait; see
    /// [`Reader::last_known`].
    pub async fn read(&self, query: Query, network: LimitedNetwork, answer_by: Instant) -> ReadResult {
        let request = |receipt| {
            let receipts = vec![(network, receipt)];
            ReadRequest::Statistics(StatisticsRequest { query, receipts, done_guard: None })
        };
        self.request(request, answer_by).await.unwrap_or(Err(ReadError::Unavailable))
    }

    /// Reads the numbers once for all of these receipts. The returned channel closes when every receipt has its result.
    /// If the queue is full, the result is [`ReadError::Unavailable`].
    pub fn read_for(
        &self,
        query: Query,
        receipts: Vec<(LimitedNetwork, oneshot::Sender<ReadResult>)>,
    ) -> oneshot::Receiver<()> {
        let (done_guard, done) = oneshot::channel();
        let request = StatisticsRequest { query, receipts, done_guard: Some(done_guard) };
        if let Err(rejected) = self.requests.try_send(ReadRequest::Statistics(request))
            && let ReadRequest::Statistics(StatisticsRequest { receipts, .. }) = rejected.into_inner()
        {
            for (_, receipt) in receipts {
                let _ = receipt.send(Err(ReadError::Unavailable));
            }
        }
        done
    }

    /// The current numbers, or those of up to a second ago.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub async fn read_recent(&self, query: Query, network: LimitedNetwork, answer_by: Instant) -> ReadResult {
        let recent = {
            let kept = self.kept_readings();
            kept.get(&query).filter(|reading| reading.age() < SHARED_FOR && reading.is_newest(&query, &kept)).cloned()
        };
        match recent {
            Some(reading) => Ok(reading),
            None => self.read(query, network, answer_by).await,
        }
    }

    /// As [`Reader::read_recent`]; without current numbers, [`Reader::last_known`].
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub async fn read_recent_or_stale(&self, query: Query, network: LimitedNetwork, answer_by: Instant) -> ReadResult {
        match self.read_recent(query.clone(), network, answer_by).await {
            Err(problem) if problem.may_pass() => self.last_known(&query).ok_or(problem),
            result => result,
        }
    }

    /// The last minutes of a site, now or up to a second ago.
    ///
    /// # Errors
    /// As [`Reader::read`]. There is no stale reading: live numbers are useful only now.
    pub async fn read_live(&self, site: SiteName, network: LimitedNetwork, answer_by: Instant) -> LiveResult {
        let kept =
            self.kept_live.lock().expect("the lock is not poisoned: its holders do not panic").get(&site).cloned();
        if let Some(reading) = kept.filter(|kept| kept.age() < SHARED_FOR) {
            return Ok(reading);
        }
        let request = |receipt| ReadRequest::Live(site, network, receipt);
        self.request(request, answer_by).await.unwrap_or(Err(ReadError::Unavailable))
    }

    /// The part of a site's export that follows a day, or its first part.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub async fn read_export(
        &self,
        site: SiteName,
        after: Option<Day>,
        network: LimitedNetwork,
        answer_by: Instant,
    ) -> ExportResult {
        let request = |receipt| ReadRequest::Export((site, after), network, receipt);
        self.request(request, answer_by).await.unwrap_or(Err(ReadError::Unavailable))
    }

    /// The visitors of these sites on the last days, now or up to a second ago.
    ///
    /// # Errors
    /// If the database is unavailable, or too many queries of the network wait.
    pub async fn read_overview(
        &self,
        sites: Vec<SiteName>,
        network: LimitedNetwork,
        answer_by: Instant,
    ) -> OverviewResult {
        let kept = self.kept_overview.lock().expect("the lock is not poisoned: its holders do not panic").clone();
        if let Some(reading) = kept.filter(|kept| kept.serves(&sites, SHARED_FOR)) {
            return Ok(reading);
        }
        let request = |receipt| ReadRequest::Overview(sites, network, receipt);
        self.request(request, answer_by).await.unwrap_or(Err(ReadError::Unavailable))
    }

    /// The last reading of this query, marked as stale.
    pub fn last_known(&self, query: &Query) -> Option<Arc<Reading>> {
        Some(self.kept_readings().get(query)?.stale())
    }

    /// Checks a query without reading.
    ///
    /// # Errors
    /// Why the query is invalid.
    pub fn check(&self, query: &Query) -> Result<(), BadQuery> {
        // The length of the whole time is unknown until it is read.
        match query.range {
            Range::All(_) => Ok(()),
            _ => self.rules.plan(query, self.connection.now()).map(drop),
        }
    }

    /// Checks that the database responds and its schema is up to date.
    ///
    /// # Errors
    /// How it failed.
    pub async fn ready(&self, answer_by: Instant) -> Result<(), Failure> {
        let timed_out = || Err(Failure::lost("timed out"));
        self.request(ReadRequest::Ready, answer_by).await.unwrap_or_else(timed_out)
    }

    fn kept_readings(&self) -> MutexGuard<'_, HashMap<Query, Arc<Reading>>> {
        self.kept.lock().expect("the lock is not poisoned: its holders do not panic")
    }

    /// Sends a request and waits for its result. `None` if the queue is full or the time is over.
    async fn request<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> ReadRequest,
        answer_by: Instant,
    ) -> Option<T> {
        let (receipt, result) = oneshot::channel();
        self.requests.try_send(request(receipt)).ok()?;
        tokio::time::timeout_at(answer_by, result).await.ok()?.ok()
    }
}

impl CountingRules {
    /// The rows that a query needs at this time.
    fn plan(&self, query: &Query, now: Timestamp) -> Result<Plan, BadQuery> {
        let CountingMode { zone, forget, .. } = &self.counting_mode;
        let has_cells = self.smallest_group.is_some();
        let plan =
            |query: &Query| query.plan(now, zone, *forget, self.first_kept(now)).map(|plan| Plan { has_cells, ..plan });
        if has_cells || query.filter.is_empty() {
            return plan(query);
        }
        if query.filter.combines() {
            return Err(BadQuery::CombinationsOff);
        }
        // Of all lists, only referrals are counted: those that belong to the list that is asked for, or to no list.
        let asked = if let Lists::One(_) = query.lists { query.lists } else { Lists::None };
        let lists = if query.lists_referrals() { query.lists } else { Lists::None };
        Ok(Plan { selection: None, lists, ..plan(&Query { lists: asked, ..query.clone() })? })
    }
}
