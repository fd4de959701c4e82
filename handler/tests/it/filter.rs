//! The numbers of one value, the referrers of a page, the pages of a referrer, and returning visitors by week.

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
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
async fn a_page_lists_its_referrers_and_a_referrer_its_pages() {
    let database = Database::create().await;
    let host = host_with_visits(&database).await;
    let page = statistics(&host, "page=/a%20b").await.json();
    let hosts = json!([{ "value": "news.example", "pageviews": 2 }, { "value": "mail.example", "pageviews": 1 }]);
    assert_eq!(page["referrals"], json!({ "page": "/a b", "referrers": hosts, "other": 0 }));
    let referrer = statistics(&host, "referrer=NEWS.example").await.json();
    let pages = json!([{ "value": "/a b", "pageviews": 2 }, { "value": "/c", "pageviews": 1 }]);
    assert_eq!(referrer["referrals"], json!({ "referrer": "news.example", "pages": pages, "other": 0 }));
    assert_eq!(statistics(&host, "country=CH").await.json()["referrals"], Value::Null);
    assert_eq!(statistics(&host, "page=/nowhere").await.json()["referrals"]["referrers"], json!([]));
    let csv = host.send(&Request::get(&format!("/api/statistics.csv?site={SITE}&period=today&page=/c"))).await;
    assert!(csv.text().contains("\r\nreferrals,news.example,,1\r\n"), "{}", csv.text());
    database.assert_sound().await;
}

/// Visits on two days: visitors 1 and 2 on the first, 1 and 3 on the second, and a robot.
async fn host_with_two_days(database: &Database) -> Host {
    let folder = Folder::new();
    let line = |visitor: usize, day: &str, page: &str, agent: &str| {
        combined(&format!("192.0.2.{visitor}"), &format!("{day}/May/2015:12:00:00 +0000"), page, agent)
    };
    let lines = [
        line(1, "17", "/a", FIREFOX) + &line(1, "17", "/b", FIREFOX) + &line(2, "17", "/a", FIREFOX),
        line(1, "18", "/b", FIREFOX) + &line(1, "18", "/b", FIREFOX) + &line(3, "18", "/a", FIREFOX),
        line(4, "18", "/a", "GPTBot/1.1"),
    ];
    let log = folder.write("access.log", lines.concat());
    HandlerCommand::on(database).run(&["import", "--site", SITE, &log]);
    let host = Host::on(database).with("FOOTFALL_SITES", SITE).start().await;
    host.process.wait_until_ready().await;
    host
}

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

#[tokio::test]
async fn the_page_of_an_empty_range_links_to_the_last_counted_day() {
    let database = Database::create().await;
    let host = host_with_two_days(&database).await;
    let page = async |query: &str| host.send(&Request::get(&format!("/?site={SITE}{query}"))).await.text().to_owned();
    let link = "from&#x3D;2015-05-18&amp;to&#x3D;2015-05-18\">18 May 2015</a>";
    let empty = page("").await;
    assert!(empty.contains("Last counted: <a href=") && empty.contains(link), "{empty}");
    for query in ["&from=2015-05-17&to=2015-05-17", "&page=/never"] {
        assert!(!page(query).await.contains("Last counted"), "{query}");
    }
}

#[tokio::test]
async fn all_time_begins_with_the_first_counted_day() {
    let database = Database::create().await;
    let folder = Folder::new();
    let day = |days: i64| TimeZone::UTC.to_datetime(Timestamp::now() - SignedDuration::from_hours(24 * days)).date();
    let time = |days: i64| day(days).strftime("%d/%b/%Y:12:00:00 +0000").to_string();
    let line = |visitor: usize, days: i64| combined(&format!("192.0.2.{visitor}"), &time(days), "/a", FIREFOX);
    let log = folder.write("access.log", line(1, 400) + &line(2, 3) + &line(1, 2));
    HandlerCommand::on(&database).run(&["import", "--site", SITE, &log]);
    let host = Host::on(&database).with("FOOTFALL_SITES", &format!("{SITE},young.example")).start().await;
    host.process.wait_until_ready().await;
    let all = async |query: &str| host.send(&Request::get(&format!("/api/statistics?{query}&period=all"))).await;
    let range = all(&format!("site={SITE}")).await.json()["range"].clone();
    assert_eq!((&range["period"], &range["from"]), (&json!("all"), &json!(day(400).to_string())), "{range}");
    assert_eq!((&range["pageviews"], &range["visitors"], &range["previous"]), (&json!(3), &Value::Null, &Value::Null));
    assert_eq!(range["counting_began"], Value::Null, "{range}");
    let problem = all(&format!("site={SITE}&by=day")).await;
    assert!(problem.status == 400 && problem.text().contains("more than 400 points"), "{}", problem.text());
    // A young site has unique visitors of all time, and days.
    let young = all("site=young.example&by=day").await.json();
    let today = day(0).to_string();
    assert_eq!((&young["range"]["from"], &young["range"]["exact"]), (&json!(today), &json!(true)), "{young}");
}

