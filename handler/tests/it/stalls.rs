//! Counting continues while other sessions hold locks, a statement stalls, or a connection falls silent.

use std::time::Instant;

use jiff::{Timestamp, tz::TimeZone};
use sqlx::Connection;

use crate::{
    cable::Cable,
    client::{reported_view, visitor},
    database::Database,
    host::Host,
    log::long,
    process::{Folder, HandlerCommand, PATIENCE},
};

fn days_until_next_month() -> i32 {
    let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
    i32::from(today.days_in_month() - today.day() + 1)
}

/// A visit that waits for the backup gets 503, because the backup ends after all visits.
#[tokio::test]
async fn a_backup_blocks_no_visit_even_when_a_month_begins() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(0)).await;
    // pg_dump holds this lock on the parent and on every set.
    let backup = database.hold("lock table seen in access share mode").await;
    let mut number = 0;
    for days in [0, days_until_next_month()] {
        database.shift_clock(days).await;
        for _ in 0..5 {
            number += 1;
            assert_eq!(host.send(&visitor(number)).await.status, 200);
        }
    }
    assert_eq!(database.number("select count(*) from pg_inherits where inhparent = 'seen'::regclass").await, 2);
    // Another instance finds the month open, and maintenance does not wait for the backup.
    let other = Host::start(&database).await;
    assert_eq!(other.send(&visitor(1)).await.status, 200);
    other.maintain().await;
    assert_eq!(database.connections("wait_event_type = 'Lock'").await, 0, "blocked by the backup");
    let open = database.connections("true").await;
    assert!(open <= 6, "{open} connections of two instances: each has one to record, one to read and one to maintain");
    backup.release().await;
    // The first visit after midnight still counts into the old month and shows the instance the new one.
    let days = database.visitors_and_views("localhost").await;
    assert_eq!(days.iter().map(|(_, views)| views).sum::<i64>(), 12);
    assert_eq!(days.iter().map(|(visitors, _)| visitors).sum::<i64>(), 12);
    database.assert_sound().await;
}

#[tokio::test]
async fn instances_that_open_the_same_set_at_once_all_succeed() {
    let database = Database::create().await;
    HandlerCommand::on(&database).run(&["migrate"]);
    let mut sessions = Vec::new();
    for _ in 0..8 {
        sessions.push(database.connect().await);
    }
    for period in 30_000..30_030 {
        let opening: Vec<_> = sessions
            .drain(..)
            .map(|mut session| {
                tokio::spawn(async move {
                    sqlx::query("select open_set($1)").bind(period).execute(&mut session).await.unwrap();
                    session
                })
            })
            .collect();
        for session in opening {
            sessions.push(session.await.unwrap());
        }
    }
    assert_eq!(database.number("select count(*) from pg_inherits where inhparent = 'seen'::regclass").await, 30);
    for session in sessions {
        session.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_visit_that_times_out_on_a_lock_is_retried_and_counted() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(0)).await;
    let holder = database.hold("lock table tally in access exclusive mode").await;
    let visit = host.send_later(&visitor(1));
    let waits = "wait_event_type = 'Lock'";
    database.wait_for_some(waits).await;
    let first = "select max(query_start)::text from pg_stat_activity \
                 where datname = current_database() and application_name = 'footfall'";
    let first = database.texts(first).await.remove(0);
    // The lock is released when the first attempt has timed out and the second one waits.
    database.wait_for_some(&format!("{waits} and query_start > '{first}'")).await;
    holder.release().await;
    assert_eq!(visit.await.unwrap().status, 200);
    assert_eq!((database.visitors_today().await, database.pageviews().await), (2, 2));
    database.assert_sound().await;
}

#[tokio::test]
async fn a_lock_that_stays_leaves_no_statement_waiting() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(0)).await;
    let holder = database.hold("lock table tally in access exclusive mode").await;
    for number in 1..=2 {
        assert_eq!(host.send(&visitor(number)).await.status, 503);
        let waiting = database.connections("wait_event_type = 'Lock'").await;
        assert!(waiting <= 2, "{waiting} statements wait, of one recorder and one reader");
        assert!(database.connections("true").await <= 3);
    }
    // Without new visits, the last statements time out.
    database.wait_for_none("wait_event_type = 'Lock'").await;
    holder.release().await;
    assert_eq!(host.send(&visitor(9)).await.status, 200);
    database.assert_sound().await;
}

