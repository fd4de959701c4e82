//! What lies between an instance and its database, and can lose what passes.

use std::sync::{
    Arc,
    atomic::{AtomicI32, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Notify,
};

/// Which message is lost (the connection breaks with it) or held up, counted from now on. 0: none.
#[derive(Default)]
struct Faults {
    question: AtomicI32,
    answer: AtomicI32,
    /// Which question is held up until it is let go.
    held: AtomicI32,
    waits: Notify,
    go: Notify,
}

pub(crate) struct Cable {
    port: u16,
    faults: Arc<Faults>,
}

impl Cable {
    pub(crate) async fn to(server: (String, u16)) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let faults = Arc::new(Faults::default());
        let shared = faults.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(join(near, server.clone(), shared.clone()));
            }
        });
        Self { port, faults }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The server does not get the `nth` message from now on, and nobody anything after it.
    pub(crate) fn lose_question(&self, nth: i32) {
        self.faults.question.store(nth, Ordering::SeqCst);
    }

    /// The server does what it is told in the `nth` message from now on, and nobody learns it.
    pub(crate) fn lose_answer(&self, nth: i32) {
        self.faults.answer.store(nth, Ordering::SeqCst);
    }

    /// Holds the `nth` message from now on up, until it is let go.
    pub(crate) fn hold_question(&self, nth: i32) {
        self.faults.held.store(nth, Ordering::SeqCst);
    }

    /// Waits until a message is held up.
    pub(crate) async fn holds(&self) {
        self.faults.waits.notified().await;
    }

    /// Lets the message go that is held up.
    pub(crate) fn let_go(&self) {
        self.faults.go.notify_one();
    }

    /// From here on nothing is lost.
    pub(crate) fn mend(&self) {
        self.lose_question(0);
        self.lose_answer(0);
    }
}

async fn join(near: TcpStream, server: (String, u16), faults: Arc<Faults>) {
    let Ok(far) = TcpStream::connect(server).await else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    tokio::select! {
        () = pass(near_in, far_out, &faults.question, Some(&faults)) => {}
        () = pass(far_in, near_out, &faults.answer, None) => {}
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, loss: &AtomicI32, held: Option<&Faults>) {
    let mut buffer = vec![0; 65_536];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let is_due =
            |counter: &AtomicI32| counter.load(Ordering::SeqCst) > 0 && counter.fetch_sub(1, Ordering::SeqCst) == 1;
        if let Some(faults) = held.filter(|faults| is_due(&faults.held)) {
            faults.waits.notify_one();
            faults.go.notified().await;
        }
        let is_lost = is_due(loss);
        if is_lost || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
