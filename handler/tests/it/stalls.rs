//! What counting must not wait for: locks that others hold, statements that stall, connections that fell silent. Each of these
//! stopped the first version.

use std::time::{Duration, Instant};

use jiff::{Timestamp, tz::TimeZone};
use sqlx::Connection;

use crate::{
    cable::Cable,
    client::{Request, Response, visitor},
    database::Database,
    host::Host,
    log::long,
    process::{Folder, HandlerCommand, PATIENCE},
};

/// What nobody should notice, on a busy machine.
const SOON: Duration = Duration::from_secs(2);

/// Sends a visit, and says how long it took.
async fn timed(host: &Host, request: &Request) -> (Response, Duration) {
    let began = Instant::now();
    let answer = host.send(request).await;
    (answer, began.elapsed())
}

fn days_until_next_month() -> i32 {
    let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
    i32::from(today.days_in_month() - today.day() + 1)
}

#[tokio::test]
async fn a_backup_that_holds_all_sets_stops_nobody_not_even_when_a_month_begins() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(0)).await;
    // As pg_dump does, on the parent and on every set.
    let backup = database.hold("lock table seen in access share mode").await;
    let mut number = 0;
    for days in [0, days_until_next_month()] {
        database.shift_clock(days).await;
        for _ in 0..20 {
            number += 1;
            let (answer, elapsed) = timed(&host, &visitor(number)).await;
            assert_eq!(answer.status, 200);
            assert!(elapsed < SOON, "{elapsed:?}");
        }
    }
    assert_eq!(database.number("select count(*) from pg_inherits where inhparent = 'seen'::regclass").await, 2);
    // Another instance finds the month open, and maintenance does not wait behind the backup either.
    let other = Host::start(&database).await;
    assert_eq!(other.send(&visitor(1)).await.status, 200);
    other.maintain().await;
    assert_eq!(database.connections("wait_event_type = 'Lock'").await, 0, "stuck behind the backup");
    let open = database.connections("true").await;
    assert!(
        open <= 6,
        "{open} connections: an instance records over one, reads over one, and maintains over one for a moment"
    );
    backup.release().await;
    // One visit told the instance that the next month had begun; everybody else came in it.
    let days = database.visitors_and_views("localhost").await;
    assert_eq!(days.iter().map(|(_, views)| views).sum::<i64>(), 42);
    assert_eq!(days.iter().map(|(visitors, _)| visitors).sum::<i64>(), 42);
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
async fn a_lock_of_a_moment_delays_a_visit_and_does_not_refuse_it() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(0)).await;
    // Longer than a statement waits for a lock: it is given up, and sent again.
    let holder = database.hold("lock table tally in access exclusive mode").await;
    let release = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        holder.release().await;
    });
    let (answer, elapsed) = timed(&host, &visitor(1)).await;
    release.await.unwrap();
    assert_eq!(answer.status, 200);
    assert!((Duration::from_millis(1400)..Duration::from_secs(5)).contains(&elapsed), "{elapsed:?}");
    assert_eq!((database.visitors_today().await, database.pageviews().await), (2, 2));
    database.assert_sound().await;
}

#[tokio::test]
async fn a_lock_that_stays_leaves_no_statement_waiting_behind_it() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(0)).await;
    let holder = database.hold("lock table tally in access exclusive mode").await;
    for number in 1..4 {
        let (answer, elapsed) = timed(&host, &visitor(number)).await;
        assert_eq!(answer.status, 503);
        assert!(elapsed < Duration::from_secs(6), "{elapsed:?}");
        let waiting = database.connections("wait_event_type = 'Lock'").await;
        assert!(waiting <= 2, "{waiting} statements wait, of one recorder and one reader");
        assert!(database.connections("true").await <= 3);
    }
    // Nobody visits any more: what still waits gives up by itself.
    let began = Instant::now();
    while database.connections("wait_event_type = 'Lock'").await > 0 {
        assert!(began.elapsed() < PATIENCE, "a statement waits for ever");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    holder.release().await;
    assert_eq!(host.send(&visitor(9)).await.status, 200);
    database.assert_sound().await;
}

