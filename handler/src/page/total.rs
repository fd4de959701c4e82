//! The headline numbers: today, this week, this month and all time.

use serde::Serialize;

use super::{numbers, wording::thousands};
use crate::domain::statistics::{Counts, Report};

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
pub(super) fn totals(report: &Report) -> Vec<HeadlineNumber> {
    if !report.filter.has_visitors() {
        return Vec::new();
    }
    let views = numbers::views(report);
    let total = |key, label, counts: &Counts| HeadlineNumber {
        key,
        label,
        visitors: thousands(counts.visitors.unwrap_or(counts.daily_visitors)),
        estimate: false,
        sum: counts.visitors.is_none(),
        pageviews: thousands(counts.pageviews),
        views,
    };
    let mut totals = vec![
        total("today", "Today", &report.today),
        total("this_week", "This week", &report.this_week),
        total("this_month", "This month", &report.this_month),
    ];
    totals.extend(report.all_time_visitors.map(|estimate| HeadlineNumber {
        key: "all_time",
        label: "All time",
        visitors: thousands(estimate.visitors),
        estimate: true,
        sum: false,
        pageviews: thousands(report.all_time_pageviews),
        views,
    }));
    totals
}
