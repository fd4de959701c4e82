//! Fingerprints that are known to be in the database, so that repeat visitors need not be sent to it again.

use std::{collections::HashMap, hash::BuildHasherDefault};

use crate::domain::{Day, Fingerprint};

/// How many fingerprints are remembered before the older half is forgotten. A table of this size is as full as it may be, so
/// both halves take 9 MB at the most.
const GENERATION: usize = (1 << 18) / 8 * 7;

/// A bounded memory of fingerprints and the latest day on which each is known to have come. It may forget, and then the database
/// is asked again; it never says "seen" of one that has not been committed.
#[derive(Default)]
pub(super) struct Seen {
    young: Generation,
    old: Generation,
}

type Generation = HashMap<Fingerprint, Day, BuildHasherDefault<FingerprintHasher>>;

impl Seen {
    /// Whether this visitor is known to have come on this day.
    pub(super) fn contains(&self, fingerprint: Fingerprint, day: Day) -> bool {
        [&self.young, &self.old].into_iter().any(|generation| generation.get(&fingerprint) == Some(&day))
    }

    /// To be called only after the commit.
    pub(super) fn insert(&mut self, fingerprint: Fingerprint, day: Day) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(fingerprint, day);
    }
}

/// Fingerprints are uniform already: they are their own hash.
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
    fn the_latest_are_remembered_however_many_there_were_and_the_memory_stays_bounded() {
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
    fn who_came_yesterday_has_not_come_today() {
        let mut seen = Seen::default();
        seen.insert(Fingerprint(1), DAY);
        assert!(!seen.contains(Fingerprint(1), DAY.plus(1)));
        seen.insert(Fingerprint(1), DAY.plus(1));
        assert!(seen.contains(Fingerprint(1), DAY.plus(1)));
    }
}
