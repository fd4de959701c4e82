//! Pings of the host, `/health/live` and `/health/ready`: their responses without a database, and that they never
//! count.
//!
//! A response that waits for the unavailable database is 503. So the status 200 shows that a response did not wait for
//! it.

use tokio::net::TcpListener;

use crate::{
    cable::Cable,
    client::Request,
    database::Database,
    host::Host,
    process::{HandlerCommand, free_port},
};

#[tokio::test]
async fn pings_get_200_when_the_database_refuses_connections() {
    let database = Database::create().await;
    let nowhere = format!("postgres://footfall@127.0.0.1:{}/none", free_port());
    // The start waits for the response to a ping.
    let host = Host::on(&database).with("DATABASE_URL", &nowhere).start().await;
    assert_eq!(host.ping().await.status, 200);
    assert_eq!(host.send(&Request::get("/health/live")).await.status, 200);
    assert_eq!(host.send(&Request::get("/version")).await.status, 200);
    let ready = host.send(&Request::get("/health/ready")).await;
    assert_eq!((ready.status, ready.header("retry-after").is_empty()), (503, false));
}

#[tokio::test]
async fn pings_get_200_while_a_visit_waits_for_a_silent_database() {
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
    let visit = host.send_later(&Request::get("/"));
    for _ in 0..3 {
        assert_eq!(host.ping().await.status, 200);
        assert_eq!(host.send(&Request::get("/health/live")).await.status, 200);
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
    // A counted ping would be committed before this visit.
    host.send(&Request::get("/")).await;
    let statistics = host.statistics().await;
    assert_eq!((&statistics["visitors"]["today"], &statistics["pageviews"]["today"]), (&1.into(), &1.into()));
    assert!(statistics["excluded"].as_object().unwrap().values().all(|count| count == 0), "{statistics}");
}

#[tokio::test]
async fn a_plain_server_answers_a_bare_request_with_the_page() {
    let database = Database::create().await;
    let process = HandlerCommand::on(&database).start().await;
    process.wait_until_ready().await;
    let answer = process.send(&Request::get("/").without_user_agent()).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn readiness_depends_on_the_database_and_liveness_does_not() {
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
