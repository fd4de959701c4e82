//! Logging in with tokens of Entra: the real binary, an identity endpoint, and a PostgreSQL that takes the newest token only.

mod developer;
mod outage;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use handler::{
    clock::Clock,
    config::Config,
    store::{self, StatementLimits},
};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    azure::{Endpoint, IDENTITY_SECRET, Mode, Tenant, run},
    client::{Connection, Request, send},
    database::Database,
    process::{PATIENCE, Process},
};

/// A token that nobody can have said by chance.
fn new_token() -> String {
    format!("token-{}", Uuid::new_v4().simple())
}

/// A visit as App Service passes it on.
fn visit(number: usize) -> Request {
    let address = format!("10.{}.{}.{}:51234", number >> 16 & 255, number >> 8 & 255, number & 255);
    Request::get("/").header("X-Forwarded-For", &address)
}

/// A database that takes a token, the endpoint that gives it, and a handler that is ready.
async fn start() -> (Tenant, Endpoint, Process) {
    let token = new_token();
    let tenant = Tenant::create().await;
    tenant.accept(&token).await;
    let endpoint = Endpoint::start(&token).await;
    let process = tenant.plain_with(&endpoint).start().await;
    process.wait_until_ready().await;
    (tenant, endpoint, process)
}

/// Sends visits until one is counted; gives how many it took.
async fn send_until_counted(process: &Process) -> i64 {
    let began = Instant::now();
    for sent in 1.. {
        if process.send(&visit(1)).await.status == 200 {
            return sent;
        }
        assert!(began.elapsed() < PATIENCE, "it does not recover; it said {:?}", process.lines());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    unreachable!("the loop has no end")
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
    // The endpoint refuses another client id, resource, version or secret than those it knows.
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
    let mut said = Vec::new();
    let refused = new_token();
    let port = process.port;
    let ask_everything = async |said: &mut Vec<String>| {
        let targets = ["/", "/version", "/health/live", "/health/ready", "/api/statistics", "/nothing"];
        let asked: JoinSet<_> =
            targets.map(|target| async move { send(port, &Request::get(target)).await }).into_iter().collect();
        for answer in asked.join_all().await {
            said.push(format!("{:?}\n{}", answer.headers, answer.text()));
        }
    };
    ask_everything(&mut said).await;
    for (mode, given) in [(Mode::Failing, &token), (Mode::Rubbish, &token), (Mode::Fast, &refused)] {
        endpoint.behave(mode);
        endpoint.give(given);
        tenant.disconnect().await;
        ask_everything(&mut said).await;
        let commands =
            tokio::join!(run(&plain, &["doctor"]), run(&plain, &["doctor", "--json"]), run(&plain, &["migrate"]),);
        for outcome in <[_; 3]>::from(commands) {
            assert_eq!(outcome.code, Some(1), "{outcome:?}");
            said.push(format!("{}\n{}", outcome.stdout, outcome.stderr));
        }
    }
    said.extend(process.lines());
    assert!(said.iter().any(|text| text.contains("\"TRACE\"")), "it was told to log all it can");
    for secret in [&token, &refused, IDENTITY_SECRET] {
        let found = said.iter().find(|text| text.contains(secret));
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
                let answer = connection.send(&visit(sent.fetch_add(1, Ordering::Relaxed))).await.unwrap();
                assert!([200, 503].contains(&answer.status), "{answer:?}");
                acknowledged.fetch_add(usize::from(answer.status == 200), Ordering::Relaxed);
            }
        });
    }
    for _ in 0..8 {
        let before = acknowledged.load(Ordering::Relaxed);
        let token = new_token();
        // For a moment the endpoint still gives what the database no longer takes.
        tenant.accept(&token).await;
        tenant.disconnect().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        endpoint.give(&token);
        let began = Instant::now();
        while acknowledged.load(Ordering::Relaxed) < before + 50 {
            assert!(began.elapsed() < PATIENCE, "it stopped counting; it said {:?}", process.lines());
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
    assert!(endpoint.given() > 8, "each rotation needs a token of its own");
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
    assert!(tenant.server.log().await.contains(&refusals), "the token that was kept is tried first");
    assert!(endpoint.given() > 1);
}

#[tokio::test]
async fn an_expired_connection_is_replaced_before_its_next_use() {
    let database = Database::create().await;
    let environment = [("DATABASE_URL".to_owned(), database.url())].into();
    let config = Config::load(&environment).unwrap();
    let backends = "select pid::text from pg_stat_activity \
                    where datname = current_database() and application_name = 'footfall'";
    let open = || store::Database::new(&config.database, config.counting_mode(), Clock::system());
    let [young] = open().await.unwrap().connections([StatementLimits::FOR_REQUESTS]);
    young.check().await.unwrap();
    let first = database.texts(backends).await;
    young.check().await.unwrap();
    assert_eq!((first.len(), database.texts(backends).await), (1, first));
    drop(young);

    let [old] = open().await.unwrap().connections_that_last(Duration::ZERO, [StatementLimits::FOR_REQUESTS]);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        old.check().await.unwrap();
        seen.extend(database.texts(backends).await);
    }
    assert!(seen.len() >= 3, "{seen:?}");
    let began = Instant::now();
    while database.texts(backends).await.len() > 1 {
        assert!(began.elapsed() < PATIENCE, "connections that were replaced stay open");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(store::CONNECTION_LIFETIME <= Duration::from_mins(30));
}
