//! Visits to pages of other sites, sent by the script, the pixel and the hit counter.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    client::{FIREFOX, GOOGLEBOT, Request, Response, visitor},
    database::Database,
    host::{Host, MODES},
    log::combined,
    process::{Folder, HandlerCommand},
};

const SITE: &str = "example.com";

async fn start(database: &Database) -> Host {
    let host = Host::on(database).with("FOOTFALL_SITES", SITE).start().await;
    host.process.wait_until_ready().await;
    host
}

/// The request of the script in a page of the site, by the visitor with this number.
fn script_request(number: usize, message: &Value) -> Request {
    let body = message.to_string();
    visitor(number)
        .to("/v")
        .method("POST")
        .header("Content-Type", "text/plain;charset=UTF-8")
        .header("Content-Length", &body.len().to_string())
        .header("Origin", "https://example.com")
        .body(&body)
}

fn view(page: &str) -> Value {
    json!({ "s": SITE, "p": page })
}

async fn statistics(host: &Host) -> Value {
    host.send(&Request::get(&format!("/api/statistics?site={SITE}&period=today"))).await.json()
}

fn list(statistics: &Value, dimension: &str) -> Vec<(String, Value, i64)> {
    let entry = |entry: &Value| {
        (entry["value"].as_str().unwrap().to_owned(), entry["visitors"].clone(), entry["pageviews"].as_i64().unwrap())
    };
    statistics[dimension].as_array().unwrap_or_else(|| panic!("{dimension}")).iter().map(entry).collect()
}

fn row(value: &str, visitors: i64, pageviews: i64) -> (String, Value, i64) {
    (value.to_owned(), visitors.into(), pageviews)
}

fn assert_refused(response: &Response, status: u16, problem: &str) {
    assert_eq!(response.status, status, "{}", response.text());
    assert_eq!(response.header("content-type"), "application/problem+json");
    assert!(response.json()["detail"].as_str().unwrap().contains(problem), "{}", response.text());
}

#[tokio::test]
async fn a_view_is_counted_before_its_204_response() {
    for mode in MODES {
        let database = Database::create().await;
        let host = Host::on(&database).with("FOOTFALL_SITES", SITE).mode(mode).start().await;
        host.process.wait_until_ready().await;
        for (number, page) in [(1, "/a"), (1, "/a"), (1, "/b"), (2, "/a")] {
            let response = host.send(&script_request(number, &view(page))).await;
            assert_eq!((response.status, response.body.len(), response.header("set-cookie")), (204, 0, ""));
            assert_eq!(response.header("cache-control"), "no-store");
            assert_eq!(response.header("cross-origin-resource-policy"), "cross-origin");
        }
        let statistics = statistics(&host).await;
        assert_eq!((&statistics["range"]["visitors"], &statistics["range"]["pageviews"]), (&2.into(), &4.into()));
        assert_eq!(list(&statistics, "pages"), [row("/a", 2, 3), row("/b", 1, 1)]);
        assert_eq!(list(&statistics, "entry_pages"), [row("/a", 2, 3)]);
        database.assert_sound().await;
    }
}

#[tokio::test]
async fn every_value_from_the_script_is_counted_under_its_dimension() {
    let database = Database::create().await;
    let host = start(&database).await;
    let message = json!({
        "s": SITE, "p": "/shop?product=7", "r": "https://www.google.de", "l": "de-CH", "z": "Europe/Zurich", "w": "l",
        "c": { "source": "letter", "medium": "email", "campaign": "spring" },
    });
    let response = host.send(&script_request(1, &message).header("Sec-CH-UA-Platform", "\"Linux\"")).await;
    assert_eq!(response.status, 204);
    let statistics = statistics(&host).await;
    for (dimension, value) in [
        ("pages", "/shop?product=7"),
        ("entry_pages", "/shop?product=7"),
        ("referrers", "google.de"),
        ("channels", "search"),
        ("browsers", "Firefox"),
        ("operating_systems", "Linux"),
        ("devices", "Desktop"),
        ("countries", "CH"),
        ("languages", "de"),
        ("campaign_sources", "letter"),
        ("campaign_mediums", "email"),
        ("campaigns", "spring"),
    ] {
        assert_eq!(list(&statistics, dimension), [row(value, 1, 1)], "{dimension}");
    }
    let link = json!({ "value": "letter / email / spring", "visitors": null, "pageviews": 1 });
    assert_eq!(statistics["campaign_links"], json!([link]));
    database.assert_sound().await;
}

