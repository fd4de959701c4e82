//! The rate limit: views beyond it get a response, and are accounted as `rate_limited` instead of counted.

use crate::{
    client::{Connection, GOOGLEBOT, Request, reported_view, visitor},
    database::Database,
    host::Host,
    process::HandlerCommand,
};

#[tokio::test]
async fn views_beyond_the_rate_limit_get_the_page_and_are_not_counted() {
    let database = Database::create().await;
    let host = Host::on(&database).with("FOOTFALL_RATE_LIMIT", "5").start().await;
    host.process.wait_until_ready().await;
    let mut connection = Connection::open(host.process.port).await.unwrap();
    for number in 0..30 {
        // A different browser each time, so that each would be a new visitor.
        let system = "Linux".repeat(number + 1);
        let request = visitor(1).user_agent(&format!("Mozilla/5.0 (X11; {system}; rv:145.0) Firefox/145.0"));
        let page = host.send_over(&mut connection, &request).await.unwrap();
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    }
    let statistics = host.statistics().await;
    let pageviews = statistics["pageviews"]["today"].as_i64().unwrap();
    // One more view is allowed every twelve seconds.
    assert!((5..=8).contains(&pageviews), "{pageviews}");
    assert_eq!(statistics["excluded"]["rate_limited"], 30 - pageviews);
    assert_eq!(statistics["visitors"]["today"], pageviews);
    // An opt-out does not bypass the limit.
    host.send(&visitor(1).header("Sec-GPC", "1")).await;
    // Robots are accounted as bots, and another network has its own limit.
    host.send(&visitor(1).user_agent(GOOGLEBOT)).await;
    host.send(&visitor(2)).await;
    let after = host.statistics().await;
    assert_eq!((&after["excluded"]["bots"], &after["pageviews"]["today"]), (&1.into(), &(pageviews + 1).into()));
    assert_eq!(after["excluded"]["opted_out"], 0);
    database.assert_sound().await;
}

#[tokio::test]
async fn views_without_an_address_share_one_limit_and_use_up_no_other() {
    let database = Database::create().await;
    let host = Host::on(&database).with("FOOTFALL_RATE_LIMIT", "5").start().await;
    host.process.wait_until_ready().await;
    for forwarded in ["", "unknown", "203.0.113.9, _hidden"].repeat(10) {
        let view = Request::get("/").header("X-Azure-Functions-InvocationId", "1").header("X-Forwarded-For", forwarded);
        assert_eq!(host.process.send(&view).await.status, 200);
    }
    for number in 1..=5 {
        host.send(&visitor(number)).await;
    }
    let statistics = host.statistics().await;
    let unidentified = statistics["excluded"]["unidentified"].as_i64().unwrap();
    // One more view is allowed every twelve seconds.
    assert!((5..=8).contains(&unidentified), "{unidentified}");
    assert_eq!(statistics["excluded"]["rate_limited"], 30 - unidentified);
    assert_eq!(statistics["visitors"]["today"], 5);
}

#[tokio::test]
async fn only_counted_views_use_up_the_rate_limit() {
    let database = Database::create().await;
    let host = Host::on(&database).with("FOOTFALL_RATE_LIMIT", "2").start().await;
    host.process.wait_until_ready().await;
    for _ in 0..10 {
        host.send(&Request::get("/api/statistics")).await;
        host.send(&Request::get("/version")).await;
        host.send(&Request::get("/").method("HEAD")).await;
        host.send(&Request::get("/?own")).await;
        host.send(&Request::get("/").header("Sec-Purpose", "prefetch")).await;
    }
    for _ in 0..2 {
        host.send(&Request::get("/")).await;
    }
    let statistics = host.statistics().await;
    assert_eq!((&statistics["pageviews"]["today"], &statistics["excluded"]["rate_limited"]), (&2.into(), &0.into()));
}

#[tokio::test]
async fn the_default_rate_limit_counts_500_views_at_once_and_off_counts_all() {
    let database = Database::create().await;
    for (limit, views) in [("off", 700), ("", 500)] {
        let process = HandlerCommand::on(&database).with("FOOTFALL_RATE_LIMIT", limit).start().await;
        process.wait_until_ready().await;
        let before = database.pageviews().await;
        // Over ten connections at once, so that batches hold several views.
        let sending = (0..10).map(async |_| {
            let mut connection = Connection::open(process.port).await.unwrap();
            for _ in 0..views / 10 {
                assert_eq!(connection.send(&reported_view(1)).await.unwrap().status, 204);
            }
        });
        futures_util::future::join_all(sending).await;
        assert_eq!(database.pageviews().await - before, views, "{limit}");
    }
}
