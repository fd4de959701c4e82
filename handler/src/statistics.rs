//! What is shown: the numbers of one site, as the page, the JSON and the CSV answer have them.
//!
//! This module is pure: it says which tallies a question needs, and puts the rows together. It knows no HTTP, SQL or clock.

use std::sync::Arc;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Serialize;

use crate::visitor::{Kind, Period, Periods, Exclusion, all_time, period::OutOfRange};

/// What is counted apart. The numbers are stored: never change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(i16)]
pub enum Dimension {
    /// The site as a whole; the value is empty.
    Total = 0,
    /// Pages by path: visitors are unique per page.
    Page = 1,
    /// Referring hosts: each visitor of a period belongs to the one that it first came from.
    Referrer = 2,
    /// Browsers.
    Browser = 3,
    /// Operating systems.
    OperatingSystem = 4,
    /// Kinds of device.
    Device = 5,
    /// Countries, by the browser's time zone or language.
    Country = 6,
    /// Languages.
    Language = 7,
    /// Campaigns.
    Campaign = 8,
    /// Requests that were not counted in full, by [`Exclusion`]; under pageviews.
    Excluded = 9,
}

/// How many values of each dimension are shown.
pub const LIST_LENGTH: i64 = 50;

/// The longest series that is answered, in periods: more than a year of days.
pub const MAXIMUM_SERIES: usize = 400;

/// A question: which site, and over which time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// The host name being counted.
    pub site: Arc<str>,
    /// The kind of period in the series, and of the one that the lists are about (the day, for hours).
    pub kind: Kind,
    /// The first day of the series; by default as many periods as [`default_length`] says.
    pub from: Option<Date>,
    /// The last day of the series, and the day whose period the lists are about; by default today.
    pub to: Option<Date>,
}

/// Why a question can't be answered. The text is for the asker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadQuery {
    /// Dates that no period has.
    #[error("'from' and 'to' must be dates in the years 1970 to 9999, such as 2026-11-23")]
    OutOfRange,
    /// A range that ends before it begins.
    #[error("'from' must not be later than 'to'")]
    Backwards,
    /// A range of too many periods.
    #[error("the range has more than {MAXIMUM_SERIES} periods: ask for a shorter one, or for a longer 'period'")]
    TooLong,
}

impl From<OutOfRange> for BadQuery {
    fn from(_: OutOfRange) -> Self {
        Self::OutOfRange
    }
}

/// How many periods a series has if nobody says otherwise.
pub const fn default_length(kind: Kind) -> usize {
    match kind {
        Kind::Hour => 24,
        Kind::Day => 30,
        Kind::Week | Kind::Month => 12,
        Kind::Ever => 1,
    }
}

/// The periods whose tallies answer a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// When the question was asked.
    pub as_of: Timestamp,
    current: Periods,
    /// The period that the lists and exclusions are about.
    pub listed: Period,
    series: Vec<Period>,
    hours: Vec<Period>,
}

impl Query {
    /// The default question about a site: by days, up to now.
    pub fn of_site(site: Arc<str>) -> Self {
        Self { site, kind: Kind::Day, from: None, to: None }
    }

    /// Which periods answer this question at this time.
    ///
    /// # Errors
    /// If the range is backwards, too long, or before 1970.
    pub fn plan(&self, now: Timestamp, zone: &TimeZone) -> Result<Plan, BadQuery> {
        let current = Periods::containing(now, zone)?;
        let last_instant = match self.to {
            Some(date) => {
                let day = Period::of_date(Kind::Day, date, zone)?;
                Timestamp::from_second(day.end(zone).as_second() - 1).map_err(|_| OutOfRange)?
            }
            None => now,
        };
        let last = Period::containing(self.kind, last_instant, zone)?;
        let series = match self.from {
            None => last.last(default_length(self.kind), zone),
            Some(date) => {
                let first = Period::of_date(self.kind, date, zone)?;
                if first > last {
                    return Err(BadQuery::Backwards);
                }
                let mut series = last.last(MAXIMUM_SERIES + 1, zone);
                series.retain(|period| *period >= first);
                if series.len() > MAXIMUM_SERIES {
                    return Err(BadQuery::TooLong);
                }
                series
            }
        };
        let listed_kind = if self.kind == Kind::Hour { Kind::Day } else { self.kind };
        let listed = Period::containing(listed_kind, last_instant, zone)?;
        let hours = current.hour.last(default_length(Kind::Hour), zone);
        Ok(Plan { as_of: now, current, listed, series, hours })
    }
}

