//! Links to ranges, to the previous and next period, and to the steps of their charts.

use serde::Serialize;

use super::{filter::HOURLY_DAYS, numbers::Charted};
use crate::{
    domain::{
        calendar::Day,
        statistics::{Range, Report, Step},
    },
    texts::Texts,
};

/// A link to a range, or to a step of its chart.
#[derive(Serialize)]
pub(super) struct RangeLink {
    query: String,
    label: String,
    /// The key that opens the link.
    shortcut: Option<&'static str>,
    current: bool,
}

/// Ranges that can be chosen with one click, the keys of their texts, and the keys that Plausible has for them.
const RANGES: [(Range, &str, Option<&str>); 11] = [
    (Range::Today, "ranges.today", Some("D")),
    (Range::Yesterday, "ranges.yesterday", Some("E")),
    (Range::Days(7), "ranges.days", Some("W")),
    (Range::Days(30), "ranges.days", Some("T")),
    (Range::Week, "ranges.week", None),
    (Range::LastWeek, "ranges.last_week", None),
    (Range::Month, "ranges.month", Some("M")),
    (Range::LastMonth, "ranges.last_month", Some("P")),
    (Range::Year, "ranges.year", Some("Y")),
    (Range::Months(12), "ranges.months", Some("L")),
    (Range::All(None), "ranges.all", Some("A")),
];

/// Links to the ranges that can be chosen with one click. A range that begins before the first stored day would be cut.
pub(super) fn ranges(texts: &Texts, report: &Report, suffix: &str) -> Vec<RangeLink> {
    let link = |(range, key, shortcut): (Range, &'static str, Option<&'static str>)| RangeLink {
        query: query(range, report.last) + suffix,
        label: match range {
            Range::Days(count) | Range::Months(count) => texts.counted(key, count.into()),
            _ => texts.of(key).to_owned(),
        },
        shortcut,
        current: range == report.range,
    };
    let is_stored = |(range, ..): &(Range, &str, Option<&str>)| {
        let begins_later = |kept: Day| range.days(report.day()).0 >= kept;
        *range == report.range || matches!(range, Range::All(_)) || report.first_kept.is_none_or(begins_later)
    };
    RANGES.into_iter().filter(is_stored).map(link).collect()
}

/// A range as a query. Ranges with a name have no date in the query, so that the link stays current.
pub(super) fn query(range: Range, today: Day) -> String {
    range.word().map_or_else(
        || {
            let (first, last) = range.days(today);
            between(first, last)
        },
        |word| format!("period={word}"),
    )
}

/// Days as a query.
pub(super) fn between(first: Day, last: Day) -> String {
    format!("from={first}&to={last}")
}

/// The previous and the next range, of as many days or whole months. A current week or month counts as whole.
pub(super) fn neighbours(range: Range, first: Day, last: Day) -> ((Day, Day), (Day, Day)) {
    let (begin, end) = (first.month(), last.month());
    let ends = last == end.last_day() || matches!(range, Range::Month | Range::Months(_));
    if first == begin.first_day() && ends {
        let mut months = 1;
        while begin.plus(months) <= end {
            months += 1;
        }
        let shifted = |by| (begin.plus(by).first_day(), end.plus(by).last_day());
        return (shifted(-months), shifted(months));
    }
    let last = if range == Range::Week { first.plus(6) } else { last };
    let days = last.number() - first.number() + 1;
    let shifted = |by| (first.plus(by), last.plus(by));
    (shifted(-days), shifted(days))
}

/// The choice of a chart's numbers, in a query.
pub(super) const fn chart(charted: Charted) -> &'static str {
    match charted {
        Charted::Visitors => "",
        Charted::Pageviews => "&chart=pageviews",
    }
}

/// Links to the chart's steps that suit a range. The link to the default step does not name it.
pub(super) fn steps(texts: &Texts, report: &Report, range_query: &str, suffix: &str) -> Vec<RangeLink> {
    let days = days(report);
    let suits = |step: &Step| match step {
        Step::Hour => days <= HOURLY_DAYS && report.filter.step(Step::Hour) == Step::Hour,
        Step::Day => (2..=400).contains(&days),
        Step::Week => days > 7,
        Step::Month => days > 31,
    };
    let link = |step: Step| RangeLink {
        query: with_step(range_query, step, report) + suffix,
        label: texts.of(&format!("chart.{}.name", step.name())).to_owned(),
        shortcut: None,
        current: step == report.step,
    };
    let suiting: Vec<Step> = Step::ALL.into_iter().filter(suits).collect();
    if suiting.len() < 2 { Vec::new() } else { suiting.into_iter().map(link).collect() }
}

/// A range and a step of its chart as a query. The default step is not named.
pub(super) fn with_step(range_query: &str, step: Step, report: &Report) -> String {
    if step == report.filter.step(Step::suiting(days(report))) {
        range_query.to_owned()
    } else {
        format!("{range_query}&by={}", step.name())
    }
}

fn days(report: &Report) -> i32 {
    report.last.number() - report.first.number() + 1
}
