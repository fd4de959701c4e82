//! The limits, over real connections and with little patience. The limits that are built in are tested through the real
//! process, in `tests/it/server.rs`.

use std::{
    convert::Infallible,
    net::SocketAddr,
    time::{Duration, Instant as Clock},
};

use hyper::{Request, Response, body::Incoming, service::service_fn};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::{ServerLimits, Timeouts, serve};

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// Long enough for a busy machine, and far from [`LONG`].
const SHORT: Duration = Duration::from_millis(400);
const LONG: Duration = Duration::from_secs(60);

const LIMITS: ServerLimits = ServerLimits {
    connections: 100,
    header_bytes: 16 * 1024,
    timeouts: Timeouts { header: LONG, idle: LONG, response: LONG },
};

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<Duration>,
    task: JoinHandle<usize>,
}

/// A server that answers after `answering` with so many bytes.
async fn start(limits: ServerLimits, answering: Duration, bytes: usize) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, asked) = oneshot::channel();
    let routes = move |_| {
        service_fn(move |_: Request<Incoming>| async move {
            sleep(answering).await;
            Ok::<_, Infallible>(Response::new("x".repeat(bytes)))
        })
    };
    let stopped = async move { Instant::now() + asked.await.unwrap_or(LONG) };
    Server { address, stop, task: tokio::spawn(serve(listener, limits, stopped, routes)) }
}

