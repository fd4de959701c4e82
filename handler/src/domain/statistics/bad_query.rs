//! Why a query is invalid, in words for the client.

use crate::domain::calendar::OutOfRange;

/// Longest series, in points.
pub(super) const MAXIMUM_POINTS: usize = 400;

/// Longest range: ten years, in days.
pub(super) const MAXIMUM_DAYS: i32 = 3660;

/// The words for ranges.
pub(super) const RANGE_WORDS: &str = "today, yesterday, week, last_week, month, last_month, year, a number of days such as 7d or 30d (3660d at most), or a number of months such as 12m (120m at most)";

/// Why a query is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadQuery {
    #[error("'period' must be {RANGE_WORDS}; or name two days with 'from' and 'to'")]
    UnknownRange,
    #[error("'by' must be hour, day, week or month")]
    UnknownStep,
    #[error("'lists' must be pages, sources, locations, technology, events, robots or none")]
    UnknownLists,
    #[error("use 'period', or 'from' and 'to', not both")]
    TwoRanges,
    #[error("'to' needs a 'from' before it")]
    NoFirstDay,
    #[error("'from' and 'to' must be dates in the years 1970 to 9999, such as 2026-11-23")]
    OutOfRange,
    #[error("'from' must not be later than 'to', or than today if there is no 'to'")]
    Backwards,
    #[error("the range has more than {MAXIMUM_DAYS} days: use a shorter one")]
    TooLong,
    #[error("the series would have more than {MAXIMUM_POINTS} points: use a shorter range, or a longer step with 'by'")]
    TooManyPoints,
    #[error("use 'page' or 'referrer', not both")]
    TwoBreakdowns,
    #[error("'page' must be a path, such as /about")]
    NoPage,
    #[error("'referrer' must be a host name as the list of referrers has it, such as news.example")]
    NoReferrer,
}

impl From<OutOfRange> for BadQuery {
    fn from(_: OutOfRange) -> Self {
        Self::OutOfRange
    }
}
