//! How far a connection has come with its exchange, and until when it may take its time: who sends a request slowly, takes
//! an answer slowly, or keeps a connection without using it, takes a place from others.
//!
//! It sees bytes come and go, and never what they say.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::Instant};

/// How much time a client may take.
#[derive(Clone, Copy)]
pub(in crate::http) struct Patience {
    /// From the first byte of a request, or the beginning of the connection, to the end of its header.
    pub(in crate::http) header: Duration,
    /// From an answer to the next request on the same connection.
    pub(in crate::http) idle: Duration,
    /// To take an answer.
    pub(in crate::http) taking: Duration,
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// A header is on its way, or has yet to begin on a new connection.
    Receiving,
    /// A request is being answered. That has a deadline of its own, and is not the client's time.
    Answering,
    /// An answer is on its way.
    Sending,
    /// Everything asked has been answered.
    Idle,
}

/// The phase of one connection, and its end. Only the connection's own task touches it, through its three parts: the
/// stream, the routes and the watch.
pub(in crate::http) struct Pace {
    began: Instant,
    patience: Patience,
    /// Milliseconds from `began` to the end of the phase, and the phase in the two lowest bits.
    state: AtomicU64,
}

impl Pace {
    /// That of a connection which has just been accepted.
    pub(in crate::http) fn new(patience: Patience) -> Arc<Self> {
        let pace = Self { began: Instant::now(), patience, state: AtomicU64::new(0) };
        pace.enter(Phase::Receiving);
        Arc::new(pace)
    }

    /// To be called when a header is complete.
    pub(in crate::http) fn begin_answering(&self) {
        self.enter(Phase::Answering);
    }

    /// Whether somebody has asked and does not have the whole answer yet.
    pub(in crate::http) fn owes_answer(&self) -> bool {
        matches!(self.phase(), Phase::Answering | Phase::Sending)
    }

    /// When the client's time is over; `None` while it is not the client's turn.
    pub(in crate::http) fn deadline(&self) -> Option<Instant> {
        let end = self.state.load(Ordering::Relaxed) >> 2;
        (self.phase() != Phase::Answering).then(|| self.began + Duration::from_millis(end))
    }

    fn phase(&self) -> Phase {
        match self.state.load(Ordering::Relaxed) & 0b11 {
            0 => Phase::Receiving,
            1 => Phase::Answering,
            2 => Phase::Sending,
            _ => Phase::Idle,
        }
    }

    fn enter(&self, phase: Phase) {
        let allowed = match phase {
            Phase::Receiving => self.patience.header,
            Phase::Answering => Duration::ZERO,
            Phase::Sending => self.patience.taking,
            Phase::Idle => self.patience.idle,
        };
        let end = if allowed.is_zero() { Duration::ZERO } else { self.began.elapsed() + allowed };
        let end = u64::try_from(end.as_millis()).unwrap_or(u64::MAX >> 2);
        self.state.store(end << 2 | phase as u64, Ordering::Relaxed);
    }
}

/// A connection's stream, which tells its pace what it sees.
pub(in crate::http) struct Paced {
    stream: TokioIo<TcpStream>,
    pace: Arc<Pace>,
}

impl Paced {
    pub(in crate::http) fn new(stream: TcpStream, pace: Arc<Pace>) -> Self {
        Self { stream: TokioIo::new(stream), pace }
    }

    fn writing(&self) {
        if self.pace.phase() != Phase::Sending {
            self.pace.enter(Phase::Sending);
        }
    }
}

impl Read for Paced {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        // The end of a stream is no byte, but then there is nothing left to wait for either.
        if read.is_ready() && self.pace.phase() == Phase::Idle {
            self.pace.enter(Phase::Receiving);
        }
        read
    }
}

impl Write for Paced {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.writing();
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        self.writing();
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes once everything that it had has been written.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_ready() && self.pace.phase() == Phase::Sending {
            self.pace.enter(Phase::Idle);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