#[tokio::test]
async fn a_campaign_has_visitors_by_source_by_medium_and_by_name() {
    let database = Database::create().await;
    let host = start(&database).await;
    for (number, source, medium, name) in [
        (1, "letter", "email", "spring"),
        (1, "letter", "email", "autumn"),
        (2, "letter", "paper", "spring"),
        (2, "news", "", "spring"),
        (3, "news", "", ""),
    ] {
        let campaign = json!({ "source": source, "medium": medium, "campaign": name });
        let message = json!({ "s": SITE, "p": "/", "z": "Europe/Berlin", "c": campaign });
        assert_eq!(host.send(&script_request(number, &message)).await.status, 204);
    }
    let all = statistics(&host).await;
    // A visitor counts once under each value, whatever the other parts of its links.
    assert_eq!(list(&all, "campaign_sources"), [row("letter", 2, 3), row("news", 2, 2)]);
    assert_eq!(list(&all, "campaign_mediums"), [row("email", 1, 2), row("paper", 1, 1)]);
    assert_eq!(list(&all, "campaigns"), [row("spring", 2, 3), row("autumn", 1, 1)]);
    let link = |value: &str| json!({ "value": value, "visitors": null, "pageviews": 1 });
    let links = ["letter / email / autumn", "letter / email / spring", "letter / paper / spring", "news / - / spring"];
    assert_eq!(all["campaign_links"], json!(links.map(link)));
    for (query, visitors) in [
        ("campaign_source=letter", json!(2)),
        ("campaign_medium=email", json!(1)),
        ("campaign=spring", json!(2)),
        ("campaign_source=letter&country=DE", json!(2)),
        ("campaign_medium=paper&device=!Desktop", json!(0)),
        ("campaign_link=news / - / spring", json!(null)),
    ] {
        let target = format!("/api/statistics?site={SITE}&period=today&{}", query.replace(' ', "%20"));
        let report = host.send(&Request::get(&target)).await.json();
        assert_eq!(report["range"]["visitors"], visitors, "{query}: {report}");
    }
    let target = format!("/api/statistics.csv?site={SITE}&period=today&list=campaign_links&search=spring");
    let csv = host.send(&Request::get(&target)).await;
    assert!(csv.text().contains("campaign_links,news / - / spring,,1\r\n"), "{}", csv.text());
    database.assert_sound().await;
}

#[tokio::test]
async fn countries_and_browsers_add_up_to_the_visitors() {
    let database = Database::create().await;
    let host = start(&database).await;
    for (number, zone) in [(1, "Europe/Berlin"), (1, "America/New_York"), (2, "Europe/Berlin"), (3, "Asia/Tokyo")] {
        let mut message = view("/");
        message["z"] = zone.into();
        host.send(&script_request(number, &message)).await;
    }
    let statistics = statistics(&host).await;
    // A visitor counts in the country of its first view of the day. The other country gets a pageview only.
    assert_eq!(list(&statistics, "countries"), [row("DE", 2, 2), row("JP", 1, 1), row("US", 0, 1)]);
    assert_eq!(list(&statistics, "browsers"), [row("Firefox", 3, 4)]);
    database.assert_sound().await;
}