#[tokio::test]
async fn every_connection_has_limits_on_the_servers_side() {
    let database = Database::create().await;
    HandlerCommand::on(&database).run(&["migrate"]);
    // Every connection asks what time it is: a good moment to write down how long it may take.
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
    let of_host = "select string_agg(distinct statement || ' ' || lock || ' ' || idle, ', ') from witnessed";
    assert_eq!(database.texts(of_host).await, ["10s 2s 10s, 1800ms 1s 1800ms"]);
    assert_eq!(database.number("select count(distinct pid) from witnessed").await, 3);
    database.execute("truncate witnessed").await;
    let folder = Folder::new();
    let log = folder.write("access.log", long(10, 2));
    HandlerCommand::on(&database).run(&["import", "--site", "example.com", &log]);
    assert_eq!(database.texts(of_host).await, ["20s 10s 20s"]);
    assert_eq!(database.number("select count(distinct pid) from witnessed").await, 2);
}

#[tokio::test]
async fn a_statement_that_stalls_is_sent_again_over_a_new_connection_within_the_deadline() {
    let (database, cable, host) = Host::counting_through_a_cable().await;
    let mut refused = 0;
    for number in 1..=3 {
        loop {
            cable.silence_connections();
            let (answer, elapsed) = timed(&host, &visitor(number)).await;
            if answer.status == 200 {
                assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
                break;
            }
            // The recorder and the reader stall for two seconds each. A machine that needs more than the one that is left for
            // everything else may say so, and is asked again.
            assert_eq!(answer.status, 503);
            refused += 1;
            assert!(refused < 3, "after {elapsed:?}");
        }
    }
    assert_eq!(database.visitors_today().await, 4);
    assert!((4..=4 + refused).contains(&database.pageviews().await));
    database.assert_sound().await;
}

#[tokio::test]
async fn a_statement_whose_answer_never_comes_is_counted_once_within_the_deadline() {
    let (database, cable, host) = Host::counting_through_a_cable().await;
    cable.drop_responses();
    // It waits for the commit, and for no reading.
    let body = r#"{"s":"localhost","p":"/"}"#;
    let view = visitor(1).to("/v").method("POST").header("Content-Length", &body.len().to_string()).body(body);
    let visit = tokio::spawn({
        let (request, port) = (host.dispatched(&view).unwrap(), host.process.port);
        async move { crate::client::send(port, &request).await }
    });
    let began = Instant::now();
    while database.pageviews().await < 2 {
        assert!(began.elapsed() < PATIENCE, "the statement did not reach the server");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    cable.silence_connections();
    cable.mend();
    assert_eq!(visit.await.unwrap().status, 204);
    assert_eq!((database.visitors_today().await, database.pageviews().await), (2, 2));
    database.assert_sound().await;
}

#[tokio::test]
async fn a_connection_that_falls_silent_in_the_first_migration_is_given_up_told_and_replaced() {
    // Holding the migrations' lock stops the handler in its first migration.
    const MIGRATION_LOCK: i64 = 0x0F00_7FA1;
    let database = Database::create_without_schema().await;
    let cable = Cable::to(&database).await;
    let holder = database.hold(&format!("select pg_advisory_xact_lock({MIGRATION_LOCK})")).await;
    let mut host = Host::on(&database).with("DATABASE_URL", &database.url_by_port(cable.port())).start().await;
    let began = Instant::now();
    database.wait_for_some("wait_event = 'advisory'").await;
    cable.silence_connections();
    holder.release().await;
    // Its transaction has the lock now and will never hear of it. Meanwhile everybody is answered.
    let (answer, elapsed) = timed(&host, &visitor(1)).await;
    assert_eq!(answer.status, 503);
    assert!(elapsed < Duration::from_secs(6), "{elapsed:?}");
    host.process.wait_until_ready().await;
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    assert_eq!(host.send(&visitor(1)).await.status, 200);
    host.process.wait_for_event("database_lost").await;
    assert!(host.process.is_running());
    assert_eq!(database.number("select count(*) from _sqlx_migrations").await, 1);
}
