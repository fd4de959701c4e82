//! Wrong clocks of instances, midnight by the database's clock, and failover to an older copy of the database.
//!
//! Most instances run inside the test, because a process cannot get another clock.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use handler::{
    clock::Clock,
    config::Config,
    domain::CountingRules,
    domain::statistics::{Query, Report},
    domain::{Classification, Dimension, Network, Visit, VisitKind, VisitorKey, cells::Profile},
    maintenance::Maintenance,
    reader::Reader,
    recorder::Recorder,
    store::{self, StatementLimits},
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tokio::{sync::oneshot, time::Instant};

use crate::{
    client::visitor,
    database::{Database, is_distributed},
    host::Host,
    process::PATIENCE,
};

const HOUR_SECONDS: i64 = 3600;
const DAY_SECONDS: i64 = 24 * HOUR_SECONDS;

/// An instance with its own clock.
struct Instance {
    clock: Clock,
    recorder: Recorder,
    reader: Reader,
    maintenance: Maintenance,
    config: Config,
}

impl Instance {
    async fn start(database: &Database, clock: Clock) -> Self {
        let environment = [("DATABASE_URL".to_owned(), database.url())].into();
        let config = Config::load(&environment).unwrap();
        let store = store::Database::new(&config.database, config.counting_mode(), clock.clone()).await.unwrap();
        let [recording, reading, maintaining] = store.connections([
            StatementLimits::FOR_REQUESTS,
            StatementLimits::FOR_REQUESTS,
            StatementLimits::FOR_MAINTENANCE,
        ]);
        // Migrate now, so that the first visit does not wait for it.
        recording.check().await.unwrap();
        let (recorder, _) = Recorder::start(recording, config.rules(), None);
        let (reader, _) = Reader::start(reading, config.rules(), config.sites.clone());
        let (maintenance, _) =
            Maintenance::start(maintaining, CountingRules { retention_days: Some(100), ..config.rules() }, None);
        Self { clock, recorder, reader, maintenance, config }
    }

    /// An instance with a clock that is wrong by so many seconds.
    async fn off_by(database: &Database, seconds: i64) -> Self {
        let clock = Clock::reading(move || Timestamp::now() + SignedDuration::from_secs(seconds));
        Self::start(database, clock).await
    }

    async fn visit(&self, number: u8) {
        self.visit_at(number, self.clock.now()).await;
    }

    async fn visit_at(&self, number: u8, at: Timestamp) {
        let client = VisitorKey::new(Network::parse_hop(&format!("192.0.2.{number}")).unwrap(), "UA");
        let visit = Visit {
            at,
            site: self.config.sites[0].clone(),
            kind: VisitKind::View,
            values: vec![(Dimension::Page, Cow::Borrowed("/"))],
            profile: Profile::default(),
            network: Some(client.network().limited()),
            classification: Classification::Visitor(client),
        };
        self.recorder.record(visit, Instant::now() + PATIENCE).await.unwrap();
    }

    async fn report(&self) -> Report {
        let query = Query::of_site(self.config.sites[0].clone());
        let network = Network::V4([192, 0, 2, 1]).limited();
        self.reader.read(query, network, Instant::now() + PATIENCE).await.unwrap().report.clone()
    }
}

#[tokio::test]
async fn an_instance_with_a_wrong_clock_counts_by_the_database_clock() {
    let database = Database::create().await;
    let offsets = [0, 400 * DAY_SECONDS, -400 * DAY_SECONDS, 26 * HOUR_SECONDS, -26 * HOUR_SECONDS, 30];
    let mut pageviews = 0;
    for (number, offset) in offsets.into_iter().enumerate() {
        let instance = Instance::off_by(&database, offset).await;
        // One visitor visits this instance only, and one visits every instance.
        instance.visit(u8::try_from(number).unwrap() + 1).await;
        instance.visit(100).await;
        instance.visit(100).await;
        pageviews += 3;
        let report = instance.report().await;
        let visitors = i64::try_from(number).unwrap() + 2;
        assert_eq!((report.today.visitors, report.today.pageviews), (Some(visitors), pageviews), "{offset}");
        assert!(report.as_of.duration_since(Timestamp::now()).abs() < SignedDuration::from_secs(60), "{offset}");
    }
    assert_eq!(database.visitors_and_views("localhost").await, [(7, pageviews)]);
    database.assert_sound().await;
}