#[tokio::test]
async fn an_event_has_its_own_visitors_and_is_not_a_pageview() {
    let database = Database::create().await;
    let host = start(&database).await;
    let event = |name: &str| json!({ "s": SITE, "p": "/", "e": name });
    for number in [1, 2] {
        host.send(&script_request(number, &view("/"))).await;
    }
    for (number, name) in [(1, "signup"), (1, "signup"), (2, "signup"), (2, "download")] {
        assert_eq!(host.send(&script_request(number, &event(name))).await.status, 204);
    }
    // Events of robots and of the owner are neither counted nor accounted.
    host.send(&script_request(3, &event("signup")).user_agent(GOOGLEBOT)).await;
    host.send(&script_request(3, &json!({ "s": SITE, "p": "/", "e": "signup", "o": 1 }))).await;
    // An event with an opt-out counts, but not as a visitor.
    host.send(&script_request(4, &event("signup")).header("Sec-GPC", "1")).await;
    let statistics = statistics(&host).await;
    assert_eq!(list(&statistics, "events"), [row("signup", 2, 4), row("download", 1, 1)]);
    assert_eq!((&statistics["range"]["visitors"], &statistics["range"]["pageviews"]), (&2.into(), &2.into()));
    assert_eq!(statistics["excluded"]["bots"], 0);
    assert_eq!(statistics["excluded"]["own"], 0);
    assert_eq!(statistics["excluded"]["opted_out"], 0);
    database.assert_sound().await;
}

#[tokio::test]
async fn events_beyond_fifty_a_day_are_counted_as_other() {
    let database = Database::create().await;
    let host = start(&database).await;
    for number in 0..60 {
        host.send(&script_request(number / 20, &json!({ "s": SITE, "p": "/", "e": format!("event {number}") }))).await;
    }
    let target = format!("/api/statistics?site={SITE}&period=today&list=events&limit=60");
    let events = list(&host.send(&Request::get(&target)).await.json(), "events");
    assert_eq!(events.len(), 51);
    assert_eq!(events.iter().find(|(value, ..)| value == "other"), Some(&row("other", 1, 10)));
    database.assert_sound().await;
}

#[tokio::test]
async fn exclusions_are_counted_by_reason_and_robots_by_name() {
    let database = Database::create().await;
    let host = start(&database).await;
    let view_with = |name: &str, value: Value| {
        let mut message = view("/read");
        message[name] = value;
        message
    };
    host.send(&script_request(1, &view("/read")).user_agent(GOOGLEBOT)).await;
    host.send(&script_request(1, &view("/read")).user_agent("Mozilla/5.0 (compatible; GPTBot/1.2)")).await;
    host.send(&script_request(2, &view_with("o", 1.into()))).await;
    host.send(&script_request(3, &view_with("g", 1.into()))).await;
    host.send(&script_request(4, &view("/read")).header("DNT", "1")).await;
    host.send(&script_request(5, &view("/read")).header("Sec-Purpose", "prefetch;prerender")).await;
    host.send(&script_request(6, &view_with("r", "https://semalt.com/".into()))).await;
    let statistics = statistics(&host).await;
    let excluded = &statistics["excluded"];
    let expected = [("bots", 2), ("own", 1), ("opted_out", 2), ("prefetch", 1), ("referrer_spam", 1)];
    for (reason, count) in expected {
        assert_eq!(excluded[reason], count, "{reason} of {excluded}");
    }
    assert_eq!((&statistics["range"]["visitors"], &statistics["range"]["pageviews"]), (&0.into(), &2.into()));
    let robots: Vec<_> = statistics["robots"].as_array().unwrap().iter().map(|robot| &robot["value"]).collect();
    assert_eq!(robots, ["GPTBot", "Googlebot"]);
    assert_eq!(statistics["robots"][0]["purpose"], "ai_training");
    assert_eq!(statistics["robots"][0]["operator"], "OpenAI");
    assert_eq!(list(&statistics, "ai_pages"), [("/read".to_owned(), Value::Null, 1)]);
    database.assert_sound().await;
}

