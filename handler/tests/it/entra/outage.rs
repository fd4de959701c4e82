//! The identity endpoint is slow, broken, or silent: visitors are told to come back, and it heals by itself.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{new_token, send_until_counted, start, visit};
use crate::{
    azure::{Endpoint, IDENTITY_SECRET, Mode, Tenant, run},
    client::Request,
    process::{PATIENCE, Process},
};

/// Longer than anybody waits.
const TOO_SLOW: Mode = Mode::Slow(Duration::from_mins(2));

fn lost(process: &Process) -> Vec<Value> {
    process.log().into_iter().filter(|line| line["event"] == "database_lost").collect()
}

/// A visit that can't be counted is answered in time, and the host's pings meanwhile.
async fn assert_told_to_come_back(process: &Process) {
    let port = process.port;
    let visit = tokio::spawn(async move { crate::client::send(port, &visit(2)).await });
    let began = Instant::now();
    let mut pings = 0;
    while !visit.is_finished() {
        let ping = process.send(&Request::get("/").without_user_agent()).await;
        assert_eq!((ping.status, ping.text()), (200, "Footfall is listening.\n"));
        pings += 1;
        assert!(began.elapsed() < PATIENCE, "a visitor waits without an end");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let answer = visit.await.unwrap();
    assert_eq!((answer.status, answer.header("retry-after")), (503, "5"), "{}", answer.text());
    assert!(pings > 0);
}

async fn assert_survived(mode: Mode) {
    let (tenant, endpoint, mut process) = start().await;
    assert_eq!(process.send(&visit(1)).await.status, 200);
    // What is refused is forgotten, so that this endpoint is needed.
    tenant.accept(&new_token()).await;
    endpoint.behave(mode);
    tenant.disconnect().await;
    assert_told_to_come_back(&process).await;
    let without_token = |line: &Value| line["message"].as_str().unwrap().contains("no token");
    let began = Instant::now();
    // The first line of a batch is about the connection that was lost; so a batch more may be needed.
    while !lost(&process).iter().any(without_token) {
        assert!(began.elapsed() < PATIENCE, "no word about the token in {:?}", lost(&process));
        assert_told_to_come_back(&process).await;
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
    // What opens the database at the start would warn on its own.
    let began = Instant::now();
    while !process.log().iter().any(|line| line["event"] == "database_ready") {
        assert!(began.elapsed() < PATIENCE, "it said {:?}", process.lines());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tenant.accept(&new_token()).await;
    endpoint.behave(Mode::Failing);
    tenant.disconnect().await;
    let before = lost(&process).len();
    assert_eq!(process.send(&visit(1)).await.status, 503);
    assert_eq!(process.send(&visit(2)).await.status, 503);
    // The connections are lost, or the old token is refused, and then there is none: each is told once.
    let told: Vec<_> = lost(&process).split_off(before).into_iter().map(|line| line["message"].to_string()).collect();
    let different: std::collections::BTreeSet<_> = told.iter().collect();
    assert_eq!(different.len(), told.len(), "{told:?}");
    assert!(told.iter().any(|message| message.contains("no token")), "{told:?}");
}

#[tokio::test]
async fn a_handler_started_without_a_token_counts_once_it_gets_one() {
    let token = new_token();
    let tenant = Tenant::create().await;
    tenant.accept(&token).await;
    let endpoint = Endpoint::start(&token).await;
    endpoint.behave(Mode::Failing);
    let process = tenant.plain_with(&endpoint).start().await;
    assert_told_to_come_back(&process).await;
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
