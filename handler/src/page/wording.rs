//! Numbers, dates and addresses as people and links write them.

use anyhow::Context as _;
use jiff::{
    ToSpan,
    civil::{Date, DateTime},
};

/// A count with a comma between thousands, as the script's `toLocaleString("en")` writes it too.
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

/// The local date and time of an RFC 3339 text, whatever its offset.
pub(super) fn civil(text: &str) -> anyhow::Result<DateTime> {
    text.get(..19).and_then(|local| local.parse().ok()).with_context(|| format!("not a time: {text}"))
}

/// A site's name as a value in a query. Host names need no escape, but a name is configuration, not ours.
pub(super) fn query_value(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// What the chart of the series shows: "Last 30 days", or where it ends if that is not now.
pub(super) fn series_heading(length: usize, kind: &str, last_day: Option<Date>) -> String {
    let plural = if length == 1 { "" } else { "s" };
    match last_day {
        None => format!("Last {length} {kind}{plural}"),
        Some(day) => format!("{length} {kind}{plural} up to {}", day.strftime("%-d %B %Y")),
    }
}

/// What the lists are about: "Today, Monday 23 November 2026".
pub(super) fn period_heading(kind: &str, first_day: Date, current: bool) -> String {
    match (kind, current) {
        ("week", true) => format!("This week, from {}", first_day.strftime("%-d %B %Y")),
        ("week", false) => format!("Week from {}", first_day.strftime("%-d %B %Y")),
        ("month", true) => format!("This month, {}", first_day.strftime("%B %Y")),
        ("month", false) => first_day.strftime("%B %Y").to_string(),
        (_, true) => format!("Today, {}", first_day.strftime("%A %-d %B %Y")),
        (_, false) => first_day.strftime("%A %-d %B %Y").to_string(),
    }
}

/// Whether the period of this kind that begins on `first_day` holds `day`.
pub(super) fn holds(kind: &str, first_day: Date, day: Date) -> bool {
    let length = match kind {
        "week" => 1.week(),
        "month" => 1.month(),
        _ => 1.day(),
    };
    first_day <= day && day < first_day.saturating_add(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
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
    fn a_time_is_read_by_its_own_clock_whatever_its_offset() {
        for text in ["2026-11-23T10:20:30Z", "2026-11-23T10:20:30+05:45"] {
            assert_eq!(civil(text).unwrap().to_string(), "2026-11-23T10:20:30");
        }
        assert!(civil("2026-11-23").is_err());
        assert!(civil("2026-11-23T10:20:3é").is_err());
    }

    #[test]
    fn a_period_holds_its_first_day_and_not_the_next_ones() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        assert!(holds("month", day("2026-02-01"), day("2026-02-28")));
        assert!(!holds("month", day("2026-02-01"), day("2026-03-01")));
        assert!(holds("week", day("2026-12-28"), day("2027-01-03")));
        assert!(!holds("week", day("2026-12-28"), day("2027-01-04")));
        assert!(!holds("day", day("2026-12-28"), day("2026-12-27")));
    }
}
