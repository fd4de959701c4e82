//! Reading is fair: many queries, failed queries and stalled queries do not block other readers.

use std::time::{Duration, Instant};

use tokio::task::{JoinHandle, JoinSet};

use crate::{
    client::{Request, Response, send, visitor},
    database::Database,
    host::Host,
    process::{HandlerCommand, PATIENCE},
};

fn query(host: &Host, parameters: &str) -> JoinHandle<Response> {
    host.send_later(&Request::get(&format!("/api/statistics?{parameters}")))
}

/// The number of readings that the handler logs when it stops.
async fn readings(mut host: Host) -> u64 {
    host.process.terminate().await;
    host.process.events("reader").iter().map(|line| line["reads"].as_u64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_not_queued_behind_queries_of_the_api() {
    const QUERIES: usize = 150;
    let (_database, cable, host) = Host::counting_through_a_cable().await;
    // One after the other, the queries would take far longer than the five seconds after which each of them gets 503.
    cable.delay_responses(Duration::from_millis(100));
    let mut queries = JoinSet::new();
    for number in 1..=QUERIES {
        let (month, day) = (number / 28 + 1, number % 28 + 1);
        let range = format!("/api/statistics?from=2020-01-01&to=2020-{month:02}-{day:02}");
        let (request, port) = (host.dispatched(&Request::get(&range)).unwrap(), host.process.port);
        queries.spawn(async move { send(port, &request).await.status });
    }
    // The first response shows that the others wait.
    let mut statuses = vec![queries.join_next().await.unwrap().unwrap()];
    assert_eq!(host.send(&visitor(1)).await.status, 200);
    while let Some(status) = queries.try_join_next() {
        statuses.push(status.unwrap());
    }
    assert!(statuses.len() < QUERIES, "every query was read before the page");
    while let Some(status) = queries.join_next().await {
        statuses.push(status.unwrap());
    }
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    assert!(statuses.contains(&200));
}

#[tokio::test]
async fn a_failed_query_does_not_fail_the_queries_read_with_it() {
    let (database, cable, host) = Host::counting_through_a_cable().await;
    // The sum of both days is larger than a number can hold.
    let much = i64::MAX;
    let rows = [18_262, 18_263].map(|day| format!("(1, {day}, 1, '/much', {much}, '{{1}}')")).join(", ");
    database.execute(&format!("insert into tally values {rows}")).await;
    cable.delay_responses(Duration::from_millis(20));
    let bad = query(&host, "from=2020-01-01&to=2020-01-02");
    let good: Vec<_> = (3..=12).map(|day| query(&host, &format!("from=2020-01-{day:02}&to=2020-01-20"))).collect();
    let bad_again = query(&host, "from=2020-01-01&to=2020-01-03");
    assert_eq!(host.send(&visitor(1)).await.status, 200);
    for query in good {
        assert_eq!(query.await.unwrap().status, 200);
    }
    for query in [bad, bad_again] {
        let answer = query.await.unwrap();
        assert_eq!((answer.status, answer.header("retry-after").is_empty()), (503, false));
    }
}

/// A query that waits for the stalled one gets 503, because the stalled one takes longer than the deadline.
#[tokio::test]
async fn a_stalled_query_is_cancelled_before_the_next_queries_expire() {
    let database = Database::create_without_schema().await;
    // The role owns the tables, so that the policy applies to its queries.
    let role = format!("owner_{}", database.url().rsplit('/').next().unwrap());
    database.execute(&format!("create role {role} login; grant create on schema public to {role}")).await;
    let url = database.url().replacen("footfall@", &format!("{role}@"), 1);
    let host = Host::on(&database).with("DATABASE_URL", &url).start().await;
    host.process.wait_until_ready().await;
    host.send(&visitor(0)).await;
    // A query of this site stalls.
    database
        .execute(
            "insert into site (name) values ('slow.example'); \
             insert into tally select id, 18262, 0, '', 1, '{1}' from site where name = 'slow.example'; \
             create policy slow on tally using (site = 1 or pg_sleep(600) is null) with check (true); \
             alter table tally enable row level security; alter table tally force row level security",
        )
        .await;
    let slow = query(&host, "site=slow.example&from=2020-01-01&to=2020-01-01");
    database.wait_for_some("wait_event = 'PgSleep'").await;
    let other = query(&host, "from=2020-02-01&to=2020-02-02");
    assert_eq!(host.send(&visitor(1)).await.status, 200);
    assert_eq!(other.await.unwrap().status, 200);
    assert_eq!(slow.await.unwrap().status, 503);
    drop(host);
    database.wait_until_alone().await;
    database.execute(&format!("drop owned by {role}; drop role {role}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_queries_share_a_reading() {
    const QUERIES: u64 = 100;
    let (_database, cable, host) = Host::counting_through_a_cable().await;
    cable.delay_responses(Duration::from_millis(20));
    let queries: Vec<_> = (0..QUERIES).map(|_| query(&host, "period=7d")).collect();
    for query in queries {
        assert_eq!(query.await.unwrap().status, 200);
    }
    let readings = readings(host).await;
    assert!((1..QUERIES / 2).contains(&readings), "{readings} readings");
}

#[tokio::test]
async fn pages_are_always_current_and_the_api_is_soon() {
    let database = Database::create().await;
    let process = HandlerCommand::on(&database).with("FOOTFALL_TRUSTED_PROXIES", "1").start().await;
    process.wait_until_ready().await;
    for number in 1..=5 {
        let request = visitor(number).header("X-Forwarded-For", &visitor(number).address);
        let page = process.send(&request).await;
        let own = format!("<div data-total=\"today\"><dt>Today<dd class=\"big\"><b>{number}</b>");
        assert!(page.text().contains(&own), "visitor {number} is missing in its own page");
    }
    let began = Instant::now();
    while process.statistics().await["visitors"]["today"] != 5 {
        assert!(began.elapsed() < PATIENCE, "the API stays behind");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
