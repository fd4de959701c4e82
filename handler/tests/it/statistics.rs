//! `/api/statistics`: its fields, rejected queries, and access.

use serde_json::Value;

use crate::{
    client::{Request, visitor},
    database::Database,
    host::Host,
};

const TOKEN: &str = "kX7mQ2vR9tWc4LzN8bHs3JdF";

#[tokio::test]
async fn a_site_without_visits_has_every_field_at_zero() {
    let database = Database::create().await;
    let host = Host::on(&database).with("FOOTFALL_SITES", "example.com").start().await;
    host.process.wait_until_ready().await;
    let statistics = host.send(&Request::get("/api/statistics?site=Example.COM.")).await.json();
    assert_eq!(statistics["site"], "example.com");
    assert_eq!(statistics["time_zone"], "UTC");
    assert_eq!(statistics["stale"], false);
    assert!(statistics["as_of"].as_str().unwrap().ends_with('Z'));
    for period in ["today", "this_week", "this_month"] {
        assert_eq!((&statistics["visitors"][period], &statistics["pageviews"][period]), (&0.into(), &0.into()));
    }
    let all_time = &statistics["visitors"]["all_time"];
    assert_eq!(all_time["estimate"], 0);
    assert!((0.001..=0.017).contains(&all_time["standard_error"].as_f64().unwrap()));
    for list in
        ["pages", "referrers", "browsers", "operating_systems", "devices", "countries", "languages", "campaigns"]
    {
        assert_eq!(statistics[list], serde_json::json!([]), "{list}");
    }
    for reason in ["bots", "prefetch", "opted_out", "own", "rate_limited", "unidentified", "late", "head", "refused"] {
        assert_eq!(statistics["excluded"][reason], 0, "{reason}");
    }
    let range = &statistics["range"];
    assert_eq!((&range["period"], &range["exact"], &statistics["by"]), (&"30d".into(), &true.into(), &"day".into()));
    for number in ["visitors", "new_visitors", "returning_visitors", "daily_visitors", "pageviews"] {
        assert_eq!(range[number], 0, "{number}");
        assert_eq!(range["previous"][number], 0, "{number} before");
    }
}

#[tokio::test]
async fn reading_statistics_is_not_counted() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    for target in ["/api/statistics", "/version", "/health/live", "/health/ready", "/nothing"] {
        host.send(&Request::get(target)).await;
        host.process.send(&Request::get(target)).await;
    }
    assert_eq!(database.number("select count(*) from tally").await, 0);
}

#[tokio::test]
async fn an_invalid_query_is_rejected_with_the_name_of_its_parameter() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    for (query, named) in [
        ("period=decade", "'period'"),
        ("period=30D", "'period'"),
        ("period=0d", "'period'"),
        ("period=7d&from=2026-02-01", "'from'"),
        ("by=minute", "'by'"),
        ("period=12m&by=hour", "'by'"),
        ("from=yesterday", "'from'"),
        ("from=2026-02-30", "'from'"),
        ("to=2026-13-01", "'to'"),
        ("to=%FF", "'to'"),
        ("site=https%3A%2F%2Fexample.com", "'site'"),
        ("site=a%00b", "'site'"),
        ("from=2026-02-02&to=2026-02-01", "'from'"),
        ("to=2026-02-01", "'from'"),
        ("from=1990-01-01&to=2020-01-01", "days"),
        ("from=1960-01-01&to=1960-01-02", "1970"),
        ("from=-009999-01-01", ""),
        ("from=9999-12-31&to=9999-12-31", ""),
        ("from=9999-12-31&to=9999-12-31&by=month", ""),
        ("from=1970-01-01&to=1970-01-01&by=week", ""),
    ] {
        let response = host.send(&Request::get(&format!("/api/statistics?{query}"))).await;
        if named.is_empty() {
            // At the limits of the calendar, any response but a server error is valid.
            assert!(response.status < 500, "{query}: {response:?}");
            continue;
        }
        assert_eq!((response.status, response.header("content-type")), (400, "application/problem+json"), "{query}");
        let problem = response.json();
        assert_eq!(problem["status"], 400);
        assert!(problem["detail"].as_str().unwrap().contains(named), "{query}: {problem}");
    }
}

#[tokio::test]
async fn an_unknown_site_returns_404_and_a_configured_site_200() {
    let database = Database::create().await;
    let host = Host::on(&database).with("FOOTFALL_SITES", "example.com").start().await;
    host.process.wait_until_ready().await;
    let status = async |site: &str| host.send(&Request::get(&format!("/api/statistics?site={site}"))).await.status;
    assert_eq!((status("example.com").await, status("localhost").await), (200, 200));
    assert_eq!(status("example.org").await, 404);
    // The Host header does not select a site.
    let response = host.send(&Request::get("/api/statistics").header("Host", "evil.example")).await.json();
    assert_eq!(response["site"], "localhost");
}