async fn say(address: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// Waits until the other end has closed; what it said before, and how long it took.
async fn until_closed(stream: &mut TcpStream) -> (String, Duration) {
    let began = Clock::now();
    let mut said = Vec::new();
    // Closed with something unread is a reset, which is an end as good as any.
    let _ = timeout(LONG / 2, stream.read_to_end(&mut said)).await.expect("it is closed");
    (String::from_utf8(said).unwrap(), began.elapsed())
}

async fn answer(stream: &mut TcpStream) -> String {
    let mut answer = vec![0; 4096];
    // Closed with something unread is a reset: no answer.
    let read = timeout(LONG / 2, stream.read(&mut answer)).await.expect("an answer or an end").unwrap_or_default();
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

/// Waits until somebody new is served.
async fn until_free(server: &Server) {
    let began = Clock::now();
    while !answer(&mut say(server.address, REQUEST).await).await.starts_with("HTTP/1.1 200") {
        assert!(began.elapsed() < LONG / 2, "the place was never free again");
        sleep(SHORT / 8).await;
    }
}

#[tokio::test]
async fn an_unfinished_header_closes_the_connection_even_if_bytes_keep_arriving() {
    let limits = ServerLimits { timeouts: Timeouts { header: SHORT, ..LIMITS.timeouts }, ..LIMITS };
    let server = start(limits, Duration::ZERO, 1).await;
    let mut silent = say(server.address, "").await;
    assert_eq!(until_closed(&mut silent).await.0, "");
    let (mut reading, mut writing) = say(server.address, "GET / HTTP/1.1\r\n").await.into_split();
    let drip = tokio::spawn(async move {
        while writing.write_all(b"a: b\r\n").await.is_ok() {
            sleep(SHORT / 8).await;
        }
    });
    let mut said = Vec::new();
    let _ = timeout(LONG / 2, reading.read_to_end(&mut said)).await.expect("it is closed");
    assert!(said.is_empty());
    drip.abort();
}

#[tokio::test]
async fn each_request_has_its_own_header_timeout() {
    let limits = ServerLimits { timeouts: Timeouts { header: SHORT, ..LIMITS.timeouts }, ..LIMITS };
    let server = start(limits, Duration::ZERO, 1).await;
    let mut stream = say(server.address, REQUEST).await;
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200"));
    // Idle for longer than a header may take.
    sleep(SHORT * 2).await;
    stream.write_all(REQUEST.as_bytes()).await.unwrap();
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200"));
    stream.write_all(b"GET / HT").await.unwrap();
    assert_eq!(until_closed(&mut stream).await.0, "");
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let limits = ServerLimits { timeouts: Timeouts { idle: SHORT, ..LIMITS.timeouts }, ..LIMITS };
    let server = start(limits, Duration::ZERO, 1).await;
    let mut stream = say(server.address, REQUEST).await;
    let (said, elapsed) = until_closed(&mut stream).await;
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    assert!(elapsed >= SHORT / 2, "{elapsed:?}");
}

#[tokio::test]
async fn making_a_response_does_not_use_up_the_clients_timeouts() {
    let limits = ServerLimits { timeouts: Timeouts { header: SHORT, idle: SHORT, response: SHORT }, ..LIMITS };
    let server = start(limits, SHORT * 4, 1).await;
    let mut stream = say(server.address, REQUEST).await;
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_client_that_does_not_read_its_response_is_disconnected() {
    let limits = ServerLimits { connections: 1, timeouts: Timeouts { response: SHORT, ..LIMITS.timeouts }, ..LIMITS };
    // More than fits into any buffer.
    let server = start(limits, Duration::ZERO, 64 << 20).await;
    let _never_reads = say(server.address, REQUEST).await;
    until_free(&server).await;
}

#[tokio::test]
async fn a_header_beyond_the_limit_gets_431() {
    let server = start(LIMITS, Duration::ZERO, 1).await;
    let with_header = |bytes: usize| format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(bytes));
    let mut large = say(server.address, &with_header(17 * 1024)).await;
    assert!(answer(&mut large).await.starts_with("HTTP/1.1 431"));
    let mut allowed = say(server.address, &with_header(15 * 1024)).await;
    assert!(answer(&mut allowed).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_connection_beyond_the_limit_is_closed_until_another_ends() {
    let server = start(ServerLimits { connections: 2, ..LIMITS }, Duration::ZERO, 1).await;
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut stream = say(server.address, REQUEST).await;
        assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200"));
        kept.push(stream);
    }
    assert_eq!(until_closed(&mut say(server.address, "").await).await.0, "");
    kept.pop();
    until_free(&server).await;
    // Those that were there before have not noticed.
    kept[0].write_all(REQUEST.as_bytes()).await.unwrap();
    assert!(answer(&mut kept[0]).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn pipelined_requests_each_get_a_response() {
    let server = start(LIMITS, Duration::ZERO, 1).await;
    let mut stream = say(server.address, &REQUEST.repeat(20)).await;
    let mut said = String::new();
    while said.matches("HTTP/1.1 200").count() < 20 {
        said += &answer(&mut stream).await;
    }
}

#[tokio::test]
async fn a_stop_serves_complete_requests_and_closes_other_connections() {
    let server = start(LIMITS, SHORT * 4, 1).await;
    let mut asking = say(server.address, REQUEST).await;
    let mut half_open = say(server.address, "GET / HTTP/1.1\r\n").await;
    let mut silent = say(server.address, "").await;
    // All three have been accepted, and the first is waiting for its answer.
    sleep(SHORT).await;
    let began = Clock::now();
    server.stop.send(LONG).unwrap();
    assert_eq!(until_closed(&mut half_open).await.0, "");
    assert_eq!(until_closed(&mut silent).await.0, "");
    let said = until_closed(&mut asking).await.0;
    assert!(said.starts_with("HTTP/1.1 200") && said.contains("connection: close"), "{said}");
    assert_eq!(server.task.await.unwrap(), 0);
    assert!(began.elapsed() < LONG / 2);
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody is accepted any more");
}

#[tokio::test]
async fn a_request_without_a_response_at_the_deadline_is_cut_off_and_reported() {
    let server = start(LIMITS, LONG, 1).await;
    let mut asking = say(server.address, REQUEST).await;
    sleep(SHORT / 2).await;
    server.stop.send(SHORT).unwrap();
    assert_eq!(until_closed(&mut asking).await.0, "");
    assert_eq!(server.task.await.unwrap(), 1);
}