#[tokio::test]
async fn one_value_has_its_own_visitors_new_and_returning_views_and_series() {
    let database = Database::create().await;
    let host = host_with_two_days(&database).await;
    let numbers = async |query: &str| {
        let target = format!("/api/statistics?site={SITE}&{query}");
        let found = host.send(&Request::get(&target)).await.json();
        let range = &found["range"];
        let numbers = ["visitors", "new_visitors", "returning_visitors", "daily_visitors", "pageviews"];
        let series =
            found["series"].as_array().unwrap().iter().map(|point| point["visitors"].as_i64()).collect::<Vec<_>>();
        (numbers.map(|name| range[name].as_i64()), series)
    };
    let both = "from=2015-05-17&to=2015-05-18";
    let second = "from=2015-05-18&to=2015-05-18";
    let some =
        |numbers: [i64; 5], series: &[i64]| (numbers.map(Some), series.iter().copied().map(Some).collect::<Vec<_>>());
    // Page /a: visitors 1 and 2, then 3. Page /b: visitor 1 on both days.
    assert_eq!(numbers(&format!("{both}&by=day&page=/a")).await, some([3, 3, 0, 3, 3], &[2, 1]));
    assert_eq!(numbers(&format!("{both}&by=day&page=/b")).await, some([1, 1, 0, 2, 3], &[1, 1]));
    assert_eq!(numbers(&format!("{second}&page=/b")).await, some([1, 0, 1, 1, 2], &[1]));
    assert_eq!(numbers(&format!("{both}&browser=Firefox")).await, some([3, 3, 0, 4, 6], &[2, 2]));
    // On the second day visitor 1 began at /b. In both days it counts under the page of its first day.
    assert_eq!(numbers(&format!("{both}&entry_page=/b")).await.0[0], Some(0));
    assert_eq!(numbers(&format!("{second}&entry_page=/b")).await.0[..3], [Some(1), Some(0), Some(1)]);
    assert_eq!(numbers(&format!("{both}&page=/never")).await, some([0; 5], &[0, 0]));
    assert_eq!(
        numbers(&format!("{both}&robot=GPTBot")).await,
        ([None, None, None, Some(0), Some(1)], vec![None, None])
    );
    let csv = host.send(&Request::get(&format!("/api/statistics.csv?site={SITE}&{both}&page=/a"))).await;
    let expected =
        "range,2015-05-17/2015-05-18,3,3\r\nseries,2015-05-17T00:00:00Z,2,2\r\nseries,2015-05-18T00:00:00Z,1,1\r\n";
    assert!(csv.text().contains(expected) && !csv.text().contains("excluded"), "{}", csv.text());
}

#[tokio::test]
async fn a_query_about_one_value_has_nothing_of_the_whole_site() {
    let database = Database::create().await;
    let host = host_with_two_days(&database).await;
    let query = format!("/api/statistics?site={SITE}&from=2015-05-18&to=2015-05-18&by=hour&lists=pages&page=/a");
    let found = host.send(&Request::get(&query)).await.json();
    assert_eq!((&found["filter"], &found["by"]), (&json!({ "page": "/a" }), &"day".into()));
    assert_eq!((&found["excluded"], &found["visitors"]["all_time"]), (&Value::Null, &Value::Null));
    assert_eq!((&found["pageviews"]["all_time"], &found["last_24_hours"]), (&Value::Null, &json!([])));
    assert!(found.get("pages").is_none() && found["imported"] == json!([]));
    let whole = host.send(&Request::get(&format!("/api/statistics?site={SITE}"))).await.json();
    assert_eq!((&whole["filter"], &whole["pageviews"]["all_time"]), (&json!({}), &6.into()));
}