#[tokio::test]
async fn maintenance_with_a_wrong_clock_deletes_nothing_early() {
    let database = Database::create().await;
    let right = Instance::off_by(&database, 0).await;
    right.visit(1).await;
    for offset in [400 * DAY_SECONDS, -400 * DAY_SECONDS] {
        let wrong = Instance::off_by(&database, offset).await;
        let removed = wrong.maintenance.run().await.unwrap().expect("no other maintenance is running");
        assert_eq!((removed.salts_forgotten, removed.sets_dropped, removed.tallies_deleted), (0, 0, 0));
        assert_eq!(removed.batches_deleted, 0);
    }
    right.visit(1).await;
    assert_eq!(database.visitors_and_views("localhost").await, [(1, 2)]);
}

#[tokio::test]
async fn a_clock_jump_is_corrected_by_the_next_commit() {
    let database = Database::create().await;
    let offset = Arc::new(AtomicI64::new(0));
    let current = offset.clone();
    let clock = Clock::reading(move || Timestamp::now() + SignedDuration::from_secs(current.load(Ordering::Relaxed)));
    let instance = Instance::start(&database, clock).await;
    instance.visit(1).await;
    // Opens the reader's connection, which sees the time of the database only now.
    instance.report().await;
    // Clocks jump after the sleep of a laptop, or when a wrong time server is corrected.
    for seconds in [40 * DAY_SECONDS, 0] {
        offset.store(seconds, Ordering::Relaxed);
        for _ in 0..3 {
            instance.visit(2).await;
        }
        let difference = instance.report().await.as_of.duration_since(Timestamp::now());
        assert!(difference.abs() < SignedDuration::from_hours(1), "the reader is {difference} off");
    }
    let days = database.visitors_and_views("localhost").await;
    let today = days.iter().max_by_key(|(_, views)| *views).unwrap();
    assert!(today.1 >= 5, "{days:?}");
    assert_eq!(days.iter().map(|(_, views)| views).sum::<i64>(), 7);
    database.assert_sound().await;
}

#[tokio::test]
async fn a_day_begins_at_midnight_of_the_database_clock_and_visitors_stay_known() {
    let database = Database::create().await;
    let instance = Instance::off_by(&database, 0).await;
    instance.visit(1).await;
    for days in 1..=3 {
        database.shift_clock(days).await;
        // The first commit still counts into the old day, and returns the new time.
        instance.visit(1).await;
        instance.visit(1).await;
    }
    assert_eq!(database.visitors_and_views("localhost").await, [(1, 2), (1, 2), (1, 2), (1, 1)]);
    let report = instance.report().await;
    assert_eq!((report.counts.visitors, report.counts.new_visitors), (Some(1), Some(1)));
    assert_eq!((report.counts.daily_visitors, report.counts.pageviews), (4, 7));
    database.assert_sound().await;
}

