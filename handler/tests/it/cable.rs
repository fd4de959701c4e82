//! What lies between a handler and its database, so that a test can cut it, hold it up, slow it down, and mend it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

use crate::database::Database;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Whole,
    /// Connections are accepted, and nothing passes in either direction.
    Stalled,
    /// What the handler sends arrives; what the server answers does not.
    Deaf,
    /// Everything passes until the handler commits a transaction; the answer to that does not arrive.
    DeafToCommits,
    /// Connections break, and new ones are closed at once.
    Cut,
}

#[derive(Clone, Copy, Debug)]
struct Condition {
    state: State,
    /// On connections before the one of this number nothing passes any more.
    lost_before: u64,
    /// Connections before the one of this number break.
    cut_before: u64,
    /// How long each answer takes to arrive.
    delay: Duration,
}

pub(crate) struct Cable {
    port: u16,
    condition: Arc<watch::Sender<Condition>>,
    opened: Arc<AtomicU64>,
}

impl Cable {
    pub(crate) async fn to(database: &Database) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let whole = Condition { state: State::Whole, lost_before: 0, cut_before: 0, delay: Duration::ZERO };
        let condition = Arc::new(watch::Sender::new(whole));
        let opened = Arc::new(AtomicU64::new(0));
        let server = database.server_address();
        let (watched, count) = (condition.clone(), opened.clone());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(join(number, near, server.clone(), watched.clone()));
            }
        });
        Self { port, condition, opened }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How many connections have been opened.
    pub(crate) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    pub(crate) fn stall(&self) {
        self.set(State::Stalled);
    }

    pub(crate) fn lose_answers(&self) {
        self.set(State::Deaf);
    }

    /// The answer to the next commit is lost, and all that follow.
    pub(crate) fn lose_answers_to_commits(&self) {
        self.set(State::DeafToCommits);
    }

    pub(crate) fn cut(&self) {
        self.set(State::Cut);
    }

    pub(crate) fn mend(&self) {
        self.set(State::Whole);
    }

    /// Connections that are open break; new ones are whole.
    pub(crate) fn cut_once(&self) {
        let opened = self.opened();
        self.condition.send_modify(|condition| {
            condition.cut_before = opened;
            condition.state = State::Whole;
        });
    }

    /// Nothing passes any more on the connections that are open, and nobody is told; new ones are whole.
    pub(crate) fn black_hole(&self) {
        let opened = self.opened();
        self.condition.send_modify(|condition| condition.lost_before = opened);
    }

    pub(crate) fn delay(&self, delay: Duration) {
        self.condition.send_modify(|condition| condition.delay = delay);
    }

    fn set(&self, state: State) {
        self.condition.send_modify(|condition| condition.state = state);
    }
}

async fn join(number: u64, near: TcpStream, server: (String, u16), changing: Arc<watch::Sender<Condition>>) {
    let condition = changing.subscribe();
    let mut until_cut = condition.clone();
    let passing = async move {
        let Ok(far) = TcpStream::connect(server).await else { return };
        let (near_in, near_out) = near.into_split();
        let (far_in, far_out) = far.into_split();
        let is_lost = |condition: &Condition| number < condition.lost_before.max(condition.cut_before);
        let sends =
            |condition: &Condition| !is_lost(condition) && ![State::Stalled, State::Cut].contains(&condition.state);
        let answers = |condition: &Condition| {
            !is_lost(condition) && [State::Whole, State::DeafToCommits].contains(&condition.state)
        };
        let no_delay = |_: &Condition| Duration::ZERO;
        // Simple queries are not encoded, and the driver commits by one.
        let becomes_deaf = |sent: &[u8]| {
            if sent.windows(6).any(|word| word == b"COMMIT") {
                changing.send_if_modified(|condition| {
                    let commits = condition.state == State::DeafToCommits;
                    condition.state = if commits { State::Deaf } else { condition.state };
                    commits
                });
            }
        };
        tokio::select! {
            () = pass(near_in, far_out, condition.clone(), sends, no_delay, becomes_deaf) => {}
            () = pass(far_in, near_out, condition, answers, |condition| condition.delay, |_| ()) => {}
        }
    };
    tokio::select! {
        () = passing => {}
        _ = until_cut.wait_for(|condition| condition.state == State::Cut || number < condition.cut_before) => {}
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut condition: watch::Receiver<Condition>,
    is_open: impl Fn(&Condition) -> bool,
    delay: impl Fn(&Condition) -> Duration,
    passes: impl Fn(&[u8]),
) {
    let mut buffer = vec![0; 65_536];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let delay = delay(&condition.borrow());
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let may_pass = condition.wait_for(&is_open).await.is_ok();
        passes(&buffer[..read]);
        if !may_pass || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
