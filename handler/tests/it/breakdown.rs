//! Breakdowns (the referrers of a page, or the pages of a referrer) and returning visitors by week.

use jiff::{SignedDuration, Timestamp, civil::Date};
use serde_json::{Value, json};

use crate::{
    client::{Request, Response, visitor},
    database::Database,
    host::Host,
    log::combined,
    process::{Folder, HandlerCommand},
};

const SITE: &str = "example.com";

async fn send(host: &Host, number: usize, page: &str, referrer: Option<&str>) {
    let body = json!({ "s": SITE, "p": page, "r": referrer }).to_string();
    let request = visitor(number).to("/v").method("POST").header("Content-Length", &body.len().to_string()).body(&body);
    assert_eq!(host.send(&request).await.status, 204);
}

async fn statistics(host: &Host, query: &str) -> Response {
    host.send(&Request::get(&format!("/api/statistics?site={SITE}&period=today&{query}"))).await
}

async fn host_with_visits(database: &Database) -> Host {
    let host = Host::on(database).with("FOOTFALL_SITES", SITE).start().await;
    host.process.wait_until_ready().await;
    for (number, page, referrer) in [
        (1, "/a b", Some("https://news.example")),
        (1, "/a b", Some("https://news.example")),
        (2, "/a b", Some("https://www.mail.example")),
        (2, "/c", Some("https://news.example")),
        (3, "/c", None),
        (3, "/d", Some("https://example.com")),
    ] {
        send(&host, number, page, referrer).await;
    }
    host
}

#[tokio::test]
async fn a_breakdown_lists_the_referrers_of_a_page_or_the_pages_of_a_referrer() {
    let database = Database::create().await;
    let host = host_with_visits(&database).await;
    let page = statistics(&host, "page=/a%20b").await.json();
    let hosts = json!([{ "value": "news.example", "pageviews": 2 }, { "value": "mail.example", "pageviews": 1 }]);
    assert_eq!(page["referrals"], json!({ "page": "/a b", "referrers": hosts, "other": 0 }));
    let referrer = statistics(&host, "referrer=NEWS.example").await.json();
    let pages = json!([{ "value": "/a b", "pageviews": 2 }, { "value": "/c", "pageviews": 1 }]);
    assert_eq!(referrer["referrals"], json!({ "referrer": "news.example", "pages": pages, "other": 0 }));
    // The other fields do not change. Without a page or referrer there is no breakdown.
    let plain = statistics(&host, "").await.json();
    assert_eq!(plain["referrals"], Value::Null);
    for field in ["pages", "referrers", "series", "range"] {
        assert_eq!(page[field], plain[field], "{field}");
    }
    assert_eq!(statistics(&host, "page=/nowhere").await.json()["referrals"]["referrers"], json!([]));
    let csv = host.send(&Request::get(&format!("/api/statistics.csv?site={SITE}&period=today&page=/c"))).await;
    assert!(csv.text().contains("\r\nreferrals,news.example,,1\r\n"), "{}", csv.text());
    database.assert_sound().await;
}

#[tokio::test]
async fn the_page_links_to_breakdowns_and_back_without_a_script() {
    let database = Database::create().await;
    let host = host_with_visits(&database).await;
    let page = |query: &str| visitor(1).to(&format!("/?site={SITE}&period=today{query}"));
    let all = host.send(&page("")).await.text().replace("&#x3D;", "=");
    assert!(all.contains("page=/a%20b#lists\"><bdi title=\"/a b\">/a b</bdi></a>"), "{all}");
    let sources = host.send(&page("&lists=sources")).await.text().replace("&#x3D;", "=");
    assert!(sources.contains("referrer=news.example#lists\">"), "{sources}");
    let one = host.send(&page("&page=/a%20b")).await.text().replace("&#x3D;", "=");
    assert!(
        one.contains("Referrers of <bdi title=\"/a b\">/a b</bdi>")
            && one.contains("Pageviews only: visitors are not counted")
    );
    assert!(one.contains("&amp;lists=pages#lists\">← All lists"));
    // The parameter must be a path of the site.
    assert_eq!(host.send(&page("&page=about")).await.status, 400);
}

