//! A query (site, days and steps), and the plan of what to read for it.

use jiff::{Timestamp, tz::TimeZone};

use super::{
    bad_query::{BadQuery, MAXIMUM_DAYS, MAXIMUM_POINTS},
    breakdown::Breakdown,
    range::{Range, Step},
};
use crate::domain::{
    calendar::{Day, Moment},
    retention::Forget,
    site_name::SiteName,
};

/// The parameters of a request for statistics.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// The host name being counted.
    pub site: SiteName,
    pub range: Range,
    /// The steps of the series; the default depends on the range.
    pub step: Option<Step>,
    pub breakdown: Option<Breakdown>,
}

/// One point of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlannedPoint {
    /// An hour of a day.
    Hour(Day, u8),
    /// Days from the first to the last.
    Days(Day, Day),
}

/// The period before a range: as many days, up to the one before the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Before {
    pub first: Day,
    pub last: Day,
    /// Points to compare with those of the range, oldest first. Empty if steps are longer than a day: weeks and months of the two
    /// periods would not have the same lengths.
    pub series: Vec<PlannedPoint>,
}

/// The days and hours to read for a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub as_of: Timestamp,
    pub today: Day,
    pub first: Day,
    pub last: Day,
    /// Whether the range's unique visitors are known.
    pub is_exact: bool,
    pub step: Step,
    /// The points of the series, oldest first.
    pub series: Vec<PlannedPoint>,
    /// The period before; `None` if it is too long to compare, or no longer stored.
    pub before: Option<Before>,
    /// The last 24 hours, oldest first.
    pub hours: Vec<PlannedPoint>,
    /// The last weeks, oldest first, from Monday to Sunday or to today.
    pub weeks: Vec<(Day, Day)>,
}

impl Query {
    /// The default query: the last 30 days.
    pub fn of_site(site: SiteName) -> Self {
        Self { site, range: Range::DEFAULT, step: None, breakdown: None }
    }

    /// Plans the query. A range never begins before `first_kept`: without the deleted days, unique visitors would be wrong.
    ///
    /// # Errors
    /// If the range is backwards or too long, or the series has too many points.
    pub fn plan(
        &self,
        now: Timestamp,
        zone: &TimeZone,
        forget: Forget,
        first_kept: Option<Day>,
    ) -> Result<Plan, BadQuery> {
        let Moment { day: today, hour } = Moment::of(now, zone)?;
        let (first, last) = self.range.days(today);
        if first > last {
            return Err(BadQuery::Backwards);
        }
        let first = first_kept.map_or(first, |kept| kept.clamp(first, last));
        let days = last.number() - first.number() + 1;
        if days > MAXIMUM_DAYS {
            return Err(BadQuery::TooLong);
        }
        let step = self.step.unwrap_or(Step::suiting(days));
        let is_exact = forget.is_exact(first, last);
        let series = series(first, last, step, zone)?;
        let before = before(first, last, step, zone, first_kept);
        let hours = last_hours(today, hour, zone);
        let weeks = if forget == Forget::Monthly { last_weeks(today, first_kept) } else { Vec::new() };
        Ok(Plan { as_of: now, today, first, last, is_exact, step, series, before, hours, weeks })
    }
}

impl Plan {
    /// The days whose totals are needed, sorted.
    pub fn days(&self) -> Vec<i32> {
        let current = self.today.month().first_day().min(self.today.monday());
        let mut days: Vec<i32> =
            (current.number()..=self.today.number()).chain(self.first.number()..=self.last.number()).collect();
        days.extend(self.weeks.iter().flat_map(|(first, last)| first.number()..=last.number()));
        days.extend(self.before.iter().flat_map(|before| before.first.number()..=before.last.number()));
        days.sort_unstable();
        days.dedup();
        days
    }

    /// The days whose hours are needed, sorted.
    pub fn days_by_hour(&self) -> Vec<i32> {
        let mut days: Vec<i32> = self
            .series
            .iter()
            .chain(self.before.iter().flat_map(|before| &before.series))
            .chain(&self.hours)
            .filter_map(|slot| match slot {
                PlannedPoint::Hour(day, _) => Some(day.number()),
                PlannedPoint::Days(..) => None,
            })
            .collect();
        days.sort_unstable();
        days.dedup();
        days
    }
}

/// Longest range that is compared with the period before, in days: two months.
const MAXIMUM_DAYS_BEFORE: i32 = 62;

