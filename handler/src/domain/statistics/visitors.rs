//! Unique visitors of a range, from sums.
//!
//! Each visitor counts on its first day in the range. On day d of a range that begins on day a, these are the visitors without a
//! visit in the d − a days before. (Previous occurrences, as in coloured range counting: Gupta, Janardan, Smid 1995;
//! Muthukrishnan 2002.)

use std::collections::BTreeMap;

use super::annotation::Annotation;
use crate::domain::{calendar::Day, cells::Selected, dimension::Dimension, exclusion::Exclusion};

/// The visitors of a day by gap. Element 0 counts visitors not seen before in this period or the last; element g counts visitors
/// last seen g days before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gaps(pub Vec<i64>);

impl Gaps {
    /// All visitors of the day.
    pub fn all(&self) -> i64 {
        self.0.iter().sum()
    }

    /// Visitors not seen before.
    pub fn new_ones(&self) -> i64 {
        self.0.first().copied().unwrap_or_default()
    }

    /// Visitors not seen in the `days` days before.
    pub fn not_within(&self, days: i32) -> i64 {
        let remembered = usize::try_from(days).unwrap_or_default().saturating_add(1);
        self.new_ones() + self.0.iter().skip(remembered).sum::<i64>()
    }

    /// Visitors last seen in the seven days that precede the `days` days before.
    pub fn within_week_before(&self, days: i32) -> i64 {
        let remembered = usize::try_from(days).unwrap_or_default().saturating_add(1);
        self.0.iter().skip(remembered).take(7).sum()
    }
}

/// The counters of one day or hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub pageviews: i64,
    pub visitors: Gaps,
}

impl Tally {
    /// Adds another tally of the same day.
    pub fn add(&mut self, other: &Self) {
        self.pageviews += other.pageviews;
        let gaps = &mut self.visitors.0;
        gaps.resize(gaps.len().max(other.visitors.0.len()), 0);
        for (sum, number) in gaps.iter_mut().zip(&other.visitors.0) {
            *sum += number;
        }
    }
}

/// The counters of one value in the range of the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueTally {
    pub dimension: Dimension,
    pub value: String,
    pub pageviews: i64,
    /// Distinct visitors, if the range is exact.
    pub visitors: i64,
}

/// The totals of one day that another counter counted, by its own definition of a visitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedDay {
    /// The other counter, such as `plausible`.
    pub source: String,
    pub day: Day,
    pub pageviews: i64,
    pub visitors: i64,
}

/// A part of the referrers of a page, or of the pages of a referrer.
#[derive(Clone, Debug, Default)]
pub struct ReferralTallies {
    /// Values with their views, most views first.
    pub values: Vec<(String, i64)>,
    /// The number of all values that match the search. Zero if the part is empty.
    pub length: i64,
    /// Views beyond the daily limit of pairs, whose host and page are unknown.
    pub other: i64,
}

/// The tallies that the database returns for a plan.
#[derive(Clone, Debug, Default)]
pub struct Tallies {
    /// The site as a whole, or the value of the filter, by day.
    pub days: BTreeMap<Day, Tally>,
    /// The site as a whole, by day and hour. A visitor counts in the hour of its first visit of the day.
    pub hours: BTreeMap<(Day, u8), Tally>,
    /// The largest values of the range.
    pub values: Vec<ValueTally>,
    /// The number of values in the range that match the search, by dimension.
    pub lengths: BTreeMap<Dimension, i64>,
    /// Dimensions that have values in the range, but whose lists are not read.
    pub unread: Vec<Dimension>,
    /// Requests of the range that were not counted in full.
    pub excluded: BTreeMap<Exclusion, i64>,
    /// The referrers of a page or the pages of a referrer.
    pub referrals: ReferralTallies,
    /// The cells of a filter.
    pub selected: Selected,
    /// The imported totals of the days of the range.
    pub imported: Vec<ImportedDay>,
    /// The annotations of the days of the range.
    pub annotations: Vec<Annotation>,
    /// All pageviews since counting began.
    pub pageviews: i64,
    /// The first day with counted views.
    pub first_day: Option<Day>,
    /// The last day with counted views. Read only if the range has none.
    pub last_day: Option<Day>,
    /// A number that increases whenever the all-time registers of the site change.
    pub registers_revision: i64,
    /// The ranks of the all-time estimate; `None` if they were not read.
    pub registers: Option<Vec<u8>>,
    /// Whether the site has ever been counted.
    pub is_counted: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_seen_earlier_in_the_range_is_not_counted_again() {
        // Two new visitors, three of the day before, and five of four days before.
        let gaps = Gaps(vec![2, 3, 0, 0, 5]);
        assert_eq!((gaps.all(), gaps.new_ones()), (10, 2));
        assert_eq!([0, 1, 3, 4, 9].map(|days| gaps.not_within(days)), [10, 7, 7, 2, 2]);
        assert_eq!([0, 1, 3, 4].map(|days| gaps.within_week_before(days)), [8, 5, 5, 0]);
        let long_ago = Gaps([vec![0; 8], vec![4]].concat());
        assert_eq!([0, 1].map(|days| long_ago.within_week_before(days)), [0, 4]);
        assert_eq!(Gaps::default().not_within(0), 0);
    }
}
