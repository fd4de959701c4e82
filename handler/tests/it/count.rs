//! `/`: a visit is counted, durable, and shown.

use crate::{
    client::{Connection, FIREFOX, GOOGLEBOT, Request, SAFARI, visitor},
    database::Database,
    host::{Host, MODES},
    process::HandlerCommand,
};

#[tokio::test]
async fn a_visit_is_in_the_statistics_at_once_in_both_modes_of_the_host() {
    for mode in MODES {
        let database = Database::create().await;
        let host = Host::on(&database).mode(mode).start().await;
        host.process.wait_until_ready().await;
        for number in 1..=3 {
            let page = host.send(&visitor(number)).await;
            assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
            let statistics = host.statistics().await;
            for period in ["today", "this_week", "this_month"] {
                assert_eq!(statistics["visitors"][period], number, "{mode:?} {period}");
                assert_eq!(statistics["pageviews"][period], number, "{mode:?} {period}");
            }
            assert_eq!(statistics["visitors"]["all_time"]["estimate"], number);
            assert_eq!(statistics["pageviews"]["all_time"], number);
        }
        database.assert_sound().await;
    }
}

#[tokio::test]
async fn a_repeated_visit_raises_pageviews_only() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    for _ in 0..5 {
        host.send(&Request::get("/")).await;
    }
    let statistics = host.statistics().await;
    assert_eq!((&statistics["visitors"]["today"], &statistics["pageviews"]["today"]), (&1.into(), &5.into()));
    assert_eq!(statistics["visitors"]["all_time"]["estimate"], 1);
    database.assert_sound().await;
}

#[tokio::test]
async fn the_page_as_a_picture_frame_or_script_of_another_page_is_not_counted() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(1)).await;
    for destination in ["image", "iframe", "frame", "embed", "object", "script", "style", "video", "empty"] {
        for site in ["cross-site", "same-site", "same-origin"] {
            let request = visitor(2).header("Sec-Fetch-Dest", destination).header("Sec-Fetch-Site", site);
            assert_eq!(host.send(&request).await.status, 200, "{destination} {site}");
        }
    }
    assert_eq!((database.visitors_today().await, database.pageviews().await), (1, 1));
    // A link on another page leads to a view.
    host.send(&visitor(2).header("Sec-Fetch-Dest", "document").header("Sec-Fetch-Site", "cross-site")).await;
    assert_eq!((database.visitors_today().await, database.pageviews().await), (2, 2));
}

#[tokio::test]
async fn excluded_requests_are_counted_by_reason_and_add_no_visitor() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    // A first visitor, so that the excluded requests below cannot be the first ones of the site.
    host.send(&Request::get("/").from("192.0.2.1")).await;
    let get = || Request::get("/").from("192.0.2.2");
    let cases = [
        ("bots", 2, vec![get().user_agent(GOOGLEBOT), get().without_user_agent()]),
        (
            "prefetch",
            4,
            vec![
                get().header("Sec-Purpose", "prefetch"),
                get().header("Sec-Purpose", "prefetch;prerender"),
                get().header("Purpose", "prefetch"),
                get().header("X-Moz", "prefetch"),
            ],
        ),
        ("opted_out", 2, vec![get().header("Sec-GPC", "1"), get().header("DNT", "1")]),
        ("own", 2, vec![get().to("/?own"), get().to("/?own=1")]),
        ("head", 1, vec![get().method("HEAD")]),
    ];
    for (reason, expected, requests) in cases {
        for request in requests {
            assert_eq!(host.send(&request).await.status, 200);
        }
        assert_eq!(host.statistics().await["excluded"][reason], expected, "{reason}");
    }
    let statistics = host.statistics().await;
    assert_eq!(statistics["visitors"]["today"], 1);
    // Requests with an opt-out count as pageviews. The others do not.
    assert_eq!(statistics["pageviews"]["today"], 3);
    assert_eq!(statistics["excluded"]["rate_limited"], 0);
    // The value 0 is not an opt-out.
    host.send(&get().header("DNT", "0").header("Sec-GPC", "0")).await;
    assert_eq!(host.statistics().await["visitors"]["today"], 2);
    database.assert_sound().await;
}

#[tokio::test]
async fn a_rejected_request_is_not_counted() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    for (target, status) in [("/?site=unknown.example", 404), ("/?period=decade", 400), ("/?site=http://x", 400)] {
        assert_eq!(host.send(&Request::get(target)).await.status, status, "{target}");
    }
    assert_eq!(database.number("select count(*) from tally").await, 0);
}