impl Plan {
    /// Every bucket whose total is needed, each once, sorted.
    pub fn total_buckets(&self) -> Vec<i32> {
        let Periods { day, week, month, .. } = self.current;
        let mut buckets: Vec<i32> = [Period::EVER, day, week, month]
            .iter()
            .chain(&self.series)
            .chain(&self.hours)
            .map(|period| period.bucket())
            .collect();
        buckets.sort_unstable();
        buckets.dedup();
        buckets
    }
}

/// One tally, as the store reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The period, see [`Period::bucket`].
    pub bucket: i32,
    /// See [`Dimension`].
    pub dimension: i16,
    /// The value within the dimension.
    pub value: String,
    /// Unique visitors of this value in this period.
    pub visitors: i64,
    /// Pageviews.
    pub pageviews: i64,
}

/// The numbers of one site. Its fields are the JSON answer's.
#[derive(Clone, Debug, Serialize)]
pub struct Statistics {
    /// The host name being counted.
    pub site: Arc<str>,
    /// IANA name of the zone in which periods begin and end.
    pub time_zone: String,
    /// When the numbers were read (RFC 3339, UTC).
    pub as_of: String,
    /// Whether these are old numbers, because the database could not be asked.
    pub stale: bool,
    /// Unique visitors of the current periods.
    pub visitors: Visitors,
    /// Pageviews of the current periods.
    pub pageviews: Pageviews,
    /// The kind of period asked for, oldest first.
    pub series: Vec<Point>,
    /// The last 24 hours, oldest first.
    pub last_24_hours: Vec<Point>,
    /// The period that everything below is about.
    pub period: Span,
    /// Pages, most visitors first.
    pub pages: Vec<Entry>,
    /// Referring hosts.
    pub referrers: Vec<Entry>,
    /// Browsers.
    pub browsers: Vec<Entry>,
    /// Operating systems.
    pub operating_systems: Vec<Entry>,
    /// Kinds of device.
    pub devices: Vec<Entry>,
    /// Countries.
    pub countries: Vec<Entry>,
    /// Languages.
    pub languages: Vec<Entry>,
    /// Campaigns.
    pub campaigns: Vec<Entry>,
    /// Requests that were not counted in full.
    pub excluded: Excluded,
}

/// Unique visitors. Days, weeks and months are exact and can't be added up.
#[derive(Clone, Debug, Serialize)]
pub struct Visitors {
    /// Of the current day.
    pub today: i64,
    /// Of the current ISO week.
    pub this_week: i64,
    /// Of the current month.
    pub this_month: i64,
    /// Since counting began.
    pub all_time: Estimate,
}

/// An estimated count.
#[derive(Clone, Debug, Serialize)]
pub struct Estimate {
    /// Rounded to whole visitors.
    pub estimate: i64,
    /// Relative: two thirds of all estimates are off by less than this share.
    pub standard_error: f64,
}

/// Counts of views. They can be added up.
#[derive(Clone, Debug, Serialize)]
pub struct Pageviews {
    /// Of the current day.
    pub today: i64,
    /// Of the current ISO week.
    pub this_week: i64,
    /// Of the current month.
    pub this_month: i64,
    /// Since counting began.
    pub all_time: i64,
}

/// One period of a series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Point {
    /// RFC 3339, with the zone's offset at that time (`Z` for UTC).
    pub start: String,
    /// Unique within this period.
    pub visitors: i64,
    /// Views in this period.
    pub pageviews: i64,
}

/// A period with its bounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// `day`, `week` or `month`.
    pub kind: &'static str,
    /// RFC 3339, with the zone's offset.
    pub start: String,
    /// RFC 3339: the start of the next period.
    pub end: String,
}