#[tokio::test]
async fn numbers_of_different_values_are_never_shared() {
    let database = Database::create().await;
    let host = host_with_two_days(&database).await;
    let visitors = async |query: &str| {
        let target = format!("/api/statistics?site={SITE}&from=2015-05-17&to=2015-05-18&{query}");
        host.send(&Request::get(&target)).await.json()["range"]["visitors"].clone()
    };
    // All within the time for which a reading is shared.
    for (query, expected) in [("page=/a", 3), ("page=/b", 1), ("", 3), ("entry_page=/a", 3), ("page=/b", 1)] {
        assert_eq!(visitors(query).await, expected, "{query}");
    }
    let page = async |query: &str| {
        let target = format!("/?site={SITE}&from=2015-05-17&to=2015-05-18&{query}");
        host.send(&visitor(1).to(&target).header("Sec-Fetch-Dest", "empty")).await.text().to_owned()
    };
    let (a, b) = (page("page=/a").await, page("page=/b").await);
    assert!(a.contains("<b data-range=\"visitors\">3</b>") && b.contains("<b data-range=\"visitors\">1</b>"));
}

#[tokio::test]
async fn a_value_shows_no_more_than_its_site_to_clients_without_access() {
    const TOKEN: &str = "kX7mQ2vR9tWc4LzN8bHs3JdF";
    let database = Database::create().await;
    let host =
        Host::on(&database).with("FOOTFALL_SITES", "example.com,open.example").with("FOOTFALL_DASHBOARD_TOKEN", TOKEN);
    let host = host.with("FOOTFALL_PUBLIC_SITES", "open.example").start().await;
    host.process.wait_until_ready().await;
    for (site, status) in [("example.com", 401), ("open.example", 200)] {
        for target in ["/api/statistics", "/api/statistics.csv", "/"] {
            let response = host.send(&visitor(1).to(&format!("{target}?site={site}&page=/a"))).await;
            assert_eq!(response.status, status, "{target} {site}");
            // The pages of all values are too many for search engines.
            assert_eq!(response.header("x-robots-tag"), "noindex", "{target} {site}");
        }
    }
}

#[tokio::test]
async fn rows_lead_to_their_value_and_back_without_a_script() {
    let database = Database::create().await;
    let host = host_with_visits(&database).await;
    let page = |query: &str| visitor(1).to(&format!("/?site={SITE}&period=today{query}"));
    let all = host.send(&page("")).await.text().replace("&#x3D;", "=");
    assert!(all.contains("&amp;page=/a%20b\"><bdi title=\"/a b\">/a b</bdi></a>"), "{all}");
    let sources = host.send(&page("&lists=sources")).await.text().replace("&#x3D;", "=");
    assert!(sources.contains("&amp;referrer=news.example\">"), "{sources}");
    let one = host.send(&page("&page=/a%20b")).await.text().replace("&#x3D;", "=");
    assert!(one.contains("<bdi>/a b</bdi> <a href=\"https://example.com/a b\""), "{one}");
    assert!(one.contains("href=\"?site=example.com&amp;period=today\" title=\"Remove the filter\""), "{one}");
    assert!(one.contains("<b data-range=\"visitors\">2</b>") && one.contains("<h3>Referrers</h3>"));
    let never = host.send(&page("&page=/never")).await;
    assert!(never.status == 200 && never.text().contains("No visits in this period"));
    // The parameter must be a path of the site.
    assert_eq!(host.send(&page("&page=about")).await.status, 400);
}

#[tokio::test]
async fn an_invalid_value_is_rejected_with_the_valid_form() {
    let database = Database::create().await;
    let host = host_with_visits(&database).await;
    let long = format!("event={}", "x".repeat(1025));
    for (query, problem) in [
        ("page=about", "'page' must be a path"),
        ("referrer=https%3A%2F%2Fnews.example", "'referrer' must be a host name"),
        ("referrer=203.0.113.9", "'referrer' must be a host name"),
        ("country=Germany", "'country' must be an ISO 3166 code"),
        ("channel=tv", "'channel' must be one of search"),
        ("page=/a&referrer=news.example", "together with at most one of 'page'"),
        ("page=/a&page=/c", "use 'page' once"),
        ("country=DE&country=FR", "use 'country' once, or with '!'"),
        ("country=DE&list=entry_pages", "the list 'entry_pages' is not counted for this filter"),
        ("city=Berlin", "unknown parameter 'city'"),
        (&long, "'event' has more than 1024 bytes"),
    ] {
        let response = statistics(&host, query).await;
        assert_eq!((response.status, response.header("content-type")), (400, "application/problem+json"), "{query}");
        assert!(response.json()["detail"].as_str().unwrap().contains(problem), "{query}: {}", response.text());
    }
    // NUL stays encoded as in counted pages, because PostgreSQL cannot store it.
    for query in ["page=/%00", "event=%00", "campaign=%00", "campaign_link=%00", "device=%00"] {
        assert_eq!(statistics(&host, query).await.status, 200, "{query}");
    }
}

