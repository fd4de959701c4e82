//! Why a query is invalid, in words for the client.

use crate::domain::calendar::OutOfRange;

/// The longest series that is answered, in points.
pub(super) const MAXIMUM_POINTS: usize = 400;

/// The longest range that is answered: ten years, in days.
pub(super) const MAXIMUM_DAYS: i32 = 3660;

/// What a word for a range must be.
pub(super) const RANGE_WORDS: &str = "today, yesterday, week, last_week, month, last_month, year, a number of days such as 7d or 30d (3660d at most), or a number of months such as 12m (120m at most)";

/// Why a question can't be answered. The text is for the asker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadQuery {
    /// A word that no range has.
    #[error("'period' must be {RANGE_WORDS}; or name two days with 'from' and 'to'")]
    UnknownRange,
    /// A word that no step has.
    #[error("'by' must be hour, day, week or month")]
    UnknownStep,
    /// A word and days.
    #[error("ask with 'period' or with 'from' and 'to', not with both")]
    TwoRanges,
    /// A last day without a first one.
    #[error("'to' needs a 'from' before it")]
    NoFirstDay,
    /// Dates that can't be counted.
    #[error("'from' and 'to' must be dates in the years 1970 to 9999, such as 2026-11-23")]
    OutOfRange,
    /// A range that ends before it begins.
    #[error("'from' must not be later than 'to', or than today if there is no 'to'")]
    Backwards,
    /// A range of too many days.
    #[error("the range has more than {MAXIMUM_DAYS} days: ask for a shorter one")]
    TooLong,
    /// A series of too many points.
    #[error(
        "the series would have more than {MAXIMUM_POINTS} points: ask for a shorter range, or for a longer step with 'by'"
    )]
    TooManyPoints,
    /// A page and a host.
    #[error("ask with 'page' or with 'referrer', not with both: how they meet is what is answered")]
    TwoBreakdowns,
    /// What is no path.
    #[error("'page' must be a path, such as /about")]
    NoPage,
    /// What is no host.
    #[error("'referrer' must be a host name as the list of referrers has it, such as news.example")]
    NoReferrer,
}

impl From<OutOfRange> for BadQuery {
    fn from(_: OutOfRange) -> Self {
        Self::OutOfRange
    }
}
