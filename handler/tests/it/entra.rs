//! Login with Entra tokens: the real binary, a double of the identity endpoint, and a PostgreSQL that accepts only the
//! newest token.

mod developer;
mod outage;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    azure::{Endpoint, IDENTITY_SECRET, Mode, Tenant, run},
    client::{Connection, Request, send},
    process::{PATIENCE, Process},
};

/// A random token, which no log line contains by chance.
fn new_token() -> String {
    format!("token-{}", Uuid::new_v4().simple())
}

/// A visit as App Service forwards it.
fn visit(number: usize) -> Request {
    let address = format!("10.{}.{}.{}:51234", number >> 16 & 255, number >> 8 & 255, number & 255);
    Request::get("/").header("X-Forwarded-For", &address)
}

/// A database that accepts a token, the endpoint that issues it, and a handler that is ready.
async fn start() -> (Tenant, Endpoint, Process) {
    let token = new_token();
    let tenant = Tenant::create().await;
    tenant.accept(&token).await;
    let endpoint = Endpoint::start(&token).await;
    let process = tenant.plain_with(&endpoint).start().await;
    process.wait_until_ready().await;
    (tenant, endpoint, process)
}

/// Sends visits until one is counted, and returns the number of visits sent.
async fn send_until_counted(process: &Process) -> i64 {
    let began = Instant::now();
    for sent in 1.. {
        if process.send(&visit(1)).await.status == 200 {
            return sent;
        }
        assert!(began.elapsed() < PATIENCE, "the handler does not recover: {:?}", process.lines());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    unreachable!("the loop is endless")
}

#[tokio::test]
async fn a_visit_is_counted_over_tls_1_3_with_a_token_as_password() {
    let (tenant, _endpoint, process) = start().await;
    for number in 1..=3 {
        assert_eq!(process.send(&visit(number)).await.status, 200);
    }
    let statistics = process.statistics().await;
    assert_eq!((&statistics["visitors"]["today"], &statistics["pageviews"]["today"]), (&3.into(), &3.into()));
    let of_the_role = format!("from pg_stat_activity natural join pg_stat_ssl where usename = '{}'", tenant.role);
    assert_eq!(tenant.number(&format!("select count(*) {of_the_role}")).await, 2);
    assert_eq!(tenant.number(&format!("select count(*) {of_the_role} and version = 'TLSv1.3'")).await, 2);
}

#[tokio::test]
async fn both_connections_share_one_token_of_the_user_assigned_identity() {
    let (_tenant, endpoint, process) = start().await;
    assert_eq!(process.send(&visit(1)).await.status, 200);
    // The endpoint rejects any other client id, resource, version or secret.
    assert_eq!(endpoint.refused(), Vec::<String>::new());
    assert_eq!(endpoint.given(), 1);
}

#[tokio::test]
async fn the_identity_secret_is_never_sent_to_a_proxy() {
    let token = new_token();
    let tenant = Tenant::create().await;
    tenant.accept(&token).await;
    let (endpoint, proxy) = (Endpoint::start(&token).await, Endpoint::start("a proxy's").await);
    let mut plain = tenant.plain_with(&endpoint);
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        plain = plain.with(variable, &proxy.url());
    }
    let outcome = run(&plain, &["doctor"]).await;
    assert_eq!(proxy.refused(), Vec::<String>::new());
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
}

#[tokio::test]
async fn another_identity_or_a_wrong_secret_gets_no_token() {
    let (tenant, endpoint, _process) = start().await;
    for (variable, value) in [("AZURE_CLIENT_ID", "00000000-0000-0000-0000-000000000000"), ("IDENTITY_HEADER", "guess")]
    {
        let before = endpoint.given();
        let outcome = run(&tenant.plain_with(&endpoint).with(variable, value), &["doctor"]).await;
        assert_eq!(outcome.code, Some(1));
        assert!(outcome.stdout.contains("no token"), "{outcome:?}");
        assert_eq!(endpoint.given(), before, "{variable}");
    }
    assert!(!endpoint.refused().is_empty());
}

