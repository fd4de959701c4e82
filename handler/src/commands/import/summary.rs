//! The result of an import, as text and as JSON.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::{outcome::Refusal, page_request::NotAPage};
use crate::domain::{Day, Exclusion, Month, statistics::Tally};

/// How many line numbers are listed for each kind of refused line.
const NAMED_LINES: usize = 5;

/// The result of an import.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    pub site: String,
    /// Lines that were read.
    pub lines: u64,
    /// Of these, lines that an earlier import had counted.
    pub lines_counted_before: u64,
    /// Pageviews that were counted now.
    pub pageviews: u64,
    /// Distinct visitors among them, in the whole import.
    pub visitors: u64,
    /// Requests that are not pages, by kind.
    pub not_pages: BTreeMap<&'static str, u64>,
    /// Page requests that were not counted in full, by reason.
    pub excluded: BTreeMap<&'static str, u64>,
    /// Pageviews without a visitor, because later days of the visitor were counted before.
    pub late: NamedLines,
    /// Lines that were refused, by kind.
    pub refused: BTreeMap<Refusal, NamedLines>,
    /// The first and the last day that the import counted something for, robots included.
    pub range: Option<[String; 2]>,
    /// The current numbers of the days of the import.
    pub days: Vec<SiteDay>,
    /// The current numbers of the months of the import. Empty if only days have unique visitors.
    pub months: Vec<SiteMonth>,
    /// The link to the page of the range.
    pub link: Option<String>,
}

/// The number of lines with a problem, and the first of these lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct NamedLines {
    pub lines: u64,
    /// File and line number of each.
    pub first: Vec<String>,
}

/// A day of the site.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct SiteDay {
    /// In the site's time zone.
    pub date: String,
    /// Unique visitors of the day.
    pub visitors: i64,
    /// Pageviews of the day, whether from this import or not.
    pub pageviews: i64,
}

/// A whole month of the site.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct SiteMonth {
    /// Year and month, such as `2026-11`.
    pub month: String,
    /// Unique visitors of the month.
    pub visitors: i64,
    /// Pageviews of the month, whether from this import or not.
    pub pageviews: i64,
}

impl SiteDay {
    pub(super) fn of(day: Day, tally: &Tally) -> Self {
        Self { date: day.to_string(), visitors: tally.visitors.all(), pageviews: tally.pageviews }
    }
}

impl SiteMonth {
    /// The sums of a month, from the tallies of its days.
    pub(super) fn of(month: Month, tallies: &BTreeMap<Day, Tally>) -> Self {
        let first = month.first_day();
        let mut sums = Self { month: first.date().strftime("%Y-%m").to_string(), visitors: 0, pageviews: 0 };
        for (day, tally) in tallies.range(first..=month.last_day()) {
            sums.visitors += tally.visitors.not_within(day.number() - first.number());
            sums.pageviews += tally.pageviews;
        }
        sums
    }
}

impl NamedLines {
    pub(super) fn add(&mut self, place: &str) {
        self.lines += 1;
        if self.first.len() < NAMED_LINES {
            self.first.push(place.to_owned());
        }
    }
}

impl Summary {
    pub(super) fn refuse(&mut self, refusal: Refusal, place: &str) {
        self.refused.entry(refusal).or_default().add(place);
    }

    pub(super) fn exclude(&mut self, reason: Exclusion) {
        *self.excluded.entry(reason.name()).or_default() += 1;
    }

    pub(super) fn skip(&mut self, kind: NotAPage) {
        *self.not_pages.entry(kind.name()).or_default() += 1;
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |f: &mut fmt::Formatter<'_>, label: &str, number: u64| writeln!(f, "  {label:<44}{number:>12}");
        writeln!(f, "Import into {}", self.site)?;
        row(f, "lines read", self.lines)?;
        row(f, "lines counted by an earlier import", self.lines_counted_before)?;
        row(f, "pageviews counted now", self.pageviews)?;
        row(f, "different visitors among them", self.visitors)?;
        for kind in NotAPage::ALL {
            let label = match kind {
                NotAPage::OtherMethod => "no page: method is not GET",
                NotAPage::OtherStatus => "no page: status is neither 2xx nor 304",
                NotAPage::Asset => "no page: asset by its path",
                NotAPage::Fetched => "no page: fetched by a page",
                NotAPage::OtherEntry => "no page: header or another kind of entry",
            };
            let count = self.not_pages.get(kind.name()).copied().unwrap_or_default();
            // Most formats have no such lines.
            if count > 0 || !matches!(kind, NotAPage::Fetched | NotAPage::OtherEntry) {
                row(f, label, count)?;
            }
        }
        for reason in Exclusion::ALL {
            if let Some(count) = self.excluded.get(reason.name()) {
                row(f, &format!("excluded: {}", reason.name().replace('_', " ")), *count)?;
            }
        }
        if self.late.lines > 0 {
            row(f, "pageviews too late for their visitors", self.late.lines)?;
            writeln!(f, "    first: {}", self.late.first.join(", "))?;
        }
        for (refusal, refused) in &self.refused {
            let label = match refusal {
                Refusal::Malformed => "refused: not a line of this format",
                Refusal::BadTime => "refused: before 1970 or in the future",
                Refusal::ClosedPeriod => "refused: its period or an adjacent one is closed",
            };
            row(f, label, refused.lines)?;
            writeln!(f, "    first: {}", refused.first.join(", "))?;
        }
        let table = |f: &mut fmt::Formatter<'_>, kind: &str, rows: &mut dyn Iterator<Item = (&str, i64, i64)>| {
            let mut rows = rows.peekable();
            if rows.peek().is_some() {
                writeln!(f, "\n  The {kind}s as they are now, with what had been counted before:")?;
                writeln!(f, "  {kind:<20}{:>18}{:>18}", "unique visitors", "pageviews")?;
            }
            rows.try_for_each(|(name, visitors, pageviews)| writeln!(f, "  {name:<20}{visitors:>18}{pageviews:>18}"))
        };
        table(f, "day", &mut self.days.iter().map(|day| (&*day.date, day.visitors, day.pageviews)))?;
        table(f, "month", &mut self.months.iter().map(|month| (&*month.month, month.visitors, month.pageviews)))?;
        if let Some(link) = &self.link {
            writeln!(f, "\n  The page shows them, and robots by name: {link}&lists=robots#lists")?;
        }
        Ok(())
    }
}
