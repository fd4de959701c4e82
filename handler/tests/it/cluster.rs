//! `handler distribute`, and what only a cluster of Citus does. The tests that need a cluster say so when they do not run. On a
//! cluster, all other tests use distributed databases, too.

use std::io::Write;

use crate::{
    client::{Request, visitor},
    database::{Database, is_distributed, make_cluster, on_each_worker},
    host::Host,
    process::HandlerCommand,
};

/// Whether the tests run on a cluster. Prints a line if not.
pub(crate) fn has_cluster() -> bool {
    if !is_distributed() {
        let thread = std::thread::current();
        // Not by a macro, whose output the test harness would capture.
        let _ =
            writeln!(std::io::stderr(), "not run without scripts/with-citus: {}", thread.name().unwrap_or_default());
    }
    is_distributed()
}

/// A cluster whose sets the coordinator holds.
pub(crate) async fn cluster() -> Database {
    let database = Database::create_without_schema().await;
    make_cluster(database.name(), true).await;
    assert_eq!(HandlerCommand::on(&database).run(&["migrate"]).code, Some(0));
    database
}

async fn visitors(host: &Host) -> serde_json::Value {
    let statistics = host.send(&Request::get("/api/statistics?period=60d")).await.json();
    serde_json::json!([statistics["range"], statistics["pages"], statistics["series"]])
}

#[tokio::test]
async fn distribute_names_what_one_server_lacks() {
    let database = Database::create_without_schema().await;
    let outcome = HandlerCommand::on(&database).run(&["distribute"]);
    assert_eq!((outcome.code, outcome.stderr.lines().count()), (Some(1), 1), "{outcome:?}");
    assert!(outcome.stderr.contains("create extension citus"), "{outcome:?}");
    assert!(!HandlerCommand::on(&database).run(&["doctor"]).stdout.contains("cluster"));
}

#[tokio::test]
async fn distribute_names_a_cluster_without_workers() {
    if !has_cluster() {
        return;
    }
    let database = Database::create_without_schema().await;
    make_cluster(database.name(), false).await;
    let outcome = HandlerCommand::on(&database).run(&["distribute"]);
    assert_eq!((outcome.code, outcome.stderr.lines().count()), (Some(1), 1), "{outcome:?}");
    assert!(outcome.stderr.contains("citus_add_node"), "{outcome:?}");
}

/// Visits before and after in the same months: no visitor is new twice, and no visitor is forgotten.
#[tokio::test]
async fn distribute_moves_the_sets_of_open_months_while_instances_run() {
    if !has_cluster() {
        return;
    }
    let database = cluster().await;
    let host = Host::start(&database).await;
    for number in 0..20 {
        host.send(&visitor(number)).await;
    }
    database.shift_clock(31).await;
    for number in 10..30 {
        host.send(&visitor(number)).await;
    }
    let before = visitors(&host).await;
    let doctor = || HandlerCommand::on(&database).run(&["doctor"]).stdout;
    assert!(doctor().contains("the coordinator holds all sets, and 2 servers can share them"), "{}", doctor());
    for expected in ["distributed now, over 2 servers", "distributed already, over 2 servers"] {
        let outcome = HandlerCommand::on(&database).run(&["distribute"]);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
        assert!(outcome.stdout.contains(expected), "{outcome:?}");
    }
    assert!(doctor().contains("the sets are distributed over 2 servers"), "{}", doctor());
    assert_eq!(visitors(&host).await, before);
    // Each of these has come before: 0 to 9 in the month before, 10 to 29 today.
    let new = "select sum(visitors[1]) from tally where dimension = 0";
    let newcomers = database.number(new).await;
    for number in 0..30 {
        assert_eq!(host.send(&visitor(number)).await.status, 200);
    }
    assert_eq!(database.number(new).await, newcomers);
    host.send(&visitor(30)).await;
    assert_eq!(database.number(new).await, newcomers + 1);
    let held = "select sum(pg_relation_size(oid)) from pg_class where relname ~ '^seen' and relkind = 'r'";
    assert_eq!(database.number(held).await, 0, "the coordinator keeps fingerprints");
    database.assert_sound().await;
}

/// `analyze` would copy fingerprints into `pg_statistic`, where they would outlive their set.
#[tokio::test]
async fn no_worker_keeps_statistics_of_fingerprints_or_a_set_that_was_dropped() {
    if !has_cluster() {
        return;
    }
    let moved = cluster().await;
    moved.execute("select open_set(100)").await;
    moved.execute("insert into seen select 100, number, 1 from generate_series(1, 1000) as number").await;
    assert_eq!(HandlerCommand::on(&moved).run(&["distribute"]).code, Some(0));
    for database in [moved, Database::create().await] {
        database.execute("select open_set(101)").await;
        database.execute("insert into seen select 101, number, 1 from generate_series(1, 1000) as number").await;
        let sets = "select count(*) from pg_class where relname ~ '^seen_10[01]_' and relkind = 'r'";
        assert!(on_each_worker(&database, sets).await.iter().all(|sets| *sets > 0));
        let statistics = "select count(*) from pg_attribute join pg_class on pg_class.oid = attrelid \
             where attname = 'fingerprint' and relkind in ('r', 'p') and relname ~ '^seen' and attstattarget <> 0";
        assert_eq!(on_each_worker(&database, statistics).await, [0, 0]);
        // No salt has ever existed for these periods, so maintenance drops their sets.
        let host = Host::start(&database).await;
        host.send(&visitor(0)).await;
        assert!(host.maintain().await["sets_dropped"].as_u64() >= Some(1));
        assert_eq!(on_each_worker(&database, sets).await, [0, 0]);
        assert_eq!(host.send(&visitor(1)).await.status, 200);
    }
}
