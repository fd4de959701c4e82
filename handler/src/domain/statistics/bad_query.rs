//! Why a query is invalid, in words for the client.

use crate::domain::{
    calendar::OutOfRange,
    cells::ATTRIBUTES,
    dimension::{Dimension, Uniqueness, channel::ChannelGroup},
};

/// Longest series, in points.
pub(super) const MAXIMUM_POINTS: usize = 400;

/// Longest range: ten years, in days.
pub(super) const MAXIMUM_DAYS: i32 = 3660;

/// Longest value in a query, in bytes: longer than any stored value.
pub(super) const MAXIMUM_VALUE_BYTES: usize = 1024;

/// Most values in a query.
pub(super) const MAXIMUM_CONDITIONS: usize = 20;

/// Most rows of a list in one response.
pub(super) const MAXIMUM_ROWS: i64 = 10_000;

/// The words for ranges.
pub(super) const RANGE_WORDS: &str = "today, yesterday, week, last_week, month, last_month, year, all, days such as 7d or 30d (3660d at most), or months such as 12m (120m at most)";

/// Why a query is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadQuery {
    #[error("'period' must be {RANGE_WORDS}; or name two days with 'from' and 'to'")]
    UnknownRange,
    #[error("'by' must be hour, day, week or month")]
    UnknownStep,
    #[error("'list' must be the name of a list, such as pages or countries")]
    UnknownList,
    #[error("'sort' must be visitors or pageviews")]
    UnknownSort,
    #[error("'{0}' must be a number from {1} to {2}")]
    InvalidNumber(&'static str, i64, i64),
    #[error("'search' has more than {MAXIMUM_VALUE_BYTES} bytes")]
    LongSearch,
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
    #[error(
        "use one of {}; or any of {}, each once, or with '!' before each value to exclude, together with at most one of {}",
        parameters(Dimension::lists()),
        parameters(ATTRIBUTES),
        parameters(Dimension::lists().filter(|dimension| dimension.uniqueness() == Uniqueness::PerValue))
    )]
    SeveralValues,
    #[error("the query has more than {MAXIMUM_CONDITIONS} values")]
    TooManyValues,
    #[error("combinations of values are not counted, because FOOTFALL_SMALLEST_GROUP is off: use one value")]
    CombinationsOff,
    #[error("'{}' has more than {MAXIMUM_VALUE_BYTES} bytes", .0.parameter())]
    LongValue(Dimension),
    #[error("'{}' must be {}", .0.parameter(), form(*.0))]
    InvalidValue(Dimension),
}

impl BadQuery {
    /// Whether the days of the query, or their steps, are invalid.
    pub fn is_about_range(self) -> bool {
        matches!(
            self,
            Self::UnknownRange
                | Self::UnknownStep
                | Self::TwoRanges
                | Self::NoFirstDay
                | Self::OutOfRange
                | Self::Backwards
                | Self::TooLong
                | Self::TooManyPoints
        )
    }
}

impl From<OutOfRange> for BadQuery {
    fn from(_: OutOfRange) -> Self {
        Self::OutOfRange
    }
}

/// The parameters that name a value, in words.
fn parameters(dimensions: impl IntoIterator<Item = Dimension>) -> String {
    let names: Vec<_> = dimensions.into_iter().map(|dimension| format!("'{}'", dimension.parameter())).collect();
    names.join(", ")
}

/// The valid form of a dimension's values, in words.
fn form(dimension: Dimension) -> String {
    match dimension {
        Dimension::Page | Dimension::EntryPage | Dimension::AiPage => "a path, such as /about".to_owned(),
        Dimension::Referrer => "a host name as the list of referrers has it, such as news.example".to_owned(),
        Dimension::Channel => {
            let names: Vec<_> = ChannelGroup::ALL.iter().map(|channel| channel.name()).collect();
            format!("one of {}", names.join(", "))
        }
        Dimension::Country => "an ISO 3166 code of two letters, such as CH".to_owned(),
        Dimension::Language => "an ISO 639 code as the list of languages has it, such as de".to_owned(),
        _ => format!("a value as the list '{}' has it", dimension.name()),
    }
}
