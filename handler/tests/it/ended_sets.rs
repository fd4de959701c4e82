//! Maintenance beside counting: however much there is to remove, nobody waits for it, and one instance does it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    client::{Connection, visitor},
    database::Database,
    host::Host,
    process::PATIENCE,
};

/// The first of many periods that ended long ago.
const FIRST: i32 = 10_000;

/// Leaves sets of ended periods behind, each with a fingerprint.
async fn leave_sets(database: &Database, count: i32) {
    let last = FIRST + count - 1;
    for step in ["perform open_set(period)", "insert into seen values (period, 1, 1)"] {
        let each = format!("do $$ begin for period in {FIRST}..{last} loop {step}; end loop; end $$");
        database.execute(&each).await;
    }
    let salts = format!("select 1, period, null, now() from generate_series({FIRST}, {last}) as period");
    database.execute(&format!("insert into salt (site, period, salt, forget_after) {salts}")).await;
}

async fn sets(database: &Database) -> i64 {
    database.number("select count(*) from pg_class where relname ~ '^seen_[0-9]+$' and relkind = 'r'").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_ended_sets_delay_no_visit_and_one_instance_drops_them() {
    let database = Database::create().await;
    let hosts = [Arc::new(Host::start(&database).await), Arc::new(Host::start(&database).await)];
    for host in &hosts {
        host.send(&visitor(0)).await;
    }
    // What a visit takes on this machine while nothing else happens.
    let mut calm = Duration::ZERO;
    for _ in 0..10 {
        let began = Instant::now();
        hosts[0].send(&visitor(0)).await;
        calm = calm.max(began.elapsed());
    }
    leave_sets(&database, 300).await;
    let maintaining: Vec<_> = hosts
        .iter()
        .map(|host| {
            let host = host.clone();
            tokio::spawn(async move { host.maintain().await })
        })
        .collect();
    let mut connections = Vec::new();
    for host in &hosts {
        connections.push(Connection::open(host.process.port).await.unwrap());
    }
    let (mut slowest, mut number, mut most) = (Duration::ZERO, 0, 0);
    while !maintaining.iter().all(tokio::task::JoinHandle::is_finished) {
        number += 1;
        let place = number % 2;
        let began = Instant::now();
        let answer = hosts[place].send_over(&mut connections[place], &visitor(number)).await.unwrap();
        assert_eq!(answer.status, 200);
        slowest = slowest.max(began.elapsed());
        most = most.max(database.connections("true").await);
    }
    let mut dropped = Vec::new();
    for maintained in maintaining {
        dropped.push(maintained.await.unwrap());
    }
    dropped.sort_by_key(|removed| !removed.is_null());
    assert_eq!((&dropped[0], &dropped[1]["sets_dropped"]), (&Value::Null, &300.into()));
    assert!(number > 20, "only {number} visits met it");
    assert!(slowest < Duration::from_secs(1).max(20 * calm), "a visit took {slowest:?}, and {calm:?} before");
    assert!(most <= 6, "{most} connections of two instances");
    // What maintained is closed again; what records and reads stays.
    let began = Instant::now();
    while database.connections("true").await > 4 {
        assert!(began.elapsed() < PATIENCE, "the connection of maintenance stays open");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(sets(&database).await, 1);
    assert_eq!(database.visitors_today().await, i64::try_from(number).unwrap() + 1);
    // It is free for whoever comes next.
    assert_eq!(hosts[0].maintain().await["sets_dropped"], 0);
    database.assert_sound().await;
}

#[tokio::test]
async fn a_reader_of_an_ended_set_only_postpones_its_end() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(0)).await;
    leave_sets(&database, 4).await;
    database.execute("insert into batch values (gen_random_uuid(), now() - interval '1 hour')").await;
    let reader = database.hold(&format!("lock table seen_{FIRST} in access share mode")).await;
    let removed = host.maintain().await;
    // The others wait for it: PostgreSQL detaches one at a time. Everything else is done all the same.
    assert_eq!((&removed["sets_dropped"], &removed["batches_deleted"]), (&0.into(), &1.into()));
    assert_eq!(host.process.wait_for_event("set_kept").await.len(), 1);
    assert_eq!(host.send(&visitor(1)).await.status, 200);
    reader.release().await;
    assert_eq!(host.maintain().await["sets_dropped"], 4);
    assert_eq!(sets(&database).await, 1);
    database.assert_sound().await;
}

#[tokio::test]
async fn a_backup_that_holds_every_set_postpones_them_all_and_stops_neither_counting_nor_the_rest() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(0)).await;
    leave_sets(&database, 4).await;
    let backup = database.hold("lock table seen in access share mode").await;
    for round in 1..=2 {
        database.execute("insert into batch values (gen_random_uuid(), now() - interval '1 hour')").await;
        let removed = host.maintain().await;
        assert_eq!((&removed["sets_dropped"], &removed["batches_deleted"]), (&0.into(), &1.into()), "round {round}");
        let began = Instant::now();
        assert_eq!(host.send(&visitor(round)).await.status, 200);
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
    // A month begins although a set is half detached.
    database.shift_clock(31).await;
    for _ in 0..2 {
        assert_eq!(host.send(&visitor(3)).await.status, 200);
    }
    assert_eq!(database.connections("wait_event_type = 'Lock'").await, 0);
    backup.release().await;
    assert_eq!(host.maintain().await["sets_dropped"], 4);
    assert_eq!(sets(&database).await, 2);
    database.assert_sound().await;
}

#[tokio::test]
async fn an_instance_that_died_at_it_keeps_the_others_away_for_minutes_only() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(0)).await;
    leave_sets(&database, 2).await;
    database.execute("update setting set maintained_until = database_clock() + interval '5 minutes'").await;
    assert_eq!(host.maintain().await, Value::Null);
    database.execute("update setting set maintained_until = database_clock() - interval '1 second'").await;
    assert_eq!(host.maintain().await["sets_dropped"], 2);
}
