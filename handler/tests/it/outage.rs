//! The database is away: what is said, what is still shown, and that everything comes back by itself.

use std::time::{Duration, Instant};

use crate::{
    client::{Request, Response, visitor},
    database::Database,
    host::Host,
    process::PATIENCE,
};

/// Five seconds for the commit, and one more for a busy machine to say so.
const DEADLINE: Duration = Duration::from_secs(6);

async fn in_time(answer: impl Future<Output = Response>) -> Response {
    tokio::time::timeout(DEADLINE, answer).await.expect("an answer within the deadline")
}

/// Sends visits until one is answered 200 again; how many were not.
async fn until_counted(host: &Host) -> usize {
    let began = Instant::now();
    let mut refused = 0;
    while host.send(&visitor(1)).await.status != 200 {
        assert!(began.elapsed() < PATIENCE, "it did not come back");
        refused += 1;
    }
    refused
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
    let page = in_time(host.send(&visitor(10))).await;
    assert_eq!((page.status, page.header("content-type")), (503, "text/html; charset=utf-8"));
    assert!(page.header("retry-after").parse::<u32>().is_ok() && !page.body.is_empty());
    assert_eq!(page.header("cache-control"), "no-store");
    let numbers = in_time(host.send(&Request::get("/api/statistics"))).await;
    assert_eq!(numbers.status, 200);
    let numbers = numbers.json();
    assert_eq!((&numbers["stale"], &numbers["visitors"]["today"]), (&true.into(), &3.into()));
    // A question that was never answered before has no old answer.
    let unknown = in_time(host.send(&Request::get("/api/statistics?period=month"))).await;
    assert_eq!((unknown.status, unknown.header("content-type")), (503, "application/problem+json"));
    assert!(!unknown.header("retry-after").is_empty());
    assert_eq!(host.ping().await.status, 200);

    cable.mend();
    until_counted(&host).await;
    host.process.wait_until_ready().await;
    let statistics = host.statistics().await;
    assert_eq!(statistics["stale"], false);
    // Who was told 503 may have been counted, once; nobody else is there.
    let visitors = statistics["visitors"]["today"].as_i64().unwrap();
    assert!((3..=4).contains(&visitors), "{visitors}");
    database.assert_sound().await;
}

#[tokio::test]
async fn a_broken_connection_is_told_shown_as_stale_and_mended() {
    outage(false).await;
}

#[tokio::test]
async fn a_database_that_says_nothing_is_told_shown_as_stale_and_mended() {
    outage(true).await;
}

#[tokio::test]
async fn without_any_numbers_the_page_is_still_a_page() {
    let database = Database::create().await;
    let nowhere = format!("postgres://footfall@127.0.0.1:{}/none", crate::process::free_port());
    let host = Host::on(&database).with("DATABASE_URL", &nowhere).start().await;
    let page = in_time(host.send(&visitor(1))).await;
    assert_eq!((page.status, page.header("content-type")), (503, "text/html; charset=utf-8"));
    assert!(!page.header("retry-after").is_empty() && !page.body.is_empty());
    let numbers = in_time(host.send(&Request::get("/api/statistics"))).await;
    assert_eq!((numbers.status, numbers.header("content-type")), (503, "application/problem+json"));
    // What the database said, or where it is, is nobody's business.
    for answer in [page, numbers] {
        for secret in ["footfall@", "postgres", "refused", "none"] {
            assert!(answer.header("content-type").contains("html") || !answer.text().contains(secret), "{secret}");
        }
    }
}

#[tokio::test]
async fn a_short_interruption_delays_visits_and_refuses_none() {
    let (database, cable, host) = Host::through_a_cable().await;
    host.send(&visitor(0)).await;
    cable.cut();
    let visit = tokio::spawn({
        let (request, port) = (host.dispatched(&visitor(1)).unwrap(), host.process.port);
        async move { crate::client::send(port, &request).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    cable.mend();
    assert_eq!(visit.await.unwrap().status, 200);
    assert_eq!((database.visitors_today().await, database.pageviews().await), (2, 2));
    database.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_more_wait_than_can_be_answered_everybody_is_answered_in_time() {
    let (database, cable, host) = Host::through_a_cable().await;
    host.send(&visitor(0)).await;
    cable.stall();
    let crowd: Vec<_> = (1..=200)
        .map(|number| {
            let (request, port) = (host.dispatched(&visitor(number)).unwrap(), host.process.port);
            tokio::spawn(async move { crate::client::send(port, &request).await })
        })
        .collect();
    let answers = async {
        for answer in crowd {
            assert_eq!(answer.await.unwrap().status, 503);
        }
    };
    tokio::time::timeout(2 * DEADLINE, answers).await.expect("everybody was answered");
    cable.mend();
    until_counted(&host).await;
    // Somebody may have been counted who was told to come again; nobody twice.
    assert!(database.visitors_today().await <= 201);
    database.assert_sound().await;
}
