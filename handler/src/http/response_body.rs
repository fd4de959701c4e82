//! Response bodies, rendered once per reading and compressed once per encoding. Independent of HTTP and of the content.

use std::{
    io::{self, Write},
    sync::{Mutex, OnceLock, PoisonError},
};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

/// The encoding of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContentEncoding {
    /// Not compressed.
    Identity,
    /// RFC 1952.
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
    lasting: bool,
}

impl Body {
    /// A body that never changes, so it is compressed well.
    pub(super) fn lasting() -> Self {
        Self { lasting: true, ..Self::default() }
    }

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
        // After a panic in here, the body is still missing.
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
            ContentEncoding::Gzip => {
                // Each reading is compressed anew, so speed matters more than size.
                compress(rendered.as_bytes(), if self.lasting { Compression::best() } else { Compression::fast() })?
            }
        };
        Ok(made.get_or_init(|| body).clone())
    }
}

fn compress(body: &[u8], level: Compression) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(body)?;
    Ok(encoder.finish()?.into())
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

    #[test]
    fn a_compressed_body_decompresses_to_the_same_bytes() {
        let mut incompressible = vec![0; 50_000];
        getrandom::fill(&mut incompressible).unwrap();
        for body in [b"".to_vec(), b"a page".repeat(3000), incompressible] {
            for level in [Compression::fast(), Compression::best()] {
                assert_eq!(decompressed(&compress(&body, level).unwrap()), body);
            }
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