#[tokio::test]
async fn tokens_and_secrets_are_never_logged_or_returned() {
    let token = new_token();
    let tenant = Tenant::create().await;
    tenant.accept(&token).await;
    let endpoint = Endpoint::start(&token).await;
    endpoint.expire_within(60);
    let all = "trace,hyper=trace,hyper_util=trace,sqlx=trace,warp=trace";
    let plain = tenant.plain_with(&endpoint).with("FOOTFALL_LOG", all);
    let process = plain.start().await;
    process.wait_until_ready().await;
    let mut output = Vec::new();
    let refused = new_token();
    let port = process.port;
    let request_all = async |output: &mut Vec<String>| {
        let targets = ["/", "/version", "/health/live", "/health/ready", "/api/statistics", "/nothing"];
        let requests: JoinSet<_> =
            targets.map(|target| async move { send(port, &Request::get(target)).await }).into_iter().collect();
        for response in requests.join_all().await {
            output.push(format!("{:?}\n{}", response.headers, response.text()));
        }
    };
    request_all(&mut output).await;
    for (mode, given) in [(Mode::Failing, &token), (Mode::Rubbish, &token), (Mode::Fast, &refused)] {
        endpoint.behave(mode);
        endpoint.give(given);
        tenant.disconnect().await;
        request_all(&mut output).await;
        let commands =
            tokio::join!(run(&plain, &["doctor"]), run(&plain, &["doctor", "--json"]), run(&plain, &["migrate"]),);
        for outcome in <[_; 3]>::from(commands) {
            assert_eq!(outcome.code, Some(1), "{outcome:?}");
            output.push(format!("{}\n{}", outcome.stdout, outcome.stderr));
        }
    }
    output.extend(process.lines());
    assert!(output.iter().any(|text| text.contains("\"TRACE\"")), "the trace level is on");
    for secret in [&token, &refused, IDENTITY_SECRET] {
        let found = output.iter().find(|text| text.contains(secret));
        assert_eq!(found, None);
    }
}

#[tokio::test]
async fn counting_continues_while_tokens_rotate_and_connections_end() {
    let (tenant, endpoint, mut process) = start().await;
    endpoint.expire_within(5);
    let counters = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
    let [sent, acknowledged] = counters.clone();
    let stop = Arc::new(AtomicBool::new(false));
    let mut load = JoinSet::new();
    for _ in 0..8 {
        let (counters, stop, port) = (counters.clone(), stop.clone(), process.port);
        load.spawn(async move {
            let [sent, acknowledged] = counters;
            let mut connection = Connection::open(port).await.unwrap();
            while !stop.load(Ordering::Relaxed) {
                let response = connection.send(&visit(sent.fetch_add(1, Ordering::Relaxed))).await.unwrap();
                assert!([200, 503].contains(&response.status), "{response:?}");
                acknowledged.fetch_add(usize::from(response.status == 200), Ordering::Relaxed);
            }
        });
    }
    for _ in 0..8 {
        let before = acknowledged.load(Ordering::Relaxed);
        let token = new_token();
        // For a moment, the endpoint still issues a token that the database rejects.
        tenant.accept(&token).await;
        tenant.disconnect().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        endpoint.give(&token);
        let began = Instant::now();
        while acknowledged.load(Ordering::Relaxed) < before + 50 {
            assert!(began.elapsed() < PATIENCE, "the handler stopped counting: {:?}", process.lines());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(done) = load.join_next().await {
        done.unwrap();
    }
    let counted = usize::try_from(tenant.pageviews().await).unwrap();
    let [sent, acknowledged] = [sent, acknowledged].map(|counter| counter.load(Ordering::Relaxed));
    assert!(acknowledged <= counted && counted <= sent, "{acknowledged} acknowledged, {counted} counted, {sent} sent");
    assert!(process.is_running());
    assert_eq!(process.events("started").len(), 1);
    assert!(endpoint.given() > 8, "each rotation needs a new token");
}

#[tokio::test]
async fn a_revoked_token_is_replaced_before_it_expires() {
    let (tenant, endpoint, process) = start().await;
    assert_eq!(endpoint.given(), 1);
    let token = new_token();
    tenant.accept(&token).await;
    endpoint.give(&token);
    tenant.disconnect().await;
    let sent = send_until_counted(&process).await;
    assert!(tenant.pageviews().await <= sent);
    let refusals = format!("password authentication failed for user \"{}\"", tenant.role);
    assert!(tenant.server.log().await.contains(&refusals), "the cached token is tried first");
    assert!(endpoint.given() > 1);
}
