//! A TCP gate between a handler and its database. A test can close it, slow it down, and lose or hold single messages.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Notify, watch},
};

use crate::{database::Database, process::PATIENCE};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// Connections are accepted. Nothing passes in either direction.
    Stalled,
    /// Requests pass. Responses do not.
    WithoutResponses,
    /// Everything passes until the handler commits a transaction; then as `WithoutResponses`.
    WithoutResponsesAfterCommit,
    /// Connections break, and new ones are closed at once.
    Cut,
}

#[derive(Clone, Copy, Debug)]
struct Condition {
    state: State,
    /// Connections with a lower number are silent: nothing passes, and they stay open.
    silent_below: u64,
    /// Connections with a lower number break.
    broken_below: u64,
    /// The delay of each response.
    delay: Duration,
}

/// Counters of messages until the one that is lost or held. 0 means none.
#[derive(Default)]
struct Messages {
    request_to_lose: AtomicI32,
    response_to_lose: AtomicI32,
    request_to_hold: AtomicI32,
    text_to_hold: Mutex<Option<&'static str>>,
    is_held: Notify,
    release: Notify,
}

impl Messages {
    /// Whether this request is the one to hold.
    fn holds(&self, request: &[u8]) -> bool {
        let has_text = |text: &mut &str| request.windows(text.len()).any(|word| word == text.as_bytes());
        is_due(&self.request_to_hold) || self.text_to_hold.lock().unwrap().take_if(has_text).is_some()
    }
}

struct Wire {
    condition: watch::Sender<Condition>,
    opened: AtomicU64,
    /// By the number of the connection.
    round_trips: Mutex<Vec<RoundTrips>>,
    messages: Messages,
}

/// Requests that begin after the response to the request before.
#[derive(Clone, Copy, Default)]
struct RoundTrips {
    begun: u32,
    is_waiting: bool,
}

impl Wire {
    fn count(&self, direction: Direction, number: u64) {
        let mut all = self.round_trips.lock().unwrap();
        let number = usize::try_from(number).unwrap();
        let length = all.len().max(number + 1);
        all.resize(length, RoundTrips::default());
        let RoundTrips { begun, is_waiting } = &mut all[number];
        let waited = std::mem::replace(is_waiting, direction == Direction::Request);
        *begun += u32::from(!waited && *is_waiting);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Request,
    Response,
}

pub(crate) struct Cable {
    port: u16,
    wire: Arc<Wire>,
}

impl Cable {
    pub(crate) async fn to(database: &Database) -> Self {
        Self::to_address(database.server_address()).await
    }