#[tokio::test]
async fn the_referrers_of_a_page_are_searched_and_paged_as_any_list() {
    let database = Database::create().await;
    let folder = Folder::new();
    // Host 1 leads to the page once, host 2 twice, and so on.
    let line = |host: usize, visitor: usize| {
        let line = combined(&format!("192.0.{host}.{visitor}"), "17/May/2015:12:00:00 +0000", "/a", "Firefox/1");
        line.replace("\"-\" \"Firefox", &format!("\"https://site-{host}.example/\" \"Firefox"))
    };
    let lines = (1..=15).flat_map(|host| (1..=host).map(move |visitor| line(host, visitor)));
    let log = folder.write("access.log", lines.collect::<String>());
    HandlerCommand::on(&database).run(&["import", "--site", SITE, &log]);
    for settings in [("FOOTFALL_SMALLEST_GROUP", "10"), ("FOOTFALL_SMALLEST_GROUP", "off")] {
        let host = Host::on(&database).with("FOOTFALL_SITES", SITE).with(settings.0, settings.1).start().await;
        host.process.wait_until_ready().await;
        let day = format!("site={SITE}&from=2015-05-17&to=2015-05-17");
        let report =
            async |query: &str| host.send(&Request::get(&format!("/api/statistics?{day}&{query}"))).await.json();
        let referrers = |numbers: &[usize]| {
            let row = |number: &usize| json!({ "value": format!("site-{number}.example"), "pageviews": number });
            json!({ "page": "/a", "referrers": numbers.iter().map(row).collect::<Vec<_>>(), "other": 0 })
        };
        for (query, rows, length) in [
            ("list=referrers&page=/a&limit=2", &[15, 14][..], 15),
            ("list=referrers&page=/a&limit=2&offset=13", &[2, 1], 15),
            ("list=referrers&page=/a&search=SITE-1", &[15, 14, 13, 12, 11, 10, 1], 7),
            ("page=/a&limit=1&offset=1&lists=none", &[14], 15),
        ] {
            let found = report(query).await;
            assert_eq!(found["referrals"], referrers(rows), "{query}");
            assert_eq!(found["list_lengths"]["referrers"], length, "{query}");
            assert_eq!(found["referrers"], Value::Null, "{query}");
        }
        let found = report("list=referrers&page=/a&search=nowhere").await;
        assert_eq!((&found["referrals"], &found["list_lengths"]["referrers"]), (&referrers(&[]), &Value::Null));
        let found = report("list=pages&referrer=site-3.example").await;
        assert_eq!(found["referrals"]["pages"], json!([{ "value": "/a", "pageviews": 3 }]));
        // Another list of the page has no referrers.
        assert_eq!(report("list=browsers&page=/a").await["referrals"], Value::Null);
        let csv = host.send(&Request::get(&format!("/api/statistics.csv?{day}&list=referrers&page=/a&limit=2"))).await;
        let rows: Vec<&str> = csv.text().lines().skip(1).collect();
        assert_eq!(rows, ["referrals,site-15.example,,15", "referrals,site-14.example,,14"]);
        // The page shows the beginning, and a link to the whole list, which has a search and keeps the page.
        let page = host.send(&Request::get(&format!("/?{day}&page=/a"))).await.text().replace("&amp;", "&");
        assert_eq!(page.matches("<bdi>site-").count(), 10, "{page}");
        let link = "&list=referrers&page=/a#lists\">All 15 referrers</a>";
        assert!(page.replace("&#x3D;", "=").contains(link), "{page}");
        let whole = host.send(&Request::get(&format!("/?{day}&page=/a&list=referrers"))).await;
        assert_eq!(whole.text().matches("<bdi>site-").count(), 15, "{}", whole.text());
        assert!(whole.text().contains("1 to 15 of 15") && whole.text().contains("name=\"list\" value=\"referrers\""));
        assert!(whole.text().contains("name=\"page\" value=\"/a\""), "{}", whole.text());
    }
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
