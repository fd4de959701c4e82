//! The reader's task: one loop over one connection.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior},
};

use super::{
    error::ReadError,
    live::{self, KeptLiveReadings, LiveReading, PendingLive},
    pending::{Pending, QUEUE_LENGTH, ReadRequest},
    reading::{KeptReadings, ReadResult, Reading},
    session_cache::SessionCache,
};
use crate::{
    domain::statistics::{BadQuery, Live, Plan, Query, Report, Tallies, assemble},
    domain::{CountingMode, CountingRules, SiteName},
    store::{self, Checkout, Connection, Failure, Outage},
    telemetry::percentile,
};

/// How many queries have their last reading kept, for when the database is unavailable.
const KEPT_READINGS: usize = 64;

/// How often the reader logs its summary.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// The state of the reader's task.
pub(super) struct Task {
    connection: Arc<Connection>,
    rules: CountingRules,
    sites: Vec<SiteName>,
    own_page: Query,
    kept: Arc<KeptReadings>,
    kept_live: Arc<KeptLiveReadings>,
    session_cache: SessionCache,
    durations: Vec<Duration>,
    outage: Outage,
}

/// Why an attempt to read found no numbers.
enum NotRead {
    UnknownSite,
    BadQuery(BadQuery),
    /// Another attempt may succeed.
    Failed(Failure),
}

