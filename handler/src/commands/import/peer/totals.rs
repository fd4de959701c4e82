//! Adds up the daily totals of an export.

use std::collections::{BTreeMap, HashSet};

use anyhow::bail;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::summary::Moved;
use crate::{
    commands::import::summary::NamedLines,
    domain::{Day, export::ImportedTally},
};

#[derive(Default)]
struct ExportedDay {
    pageviews: i64,
    /// Visitors that the export counts.
    visitors: i64,
    /// Hashes of sessions, for exports with one row per pageview.
    sessions: HashSet<u64>,
}

/// The daily totals of an export, and the number of rows with each outcome.
pub(super) struct Collected {
    zone: TimeZone,
    site: String,
    totals: BTreeMap<Day, ExportedDay>,
    hasher: std::hash::RandomState,
    rows: u64,
    bots: u64,
    skipped: u64,
    refused: NamedLines,
}

impl Collected {
    pub(super) fn new(zone: TimeZone, site: String) -> Self {
        let (totals, hasher) = (BTreeMap::new(), std::hash::RandomState::new());
        Self { zone, site, totals, hasher, rows: 0, bots: 0, skipped: 0, refused: NamedLines::default() }
    }

    /// Fails if there are rows and none is valid.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if self.rows > 0 && self.refused.lines == self.rows {
            bail!("none of the {} rows is valid, the first at {}", self.rows, self.refused.first[0]);
        }
        Ok(())
    }

    /// Counts a row of the export.
    pub(super) fn add_row(&mut self) {
        self.rows += 1;
    }

    /// Counts a row that the other counter attributes to a robot.
    pub(super) fn skip_bot(&mut self) {
        self.bots += 1;
    }

    /// Counts a row that is not a pageview.
    pub(super) fn skip(&mut self) {
        self.skipped += 1;
    }

    /// Counts a row that is not valid.
    pub(super) fn refuse(&mut self, file: &str, line: u64) {
        self.refused.add(&format!("{file}:{line}"));
    }

    /// The day of an instant, in the configured time zone.
    pub(super) fn day_of(&self, instant: Timestamp) -> Option<Day> {
        (instant.as_second() >= 0).then(|| Day::containing(instant, &self.zone).ok()).flatten()
    }

    /// Adds totals that the export has as numbers.
    pub(super) fn add_total(&mut self, day: Day, pageviews: i64, visitors: i64) {
        let total = self.totals.entry(day).or_default();
        total.pageviews = total.pageviews.saturating_add(pageviews);
        total.visitors = total.visitors.saturating_add(visitors);
    }

    /// Adds a visitor without a session.
    pub(super) fn add_visitor(&mut self, day: Day) {
        self.totals.entry(day).or_default().visitors += 1;
    }

    /// Adds a pageview. Each session of a day is one visitor; an empty session is none.
    pub(super) fn add_pageview(&mut self, day: Day, session: &str) {
        let key = std::hash::BuildHasher::hash_one(&self.hasher, session);
        let total = self.totals.entry(day).or_default();
        total.pageviews += 1;
        if !session.is_empty() {
            total.sessions.insert(key);
        }
    }

    /// The rows to store, ordered by day, and the summary.
    pub(super) fn finish(self, source: &'static str) -> (Vec<ImportedTally>, Moved) {
        let tally = |(day, total): (Day, ExportedDay)| {
            let sessions = i64::try_from(total.sessions.len()).unwrap_or(i64::MAX);
            let visitors = total.visitors.saturating_add(sessions);
            ImportedTally { day, pageviews: total.pageviews, visitors }
        };
        let tallies: Vec<ImportedTally> = self.totals.into_iter().map(tally).collect();
        let sum = |number: fn(&ImportedTally) -> i64| tallies.iter().map(number).fold(0, i64::saturating_add);
        let moved = Moved {
            site: self.site,
            source,
            rows: self.rows,
            bots: self.bots,
            skipped: self.skipped,
            refused: self.refused,
            days: tallies.len(),
            from: tallies.first().map(|tally| tally.day.to_string()),
            to: tallies.last().map(|tally| tally.day.to_string()),
            pageviews: sum(|tally| tally.pageviews),
            daily_visitors: sum(|tally| tally.visitors),
            link: None,
        };
        (tallies, moved)
    }
}

/// A date such as `2026-11-23`, from 1970 on.
pub(super) fn date(text: &str) -> Option<Day> {
    let date: Date = text.parse().ok()?;
    Day::of_date(date).ok().filter(|day| day.number() >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_one_visitor_per_day() {
        let mut collected = Collected::new(TimeZone::UTC, "example.com".to_owned());
        let day = date("2026-11-20").unwrap();
        for session in ["a", "a", "b", "", ""] {
            collected.add_pageview(day, session);
        }
        collected.add_visitor(day);
        let (tallies, moved) = collected.finish("goatcounter");
        let total = ImportedTally { day, pageviews: 5, visitors: 3 };
        assert_eq!(tallies, [total]);
        assert_eq!((moved.pageviews, moved.daily_visitors, moved.days), (5, 3, 1));
    }

    #[test]
    fn only_dates_from_1970_on_are_valid() {
        assert!(date("2026-11-20").is_some());
        for invalid in ["", "1969-12-31", "2026-02-30", "20261120x", "99999-01-01", "yesterday"] {
            assert!(date(invalid).is_none(), "{invalid}");
        }
    }
}
