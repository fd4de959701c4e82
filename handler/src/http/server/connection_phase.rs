//! The phase of a connection and its timeout. A slow or idle client occupies a connection that others could use.
//!
//! This module sees when bytes arrive and leave, never their content.

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

/// The longest times that a client may need.
#[derive(Clone, Copy)]
pub(in crate::http) struct Timeouts {
    /// To send a header, from its first byte or from the start of the connection.
    pub(in crate::http) header: Duration,
    /// Between a response and the next request on the same connection.
    pub(in crate::http) idle: Duration,
    /// To receive a response.
    pub(in crate::http) response: Duration,
}

/// The activity of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// A header is arriving, or a new connection has sent nothing yet.
    Receiving,
    /// The program makes a response. The request has its own deadline, so the client's time does not run.
    Responding,
    /// A response is being sent.
    Sending,
    /// Every request has got its response.
    Idle,
}

/// The phase of one connection and its deadline. The stream, the service and the timer of a connection share it, all in
/// one task.
pub(in crate::http) struct ConnectionPhase {
    began: Instant,
    timeouts: Timeouts,
    /// Milliseconds from `began` to the deadline, and the phase in the two lowest bits.
    state: AtomicU64,
}

impl ConnectionPhase {
    /// The phase of a new connection.
    pub(in crate::http) fn new(timeouts: Timeouts) -> Arc<Self> {
        let phase = Self { began: Instant::now(), timeouts, state: AtomicU64::new(0) };
        phase.enter(Phase::Receiving);
        Arc::new(phase)
    }

    /// Call this when a header is complete.
    pub(in crate::http) fn begin_response(&self) {
        self.enter(Phase::Responding);
    }

    /// Call this when a response is made.
    pub(in crate::http) fn begin_sending(&self) {
        self.enter(Phase::Sending);
    }

    /// Whether a request waits for the end of its response.
    pub(in crate::http) fn has_request(&self) -> bool {
        matches!(self.phase(), Phase::Responding | Phase::Sending)
    }

    /// The client's deadline; `None` while the program makes a response.
    pub(in crate::http) fn deadline(&self) -> Option<Instant> {
        let end = self.state.load(Ordering::Relaxed) >> 2;
        (self.phase() != Phase::Responding).then(|| self.began + Duration::from_millis(end))
    }

    fn phase(&self) -> Phase {
        match self.state.load(Ordering::Relaxed) & 0b11 {
            0 => Phase::Receiving,
            1 => Phase::Responding,
            2 => Phase::Sending,
            _ => Phase::Idle,
        }
    }

    fn enter(&self, phase: Phase) {
        let allowed = match phase {
            Phase::Receiving => self.timeouts.header,
            Phase::Responding => Duration::ZERO,
            Phase::Sending => self.timeouts.response,
            Phase::Idle => self.timeouts.idle,
        };
        let end = if allowed.is_zero() { Duration::ZERO } else { self.began.elapsed() + allowed };
        let end = u64::try_from(end.as_millis()).unwrap_or(u64::MAX >> 2);
        self.state.store(end << 2 | phase as u64, Ordering::Relaxed);
    }
}

/// The stream of a connection. It moves the connection to its next phase when bytes arrive or leave.
pub(in crate::http) struct TimedStream {
    stream: TokioIo<TcpStream>,
    phase: Arc<ConnectionPhase>,
}

impl TimedStream {
    pub(in crate::http) fn new(stream: TcpStream, phase: Arc<ConnectionPhase>) -> Self {
        Self { stream: TokioIo::new(stream), phase }
    }

    /// hyper writes by itself to reject an invalid header, and `100 Continue` while the program makes a response.
    fn writing(&self) {
        if matches!(self.phase.phase(), Phase::Receiving | Phase::Idle) {
            self.phase.enter(Phase::Sending);
        }
    }
}

impl Read for TimedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        // At the end of the stream, the read is ready, too. A deadline has no effect then.
        if read.is_ready() && self.phase.phase() == Phase::Idle {
            self.phase.enter(Phase::Receiving);
        }
        read
    }
}

impl Write for TimedStream {
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

    /// hyper flushes after a whole response.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_ready() && self.phase.phase() == Phase::Sending {
            self.phase.enter(Phase::Idle);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
