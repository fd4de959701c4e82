//! Bodies of answers: rendered once for all who ask the same, and compressed once for all who take it so.
//!
//! What stands around every page, its style and its script, is compressed when the process first needs it; only what is between
//! is compressed again. It knows no HTTP and not what it compresses.

use std::{
    cell::RefCell,
    sync::{Mutex, OnceLock, PoisonError},
};

use anyhow::ensure;
use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// How a body is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// Compressed (RFC 1952).
    Gzip,
}

/// A text that stands at the beginning or at the end of bodies, and is compressed once.
pub struct Segment {
    text: String,
    /// Whole blocks of deflate (RFC 1951), so that others can stand before and behind them.
    deflated: Vec<u8>,
    checksum: Crc,
}

/// Where in a body a segment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Something follows.
    Beginning,
    /// Nothing follows.
    End,
}

impl Segment {
    /// Compresses a text, as well as it can be.
    ///
    /// # Errors
    /// None that are known: the compressor has all the room it needs.
    pub fn new(text: String, place: Place) -> anyhow::Result<Self> {
        let mut deflated = Vec::new();
        deflate(&mut Compress::new(Compression::best(), false), text.as_bytes(), &mut deflated, place)?;
        Ok(Self { checksum: checksum(text.as_bytes()), text, deflated })
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A body in the encodings in which it was asked for.
#[derive(Default)]
pub struct Body {
    /// What stands before and behind what is rendered.
    around: Option<(&'static Segment, &'static Segment)>,
    identity: OnceLock<Bytes>,
    gzip: OnceLock<Bytes>,
    rendered: OnceLock<String>,
    /// Held by whoever makes one: all who waited for a reading ask at once, and only one of them shall do the work.
    making: Mutex<()>,
}

impl Body {
    /// A body whose beginning and end are always the same.
    pub fn between(beginning: &'static Segment, end: &'static Segment) -> Self {
        Self { around: Some((beginning, end)), ..Self::default() }
    }

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
        if self.rendered.get().is_none() {
            let _ = self.rendered.set(render()?);
        }
        let rendered = self.rendered.get().expect("it was just set");
        let body = match (encoding, self.around) {
            (Encoding::Identity, None) => rendered.clone().into(),
            (Encoding::Identity, Some((beginning, end))) => [beginning.text(), rendered, end.text()].concat().into(),
            (Encoding::Gzip, around) => compress(around, rendered.as_bytes())?,
        };
        Ok(made.get_or_init(|| body).clone())
    }
}

/// What stands before a gzip stream: deflate, no name, no time, an unknown system (RFC 1952 §2.3).
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Compresses what stands between two segments, with what is left over from the one before: a compressor's memory is large, and
/// clearing it anew would cost more than the work. The fastest level, because it is done again for every reading.
fn compress(around: Option<(&Segment, &Segment)>, body: &[u8]) -> anyhow::Result<Bytes> {
    thread_local! {
        static DEFLATE: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
    }
    let mut stream = Vec::with_capacity(body.len());
    stream.extend_from_slice(&GZIP_HEADER);
    let mut sum = Crc::new();
    if let Some((beginning, _)) = around {
        stream.extend_from_slice(&beginning.deflated);
        sum.combine(&beginning.checksum);
    }
    let place = if around.is_some() { Place::Beginning } else { Place::End };
    DEFLATE.with_borrow_mut(|compressor| {
        compressor.reset();
        deflate(compressor, body, &mut stream, place)
    })?;
    sum.combine(&checksum(body));
    if let Some((_, end)) = around {
        stream.extend_from_slice(&end.deflated);
        sum.combine(&end.checksum);
    }
    stream.extend_from_slice(&sum.sum().to_le_bytes());
    stream.extend_from_slice(&sum.amount().to_le_bytes());
    Ok(stream.into())
}

/// Appends whole blocks, of which the last says whether others follow.
fn deflate(compressor: &mut Compress, text: &[u8], stream: &mut Vec<u8>, place: Place) -> anyhow::Result<()> {
    // What can't be compressed takes nine bits a byte at the fastest level (RFC 1951 §3.2.6), and a little more at the end.
    stream.reserve(text.len() + text.len() / 8 + 64);
    let (flush, expected) = match place {
        Place::Beginning => (FlushCompress::Full, Status::Ok),
        Place::End => (FlushCompress::Finish, Status::StreamEnd),
    };
    let status = compressor.compress_vec(text, stream, flush)?;
    ensure!(
        status == expected && compressor.total_in() == text.len() as u64 && stream.len() < stream.capacity(),
        "a body did not fit where it was compressed to"
    );
    Ok(())
}

fn checksum(text: &[u8]) -> Crc {
    let mut checksum = Crc::new();
    checksum.update(text);
    checksum
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn decompressed(stream: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(stream).read_to_end(&mut text).unwrap();
        text
    }

    fn random(length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        getrandom::fill(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_is_compressed_is_the_same_again_whatever_came_before() {
        for body in [b"".to_vec(), b"a page".repeat(3000), random(50_000), random(7), b"a page".to_vec()] {
            assert_eq!(decompressed(&compress(None, &body).unwrap()), body);
        }
    }

    #[test]
    fn what_stands_around_is_there_in_every_encoding() {
        let segment = |text: &str, place| &*Box::leak(Box::new(Segment::new(text.repeat(100), place).unwrap()));
        let (beginning, end) = (segment("style ", Place::Beginning), segment("script ", Place::End));
        for middle in ["", "numbers", &"style script numbers ".repeat(2000)] {
            let body = Body::between(beginning, end);
            let whole = format!("{}{middle}{}", "style ".repeat(100), "script ".repeat(100));
            let get = |encoding| body.get(encoding, || Ok(middle.to_owned())).unwrap();
            assert_eq!(decompressed(&get(Encoding::Gzip)), whole.as_bytes());
            assert_eq!(get(Encoding::Identity), whole.as_bytes());
        }
    }

    #[test]
    fn a_body_is_rendered_once_and_a_failure_is_not_kept() {
        let body = Body::default();
        assert!(body.get(Encoding::Gzip, || anyhow::bail!("not today")).is_err());
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
