//! Totals imported from other counters, summed over a range and over each step of its chart.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};

use super::{query::PlannedPoint, visitors::ImportedDay};
use crate::domain::calendar::Day;

/// The totals of a range from one other counter, by its own definition of a visitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedSum {
    /// The other counter, such as `plausible`.
    pub source: String,
    pub pageviews: i64,
    /// Daily visitors, added up: a visitor on two days counts twice.
    pub daily_visitors: i64,
    /// The totals by step of the chart, oldest first. Hours and steps without imported days are missing.
    pub series: Vec<ImportedPoint>,
}

/// The totals of one step of the chart from another counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportedPoint {
    /// The time at which the step begins.
    pub start: Timestamp,
    /// Daily visitors, added up.
    pub daily_visitors: i64,
    pub pageviews: i64,
}

/// Adds up imported days by source, ordered by the name of the source.
pub(super) fn sums(days: Vec<ImportedDay>, slots: &[PlannedPoint], zone: &TimeZone) -> Vec<ImportedSum> {
    let mut by_source: BTreeMap<String, BTreeMap<Day, ImportedDay>> = BTreeMap::new();
    for day in days {
        by_source.entry(day.source.clone()).or_default().insert(day.day, day);
    }
    let sum = |(source, days): (String, BTreeMap<Day, ImportedDay>)| {
        let point = |slot: &PlannedPoint| {
            let PlannedPoint::Days(first, last) = *slot else { return None };
            let mut days = days.range(first..=last).map(|(_, day)| day).peekable();
            days.peek()?;
            let (pageviews, daily_visitors) = add(days);
            Some(ImportedPoint { start: first.start(zone), daily_visitors, pageviews })
        };
        let series = slots.iter().filter_map(point).collect();
        let (pageviews, daily_visitors) = add(days.values());
        ImportedSum { source, pageviews, daily_visitors, series }
    };
    by_source.into_iter().map(sum).collect()
}

/// Pageviews and visitors of some days.
fn add<'d>(days: impl Iterator<Item = &'d ImportedDay>) -> (i64, i64) {
    days.fold((0, 0), |(pageviews, visitors), day| (pageviews + day.pageviews, visitors + day.visitors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imported_days_are_added_up_by_source_and_step() {
        let day = |number| Day::from_number(20_000 + number);
        let imported = |source: &str, number, visitors| ImportedDay {
            source: source.to_owned(),
            day: day(number),
            pageviews: 2 * visitors,
            visitors,
        };
        let days = vec![imported("umami", 1, 5), imported("plausible", 0, 1), imported("umami", 0, 3)];
        let slots =
            [PlannedPoint::Hour(day(0), 3), PlannedPoint::Days(day(0), day(0)), PlannedPoint::Days(day(1), day(7))];
        let sums = sums(days, &slots, &TimeZone::UTC);
        let point = |number, daily_visitors| ImportedPoint {
            start: day(number).start(&TimeZone::UTC),
            daily_visitors,
            pageviews: 2 * daily_visitors,
        };
        let sum = |source: &str, daily_visitors, series| ImportedSum {
            source: source.to_owned(),
            pageviews: 2 * daily_visitors,
            daily_visitors,
            series,
        };
        assert_eq!(sums, [sum("plausible", 1, vec![point(0, 1)]), sum("umami", 8, vec![point(0, 3), point(1, 5)])]);
    }
}
