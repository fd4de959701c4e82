//! Reading is fair: many queries of one network, failed queries and stalled queries do not block other readers.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::{JoinHandle, JoinSet};

use crate::{
    client::{Connection, Request, Response, send, visitor},
    database::Database,
    host::Host,
    process::{HandlerCommand, PATIENCE},
};

/// A query from a network of its own.
fn query(host: &Host, number: usize, parameters: &str) -> JoinHandle<Response> {
    host.send_later(&visitor(number).to(&format!("/api/statistics?{parameters}")))
}

/// The number of readings that the handler logs when it stops.
async fn readings(mut host: Host) -> u64 {
    host.process.terminate().await;
    host.process.events("reader").iter().map(|line| line["reads"].as_u64().unwrap()).sum()
}

/// One network that always sends more queries than may wait.
struct Attack {
    /// The responses until now, by kind of query and status.
    responses: Arc<Mutex<BTreeMap<(&'static str, u16), usize>>>,
    /// Ends when it is dropped.
    _connections: JoinSet<()>,
}

impl Attack {
    const CONNECTIONS: usize = 40;
    const NETWORK: &str = "198.51.100.7";

    /// Begins, and waits until queries of each kind were refused.
    async fn begin(host: &Host) -> Self {
        let (responses, number) = (Arc::<Mutex<BTreeMap<_, _>>>::default(), Arc::new(AtomicUsize::new(0)));
        let mut connections = JoinSet::new();
        for connection in 0..Self::CONNECTIONS {
            let (responses, number, port) = (responses.clone(), number.clone(), host.process.port);
            let kind = if connection % 2 == 0 { "statistics" } else { "live" };
            connections.spawn(async move {
                let mut connection = Connection::open(port).await.unwrap();
                loop {
                    let number = number.fetch_add(1, Ordering::Relaxed);
                    // A long range takes several statements. No two queries are equal.
                    let target = match kind {
                        "statistics" => format!("/api/statistics?period={}d", 1500 + number),
                        _ => format!("/api/live?site=site-{number}.example"),
                    };
                    let request = Request::get(&target).header("X-Forwarded-For", Self::NETWORK);
                    let response = connection.send(&request).await.unwrap();
                    if response.status == 429 {
                        assert_eq!(response.header("content-type"), "application/problem+json");
                        assert!(response.header("retry-after").parse::<u32>().is_ok());
                        assert!(response.text().contains("from your network"), "{}", response.text());
                    }
                    *responses.lock().unwrap().entry((kind, response.status)).or_default() += 1;
                }
            });
        }
        let attack = Self { responses, _connections: connections };
        let began = Instant::now();
        while ["statistics", "live"].iter().any(|kind| attack.count(kind, 429) == 0) {
            assert!(began.elapsed() < PATIENCE, "no query is refused: {:?}", attack.responses);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        attack
    }

    fn count(&self, kind: &'static str, status: u16) -> usize {
        self.responses.lock().unwrap().get(&(kind, status)).copied().unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_of_one_network_do_not_delay_those_of_another() {
    let (_database, cable, mut host) = Host::counting_through_a_cable().await;
    // One after the other, the queries of all connections would take longer than the five seconds after which each gets 503.
    cable.delay_responses(Duration::from_millis(50));
    let attack = Attack::begin(&host).await;
    for (target, kind, status) in [
        ("/?period=today", "statistics", 200),
        ("/api/statistics?period=7d", "statistics", 200),
        ("/badge/localhost.svg?period=7d", "statistics", 200),
        ("/api/live", "live", 404),
    ] {
        let before = attack.count(kind, status);
        assert_eq!(host.send(&visitor(1).to(target)).await.status, 200, "{target}");
        let between = attack.count(kind, status) - before;
        assert!(between < Attack::CONNECTIONS / 4, "{target} waited for {between} queries of the other network");
    }
    let refused = attack.count("statistics", 429) + attack.count("live", 429);
    drop(attack);
    host.process.terminate().await;
    let logged: u64 = host.process.events("reader").iter().map(|line| line["refused"].as_u64().unwrap()).sum();
    assert!(logged >= u64::try_from(refused).unwrap(), "{logged} of {refused}");
    // Refusals are no errors of the operator, and no line names the network.
    assert!(host.process.events("request_failed").iter().all(|line| line["status"] != 429));
    assert!(!host.process.lines().concat().contains(Attack::NETWORK));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_a_busy_network_counts_and_shows_the_last_known_numbers() {
    let (database, cable, host) = Host::counting_through_a_cable().await;
    let page =
        async |target: &str| host.send(&Request::get(target).from(Attack::NETWORK).header("Accept", "text/html")).await;
    assert_eq!(page("/?period=7d").await.status, 200);
    let mut pageviews = database.pageviews().await;
    cable.delay_responses(Duration::from_millis(20));
    let _attack = Attack::begin(&host).await;
    // The second query is another one each time, so that no earlier numbers are known.
    for (is_known, words) in [(true, "numbers are out of date"), (false, "Too many requests")] {
        for days in 8.. {
            let response = page(&if is_known { "/?period=7d".to_owned() } else { format!("/?period={days}d") }).await;
            pageviews += 1;
            if response.status == 429 {
                assert_eq!(response.header("content-type"), "text/html; charset=utf-8");
                assert!(!response.header("retry-after").is_empty());
                assert!(response.text().contains(words), "{}", response.text());
                break;
            }
            assert_eq!(response.status, 200);
            assert!(days < 1000, "no page is refused");
        }
        assert_eq!(database.pageviews().await, pageviews, "a page that was refused its numbers still counts");
    }
    // All visitors of the own page share one query, so it is never refused.
    for _ in 0..10 {
        let response = page("/").await;
        assert_eq!((response.status, response.text().contains("out of date")), (200, false));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_own_page_is_not_queued_behind_queries_of_many_networks() {
    const QUERIES: usize = 150;
    let (_database, cable, host) = Host::counting_through_a_cable().await;
    // One after the other, the queries would take far longer than the five seconds after which each of them gets 503.
    cable.delay_responses(Duration::from_millis(100));
    let mut queries = JoinSet::new();
    for number in 1..=QUERIES {
        let (month, day) = (number / 28 + 1, number % 28 + 1);
        let range = format!("/api/statistics?from=2020-01-01&to=2020-{month:02}-{day:02}");
        let (request, port) = (host.dispatched(&visitor(number).to(&range)).unwrap(), host.process.port);
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
    let bad = query(&host, 1, "from=2020-01-01&to=2020-01-02");
    let good: Vec<_> = (3..=12).map(|day| query(&host, day, &format!("from=2020-01-{day:02}&to=2020-01-20"))).collect();
    let bad_again = query(&host, 2, "from=2020-01-01&to=2020-01-03");
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
    let slow = query(&host, 1, "site=slow.example&from=2020-01-01&to=2020-01-01");
    database.wait_for_some("wait_event = 'PgSleep'").await;
    let other = query(&host, 2, "from=2020-02-01&to=2020-02-02");
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
    let queries: Vec<_> = (0..QUERIES).map(|_| query(&host, 1, "period=7d")).collect();
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
