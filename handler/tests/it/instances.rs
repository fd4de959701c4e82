//! Several processes on one database, at once and in sequence: a visitor counts once.

use std::sync::Arc;

use crate::{
    client::{Connection, Request, reported_view, visitor},
    database::Database,
    host::{Host, HostCommand},
    process::HandlerCommand,
};

const INSTANCES: usize = 8;

async fn start_together(starter: &HostCommand) -> Vec<Arc<Host>> {
    let starting: Vec<_> = (0..INSTANCES)
        .map(|_| {
            let starter = starter.clone();
            tokio::spawn(async move {
                let host = starter.start().await;
                host.process.wait_until_ready().await;
                Arc::new(host)
            })
        })
        .collect();
    let mut hosts = Vec::new();
    for host in starting {
        hosts.push(host.await.unwrap());
    }
    hosts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_processes_that_start_at_once_migrate_an_empty_database_once() {
    let database = Database::create_without_schema().await;
    let hosts = start_together(&Host::on(&database)).await;
    assert_eq!(database.number("select count(*) from _sqlx_migrations").await, 1);
    for host in hosts {
        let warnings: Vec<_> = host.process.log().into_iter().filter(|line| line["level"] != "INFO").collect();
        assert!(warnings.is_empty(), "{warnings:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_processes_count_distinct_and_repeated_visitors_exactly() {
    const SHARED: usize = 30;
    const OWN: usize = 20;
    let database = Database::create().await;
    let hosts = start_together(&Host::on(&database)).await;
    let clients: Vec<_> = (0..INSTANCES * 2)
        .map(|client| {
            let host = hosts[client % INSTANCES].clone();
            tokio::spawn(async move {
                let mut connection = Connection::open(host.process.port).await.unwrap();
                let mut refused = 0;
                // Each client sends the shared visitors in its own order, and its own visitors in between.
                for step in 0..SHARED {
                    let shared = (step * (2 * client + 1)) % SHARED;
                    let own = 1000 * (client + 1) + step % OWN;
                    for number in [shared, own] {
                        // A slow machine may return 503, for a visit that may have been counted.
                        loop {
                            let status = host.send_over(&mut connection, &reported_view(number)).await.unwrap().status;
                            if status == 204 {
                                break;
                            }
                            assert_eq!(status, 503);
                            refused += 1;
                            assert!(refused < 20, "too many visits were refused");
                        }
                    }
                }
                refused
            })
        })
        .collect();
    let mut refused = 0;
    for client in clients {
        refused += client.await.unwrap();
    }
    let shared: std::collections::HashSet<usize> =
        (0..INSTANCES * 2).flat_map(|client| (0..SHARED).map(move |step| (step * (2 * client + 1)) % SHARED)).collect();
    let visitors = i64::try_from(shared.len() + INSTANCES * 2 * OWN).unwrap();
    let pageviews = i64::try_from(INSTANCES * 2 * SHARED * 2).unwrap();
    assert_eq!(database.visitors_today().await, visitors);
    assert!((pageviews..=pageviews + refused).contains(&database.pageviews().await));
    assert_eq!(database.number("select count(*) from salt").await, 1);
    assert_eq!(database.number("select count(*) from site").await, 1);
    database.assert_sound().await;
    // Every instance reports the same numbers.
    for host in hosts {
        let statistics = host.statistics().await;
        for period in ["today", "this_week", "this_month"] {
            assert_eq!(statistics["visitors"][period], visitors, "{period}");
        }
    }
}

#[tokio::test]
async fn visitors_stay_known_after_a_stop_or_a_kill() {
    let database = Database::create().await;
    for round in 0..3 {
        let mut host = Host::start(&database).await;
        for number in 0..5 {
            assert_eq!(host.send(&visitor(number)).await.status, 200);
        }
        assert_eq!((database.visitors_today().await, database.pageviews().await), (5, 5 * (round + 1)));
        assert_eq!(host.statistics().await["visitors"]["all_time"]["estimate"], 5);
        if round % 2 == 0 {
            host.process.kill();
        } else {
            assert_eq!(host.process.terminate().await, Some(0));
        }
    }
    database.assert_sound().await;
}

#[tokio::test]
async fn a_plain_server_and_a_functions_host_share_visitors() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    let plain = HandlerCommand::on(&database).with("FOOTFALL_TRUSTED_PROXIES", "1").start().await;
    plain.wait_until_ready().await;
    host.send(&visitor(1)).await;
    let behind_a_proxy = visitor(1).header("X-Forwarded-For", &visitor(1).address);
    assert_eq!(plain.send(&behind_a_proxy).await.status, 200);
    assert_eq!((database.visitors_today().await, database.pageviews().await), (1, 2));
}

#[tokio::test]
async fn a_batch_does_not_wait_for_the_counters_of_another_one() {
    let database = Database::create().await;
    let host = Host::on(&database).with("FOOTFALL_SITES", "example.com").start().await;
    for number in 0..3 {
        assert_eq!(host.send(&visitor(number)).await.status, 200);
    }
    let counters = "select pg_advisory_xact_lock(hashtext('footfall slot'), 0); select from tally for update; \
                    select from total for update; select from minute for update";
    let held = database.hold(counters).await;
    for number in 2..5 {
        assert_eq!(host.send(&visitor(number)).await.status, 200);
    }
    let slots = "select count(distinct slot) from tally where dimension = 0";
    assert_eq!(database.number(slots).await, 2);
    held.release().await;
    assert_eq!(host.send(&visitor(5)).await.status, 200);
    let statistics = host.statistics().await;
    assert_eq!((&statistics["visitors"]["today"], &statistics["pageviews"]["today"]), (&6.into(), &7.into()));
    assert_eq!(statistics["visitors"]["all_time"]["estimate"], 6);
    assert_eq!(host.send(&Request::get("/api/live?site=localhost")).await.json()["pageviews"], 7);
    database.assert_sound().await;

    // After the day, maintenance leaves one row a counter.
    assert_eq!(host.maintain().await["counters_merged"], 0);
    let merged = database.number("select count(*) from tally where slot > 0").await;
    let days = database.days("localhost").await;
    database.execute("update tally set day = day - 2").await;
    assert_eq!(host.maintain().await["counters_merged"], merged);
    assert_eq!(database.number(slots).await, 1);
    database.execute("update tally set day = day + 2").await;
    assert_eq!(database.days("localhost").await, days);
    database.assert_sound().await;
}