#[tokio::test]
async fn referrers_are_host_names_of_other_sites() {
    let database = Database::create().await;
    let host = Host::on(&database).with("WEBSITE_HOSTNAME", "app.example.net").start().await;
    host.process.wait_until_ready().await;
    let from = |number: usize, referer: &str| visitor(number).header("Referer", referer);
    host.send(&from(1, "https://www.News.example/secret?token=1")).await;
    host.send(&from(2, "https://news.example/other")).await;
    host.send(&from(2, "https://blog.example/")).await;
    host.send(&from(3, "https://app.example.net/")).await;
    host.send(&from(4, "garbage")).await;
    host.send(&from(4, "http://203.0.113.7/")).await;
    host.send(&from(4, "http://[2001:db8::1]:8080/")).await;
    let statistics = host.statistics().await;
    let expected = serde_json::json!([
        { "value": "news.example", "visitors": 2, "pageviews": 2 },
        // The only visitor of this host also followed the other link.
        { "value": "blog.example", "visitors": 1, "pageviews": 1 },
    ]);
    assert_eq!(statistics["referrers"], expected);
    assert_eq!(statistics["pages"], serde_json::json!([{ "value": "/", "visitors": 4, "pageviews": 7 }]));
    assert_eq!(statistics["site"], "app.example.net");
}

#[tokio::test]
async fn the_series_add_up_to_the_pageviews() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    for number in 0..7 {
        host.send(&visitor(number % 3)).await;
    }
    let statistics = host.statistics().await;
    let sum = |statistics: &serde_json::Value, series: &str, field: &str| {
        statistics[series].as_array().unwrap().iter().map(|point| point[field].as_i64().unwrap()).sum::<i64>()
    };
    assert_eq!(statistics["series"].as_array().unwrap().len(), 30);
    assert_eq!((sum(&statistics, "series", "pageviews"), sum(&statistics, "series", "visitors")), (7, 3));
    assert_eq!(statistics["last_24_hours"].as_array().unwrap().len(), 24);
    assert_eq!(sum(&statistics, "last_24_hours", "pageviews"), 7);
    // A visitor counts in the hour of its first view of the day.
    assert_eq!(sum(&statistics, "last_24_hours", "visitors"), 3);
    for (query, length) in [
        ("period=today", 24),
        ("period=7d", 7),
        ("period=7d&by=hour", 168),
        ("period=30d", 30),
        ("period=12m", 12),
        ("period=12m&by=day", 0),
    ] {
        let response = host.send(&Request::get(&format!("/api/statistics?{query}"))).await.json();
        let series = response["series"].as_array().unwrap();
        // The number of days in 12 months varies.
        assert!(series.len() == length || (length == 0 && series.len() > 330), "{query}: {}", series.len());
        assert_eq!((sum(&response, "series", "pageviews"), sum(&response, "series", "visitors")), (7, 3), "{query}");
        assert_eq!(response["range"]["pageviews"], 7, "{query}");
    }
}

#[tokio::test]
async fn a_plain_server_identifies_clients_by_connection_and_ignores_forwarded_addresses() {
    let database = Database::create().await;
    let process = HandlerCommand::on(&database).start().await;
    process.wait_until_ready().await;
    for number in 0..5 {
        process.send(&Request::get("/").header("X-Forwarded-For", &format!("192.0.2.{number}"))).await;
    }
    process.send(&Request::get("/").user_agent(SAFARI)).await;
    let statistics = process.statistics().await;
    assert_eq!((&statistics["visitors"]["today"], &statistics["pageviews"]["today"]), (&2.into(), &6.into()));
}

#[tokio::test]
async fn each_visit_over_one_connection_is_counted() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    let mut connection = Connection::open(host.process.port).await.unwrap();
    for number in 0..50 {
        let response = host.send_over(&mut connection, &visitor(number % 10).user_agent(FIREFOX)).await.unwrap();
        assert_eq!(response.status, 200);
    }
    assert_eq!((database.visitors_today().await, database.pageviews().await), (10, 50));
}

#[tokio::test]
async fn embed_line_and_referrers_follow_the_public_url() {
    let database = Database::create().await;
    let host = Host::on(&database)
        .with("WEBSITE_HOSTNAME", "func-footfall.azurewebsites.net")
        .with("FOOTFALL_PUBLIC_URL", "https://stats.example.net")
        .with("FOOTFALL_SITES", "example.com")
        .start()
        .await;
    host.process.wait_until_ready().await;
    let page = host.send(&visitor(1).to("/?site=example.com")).await;
    assert!(page.text().contains("https://stats.example.net/footfall.js"), "{}", page.text());
    assert!(!page.text().contains("https://func-footfall"), "{}", page.text());
    host.send(&visitor(2).header("Referer", "https://stats.example.net/?site=example.com")).await;
    assert_eq!(host.statistics().await["referrers"], serde_json::json!([]));
}