fn before(first: Day, last: Day, step: Step, zone: &TimeZone, first_kept: Option<Day>) -> Option<Before> {
    let days = last.number() - first.number() + 1;
    let (first, last) = (first.plus(-days), first.plus(-1));
    // The calendar has no days before 1970.
    let is_kept = first_kept.is_none_or(|kept| kept <= first) && last.number() - first.number() + 1 == days;
    let series = match step {
        Step::Hour | Step::Day => series(first, last, step, zone).ok()?,
        Step::Week | Step::Month => Vec::new(),
    };
    (is_kept && days <= MAXIMUM_DAYS_BEFORE).then_some(Before { first, last, series })
}

fn series(first: Day, last: Day, step: Step, zone: &TimeZone) -> Result<Vec<PlannedPoint>, BadQuery> {
    let mut series = Vec::new();
    let mut day = first;
    while day <= last {
        let end = match step {
            Step::Hour => {
                series.extend((0..day.hours(zone)).map(|hour| PlannedPoint::Hour(day, hour)));
                day
            }
            Step::Day => day,
            Step::Week => day.monday().plus(6).min(last),
            Step::Month => day.month().last_day().min(last),
        };
        if step != Step::Hour {
            series.push(PlannedPoint::Days(day, end));
        }
        if series.len() > MAXIMUM_POINTS {
            return Err(BadQuery::TooManyPoints);
        }
        day = end.plus(1);
    }
    Ok(series)
}

/// Number of weeks, including the current one.
const WEEKS: i32 = 8;

/// The weeks up to this one, oldest first. Weeks with deleted days are left out.
fn last_weeks(today: Day, first_kept: Option<Day>) -> Vec<(Day, Day)> {
    let weeks = (0..WEEKS).rev().map(|back| today.monday().plus(-7 * back)).map(|monday| (monday, monday.plus(6)));
    let weeks = weeks.filter(|(monday, sunday)| sunday.number() - monday.number() == 6);
    let is_kept = |monday: Day| first_kept.is_none_or(|kept| kept <= monday);
    weeks.filter(|(monday, _)| is_kept(*monday)).map(|(monday, sunday)| (monday, sunday.min(today))).collect()
}

