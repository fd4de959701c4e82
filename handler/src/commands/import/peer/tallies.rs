//! Sums by day, dimension and value, as they are collected from an export.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{Moved, Peer};
use crate::{
    commands::import::NamedLines,
    domain::{
        Day, Dimension, SiteName, TallyKey, dimension::OTHER, dimension::VALUES_A_DAY,
        dimension::value::MAXIMUM_PATH_BYTES, dimension::value::page_path,
    },
    store::ImportedTally,
};

/// The number that stands for the site as a whole in place of a dimension's.
const TOTAL: i16 = TallyKey::Total.number();

/// The number of the events in place of a dimension's: they are kept as what they are, and no list shows them.
const EVENT: i16 = Dimension::Event as i16;

/// What is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The site as a whole.
    Total,
    /// A value of a dimension.
    Of(Dimension),
    /// An event.
    Event,
}

#[derive(Default)]
struct Sum {
    pageviews: i64,
    /// Visitors that the export has as a number.
    visitors: i64,
    /// Visitors that it names by their sessions, which are forgotten with the import.
    sessions: HashSet<u64>,
}

/// What has been found in an export so far.
pub(super) struct Collected {
    zone: TimeZone,
    /// The site that it is imported for.
    pub(super) site: SiteName,
    sums: BTreeMap<(Day, i16, String), Sum>,
    hasher: std::hash::RandomState,
    rows: u64,
    bots: u64,
    passed_over: u64,
    refused: NamedLines,
}

impl Collected {
    pub(super) fn new(zone: TimeZone, site: SiteName) -> Self {
        let (sums, hasher) = (BTreeMap::new(), std::hash::RandomState::new());
        Self { zone, site, sums, hasher, rows: 0, bots: 0, passed_over: 0, refused: NamedLines::default() }
    }

    pub(super) fn has_totals(&self) -> bool {
        self.sums.keys().any(|(_, kind, _)| *kind == TOTAL)
    }

    /// A row has been read, whatever becomes of it.
    pub(super) fn row(&mut self) {
        self.rows += 1;
    }

    /// It was a robot's, by what the peer says.
    pub(super) fn bot(&mut self) {
        self.bots += 1;
    }

    /// It is neither a pageview nor an event.
    pub(super) fn pass_over(&mut self) {
        self.passed_over += 1;
    }

    /// It could not be read.
    pub(super) fn refuse(&mut self, file: &str, line: u64) {
        self.refused.add(&format!("{file}:{line}"));
    }

    /// The day of an instant, in the zone of this deployment.
    pub(super) fn day_of(&self, instant: Timestamp) -> Option<Day> {
        (instant.as_second() >= 0).then(|| Day::containing(instant, &self.zone).ok()).flatten()
    }

    /// Adds sums that an export has as numbers.
    pub(super) fn add(&mut self, day: Day, kind: Kind, value: &str, pageviews: i64, visitors: i64) {
        let sum = self.sum(day, kind, value);
        sum.pageviews = sum.pageviews.saturating_add(pageviews);
        sum.visitors = sum.visitors.saturating_add(visitors);
    }

    /// Adds a pageview or an event of a session. Without one it is a visitor if `first` says so.
    pub(super) fn add_view(&mut self, day: Day, kind: Kind, value: &str, session: &str, first: bool) {
        let key = std::hash::BuildHasher::hash_one(&self.hasher, session);
        let sum = self.sum(day, kind, value);
        sum.pageviews += 1;
        if !session.is_empty() {
            sum.sessions.insert(key);
        } else if first {
            sum.visitors += 1;
        }
    }

    fn sum(&mut self, day: Day, kind: Kind, value: &str) -> &mut Sum {
        let (number, value) = match kind {
            Kind::Total => (TOTAL, Cow::Borrowed("")),
            Kind::Event => (EVENT, clean(value)),
            Kind::Of(Dimension::Page) => (Dimension::Page as i16, Cow::Owned(page_path(value))),
            Kind::Of(dimension) => (dimension as i16, clean(value)),
        };
        self.sums.entry((day, number, value.into_owned())).or_default()
    }

    /// The rows to be stored, in the order of their days. As everywhere, so many values of a day and dimension are told apart; the rest is one.
    pub(super) fn finish(self, peer: Peer) -> (Vec<ImportedTally>, Moved) {
        let mut of_day: BTreeMap<(Day, i16), Vec<ImportedTally>> = BTreeMap::new();
        for ((day, dimension, value), sum) in self.sums {
            let sessions = i64::try_from(sum.sessions.len()).unwrap_or(i64::MAX);
            let visitors = sum.visitors.saturating_add(sessions);
            let tally = ImportedTally { dimension, day, value, pageviews: sum.pageviews, visitors };
            of_day.entry((day, dimension)).or_default().push(tally);
        }
        for tallies in of_day.values_mut() {
            fold(tallies);
        }
        let tallies: Vec<ImportedTally> = of_day.into_values().flatten().collect();
        let totals = || tallies.iter().filter(|tally| tally.dimension == TOTAL);
        let add = |number: fn(&ImportedTally) -> i64| totals().map(number).fold(0, i64::saturating_add);
        let moved = Moved {
            site: self.site.to_string(),
            source: peer.name(),
            rows: self.rows,
            bots: self.bots,
            passed_over: self.passed_over,
            refused: self.refused,
            days: totals().count(),
            from: tallies.first().map(|tally| tally.day.to_string()),
            to: tallies.last().map(|tally| tally.day.to_string()),
            pageviews: add(|tally| tally.pageviews),
            daily_visitors: add(|tally| tally.visitors),
        };
        (tallies, moved)
    }
}

