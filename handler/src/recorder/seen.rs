//! Fingerprints that are known to be in the database, so that repeat visitors need not be sent to it again.

use std::{collections::HashSet, hash::BuildHasherDefault};

use crate::visitor::{Fingerprint, Period};

/// How many fingerprints are remembered before the older half is forgotten: about 12 MB at the most.
const GENERATION: usize = 1 << 18;

/// A bounded memory of fingerprints. It may forget, and then the database is asked again; it never says "seen" of one
/// that has not been committed.
#[derive(Default)]
pub(super) struct Seen {
    young: Generation,
    old: Generation,
}

type Generation = HashSet<(Period, Fingerprint), BuildHasherDefault<FingerprintHasher>>;

impl Seen {
    pub(super) fn contains(&self, period: Period, fingerprint: Fingerprint) -> bool {
        let key = (period, fingerprint);
        self.young.contains(&key) || self.old.contains(&key)
    }

    /// To be called only after the commit.
    pub(super) fn insert(&mut self, period: Period, fingerprint: Fingerprint) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert((period, fingerprint));
    }

    /// Forgets what belongs to periods that are not kept.
    pub(super) fn retain(&mut self, keep: impl Fn(Period) -> bool) {
        self.young.retain(|(period, _)| keep(*period));
        self.old.retain(|(period, _)| keep(*period));
    }
}

/// Fingerprints are uniform already: the last eight bytes written, which are theirs, are the hash.
#[derive(Default)]
pub(super) struct FingerprintHasher(u64);

impl std::hash::Hasher for FingerprintHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_i32(&mut self, number: i32) {
        self.0 = self.0.rotate_left(17) ^ u64::from(number.cast_unsigned());
    }

    fn write_i64(&mut self, number: i64) {
        self.0 = self.0.rotate_left(17) ^ number.cast_unsigned();
    }

    fn write_isize(&mut self, number: isize) {
        self.write_i64(number as i64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, tz::TimeZone};

    use super::*;
    use crate::visitor::Kind;

    fn period(kind: Kind) -> Period {
        Period::containing(kind, Timestamp::from_second(1_800_000_000).unwrap(), &TimeZone::UTC).unwrap()
    }

    #[test]
    fn the_latest_are_remembered_however_many_there_were_and_the_memory_stays_bounded() {
        let mut seen = Seen::default();
        let day = period(Kind::Day);
        let many = 3 * i64::try_from(GENERATION).unwrap();
        for number in 0..many {
            seen.insert(day, Fingerprint(number));
        }
        assert!(seen.contains(day, Fingerprint(many - 1)));
        assert!(!seen.contains(day, Fingerprint(0)));
        assert!(seen.young.len() + seen.old.len() <= 2 * GENERATION);
    }

    #[test]
    fn the_same_fingerprint_in_another_period_is_another() {
        let mut seen = Seen::default();
        seen.insert(period(Kind::Day), Fingerprint(1));
        assert!(!seen.contains(period(Kind::Week), Fingerprint(1)));
    }

    #[test]
    fn ended_periods_are_forgotten() {
        let mut seen = Seen::default();
        seen.insert(period(Kind::Day), Fingerprint(1));
        seen.insert(period(Kind::Week), Fingerprint(1));
        seen.retain(|period| period.kind() == Kind::Week);
        assert!(!seen.contains(period(Kind::Day), Fingerprint(1)));
        assert!(seen.contains(period(Kind::Week), Fingerprint(1)));
    }
}