/// The batch holds the lock of the site's row at its second day, while views of that day wait for the same row.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_two_days_does_not_deadlock_with_views_of_the_second_day() {
    let database = Database::create().await;
    if is_distributed() {
        return; // Citus has no triggers on `seen`.
    }
    let name = database.url().rsplit('/').next().unwrap().to_owned();
    // The server detects a deadlock before any statement times out.
    database.execute(&format!("alter database {name} set deadlock_timeout = '50ms'")).await;
    let one = Arc::new(Instance::start(&database, Clock::system()).await);
    let other = Arc::new(Instance::start(&database, Clock::system()).await);
    one.visit(1).await;
    other.visit(2).await;
    // A trigger blocks visitors that are new today.
    let now = Timestamp::now();
    let block = format!(
        "create function block() returns trigger language plpgsql as \
         $$ begin perform pg_advisory_xact_lock_shared(1); return new; end $$; \
         create trigger block before insert on seen for each row when (new.latest = {}) execute function block()",
        TimeZone::UTC.to_datetime(now).day()
    );
    database.execute(&block).await;
    let holder = database.hold("select pg_advisory_xact_lock(1)").await;
    let visit = |instance: &Arc<Instance>, number, at| {
        let instance = instance.clone();
        let (queue, is_queued) = oneshot::channel();
        let visit = tokio::spawn(async move {
            let mut visiting = std::pin::pin!(instance.visit_at(number, at));
            // The first poll puts the visit into the recorder's queue.
            assert!(futures_util::poll!(visiting.as_mut()).is_pending());
            let _ = queue.send(());
            visiting.await;
        });
        (visit, is_queued)
    };
    // While a view waits, visitors of both days join the next batch.
    let tallies = database.hold("lock table tally in access exclusive mode").await;
    let mut visits = vec![visit(&one, 1, now).0];
    database.wait_for_some("wait_event_type = 'Lock'").await;
    for (number, at) in [(3, now - SignedDuration::from_secs(DAY_SECONDS)), (4, now)] {
        let (visit, is_queued) = visit(&one, number, at);
        is_queued.await.unwrap();
        visits.push(visit);
    }
    tallies.release().await;
    database.wait_for_some("wait_event = 'advisory'").await;
    visits.push(visit(&other, 2, now).0);
    database.wait_for_some("wait_event_type = 'Lock' and wait_event <> 'advisory'").await;
    holder.release().await;
    for visit in visits {
        visit.await.unwrap();
    }
    assert_eq!(database.visitors_and_views("localhost").await, [(1, 1), (3, 5)]);
    database.assert_sound().await;
    // A session reports its deadlocks when it ends, and dropping the test database checks for them.
    database.disconnect().await;
    database.wait_until_alone().await;
}

#[tokio::test]
async fn after_a_failover_to_an_older_copy_missing_visitors_are_counted_again() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    for number in 0..3 {
        host.send(&visitor(number)).await;
    }
    // The copy ends here.
    for table in ["seen", "tally", "cell", "pack", "register", "total", "batch", "minute"] {
        database.execute(&format!("create table copy_{table} as table {table}")).await;
    }
    for number in 3..8 {
        host.send(&visitor(number)).await;
    }
    assert_eq!(host.statistics().await["visitors"]["today"], 8);
    for table in ["seen", "tally", "cell", "pack", "register", "total", "batch", "minute"] {
        database.execute(&format!("truncate {table}; insert into {table} table copy_{table}")).await;
    }
    database.change_server().await;
    database.disconnect().await;
    for number in 0..8 {
        assert_eq!(host.send(&visitor(number)).await.status, 200);
    }
    // The copy has three visitors. The other five are counted again.
    assert_eq!((database.visitors_today().await, database.pageviews().await), (8, 11));
    let statistics = host.statistics().await;
    assert_eq!((&statistics["visitors"]["today"], &statistics["pageviews"]["all_time"]), (&8.into(), &11.into()));
    assert_eq!(statistics["visitors"]["all_time"]["estimate"], 8);
    database.assert_sound().await;
}

#[tokio::test]
async fn after_a_failover_to_an_empty_copy_counting_starts_again() {
    let database = Database::create().await;
    let host = Host::on(&database).with("FOOTFALL_SITES", "example.com").start().await;
    host.process.wait_until_ready().await;
    for number in 0..3 {
        host.send(&visitor(number)).await;
    }
    // Sites have other ids and salts in the copy.
    database
        .execute(
            "truncate seen, tally, cell, pack, register, salt, site, total, batch, minute; insert into site (name) values ('x.example')",
        )
        .await;
    database.change_server().await;
    database.disconnect().await;
    for number in 0..3 {
        assert_eq!(host.send(&visitor(number)).await.status, 200);
    }
    assert_eq!((database.visitors_today().await, database.pageviews().await), (3, 3));
    assert_eq!(host.statistics().await["visitors"]["all_time"]["estimate"], 3);
    database.assert_sound().await;
}
