//! The form of numbers and dates on the page, and of values in links.

use jiff::civil::Date;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::domain::statistics::Range;

/// A count with a comma between thousands, in the same format as the script's `toLocaleString("en")`.
pub(super) fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with one decimal.
pub(super) fn one_decimal(value: f64) -> String {
    #[allow(clippy::cast_possible_truncation, reason = "rounded, and far below 2^53")]
    let tenths = (value * 10.0).round() as i64;
    format!("{}.{}", thousands(tenths / 10), tenths % 10)
}

/// A part in percent of the whole: small ones with a decimal.
pub(super) fn share(part: i64, whole: i64) -> String {
    if whole <= 0 {
        return "–".to_owned();
    }
    let permille = (part.saturating_mul(2_000) + whole) / (2 * whole);
    match permille {
        0 if part > 0 => "<0.1 %".to_owned(),
        1..100 => format!("{}.{} %", permille / 10, permille % 10),
        _ => format!("{} %", thousands((permille + 5) / 10)),
    }
}

/// A heading within a sentence.
pub(super) fn in_sentence(heading: &str) -> String {
    heading.to_lowercase().replace(" ai", " AI")
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

/// A date as text, such as "22 November 2026".
pub(super) fn date(date: Date) -> String {
    date.strftime("%-d %B %Y").to_string()
}

/// The heading of a range: its usual name, such as "Last 30 days", or its dates.
pub(super) fn range_heading(range: Range, first: Date, last: Date) -> String {
    match range {
        Range::Today => format!("Today, {}", first.strftime("%A %-d %B %Y")),
        Range::Yesterday => format!("Yesterday, {}", first.strftime("%A %-d %B %Y")),
        Range::Days(days) => format!("Last {days} days"),
        Range::Week => format!("This week, since {}", date(first)),
        Range::LastWeek => format!("Last week, from {}", date(first)),
        Range::Month => format!("This month, {}", first.strftime("%B %Y")),
        Range::LastMonth => format!("Last month, {}", first.strftime("%B %Y")),
        Range::Months(months) => format!("Last {months} months"),
        Range::Year => format!("This year, {}", first.strftime("%Y")),
        Range::All(_) => "All time".to_owned(),
        Range::Between(..) => days(first, last),
    }
}

/// The days of a range whose heading does not name both of them.
pub(super) fn days_beside_heading(range: Range, first: Date, last: Date) -> Option<String> {
    let is_named =
        matches!(range, Range::Today | Range::Yesterday | Range::Month | Range::LastMonth | Range::Between(..));
    (!is_named).then(|| days(first, last))
}

/// A range of days as text: the name of a month, or dates.
pub(super) fn days(first: Date, last: Date) -> String {
    if first == first.first_of_month() && last == first.last_of_month() {
        first.strftime("%B %Y").to_string()
    } else if first == last {
        first.strftime("%A %-d %B %Y").to_string()
    } else {
        format!("{} to {}", date(first), date(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Day;

    #[test]
    fn thousands_have_separators() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345_678, "12,345,678"),
            (-1_000, "-1,000"),
            (i64::MAX, "9,223,372,036,854,775,807"),
        ] {
            assert_eq!(thousands(number), text);
        }
    }

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
            assert_eq!(share(part, whole), text);
        }
    }

    #[test]
    fn a_range_heading_is_its_name_or_its_dates() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        let heading = |range| range_heading(range, day("2026-11-22"), day("2026-11-23"));
        assert_eq!(heading(Range::Days(30)), "Last 30 days");
        assert_eq!(heading(Range::Yesterday), "Yesterday, Sunday 22 November 2026");
        let beside = |range| days_beside_heading(range, day("2026-11-22"), day("2026-11-23"));
        assert_eq!(beside(Range::Days(30)).as_deref(), Some("22 November 2026 to 23 November 2026"));
        assert_eq!((beside(Range::Yesterday), beside(Range::LastMonth)), (None, None));
        assert_eq!(heading(Range::Between(Day::from_number(0), None)), "22 November 2026 to 23 November 2026");
        let one_day = range_heading(Range::Between(Day::from_number(0), None), day("2026-11-23"), day("2026-11-23"));
        assert_eq!(one_day, "Monday 23 November 2026");
        let month = range_heading(Range::Between(Day::from_number(0), None), day("2028-02-01"), day("2028-02-29"));
        assert_eq!(month, "February 2028");
    }
}