#[tokio::test]
async fn an_invalid_page_or_referrer_is_rejected_with_the_valid_form() {
    let database = Database::create().await;
    let host = host_with_visits(&database).await;
    for (query, problem) in [
        ("page=about", "'page' must be a path"),
        ("referrer=https%3A%2F%2Fnews.example", "'referrer' must be a host name"),
        ("referrer=203.0.113.9", "'referrer' must be a host name"),
        ("page=/a&referrer=news.example", "'page' or 'referrer', not both"),
    ] {
        let response = statistics(&host, query).await;
        assert_eq!((response.status, response.header("content-type")), (400, "application/problem+json"), "{query}");
        assert!(response.json()["detail"].as_str().unwrap().contains(problem), "{query}: {}", response.text());
    }
    // NUL stays encoded as in counted pages, because PostgreSQL cannot store it.
    assert_eq!(statistics(&host, "page=/%00").await.status, 200);
}

#[tokio::test]
async fn pairs_of_page_and_referrer_beyond_500_a_day_are_counted_as_other() {
    let database = Database::create().await;
    let folder = Folder::new();
    let line = |number: usize| {
        let address = format!("192.0.2.{}", number / 10);
        let line = combined(&address, "17/May/2015:12:00:00 +0000", &format!("/{}", number % 26), "Firefox/1");
        line.replace("\"-\" \"Firefox", &format!("\"https://site-{}.example/\" \"Firefox", number / 26))
    };
    let log = folder.write("access.log", (0..520).map(line).collect::<String>());
    HandlerCommand::on(&database).run(&["import", "--site", SITE, &log]);
    let host = Host::on(&database).with("FOOTFALL_SITES", SITE).start().await;
    host.process.wait_until_ready().await;
    let target = format!("/api/statistics?site={SITE}&from=2015-05-17&to=2015-05-17&page=/25");
    let referrals = host.send(&Request::get(&target)).await.json()["referrals"].clone();
    let known = referrals["referrers"].as_array().unwrap();
    assert_eq!((known.len(), &referrals["other"]), (19, &20.into()), "{referrals}");
    database.assert_sound().await;
}

#[tokio::test]
async fn weekly_visitors_are_split_into_new_returning_and_seen_in_the_previous_week() {
    let database = Database::create().await;
    let folder = Folder::new();
    let today = Timestamp::now().strftime("%F").to_string().parse::<Date>().unwrap();
    let monday = today - SignedDuration::from_hours(24 * i64::from(today.weekday().to_monday_zero_offset()));
    let line = |weeks_back: i64, day: i64, visitor: &str| {
        let date = monday - SignedDuration::from_hours(24 * (7 * weeks_back - day));
        combined(&format!("192.0.2.{visitor}"), &date.strftime("%d/%b/%Y:12:00:00 +0000").to_string(), "/", "Firefox/1")
    };
    let lines = [
        // Visitors three weeks ago: 1, 2, 3. Two weeks ago: 1 and 4. Last week: 1, 2, 3 and 5.
        line(3, 0, "1") + &line(3, 2, "2") + &line(3, 6, "3"),
        line(2, 0, "1") + &line(2, 5, "1") + &line(2, 6, "4"),
        line(1, 0, "2") + &line(1, 1, "3") + &line(1, 1, "1") + &line(1, 3, "5") + &line(1, 4, "2"),
    ];
    let log = folder.write("access.log", lines.concat());
    HandlerCommand::on(&database).run(&["import", "--site", SITE, &log]);
    let host = Host::on(&database).with("FOOTFALL_SITES", SITE).start().await;
    host.process.wait_until_ready().await;
    let statistics = statistics(&host, "").await.json();
    let weeks = statistics["returning"].as_array().unwrap();
    assert_eq!((weeks.len(), &weeks[7]["from"]), (8, &monday.to_string().into()));
    let numbers = |week: &Value| {
        ["visitors", "new_visitors", "returning_visitors", "from_week_before"].map(|name| week[name].as_i64().unwrap())
    };
    let found: Vec<_> = weeks[3..].iter().map(numbers).collect();
    assert_eq!(found, [[0, 0, 0, 0], [3, 3, 0, 0], [2, 1, 1, 1], [4, 1, 3, 1], [0, 0, 0, 0]]);
}

#[tokio::test]
async fn in_daily_mode_no_returning_visitors_are_shown() {
    let database = Database::create().await;
    let host = Host::on(&database).with("FOOTFALL_FORGET", "daily").start().await;
    host.process.wait_until_ready().await;
    host.send(&visitor(1)).await;
    assert_eq!(host.statistics().await["returning"], json!([]));
    assert!(!host.send(&visitor(1)).await.text().contains("Returning visitors by week"));
}