#[tokio::test]
async fn visits_from_pages_of_other_sites_are_rejected() {
    let database = Database::create().await;
    let host = start(&database).await;
    let from = |name: &str, value: &str| {
        let mut request = script_request(1, &view("/"));
        request.headers.retain(|(header, _)| header != "Origin");
        if name.is_empty() { request } else { request.header(name, value) }
    };
    for (name, value) in [
        ("Origin", "https://evil.example"),
        ("Origin", "https://example.com.evil.example"),
        ("Origin", "https://blog.example.com"),
        ("Origin", "nonsense"),
        // Saved copies of pages, and sandboxed frames.
        ("Origin", "null"),
        ("Origin", "file://"),
        ("Referer", "https://evil.example/example.com"),
    ] {
        let response = host.send(&from(name, value)).await;
        assert_refused(&response, 403, "data-site");
        assert!(!response.text().contains("evil"));
    }
    for (name, value) in [
        ("Origin", "https://www.example.com"),
        ("Origin", "http://EXAMPLE.com:8443"),
        ("Referer", "https://example.com/page"),
        ("", ""),
    ] {
        assert_eq!(host.send(&from(name, value)).await.status, 204, "{name}: {value}");
    }
    // A hidden origin is refused with any Referer, and for the images, too.
    let hidden = from("Origin", "null").header("Referer", "https://example.com/page");
    assert_refused(&host.send(&hidden).await, 403, "data-site");
    for image in ["/v/example.com.gif", "/v/example.com.svg"] {
        assert_refused(&host.send(&visitor(1).to(image).header("Origin", "null")).await, 403, "data-site");
    }
    assert_eq!(statistics(&host).await["range"]["pageviews"], 4);
}

#[tokio::test]
async fn pages_of_subdomains_count_if_configured() {
    let database = Database::create().await;
    let starter = Host::on(&database).with("FOOTFALL_SITES", SITE).with("FOOTFALL_SUBDOMAINS", "on");
    let host = starter.start().await;
    host.process.wait_until_ready().await;
    let mut message = view("/");
    message["r"] = "https://shop.example.com/".into();
    let mut request = script_request(1, &message);
    request.headers.retain(|(header, _)| header != "Origin");
    assert_eq!(host.send(&request.clone().header("Origin", "https://blog.example.com")).await.status, 204);
    // A subdomain is the site itself, so it is no referrer.
    assert!(list(&statistics(&host).await, "referrers").is_empty());
    assert_eq!(host.send(&request.header("Origin", "https://badexample.com")).await.status, 403);
}