/// One value of a dimension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// A path, a host, …
    pub value: String,
    /// Unique within the period.
    pub visitors: i64,
    /// Views in the period.
    pub pageviews: i64,
}

/// Requests that were not counted in full, by [`Exclusion`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the fields are the variants of `Exclusion`")]
pub struct Excluded {
    pub bots: i64,
    pub prefetch: i64,
    pub opted_out: i64,
    pub own: i64,
    pub rate_limited: i64,
    pub unidentified: i64,
    pub head: i64,
}

/// Puts the rows of a plan together, with the estimate of all-time visitors.
pub fn assemble(
    query: &Query,
    plan: &Plan,
    zone: &TimeZone,
    tallies: Vec<Tally>,
    all_time_visitors: f64,
) -> Statistics {
    let mut totals = std::collections::HashMap::new();
    let mut lists: [Vec<Entry>; 9] = Default::default();
    let mut excluded = Excluded::default();
    for Tally { bucket, dimension, value, visitors, pageviews } in tallies {
        if dimension == Dimension::Total as i16 {
            totals.insert(bucket, (visitors, pageviews));
        } else if dimension == Dimension::Excluded as i16 {
            excluded.add(&value, pageviews);
        } else if let Some(list) = usize::try_from(dimension).ok().and_then(|index| lists.get_mut(index)) {
            list.push(Entry { value, visitors, pageviews });
        }
    }
    for list in &mut lists {
        list.sort_by(|a, b| (b.visitors, b.pageviews, &a.value).cmp(&(a.visitors, a.pageviews, &b.value)));
    }
    let [_, pages, referrers, browsers, operating_systems, devices, countries, languages, campaigns] = lists;
    let total = |period: Period| totals.get(&period.bucket()).copied().unwrap_or_default();
    let points = |periods: &[Period]| {
        periods
            .iter()
            .map(|period| {
                let (visitors, pageviews) = total(*period);
                Point { start: local(period.start(zone), zone), visitors, pageviews }
            })
            .collect()
    };
    let Periods { day, week, month, .. } = plan.current;
    #[allow(clippy::cast_possible_truncation, reason = "an estimate of visitors is far below 2^53")]
    let estimate = all_time_visitors.round() as i64;
    Statistics {
        site: query.site.clone(),
        time_zone: zone.iana_name().unwrap_or("UTC").to_owned(),
        as_of: utc(plan.as_of),
        stale: false,
        visitors: Visitors {
            today: total(day).0,
            this_week: total(week).0,
            this_month: total(month).0,
            all_time: Estimate { estimate, standard_error: all_time::STANDARD_ERROR },
        },
        pageviews: Pageviews {
            today: total(day).1,
            this_week: total(week).1,
            this_month: total(month).1,
            all_time: total(Period::EVER).1,
        },
        series: points(&plan.series),
        last_24_hours: points(&plan.hours),
        period: Span {
            kind: plan.listed.kind().name(),
            start: local(plan.listed.start(zone), zone),
            end: local(plan.listed.end(zone), zone),
        },
        pages,
        referrers,
        browsers,
        operating_systems,
        devices,
        countries,
        languages,
        campaigns,
        excluded,
    }
}

impl Excluded {
    fn add(&mut self, name: &str, count: i64) {
        let Some(reason) = Exclusion::ALL.into_iter().find(|reason| reason.name() == name) else { return };
        let field = match reason {
            Exclusion::Bots => &mut self.bots,
            Exclusion::Prefetch => &mut self.prefetch,
            Exclusion::OptedOut => &mut self.opted_out,
            Exclusion::Own => &mut self.own,
            Exclusion::RateLimited => &mut self.rate_limited,
            Exclusion::Unidentified => &mut self.unidentified,
            Exclusion::Head => &mut self.head,
        };
        *field += count;
    }
}