/// Puts the smallest values together until no more are left than are told apart.
fn fold(tallies: &mut Vec<ImportedTally>) {
    if tallies.len() <= VALUES_A_DAY {
        return;
    }
    tallies.sort_by(|a, b| (b.pageviews, b.visitors, &a.value).cmp(&(a.pageviews, a.visitors, &b.value)));
    let rest = tallies.split_off(VALUES_A_DAY - 1);
    let place = tallies.iter().position(|tally| tally.value == OTHER).unwrap_or_else(|| {
        let ImportedTally { dimension, day, .. } = rest[0];
        tallies.push(ImportedTally { dimension, day, value: OTHER.to_owned(), pageviews: 0, visitors: 0 });
        tallies.len() - 1
    });
    for tally in rest {
        tallies[place].pageviews = tallies[place].pageviews.saturating_add(tally.pageviews);
        tallies[place].visitors = tallies[place].visitors.saturating_add(tally.visitors);
    }
}

/// A value as the database may hold it: short, and without control characters.
fn clean(value: &str) -> Cow<'_, str> {
    let value = value.trim();
    let value = &value[..value.floor_char_boundary(MAXIMUM_PATH_BYTES)];
    if value.chars().any(char::is_control) {
        Cow::Owned(value.replace(char::is_control, "\u{fffd}"))
    } else {
        value.into()
    }
}

/// A date such as `2026-11-23`, from 1970 on.
pub(super) fn date(text: &str) -> Option<Day> {
    let date: Date = text.parse().ok()?;
    Day::of_date(date).ok().filter(|day| day.number() >= 0)
}

/// A browser or system without its version: `Windows 10` is Windows.
pub(super) fn without_version(name: &str) -> &str {
    match name.trim().rsplit_once(' ') {
        Some((before, last)) if last.starts_with(|c: char| c.is_ascii_digit()) => before,
        _ => name.trim(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collected() -> Collected {
        Collected::new(TimeZone::UTC, "example.com".parse().unwrap())
    }

    #[test]
    fn a_session_is_one_visitor_of_a_day_and_value() {
        let mut collected = collected();
        let day = date("2026-11-20").unwrap();
        for (session, first) in [("a", true), ("a", false), ("b", false), ("", true), ("", false)] {
            collected.add_view(day, Kind::Total, "", session, first);
            collected.add_view(day, Kind::Of(Dimension::Page), "/x?y", session, first);
        }
        let (tallies, moved) = collected.finish(Peer::GoatCounter);
        let tally = |dimension, value: &str| ImportedTally {
            dimension,
            day,
            value: value.to_owned(),
            pageviews: 5,
            visitors: 3,
        };
        assert_eq!(tallies, [tally(0, ""), tally(1, "/x")]);
        assert_eq!((moved.pageviews, moved.daily_visitors, moved.days), (5, 3, 1));
    }

    #[test]
    fn so_many_values_are_told_apart_and_nothing_is_lost() {
        let mut collected = collected();
        let day = date("2026-11-20").unwrap();
        for number in 0..2 * VALUES_A_DAY {
            collected.add(day, Kind::Of(Dimension::Referrer), &format!("host-{number}.example"), 2, 1);
        }
        let (tallies, _) = collected.finish(Peer::Plausible);
        assert_eq!(tallies.len(), VALUES_A_DAY);
        let pageviews = i64::try_from(4 * VALUES_A_DAY).unwrap();
        assert_eq!(tallies.iter().map(|tally| tally.pageviews).sum::<i64>(), pageviews);
        assert!(tallies.iter().any(|tally| tally.value == OTHER));
    }

    #[test]
    fn values_and_dates_are_what_the_database_may_hold() {
        assert_eq!(clean(" a\u{0}b "), "a\u{fffd}b");
        assert!(clean(&"é".repeat(600)).len() <= MAXIMUM_PATH_BYTES);
        for bad in ["", "1969-12-31", "2026-02-30", "20261120x", "99999-01-01", "yesterday"] {
            assert!(date(bad).is_none(), "{bad}");
        }
        for (name, plain) in [("Windows 10", "Windows"), ("Mac OS", "Mac OS"), ("Firefox 145.0", "Firefox"), ("", "")] {
            assert_eq!(without_version(name), plain);
        }
    }
}