#[tokio::test]
async fn a_configured_token_is_required_for_statistics() {
    let database = Database::create().await;
    let host = Host::on(&database).with("FOOTFALL_DASHBOARD_TOKEN", TOKEN).start().await;
    host.process.wait_until_ready().await;
    let basic = |credentials: &str| {
        let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, credentials);
        format!("Basic {encoded}")
    };
    for target in ["/", "/api/statistics", "/api/statistics?site=unknown.example", "/api/statistics?period=bad"] {
        let refused = [
            None,
            Some("Bearer wrong".to_owned()),
            Some(format!("Bearer {TOKEN}x")),
            Some("Bearer ".to_owned()),
            Some(TOKEN.to_owned()),
            Some(basic("anyone:wrong")),
            Some(basic(TOKEN)),
            Some("Basic !!!".to_owned()),
        ];
        for authorization in refused {
            let mut request = Request::get(target);
            if let Some(authorization) = &authorization {
                request = request.header("Authorization", authorization);
            }
            let response = host.send(&request).await;
            assert_eq!(response.status, 401, "{target} {authorization:?}");
            assert!(response.header("www-authenticate").starts_with("Bearer "));
            assert_eq!(response.header("content-type"), "application/problem+json");
            let fields: Vec<String> = response.json().as_object().unwrap().keys().cloned().collect();
            assert_eq!(fields, ["detail", "status", "title", "type"]);
        }
    }
    assert_eq!(database.number("select count(*) from tally").await, 0);
    for authorization in [format!("Bearer {TOKEN}"), format!("bearer {TOKEN}"), basic(&format!("anyone:{TOKEN}"))] {
        for target in ["/", "/api/statistics"] {
            let response = host.send(&visitor(1).header("Authorization", &authorization)).await;
            assert_eq!(response.status, 200, "{target} {authorization}");
        }
    }
    // Version and health need no token.
    for target in ["/version", "/health/live", "/health/ready"] {
        assert_eq!(host.send(&Request::get(target)).await.status, 200);
    }
    assert!(!host.process.lines().concat().contains(TOKEN));
}

#[tokio::test]
async fn only_the_lists_of_the_requested_group_are_returned() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(1).header("Referer", "https://news.example/")).await;
    let statistics = async |lists: &str| {
        let mut statistics = host
            .send(&Request::get(&format!("/api/statistics?period=today{lists}")))
            .await
            .json()
            .as_object()
            .unwrap()
            .clone();
        statistics.remove("as_of");
        statistics
    };
    let all = statistics("").await;
    assert_eq!(all["referrers"][0]["value"], "news.example");
    let mut lengths = serde_json::Map::new();
    let mut found = statistics("&lists=none").await;
    assert!(!found.contains_key("pages") && found["range"] == all["range"] && found["excluded"] == all["excluded"]);
    for group in ["pages", "sources", "locations", "technology", "events", "robots"] {
        let of_group = statistics(&format!("&lists={group}")).await;
        assert_eq!(
            (of_group.contains_key("pages"), of_group.contains_key("referrers")),
            (group == "pages", group == "sources")
        );
        lengths.extend(of_group["list_lengths"].as_object().unwrap().clone());
        found.extend(of_group);
    }
    found.insert("list_lengths".to_owned(), lengths.into());
    assert_eq!(found, all);
    let refused = host.send(&Request::get("/api/statistics?lists=everything")).await;
    assert_eq!(refused.status, 400);
    assert!(refused.json()["detail"].as_str().unwrap().contains("'lists'"));
    let table = host.send(&Request::get("/api/statistics.csv?period=today&lists=sources")).await;
    let table = table.text();
    assert!(table.contains("referrers,news.example") && !table.contains("pages,/"), "{table}");
}

#[tokio::test]
async fn a_page_shows_the_lists_of_one_group_and_a_script_that_opens_another_counts_no_visit() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    let page = async |target: &str, destination: &str| {
        let request = visitor(1).to(target).header("Accept", "text/html").header("Sec-Fetch-Dest", destination);
        host.send(&request.header("Referer", "https://news.example/")).await.text().to_owned()
    };
    let first = page("/?period=today", "document").await;
    assert!(first.contains("<h3>Pages") && !first.contains("<h3>Referrers") && first.contains("lists=technology"));
    let views = database.pageviews().await;
    let sources = page("/?period=today&lists=sources", "empty").await;
    assert!(sources.contains("news.example") && !sources.contains("<h3>Pages"));
    assert_eq!(database.pageviews().await, views);
    let one_referrer = page("/?period=today&referrer=news.example", "document").await;
    assert!(one_referrer.contains("<h3>Pages") && one_referrer.contains("data-lists=\"technology\""));
}

