//! The form of numbers and dates on the page, and of values in links.

use handlebars::html_escape;
use jiff::civil::Date;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    domain::{Dimension, Exclusion, statistics::Range, visit::robot::RobotPurpose},
    texts::{Texts, fill_around},
};

/// The product's name, which no language translates.
pub(super) const BRAND: &str = "Footfall";

/// The title of a page with this heading.
pub(super) fn titled(heading: &str) -> String {
    format!("{heading} · {BRAND}")
}

/// A number with one decimal.
pub(super) fn one_decimal(texts: &Texts, value: f64) -> String {
    #[allow(clippy::cast_possible_truncation, reason = "rounded, and far below 2^53")]
    let tenths = (value * 10.0).round() as i64;
    texts.tenths(tenths)
}

/// A part in percent of the whole: small ones with a decimal.
pub(super) fn share(texts: &Texts, part: i64, whole: i64) -> String {
    if whole <= 0 {
        return "–".to_owned();
    }
    let permille = (part.saturating_mul(2_000) + whole) / (2 * whole);
    match permille {
        0 if part > 0 => format!("<{}", texts.permille(1)),
        1..100 => texts.permille(permille),
        _ => texts.percent((permille + 5) / 10),
    }
}

/// A text about a dimension.
pub(super) fn about(texts: &'static Texts, dimension: Dimension, part: &str) -> &'static str {
    texts.of(&format!("dimensions.{}.{part}", dimension.name()))
}

/// The meaning of an exclusion in one or two sentences.
pub(super) fn meaning(texts: &'static Texts, exclusion: Exclusion) -> &'static str {
    texts.of(&format!("exclusions.{}.meaning", exclusion.name()))
}

/// The purpose of a robot.
pub(super) fn purpose(texts: &'static Texts, purpose: RobotPurpose) -> &'static str {
    texts.of(&format!("purposes.{}", purpose.name()))
}

/// The name of pageviews of this kind, see [`Dimension::views`]; empty if there are none.
pub(super) fn views(texts: &'static Texts, kind: &str) -> &'static str {
    if kind.is_empty() { "" } else { texts.of(&format!("views.{kind}")) }
}

/// A text as HTML, with HTML in place of its placeholders.
pub(super) fn markup(text: &str, values: &[(&str, &str)]) -> String {
    fill_around(text, values, |part| html_escape(part).into())
}

/// The short form of a commit id.
pub(super) fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}

/// A text as a value in a query. Paths and host names stay readable.
pub(super) fn query_value(name: &str) -> String {
    const ESCAPED: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':').remove(b'/');
    utf8_percent_encode(name, ESCAPED).to_string()
}

/// The name of another counter.
pub(super) fn counter(source: &str) -> String {
    match source {
        "goatcounter" => "GoatCounter",
        "plausible" => "Plausible",
        "umami" => "Umami",
        other => other,
    }
    .to_owned()
}

/// The heading of a range: its usual name, such as "Last 30 days", or its dates.
pub(super) fn range_heading(texts: &Texts, range: Range, first: Date, last: Date) -> String {
    let with = |key, name, format| texts.filled(key, &[(name, &texts.date(format, first))]);
    match range {
        Range::Today => with("ranges.heading_today", "date", "dates.date_and_weekday"),
        Range::Yesterday => with("ranges.heading_yesterday", "date", "dates.date_and_weekday"),
        Range::Days(days) => texts.counted("ranges.heading_days", days.into()),
        Range::Week => with("ranges.heading_week", "date", "dates.date"),
        Range::LastWeek => with("ranges.heading_last_week", "date", "dates.date"),
        Range::Month => with("ranges.heading_month", "month", "dates.month"),
        Range::LastMonth => with("ranges.heading_last_month", "month", "dates.month"),
        Range::Months(months) => texts.counted("ranges.heading_months", months.into()),
        Range::Year => with("ranges.heading_year", "year", "dates.year"),
        Range::All(_) => texts.of("ranges.all").to_owned(),
        Range::Between(..) => days(texts, first, last),
    }
}

/// The days of a range whose heading does not name both of them.
pub(super) fn days_beside_heading(texts: &Texts, range: Range, first: Date, last: Date) -> Option<String> {
    let is_named =
        matches!(range, Range::Today | Range::Yesterday | Range::Month | Range::LastMonth | Range::Between(..));
    (!is_named).then(|| days(texts, first, last))
}

/// A range of days as text: the name of a month, or dates.
pub(super) fn days(texts: &Texts, first: Date, last: Date) -> String {
    if first == first.first_of_month() && last == first.last_of_month() {
        texts.date("dates.month", first)
    } else if first == last {
        texts.date("dates.date_and_weekday", first)
    } else {
        let [first, last] = [first, last].map(|date| texts.date("dates.date", date));
        texts.filled("ranges.from_to", &[("first", &first), ("last", &last)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::Day, texts::english};

    #[test]
    fn a_small_share_has_a_decimal() {
        for (part, whole, text) in [
            (0, 10, "0 %"),
            (1, 10_000, "<0.1 %"),
            (1, 1_000, "0.1 %"),
            (42, 1_000, "4.2 %"),
            (999, 10_000, "10 %"),
            (2, 3, "67 %"),
            (3, 3, "100 %"),
            (30, 3, "1,000 %"),
            (1, 0, "–"),
        ] {
            assert_eq!(share(english(), part, whole), text);
        }
    }

    #[test]
    fn a_range_heading_is_its_name_or_its_dates() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        let heading = |range| range_heading(english(), range, day("2026-11-22"), day("2026-11-23"));
        assert_eq!(heading(Range::Days(30)), "Last 30 days");
        assert_eq!(heading(Range::Yesterday), "Yesterday, Sunday 22 November 2026");
        let beside = |range| days_beside_heading(english(), range, day("2026-11-22"), day("2026-11-23"));
        assert_eq!(beside(Range::Days(30)).as_deref(), Some("22 November 2026 to 23 November 2026"));
        assert_eq!((beside(Range::Yesterday), beside(Range::LastMonth)), (None, None));
        assert_eq!(heading(Range::Between(Day::from_number(0), None)), "22 November 2026 to 23 November 2026");
        let one_day =
            range_heading(english(), Range::Between(Day::from_number(0), None), day("2026-11-23"), day("2026-11-23"));
        assert_eq!(one_day, "Monday 23 November 2026");
        let month =
            range_heading(english(), Range::Between(Day::from_number(0), None), day("2028-02-01"), day("2028-02-29"));
        assert_eq!(month, "February 2028");
    }
}
