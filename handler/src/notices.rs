//! Notices to one address of the owner: the summary of each week, and an alert about a spike.
//!
//! They are sent after each run of maintenance. A row of the database decides which instance sends a notice, so each is sent once. This
//! module must not know what a spike is, or what the texts say: `domain/notice.rs` does.

mod delivery;

use std::{sync::Arc, time::Duration};

use jiff::{Timestamp, tz::TimeZone};
use tokio::time::Instant;

use self::delivery::Delivery;
use crate::{
    config::{Config, Webhook},
    domain::{
        Day, Network, SiteName,
        notice::{LastHour, NoticeKind, SUMMARY_SITES, is_spike, spike_text, week_text},
        statistics::{Lists, Query, Range, Report, Section},
    },
    reader::{ReadError, Reader},
    store::{self, Connection, Failure, NoticeId},
};

/// How often a notice is attempted: once a run.
const ATTEMPTS: i16 = 5;

/// How many alerts one run sends.
const ALERTS_A_RUN: usize = 5;

/// How long an attempt keeps others from sending the same notice, if its instance dies: longer than reading and sending take.
const HOLD: Duration = Duration::from_mins(3);

/// How long a report may take.
const READ_WITHIN: Duration = Duration::from_secs(20);

/// Sends notices.
pub struct Notices {
    reader: Reader,
    delivery: Delivery,
    sites: Vec<SiteName>,
    zone: TimeZone,
    /// The public address of the page.
    address: String,
}

/// Why a notice was not sent. Another run retries.
enum NotSent {
    Database(Failure),
    Read(ReadError),
    Delivery(delivery::Problem),
}

impl From<Failure> for NotSent {
    fn from(failure: Failure) -> Self {
        Self::Database(failure)
    }
}

impl From<ReadError> for NotSent {
    fn from(problem: ReadError) -> Self {
        Self::Read(problem)
    }
}

impl NotSent {
    /// For the log: without the address, and without the response.
    fn problem(&self) -> String {
        match self {
            Self::Database(failure) => failure.to_string(),
            Self::Read(problem) => problem.to_string(),
            Self::Delivery(problem) => problem.to_string(),
        }
    }
}

impl Notices {
    /// Notices for the configured address. `None` without one.
    ///
    /// # Errors
    /// If TLS can't be used.
    pub fn new(config: &Config, reader: Reader, address: String) -> anyhow::Result<Option<Self>> {
        let Some(webhook) = config.webhook.clone() else { return Ok(None) };
        let delivery = Delivery::new(webhook)?;
        Ok(Some(Self { reader, delivery, sites: config.sites.clone(), zone: config.zone.clone(), address }))
    }

    /// Sends what is due.
    pub(crate) async fn send_due(&self, connection: &Arc<Connection>) {
        let now = connection.now();
        let Ok(today) = Day::containing(now, &self.zone) else { return };
        let week = NoticeId { kind: NoticeKind::Week, site: None, day: today.monday().plus(-7) };
        self.send(connection, week, async || self.week_text(connection, week.day).await).await;
        match self.spikes(connection, now).await {
            Ok(spikes) => {
                for spike in spikes {
                    self.send(connection, spike.notice, async || self.spike_text(&spike).await).await;
                }
            }
            Err(failure) => log_failure(NoticeKind::Spike, 0, &failure.into()),
        }
    }

    /// Sends a notice, unless it was sent or another instance sends it. Without a text, it counts as sent.
    async fn send(
        &self,
        connection: &Arc<Connection>,
        notice: NoticeId,
        text: impl AsyncFnOnce() -> Result<Option<String>, NotSent>,
    ) {
        let attempt = match hold(connection, notice).await {
            Ok(Some(attempt)) => attempt,
            Ok(None) => return,
            Err(failure) => return log_failure(notice.kind, 0, &failure.into()),
        };
        let outcome = match text().await {
            Ok(Some(text)) => self.delivery.send(&text).await.map_err(NotSent::Delivery),
            Ok(None) => Ok(()),
            Err(problem) => Err(problem),
        };
        // The connection is free while the other server responds.
        let ended = end(connection, notice, outcome.is_ok()).await;
        match outcome.and(ended.map_err(NotSent::from)) {
            Ok(()) => tracing::info!(event = "notice", kind = notice.kind.name(), attempt, "sent a notice"),
            Err(problem) => log_failure(notice.kind, attempt, &problem),
        }
    }