    /// A cable to a pooler or another server.
    pub(crate) async fn to_address(server: (String, u16)) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let open = Condition { state: State::Open, silent_below: 0, broken_below: 0, delay: Duration::ZERO };
        let condition = watch::Sender::new(open);
        let wire = Arc::new(Wire {
            condition,
            opened: AtomicU64::new(0),
            round_trips: Mutex::default(),
            messages: Messages::default(),
        });
        let shared = wire.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let number = shared.opened.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(join(number, near, server.clone(), shared.clone()));
            }
        });
        Self { port, wire }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The number of connections that have been opened.
    pub(crate) fn opened(&self) -> u64 {
        self.wire.opened.load(Ordering::Relaxed)
    }

    /// How many times a client has waited for a response, by connection.
    pub(crate) fn round_trips(&self) -> Vec<u32> {
        self.wire.round_trips.lock().unwrap().iter().map(|connection| connection.begun).collect()
    }

    /// Waits until this many connections have been opened.
    pub(crate) async fn wait_until_opened(&self, connections: u64) {
        let began = Instant::now();
        while self.opened() < connections {
            assert!(began.elapsed() < PATIENCE, "{} connections were opened", self.opened());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) fn stall(&self) {
        self.set(State::Stalled);
    }

    pub(crate) fn drop_responses(&self) {
        self.set(State::WithoutResponses);
    }

    /// Drops the response to the next commit and all later responses.
    pub(crate) fn drop_responses_after_commit(&self) {
        self.set(State::WithoutResponsesAfterCommit);
    }

    pub(crate) fn cut(&self) {
        self.set(State::Cut);
    }

    /// Lets everything pass again.
    pub(crate) fn mend(&self) {
        self.set(State::Open);
        self.lose_request(0);
        self.lose_response(0);
    }

    /// Breaks the open connections. New connections work.
    pub(crate) fn break_connections(&self) {
        let opened = self.opened();
        self.wire.condition.send_modify(|condition| {
            condition.broken_below = opened;
            condition.state = State::Open;
        });
    }

    /// Silences the open connections without closing them. New connections work.
    pub(crate) fn silence_connections(&self) {
        let opened = self.opened();
        self.wire.condition.send_modify(|condition| condition.silent_below = opened);
    }

    pub(crate) fn delay_responses(&self, delay: Duration) {
        self.wire.condition.send_modify(|condition| condition.delay = delay);
    }

    /// Breaks the connection in place of the `nth` request from now on.
    pub(crate) fn lose_request(&self, nth: i32) {
        self.wire.messages.request_to_lose.store(nth, Ordering::SeqCst);
    }

    /// Breaks the connection in place of the `nth` response from now on.
    pub(crate) fn lose_response(&self, nth: i32) {
        self.wire.messages.response_to_lose.store(nth, Ordering::SeqCst);
    }

    /// Waits until the message that was to be lost is lost.
    pub(crate) async fn wait_until_a_message_is_lost(&self) {
        let began = Instant::now();
        let messages = &self.wire.messages;
        while messages.request_to_lose.load(Ordering::SeqCst) > 0
            || messages.response_to_lose.load(Ordering::SeqCst) > 0
        {
            assert!(began.elapsed() < PATIENCE, "no message came");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Holds the `nth` request from now on until it is released.
    pub(crate) fn hold_request(&self, nth: i32) {
        self.wire.messages.request_to_hold.store(nth, Ordering::SeqCst);
    }

    /// Holds the next request with this text until it is released.
    pub(crate) fn hold_request_with(&self, text: &'static str) {
        *self.wire.messages.text_to_hold.lock().unwrap() = Some(text);
    }

    pub(crate) async fn wait_until_a_request_is_held(&self) {
        self.wire.messages.is_held.notified().await;
    }

    pub(crate) fn release_request(&self) {
        self.wire.messages.release.notify_one();
    }

    fn set(&self, state: State) {
        self.wire.condition.send_modify(|condition| condition.state = state);
    }
}

async fn join(number: u64, near: TcpStream, server: (String, u16), wire: Arc<Wire>) {
    let mut until_cut = wire.condition.subscribe();
    let both = async {
        let Ok(far) = TcpStream::connect(server).await else { return };
        let _ = (near.set_nodelay(true), far.set_nodelay(true));
        let (near_in, near_out) = near.into_split();
        let (far_in, far_out) = far.into_split();
        tokio::select! {
            () = pass(Direction::Request, number, near_in, far_out, &wire) => {}
            () = pass(Direction::Response, number, far_in, near_out, &wire) => {}
        }
    };
    tokio::select! {
        () = both => {}
        _ = until_cut.wait_for(|condition| condition.state == State::Cut || number < condition.broken_below) => {}
    }
}

async fn pass(direction: Direction, number: u64, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, wire: &Wire) {
    let mut condition = wire.condition.subscribe();
    let mut buffer = vec![0; 65_536];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        wire.count(direction, number);
        let delay = condition.borrow().delay;
        if direction == Direction::Response && !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if direction == Direction::Request && wire.messages.holds(&buffer[..read]) {
            wire.messages.is_held.notify_one();
            wire.messages.release.notified().await;
        }
        if condition.wait_for(|condition| is_open(direction, number, condition)).await.is_err() {
            return;
        }
        // The driver commits by a simple query, which is plain text on the wire.
        if direction == Direction::Request && buffer[..read].windows(6).any(|word| word == b"COMMIT") {
            wire.condition.send_if_modified(|condition| {
                let commits = condition.state == State::WithoutResponsesAfterCommit;
                condition.state = if commits { State::WithoutResponses } else { condition.state };
                commits
            });
        }
        let is_lost = is_due(match direction {
            Direction::Request => &wire.messages.request_to_lose,
            Direction::Response => &wire.messages.response_to_lose,
        });
        if is_lost || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

fn is_open(direction: Direction, number: u64, condition: &Condition) -> bool {
    let state_passes = match direction {
        Direction::Request => ![State::Stalled, State::Cut].contains(&condition.state),
        Direction::Response => [State::Open, State::WithoutResponsesAfterCommit].contains(&condition.state),
    };
    state_passes && number >= condition.silent_below.max(condition.broken_below)
}

/// Counts a message, and returns whether it is the one that the counter was set for.
fn is_due(counter: &AtomicI32) -> bool {
    counter.load(Ordering::SeqCst) > 0 && counter.fetch_sub(1, Ordering::SeqCst) == 1
}
