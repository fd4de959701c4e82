//! Ranges of days by name, and the steps of a series.

use std::str::FromStr;

use jiff::civil::Date;

use super::bad_query::BadQuery;
use crate::domain::calendar::Day;

/// A range of days, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Range {
    Today,
    Yesterday,
    /// A number of days, up to today.
    Days(u16),
    /// The current ISO week, up to today.
    Week,
    /// The week before.
    LastWeek,
    /// The current month, up to today.
    Month,
    /// The month before.
    LastMonth,
    /// A number of months, up to today.
    Months(u16),
    /// The current year, up to today.
    Year,
    /// All days with numbers, ten years at most, up to today. The first of them is `None` until it was read.
    All(Option<Day>),
    /// From the first of these days to the last one, or to today.
    Between(Day, Option<Day>),
}

/// Longest range by months.
const MAXIMUM_MONTHS: u16 = 120;

impl FromStr for Range {
    type Err = BadQuery;

    fn from_str(word: &str) -> Result<Self, BadQuery> {
        let number = |digits: &str, most: u16| {
            digits.parse().ok().filter(|number| (1..=most).contains(number)).ok_or(BadQuery::UnknownRange)
        };
        Ok(match word {
            "today" => Self::Today,
            "yesterday" => Self::Yesterday,
            "week" => Self::Week,
            "last_week" => Self::LastWeek,
            "month" => Self::Month,
            "last_month" => Self::LastMonth,
            "year" => Self::Year,
            "all" => Self::All(None),
            _ => match word.strip_suffix('d') {
                Some(days) => Self::Days(number(days, 3660)?),
                None => Self::Months(number(word.strip_suffix('m').ok_or(BadQuery::UnknownRange)?, MAXIMUM_MONTHS)?),
            },
        })
    }
}

impl Range {
    /// The range of a query without one.
    pub const DEFAULT: Self = Self::Days(30);

    /// The first and the last day, if today is `today`.
    pub fn days(self, today: Day) -> (Day, Day) {
        let month = today.month();
        match self {
            Self::Today => (today, today),
            Self::Yesterday => (today.plus(-1), today.plus(-1)),
            Self::Days(count) => (today.plus(1 - i32::from(count)), today),
            Self::Week => (today.monday(), today),
            Self::LastWeek => (today.monday().plus(-7), today.monday().plus(-1)),
            Self::Month => (month.first_day(), today),
            Self::LastMonth => (month.plus(-1).first_day(), month.plus(-1).last_day()),
            Self::Months(count) => (month.plus(1 - i32::from(count)).first_day(), today),
            Self::Year => {
                let january = Date::new(today.date().year(), 1, 1).ok().and_then(|date| Day::of_date(date).ok());
                (january.unwrap_or(today), today)
            }
            Self::All(first) => {
                let (earliest, _) = Self::Months(MAXIMUM_MONTHS).days(today);
                (first.unwrap_or(earliest).clamp(earliest, today), today)
            }
            // Days to come have no visits, but could make the range too long for a unique number.
            Self::Between(first, Some(last)) if first <= today => (first, last.min(today)),
            Self::Between(first, last) => (first, last.unwrap_or(today)),
        }
    }

    /// The name of the range, if there is one.
    pub fn word(self) -> Option<String> {
        Some(match self {
            Self::Today => "today".to_owned(),
            Self::Yesterday => "yesterday".to_owned(),
            Self::Days(count) => format!("{count}d"),
            Self::Week => "week".to_owned(),
            Self::LastWeek => "last_week".to_owned(),
            Self::Month => "month".to_owned(),
            Self::LastMonth => "last_month".to_owned(),
            Self::Months(count) => format!("{count}m"),
            Self::Year => "year".to_owned(),
            Self::All(_) => "all".to_owned(),
            Self::Between(..) => return None,
        })
    }
}

/// The interval between points of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Hours from the start of each day.
    Hour,
    Day,
    /// ISO weeks, from Monday.
    Week,
    /// Calendar months.
    Month,
}

impl Step {
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// The name in responses and query parameters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The default step: hours for up to two days, days for up to a quarter, months for more.
    pub const fn suiting(days: i32) -> Self {
        match days {
            ..=2 => Self::Hour,
            3..=92 => Self::Day,
            _ => Self::Month,
        }
    }
}

impl FromStr for Step {
    type Err = BadQuery;

    fn from_str(word: &str) -> Result<Self, BadQuery> {
        Self::ALL.into_iter().find(|step| step.name() == word).ok_or(BadQuery::UnknownStep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days_of(word: &str) -> (String, String) {
        let today = Day::of_date("2026-11-23".parse().unwrap()).unwrap();
        let (first, last) = word.parse::<Range>().unwrap().days(today);
        (first.to_string(), last.to_string())
    }

    #[test]
    fn each_name_is_the_range_that_people_expect() {
        for (word, first, last) in [
            ("today", "2026-11-23", "2026-11-23"),
            ("yesterday", "2026-11-22", "2026-11-22"),
            ("7d", "2026-11-17", "2026-11-23"),
            ("30d", "2026-10-25", "2026-11-23"),
            ("week", "2026-11-23", "2026-11-23"),
            ("last_week", "2026-11-16", "2026-11-22"),
            ("month", "2026-11-01", "2026-11-23"),
            ("last_month", "2026-10-01", "2026-10-31"),
            ("12m", "2025-12-01", "2026-11-23"),
            ("year", "2026-01-01", "2026-11-23"),
            ("all", "2016-12-01", "2026-11-23"),
        ] {
            assert_eq!(days_of(word), (first.to_owned(), last.to_owned()), "{word}");
            assert_eq!(word.parse::<Range>().unwrap().word().as_deref(), Some(word));
        }
        let today = Day::of_date("2026-11-23".parse().unwrap()).unwrap();
        let since = |first: Day| Range::All(Some(first)).days(today).0;
        assert_eq!((since(today.plus(-9)), since(today.plus(9))), (today.plus(-9), today));
        for word in ["", "decade", "TODAY", "0d", "-1d", "d", "12", "9999d", "121m", "1y"] {
            assert_eq!(word.parse::<Range>(), Err(BadQuery::UnknownRange), "{word}");
        }
    }
}