#[tokio::test]
async fn an_invalid_visit_is_rejected_with_a_reason_that_repeats_nothing() {
    let database = Database::create().await;
    let host = start(&database).await;
    let of = |body: &str| {
        let mut request = script_request(1, &Value::Null);
        request.headers.retain(|(name, _)| name != "Content-Length");
        request.header("Content-Length", &body.len().to_string()).body(body)
    };
    for body in [
        "",
        "secret",
        "[]",
        "{}",
        "null",
        r#"{"s":"example.com"}"#,
        r#"{"s":"example.com","p":7}"#,
        r#"{"s":"example.com","p":"/","secret":1}"#,
        r#"{"s":"example.com","p":"/","w":"secret"}"#,
        r#"{"s":"example.com","p":"/","c":{"secret":"x"}}"#,
        r#"{"s":"example.com","p":"/","o":-1}"#,
        r#"{"s":"example.com","p":"/","s":"secret"}"#,
        "{\"s\":\"example.com\",\"p\":\"/\u{0}\"}",
    ] {
        let response = host.send(&of(body)).await;
        assert_refused(&response, 400, "JSON object");
        assert!(!response.text().contains("secret"), "{}", response.text());
    }
    assert_refused(&host.send(&of(r#"{"s":"example.com","p":"secret"}"#)).await, 400, "path");
    assert_refused(&host.send(&of(r#"{"s":"example.com","p":"/","e":" "}"#)).await, 400, "event");
    for unknown in ["secret.example", "", "not a name", "<script>"] {
        let response = host.send(&of(&json!({ "s": unknown, "p": "/" }).to_string())).await;
        assert_refused(&response, 404, "FOOTFALL_SITES");
        // An import would not help: visits count for configured sites only.
        assert!(!response.text().contains("import"), "{}", response.text());
        assert!(!response.text().contains("secret"));
    }
    let long = json!({ "s": SITE, "p": format!("/{}", "x".repeat(2048)) }).to_string();
    assert_refused(&host.send(&of(&long)).await, 413, "2048");
    assert_eq!(statistics(&host).await["range"]["pageviews"], 0);
    // Long or unusual values are shortened, and the visit counts.
    let unusual =
        json!({ "s": SITE, "p": format!("/{}\u{202e}", "é".repeat(400)), "l": "x".repeat(300), "z": "Nowhere/Else" });
    assert_eq!(host.send(&of(&unusual.to_string())).await.status, 204);
    database.assert_sound().await;
}

#[tokio::test]
async fn the_pixel_counts_the_page_in_its_referer() {
    let database = Database::create().await;
    let host = start(&database).await;
    let pixel = |number| visitor(number).to("/v/example.com.gif").header("Accept-Language", "de-AT,de;q=0.9");
    for (number, referer) in
        [(1, Some("https://example.com/about?secret=1#x")), (1, Some("https://example.com/")), (2, None)]
    {
        let request = match referer {
            Some(referer) => pixel(number).header("Referer", referer),
            None => pixel(number),
        };
        let response = host.send(&request).await;
        assert_eq!((response.status, response.header("content-type")), (200, "image/gif"));
        assert!(response.body.starts_with(b"GIF89a"));
        assert_eq!(response.header("cache-control"), "no-store");
        assert_eq!(response.header("cross-origin-resource-policy"), "cross-origin");
    }
    assert_refused(&host.send(&pixel(3).header("Referer", "https://evil.example/")).await, 403, "data-site");
    assert_refused(&host.send(&pixel(3).to("/v/unknown.example.gif")).await, 404, "FOOTFALL_SITES");
    assert_eq!(host.send(&pixel(3).to("/v/example.com.png")).await.status, 404);
    let statistics = statistics(&host).await;
    assert_eq!(list(&statistics, "pages"), [row("/", 2, 2), row("/about", 1, 1)]);
    assert_eq!(list(&statistics, "countries"), [row("AT", 2, 3)]);
    database.assert_sound().await;
}

#[tokio::test]
async fn a_page_is_one_row_whichever_way_it_is_sent() {
    const PAGE: &str = "/日本語/~a b%2Fc";
    let database = Database::create().await;
    let folder = Folder::new();
    let host = start(&database).await;
    for page in [PAGE, "/%E6%97%A5%E6%9C%AC%E8%AA%9E/%7Ea%20b%2Fc", "/x/../日%e6%9c%ac語/~a%20b%2fc;jsessionid=1"] {
        let message = json!({ "s": SITE, "p": page, "r": "https://news.example" });
        assert_eq!(host.send(&script_request(1, &message)).await.status, 204);
    }
    for image in ["gif", "svg"] {
        let referer = "https://example.com/%E6%97%A5%E6%9C%AC%E8%AA%9E/~a%20b%2fc;v=1?secret#x";
        let request = visitor(1).to(&format!("/v/example.com.{image}")).header("Referer", referer);
        assert_eq!(host.send(&request).await.status, 200);
    }
    let robot = script_request(2, &view("/日本語/%7ea b%2fc")).user_agent("Mozilla/5.0 (compatible; GPTBot/1.1)");
    assert_eq!(host.send(&robot).await.status, 204);
    // nginx and Apache write bytes of a target that are not ASCII as escapes.
    let escaped = r"/\xE6\x97\xA5\xe6\x9c\xac\xE8\xAA\x9E/~a%20b%2fc;jsessionid=2?q";
    let log: String = ["/%e6%97%a5%e6%9c%ac%e8%aa%9e/%7ea%20b%2Fc", escaped, "/日本語/~a%20b%2fc"]
        .map(|target| combined("192.0.2.1", "17/May/2015:12:00:00 +0000", target, FIREFOX))
        .concat();
    let log = folder.write("access.log", log);
    HandlerCommand::on(&database).run(&["import", "--site", SITE, &log]);
    let pages = "select distinct dimension || ' ' || value from tally where dimension in (1, 11, 15, 100) order by 1";
    let expected =
        [format!("1 {PAGE}"), format!("100 news.example {PAGE}"), format!("11 {PAGE}"), format!("15 {PAGE}")];
    assert_eq!(database.texts(pages).await, expected);
    assert_eq!(list(&statistics(&host).await, "pages"), [row(PAGE, 1, 5)]);
    for spelling in ["/日本語/~a%20b%252Fc", "/%25E6%2597%25A5%E6%9C%AC語/%7Ea%20b%252fc"] {
        let target = format!("/api/statistics?site={SITE}&period=today&page={spelling}");
        let referrals = host.send(&Request::get(&target)).await.json()["referrals"].clone();
        assert_eq!((&referrals["page"], &referrals["referrers"][0]["pageviews"]), (&PAGE.into(), &3.into()));
    }
    let page = host.send(&Request::get(&format!("/?site={SITE}&period=today")).header("Accept", "text/html")).await;
    let link = "page=/%E6%97%A5%E6%9C%AC%E8%AA%9E/~a%20b%252Fc\">";
    let shown = format!("{link}<bdi title=\"{PAGE}\">{PAGE}</bdi></a>");
    assert!(page.text().replace("&#x3D;", "=").contains(&shown), "{}", page.text());
    database.assert_sound().await;
}

#[tokio::test]
async fn the_script_is_small_cacheable_and_loadable_by_any_page() {
    let database = Database::create().await;
    let host = start(&database).await;
    let script = host.send(&Request::get("/footfall.js")).await;
    assert_eq!((script.status, script.header("content-type")), (200, "text/javascript; charset=utf-8"));
    assert_eq!(script.header("cross-origin-resource-policy"), "cross-origin");
    assert_eq!(script.header("access-control-allow-origin"), "*");
    assert!(script.header("cache-control").contains("max-age=3600"));
    let again = Request::get("/footfall.js").header("If-None-Match", script.header("etag"));
    let again = host.send(&again).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(again.header("access-control-allow-origin"), "*");
    let compressed = host.send(&Request::get("/footfall.js").header("Accept-Encoding", "gzip")).await;
    assert_eq!(compressed.header("content-encoding"), "gzip");
    // Sites load the script with every first visit, so its size as sent is bounded.
    assert!(compressed.body.len() <= 1000, "{} bytes", compressed.body.len());
    assert!(compressed.body.len() < script.body.len());
}

#[tokio::test]
async fn the_script_of_a_line_with_data_track_has_a_module_at_the_same_address() {
    let database = Database::create().await;
    let host = start(&database).await;
    let script = host.send(&Request::get("/footfall.js")).await;
    // The parameter follows any that the line has.
    for target in ["/footfall.js?&track", "/footfall.js?v=2?&track"] {
        let module = host.send(&Request::get(target).header("Accept-Encoding", "gzip")).await;
        assert_eq!((module.status, module.header("content-type")), (200, "text/javascript; charset=utf-8"), "{target}");
        assert_eq!(module.header("access-control-allow-origin"), "*");
        assert_ne!(module.header("etag"), script.header("etag"));
        assert!(module.body.len() <= 1000, "{} bytes", module.body.len());
    }
    assert!(script.text().contains("import(") && script.text().contains("\"?&track\""));
}

#[tokio::test]
async fn the_why_page_reports_whether_a_request_would_count_and_the_reason() {
    let database = Database::create().await;
    let host = start(&database).await;
    let why = Request::get("/me/why").header("Accept", "application/json");
    let verdict = |request: Request| {
        let host = &host;
        async move { host.send(&request).await.json() }
    };
    let counts = verdict(why.clone()).await;
    assert_eq!(
        (&counts["pageview"], &counts["visitor"], &counts["reason"]),
        (&true.into(), &true.into(), &Value::Null)
    );
    let opted_out = verdict(why.clone().header("Sec-GPC", "1")).await;
    assert_eq!((&opted_out["pageview"], &opted_out["visitor"]), (&true.into(), &false.into()));
    assert_eq!(opted_out["reason"], "opted_out");
    let robot = verdict(why.clone().user_agent("Mozilla/5.0 (compatible; ClaudeBot/1.0)")).await;
    assert_eq!((&robot["pageview"], &robot["robot"]["operator"]), (&false.into(), &"Anthropic".into()));
    let page = host.send(&Request::get("/me/why").header("Accept", "text/html,*/*").user_agent(FIREFOX)).await;
    assert!(page.text().contains("Yes, as a pageview and as a visitor."), "{}", page.text());
    assert!(!page.text().contains("Mozilla") && !page.text().contains("203.0.113"));
    assert_eq!(host.statistics().await["pageviews"]["today"], 0);
}

#[tokio::test]
async fn an_incomplete_body_gets_408_and_a_complete_one_counts_after_a_disconnect() {
    let database = Database::create().await;
    let host = start(&database).await;
    let body = view("/").to_string();
    let head = |length: usize| {
        format!(
            "POST /v HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {FIREFOX}\r\nX-Forwarded-For: 203.0.113.9\r\n\
             Content-Length: {length}\r\n\r\n"
        )
    };
    let mut slow = TcpStream::connect(("127.0.0.1", host.process.port)).await.unwrap();
    slow.write_all(format!("{}{}", head(body.len()), &body[..7]).as_bytes()).await.unwrap();

    // This client sends its request in pieces, and disconnects without waiting for a response.
    let mut hasty = TcpStream::connect(("127.0.0.1", host.process.port)).await.unwrap();
    hasty.set_nodelay(true).unwrap();
    for piece in [head(body.len()).as_bytes(), &body.as_bytes()[..9], &body.as_bytes()[9..]] {
        hasty.write_all(piece).await.unwrap();
        host.process.wait_until_read().await;
    }
    drop(hasty);

    let mut response = [0; 12];
    slow.read_exact(&mut response).await.unwrap();
    assert_eq!(&response, b"HTTP/1.1 408");
    assert_eq!(statistics(&host).await["range"]["pageviews"], 1);
}

#[tokio::test]
async fn a_hit_counter_counts_its_page_and_shows_the_new_number() {
    let database = Database::create().await;
    let host = start(&database).await;
    let counter_on = |number, page: &str| visitor(number).to("/v/example.com.svg?period=today").header("Referer", page);
    let counter = |number| counter_on(number, "https://example.com/a");
    for (number, shown) in [(1, 1), (1, 1), (2, 2)] {
        let response = host.send(&counter(number)).await;
        assert_eq!((response.status, response.header("content-type")), (200, "image/svg+xml; charset=utf-8"));
        assert!(response.text().contains(&format!("<title>visitors: {shown}</title>")), "{}", response.text());
        assert_eq!(response.header("cache-control"), "no-store");
        assert_eq!(response.header("cross-origin-resource-policy"), "cross-origin");
    }
    assert_refused(&host.send(&counter(3).to("/v/example.com.svg?period=never")).await, 400, "'period' must be");
    assert_refused(&host.send(&counter_on(3, "https://evil.example/")).await, 403, "data-site");
    let statistics = statistics(&host).await;
    assert_eq!(list(&statistics, "pages"), [row("/a", 2, 3)]);
    database.assert_sound().await;
}
