//! The report: the numbers of a query, typed. The page and the API turn them into text.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};

use super::{
    annotation::Annotation,
    filter::{Filter, Pairing},
    imported::ImportedSum,
    query::Lists,
    range::{Range, Step},
    section::Section,
    visitors::ReferralTallies,
};
use crate::domain::{calendar::Day, cells::NotShown, dimension::Dimension, exclusion::Exclusion, site_name::SiteName};

/// The numbers of one site.
#[derive(Clone, Debug)]
pub struct Report {
    /// The host name being counted.
    pub site: SiteName,
    /// The zone in which days begin and end.
    pub zone: TimeZone,
    /// When the numbers were read.
    pub as_of: Timestamp,
    /// Whether the numbers are old, because the database is unavailable.
    pub stale: bool,
    /// The current day.
    pub today: Counts,
    /// The current ISO week up to today.
    pub this_week: Counts,
    /// The current month up to today.
    pub this_month: Counts,
    /// Visitors since counting began; `None` if they are not estimated.
    pub all_time_visitors: Option<AllTimeEstimate>,
    /// Views since counting began.
    pub all_time_pageviews: i64,
    pub range: Range,
    pub first: Day,
    pub last: Day,
    /// The first day that is still stored, if days are deleted.
    pub first_kept: Option<Day>,
    /// The numbers of the range.
    pub counts: Counts,
    /// Whether days of the range were deleted, on which some of its later visitors came. They are not counted.
    pub lacks_days: bool,
    /// The same of this week and this month.
    pub totals_lack_days: bool,
    /// The period before the range, if it is known.
    pub previous: Option<Previous>,
    /// The first counted day, if the range or the period before it begins earlier. Then there is no previous period to compare.
    pub counting_began: Option<Day>,
    /// The last day with counted views, if the range has none.
    pub last_counted: Option<Day>,
    pub step: Step,
    /// The range in steps, oldest first.
    pub series: Vec<Point>,
    /// The points of the period before to compare with, oldest first. `None` before counting began.
    pub before: Vec<Option<Point>>,
    /// The last 24 hours, oldest first.
    pub last_24_hours: Vec<Point>,
    /// Returning visitors of the last weeks, oldest first. Empty if visitors are forgotten every day.
    pub returning: Vec<Week>,
    /// The lists that were read.
    pub read_lists: Lists,
    /// The rows of the lists that were read.
    pub section: Section,
    /// The values of the range, the largest first.
    pub lists: BTreeMap<Dimension, Vec<Entry>>,
    /// The number of values in the range that match the search. Missing for a list whose section is empty.
    pub lengths: BTreeMap<Dimension, i64>,
    /// Dimensions of which the site has values in the range, but whose lists were not read.
    pub unread: Vec<Dimension>,
    /// Requests of the range that were not counted in full.
    pub excluded: BTreeMap<Exclusion, i64>,
    /// The values that the numbers are about.
    pub filter: Filter,
    /// Whether combinations of values are counted.
    pub has_cells: bool,
    /// Visitors of the range who may belong to the filter, but are in groups too small to be distinguished, by the conditions that they
    /// surely fulfil. `None` if the filter combines no values, or if the range is too long to know them.
    pub not_shown: Option<Vec<NotShown>>,
    /// Visitors of the range in no row of the lists of a filter, because their groups are too small or their days have no cells. Only for
    /// attributes, whose rows add up.
    pub not_listed: BTreeMap<Dimension, i64>,
    /// The referrers of the filter's page, or the pages of its referrer.
    pub referrals: Option<Referrals>,
    /// Numbers of other counters for the range. No other number here includes them.
    pub imported: Vec<ImportedSum>,
    /// Annotations of days of the range, in order.
    pub annotations: Vec<Annotation>,
    /// Whether the time zone can still change. Only known for a site that may wait for its first visit.
    pub zone_can_change: bool,
}

impl Report {
    /// The day on which the numbers were read.
    pub fn day(&self) -> Day {
        Day::containing(self.as_of, &self.zone).unwrap_or(self.last)
    }
}

/// The numbers of the period before a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previous {
    pub first: Day,
    pub last: Day,
    /// The end of the period, if it ends within its last day, as the range ends within today.
    pub until: Option<Timestamp>,
    pub counts: Counts,
}

/// The numbers of a range of days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Unique visitors; `None` if the range is too long to know them.
    pub visitors: Option<i64>,
    /// Visitors not seen before in the same month or the month before.
    pub new_visitors: Option<i64>,
    /// The sum of each day's visitors. A visitor of two days counts twice.
    pub daily_visitors: i64,
    pub pageviews: i64,
}

impl Counts {
    /// Visitors that are not new.
    pub fn returning_visitors(&self) -> Option<i64> {
        Some(self.visitors? - self.new_visitors?)
    }

    /// The same counts; without visitors if there can be none.
    pub(super) fn with_visitors_if(self, has_visitors: bool) -> Self {
        if has_visitors { self } else { Self { visitors: None, new_visitors: None, ..self } }
    }
}

/// The visitors of one week, new and returning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Week {
    pub first: Day,
    /// Sunday, or today in the current week.
    pub last: Day,
    pub visitors: i64,
    /// Visitors not seen in the month of their first day of the week, or in the month before.
    pub new_visitors: i64,
    /// Visitors who also came in the week before.
    pub from_week_before: i64,
}

impl Week {
    /// Visitors that are not new.
    pub const fn returning_visitors(&self) -> i64 {
        self.visitors - self.new_visitors
    }
}

/// The estimated number of all visitors since counting began.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AllTimeEstimate {
    pub visitors: i64,
    /// The relative standard error. Two thirds of all estimates have a smaller error.
    pub standard_error: f64,
}

/// One point of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    pub start: Timestamp,
    /// Unique visitors; for an hour, those whose day began in it. `None` if unknown.
    pub visitors: Option<i64>,
    pub pageviews: i64,
}

/// One value of a dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// A path, a host, …
    pub value: String,
    /// Unique visitors in the range; `None` if unknown, or if the dimension has no visitors.
    pub visitors: Option<i64>,
    /// Views in the range; the number of events or, for robots, of requests.
    pub pageviews: i64,
}

/// The referrers of a page, or the pages of a referrer. Pageviews only, because visitors are not counted per page and referrer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrals {
    pub pairing: Pairing,
    /// The hosts or the pages of the section, most views first.
    pub entries: Vec<Entry>,
    /// Views beyond the daily limit of pairs, whose host and page are unknown.
    pub other: i64,
}

impl Referrals {
    /// Adds the number of all values to the lengths of lists.
    pub(super) fn assemble(pairing: Pairing, found: ReferralTallies, lengths: &mut BTreeMap<Dimension, i64>) -> Self {
        let ReferralTallies { values, length, other } = found;
        if length > 0 {
            lengths.insert(pairing.listed, length);
        }
        let entry = |(value, pageviews)| Entry { value, visitors: None, pageviews };
        Self { pairing, entries: values.into_iter().map(entry).collect(), other }
    }
}
