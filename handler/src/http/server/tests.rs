//! The limits, tested over real connections with short timeouts. `tests/it/server.rs` tests the default limits with the
//! real process.

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

/// A server that responds after `delay` with so many bytes.
async fn start(limits: ServerLimits, delay: Duration, bytes: usize) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, grace) = oneshot::channel();
    let routes = move |_| {
        service_fn(move |_: Request<Incoming>| async move {
            sleep(delay).await;
            Ok::<_, Infallible>(Response::new("x".repeat(bytes)))
        })
    };
    let stopped = async move { Instant::now() + grace.await.unwrap_or(LONG) };
    Server { address, stop, task: tokio::spawn(serve(listener, limits, stopped, routes)) }
}

async fn write(address: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// Waits until the server closes the connection. Returns the bytes that it sent before, and the elapsed time.
async fn until_closed(stream: &mut TcpStream) -> (String, Duration) {
    let began = Clock::now();
    let mut received = Vec::new();
    // A connection closed with unread bytes is reset, which is an error here.
    let _ = timeout(LONG / 2, stream.read_to_end(&mut received)).await.expect("the connection stays open");
    (String::from_utf8(received).unwrap(), began.elapsed())
}

async fn response(stream: &mut TcpStream) -> String {
    let mut response = vec![0; 4096];
    // A connection closed with unread bytes is reset, and has no response.
    let read = timeout(LONG / 2, stream.read(&mut response)).await.expect("no response and no end").unwrap_or_default();
    String::from_utf8_lossy(&response[..read]).into_owned()
}

/// Waits until the server accepts a new client.
async fn until_free(server: &Server) {
    let began = Clock::now();
    while !response(&mut write(server.address, REQUEST).await).await.starts_with("HTTP/1.1 200") {
        assert!(began.elapsed() < LONG / 2, "no connection became free");
        sleep(SHORT / 8).await;
    }
}

#[tokio::test]
async fn an_unfinished_header_closes_the_connection_even_if_bytes_keep_arriving() {
    let limits = ServerLimits { timeouts: Timeouts { header: SHORT, ..LIMITS.timeouts }, ..LIMITS };
    let server = start(limits, Duration::ZERO, 1).await;
    let mut silent = write(server.address, "").await;
    assert_eq!(until_closed(&mut silent).await.0, "");
    let (mut reading, mut writing) = write(server.address, "GET / HTTP/1.1\r\n").await.into_split();
    let drip = tokio::spawn(async move {
        while writing.write_all(b"a: b\r\n").await.is_ok() {
            sleep(SHORT / 8).await;
        }
    });
    let mut received = Vec::new();
    let _ = timeout(LONG / 2, reading.read_to_end(&mut received)).await.expect("the connection stays open");
    assert!(received.is_empty());
    drip.abort();
}

#[tokio::test]
async fn each_request_has_its_own_header_timeout() {
    let limits = ServerLimits { timeouts: Timeouts { header: SHORT, ..LIMITS.timeouts }, ..LIMITS };
    let server = start(limits, Duration::ZERO, 1).await;
    let mut stream = write(server.address, REQUEST).await;
    assert!(response(&mut stream).await.starts_with("HTTP/1.1 200"));
    // Idle for longer than the header timeout.
    sleep(SHORT * 2).await;
    stream.write_all(REQUEST.as_bytes()).await.unwrap();
    assert!(response(&mut stream).await.starts_with("HTTP/1.1 200"));
    stream.write_all(b"GET / HT").await.unwrap();
    assert_eq!(until_closed(&mut stream).await.0, "");
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let limits = ServerLimits { timeouts: Timeouts { idle: SHORT, ..LIMITS.timeouts }, ..LIMITS };
    let server = start(limits, Duration::ZERO, 1).await;
    let mut stream = write(server.address, REQUEST).await;
    let (received, elapsed) = until_closed(&mut stream).await;
    assert!(received.starts_with("HTTP/1.1 200"), "{received}");
    assert!(elapsed >= SHORT / 2, "{elapsed:?}");
}

#[tokio::test]
async fn making_a_response_does_not_use_up_the_clients_timeouts() {
    let limits = ServerLimits { timeouts: Timeouts { header: SHORT, idle: SHORT, response: SHORT }, ..LIMITS };
    let server = start(limits, SHORT * 4, 1).await;
    let mut stream = write(server.address, REQUEST).await;
    assert!(response(&mut stream).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_client_that_does_not_read_its_response_is_disconnected() {
    let limits = ServerLimits { connections: 1, timeouts: Timeouts { response: SHORT, ..LIMITS.timeouts }, ..LIMITS };
    // More than the buffers can hold.
    let server = start(limits, Duration::ZERO, 64 << 20).await;
    let _never_reads = write(server.address, REQUEST).await;
    until_free(&server).await;
}

#[tokio::test]
async fn a_header_beyond_the_limit_gets_431() {
    let server = start(LIMITS, Duration::ZERO, 1).await;
    let with_header = |bytes: usize| format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(bytes));
    let mut large = write(server.address, &with_header(17 * 1024)).await;
    assert!(response(&mut large).await.starts_with("HTTP/1.1 431"));
    let mut allowed = write(server.address, &with_header(15 * 1024)).await;
    assert!(response(&mut allowed).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_connection_beyond_the_limit_is_closed_until_another_ends() {
    let server = start(ServerLimits { connections: 2, ..LIMITS }, Duration::ZERO, 1).await;
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut stream = write(server.address, REQUEST).await;
        assert!(response(&mut stream).await.starts_with("HTTP/1.1 200"));
        kept.push(stream);
    }
    assert_eq!(until_closed(&mut write(server.address, "").await).await.0, "");
    kept.pop();
    until_free(&server).await;
    // The other connection still works.
    kept[0].write_all(REQUEST.as_bytes()).await.unwrap();
    assert!(response(&mut kept[0]).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn pipelined_requests_each_get_a_response() {
    let server = start(LIMITS, Duration::ZERO, 1).await;
    let mut stream = write(server.address, &REQUEST.repeat(20)).await;
    let mut received = String::new();
    while received.matches("HTTP/1.1 200").count() < 20 {
        received += &response(&mut stream).await;
    }
}

#[tokio::test]
async fn a_stop_serves_complete_requests_and_closes_other_connections() {
    let server = start(LIMITS, SHORT * 4, 1).await;
    let mut waiting = write(server.address, REQUEST).await;
    let mut half_open = write(server.address, "GET / HTTP/1.1\r\n").await;
    let mut silent = write(server.address, "").await;
    // By now, all three are accepted, and the first waits for its response.
    sleep(SHORT).await;
    let began = Clock::now();
    server.stop.send(LONG).unwrap();
    assert_eq!(until_closed(&mut half_open).await.0, "");
    assert_eq!(until_closed(&mut silent).await.0, "");
    let received = until_closed(&mut waiting).await.0;
    assert!(received.starts_with("HTTP/1.1 200") && received.contains("connection: close"), "{received}");
    assert_eq!(server.task.await.unwrap(), 0);
    assert!(began.elapsed() < LONG / 2);
    assert!(TcpStream::connect(server.address).await.is_err(), "a connection was accepted after the stop");
}

#[tokio::test]
async fn a_request_without_a_response_at_the_deadline_is_cut_off_and_reported() {
    let server = start(LIMITS, LONG, 1).await;
    let mut waiting = write(server.address, REQUEST).await;
    sleep(SHORT / 2).await;
    server.stop.send(SHORT).unwrap();
    assert_eq!(until_closed(&mut waiting).await.0, "");
    assert_eq!(server.task.await.unwrap(), 1);
}