/// The 24 hours up to this one, oldest first.
fn last_hours(today: Day, hour: u8, zone: &TimeZone) -> Vec<PlannedPoint> {
    let mut hours: Vec<PlannedPoint> = (0..=hour).rev().map(|hour| PlannedPoint::Hour(today, hour)).collect();
    let yesterday = today.plus(-1);
    if yesterday < today {
        hours.extend((0..yesterday.hours(zone)).rev().map(|hour| PlannedPoint::Hour(yesterday, hour)));
    }
    hours.truncate(24);
    hours.reverse();
    hours
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::of_date(text.parse().unwrap()).unwrap()
    }

    fn query(range: Range, step: Option<Step>) -> Query {
        Query { site: "example.com".parse().unwrap(), range, step, breakdown: None }
    }

    fn plan_in(query: &Query, zone: &str) -> Result<Plan, BadQuery> {
        query.plan("2026-11-23T10:20:30Z".parse().unwrap(), &TimeZone::get(zone).unwrap(), Forget::Monthly, None)
    }

    #[test]
    fn the_default_step_depends_on_the_length_of_the_range() {
        let points = |range, step| {
            let plan = plan_in(&query(range, step), "Europe/Berlin").unwrap();
            (plan.step, plan.series.len())
        };
        let between = |first, last| Range::Between(day(first), Some(day(last)));
        assert_eq!(points(between("2026-10-25", "2026-10-25"), None), (Step::Hour, 25));
        assert_eq!(points(between("2026-03-29", "2026-03-29"), None), (Step::Hour, 23));
        assert_eq!(points(Range::Days(30), None), (Step::Day, 30));
        assert_eq!(points(Range::Months(12), None), (Step::Month, 12));
        assert_eq!(points(Range::Days(30), Some(Step::Week)), (Step::Week, 6));
    }

    #[test]
    fn the_points_of_a_series_cover_the_range_without_gap_or_overlap() {
        for step in [Step::Day, Step::Week, Step::Month] {
            let plan =
                plan_in(&query(Range::Between(day("2026-09-16"), Some(day("2026-11-10"))), Some(step)), "UTC").unwrap();
            let mut next = plan.first;
            for slot in plan.series {
                let PlannedPoint::Days(first, last) = slot else { panic!("{slot:?}") };
                assert!(first == next && last >= first);
                next = last.plus(1);
            }
            assert_eq!(next, plan.last.plus(1));
        }
    }

    #[test]
    fn the_last_24_hours_end_with_this_one_and_cross_midnight() {
        let hours = plan_in(&query(Range::Today, None), "UTC").unwrap().hours;
        assert_eq!(hours.len(), 24);
        assert_eq!(hours[0], PlannedPoint::Hour(day("2026-11-22"), 11));
        assert_eq!(hours[23], PlannedPoint::Hour(day("2026-11-23"), 10));
    }

    #[test]
    fn an_invalid_range_is_rejected_with_its_fault() {
        let refusal = |first, last, step| plan_in(&query(Range::Between(day(first), last), step), "UTC").unwrap_err();
        assert_eq!(refusal("2026-02-02", Some(day("2026-02-01")), None), BadQuery::Backwards);
        assert_eq!(refusal("2026-11-24", None, None), BadQuery::Backwards);
        assert_eq!(refusal("2000-01-01", None, None), BadQuery::TooLong);
        assert_eq!(refusal("2025-01-01", None, Some(Step::Day)), BadQuery::TooManyPoints);
    }

    #[test]
    fn a_range_never_begins_before_the_first_stored_day() {
        let (now, zone) = ("2026-11-23T10:20:30Z".parse().unwrap(), TimeZone::UTC);
        let first = |range| {
            let plan = query(range, None).plan(now, &zone, Forget::Monthly, Some(day("2026-11-10"))).unwrap();
            (plan.first.to_string(), plan.last.to_string())
        };
        assert_eq!(first(Range::Days(30)), ("2026-11-10".to_owned(), "2026-11-23".to_owned()));
        assert_eq!(first(Range::Days(7)), ("2026-11-17".to_owned(), "2026-11-23".to_owned()));
        assert_eq!(first(Range::LastMonth), ("2026-10-31".to_owned(), "2026-10-31".to_owned()));
    }

    #[test]
    fn the_period_before_has_as_many_days_and_needs_all_of_them_stored() {
        let now = "2026-11-23T10:20:30Z".parse().unwrap();
        let before = |range, step, kept: Option<&str>| {
            let plan = query(range, step).plan(now, &TimeZone::UTC, Forget::Monthly, kept.map(day)).unwrap();
            plan.before.map(|before| (before.first.to_string(), before.last.to_string(), before.series.len()))
        };
        let found = |first: &str, last: &str, points| Some((first.to_owned(), last.to_owned(), points));
        assert_eq!(before(Range::Days(7), None, None), found("2026-11-10", "2026-11-16", 7));
        assert_eq!(before(Range::Today, None, None), found("2026-11-22", "2026-11-22", 24));
        assert_eq!(before(Range::Month, Some(Step::Week), None), found("2026-10-09", "2026-10-31", 0));
        assert_eq!(before(Range::Days(7), None, Some("2026-11-10")), found("2026-11-10", "2026-11-16", 7));
        assert_eq!(before(Range::Days(7), None, Some("2026-11-11")), None);
        assert_eq!(before(Range::Months(12), None, None), None);
    }

    #[test]
    fn eight_weeks_end_with_this_one_and_leave_out_deleted_ones() {
        let now = "2026-11-24T10:20:30Z".parse().unwrap();
        let weeks = |forget, kept: Option<&str>| {
            query(Range::Today, None).plan(now, &TimeZone::UTC, forget, kept.map(day)).unwrap().weeks
        };
        let all = weeks(Forget::Monthly, None);
        assert_eq!((all.len(), all[0]), (8, (day("2026-10-05"), day("2026-10-11"))));
        assert_eq!(all[7], (day("2026-11-23"), day("2026-11-24")));
        assert_eq!(weeks(Forget::Monthly, Some("2026-11-10")), all[6..]);
        assert_eq!(weeks(Forget::Daily, None), []);
    }

    #[test]
    fn only_displayed_days_are_read() {
        let plan = plan_in(&query(Range::Between(day("2015-05-17"), Some(day("2015-05-18"))), None), "UTC").unwrap();
        // Of the last weeks, of the range and of the period before.
        assert_eq!(plan.days().len(), 50 + 2 + 2);
        assert_eq!(plan.days_by_hour().len(), 2 + 2 + 2);
    }
}
