//! The host's pings, `/health/live` and `/health/ready`: what is answered while the database is not there, and what is never counted.

use std::time::Duration;

use tokio::net::TcpListener;

use crate::{
    cable::Cable,
    client::{Request, Response},
    database::Database,
    host::Host,
    process::{HandlerCommand, free_port},
};

/// Far above what an answer that waits for nothing takes, and below the five seconds that one waits for the database.
const AT_ONCE: Duration = Duration::from_secs(4);

async fn at_once(answer: impl Future<Output = Response>) -> Response {
    tokio::time::timeout(AT_ONCE, answer).await.expect("it must not wait for the database")
}

#[tokio::test]
async fn pings_are_answered_where_no_database_listens() {
    let database = Database::create().await;
    let nowhere = format!("postgres://footfall@127.0.0.1:{}/none", free_port());
    // Starting waits for the answer to a ping.
    let host = Host::on(&database).with("DATABASE_URL", &nowhere).start().await;
    for _ in 0..3 {
        assert_eq!(at_once(host.ping()).await.status, 200);
    }
    assert_eq!(at_once(host.send(&Request::get("/health/live"))).await.status, 200);
    assert_eq!(at_once(host.send(&Request::get("/version"))).await.status, 200);
    let ready = host.send(&Request::get("/health/ready")).await;
    assert_eq!((ready.status, ready.header("retry-after").is_empty()), (503, false));
}

#[tokio::test]
async fn pings_are_answered_where_the_database_accepts_and_says_nothing() {
    let database = Database::create().await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = database.url_by_port(silent.local_addr().unwrap().port());
    let keep = tokio::spawn(async move {
        let mut connections = Vec::new();
        while let Ok((connection, _)) = silent.accept().await {
            connections.push(connection);
        }
    });
    let host = Host::on(&database).with("DATABASE_URL", &url).start().await;
    // A visit that waits for the database must not make a ping wait behind it.
    let visit = tokio::spawn({
        let request = host.dispatched(&Request::get("/")).unwrap();
        let port = host.process.port;
        async move { crate::client::send(port, &request).await }
    });
    for _ in 0..3 {
        assert_eq!(at_once(host.ping()).await.status, 200);
        assert_eq!(at_once(host.send(&Request::get("/health/live"))).await.status, 200);
    }
    assert_eq!(visit.await.unwrap().status, 503);
    keep.abort();
}

#[tokio::test]
async fn pings_are_never_counted() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    for _ in 0..20 {
        assert_eq!(host.ping().await.status, 200);
    }
    // A visit is committed after every ping before it would have been.
    host.send(&Request::get("/")).await;
    let statistics = host.statistics().await;
    assert_eq!((&statistics["visitors"]["today"], &statistics["pageviews"]["today"]), (&1.into(), &1.into()));
    assert!(statistics["excluded"].as_object().unwrap().values().all(|count| count == 0), "{statistics}");
}

#[tokio::test]
async fn on_a_plain_server_a_bare_request_is_no_ping() {
    let database = Database::create().await;
    // A port alone does not make a Functions host, but whoever sets it gets its pings answered: so only without.
    let process = HandlerCommand::on(&database).start().await;
    process.wait_until_ready().await;
    let answer = process.send(&Request::get("/").without_user_agent()).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn readiness_follows_the_database_and_liveness_does_not() {
    let database = Database::create().await;
    let cable = Cable::to(&database).await;
    let host = Host::on(&database).with("DATABASE_URL", &database.url_by_port(cable.port())).start().await;
    host.process.wait_until_ready().await;
    cable.cut();
    assert_eq!(host.send(&Request::get("/health/ready")).await.status, 503);
    assert_eq!(host.send(&Request::get("/health/live")).await.status, 200);
    cable.mend();
    host.process.wait_until_ready().await;
}
