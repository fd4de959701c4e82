//! The limits over real connections, with short times. `tests/it/server.rs` tests the built-in limits in the real
//! process.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant as Clock},
};

use hyper::{Request, Response, body::Incoming, service::service_fn};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, oneshot},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::{ServerLimits, Timeouts, serve};

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// A limit that a test waits for.
const SHORT: Duration = Duration::from_millis(600);
/// A limit that no test reaches.
const LONG: Duration = Duration::from_secs(600);

const LIMITS: ServerLimits = ServerLimits {
    connections: 100,
    connections_per_client: 100,
    header_bytes: 16 * 1024,
    timeouts: Timeouts { header: LONG, idle: LONG, response: LONG },
};

struct Server {
    address: SocketAddr,
    /// Gets a permit for each request that the service receives.
    received: Arc<Semaphore>,
    stop: oneshot::Sender<Duration>,
    task: JoinHandle<usize>,
}

/// Starts a server that responds after `delay` with `bytes` bytes.
async fn start(limits: ServerLimits, delay: Duration, bytes: usize) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, grace) = oneshot::channel();
    let received = Arc::new(Semaphore::new(0));
    let counter = received.clone();
    let routes = move |_| {
        let counter = counter.clone();
        service_fn(move |_: Request<Incoming>| {
            counter.add_permits(1);
            async move {
                sleep(delay).await;
                Ok::<_, Infallible>(Response::new("x".repeat(bytes)))
            }
        })
    };
    let stopped = async move { Instant::now() + grace.await.unwrap_or(LONG) };
    Server { address, received, stop, task: tokio::spawn(serve(listener, limits, stopped, routes)) }
}

async fn write(address: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// Waits until the server has closed the connection, and returns what it sent before.
async fn until_closed(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut received = Vec::new();
    // Closing with unread bytes is a reset, which is an end too.
    let _ = timeout(LONG / 2, stream.read_to_end(&mut received)).await.expect("the connection is closed");
    String::from_utf8(received).unwrap()
}

async fn response(stream: &mut TcpStream) -> String {
    let mut response = vec![0; 4096];
    // Closing with unread bytes is a reset: no response.
    let read = timeout(LONG / 2, stream.read(&mut response)).await.expect("a response or the end").unwrap_or_default();
    String::from_utf8_lossy(&response[..read]).into_owned()
}

/// Waits until a new connection is served.
async fn until_free(server: &Server) {
    let began = Clock::now();
    while !response(&mut write(server.address, REQUEST).await).await.starts_with("HTTP/1.1 200") {
        assert!(began.elapsed() < LONG / 2, "no new connection is served");
        sleep(SHORT / 8).await;
    }
}

#[tokio::test]
async fn an_unfinished_header_closes_the_connection_even_if_bytes_keep_arriving() {
    let limits = ServerLimits { timeouts: Timeouts { header: SHORT, ..LIMITS.timeouts }, ..LIMITS };
    let server = start(limits, Duration::ZERO, 1).await;
    let mut silent = write(server.address, "").await;
    assert_eq!(until_closed(&mut silent).await, "");
    let (mut reading, mut writing) = write(server.address, "GET / HTTP/1.1\r\n").await.into_split();
    let drip = tokio::spawn(async move {
        while writing.write_all(b"a: b\r\n").await.is_ok() {
            sleep(SHORT / 8).await;
        }
    });
    assert_eq!(until_closed(&mut reading).await, "");
    drip.abort();
}

#[tokio::test]
async fn each_request_has_its_own_header_timeout() {
    let limits = ServerLimits { timeouts: Timeouts { header: SHORT, ..LIMITS.timeouts }, ..LIMITS };
    let server = start(limits, Duration::ZERO, 1).await;
    let mut stream = write(server.address, REQUEST).await;
    assert!(response(&mut stream).await.starts_with("HTTP/1.1 200"));
    // Idle for longer than a header may take.
    sleep(SHORT * 2).await;
    stream.write_all(REQUEST.as_bytes()).await.unwrap();
    assert!(response(&mut stream).await.starts_with("HTTP/1.1 200"));
    stream.write_all(b"GET / HT").await.unwrap();
    assert_eq!(until_closed(&mut stream).await, "");
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let limits = ServerLimits { timeouts: Timeouts { idle: SHORT, ..LIMITS.timeouts }, ..LIMITS };
    let server = start(limits, Duration::ZERO, 1).await;
    let mut stream = write(server.address, REQUEST).await;
    let received = until_closed(&mut stream).await;
    assert!(received.starts_with("HTTP/1.1 200"), "{received}");
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
    // More than fits into any buffer.
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
    assert_eq!(until_closed(&mut write(server.address, "").await).await, "");
    kept.pop();
    until_free(&server).await;
    // The older connection stays open.
    kept[0].write_all(REQUEST.as_bytes()).await.unwrap();
    assert!(response(&mut kept[0]).await.starts_with("HTTP/1.1 200"));
}

/// Connects from an address of this machine. Linux accepts all of 127.0.0.0/8.
#[cfg(target_os = "linux")]
async fn write_from(client: [u8; 4], address: SocketAddr, text: &str) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind((client, 0).into()).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_client_with_its_share_of_connections_does_not_keep_others_out() {
    let server = start(ServerLimits { connections_per_client: 2, ..LIMITS }, Duration::ZERO, 1).await;
    let (crowd, other) = ([127, 0, 0, 2], [127, 0, 0, 3]);
    let mut kept = Vec::new();
    for client in [crowd, crowd, other, other] {
        let mut stream = write_from(client, server.address, REQUEST).await;
        assert!(response(&mut stream).await.starts_with("HTTP/1.1 200"), "{client:?}");
        kept.push(stream);
        // Beyond the share of the first client.
        if kept.len() >= 2 {
            assert_eq!(until_closed(&mut write_from(crowd, server.address, "").await).await, "");
        }
    }
    kept.remove(0);
    let began = Clock::now();
    while !response(&mut write_from(crowd, server.address, REQUEST).await).await.starts_with("HTTP/1.1 200") {
        assert!(began.elapsed() < LONG / 2, "a place is not free again");
        sleep(SHORT / 8).await;
    }
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
    let mut half_open = write(server.address, "GET / HTTP/1.1\r\n").await;
    let mut silent = write(server.address, "").await;
    let mut asking = write(server.address, REQUEST).await;
    // Connections are accepted in order, so all three are open.
    let _ = server.received.acquire().await.unwrap();
    server.stop.send(LONG).unwrap();
    assert_eq!(until_closed(&mut half_open).await, "");
    assert_eq!(until_closed(&mut silent).await, "");
    let received = until_closed(&mut asking).await;
    assert!(received.starts_with("HTTP/1.1 200") && received.contains("connection: close"), "{received}");
    assert_eq!(server.task.await.unwrap(), 0);
    assert!(TcpStream::connect(server.address).await.is_err(), "a new connection is accepted");
}

#[tokio::test]
async fn a_request_without_a_response_at_the_deadline_is_cut_off_and_reported() {
    let server = start(LIMITS, LONG, 1).await;
    let mut asking = write(server.address, REQUEST).await;
    let _ = server.received.acquire().await.unwrap();
    server.stop.send(SHORT).unwrap();
    assert_eq!(until_closed(&mut asking).await, "");
    assert_eq!(server.task.await.unwrap(), 1);
}
