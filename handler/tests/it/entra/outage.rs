//! A slow, failing or silent identity endpoint: visits get 503, and counting recovers without a restart.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{new_token, send_until_counted, start, visit};
use crate::{
    azure::{Endpoint, IDENTITY_SECRET, Mode, Tenant, run},
    client::Request,
    process::{PATIENCE, Process},
};

/// Longer than any request waits.
const TOO_SLOW: Mode = Mode::Slow(Duration::from_mins(2));

fn lost(process: &Process) -> Vec<Value> {
    process.log().into_iter().filter(|line| line["event"] == "database_lost").collect()
}

/// Checks that a visit gets 503, and that the host's pings get a reply meanwhile.
async fn assert_unavailable(process: &Process) {
    let port = process.port;
    let visit = tokio::spawn(async move { crate::client::send(port, &visit(2)).await });
    let began = Instant::now();
    let mut pings = 0;
    while !visit.is_finished() {
        let ping = process.send(&Request::get("/").without_user_agent()).await;
        assert_eq!((ping.status, ping.text()), (200, "Footfall is listening.\n"));
        pings += 1;
        assert!(began.elapsed() < PATIENCE, "the visit got no response");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let response = visit.await.unwrap();
    assert_eq!((response.status, response.header("retry-after")), (503, "5"), "{}", response.text());
    assert!(pings > 0);
}

async fn assert_survived(mode: Mode) {
    let (tenant, endpoint, mut process) = start().await;
    assert_eq!(process.send(&visit(1)).await.status, 200);
    // The handler drops a rejected token, so it needs the endpoint.
    tenant.accept(&new_token()).await;
    endpoint.behave(mode);
    tenant.disconnect().await;
    assert_unavailable(&process).await;
    let without_token = |line: &Value| line["message"].as_str().unwrap().contains("no token");
    let began = Instant::now();
    // The first line may report the lost connection, and a later batch the missing token.
    while !lost(&process).iter().any(without_token) {
        assert!(began.elapsed() < PATIENCE, "no line reports the missing token: {:?}", lost(&process));
        assert_unavailable(&process).await;
    }
    for line in lost(&process) {
        assert_eq!(line["level"], "WARN");
    }
    let token = new_token();
    tenant.accept(&token).await;
    endpoint.give(&token);
    endpoint.behave(Mode::Fast);
    send_until_counted(&process).await;
    assert!(process.is_running());
    assert!(!process.lines().concat().contains(IDENTITY_SECRET));
}

#[tokio::test]
async fn visits_get_503_while_the_identity_endpoint_is_slow() {
    assert_survived(TOO_SLOW).await;
}

#[tokio::test]
async fn visits_get_503_while_the_identity_endpoint_fails() {
    assert_survived(Mode::Failing).await;
}

#[tokio::test]
async fn visits_get_503_while_the_identity_endpoint_returns_garbage() {
    assert_survived(Mode::Rubbish).await;
}

#[tokio::test]
async fn visits_get_503_while_the_identity_endpoint_does_not_respond() {
    assert_survived(Mode::Hanging).await;
}

#[tokio::test]
async fn visits_without_a_token_log_each_cause_once() {
    let (tenant, endpoint, process) = start().await;
    // Wait until the database is open: opening it logs its own warnings.
    let began = Instant::now();
    while !process.log().iter().any(|line| line["event"] == "database_ready") {
        assert!(began.elapsed() < PATIENCE, "the database is not ready: {:?}", process.lines());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tenant.accept(&new_token()).await;
    endpoint.behave(Mode::Failing);
    tenant.disconnect().await;
    let before = lost(&process).len();
    assert_eq!(process.send(&visit(1)).await.status, 503);
    assert_eq!(process.send(&visit(2)).await.status, 503);
    // A lost connection, a rejected token and a missing token have one line each.
    let logged: Vec<_> = lost(&process).split_off(before).into_iter().map(|line| line["message"].to_string()).collect();
    let distinct: std::collections::BTreeSet<_> = logged.iter().collect();
    assert_eq!(distinct.len(), logged.len(), "{logged:?}");
    assert!(logged.iter().any(|message| message.contains("no token")), "{logged:?}");
}

#[tokio::test]
async fn a_handler_started_without_a_token_counts_once_it_gets_one() {
    let token = new_token();
    let tenant = Tenant::create().await;
    tenant.accept(&token).await;
    let endpoint = Endpoint::start(&token).await;
    endpoint.behave(Mode::Failing);
    let process = tenant.plain_with(&endpoint).start().await;
    assert_unavailable(&process).await;
    endpoint.behave(Mode::Fast);
    send_until_counted(&process).await;
}

#[tokio::test]
async fn doctor_reports_a_missing_token() {
    let token = new_token();
    let tenant = Tenant::create().await;
    tenant.accept(&token).await;
    let endpoint = Endpoint::start(&token).await;
    for mode in [Mode::Failing, Mode::Rubbish, Mode::Hanging] {
        endpoint.behave(mode);
        let outcome = run(&tenant.plain_with(&endpoint), &["doctor"]).await;
        assert_eq!(outcome.code, Some(1));
        assert!(outcome.stdout.contains("no token"), "{mode:?}: {}", outcome.stdout);
        assert!(outcome.stdout.ends_with("Footfall can't count yet.\n"));
    }
    endpoint.behave(Mode::Fast);
    let outcome = run(&tenant.plain_with(&endpoint), &["doctor"]).await;
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
}
