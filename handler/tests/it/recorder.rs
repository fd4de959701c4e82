//! Every acknowledged visit is counted exactly once: under load, after a kill, after a lost connection, and after a
//! client disconnects.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    cable::Cable,
    client::{Connection, FIREFOX, Request, reported_view, send_later, visitor},
    database::Database,
    host::Host,
    process::{HandlerCommand, PATIENCE},
};

/// The numbers of views sent and acknowledged with 204.
#[derive(Default)]
struct Load {
    stop: AtomicBool,
    sent: AtomicUsize,
    acknowledged: AtomicUsize,
}

impl Load {
    /// Sends views of new visitors from number `first` on, every fourth twice, until `stop` is set or the connection
    /// ends. Returns the acknowledged visitors and all visitors that were sent.
    async fn run(self: Arc<Self>, host: Arc<Host>, first: usize) -> (HashSet<usize>, HashSet<usize>) {
        let (mut acknowledged, mut sent) = (HashSet::new(), HashSet::new());
        let Ok(mut connection) = Connection::open(host.process.port).await else { return (acknowledged, sent) };
        for number in first.. {
            for _ in 0..if number % 4 == 0 { 2 } else { 1 } {
                if self.stop.load(Ordering::Relaxed) {
                    return (acknowledged, sent);
                }
                sent.insert(number);
                self.sent.fetch_add(1, Ordering::Relaxed);
                match host.send_over(&mut connection, &reported_view(number)).await {
                    Ok(answer) if answer.status == 204 => {
                        acknowledged.insert(number);
                        self.acknowledged.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(response) => assert_eq!(response.status, 503),
                    Err(_) => return (acknowledged, sent),
                }
            }
        }
        unreachable!("the loop is endless")
    }

    async fn wait_for(&self, acknowledged: usize) {
        let began = Instant::now();
        while self.acknowledged.load(Ordering::Relaxed) < acknowledged {
            assert!(
                began.elapsed() < PATIENCE,
                "only {} visits were acknowledged",
                self.acknowledged.load(Ordering::Relaxed)
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

const CLIENTS: usize = 16;
const NUMBERS_EACH: usize = 100_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_visits_are_counted_exactly_once_after_a_kill() {
    let database = Database::create().await;
    let (mut acknowledged, mut sent) = (HashSet::new(), HashSet::new());
    let (mut views_acknowledged, mut views_sent) = (0, 0);
    for round in 0..3 {
        let host = Arc::new(Host::start(&database).await);
        let load = Arc::new(Load::default());
        let clients: Vec<_> = (0..CLIENTS)
            // Half of the visitors return in every round.
            .map(|client| if client % 2 == 0 { client } else { client + round * CLIENTS })
            .map(|client| tokio::spawn(load.clone().run(host.clone(), client * NUMBERS_EACH)))
            .collect();
        load.wait_for(150 + round * 137).await;
        kill(host.process.port, &host);
        for client in clients {
            let (client_acknowledged, client_sent) = client.await.unwrap();
            acknowledged.extend(client_acknowledged);
            sent.extend(client_sent);
        }
        views_acknowledged += load.acknowledged.load(Ordering::Relaxed);
        views_sent += load.sent.load(Ordering::Relaxed);
    }
    database.wait_until_alone().await;
    let (visitors, views) = (database.visitors_today().await, database.pageviews().await);
    assert!((acknowledged.len()..=sent.len()).contains(&usize::try_from(visitors).unwrap()), "{visitors} visitors");
    assert!((views_acknowledged..=views_sent).contains(&usize::try_from(views).unwrap()), "{views} views");
    database.assert_sound().await;

    // All visitors visit once more. Then their number is exact, so none was counted twice. Acknowledged visitors are
    // known, so none was lost.
    let host = Host::start(&database).await;
    send_views(&host, &acknowledged.iter().copied().collect::<Vec<_>>()).await;
    assert_eq!(database.visitors_today().await, visitors, "an acknowledged visitor was new");
    send_views(&host, &sent.difference(&acknowledged).copied().collect::<Vec<_>>()).await;
    assert_eq!(database.visitors_today().await, i64::try_from(sent.len()).unwrap());
    database.assert_sound().await;
}

/// Sends a view of each visitor over several connections until it is acknowledged.
async fn send_views(host: &Host, visitors: &[usize]) {
    let share = visitors.len().div_ceil(CLIENTS).max(1);
    let sending = visitors.chunks(share).map(async |numbers| {
        let mut connection = Connection::open(host.process.port).await.unwrap();
        for number in numbers {
            while host.send_over(&mut connection, &reported_view(*number)).await.unwrap().status != 204 {}
        }
    });
    futures_util::future::join_all(sending).await;
}

/// Sends SIGKILL by process id, because other tasks share the host.
fn kill(port: u16, host: &Host) {
    let killed = std::process::Command::new("kill").args(["-KILL", &host.process.id().to_string()]).status().unwrap();
    assert!(killed.success(), "no handler ran on port {port}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn database_connections_that_end_under_load_lose_no_visit_and_count_none_twice() {
    let database = Database::create().await;
    let host = Arc::new(Host::start(&database).await);
    let load = Arc::new(Load::default());
    let clients: Vec<_> =
        (0..CLIENTS).map(|client| tokio::spawn(load.clone().run(host.clone(), client * NUMBERS_EACH))).collect();
    let mut ended = 0;
    for round in 1..=5 {
        load.wait_for(round * 60).await;
        ended += database
            .number(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                 where datname = current_database() and application_name = 'footfall'",
            )
            .await;
    }
    // Counting continues without a restart.
    load.wait_for(load.acknowledged.load(Ordering::Relaxed) + 100).await;
    load.stop.store(true, Ordering::Relaxed);
    let (mut acknowledged, mut sent) = (0, 0);
    for client in clients {
        let (client_acknowledged, client_sent) = client.await.unwrap();
        (acknowledged, sent) = (acknowledged + client_acknowledged.len(), sent + client_sent.len());
    }
    assert!(ended >= 5, "{ended} connections were ended");
    let (visitors, views) = (database.visitors_today().await, database.pageviews().await);
    assert!((acknowledged..=sent).contains(&usize::try_from(visitors).unwrap()), "{visitors} visitors");
    let views_acknowledged = load.acknowledged.load(Ordering::Relaxed);
    assert!((views_acknowledged..=load.sent.load(Ordering::Relaxed)).contains(&usize::try_from(views).unwrap()));
    database.assert_sound().await;
}

#[tokio::test]
async fn a_batch_whose_reply_is_lost_is_counted_once() {
    let database = Database::create().await;
    let cable = Cable::to(&database).await;
    let host = Host::on(&database).with("DATABASE_URL", &database.url_by_port(cable.port())).start().await;
    host.process.wait_until_ready().await;
    host.send(&visitor(0)).await;
    for number in 1..=3 {
        // The server commits and its reply is lost. The handler cannot distinguish this from a failure, so it retries.
        cable.drop_responses();
        let visit = host.send_later(&visitor(number));
        let expected = i64::try_from(number).unwrap() + 1;
        database.wait_for_pageviews(expected).await;
        let opened = cable.opened();
        cable.break_connections();
        assert_eq!(visit.await.unwrap().status, 200);
        assert!(cable.opened() > opened, "the handler did not retry");
        assert_eq!((database.visitors_today().await, database.pageviews().await), (expected, expected));
    }
    database.assert_sound().await;
}

#[tokio::test]
async fn clients_that_disconnect_while_they_wait_are_counted() {
    let database = Database::create().await;
    let cable = Cable::to(&database).await;
    let host = Host::on(&database).with("DATABASE_URL", &database.url_by_port(cable.port())).start().await;
    host.process.wait_until_ready().await;
    host.send(&visitor(0)).await;
    // The database stalls, and the clients disconnect.
    cable.stall();
    for number in 1..=3 {
        let mut stream = TcpStream::connect(("127.0.0.1", host.process.port)).await.unwrap();
        stream.write_all(raw(number).as_bytes()).await.unwrap();
        // A ping gets its response after the connection above is accepted.
        host.ping().await;
        host.process.wait_until_read().await;
        drop(stream);
    }
    cable.mend();
    expect(&database, 4).await;
    // A later batch on the same database connection is committed, too.
    assert_eq!(host.send(&visitor(99)).await.status, 200);
    expect(&database, 5).await;
    database.assert_sound().await;
}

/// A connection that ends before its request is read may count or not. It never counts partly, and never delays other
/// visits.
#[tokio::test]
async fn clients_that_disconnect_at_once_are_counted_completely_or_not_at_all() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    for number in 1..=50 {
        let mut stream = TcpStream::connect(("127.0.0.1", host.process.port)).await.unwrap();
        stream.write_all(raw(number).as_bytes()).await.unwrap();
        drop(stream);
    }
    assert_eq!(host.send(&visitor(99)).await.status, 200);
    host.process.wait_until_ready().await;
    let visitors = database.visitors_today().await;
    assert!((1..=51).contains(&visitors), "{visitors}");
    database.assert_sound().await;
}

/// The bytes of a visit through the host.
fn raw(number: usize) -> String {
    format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {FIREFOX}\r\nX-Forwarded-For: {}:51234\r\n\
         X-Azure-Functions-InvocationId: 00000000-0000-4000-8000-000000000000\r\n\r\n",
        visitor(number).address
    )
}

/// Waits until so many visitors are counted, each with one view.
async fn expect(database: &Database, visitors: i64) {
    database.wait_for_pageviews(visitors).await;
    assert_eq!((database.visitors_today().await, database.pageviews().await), (visitors, visitors));
}

#[tokio::test]
async fn a_stop_waits_until_pending_visits_are_counted() {
    let database = Database::create().await;
    let cable = Cable::to(&database).await;
    let plain = HandlerCommand::on(&database).with("DATABASE_URL", &database.url_by_port(cable.port()));
    let mut process = plain.start().await;
    process.wait_until_ready().await;
    process.send(&visitor(0)).await;
    cable.stall();
    let port = process.port;
    let waiting = send_later(port, visitor(0));
    // The response to this request shows that the connection above was accepted.
    process.send(&Request::get("/health/live")).await;
    process.wait_until_read().await;
    // The database responds again when the handler has closed its listener, which it does first.
    let mending = async {
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            assert!(began.elapsed() < PATIENCE, "connections are still accepted");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        cable.mend();
    };
    let (code, ()) = tokio::join!(process.terminate(), mending);
    assert_eq!(code, Some(0));
    assert_eq!(waiting.await.unwrap().status, 200);
    assert_eq!(database.pageviews().await, 2);
}
