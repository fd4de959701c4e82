//! Fingerprints: keyed hashes that stand for a visitor inside one period and mean nothing outside it.

use super::{Client, Kind, Period};

/// The random key of one period (or, for all time, of one site). Without it a fingerprint tells nothing; it is deleted
/// when its period has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; 32]);

/// The first 64 bits of the keyed hash, as the database stores them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub i64);

/// What a visitor is unique within, inside one period.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// The whole site.
    Site,
    /// One page, by its path.
    Page(&'a str),
    /// One hour of a day, for the chart: it lives in the day's set, under the day's salt.
    Hour(Period),
}

/// fingerprint = first 64 bits of BLAKE3, keyed with the period's salt, over site, scope, address and User-Agent, each
/// preceded by its length in bytes (32 bits, little-endian), so that no two tuples make the same message.
///
/// `message` is scratch space: it spares an allocation for each of the seven fingerprints of a visit, and is cleared at
/// the end, because it held an address.
pub fn fingerprint(salt: &Salt, site: &str, scope: Scope<'_>, client: &Client, message: &mut Vec<u8>) -> Fingerprint {
    message.clear();
    append(message, site.as_bytes());
    match scope {
        Scope::Site => append(message, b""),
        Scope::Page(path) => append(message, path.as_bytes()),
        // The last of these four bytes is 23 or 24, a control character, which no page's path holds.
        Scope::Hour(hour) => {
            debug_assert_eq!(hour.kind(), Kind::Hour);
            append(message, &hour.bucket().to_le_bytes());
        }
    }
    append(message, client.network.octets());
    append(message, client.user_agent.as_bytes());
    let hash = blake3::keyed_hash(&salt.0, message);
    message.fill(0);
    let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
    Fingerprint(i64::from_le_bytes([a, b, c, d, e, f, g, h]))
}

fn append(message: &mut Vec<u8>, part: &[u8]) {
    let length = u32::try_from(part.len()).expect("a part of a request is shorter than 4 GiB");
    message.extend_from_slice(&length.to_le_bytes());
    message.extend_from_slice(part);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::visitor::Network;

    fn client(address: &str, user_agent: &str) -> Client {
        Client { network: Network::parse_hop(address).unwrap(), user_agent: user_agent.to_owned() }
    }

    fn of(salt: u8, site: &str, scope: Scope<'_>, client: &Client) -> Fingerprint {
        fingerprint(&Salt([salt; 32]), site, scope, client, &mut Vec::new())
    }

    #[test]
    fn the_hash_is_blake3_over_length_prefixed_parts_as_the_privacy_page_says() {
        let mut message = Vec::new();
        for part in [b"example.com".as_slice(), b"/a", &[203, 0, 113, 9], b"UA"] {
            message.extend_from_slice(&u32::try_from(part.len()).unwrap().to_le_bytes());
            message.extend_from_slice(part);
        }
        let hash = blake3::keyed_hash(&[7; 32], &message);
        let expected = i64::from_le_bytes(hash.as_bytes()[..8].try_into().unwrap());
        assert_eq!(of(7, "example.com", Scope::Page("/a"), &client("203.0.113.9", "UA")), Fingerprint(expected));
    }

    #[test]
    fn every_part_matters_and_moving_a_byte_between_parts_does_too() {
        let base = of(1, "ab", Scope::Page("/c"), &client("203.0.113.9", "UA"));
        assert_eq!(base, of(1, "ab", Scope::Page("/c"), &client("203.0.113.9", "UA")));
        for other in [
            of(2, "ab", Scope::Page("/c"), &client("203.0.113.9", "UA")),
            of(1, "a", Scope::Page("b/c"), &client("203.0.113.9", "UA")),
            of(1, "ab", Scope::Site, &client("203.0.113.9", "UA")),
            of(1, "ab", Scope::Page("/c"), &client("203.0.113.8", "UA")),
            of(1, "ab", Scope::Page("/c"), &client("203.0.113.9", "ua")),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn the_scratch_space_keeps_nothing() {
        let mut message = Vec::new();
        fingerprint(&Salt([1; 32]), "a", Scope::Site, &client("203.0.113.9", "UA"), &mut message);
        assert!(message.iter().all(|byte| *byte == 0));
    }
}