    async fn week_text(&self, connection: &Arc<Connection>, monday: Day) -> Result<Option<String>, NotSent> {
        let days: Vec<Day> = (0..7).map(|days| monday.plus(days)).collect();
        let mut checkout = connection.checkout().await?;
        let outcome = store::find_busiest_sites(&mut checkout, &self.sites, &days).await;
        let sites = checkout.release(outcome)?;
        let mut weeks = Vec::new();
        for site in sites.iter().take(SUMMARY_SITES) {
            weeks.push(self.report(site, Range::LastWeek).await?);
        }
        Ok(week_text(&weeks, sites.len() - weeks.len(), &self.address))
    }

    async fn spike_text(&self, spike: &Spike) -> Result<Option<String>, NotSent> {
        let Spike { site, at, pageviews, before, .. } = spike;
        let today = self.report(site, Range::Today).await?;
        Ok(Some(spike_text(site, *at, *pageviews, before, &today, &self.address)))
    }

    /// The report of a range, with the first row of each list.
    async fn report(&self, site: &SiteName, range: Range) -> Result<Report, ReadError> {
        let section = Section { limit: 1, ..Section::default() };
        let query = Query { range, lists: Lists::All, section, ..Query::of_site(site.clone()) };
        let network = Network::of(std::net::Ipv4Addr::LOCALHOST.into()).limited();
        let reading = self.reader.read(query, network, Instant::now() + READ_WITHIN).await?;
        Ok(reading.report.clone())
    }

    /// The spikes of the last hour, most pageviews first.
    async fn spikes(&self, connection: &Arc<Connection>, now: Timestamp) -> Result<Vec<Spike>, Failure> {
        let Ok(at) = LastHour::before(now, &self.zone) else { return Ok(Vec::new()) };
        let mut checkout = connection.checkout().await?;
        let outcome = store::read_hour(&mut checkout, &self.sites, at).await;
        let mut spikes: Vec<Spike> = checkout
            .release(outcome)?
            .into_iter()
            .map(|(site, (id, mut hours))| {
                let pageviews = hours.remove(&at.day).unwrap_or_default();
                let notice = NoticeId { kind: NoticeKind::Spike, site: Some(id), day: at.day };
                Spike { notice, site, at, pageviews, before: hours.into_values().collect() }
            })
            .filter(|spike| is_spike(spike.pageviews, &spike.before))
            .collect();
        spikes.sort_by_key(|spike| std::cmp::Reverse(spike.pageviews));
        spikes.truncate(ALERTS_A_RUN);
        Ok(spikes)
    }
}

/// An hour of a site with unusually many pageviews.
struct Spike {
    notice: NoticeId,
    site: SiteName,
    at: LastHour,
    pageviews: i64,
    /// The pageviews of the hours that it is compared with. Hours without any are missing.
    before: Vec<i64>,
}

async fn hold(connection: &Arc<Connection>, notice: NoticeId) -> Result<Option<i16>, Failure> {
    let mut checkout = connection.checkout().await?;
    let outcome = store::hold_notice(&mut checkout, notice, HOLD, ATTEMPTS).await;
    checkout.release(outcome)
}

async fn end(connection: &Arc<Connection>, notice: NoticeId, delivered: bool) -> Result<(), Failure> {
    let mut checkout = connection.checkout().await?;
    let outcome = store::end_notice(&mut checkout, notice, delivered).await;
    checkout.release(outcome)
}

fn log_failure(kind: NoticeKind, attempt: i16, problem: &NotSent) {
    let (kind, problem) = (kind.name(), problem.problem());
    tracing::warn!(event = "notice_failed", kind, attempt, of = ATTEMPTS, "could not send a notice: {problem}");
}

/// Connects to the address without sending anything.
///
/// # Errors
/// Why there is no connection, without the address.
pub async fn probe(webhook: &Webhook) -> Result<(), String> {
    let delivery = Delivery::new(webhook.clone()).map_err(|_| "TLS can't be used".to_owned())?;
    delivery.probe().await.map_err(|problem| problem.to_string())
}
