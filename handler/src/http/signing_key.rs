//! The key that signs sessions and shared links.

use argon2::Argon2;

use crate::config::Secret;

/// The salt of the derivation. It is the same everywhere, because all instances must derive the same key, and nothing is
/// stored.
const SALT: &[u8] = b"footfall 2026 signing key";

/// A key that signs texts.
pub(super) struct SigningKey([u8; 32]);

impl SigningKey {
    /// Derives the key from the dashboard token, so slowly that a holder of one link can test only a few tokens a second. The
    /// parameters of Argon2id (RFC 9106) are those that OWASP recommends: 19 MiB, and some hundredths of a second.
    pub(super) fn derive(token: &Secret) -> Self {
        let mut key = [0; 32];
        Argon2::default()
            .hash_password_into(token.expose().as_bytes(), SALT, &mut key)
            .expect("the default parameters, this salt and this length are valid");
        Self(key)
    }

    /// Signs texts for a purpose. Returns hexadecimal digits, which reveal neither the key nor other signatures (BLAKE3
    /// §2.7, key derivation and keyed hash).
    pub(super) fn sign(&self, purpose: &str, texts: &[&str]) -> String {
        let key = blake3::derive_key(&format!("footfall 2026 {purpose}"), &self.0);
        let mut signature = blake3::Hasher::new_keyed(&key);
        for text in texts {
            signature.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
        signature.finalize().to_hex().to_string()
    }
}
