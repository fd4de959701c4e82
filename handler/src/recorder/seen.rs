//! A cache of fingerprints that the database has, so that repeat visitors are not sent again.

use super::generations::Generations;
use crate::domain::{Day, Fingerprint};

/// A bounded cache of fingerprints with the latest committed day of each. The cache may forget fingerprints; then the database
/// decides. The cache contains only committed fingerprints.
#[derive(Default)]
pub(super) struct Seen(Generations<Day>);

impl Seen {
    /// Whether the cache has this visitor on this day.
    pub(super) fn contains(&self, fingerprint: Fingerprint, day: Day) -> bool {
        self.0.get(fingerprint.0.cast_unsigned()) == Some(day)
    }

    /// Call this only after the commit.
    pub(super) fn insert(&mut self, fingerprint: Fingerprint, day: Day) {
        self.0.insert(fingerprint.0.cast_unsigned(), day);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Day = Day::from_number(20_780);

    #[test]
    fn a_visitor_of_yesterday_is_not_seen_today() {
        let mut seen = Seen::default();
        seen.insert(Fingerprint(1), DAY);
        assert!(!seen.contains(Fingerprint(1), DAY.plus(1)));
        seen.insert(Fingerprint(1), DAY.plus(1));
        assert!(seen.contains(Fingerprint(1), DAY.plus(1)));
    }
}
