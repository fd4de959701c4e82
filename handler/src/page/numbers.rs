//! The numbers of a range, each with its change from the previous period.

use std::str::FromStr;

use serde::Serialize;

use super::wording::{self, one_decimal, thousands};
use crate::domain::statistics::{Counts, Previous, Report};

/// The numbers that a chart draws.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charted {
    /// Unique visitors.
    #[default]
    Visitors,
    /// Views; for other values than pages, their events or requests.
    Pageviews,
}

impl FromStr for Charted {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "visitors" => Ok(Self::Visitors),
            "pageviews" => Ok(Self::Pageviews),
            _ => Err("'chart' must be visitors or pageviews"),
        }
    }
}

/// One number.
#[derive(Serialize)]
pub(super) struct Number {
    /// The name in the JSON response; the script finds the number by it.
    key: &'static str,
    label: &'static str,
    value: String,
    /// The change; missing if the previous period has no such number or it is zero.
    change: Option<Change>,
    /// The number of the previous period.
    before: Option<String>,
    /// Whether the chart draws the number.
    drawn: bool,
    /// The query of the page whose chart draws the number, if there is a choice.
    chart: Option<String>,
}

impl Number {
    fn charted(&self) -> Option<Charted> {
        match self.key {
            "visitors" | "daily_visitors" => Some(Charted::Visitors),
            "pageviews" => Some(Charted::Pageviews),
            _ => None,
        }
    }

    /// Marks the number that the chart draws, and links the others that it can draw.
    fn with_chart(self, charted: Charted, query: impl Fn(Charted) -> Option<String>) -> Self {
        let of = self.charted();
        Self { drawn: of == Some(charted), chart: of.and_then(query), ..self }
    }
}

/// The change of a number since the previous period.
#[derive(Serialize)]
struct Change {
    /// In whole percent, such as `+12 %`.
    percent: String,
    /// `up`, `down` or `same`: the class of its colour and arrow.
    direction: &'static str,
}

/// The numbers of the range. If its unique visitors are unknown, the sum of daily visitors replaces them. The numbers of one value have
/// no pageviews if these would not be those of its visitors, and no visitors if the value has none. The chart draws one of the
/// numbers; `query` is that of the page whose chart draws another one.
pub(super) fn numbers(report: &Report, charted: Charted, query: impl Fn(Charted) -> Option<String>) -> Vec<Number> {
    let now = &report.counts;
    let before = report.previous.as_ref().map(|previous| &previous.counts);
    let count = |key, label, of: fn(&Counts) -> Option<i64>| number(key, label, of(now), before.and_then(of));
    let views = views(report);
    let pageviews = || {
        let number = count("pageviews", views, |counts| Some(counts.pageviews));
        number.filter(|_| !views.is_empty())
    };
    let shown = if now.visitors.is_some() {
        vec![
            count("visitors", "Unique visitors", |counts| counts.visitors),
            count("new_visitors", "New", |counts| counts.new_visitors),
            count("returning_visitors", "Returning", Counts::returning_visitors),
            pageviews(),
            views_per_visitor(now, before).filter(|_| views == WHOLE_SITE_VIEWS),
        ]
    } else {
        vec![
            pageviews(),
            count("daily_visitors", "Sum of daily visitors", |counts| Some(counts.daily_visitors))
                .filter(|_| report.filter.has_visitors()),
        ]
    };
    shown.into_iter().flatten().map(|number| number.with_chart(charted, &query)).collect()
}

/// The name of the report's pageviews; empty if the report has none that belong to its visitors.
pub(super) fn views(report: &Report) -> &'static str {
    match report.filter.condition() {
        Some(condition) => condition.dimension.views(),
        // Cells count visitors only.
        None if report.filter.combines() => "",
        None => WHOLE_SITE_VIEWS,
    }
}

/// The name of the pageviews of a site.
const WHOLE_SITE_VIEWS: &str = "Pageviews";

fn number(key: &'static str, label: &'static str, now: Option<i64>, before: Option<i64>) -> Option<Number> {
    let now = now?;
    let before = before.filter(|before| *before > 0);
    Some(Number {
        key,
        label,
        value: thousands(now),
        change: before.map(|before| change(now as f64, before as f64)),
        before: before.map(thousands),
        drawn: false,
        chart: None,
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
        drawn: false,
        chart: None,
    })
}

fn change(now: f64, before: f64) -> Change {
    #[allow(clippy::cast_possible_truncation, reason = "rounded, and a share of a count")]
    let percent = ((now - before) * 100.0 / before).round() as i64;
    let (sign, direction) = match percent {
        1.. => ('+', "up"),
        0 => ('±', "same"),
        _ => ('−', "down"),
    };
    Change { percent: format!("{sign}{} %", thousands(percent.saturating_abs())), direction }
}

/// The change of a number in whole percent.
pub(super) fn percent(now: f64, before: f64) -> String {
    change(now, before).percent
}

/// The first number in a few words, for the title of the tab.
pub(super) fn in_title(numbers: &[Number]) -> Option<String> {
    numbers.first().map(|number| format!("{} {}", number.value, wording::in_sentence(number.label)))
}

/// The sentence that names the previous period, or the day since which visits are counted.
pub(super) fn compared(report: &Report) -> Option<String> {
    if let Some(began) = report.counting_began {
        return Some(format!("Counting began on {}, so there is no comparison.", wording::date(began.date())));
    }
    let Previous { first, last, until, counts, .. } = report.previous.as_ref()?;
    if counts.pageviews == 0 {
        return None;
    }
    let days = wording::days(first.date(), last.date());
    // The hours of one value are not counted.
    if !report.filter.is_empty() && report.last == report.day() {
        return Some(format!("Compared with {days}, with the whole last day."));
    }
    Some(match until {
        Some(until) => format!("Compared with {days}, until {}.", report.zone.to_datetime(*until).strftime("%H:%M")),
        None => format!("Compared with {days}."),
    })
}

#[cfg(test)]
mod tests {
    use super::change;

    #[test]
    fn a_change_has_a_sign_and_a_direction() {
        for (now, before, text, direction) in [
            (112.0, 100.0, "+12 %", "up"),
            (95.0, 100.0, "−5 %", "down"),
            (100.0, 100.0, "±0 %", "same"),
            (0.0, 3.0, "−100 %", "down"),
            (2_000.0, 1.0, "+199,900 %", "up"),
        ] {
            let change = change(now, before);
            assert_eq!((&*change.percent, change.direction), (text, direction));
        }
    }
}
