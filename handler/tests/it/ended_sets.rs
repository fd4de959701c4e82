//! Maintenance during counting: one instance maintains, and no visit waits for it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    client::{reported_view, visitor},
    database::Database,
    host::Host,
    process::PATIENCE,
};

/// The first of several periods that ended long ago.
const FIRST: i32 = 10_000;

/// Creates sets of ended periods, each with a fingerprint.
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

/// Each visit gets 200 before the response of maintenance, so none waits for its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_instance_drops_all_ended_sets_while_both_count() {
    const ENDED: i32 = 100;
    let database = Database::create().await;
    let hosts = [Arc::new(Host::start(&database).await), Arc::new(Host::start(&database).await)];
    for host in &hosts {
        host.send(&visitor(0)).await;
    }
    leave_sets(&database, ENDED).await;
    let maintaining: Vec<_> = hosts
        .iter()
        .map(|host| {
            let host = host.clone();
            tokio::spawn(async move { host.maintain().await })
        })
        .collect();
    let (mut number, mut most) = (0, 0);
    while !maintaining.iter().all(tokio::task::JoinHandle::is_finished) {
        number += 1;
        assert_eq!(hosts[number % 2].send(&reported_view(number)).await.status, 204);
        most = most.max(database.connections("true").await);
    }
    let mut dropped = Vec::new();
    for maintained in maintaining {
        dropped.push(maintained.await.unwrap());
    }
    dropped.sort_by_key(|removed| !removed.is_null());
    assert_eq!((&dropped[0], &dropped[1]["sets_dropped"]), (&Value::Null, &ENDED.into()));
    assert!(number > 2, "{number} visits were counted during maintenance");
    assert!(most <= 6, "{most} connections of two instances");
    // Maintenance closes its connection. Recording and reading keep theirs.
    let began = Instant::now();
    while database.connections("true").await > 4 {
        assert!(began.elapsed() < PATIENCE, "the connection of maintenance stays open");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(sets(&database).await, 1);
    assert_eq!(database.visitors_today().await, i64::try_from(number).unwrap() + 1);
    // Another instance can maintain now.
    assert_eq!(hosts[0].maintain().await["sets_dropped"], 0);
    database.assert_sound().await;
}

#[tokio::test]
async fn a_set_that_is_being_read_is_dropped_by_the_next_maintenance() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(0)).await;
    leave_sets(&database, 4).await;
    database.execute("insert into batch values (gen_random_uuid(), now() - interval '1 hour')").await;
    let reader = database.hold(&format!("lock table seen_{FIRST} in access share mode")).await;
    let removed = host.maintain().await;
    // PostgreSQL detaches one set at a time, so no set is dropped. The other work of maintenance is done.
    assert_eq!((&removed["sets_dropped"], &removed["batches_deleted"]), (&0.into(), &1.into()));
    assert_eq!(host.process.wait_for_event("set_kept").await.len(), 1);
    assert_eq!(host.send(&visitor(1)).await.status, 200);
    reader.release().await;
    assert_eq!(host.maintain().await["sets_dropped"], 4);
    assert_eq!(sets(&database).await, 1);
    database.assert_sound().await;
}

#[tokio::test]
async fn during_a_backup_maintenance_drops_no_set_and_visits_count() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(0)).await;
    leave_sets(&database, 4).await;
    let backup = database.hold("lock table seen in access share mode").await;
    for round in 1..=2 {
        database.execute("insert into batch values (gen_random_uuid(), now() - interval '1 hour')").await;
        let removed = host.maintain().await;
        assert_eq!((&removed["sets_dropped"], &removed["batches_deleted"]), (&0.into(), &1.into()), "round {round}");
        assert_eq!(host.send(&visitor(round)).await.status, 200);
    }
    // A month begins while a set is half detached.
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
async fn maintenance_by_a_dead_instance_blocks_other_instances_for_minutes() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(0)).await;
    leave_sets(&database, 2).await;
    database.execute("update setting set maintained_until = database_clock() + interval '5 minutes'").await;
    assert_eq!(host.maintain().await, Value::Null);
    database.execute("update setting set maintained_until = database_clock() - interval '1 second'").await;
    assert_eq!(host.maintain().await["sets_dropped"], 2);
}
