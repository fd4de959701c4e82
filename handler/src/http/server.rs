//! The plain server: accepts connections, gives each to hyper, and bounds what a client may take of them: their number,
//! the size of a header, and time. warp's own server has no such limits.
//!
//! HTTP/1 only: that is what the Functions host and proxies speak to us. It knows no routes.

pub(super) mod arrival;
pub(crate) mod open_files;
pub(super) mod pace;

use std::{
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
    service::Service,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{Instant, Sleep, sleep_until},
};

use self::pace::{Pace, Paced, Patience};

/// What clients may take.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Open connections.
    pub(super) connections: usize,
    /// Request line and header together. Larger ones are answered 431. Not below 8,192.
    pub(super) header_bytes: usize,
    /// Time.
    pub(super) patience: Patience,
}

/// How long accepting pauses if the system has no file for another connection: it will not have one at once.
const PAUSE: Duration = Duration::from_millis(100);

/// How often it is said that connections are refused.
const REMINDER: Duration = Duration::from_secs(60);

/// How the routes answer.
pub(super) type Answer<S> = <S as Service<Request<Incoming>>>::Future;

/// Serves until `stop` resolves, with the moment at which whatever is still open is closed. Then nobody is accepted any
/// more, and who has asked gets an answer until that moment. Says which moment it was, and how many were cut off at it.
///
/// `routes` makes what answers the requests of one connection, whose other end it is given.
pub(super) async fn serve<S, B>(
    listener: TcpListener,
    limits: Limits,
    stop: impl Future<Output = Instant>,
    routes: impl Fn(IpAddr) -> S,
) -> usize
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send,
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    let mut http = http1::Builder::new();
    // Its own timer would end idle connections as soon as slow headers.
    http.max_header_size(limits.header_bytes).header_read_timeout(None);
    let (stopping, asked) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut refusals = Refusals::default();
    let mut not_before = None;
    let mut stop = pin!(stop);
    let end = loop {
        tokio::select! {
            biased;
            end = &mut stop => break end,
            Some(_) = connections.join_next() => {}
            () = refusals.due() => refusals.tell(connections.len(), limits.connections),
            accepted = accept(&listener, not_before) => {
                not_before = None;
                match accepted {
                    // Closed, rather than left in the queue: there a client would wait without knowing for what, and
                    // the places that become free would go to those who have waited longest, and may have given up.
                    Ok(_) if connections.len() >= limits.connections => refusals.refused += 1,
                    Ok((stream, peer)) => {
                        let pace = Pace::new(limits.patience);
                        let routes = Watched { routes: routes(peer.ip()), pace: pace.clone() };
                        connections.spawn(keep(http.clone(), stream, routes, pace, asked.clone()));
                    }
                    Err(error) if is_the_clients(&error) => {}
                    // Most likely no file is left. Who waits in the queue is not lost.
                    Err(_) => {
                        refusals.failed += 1;
                        not_before = Some(Instant::now() + PAUSE);
                    }
                }
            }
        }
    };
    drop(listener);
    refusals.tell(connections.len(), limits.connections);
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

/// Whether a client hung up before it was accepted.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Serves one connection until it ends, its time is over, or nothing is owed on it when the process is `asked` to stop.
async fn keep<S, B>(
    http: http1::Builder,
    stream: TcpStream,
    routes: Watched<S>,
    pace: Arc<Pace>,
    mut asked: watch::Receiver<bool>,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>> + 'static,
{
    let mut connection = pin!(http.serve_connection(Paced::new(stream, pace.clone()), routes));
    let mut asked = pin!(asked.wait_for(|asked| *asked));
    let mut alarm = pin!(sleep_until(pace.deadline().unwrap_or_else(Instant::now)));
    let mut stopping = false;
    std::future::poll_fn(|context| {
        // A client that hangs up, or sends what is no request, is nobody's fault here.
        if connection.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        if !stopping && asked.as_mut().poll(context).is_ready() {
            stopping = true;
            // Half a request has been sent by somebody who may never send the rest.
            if !pace.owes_answer() {
                return Poll::Ready(());
            }
            connection.as_mut().graceful_shutdown();
            if connection.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
        }
        poll_overdue(&pace, alarm.as_mut(), context)
    })
    .await;
}

/// Ready once the client's time is over. The alarm is set anew only if its moment has come, or the end has moved before it:
/// as long as requests come and go, nothing is set.
fn poll_overdue(pace: &Pace, mut alarm: std::pin::Pin<&mut Sleep>, context: &mut Context<'_>) -> Poll<()> {
    let deadline = pace.deadline();
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
            None => alarm.as_mut().reset(now + REMINDER),
        }
    }
    Poll::Pending
}

/// The routes of one connection, which tell its pace when a header is complete.
struct Watched<S> {
    routes: S,
    pace: Arc<Pace>,
}

impl<S: Service<Request<Incoming>>> Service<Request<Incoming>> for Watched<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = Answer<S>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.pace.begin_answering();
        self.routes.call(request)
    }
}

/// Connections that were not served, for the log: told at once, and then once a minute as long as there are more.
#[derive(Default)]
struct Refusals {
    /// Closed because too many were open.
    refused: u64,
    /// Not accepted, because the system could not.
    failed: u64,
    last_line: Option<Instant>,
}

impl Refusals {
    /// Waits until there is something to tell, and it is time to.
    async fn due(&self) {
        if self.refused + self.failed == 0 {
            return std::future::pending().await;
        }
        if let Some(last_line) = self.last_line {
            sleep_until(last_line + REMINDER).await;
        }
    }

    fn tell(&mut self, open: usize, limit: usize) {
        let Self { refused, failed, .. } = *self;
        if refused + failed > 0 {
            tracing::warn!(event = "connections_refused", refused, failed, open, limit, "connections were not served");
            *self = Self { last_line: Some(Instant::now()), ..Self::default() };
        }
    }
}

#[cfg(test)]
mod tests;
