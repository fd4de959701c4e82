//! Maintenance at the end of periods: it deletes salts, sets and old statistics, and nothing else.
//! The database's clock decides, so tests shift that clock.

use crate::{
    client::{Request, visitor},
    database::Database,
    host::Host,
    log::combined,
    process::{Folder, HandlerCommand},
};

/// More days than any fingerprint is stored for.
const LATER: i32 = 65;

#[tokio::test]
async fn maintenance_deletes_nothing_of_open_periods() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(1)).await;
    for _ in 0..2 {
        let removed = host.maintain().await;
        for field in [
            "salts_forgotten",
            "sets_dropped",
            "batches_deleted",
            "minutes_deleted",
            "additions_deleted",
            "counters_merged",
            "tallies_deleted",
            "imported_deleted",
            "registers_deleted",
            "days_packed",
            "cells_deleted",
        ] {
            assert_eq!(removed[field], 0, "{field}");
        }
    }
    host.send(&visitor(1)).await;
    assert_eq!((database.visitors_today().await, database.pageviews().await), (1, 2));
}

#[tokio::test]
async fn maintenance_deletes_salt_and_set_of_an_ended_period_and_keeps_its_statistics() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    for number in 0..4 {
        host.send(&visitor(number)).await;
    }
    let month = database.number("select period from salt").await;
    database.shift_clock(LATER).await;
    // Two visits, because the first commit returns the new time to the instance.
    for number in 0..2 {
        host.send(&visitor(number)).await;
    }
    assert_eq!(database.number("select count(*) from salt where salt is not null").await, 2);
    let removed = host.maintain().await;
    assert_eq!((&removed["salts_forgotten"], &removed["sets_dropped"]), (&1.into(), &1.into()));
    assert_eq!(
        database.number(&format!("select period from salt where salt is null and period = {month}")).await,
        month
    );
    assert_eq!(database.number(&format!("select count(*) from pg_class where relname = 'seen_{month}'")).await, 0);
    assert_eq!(database.number("select count(*) from salt where salt is not null").await, 1);
    let days = database.days("localhost").await;
    assert_eq!(days.iter().map(|(_, visitors, views)| (*visitors, *views)).collect::<Vec<_>>(), [(4, 5), (1, 1)]);
    database.assert_sound().await;
}

#[tokio::test]
async fn a_visit_to_a_period_closed_by_another_instance_counts_as_a_pageview_only() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    for number in 0..3 {
        host.send(&visitor(number)).await;
    }
    database.execute("update salt set forget_after = now() - interval '1 hour'").await;
    // Another instance closes the month. In the cache of this instance, the month is still open.
    let other = Host::start(&database).await;
    other.maintain().await;
    for number in 10..13 {
        assert_eq!(host.send(&visitor(number)).await.status, 200);
    }
    let statistics = host.statistics().await;
    assert_eq!((&statistics["visitors"]["today"], &statistics["pageviews"]["today"]), (&3.into(), &6.into()));
    assert_eq!(statistics["excluded"]["late"], 3);
    // The closed month gets no new salt.
    assert_eq!(database.number("select count(*) from salt where salt is null").await, 1);
}

#[tokio::test]
async fn maintenance_drops_a_set_whose_salt_is_deleted() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(1)).await;
    // The state after a kill between the deletion of the salt and that of the set.
    database.execute("update salt set salt = null").await;
    assert_eq!(host.maintain().await["sets_dropped"], 1);
    assert_eq!(host.maintain().await["sets_dropped"], 0);
}

#[tokio::test]
async fn imported_lines_of_a_closed_month_are_rejected_with_their_line_numbers() {
    let database = Database::create().await;
    let folder = Folder::new();
    let plain = HandlerCommand::on(&database);
    let line = |day: &str, last: usize| {
        combined(&format!("192.0.2.{last}"), &format!("{day}:12:00:00 +0000"), "/", "Firefox/1")
    };
    let first = folder.write("first.log", line("17/May/2015", 1) + &line("17/May/2015", 2));
    plain.run(&["import", "--site", "example.com", &first]);
    let host = Host::start(&database).await;
    database.execute("update salt set forget_after = now() - interval '1 hour'").await;
    assert_eq!(host.maintain().await["salts_forgotten"], 1);
    // Days of May (closed), of June (a visitor may have come in May, too), and of July.
    let lines = line("17/May/2015", 3) + &line("01/Jul/2015", 1) + &line("18/May/2015", 1) + &line("30/Jun/2015", 1);
    let second = folder.write("second.log", lines);
    let summary = plain.run(&["import", "--json", "--site", "example.com", &second]).json();
    assert_eq!(summary["refused"]["closed_period"]["lines"], 3);
    let named = serde_json::json!([format!("{second}:1"), format!("{second}:3"), format!("{second}:4")]);
    assert_eq!(summary["refused"]["closed_period"]["first"], named);
    assert_eq!(summary["pageviews"], 1);
    let days = database.days("example.com").await;
    assert_eq!(
        days.iter().map(|(_, visitors, pageviews)| (*visitors, *pageviews)).collect::<Vec<_>>(),
        [(2, 2), (1, 1)]
    );
    // The same month of another site is open.
    let summary = plain.run(&["import", "--json", "--site", "example.org", &first]).json();
    assert_eq!((&summary["pageviews"], &summary["refused"]), (&2.into(), &serde_json::json!({})));
    database.assert_sound().await;
}

