//! The reader's task: one loop over one connection.

use std::{borrow::Cow, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior},
};

use super::{
    error::ReadError,
    export::{ExportPart, read_part},
    live::{KeptLiveReadings, LiveReading},
    overview::{KeptOverview, OverviewReading},
    partial::{Partial, Piece},
    pending::{ExportPlace, Pending, QUEUE_LENGTH, ReadRequest, Receipts},
    reading::{KeptReadings, Reading},
    session_cache::SessionCache,
};
use crate::{
    domain::statistics::{BadQuery, Live, Overview, Query, Range, Report, assemble},
    domain::{CountingMode, CountingRules, Day, SiteName},
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
    pending: Pending,
    kept: Arc<KeptReadings>,
    kept_live: Arc<KeptLiveReadings>,
    kept_overview: Arc<KeptOverview>,
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

/// The result of one statement.
enum Found {
    /// The site is neither configured nor in the database.
    Nothing,
    /// More pieces of the report follow.
    Piece,
    Report(Box<Report>),
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
        kept_overview: Arc<KeptOverview>,
    ) -> Self {
        Self {
            connection,
            rules,
            pending: Pending::new(Query::of_site(sites[0].clone())),
            sites,
            kept,
            kept_live,
            kept_overview,
            session_cache: SessionCache::default(),
            durations: Vec::new(),
            outage: Outage::default(),
        }
    }

    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<ReadRequest>) {
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
                    self.pending.add(request);
                }
                if !self.pending.probes.is_empty() {
                    let outcome = self.connection.check().await;
                    for receipt in self.pending.probes.drain(..) {
                        let _ = receipt.send(outcome.clone());
                    }
                }
                // A live reading and an overview are so short that one of each may go before any other.
                let loss = self.serve_live().await;
                self.fail_waiting(loss);
                let loss = self.serve_overview().await;
                self.fail_waiting(loss);
                // Exports have turns of their own, a day at a time, between those of the pages.
                let loss = self.serve_export().await;
                self.fail_waiting(loss);
                let loss = self.serve_next().await;
                self.fail_waiting(loss);
                if self.pending.is_empty() {
                    break;
                }
            }
        }
        self.log_summary();
    }

    /// Without a connection, fails all waiting requests now instead of letting each one time out.
    fn fail_waiting(&mut self, loss: Option<Failure>) {
        if let Some(failure) = loss {
            self.pending.fail(&failure);
        }
    }

    /// Runs one statement for the query whose turn it is, and responds if that was the last one. After a lost connection, reads
    /// once more from the beginning: the server may have closed the connection while idle, and reading changes nothing. Returns
    /// the failure if the database can't be reached.
    async fn serve_next(&mut self) -> Option<Failure> {
        let (turn, mut waiting) = self.pending.next()?;
        let mut outcome = self.proceed(&turn.subject, &mut waiting.partial).await;
        if is_lost(&outcome) {
            waiting.partial = None;
            outcome = self.proceed(&turn.subject, &mut waiting.partial).await;
        }
        let cost = waiting.partial.as_ref().map_or(0, Partial::last_cost);
        let (result, loss) = self.conclude(outcome);
        let unfinished = match result.transpose() {
            Some(result) => {
                waiting.send(&result);
                None
            }
            None => Some(waiting),
        };
        self.pending.served(turn, cost, unfinished);
        loss
    }

    /// Sends the result to all who wait for it. Returns the failure if the database can't be reached.
    fn respond<T: Clone>(&mut self, outcome: Result<T, NotRead>, receipts: Receipts<T>) -> Option<Failure> {
        let (result, loss) = self.conclude(outcome);
        for receipt in receipts {
            let _ = receipt.send(result.clone());
        }
        loss
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

    /// Begins or continues a reading with one statement. `None` if more statements follow.
    async fn proceed(&mut self, query: &Query, partial: &mut Option<Partial>) -> Result<Option<Arc<Reading>>, NotRead> {
        let began = Instant::now();
        let connection = self.connection.clone();
        let mut checkout = connection.checkout().await?;
        let partial = if let Some(partial) = partial {
            partial
        } else {
            let known = match since_first_day(&mut checkout, query).await {
                Ok(known) => known,
                Err(failure) => return Err(checkout.release::<NotRead>(Err(failure))?),
            };
            match self.rules.plan(&known, connection.now()) {
                Ok(plan) => partial.insert(Partial::new(query, plan)),
                Err(problem) => {
                    checkout.release(Ok(()))?;
                    return Err(NotRead::BadQuery(problem));
                }
            }
        };
        let outcome = self.read_piece(&mut checkout, query, partial).await;
        let found = checkout.release(outcome)?;
        partial.elapsed += began.elapsed();
        let report = match found {
            Found::Nothing => return Err(NotRead::UnknownSite),
            Found::Piece => return Ok(None),
            Found::Report(report) => *report,
        };
        self.durations.push(partial.elapsed);
        let reading = Arc::new(Reading::new(report));
        self.keep(query, &reading);
        Ok(Some(reading))
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

    /// Reads the next piece of a query's report, and assembles the report after the last one.
    async fn read_piece(
        &mut self,
        checkout: &mut Checkout<'_>,
        query: &Query,
        partial: &mut Partial,
    ) -> Result<Found, Failure> {
        let CountingRules { counting_mode, keeps_all_time, named_events, .. } = self.rules.clone();
        let CountingMode { zone, forget, own_site } = counting_mode;
        // The registers of the estimate are those of the whole site.
        let keeps_all_time = keeps_all_time && query.filter.is_empty();
        self.session_cache.enter(checkout);
        match partial.next() {
            Some(Piece::Lists(slice)) => {
                let known_revision = if keeps_all_time { self.session_cache.known_revision(&query.site) } else { None };
                let Partial { plan, tallies, .. } = &mut *partial;
                store::read_tallies(checkout, &query.site, plan, &slice, &named_events, known_revision, tallies)
                    .await?;
            }
            Some(Piece::Referrals(pairing)) => {
                partial.tallies.referrals =
                    store::read_referrals(checkout, &query.site, &partial.plan, &pairing).await?;
            }
            Some(Piece::Cells(days)) => {
                let Partial { plan, tallies, .. } = &mut *partial;
                if let Some(selection) = &plan.selection {
                    store::read_cells(checkout, &query.site, &days, selection, &mut tallies.selected).await?;
                }
            }
            None => {}
        }
        if !partial.tallies.is_counted && !self.sites.contains(&query.site) {
            return Ok(Found::Nothing);
        }
        if partial.tallies.is_counted && !partial.is_complete() {
            return Ok(Found::Piece);
        }
        // A value may have been counted on other days than the site.
        if query.filter.is_empty() && !partial.has_views_in_range() {
            partial.tallies.last_day = store::read_counted_days(checkout, &query.site).await?.last;
        }
        let mut tallies = std::mem::take(&mut partial.tallies);
        let all_time = keeps_all_time.then(|| self.session_cache.estimate(&query.site, &mut tallies));
        let may_wait = query.filter.is_empty() && (tallies.pageviews == 0 || query.site == own_site);
        let zone_can_change = may_wait && self.zone_can_change(checkout).await?;
        let report = assemble(query, &partial.plan, &zone, forget, tallies, all_time);
        Ok(Found::Report(Box::new(Report { zone_can_change, ..report })))
    }

    /// Whether the time zone can still change. Once it is fixed, it stays so.
    async fn zone_can_change(&mut self, checkout: &mut Checkout<'_>) -> Result<bool, Failure> {
        let cache = &mut self.session_cache;
        let is_known = cache.has_fixed_zone || checkout.had_fixed_zone();
        cache.has_fixed_zone = is_known || store::has_fixed_zone(checkout).await?;
        Ok(!cache.has_fixed_zone)
    }

    /// Serves the next site. Returns the failure if the database can't be reached.
    async fn serve_live(&mut self) -> Option<Failure> {
        let (site, receipts) = self.pending.live.next()?;
        let mut outcome = self.read_live(&site).await;
        if is_lost(&outcome) {
            outcome = self.read_live(&site).await;
        }
        self.respond(outcome, receipts)
    }

    async fn read_live(&mut self, site: &SiteName) -> Result<Arc<LiveReading>, NotRead> {
        let connection = self.connection.clone();
        let mut checkout = connection.checkout().await?;
        let now = connection.now();
        let (first, last) = Live::range(now);
        let outcome = store::read_minutes(&mut checkout, site, first, last).await;
        let found = checkout.release(outcome)?.or_else(|| self.sites.contains(site).then(Default::default));
        let Some(counted) = found else { return Err(NotRead::UnknownSite) };
        let live = Live::assemble(site.clone(), now, &counted);
        let reading = Arc::new(LiveReading::new(live));
        let mut kept = self.kept_live.lock().expect("the lock is not poisoned: its holders do not panic");
        kept.insert(site.clone(), reading.clone());
        Ok(reading)
    }

    /// Serves the next part of an export. Returns the failure if the database can't be reached.
    async fn serve_export(&mut self) -> Option<Failure> {
        let (place, receipts) = self.pending.exports.next()?;
        let mut outcome = self.read_export(&place).await;
        if is_lost(&outcome) {
            outcome = self.read_export(&place).await;
        }
        self.respond(outcome, receipts)
    }

    async fn read_export(&mut self, (site, after): &ExportPlace) -> Result<Arc<ExportPart>, NotRead> {
        let connection = self.connection.clone();
        let mut checkout = connection.checkout().await?;
        let outcome = read_part(&mut checkout, site, *after).await;
        let nothing = || ExportPart::Rest { imported: Vec::new(), annotations: Vec::new() };
        let found = checkout.release(outcome)?.or_else(|| self.sites.contains(site).then(nothing));
        found.map(Arc::new).ok_or(NotRead::UnknownSite)
    }

    /// Serves the next overview. Returns the failure if the database can't be reached.
    async fn serve_overview(&mut self) -> Option<Failure> {
        let (sites, receipts) = self.pending.overviews.next()?;
        let mut outcome = self.read_overview(&sites).await;
        if is_lost(&outcome) {
            outcome = self.read_overview(&sites).await;
        }
        self.respond(outcome, receipts)
    }

    async fn read_overview(&mut self, sites: &[SiteName]) -> Result<Arc<OverviewReading>, NotRead> {
        let connection = self.connection.clone();
        let mut checkout = connection.checkout().await?;
        let today = match Day::containing(connection.now(), &self.rules.counting_mode.zone) {
            Ok(today) => today,
            Err(problem) => {
                checkout.release(Ok(()))?;
                return Err(NotRead::BadQuery(problem.into()));
            }
        };
        let outcome = store::read_overview(&mut checkout, sites, &Overview::days(today)).await;
        let counted = checkout.release(outcome)?;
        let reading = Arc::new(OverviewReading::new(Overview::assemble(today, sites, &counted)));
        let mut kept = self.kept_overview.lock().expect("the lock is not poisoned: its holders do not panic");
        *kept = Some(reading.clone());
        Ok(reading)
    }

    fn log_summary(&mut self) {
        let mut durations = std::mem::take(&mut self.durations);
        let refused = std::mem::take(&mut self.pending.refused);
        if durations.is_empty() && refused == 0 {
            return;
        }
        durations.sort_unstable();
        tracing::info!(
            event = "reader",
            reads = durations.len(),
            refused,
            read_ms_p50 = percentile(&durations, 50),
            read_ms_p95 = percentile(&durations, 95),
            read_ms_max = percentile(&durations, 100),
            "read statistics {} times",
            durations.len()
        );
    }
}

/// Whether the connection was lost, so that another attempt may succeed: the server may have closed it while idle.
const fn is_lost<T>(outcome: &Result<T, NotRead>) -> bool {
    matches!(outcome, Err(NotRead::Failed(Failure::Lost(_))))
}

/// The query with the first day of its range, if that must be read.
async fn since_first_day<'q>(checkout: &mut Checkout<'_>, query: &'q Query) -> Result<Cow<'q, Query>, Failure> {
    if !matches!(query.range, Range::All(_)) {
        return Ok(Cow::Borrowed(query));
    }
    // Without numbers, the range is today.
    let first = store::read_counted_days(checkout, &query.site).await?.first.unwrap_or(Day::from_number(i32::MAX));
    Ok(Cow::Owned(Query { range: Range::All(Some(first)), ..query.clone() }))
}