#[tokio::test]
async fn days_begin_in_the_configured_time_zone() {
    let database = Database::create().await;
    let host = Host::on(&database).with("FOOTFALL_TIMEZONE", "Asia/Kathmandu").start().await;
    host.process.wait_until_ready().await;
    let statistics: Value = host.statistics().await;
    assert_eq!(statistics["time_zone"], "Asia/Kathmandu");
    for series in ["series", "last_24_hours"] {
        for point in statistics[series].as_array().unwrap() {
            let start = point["start"].as_str().unwrap();
            assert!(start.ends_with(":00:00+05:45"), "{start}");
        }
    }
}

/// Counts one view of a new visitor in each hour of a day, which lies some days before today.
async fn count_each_hour(database: &Database, days_ago: i32) {
    let day = format!("(clock_timestamp() at time zone 'UTC')::date - date '1970-01-01' - {days_ago}");
    let hours = format!("select 1, {day}, 10, hour::text, 1, '{{1}}' from generate_series(0, 23) as hour");
    database.execute(&format!("insert into tally {hours}")).await;
    database.execute(&format!("insert into tally values (1, {day}, 0, '', 24, '{{24}}')")).await;
}

#[tokio::test]
async fn a_range_that_ends_today_is_compared_with_the_same_part_of_the_period_before() {
    let database = Database::create().await;
    database.execute("insert into site (name) values ('localhost'); insert into total values (1, 0, 96, 0)").await;
    for days_ago in [1, 2, 3, 4] {
        count_each_hour(&database, days_ago).await;
    }
    let host = Host::start(&database).await;
    let range = async |query: &str| {
        let statistics = host.send(&Request::get(&format!("/api/statistics?{query}"))).await.json();
        let time = statistics["as_of"].as_str().unwrap()[11..16].to_owned();
        let minutes = time[..2].parse::<i64>().unwrap() * 60 + time[3..].parse::<i64>().unwrap();
        ((minutes + 30) / 60, statistics["range"].clone())
    };
    for (query, whole_days) in [("period=today", 0), ("period=2d", 1)] {
        let (hours, range) = range(query).await;
        let views = 24 * whole_days + hours;
        if views == 0 {
            // In its first half hour, a day has no part to compare.
            assert_eq!(range["previous"], Value::Null);
            continue;
        }
        for number in ["visitors", "new_visitors", "daily_visitors", "pageviews"] {
            assert_eq!(range["previous"][number], views, "{query}, {hours} hours: {range}");
        }
        assert_eq!(range["previous"]["until"].is_null(), hours == 0 || hours == 24, "{range}");
        assert_eq!(range["counting_began"], Value::Null);
    }
    // Days that are over are compared in full.
    let (_, yesterday) = range("period=yesterday").await;
    assert_eq!((&yesterday["previous"]["pageviews"], &yesterday["previous"]["until"]), (&24.into(), &Value::Null));
    // The period before began before the first counted day.
    let (_, days) = range("period=3d").await;
    assert_eq!(days["previous"], Value::Null);
    assert!(days["counting_began"].is_string(), "{days}");
    let page = host.send(&visitor(1).to("/?period=30d").header("Accept", "text/html")).await;
    assert!(page.text().contains("Counting began on ") && page.text().contains("its sums are not compared."));
}

#[tokio::test]
async fn a_last_day_in_the_future_is_cut_at_today_and_keeps_the_unique_number() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(1)).await;
    let today = host.send(&Request::get("/api/statistics?period=today")).await.json()["range"]["to"].clone();
    let target = format!("/api/statistics?from={}&to=2099-12-31", today.as_str().unwrap());
    let range = host.send(&Request::get(&target)).await.json()["range"].clone();
    assert_eq!((&range["to"], &range["exact"], &range["visitors"]), (&today, &true.into(), &1.into()), "{range}");
}

#[tokio::test]
async fn browsers_get_a_page_that_explains_an_invalid_range() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    for path in ["/", "/api/statistics"] {
        for (site, back) in [("", "/"), ("site=localhost&", "/?site&#x3D;localhost")] {
            let invalid = visitor(1).to(&format!("{path}?{site}from=2026-02-02&to=2026-02-01"));
            let problem = host.send(&invalid).await;
            assert_eq!((problem.status, problem.header("content-type")), (400, "application/problem+json"));
            let page = host.send(&invalid.header("Accept", "text/html,*/*;q=0.8")).await;
            assert_eq!((page.status, page.header("content-type")), (400, "text/html; charset=utf-8"));
            let page = page.text();
            assert!(
                page.contains("<h1>This range is not valid</h1>") && page.contains("must not be later than"),
                "{page}"
            );
            assert!(page.contains(&format!("href=\"{back}\"")), "{page}");
        }
    }
}