#[tokio::test]
async fn statistics_beyond_the_retention_are_deleted_and_all_time_totals_stay() {
    let database = Database::create().await;
    let folder = Folder::new();
    let old = folder.write("old.log", combined("192.0.2.1", "17/May/2015:12:00:00 +0000", "/", "Firefox/1"));
    HandlerCommand::on(&database).run(&["import", "--site", "localhost", &old]);
    let host = Host::on(&database).with("FOOTFALL_RETENTION_DAYS", "400").start().await;
    host.process.wait_until_ready().await;
    host.send(&visitor(1)).await;
    assert_eq!(database.days("localhost").await.len(), 2);
    // Total, hour of the day, page, entry page, channel, browser, system, device, country and language.
    assert_eq!(host.maintain().await["tallies_deleted"], 10);
    let days = database.days("localhost").await;
    assert_eq!(days.iter().map(|(_, visitors, pageviews)| (*visitors, *pageviews)).collect::<Vec<_>>(), [(1, 1)]);
    assert_eq!(database.pageviews().await, 2);
    let statistics = host.statistics().await;
    assert_eq!(statistics["visitors"]["all_time"]["estimate"], 2);
    assert_eq!(statistics["pageviews"]["all_time"], 2);
    assert_eq!(host.maintain().await["tallies_deleted"], 0);
}

/// A database with many sites, whose clock moves by 20 s with each site that a run has finished. `witnessed` has a row for each of
/// these sites: whether the lease had ended.
async fn with_slow_sites() -> (Database, Host) {
    let database = Database::create().await;
    let host = Host::on(&database).with("FOOTFALL_RETENTION_DAYS", "400").start().await;
    host.process.wait_until_ready().await;
    database
        .execute(
            "insert into site (name) select n || '.example' from generate_series(1, 60) as n; \
             create table moved as select 0 as seconds; create table witnessed (ended boolean); \
             create or replace function database_clock() returns timestamptz language sql volatile as \
             $$ select clock_timestamp() + make_interval(secs => (select seconds from moved)) $$; \
             create function witness() returns trigger language plpgsql as $$ begin \
             update moved set seconds = seconds + 20; \
             insert into witnessed select maintained_until < database_clock() from setting; return null; end $$; \
             create trigger witness after delete on imported_tally for each statement execute function witness()",
        )
        .await;
    (database, host)
}

#[tokio::test]
async fn a_long_run_keeps_its_lease_until_the_end() {
    let (database, host) = with_slow_sites().await;
    assert_eq!(host.maintain().await["imported_deleted"], 0);
    assert_eq!(database.texts("select ended || ' ' || count(*) from witnessed group by ended").await, ["false 60"]);
    assert_eq!(database.number("select count(maintained_until) from setting").await, 0);
}

#[tokio::test]
async fn a_run_ends_when_another_instance_has_taken_its_lease() {
    let (database, host) = with_slow_sites().await;
    database
        .execute(
            "create function take() returns trigger language plpgsql as $$ begin \
             if (select count(*) = 3 from witnessed) then \
             update setting set maintained_until = '2999-01-01'; end if; return null; end $$; \
             create trigger zz_take after delete on imported_tally for each statement execute function take()",
        )
        .await;
    assert_eq!(host.maintain().await, serde_json::Value::Null);
    let sites = database.number("select count(*) from witnessed").await;
    assert!((3..20).contains(&sites), "{sites} sites of 60");
    // The lease of the other instance stays.
    assert_eq!(database.texts("select extract(year from maintained_until)::text from setting").await, ["2999"]);
}

#[tokio::test]
async fn batch_ids_are_deleted_after_ten_minutes() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&Request::get("/")).await;
    let insert = "insert into batch values (gen_random_uuid(), now() - interval";
    database.execute(&format!("{insert} '11 minutes'); {insert} '9 minutes')")).await;
    assert_eq!(host.maintain().await["batches_deleted"], 1);
    assert_eq!(database.number("select count(*) from batch").await, 2);
}

#[tokio::test]
async fn maintenance_skips_batch_ids_locked_by_their_sender() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    let insert = "insert into batch values (gen_random_uuid(), now() - interval";
    database.execute(&format!("{insert} '11 minutes'); {insert} '12 minutes')")).await;
    let sender = database.hold("delete from batch where committed < now() - interval '11.5 minutes'").await;
    assert_eq!(host.maintain().await["batches_deleted"], 1);
    sender.release().await;
    assert_eq!(database.number("select count(*) from batch").await, 0);
}

#[tokio::test]
async fn maintenance_returns_503_while_the_database_is_unavailable() {
    let database = Database::create().await;
    let nowhere = format!("postgres://footfall@127.0.0.1:{}/none", crate::process::free_port());
    let host = Host::on(&database).with("DATABASE_URL", &nowhere).start().await;
    let response = host.fire("function-maintenance").await;
    assert_eq!((response.status, response.header("retry-after").is_empty()), (503, false));
}

#[tokio::test]
async fn every_connection_turns_jit_off() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(0)).await;
    // A trigger stores the session's setting with each write.
    database.execute("create table compiling (setting text)").await;
    database
        .execute(
            "create function note_compiling() returns trigger language plpgsql as
             $$ begin insert into compiling values (current_setting('jit')); return new; end $$",
        )
        .await;
    for table in ["batch", "setting"] {
        let sql = format!(
            "create trigger note before insert or update on {table} for each row execute function note_compiling()"
        );
        database.execute(&sql).await;
    }
    host.send(&visitor(1)).await;
    host.maintain().await;
    assert!(database.number("select count(*) from compiling").await >= 2, "recorder and maintenance");
    assert_eq!(database.texts("select distinct setting from compiling").await, ["off"]);
}
