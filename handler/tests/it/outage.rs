//! The database is unavailable: the responses meanwhile, and the recovery without a restart.

use std::time::Instant;

use crate::{
    client::{Request, visitor},
    database::Database,
    host::Host,
    process::PATIENCE,
};

/// Sends visits until one gets 200.
async fn until_counted(host: &Host) {
    let began = Instant::now();
    while host.send(&visitor(1)).await.status != 200 {
        assert!(began.elapsed() < PATIENCE, "no visit is counted");
    }
}

async fn outage(stalled: bool) {
    let (database, cable, host) = Host::through_a_cable().await;
    for number in 0..3 {
        host.send(&visitor(number)).await;
    }
    assert_eq!(host.statistics().await["stale"], false);
    if stalled {
        cable.stall();
    } else {
        cable.cut();
    }
    let page = host.send(&visitor(10)).await;
    assert_eq!((page.status, page.header("content-type")), (503, "text/html; charset=utf-8"));
    assert!(page.header("retry-after").parse::<u32>().is_ok() && !page.body.is_empty());
    assert_eq!(page.header("cache-control"), "no-store");
    let numbers = host.send(&Request::get("/api/statistics")).await;
    assert_eq!(numbers.status, 200);
    let numbers = numbers.json();
    assert_eq!((&numbers["stale"], &numbers["visitors"]["today"]), (&true.into(), &3.into()));
    // A new query has no older response.
    let unknown = host.send(&Request::get("/api/statistics?period=month")).await;
    assert_eq!((unknown.status, unknown.header("content-type")), (503, "application/problem+json"));
    assert!(!unknown.header("retry-after").is_empty());
    assert_eq!(host.ping().await.status, 200);

    cable.mend();
    until_counted(&host).await;
    host.process.wait_until_ready().await;
    let statistics = host.statistics().await;
    assert_eq!(statistics["stale"], false);
    // The visitor that got 503 may be counted, at most once.
    let visitors = statistics["visitors"]["today"].as_i64().unwrap();
    assert!((3..=4).contains(&visitors), "{visitors}");
    database.assert_sound().await;
}

#[tokio::test]
async fn while_connections_break_numbers_are_stale_and_counting_recovers() {
    outage(false).await;
}

#[tokio::test]
async fn while_the_database_is_silent_numbers_are_stale_and_counting_recovers() {
    outage(true).await;
}

#[tokio::test]
async fn without_any_numbers_the_page_is_still_a_page() {
    let database = Database::create().await;
    let nowhere = format!("postgres://footfall@127.0.0.1:{}/none", crate::process::free_port());
    let host = Host::on(&database).with("DATABASE_URL", &nowhere).start().await;
    let page = host.send(&visitor(1)).await;
    assert_eq!((page.status, page.header("content-type")), (503, "text/html; charset=utf-8"));
    assert!(!page.header("retry-after").is_empty() && !page.body.is_empty());
    let numbers = host.send(&Request::get("/api/statistics")).await;
    assert_eq!((numbers.status, numbers.header("content-type")), (503, "application/problem+json"));
    // Responses do not disclose the database's address or its error.
    for answer in [page, numbers] {
        for secret in ["footfall@", "postgres", "refused", "none"] {
            assert!(answer.header("content-type").contains("html") || !answer.text().contains(secret), "{secret}");
        }
    }
}

#[tokio::test]
async fn a_short_interruption_delays_visits_and_rejects_none() {
    let (database, cable, host) = Host::through_a_cable().await;
    host.send(&visitor(0)).await;
    let opened = cable.opened();
    cable.cut();
    let visit = host.send_later(&visitor(1));
    // The handler has tried twice in vain.
    cable.wait_until_opened(opened + 2).await;
    cable.mend();
    assert_eq!(visit.await.unwrap().status, 200);
    assert_eq!((database.visitors_today().await, database.pageviews().await), (2, 2));
    database.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_at_a_stalled_database_gets_503_and_is_counted_at_most_once() {
    const CROWD: usize = 100;
    let (database, cable, host) = Host::through_a_cable().await;
    host.send(&visitor(0)).await;
    cable.stall();
    let crowd: Vec<_> = (1..=CROWD).map(|number| host.send_later(&visitor(number))).collect();
    for answer in crowd {
        assert_eq!(answer.await.unwrap().status, 503);
    }
    cable.mend();
    until_counted(&host).await;
    assert!(usize::try_from(database.visitors_today().await).unwrap() <= CROWD + 1);
    database.assert_sound().await;
}