impl From<Failure> for NotRead {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Task {
    pub(super) fn new(
        connection: Arc<Connection>,
        rules: CountingRules,
        sites: Vec<SiteName>,
        kept: Arc<KeptReadings>,
        kept_live: Arc<KeptLiveReadings>,
    ) -> Self {
        Self {
            connection,
            rules,
            own_page: Query::of_site(sites[0].clone()),
            sites,
            kept,
            kept_live,
            session_cache: SessionCache::default(),
            durations: Vec::new(),
            outage: Outage::default(),
        }
    }

    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<ReadRequest>) {
        let mut pending = Pending::default();
        let mut arrived = Vec::new();
        let mut summary = tokio::time::interval(REPORT_INTERVAL);
        summary.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                received = queue.recv_many(&mut arrived, QUEUE_LENGTH) => {
                    if received == 0 {
                        break;
                    }
                }
                _ = summary.tick() => self.log_summary(),
            }
            loop {
                // Requests that arrived during a reading join the next one: the current reading is too old for them.
                while let Ok(request) = queue.try_recv() {
                    arrived.push(request);
                }
                for request in arrived.drain(..) {
                    pending.add(request, &self.own_page);
                }
                if !pending.probes.is_empty() {
                    let outcome = self.connection.check().await;
                    for receipt in pending.probes.drain(..) {
                        let _ = receipt.send(outcome.clone());
                    }
                }
                // A live reading is so short that it may go before any other.
                if let Some(failure) = self.serve_live(&mut pending.live).await {
                    pending.fail(&failure);
                }
                let Some((query, waiting)) = pending.next() else {
                    if pending.live.is_empty() {
                        break;
                    }
                    continue;
                };
                let (result, loss) = self.serve(&query).await;
                waiting.send(&result);
                // Without a connection, fail all waiting requests now instead of letting each one time out.
                if let Some(failure) = loss {
                    pending.fail(&failure);
                }
            }
        }
        self.log_summary();
    }

    /// Reads for a query, twice if the connection was lost: the server may have closed it while idle, and reading changes
    /// nothing. Also returns the failure if the database can't be reached.
    async fn serve(&mut self, query: &Query) -> (ReadResult, Option<Failure>) {
        let mut outcome = self.read(query).await;
        if matches!(outcome, Err(NotRead::Failed(Failure::Lost(_)))) {
            outcome = self.read(query).await;
        }
        self.conclude(outcome)
    }

    fn conclude<T>(&mut self, outcome: Result<T, NotRead>) -> (Result<T, ReadError>, Option<Failure>) {
        let result = match outcome {
            Ok(reading) => Ok(reading),
            Err(NotRead::UnknownSite) => Err(ReadError::UnknownSite),
            Err(NotRead::BadQuery(problem)) => Err(problem.into()),
            Err(NotRead::Failed(failure)) => {
                self.outage.failed(&failure);
                let loss = matches!(failure, Failure::Lost(_)).then_some(failure);
                return (Err(ReadError::Unavailable), loss);
            }
        };
        self.outage.ended();
        (result, None)
    }

    async fn read(&mut self, query: &Query) -> Result<Arc<Reading>, NotRead> {
        let began = Instant::now();
        let connection = self.connection.clone();
        let mut checkout = connection.checkout().await?;
        let plan = match self.rules.plan(query, connection.now()) {
            Ok(plan) => plan,
            Err(problem) => {
                checkout.release(Ok(()))?;
                return Err(NotRead::BadQuery(problem));
            }
        };
        let outcome = self.read_report(&mut checkout, query, &plan).await;
        let Some(report) = checkout.release(outcome)? else { return Err(NotRead::UnknownSite) };
        self.durations.push(began.elapsed());
        let reading = Arc::new(Reading::new(report));
        self.keep(query, &reading);
        Ok(reading)
    }

    /// Keeps a reading. If there are too many, only the default query of each site stays.
    fn keep(&self, query: &Query, reading: &Arc<Reading>) {
        let mut kept = self.kept.lock().expect("the lock is not poisoned: its holders do not panic");
        if kept.len() >= KEPT_READINGS && !kept.contains_key(query) {
            kept.retain(|kept, _| *kept == Query::of_site(kept.site.clone()));
        }
        if kept.len() < KEPT_READINGS || kept.contains_key(query) {
            kept.insert(query.clone(), reading.clone());
        }
    }

    /// The report of a query; `None` for a site that is neither configured nor in the database.
    async fn read_report(
        &mut self,
        checkout: &mut Checkout<'_>,
        query: &Query,
        plan: &Plan,
    ) -> Result<Option<Report>, Failure> {
        let CountingRules { counting_mode: CountingMode { zone, forget }, keeps_all_time, .. } = self.rules.clone();
        let Some(site) = self.session_cache.find_site(checkout, &query.site).await? else {
            let all_time = keeps_all_time.then_some(0.0);
            let empty = || assemble(query, plan, &zone, forget, Tallies::default(), all_time);
            return Ok(self.sites.contains(&query.site).then(empty));
        };
        let mut tallies = store::read_tallies(checkout, site, plan).await?;
        if let Some(breakdown) = &query.breakdown {
            tallies.referrals = store::read_referrals(checkout, site, plan, breakdown).await?;
        }
        let all_time = if keeps_all_time {
            Some(self.session_cache.estimate(checkout, site, tallies.registers_revision).await?)
        } else {
            None
        };
        Ok(Some(assemble(query, plan, &zone, forget, tallies, all_time)))
    }

    /// Serves the next site. Returns the failure if the database can't be reached.
    async fn serve_live(&mut self, pending: &mut PendingLive) -> Option<Failure> {
        let (site, mut receipts) = pending.next()?;
        receipts.retain(|receipt| !receipt.is_closed());
        if receipts.is_empty() {
            return None;
        }
        let mut outcome = self.read_live(&site).await;
        if matches!(outcome, Err(NotRead::Failed(Failure::Lost(_)))) {
            outcome = self.read_live(&site).await;
        }
        let (result, loss) = self.conclude(outcome);
        live::send(receipts, &result);
        loss
    }

    async fn read_live(&mut self, site: &SiteName) -> Result<Arc<LiveReading>, NotRead> {
        let connection = self.connection.clone();
        let mut checkout = connection.checkout().await?;
        let now = connection.now();
        let (first, last) = Live::range(now);
        let found = async {
            let Some(id) = self.session_cache.find_site(&mut checkout, site).await? else {
                return Ok(self.sites.contains(site).then(Default::default));
            };
            store::read_minutes(&mut checkout, id, first, last).await.map(Some)
        };
        let outcome = found.await;
        let Some(counted) = checkout.release(outcome)? else { return Err(NotRead::UnknownSite) };
        let live = Live::assemble(site.clone(), now, &counted);
        let reading = Arc::new(LiveReading::new(live));
        let mut kept = self.kept_live.lock().expect("the lock is not poisoned: its holders do not panic");
        kept.insert(site.clone(), reading.clone());
        Ok(reading)
    }

    fn log_summary(&mut self) {
        let mut durations = std::mem::take(&mut self.durations);
        if durations.is_empty() {
            return;
        }
        durations.sort_unstable();
        tracing::info!(
            event = "reader",
            reads = durations.len(),
            read_ms_p50 = percentile(&durations, 50),
            read_ms_p95 = percentile(&durations, 95),
            read_ms_max = percentile(&durations, 100),
            "read statistics {} times",
            durations.len()
        );
    }
}
