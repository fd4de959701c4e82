//! What a reading found, and how it looks: rendered and compressed once, for all who asked the same.

use std::{
    io::Write,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

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
}

impl Body {
    /// The body: rendered and compressed by whoever asks first, and shared.
    ///
    /// # Errors
    /// What `render` fails with; then the next one tries again.
    pub fn get(
        &self,
        encoding: Encoding,
        render: impl FnOnce() -> anyhow::Result<String>,
    ) -> anyhow::Result<Bytes> {
        let made = match encoding {
            Encoding::Identity => &self.identity,
            Encoding::Gzip => &self.gzip,
        };
        if let Some(body) = made.get() {
            return Ok(body.clone());
        }
        let body = match encoding {
            Encoding::Identity => Bytes::from(render()?),
            Encoding::Gzip => {
                let text = self.get(Encoding::Identity, render)?;
                // The fastest level: it is done again for every reading.
                let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 3), Compression::fast());
                encoder.write_all(&text)?;
                encoder.finish()?.into()
            }
        };
        Ok(made.get_or_init(|| body).clone())
    }
}