/// RFC 3339 in UTC, to the second.
fn utc(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// RFC 3339 by the local clock; `Z` for UTC.
fn local(instant: Timestamp, zone: &TimeZone) -> String {
    if zone.iana_name() == Some("UTC") || *zone == TimeZone::UTC {
        return utc(instant);
    }
    let zoned = instant.to_zoned_datetime(zone.clone());
    zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-23T10:20:30Z".parse().unwrap()
    }

    fn query(kind: Kind, from: Option<&str>, to: Option<&str>) -> Query {
        let date = |text: Option<&str>| text.map(|text| text.parse().unwrap());
        Query { site: "example.com".into(), kind, from: date(from), to: date(to) }
    }

    fn starts(query: &Query, zone: &str) -> Vec<String> {
        let zone = TimeZone::get(zone).unwrap();
        let plan = query.plan(now(), &zone).unwrap();
        assemble(query, &plan, &zone, vec![], 0.0).series.into_iter().map(|point| point.start).collect()
    }

    #[test]
    fn a_range_of_days_has_each_day_once_in_the_sites_zone() {
        let asked = query(Kind::Day, Some("2026-10-24"), Some("2026-10-26"));
        assert_eq!(starts(&asked, "UTC"), ["2026-10-24T00:00:00Z", "2026-10-25T00:00:00Z", "2026-10-26T00:00:00Z"]);
        assert_eq!(
            starts(&asked, "Europe/Berlin"),
            ["2026-10-24T00:00:00+02:00", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"]
        );
    }

    #[test]
    fn without_a_range_the_series_ends_now() {
        for (kind, length, last) in [
            (Kind::Hour, 24, "2026-11-23T10:00:00Z"),
            (Kind::Day, 30, "2026-11-23T00:00:00Z"),
            (Kind::Week, 12, "2026-11-23T00:00:00Z"),
            (Kind::Month, 12, "2026-11-01T00:00:00Z"),
        ] {
            let starts = starts(&query(kind, None, None), "UTC");
            assert_eq!(starts.len(), length);
            assert_eq!(starts.last().unwrap(), last);
        }
    }

    #[test]
    fn a_day_asked_for_by_hours_has_as_many_as_it_has() {
        assert_eq!(starts(&query(Kind::Hour, Some("2026-10-25"), Some("2026-10-25")), "Europe/Berlin").len(), 25);
        assert_eq!(starts(&query(Kind::Hour, Some("2026-03-29"), Some("2026-03-29")), "Europe/Berlin").len(), 23);
    }

    #[test]
    fn a_bad_range_is_refused_by_what_is_wrong_with_it() {
        let plan = |from, to| query(Kind::Day, Some(from), Some(to)).plan(now(), &TimeZone::UTC).unwrap_err();
        assert_eq!(plan("2026-02-02", "2026-02-01"), BadQuery::Backwards);
        assert_eq!(plan("2020-01-01", "2026-01-01"), BadQuery::TooLong);
        assert_eq!(plan("1960-01-01", "1961-01-01"), BadQuery::OutOfRange);
    }

    #[test]
    fn rows_find_their_places() {
        let asked = query(Kind::Day, None, None);
        let plan = asked.plan(now(), &TimeZone::UTC).unwrap();
        let today = plan.listed.bucket();
        let tally = |bucket, dimension: Dimension, value: &str, visitors, pageviews| Tally {
            bucket,
            dimension: dimension as i16,
            value: value.to_owned(),
            visitors,
            pageviews,
        };
        let statistics = assemble(
            &asked,
            &plan,
            &TimeZone::UTC,
            vec![
                tally(today, Dimension::Total, "", 3, 7),
                tally(0, Dimension::Total, "", 0, 200),
                tally(today, Dimension::Page, "/b", 1, 1),
                tally(today, Dimension::Page, "/", 3, 6),
                tally(today, Dimension::Excluded, "bots", 0, 4),
            ],
            3.2,
        );
        assert_eq!((statistics.visitors.today, statistics.pageviews.today), (3, 7));
        assert_eq!(statistics.pageviews.all_time, 200);
        assert_eq!(statistics.visitors.all_time.estimate, 3);
        assert_eq!(statistics.series.last().unwrap().visitors, 3);
        assert_eq!(statistics.pages[0].value, "/");
        assert_eq!(statistics.excluded.bots, 4);
    }
}
