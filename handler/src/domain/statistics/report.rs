//! The report: a question's numbers, with days as days and times as times. Who shows it turns them into text.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};

use super::{
    breakdown::Breakdown,
    imported::ImportedSum,
    range::{Range, Step},
};
use crate::domain::{calendar::Day, dimension::Dimension, exclusion::Exclusion, site_name::SiteName};

/// The numbers of one site.
#[derive(Clone, Debug)]
pub struct Report {
    /// The host name being counted.
    pub site: SiteName,
    /// The zone in which days begin and end.
    pub zone: TimeZone,
    /// When the numbers were read.
    pub as_of: Timestamp,
    /// Whether these are old numbers, because the database could not be asked.
    pub stale: bool,
    /// The current day.
    pub today: Counts,
    /// The current ISO week up to today.
    pub this_week: Counts,
    /// The current month up to today.
    pub this_month: Counts,
    /// Visitors since counting began; `None` if that is not kept.
    pub all_time_visitors: Option<Estimate>,
    /// Views since counting began.
    pub all_time_pageviews: i64,
    /// What was asked for.
    pub range: Range,
    /// Its first day.
    pub first: Day,
    /// Its last day.
    pub last: Day,
    /// The numbers of the range.
    pub counts: Counts,
    /// The period before it, of as many days, where it is known.
    pub previous: Option<Previous>,
    /// How far the points of the series are apart.
    pub step: Step,
    /// The range in steps, oldest first.
    pub series: Vec<Point>,
    /// The last 24 hours, oldest first.
    pub last_24_hours: Vec<Point>,
    /// The last weeks, oldest first: who came back. None where visitors are forgotten at the end of each day.
    pub returning: Vec<Week>,
    /// The largest values of the range, most visitors first.
    pub lists: BTreeMap<Dimension, Vec<Entry>>,
    /// What was not counted in full in the range.
    pub excluded: BTreeMap<Exclusion, i64>,
    /// What was found of the page or host that was asked into, if one was.
    pub referrals: Option<Referrals>,
    /// What other counters counted in the range: part of no other number here.
    pub imported: Vec<ImportedSum>,
}

/// The numbers of the period before a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previous {
    /// Its first day.
    pub first: Day,
    /// Its last day.
    pub last: Day,
    /// Its numbers.
    pub counts: Counts,
    /// Points to be laid over those of the range, oldest first.
    pub series: Vec<Point>,
}

/// The numbers of a range of days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Distinct visitors; `None` where they are not known, because the range is longer than visitors are remembered.
    pub visitors: Option<i64>,
    /// Of these, who had not come in the month or the month before.
    pub new_visitors: Option<i64>,
    /// The visitors of each day, added up: who comes on two days counts twice.
    pub daily_visitors: i64,
    /// Views.
    pub pageviews: i64,
}

impl Counts {
    /// Those visitors who are not new.
    pub fn returning_visitors(&self) -> Option<i64> {
        Some(self.visitors? - self.new_visitors?)
    }
}

/// The visitors of one week, by when they had come before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Week {
    /// Its Monday.
    pub first: Day,
    /// Its Sunday, or today.
    pub last: Day,
    /// Distinct.
    pub visitors: i64,
    /// Of these, who had not come before in the month of their first day in the week, or in the month before that.
    pub new_visitors: i64,
    /// Of these, who came in the week before, too.
    pub from_week_before: i64,
}

impl Week {
    /// Those visitors who are not new.
    pub const fn returning_visitors(&self) -> i64 {
        self.visitors - self.new_visitors
    }
}

/// An estimated count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Rounded to whole visitors.
    pub visitors: i64,
    /// Relative: two thirds of all estimates are off by less than this share.
    pub standard_error: f64,
}

/// One point of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// When it begins.
    pub start: Timestamp,
    /// Distinct visitors; of an hour, those who first came that day in it. `None` where they are not known.
    pub visitors: Option<i64>,
    /// Views.
    pub pageviews: i64,
}

/// One value of a dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// A path, a host, …
    pub value: String,
    /// Distinct in the range; `None` where they are not known, or where there are none to tell apart.
    pub visitors: Option<i64>,
    /// Views in the range; of an event how often it happened, of a robot its requests.
    pub pageviews: i64,
}

/// What is answered. Views only: visitors of a page that came from one host are not told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrals {
    /// What was asked of.
    pub of: Breakdown,
    /// The hosts or the pages, most views first.
    pub entries: Vec<Entry>,
    /// Views of any page from any host that came after as many pairs as are told apart in a day.
    pub other: i64,
}

impl Referrals {
    /// Makes the answer of what was found: values with their views, and those of none that is told apart.
    pub fn assemble(of: Breakdown, found: Vec<(Option<String>, i64)>) -> Self {
        let mut other = 0;
        let mut entries = Vec::with_capacity(found.len());
        for (value, pageviews) in found {
            match value {
                Some(value) => entries.push(Entry { value, visitors: None, pageviews }),
                None => other += pageviews,
            }
        }
        Self { of, entries, other }
    }
}
