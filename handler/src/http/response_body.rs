//! Bodies of answers: rendered once for all who ask the same, and compressed once for all who take it so. It knows no HTTP and not
//! what it compresses.

use std::{
    cell::RefCell,
    sync::{Mutex, OnceLock, PoisonError},
};

use anyhow::ensure;
use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// How a body is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// As it is.
    Identity,
    /// Compressed (RFC 1952).
    Gzip,
}

/// A body in the encodings in which it was asked for.
#[derive(Default)]
pub(super) struct Body {
    identity: OnceLock<Bytes>,
    gzip: OnceLock<Bytes>,
    rendered: OnceLock<String>,
    /// Held by whoever makes one: all who waited for a reading ask at once, and only one of them shall do the work.
    making: Mutex<()>,
}

impl Body {
    /// The body: rendered and compressed by whoever asks first, and shared.
    ///
    /// # Errors
    /// What `render` fails with; then the next one tries again.
    pub(super) fn get(
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
        // Whoever panicked in here made nothing.
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(body) = made.get() {
            return Ok(body.clone());
        }
        if self.rendered.get().is_none() {
            let _ = self.rendered.set(render()?);
        }
        let rendered = self.rendered.get().expect("it was just set");
        let body = match encoding {
            Encoding::Identity => rendered.clone().into(),
            Encoding::Gzip => compress(rendered.as_bytes())?,
        };
        Ok(made.get_or_init(|| body).clone())
    }
}

/// What stands before a gzip stream: deflate, no name, no time, an unknown system (RFC 1952 §2.3).
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Compresses a body, with what is left over from the one before: a compressor's memory is large, and clearing it anew would cost
/// more than the work. The fastest level, because it is done again for every reading.
fn compress(body: &[u8]) -> anyhow::Result<Bytes> {
    thread_local! {
        static DEFLATE: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
    }
    // What can't be compressed takes nine bits a byte at the fastest level (RFC 1951 §3.2.6), and a little more at the end.
    let mut stream = Vec::with_capacity(body.len() + body.len() / 8 + 64);
    stream.extend_from_slice(&GZIP_HEADER);
    DEFLATE.with_borrow_mut(|compressor| {
        compressor.reset();
        let status = compressor.compress_vec(body, &mut stream, FlushCompress::Finish)?;
        ensure!(status == Status::StreamEnd, "a body did not fit where it was compressed to");
        anyhow::Ok(())
    })?;
    let mut checksum = Crc::new();
    checksum.update(body);
    stream.extend_from_slice(&checksum.sum().to_le_bytes());
    stream.extend_from_slice(&checksum.amount().to_le_bytes());
    Ok(stream.into())
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
    fn a_compressed_body_decompresses_to_itself_after_any_previous_body() {
        for body in [b"".to_vec(), b"a page".repeat(3000), random(50_000), random(7), b"a page".to_vec()] {
            assert_eq!(decompressed(&compress(&body).unwrap()), body);
        }
    }

    #[test]
    fn a_body_is_rendered_once_and_again_after_a_failure() {
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
