//! The server: accepts connections, passes each to hyper, and limits connections, header sizes and times. warp's own
//! server has no such limits.
//!
//! The server supports HTTP/1 only, which the Functions host and proxies use, and must not know routes.

pub(super) mod connection_phase;
pub(crate) mod open_files;
pub(super) mod request_service;

use std::{
    collections::{HashMap, hash_map::Entry},
    convert::Infallible,
    io,
    net::IpAddr,
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hyper::{
    Request, Response,
    body::{Body, Incoming},
    server::conn::http1,
    service::{Service, service_fn},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{self, JoinSet},
    time::{Instant, Sleep, sleep_until},
};

use self::connection_phase::{ConnectionPhase, TimedStream, Timeouts};
use crate::domain::Network;

/// The limits of all clients together, and of one client.
#[derive(Clone, Copy)]
pub(super) struct ServerLimits {
    /// Open connections.
    pub(super) connections: usize,
    /// Open connections of one client: an IPv4 address, or an IPv6 /64.
    pub(super) connections_per_client: usize,
    /// Request line and header together, at least 8,192. The response to a larger one is 431.
    pub(super) header_bytes: usize,
    pub(super) timeouts: Timeouts,
}

/// Pause after a failed accept. Usually no file descriptor is free, so an immediate retry would fail again.
const PAUSE: Duration = Duration::from_millis(100);

/// Shortest time between two log lines about refused connections.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Serves until `stop` resolves with a deadline. Then it accepts no connection, and serves the requests that have
/// arrived until the deadline. Returns the number of connections that were cut off at the deadline.
///
/// `service_for` makes the service of one connection from the address of its other end.
pub(super) async fn serve<S, B>(
    listener: TcpListener,
    limits: ServerLimits,
    stop: impl Future<Output = Instant>,
    service_for: impl Fn(IpAddr) -> S,
) -> usize
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send,
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    let mut http = http1::Builder::new();
    // hyper's own timer would apply the limit for headers to idle connections, too.
    http.max_header_size(limits.header_bytes).header_read_timeout(None);
    let (stopping, stop_requested) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut clients = Clients::default();
    let mut refusals = Refusals::default();
    let mut not_before = None;
    let mut stop = pin!(stop);
    let end = loop {
        tokio::select! {
            biased;
            end = &mut stop => break end,
            Some(ended) = connections.join_next_with_id() => {
                clients.disconnect(ended.map_or_else(|error| error.id(), |(id, ())| id));
            }
            () = refusals.due() => refusals.log(connections.len(), limits.connections),
            accepted = accept(&listener, not_before) => {
                not_before = None;
                match accepted {
                    // Close the connection instead of leaving it in the queue, where the oldest clients, which may have
                    // given up, would get the free places.
                    Ok(_) if connections.len() >= limits.connections => refusals.refused += 1,
                    Ok((_, peer)) if clients.connections_of(peer.ip()) >= limits.connections_per_client => {
                        refusals.refused_of_one_client += 1;
                    }
                    Ok((stream, peer)) => {
                        let phase = ConnectionPhase::new(limits.timeouts);
                        let service = service_for(peer.ip());
                        let stop_requested = stop_requested.clone();
                        let serving = serve_connection(http.clone(), stream, service, phase, stop_requested);
                        clients.connect(connections.spawn(serving).id(), peer.ip());
                    }
                    Err(error) if is_client_error(&error) => {}
                    // Usually no file descriptor is free. Clients stay in the queue.
                    Err(_) => {
                        refusals.failed += 1;
                        not_before = Some(Instant::now() + PAUSE);
                    }
                }
            }
        }
    };
    drop(listener);
    refusals.log(connections.len(), limits.connections);
    stopping.send_replace(true);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout_at(end, all_ended).await;
    let cut_off = connections.len();
    connections.shutdown().await;
    cut_off
}

async fn accept(listener: &TcpListener, not_before: Option<Instant>) -> io::Result<(TcpStream, std::net::SocketAddr)> {
    if let Some(instant) = not_before {
        sleep_until(instant).await;
    }
    listener.accept().await
}

