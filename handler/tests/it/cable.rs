//! What lies between a handler and its database, so that a test can cut it, hold it up, and mend it.

use std::sync::Arc;

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
    /// Connections break, and new ones are closed at once.
    Cut,
}

pub(crate) struct Cable {
    port: u16,
    state: Arc<watch::Sender<State>>,
}

impl Cable {
    pub(crate) async fn to(database: &Database) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(watch::Sender::new(State::Whole));
        let server = database.server_address();
        let watched = state.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(join(near, server.clone(), watched.subscribe()));
            }
        });
        Self { port, state }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn stall(&self) {
        self.state.send_replace(State::Stalled);
    }

    pub(crate) fn lose_answers(&self) {
        self.state.send_replace(State::Deaf);
    }

    pub(crate) fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    pub(crate) fn mend(&self) {
        self.state.send_replace(State::Whole);
    }
}

async fn join(near: TcpStream, server: (String, u16), state: watch::Receiver<State>) {
    let mut until_cut = state.clone();
    let passing = async move {
        let Ok(far) = TcpStream::connect(server).await else { return };
        let (near_in, near_out) = near.into_split();
        let (far_in, far_out) = far.into_split();
        tokio::select! {
            () = pass(near_in, far_out, state.clone(), &[State::Whole, State::Deaf]) => {}
            () = pass(far_in, near_out, state, &[State::Whole]) => {}
        }
    };
    tokio::select! {
        () = passing => {}
        _ = until_cut.wait_for(|state| *state == State::Cut) => {}
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut state: watch::Receiver<State>, open: &[State]) {
    let mut buffer = vec![0; 65_536];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let may_pass = state.wait_for(|state| open.contains(state)).await.is_ok();
        if !may_pass || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
