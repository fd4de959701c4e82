//! The beginning of a log. A checkpoint has the length and the digest of a prefix.

use crate::{domain::SiteName, recorder::LogPrefix};

/// The beginning of a site's log.
#[derive(Clone)]
pub(super) struct Prefix {
    site: SiteName,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Prefix {
    /// The empty prefix. The digest includes the site, because the same log may be imported for several sites.
    pub(super) fn new(site: &SiteName) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(site.as_bytes()).update(b"\n");
        Self { site: site.clone(), hasher, bytes: 0 }
    }

    pub(super) fn add(&mut self, text: &[u8]) {
        self.hasher.update(text);
        self.bytes += text.len() as u64;
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn digest(&self) -> [u8; 32] {
        *self.hasher.finalize().as_bytes()
    }

    /// The checkpoint to commit.
    pub(super) fn checkpoint(&self) -> LogPrefix {
        LogPrefix { site: self.site.clone(), digest: self.digest(), bytes: self.bytes }
    }
}
