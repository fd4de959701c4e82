//! The numbers of a range, each with its change from the previous period.

use std::str::FromStr;

use serde::Serialize;

use super::wording::{self, one_decimal};
use crate::{
    domain::{
        Dimension, Uniqueness,
        statistics::{Counts, FEWEST_WHOLE_DAYS_BEFORE, Previous, Report},
    },
    texts::{Text, Texts},
};

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
    type Err = Text;

    fn from_str(word: &str) -> Result<Self, Text> {
        match word {
            "visitors" => Ok(Self::Visitors),
            "pageviews" => Ok(Self::Pageviews),
            _ => Err(Text::new("errors.chart")),
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
    /// The share of all visitors, if it says more than the number.
    share: Option<String>,
    /// The change; missing if the previous period has no such number or it is zero.
    change: Option<Change>,
    /// The number of the previous period in words.
    before: Option<String>,
    /// The number in a few words, for the title of the tab.
    #[serde(skip)]
    titled: String,
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
pub(super) fn numbers(
    texts: &'static Texts,
    report: &Report,
    charted: Charted,
    query: impl Fn(Charted) -> Option<String>,
) -> Vec<Number> {
    let now = &report.counts;
    let before = report.previous.as_ref().map(|previous| &previous.counts);
    let count = |key, of: fn(&Counts) -> Option<i64>| number(texts, key, of(now), before.and_then(of));
    let views = views(report);
    let pageviews = || {
        let number = count("pageviews", |counts| Some(counts.pageviews)).filter(|_| !views.is_empty());
        number.map(|number| Number {
            // Other kinds have a name of their own.
            label: if views == PAGEVIEWS { number.label } else { wording::views(texts, views) },
            titled: texts.counted(&format!("titles.{views}"), now.pageviews),
            ..number
        })
    };
    let share = now.visitors.filter(|visitors| *visitors > 0).zip(now.returning_visitors());
    let share = share.map(|(visitors, returning)| wording::share(texts, returning, visitors));
    let shown = if now.visitors.is_some() {
        vec![
            count("visitors", |counts| counts.visitors),
            count("new_visitors", |counts| counts.new_visitors),
            count("returning_visitors", Counts::returning_visitors).map(|number| Number { share, ..number }),
            pageviews(),
            views_per_visitor(texts, now, before).filter(|_| views == PAGEVIEWS && has_all_views(report)),
        ]
    } else {
        vec![
            pageviews(),
            count("daily_visitors", |counts| Some(counts.daily_visitors)).filter(|_| report.filter.has_visitors()),
        ]
    };
    shown.into_iter().flatten().map(|number| number.with_chart(charted, &query)).collect()
}

/// The kind of the report's pageviews, see [`Dimension::views`](crate::domain::Dimension::views); empty if the report has none that
/// belong to its visitors.
pub(super) fn views(report: &Report) -> &'static str {
    match report.filter.condition() {
        Some(condition) => condition.dimension.views(),
        // Cells count visitors only.
        None if report.filter.combines() => "",
        None => PAGEVIEWS,
    }
}

/// Whether the pageviews are all those of the visitors. Of a referrer or a campaign, only the first views are counted.
fn has_all_views(report: &Report) -> bool {
    let has_all =
        |dimension: Dimension| dimension == Dimension::Page || dimension.uniqueness() == Uniqueness::OncePerDay;
    report.filter.condition().is_none_or(|condition| has_all(condition.dimension))
}

/// The kind of pageviews that a site has.
const PAGEVIEWS: &str = "pageviews";

fn number(texts: &'static Texts, key: &'static str, now: Option<i64>, before: Option<i64>) -> Option<Number> {
    let now = now?;
    let before = before.filter(|before| *before > 0);
    let titled = match key {
        "visitors" | "daily_visitors" => texts.counted(&format!("titles.{key}"), now),
        _ => String::new(),
    };
    let number = Number::plain(texts, key, texts.number(now));
    let before = before.map(|before| (change(texts, now as f64, before as f64), texts.number(before)));
    Some(Number { titled, ..number.compared(texts, before) })
}

fn views_per_visitor(texts: &'static Texts, now: &Counts, before: Option<&Counts>) -> Option<Number> {
    let ratio = |counts: &Counts| {
        let visitors = counts.visitors.filter(|visitors| *visitors > 0)?;
        // As it is shown, so that equal numbers have no change.
        Some((counts.pageviews as f64 / visitors as f64 * 10.0).round() / 10.0)
    };
    let value = ratio(now)?;
    let before = before.and_then(ratio).filter(|before| *before > 0.0);
    let number = Number::plain(texts, "views_per_visitor", one_decimal(texts, value));
    Some(number.compared(texts, before.map(|before| (change(texts, value, before), one_decimal(texts, before)))))
}

impl Number {
    fn plain(texts: &'static Texts, key: &'static str, value: String) -> Self {
        let label = texts.of(&format!("numbers_of_range.{key}"));
        let titled = String::new();
        Self { key, label, value, share: None, change: None, before: None, titled, drawn: false, chart: None }
    }

    /// The number with its change and the number of the previous period.
    fn compared(self, texts: &Texts, before: Option<(Change, String)>) -> Self {
        let Some((change, before)) = before else { return self };
        let before = texts.filled("numbers_of_range.before", &[("number", &before)]);
        Self { change: Some(change), before: Some(before), ..self }
    }
}

fn change(texts: &Texts, now: f64, before: f64) -> Change {
    #[allow(clippy::cast_possible_truncation, reason = "rounded, and a share of a count")]
    let percent = ((now - before) * 100.0 / before).round() as i64;
    let (sign, direction) = match percent {
        1.. => ('+', "up"),
        0 => ('±', "same"),
        _ => ('−', "down"),
    };
    Change { percent: format!("{sign}{}", texts.percent(percent.saturating_abs())), direction }
}

/// The change of a number in whole percent.
pub(super) fn percent(texts: &Texts, now: f64, before: f64) -> String {
    change(texts, now, before).percent
}

/// The first number in a few words, for the title of the tab.
pub(super) fn in_title(numbers: &[Number]) -> Option<&str> {
    numbers.first().map(|number| &*number.titled)
}

/// The sentence that names the previous period, or the day since which visits are counted.
pub(super) fn compared(texts: &Texts, report: &Report) -> Option<String> {
    if let Some(began) = report.counting_began {
        let date = texts.date("dates.date", began.date());
        return Some(texts.filled("numbers_of_range.began", &[("date", &date)]));
    }
    let days = report.last.number() - report.first.number() + 1;
    let is_unfinished = !report.filter.is_empty() && report.last == report.day();
    if report.previous.is_none() && is_unfinished && days < FEWEST_WHOLE_DAYS_BEFORE {
        return Some(texts.counted("numbers_of_range.not_compared", FEWEST_WHOLE_DAYS_BEFORE.into()));
    }
    let Previous { first, last, until, counts, .. } = report.previous.as_ref()?;
    if counts.pageviews == 0 {
        return None;
    }
    let days = wording::days(texts, first.date(), last.date());
    // The hours of one value are not counted.
    if is_unfinished {
        return Some(texts.filled("numbers_of_range.compared_whole_day", &[("days", &days)]));
    }
    Some(match until {
        Some(until) => {
            let time = texts.date("dates.time", report.zone.to_datetime(*until));
            texts.filled("numbers_of_range.compared_until", &[("days", &days), ("time", &time)])
        }
        None => texts.filled("numbers_of_range.compared", &[("days", &days)]),
    })
}

#[cfg(test)]
mod tests {
    use super::change;
    use crate::texts::english;

    #[test]
    fn a_change_has_a_sign_and_a_direction() {
        for (now, before, text, direction) in [
            (112.0, 100.0, "+12 %", "up"),
            (95.0, 100.0, "−5 %", "down"),
            (100.0, 100.0, "±0 %", "same"),
            (0.0, 3.0, "−100 %", "down"),
            (2_000.0, 1.0, "+199,900 %", "up"),
        ] {
            let change = change(english(), now, before);
            assert_eq!((&*change.percent, change.direction), (text, direction));
        }
    }
}
