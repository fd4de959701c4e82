//! The headline numbers: today, this week, this month and all time.

use serde::Serialize;

use super::{numbers, wording};
use crate::{
    domain::statistics::{Counts, Report},
    texts::Texts,
};

/// One of the headline numbers.
#[derive(Serialize)]
pub(super) struct HeadlineNumber {
    /// The name in the JSON response; the script finds the number by it.
    key: &'static str,
    label: &'static str,
    pub(super) visitors: String,
    /// Whether the number is an estimate.
    estimate: bool,
    /// Whether the number is a sum of days: a visitor on two days counts twice.
    pub(super) sum: bool,
    pageviews: String,
    /// The name of the pageviews; empty if there are none.
    views: &'static str,
}

/// All headline numbers. None for a value without visitors.
pub(super) fn totals(texts: &'static Texts, report: &Report) -> Vec<HeadlineNumber> {
    if !report.filter.has_visitors() {
        return Vec::new();
    }
    let views = wording::views(texts, numbers::views(report));
    let total = |key, label, counts: &Counts| HeadlineNumber {
        key,
        label,
        visitors: texts.number(counts.visitors.unwrap_or(counts.daily_visitors)),
        estimate: false,
        sum: counts.visitors.is_none(),
        pageviews: texts.number(counts.pageviews),
        views,
    };
    let mut totals = vec![
        total("today", texts.of("ranges.today"), &report.today),
        total("this_week", texts.of("ranges.week"), &report.this_week),
        total("this_month", texts.of("ranges.month"), &report.this_month),
    ];
    totals.extend(report.all_time_visitors.map(|estimate| HeadlineNumber {
        key: "all_time",
        label: texts.of("ranges.all"),
        visitors: texts.number(estimate.visitors),
        estimate: true,
        sum: false,
        pageviews: texts.number(report.all_time_pageviews),
        views,
    }));
    totals
}

/// The key of the text that says what the numbers are.
pub(super) fn note(report: &Report, totals: &[HeadlineNumber]) -> &'static str {
    match report {
        _ if totals.iter().any(|total| total.sum) => "totals.sums",
        Report { totals_lack_days: true, .. } => "numbers_of_range.lacks_days",
        _ if report.filter.combines() => "totals.without_small_groups",
        _ => "totals.exact",
    }
}
