//! Why a query is invalid, in words for the client.

use std::{error, fmt};

use crate::{
    domain::{
        calendar::OutOfRange,
        cells::ATTRIBUTES,
        dimension::{Dimension, Uniqueness, channel::ChannelGroup},
    },
    texts::{self, Text},
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

/// Why a query is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadQuery {
    UnknownRange,
    UnknownStep,
    UnknownList,
    /// The filter has no list of this dimension.
    ListNotCounted(Dimension),
    UnknownSort,
    InvalidNumber(&'static str, i64, i64),
    LongSearch,
    UnknownLists,
    TwoRanges,
    NoFirstDay,
    OutOfRange,
    Backwards,
    TooLong,
    TooManyPoints,
    SeveralValues,
    /// Several values of one dimension, which are not all excluded.
    RepeatedValue(Dimension),
    TooManyValues,
    CombinationsOff,
    LongValue(Dimension),
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

impl BadQuery {
    /// The problem and its remedy in words.
    pub fn text(self) -> Text {
        let about = |key: &'static str, dimension: Dimension| Text::new(key).with("name", dimension.parameter());
        let is_per_value = |dimension: &Dimension| dimension.uniqueness() == Uniqueness::PerValue;
        match self {
            Self::UnknownRange => Text::new("errors.range"),
            Self::UnknownStep => Text::new("errors.step"),
            Self::UnknownList => Text::new("errors.list"),
            Self::ListNotCounted(dimension) => Text::new("errors.list_not_counted").with("list", dimension.name()),
            Self::UnknownSort => Text::new("errors.sort"),
            Self::InvalidNumber(name, least, most) => {
                Text::new("errors.number").with("name", name).with("least", least).with("most", most)
            }
            Self::LongSearch => Text::new("errors.long_search").with("most", MAXIMUM_VALUE_BYTES),
            Self::UnknownLists => Text::new("errors.lists"),
            Self::TwoRanges => Text::new("errors.two_ranges"),
            Self::NoFirstDay => Text::new("errors.no_first_day"),
            Self::OutOfRange => Text::new("errors.out_of_range"),
            Self::Backwards => Text::new("errors.backwards"),
            Self::TooLong => Text::new("errors.too_long").with("most", MAXIMUM_DAYS),
            Self::TooManyPoints => Text::new("errors.too_many_points").with("most", MAXIMUM_POINTS),
            Self::SeveralValues => Text::new("errors.several_values")
                .with("all", parameters(Dimension::lists()))
                .with("attributes", parameters(ATTRIBUTES))
                .with("others", parameters(Dimension::lists().filter(is_per_value))),
            Self::RepeatedValue(dimension) if ATTRIBUTES.contains(&dimension) => {
                about("errors.repeated_attribute", dimension)
            }
            Self::RepeatedValue(dimension) => about("errors.repeated_value", dimension),
            Self::TooManyValues => Text::new("errors.too_many_values").with("most", MAXIMUM_CONDITIONS),
            Self::CombinationsOff => Text::new("errors.combinations_off"),
            Self::LongValue(dimension) => about("errors.long_value", dimension).with("most", MAXIMUM_VALUE_BYTES),
            Self::InvalidValue(dimension) => match dimension {
                Dimension::Page | Dimension::EntryPage | Dimension::AiPage => about("errors.path", dimension),
                Dimension::Referrer => about("errors.host_name", dimension),
                Dimension::Channel => {
                    let names: Vec<_> = ChannelGroup::ALL.iter().map(|channel| channel.name()).collect();
                    about("errors.channel", dimension).with("valid", names.join(", "))
                }
                Dimension::Country => about("errors.country", dimension),
                Dimension::Language => about("errors.language_code", dimension),
                _ => about("errors.listed_value", dimension).with("list", dimension.name()),
            },
        }
    }
}

/// The words for programs.
impl fmt::Display for BadQuery {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text().within(texts::english()))
    }
}

impl error::Error for BadQuery {}

/// The parameters that name a value.
fn parameters(dimensions: impl IntoIterator<Item = Dimension>) -> String {
    let names: Vec<_> = dimensions.into_iter().map(|dimension| format!("'{}'", dimension.parameter())).collect();
    names.join(", ")
}
