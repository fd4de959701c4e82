//! A cache of fingerprints that the database has, so that repeat visitors are not sent again.

use std::{collections::HashMap, hash::BuildHasherDefault};

use crate::domain::{Day, Fingerprint};

/// The number of fingerprints per generation; the older generation is dropped when the younger one is full. The number fills a hash
/// table to its load limit, so both generations take at most 9 MB.
const GENERATION: usize = (1 << 18) / 8 * 7;

/// A bounded cache of fingerprints with the latest committed day of each. The cache may forget fingerprints; then the database
/// decides. The cache contains only committed fingerprints.
#[derive(Default)]
pub(super) struct Seen {
    young: Generation,
    old: Generation,
}

type Generation = HashMap<Fingerprint, Day, BuildHasherDefault<FingerprintHasher>>;

impl Seen {
    /// Whether the cache has this visitor on this day.
    pub(super) fn contains(&self, fingerprint: Fingerprint, day: Day) -> bool {
        [&self.young, &self.old].into_iter().any(|generation| generation.get(&fingerprint) == Some(&day))
    }

    /// Call this only after the commit.
    pub(super) fn insert(&mut self, fingerprint: Fingerprint, day: Day) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(fingerprint, day);
    }
}

/// Uses a fingerprint as its own hash, because fingerprints are uniformly distributed.
#[derive(Default)]
pub(super) struct FingerprintHasher(u64);

impl std::hash::Hasher for FingerprintHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_i64(&mut self, number: i64) {
        self.0 = number.cast_unsigned();
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Day = Day::from_number(20_780);

    #[test]
    fn the_cache_is_bounded_and_keeps_the_latest_fingerprints() {
        let mut seen = Seen::default();
        let many = 3 * i64::try_from(GENERATION).unwrap();
        for number in 0..many {
            seen.insert(Fingerprint(number), DAY);
        }
        assert!(seen.contains(Fingerprint(many - 1), DAY));
        assert!(!seen.contains(Fingerprint(0), DAY));
        assert!(seen.young.len() + seen.old.len() <= 2 * GENERATION);
        assert!(seen.young.capacity() <= GENERATION);
    }

    #[test]
    fn a_visitor_of_yesterday_is_not_seen_today() {
        let mut seen = Seen::default();
        seen.insert(Fingerprint(1), DAY);
        assert!(!seen.contains(Fingerprint(1), DAY.plus(1)));
        seen.insert(Fingerprint(1), DAY.plus(1));
        assert!(seen.contains(Fingerprint(1), DAY.plus(1)));
    }
}
