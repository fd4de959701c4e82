//! Faults that the oracle found, or provokes too rarely, each reduced to the smallest input.

mod late;
mod locks;
mod lost;
mod months;
mod values;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use handler::{
    domain::statistics::{Filter, Lists, Query, Range, Report, Section},
    domain::{Day, Dimension, Forget, Network},
    recorder::{Imported, LogPrefix},
    store::StatementLimits,
};
use jiff::{Timestamp, tz::TimeZone};
use tokio::time::Instant;

use crate::oracle::{
    run::{Fleet, PATIENT},
    truth::{day_and_hour, day_number},
    world::{Kind, View},
};
use crate::{database::Holder, process::PATIENCE};

/// Some instances on one database, and one site.
struct Stage {
    fleet: Fleet,
}

fn ms(time: &str) -> i64 {
    time.parse::<Timestamp>().unwrap().as_millisecond()
}

fn day(date: &str) -> Day {
    Day::from_number(day_number(date.parse().unwrap()))
}

/// A view of a page at a time (UTC).
fn view(visitor: usize, time: &str, page: &str) -> View {
    let at_ms = ms(time);
    let (day, hour) = day_and_hour(at_ms, &TimeZone::UTC);
    let values = Arc::new([(Dimension::Page, page.to_owned()), (Dimension::Browser, "Browser".to_owned())]);
    View { site: 0, visitor, at_ms, day, hour, kind: Kind::Visitor, is_event: false, values }
}

impl Stage {
    async fn set(instances: usize, now: &str) -> Self {
        Self::set_with(instances, now, Forget::Monthly, PATIENT).await
    }

    async fn set_with(instances: usize, now: &str, forget: Forget, limits: StatementLimits) -> Self {
        crate::oracle::show_log();
        let sites = vec!["example.com".parse().unwrap()];
        let database = Fleet::prepare(&TimeZone::UTC, forget, ms(now)).await;
        let skews = vec![0; instances];
        let fleet = Fleet::start(database, &TimeZone::UTC, forget, ms(now), &skews, sites, limits, |_| true).await;
        Self { fleet }
    }

    async fn time_is(&self, now: &str) {
        self.fleet.set_clock(ms(now));
        self.fleet.database.set_clock(ms(now)).await;
    }

    /// A visit written at its own time, or later.
    async fn visit(&self, instance: usize, view: &View) {
        let visit = self.fleet.visit(instance, view, false);
        let answer_by = Instant::now() + PATIENCE;
        self.fleet.instance(instance).recorder.record(visit, answer_by).await.unwrap();
    }

    /// Visits of one visitor to one page at some times.
    async fn visits(&self, instance: usize, visitor: usize, page: &str, times: &[&str]) {
        for time in times {
            self.visit(instance, &view(visitor, time, page)).await;
        }
    }

    /// Holds back the visit `first` by a lock, and starts `second` meanwhile. The lock is released when `second` waits
    /// too, or has ended without waiting.
    async fn overlap(&self, held: Holder, first: impl Future<Output = ()>, second: impl Future<Output = ()>) {
        const WAITS: &str = "wait_event_type = 'Lock'";
        let database = &self.fleet.database;
        let meanwhile = async {
            database.wait_for_some(WAITS).await;
            let has_ended = AtomicBool::new(false);
            let second = async {
                second.await;
                has_ended.store(true, Ordering::SeqCst);
            };
            let release = async {
                while database.connections(WAITS).await < 2 && !has_ended.load(Ordering::SeqCst) {
                    tokio::task::yield_now().await;
                }
                held.release().await;
            };
            tokio::join!(second, release);
        };
        tokio::join!(first, meanwhile);
    }

    async fn import(&self, instance: usize, log: u8, views: &[View]) -> Imported {
        let visits = views.iter().map(|view| self.fleet.visit(instance, view, true)).collect();
        let upto = LogPrefix { site: self.fleet.sites[0].clone(), digest: [log; 32], bytes: 1 };
        self.fleet.instance(instance).recorder.import(visits, upto).await.unwrap()
    }

    async fn maintain(&self) {
        let problems = self.fleet.maintain().await;
        assert!(problems.is_empty(), "{problems:?}");
    }

    async fn report(&self, first: &str, last: &str) -> Report {
        let query = Query {
            site: self.fleet.sites[0].clone(),
            range: Range::Between(day(first), Some(day(last))),
            step: None,
            lists: Lists::All,
            section: Section { limit: Section::MOST_ROWS, ..Section::default() },
            filter: Filter::default(),
        };
        let network = Network::V4([192, 0, 2, 1]).limited();
        let answer = self.fleet.instance(0).reader.read(query, network, Instant::now() + PATIENCE).await;
        let problems = self.fleet.database.problems().await;
        assert!(problems.is_empty(), "{problems:?}");
        answer.unwrap_or_else(|error| panic!("{error}")).report.clone()
    }

    /// Visitors, new visitors and views.
    async fn numbers(&self, first: &str, last: &str) -> (Option<i64>, Option<i64>, i64) {
        let counts = self.report(first, last).await.counts;
        (counts.visitors, counts.new_visitors, counts.pageviews)
    }
}
