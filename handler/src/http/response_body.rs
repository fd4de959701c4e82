//! Response bodies, rendered once per reading and compressed once per encoding. Independent of HTTP and of the content.

use std::{
    cell::RefCell,
    sync::{Mutex, OnceLock, PoisonError},
};

use anyhow::ensure;
use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// The encoding of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContentEncoding {
    /// Not compressed.
    Identity,
    /// Compressed (RFC 1952).
    Gzip,
}

/// A body in each encoding that was requested.
#[derive(Default)]
pub(super) struct Body {
    identity: OnceLock<Bytes>,
    gzip: OnceLock<Bytes>,
    rendered: OnceLock<String>,
    /// Requests that waited for the same reading need the body at the same time. The lock lets only one of them render
    /// it.
    making: Mutex<()>,
}

impl Body {
    /// Returns the body. The first call renders and compresses it, and later calls share it.
    ///
    /// # Errors
    /// If `render` fails. Then the next call retries.
    pub(super) fn get(
        &self,
        encoding: ContentEncoding,
        render: impl FnOnce() -> anyhow::Result<String>,
    ) -> anyhow::Result<Bytes> {
        let made = match encoding {
            ContentEncoding::Identity => &self.identity,
            ContentEncoding::Gzip => &self.gzip,
        };
        if let Some(body) = made.get() {
            return Ok(body.clone());
        }
        // A panic while the lock is held leaves no half-made body.
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(body) = made.get() {
            return Ok(body.clone());
        }
        if self.rendered.get().is_none() {
            let _ = self.rendered.set(render()?);
        }
        let rendered = self.rendered.get().expect("set above");
        let body = match encoding {
            ContentEncoding::Identity => rendered.clone().into(),
            ContentEncoding::Gzip => compress(rendered.as_bytes())?,
        };
        Ok(made.get_or_init(|| body).clone())
    }
}

/// The header of a gzip stream: deflate, no name, no time, an unknown system (RFC 1952 §2.3).
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Compresses a body. Each thread reuses its compressor, because clearing new memory costs more than compressing. The
/// level is the fastest, because every reading is compressed.
fn compress(body: &[u8]) -> anyhow::Result<Bytes> {
    thread_local! {
        static DEFLATE: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
    }
    // Incompressible bytes need nine bits each at the fastest level (RFC 1951 §3.2.6), and the end of the stream some
    // more.
    let mut stream = Vec::with_capacity(body.len() + body.len() / 8 + 64);
    stream.extend_from_slice(&GZIP_HEADER);
    DEFLATE.with_borrow_mut(|compressor| {
        compressor.reset();
        let status = compressor.compress_vec(body, &mut stream, FlushCompress::Finish)?;
        ensure!(status == Status::StreamEnd, "a compressed body is longer than its limit");
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
        assert!(body.get(ContentEncoding::Gzip, || anyhow::bail!("not today")).is_err());
        let mut rendered = 0;
        for encoding in [ContentEncoding::Gzip, ContentEncoding::Identity, ContentEncoding::Gzip] {
            body.get(encoding, || {
                rendered += 1;
                Ok("page".to_owned())
            })
            .unwrap();
        }
        assert_eq!(rendered, 1);
    }
}
