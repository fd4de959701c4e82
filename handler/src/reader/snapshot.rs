//! What a reading found, and how it looks: rendered and compressed once, for all who asked the same.

use std::{
    cell::RefCell,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use anyhow::ensure;
use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use crate::statistics::Report;

/// A report, with the bodies that were made of it.
pub struct Snapshot {
    /// The numbers.
    pub report: Report,
    /// The page.
    pub page: Body,
    /// The JSON answer.
    pub json: Body,
    read: Instant,
    /// The same, marked as stale: made once an outage, not for every visitor in it.
    stale: OnceLock<Arc<Snapshot>>,
}

impl Snapshot {
    pub(super) fn new(report: Report) -> Self {
        let (page, json) = Default::default();
        Self { report, page, json, read: Instant::now(), stale: OnceLock::new() }
    }

    pub(super) fn stale(&self) -> Arc<Self> {
        let make = || Arc::new(Self::new(Report { stale: true, ..self.report.clone() }));
        self.stale.get_or_init(make).clone()
    }

    /// How long ago it was read.
    pub(super) fn age(&self) -> Duration {
        self.read.elapsed()
    }
}

/// How a body is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// Compressed (RFC 1952).
    Gzip,
}

/// A body in the encodings in which it was asked for.
#[derive(Default)]
pub struct Body {
    identity: OnceLock<Bytes>,
    gzip: OnceLock<Bytes>,
    /// Held by whoever makes one: all who waited for a reading ask at once, and only one of them shall do the work.
    making: Mutex<()>,
}

impl Body {
    /// The body: rendered and compressed by whoever asks first, and shared.
    ///
    /// # Errors
    /// What `render` fails with; then the next one tries again.
    pub fn get(&self, encoding: Encoding, render: impl FnOnce() -> anyhow::Result<String>) -> anyhow::Result<Bytes> {
        let made = match encoding {
            Encoding::Identity => &self.identity,
            Encoding::Gzip => &self.gzip,
        };
        if let Some(body) = made.get() {
            return Ok(body.clone());
        }
        // Whoever panicked in here made nothing.
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(body) = made.get() {
            return Ok(body.clone());
        }
        let text = match self.identity.get() {
            Some(text) => text.clone(),
            None => Bytes::from(render()?),
        };
        let text = self.identity.get_or_init(|| text);
        match encoding {
            Encoding::Identity => Ok(text.clone()),
            Encoding::Gzip => {
                let compressed = compress(text)?;
                Ok(self.gzip.get_or_init(|| compressed).clone())
            }
        }
    }
}

/// What stands before a gzip stream: deflate, no name, no time, an unknown system (RFC 1952 §2.3).
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Compresses a body with what is left over from the one before: a compressor's memory is large, and clearing it anew would cost
/// more than the work. The fastest level, because it is done again for every reading.
fn compress(body: &[u8]) -> anyhow::Result<Bytes> {
    thread_local! {
        static DEFLATE: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
    }
    // What can't be compressed takes nine bits a byte at this level (RFC 1951 §3.2.6), and a little more at the end.
    let mut compressed = Vec::with_capacity(body.len() + body.len() / 8 + 64);
    compressed.extend_from_slice(&GZIP_HEADER);
    let status = DEFLATE.with_borrow_mut(|deflate| {
        deflate.reset();
        deflate.compress_vec(body, &mut compressed, FlushCompress::Finish)
    })?;
    ensure!(status == Status::StreamEnd, "the body did not fit where it was compressed to");
    let mut checksum = Crc::new();
    checksum.update(body);
    compressed.extend_from_slice(&checksum.sum().to_le_bytes());
    compressed.extend_from_slice(&checksum.amount().to_le_bytes());
    Ok(compressed.into())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_is_compressed_is_the_same_again_whatever_came_before() {
        let random = |length| {
            let mut bytes = vec![0; length];
            getrandom::fill(&mut bytes).unwrap();
            bytes
        };
        for body in [b"".to_vec(), b"a page".repeat(3000), random(50_000), random(7), b"a page".to_vec()] {
            let mut again = Vec::new();
            flate2::read::GzDecoder::new(&*compress(&body).unwrap()).read_to_end(&mut again).unwrap();
            assert_eq!(again, body);
        }
    }

    #[test]
    fn a_body_is_rendered_once() {
        let body = Body::default();
        let mut rendered = 0;
        for encoding in [Encoding::Gzip, Encoding::Identity, Encoding::Gzip] {
            body.get(encoding, || {
                rendered += 1;
                Ok("page".to_owned())
            })
            .unwrap();
        }
        assert_eq!(rendered, 1);
    }
}
