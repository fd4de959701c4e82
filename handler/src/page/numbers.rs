//! The numbers of a range, each with its change against the period before.

use serde::Serialize;

use super::wording::{self, thousands};
use crate::{
    domain::Day,
    domain::statistics::{Counts, Previous, Report},
};

/// One number.
#[derive(Serialize)]
pub(super) struct Number {
    /// Its name in the JSON answer, by which the script finds it.
    key: &'static str,
    label: &'static str,
    value: String,
    /// Such as `+12 %`; missing where nothing is known of the period before, or nobody came in it.
    change: Option<String>,
    /// The number of the period before.
    before: Option<String>,
}

/// The numbers of the range. Where its visitors are not known, their sum by days stands in their place, and is called so.
pub(super) fn numbers(report: &Report) -> Vec<Number> {
    let now = &report.counts;
    let before = report.previous.as_ref().map(|previous| &previous.counts);
    let count = |key, label, of: fn(&Counts) -> Option<i64>| number(key, label, of(now), before.and_then(of));
    let shown = if now.visitors.is_some() {
        vec![
            count("visitors", "Unique visitors", |counts| counts.visitors),
            count("new_visitors", "New", |counts| counts.new_visitors),
            count("returning_visitors", "Returning", Counts::returning_visitors),
            count("pageviews", "Pageviews", |counts| Some(counts.pageviews)),
            views_per_visitor(now, before),
        ]
    } else {
        vec![
            count("pageviews", "Pageviews", |counts| Some(counts.pageviews)),
            count("daily_visitors", "Sum of daily visitors", |counts| Some(counts.daily_visitors)),
        ]
    };
    shown.into_iter().flatten().collect()
}

fn number(key: &'static str, label: &'static str, now: Option<i64>, before: Option<i64>) -> Option<Number> {
    let now = now?;
    let before = before.filter(|before| *before > 0);
    Some(Number {
        key,
        label,
        value: thousands(now),
        change: before.map(|before| change(now as f64, before as f64)),
        before: before.map(thousands),
    })
}

fn views_per_visitor(now: &Counts, before: Option<&Counts>) -> Option<Number> {
    let ratio = |counts: &Counts| {
        let visitors = counts.visitors.filter(|visitors| *visitors > 0)?;
        Some(counts.pageviews as f64 / visitors as f64)
    };
    let value = ratio(now)?;
    let before = before.and_then(ratio).filter(|before| *before > 0.0);
    Some(Number {
        key: "views_per_visitor",
        label: "Views per visitor",
        value: one_decimal(value),
        change: before.map(|before| change(value, before)),
        before: before.map(one_decimal),
    })
}

fn one_decimal(value: f64) -> String {
    #[allow(clippy::cast_possible_truncation, reason = "rounded, and far below 2^53")]
    let tenths = (value * 10.0).round() as i64;
    format!("{}.{}", thousands(tenths / 10), tenths % 10)
}

/// How much more or less, in whole percent, as the script writes it too.
fn change(now: f64, before: f64) -> String {
    #[allow(clippy::cast_possible_truncation, reason = "rounded, and a share of a count")]
    let percent = ((now - before) * 100.0 / before).round() as i64;
    let sign = match percent {
        1.. => '+',
        0 => '±',
        _ => '−',
    };
    format!("{sign}{} %", thousands(percent.saturating_abs()))
}

/// What the changes are measured against. An unfinished day against a whole one is no fair comparison: then it says so.
pub(super) fn compared(report: &Report, today: Day) -> Option<String> {
    let Previous { first, last, counts, .. } = report.previous.as_ref()?;
    if counts.pageviews == 0 {
        return None;
    }
    let days = wording::days(first.date(), last.date());
    Some(if report.last == today {
        format!("Compared with {days}. Today is not over yet.")
    } else {
        format!("Compared with {days}.")
    })
}

#[cfg(test)]
mod tests {
    use super::change;

    #[test]
    fn a_change_is_shown_in_whole_percent() {
        for (now, before, text) in [
            (112.0, 100.0, "+12 %"),
            (95.0, 100.0, "−5 %"),
            (100.0, 100.0, "±0 %"),
            (0.0, 3.0, "−100 %"),
            (2_000.0, 1.0, "+199,900 %"),
        ] {
            assert_eq!(change(now, before), text);
        }
    }
}