/// Whether a client disconnected before the accept.
fn is_client_error(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Serves one connection until it ends, exceeds a timeout, or has no request when the process stops.
async fn serve_connection<S, B>(
    http: http1::Builder,
    stream: TcpStream,
    service: S,
    phase: Arc<ConnectionPhase>,
    mut stop_requested: watch::Receiver<bool>,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>> + 'static,
{
    let timed_phase = phase.clone();
    let timed_service = service_fn(move |request| {
        let (response, phase) = (service.call(request), timed_phase.clone());
        phase.begin_response();
        async move {
            let response = response.await;
            phase.begin_sending();
            response
        }
    });
    let mut connection = pin!(http.serve_connection(TimedStream::new(stream, phase.clone()), timed_service));
    let mut stop_requested = pin!(stop_requested.wait_for(|requested| *requested));
    let mut alarm = pin!(sleep_until(phase.deadline().unwrap_or_else(Instant::now)));
    let mut stopping = false;
    std::future::poll_fn(|context| {
        // Disconnects and malformed requests are client errors: not logged.
        if connection.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        if !stopping && stop_requested.as_mut().poll(context).is_ready() {
            stopping = true;
            // An incomplete request may never be completed.
            if !phase.has_request() {
                return Poll::Ready(());
            }
            connection.as_mut().graceful_shutdown();
            if connection.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
        }
        poll_overdue(&phase, alarm.as_mut(), context)
    })
    .await;
}

/// Ready when the client has exceeded its deadline. Resets the alarm only when it fires or the deadline is earlier, so
/// that most requests set no timer.
fn poll_overdue(phase: &ConnectionPhase, mut alarm: std::pin::Pin<&mut Sleep>, context: &mut Context<'_>) -> Poll<()> {
    let deadline = phase.deadline();
    if let Some(deadline) = deadline
        && deadline < alarm.deadline()
    {
        alarm.as_mut().reset(deadline);
    }
    while alarm.as_mut().poll(context).is_ready() {
        let now = Instant::now();
        match deadline {
            Some(deadline) if deadline <= now => return Poll::Ready(()),
            Some(deadline) => alarm.as_mut().reset(deadline),
            None => alarm.as_mut().reset(now + LOG_INTERVAL),
        }
    }
    Poll::Pending
}

/// The clients of open connections.
#[derive(Default)]
struct Clients {
    by_connection: HashMap<task::Id, Network>,
    connections: HashMap<Network, usize>,
}

impl Clients {
    fn connections_of(&self, peer: IpAddr) -> usize {
        self.connections.get(&Network::of(peer)).copied().unwrap_or_default()
    }

    fn connect(&mut self, connection: task::Id, peer: IpAddr) {
        let client = Network::of(peer);
        self.by_connection.insert(connection, client);
        *self.connections.entry(client).or_default() += 1;
    }

    fn disconnect(&mut self, connection: task::Id) {
        let Some(client) = self.by_connection.remove(&connection) else { return };
        if let Entry::Occupied(mut connections) = self.connections.entry(client) {
            *connections.get_mut() -= 1;
            if *connections.get() == 0 {
                connections.remove();
            }
        }
    }
}

/// Connections that were not served. The first is logged at once, and more of them once per [`LOG_INTERVAL`].
#[derive(Default)]
struct Refusals {
    /// Closed, because too many were open.
    refused: u64,
    /// Closed, because their client had too many.
    refused_of_one_client: u64,
    /// Not accepted, because of a system error.
    failed: u64,
    last_line: Option<Instant>,
}

impl Refusals {
    /// Waits until there is something to log and the interval is over.
    async fn due(&self) {
        if self.refused + self.refused_of_one_client + self.failed == 0 {
            return std::future::pending().await;
        }
        if let Some(last_line) = self.last_line {
            sleep_until(last_line + LOG_INTERVAL).await;
        }
    }

    fn log(&mut self, open: usize, limit: usize) {
        let Self { refused, refused_of_one_client, failed, .. } = *self;
        if refused + refused_of_one_client + failed > 0 {
            tracing::warn!(
                event = "connections_refused",
                refused,
                refused_of_one_client,
                failed,
                open,
                limit,
                "refused connections"
            );
            *self = Self { last_line: Some(Instant::now()), ..Self::default() };
        }
    }
}

#[cfg(test)]
mod tests;
