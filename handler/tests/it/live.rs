//! `/api/live`: the views of the last 30 minutes.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    client::{GOOGLEBOT, Request, visitor},
    database::Database,
    host::Host,
    log::combined,
    process::{Folder, HandlerCommand, PATIENCE},
};

async fn live(host: &Host, site: &str) -> Value {
    let response = host.send(&Request::get(&format!("/api/live?site={site}"))).await;
    assert_eq!((response.status, response.header("content-type")), (200, "application/json"));
    response.json()
}

fn now() -> i64 {
    Timestamp::now().as_second() / 60
}

#[tokio::test]
async fn views_are_counted_in_their_minute_of_arrival_and_excluded_requests_in_none() {
    let database = Database::create().await;
    let host = Host::on(&database).with("FOOTFALL_SITES", "example.com").start().await;
    host.process.wait_until_ready().await;
    let before = now();
    for request in [visitor(1), visitor(1), visitor(2), visitor(3).header("DNT", "1")] {
        assert_eq!(host.send(&request).await.status, 200);
    }
    host.send(&visitor(4).header("User-Agent", GOOGLEBOT)).await;
    host.send(&visitor(4).to("/?own")).await;
    let event = r#"{"s":"localhost","p":"/","e":"signup"}"#;
    let event = visitor(5).to("/v").method("POST").header("Content-Length", &event.len().to_string()).body(event);
    assert_eq!(host.send(&event).await.status, 204);
    let found = live(&host, "localhost").await;
    let after = now();
    assert_eq!((&found["site"], &found["pageviews"]), (&"localhost".into(), &4.into()));
    let minutes = found["minutes"].as_array().unwrap();
    assert_eq!(minutes.len(), 30);
    for minute in minutes {
        let start: Timestamp = minute["start"].as_str().unwrap().parse().unwrap();
        let is_then = (before..=after).contains(&(start.as_second() / 60));
        assert!(is_then || minute["pageviews"] == 0, "{minute}");
    }
    assert_eq!(minutes.iter().map(|minute| minute["pageviews"].as_i64().unwrap()).sum::<i64>(), 4);
    assert!(found["as_of"].as_str().unwrap() >= minutes[29]["start"].as_str().unwrap());
    // The other site has no views.
    assert_eq!(live(&host, "example.com").await["pageviews"], 0);
    database.assert_sound().await;
}

#[tokio::test]
async fn imported_views_are_not_live() {
    let database = Database::create().await;
    let folder = Folder::new();
    let today = Timestamp::now().strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
    let log = folder.write("access.log", combined("192.0.2.1", &today, "/", "Firefox/1"));
    HandlerCommand::on(&database).run(&["import", "--site", "localhost", &log]);
    assert_eq!((database.pageviews().await, database.number("select count(*) from minute").await), (1, 0));
    let host = Host::start(&database).await;
    assert_eq!(live(&host, "localhost").await["pageviews"], 0);
}

#[tokio::test]
async fn minutes_are_deleted_after_an_hour() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(1)).await;
    let now = now();
    for age in [20, 50, 70, 1000] {
        database.execute(&format!("insert into minute select id, {now} - {age}, 1 from site")).await;
    }
    assert_eq!(host.maintain().await["minutes_deleted"], 2);
    assert_eq!(database.number("select count(*) from minute").await, 3);
    assert_eq!(live(&host, "localhost").await["pageviews"], 2);
}

#[tokio::test]
async fn live_requests_within_a_second_share_a_reading() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(1)).await;
    let first = live(&host, "localhost").await;
    assert_eq!(first["pageviews"], 1);
    database.execute("update minute set pageviews = 100").await;
    // Responses with the time of the first one share its reading. A later one has the new number.
    let began = Instant::now();
    loop {
        let next = live(&host, "localhost").await;
        let is_shared = next["as_of"] == first["as_of"];
        assert_eq!(next["pageviews"], if is_shared { 1 } else { 100 }, "{next}");
        if !is_shared {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "the first reading is shared for too long");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn live_views_of_a_private_site_require_the_token() {
    let database = Database::create().await;
    let host = Host::on(&database)
        .with("FOOTFALL_DASHBOARD_TOKEN", "kX7mQ2vR9tWc4LzN8bHs3JdF")
        .with("FOOTFALL_SITES", "example.com")
        .with("FOOTFALL_PUBLIC_SITES", "example.com")
        .start()
        .await;
    host.process.wait_until_ready().await;
    let status = async |request: Request| host.send(&request).await.status;
    assert_eq!(status(Request::get("/api/live")).await, 401);
    assert_eq!(status(Request::get("/api/live?site=unknown.example")).await, 401);
    assert_eq!(status(Request::get("/api/live?site=example.com")).await, 200);
    let token = |target: &str| Request::get(target).header("Authorization", "Bearer kX7mQ2vR9tWc4LzN8bHs3JdF");
    assert_eq!(status(token("/api/live")).await, 200);
    assert_eq!(status(token("/api/live?site=unknown.example")).await, 404);
    assert_eq!(status(token("/api/live?site=a%00b")).await, 400);
}
