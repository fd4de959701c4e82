//! Fingerprints: keyed hashes that stand for a visitor inside one period and mean nothing outside it.

use super::{VisitorKey, address::LimitedNetwork};
use crate::domain::dimension::Dimension;

/// The random key of a site's visitors in one period, or of all time. Without the salt, a fingerprint is meaningless.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; 32]);

/// The first 64 bits of the keyed hash, as the database stores them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub i64);

/// The set within which a visitor is unique, in one period.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// The whole site.
    Site,
    /// One value of a dimension of which a visitor can have several.
    Value(Dimension, &'a str),
}

/// The first 64 bits of BLAKE3, keyed with the period's salt, over site, scope, address and User-Agent. The length of each part in
/// bytes precedes it (32 bits, little-endian), so that different parts never make the same message.
///
/// `message` is scratch space that saves an allocation per fingerprint. The scratch space is overwritten, because it contains an address.
pub fn fingerprint(
    salt: &Salt,
    site: &str,
    scope: Scope<'_>,
    client: &VisitorKey,
    message: &mut Vec<u8>,
) -> Fingerprint {
    message.clear();
    append(message, &[site.as_bytes()]);
    match scope {
        Scope::Site => append(message, &[b""]),
        // The same text can be a value of two dimensions.
        Scope::Value(dimension, value) => append(message, &[dimension.name().as_bytes(), b"=", value.as_bytes()]),
    }
    append(message, &[client.network.octets()]);
    append(message, &[client.user_agent.as_bytes()]);
    let hash = blake3::keyed_hash(&salt.0, message);
    message.fill(0);
    first_64_bits(&hash)
}

/// The first 64 bits of BLAKE3, keyed with the key of a day, over the network. Unknown networks have the same hash.
pub fn network_fingerprint(key: &Salt, network: Option<LimitedNetwork>) -> Fingerprint {
    let hash = blake3::keyed_hash(&key.0, network.as_ref().map_or(&[], LimitedNetwork::octets));
    first_64_bits(&hash)
}

fn first_64_bits(hash: &blake3::Hash) -> Fingerprint {
    let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
    Fingerprint(i64::from_le_bytes([a, b, c, d, e, f, g, h]))
}

/// Appends the length of a part, then its pieces.
fn append(message: &mut Vec<u8>, pieces: &[&[u8]]) {
    let length = pieces.iter().map(|piece| piece.len()).sum::<usize>();
    let length = u32::try_from(length).expect("a part of a request is shorter than 4 GiB");
    message.extend_from_slice(&length.to_le_bytes());
    for piece in pieces {
        message.extend_from_slice(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identity::address::Network;

    fn client(address: &str, user_agent: &str) -> VisitorKey {
        VisitorKey::new(Network::parse_hop(address).unwrap(), user_agent)
    }

    fn page(path: &str) -> Scope<'_> {
        Scope::Value(Dimension::Page, path)
    }

    fn of(salt: u8, site: &str, scope: Scope<'_>, client: &VisitorKey) -> Fingerprint {
        fingerprint(&Salt([salt; 32]), site, scope, client, &mut Vec::new())
    }

    #[test]
    fn the_hash_is_blake3_over_length_prefixed_parts_as_the_privacy_page_says() {
        let mut message = Vec::new();
        for part in [b"example.com".as_slice(), b"pages=/a", &[203, 0, 113, 9], b"UA"] {
            message.extend_from_slice(&u32::try_from(part.len()).unwrap().to_le_bytes());
            message.extend_from_slice(part);
        }
        let hash = blake3::keyed_hash(&[7; 32], &message);
        let expected = i64::from_le_bytes(hash.as_bytes()[..8].try_into().unwrap());
        assert_eq!(of(7, "example.com", page("/a"), &client("203.0.113.9", "UA")), Fingerprint(expected));
    }

    #[test]
    fn a_change_of_any_part_changes_the_fingerprint() {
        let base = of(1, "ab", page("/c"), &client("203.0.113.9", "UA"));
        assert_eq!(base, of(1, "ab", page("/c"), &client("203.0.113.9", "UA")));
        for other in [
            of(2, "ab", page("/c"), &client("203.0.113.9", "UA")),
            of(1, "a", page("b/c"), &client("203.0.113.9", "UA")),
            of(1, "ab", Scope::Site, &client("203.0.113.9", "UA")),
            of(1, "ab", Scope::Value(Dimension::Referrer, "/c"), &client("203.0.113.9", "UA")),
            of(1, "ab", page("/c"), &client("203.0.113.8", "UA")),
            of(1, "ab", page("/c"), &client("203.0.113.9", "ua")),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn the_scratch_space_is_overwritten() {
        let mut message = Vec::new();
        fingerprint(&Salt([1; 32]), "a", Scope::Site, &client("203.0.113.9", "UA"), &mut message);
        assert!(message.iter().all(|byte| *byte == 0));
    }
}