#[tokio::test]
async fn every_connection_has_limits_on_the_server() {
    let database = Database::create().await;
    HandlerCommand::on(&database).run(&["migrate"]);
    // Every connection reads the clock, so this clock can store the limits of each session.
    database
        .execute(
            "create table witnessed (pid integer, statement text, lock text, idle text); \
             create or replace function database_clock() returns timestamptz language sql volatile as $$ \
             insert into witnessed select pg_backend_pid(), current_setting('statement_timeout'), \
             current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout'); \
             select clock_timestamp() $$",
        )
        .await;
    let host = Host::start(&database).await;
    host.send(&visitor(1)).await;
    host.maintain().await;
    let limits = "select string_agg(distinct statement || ' ' || lock || ' ' || idle, ', ') from witnessed";
    assert_eq!(database.texts(limits).await, ["10s 2s 10s, 1800ms 1s 1800ms"]);
    assert_eq!(database.number("select count(distinct pid) from witnessed").await, 3);
    // A reading of the handler could follow at any time.
    drop(host);
    database.wait_for_none("true").await;
    database.execute("truncate witnessed").await;
    let folder = Folder::new();
    let log = folder.write("access.log", long(10, 2));
    HandlerCommand::on(&database).run(&["import", "--site", "example.com", &log]);
    // At its end, an import packs days as maintenance does.
    assert_eq!(database.texts(limits).await, ["10s 2s 10s, 20s 10s 20s"]);
    assert_eq!(database.number("select count(distinct pid) from witnessed").await, 3);
}

#[tokio::test]
async fn a_statement_that_stalls_is_retried_over_a_new_connection() {
    let (database, cable, host) = Host::counting_through_a_cable().await;
    cable.silence_connections();
    // The recorder and the reader stall for two seconds each. On a slow machine the last second of the deadline may be
    // too short for everything else. Then the visitor gets 503 and sends the visit again.
    let mut rejected = 0;
    while host.send(&visitor(1)).await.status != 200 {
        rejected += 1;
        assert!(rejected < 20, "no visit is counted over a new connection");
    }
    assert_eq!(database.visitors_today().await, 2);
    assert!((2..=2 + rejected).contains(&database.pageviews().await));
    database.assert_sound().await;
}

#[tokio::test]
async fn a_statement_without_a_response_counts_once() {
    let (database, cable, host) = Host::counting_through_a_cable().await;
    cable.drop_responses();
    let visit = host.send_later(&reported_view(1));
    database.wait_for_pageviews(2).await;
    cable.silence_connections();
    cable.mend();
    assert_eq!(visit.await.unwrap().status, 204);
    assert_eq!((database.visitors_today().await, database.pageviews().await), (2, 2));
    database.assert_sound().await;
}

#[tokio::test]
async fn a_connection_that_falls_silent_in_the_first_migration_is_replaced_and_logged() {
    // Holding the migrations' lock stops the handler in its first migration.
    const MIGRATION_LOCK: i64 = 0x0F00_7FA1;
    let database = Database::create_without_schema().await;
    let cable = Cable::to(&database).await;
    let holder = database.hold(&format!("select pg_advisory_xact_lock({MIGRATION_LOCK})")).await;
    let mut host = Host::on(&database).with("DATABASE_URL", &database.url_by_port(cable.port())).start().await;
    // The handler opens the recorder's connection and the reader's one.
    database.wait_for_connections(2, "wait_event = 'advisory'").await;
    cable.silence_connections();
    holder.release().await;
    // The silent transaction holds the lock now. Meanwhile every request gets a response.
    assert_eq!(host.send(&visitor(1)).await.status, 503);
    let lost = host.process.wait_for_event("database_lost").await;
    assert_eq!(lost[0]["sqlstate"], "migrating timed out");
    let began = Instant::now();
    while host.send(&visitor(1)).await.status != 200 {
        assert!(began.elapsed() < PATIENCE, "no visit is counted");
    }
    assert!(host.process.is_running());
    assert_eq!(database.number("select count(*) from _sqlx_migrations").await, 1);
}
