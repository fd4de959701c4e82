//! A query (site, days and steps), and the plan of what to read for it.

use std::str::FromStr;

use jiff::{Timestamp, tz::TimeZone};

use super::{
    bad_query::{BadQuery, MAXIMUM_DAYS, MAXIMUM_POINTS},
    filter::{Filter, Pairing},
    range::{Range, Step},
    section::Section,
};
use crate::domain::{
    calendar::{Day, Moment},
    cells::Selection,
    dimension::{Dimension, Group, TallyKey},
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
    pub lists: Lists,
    /// The rows of the lists.
    pub section: Section,
    /// The values that the query is about.
    pub filter: Filter,
}

/// The lists of values to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lists {
    All,
    /// One group, and the names of the other groups that have values.
    Group(Group),
    /// One list, and the names of the other groups that have values.
    One(Dimension),
    None,
}

impl Lists {
    /// The group of the list or lists, if they are of one group.
    pub const fn group(self) -> Option<Group> {
        match self {
            Self::Group(group) => Some(group),
            Self::One(dimension) => Some(dimension.group()),
            Self::All | Self::None => None,
        }
    }

    /// Whether the list of a dimension is read.
    pub fn contain(self, dimension: Dimension) -> bool {
        match self {
            Self::All => true,
            Self::Group(group) => dimension.group() == group,
            Self::One(listed) => dimension == listed,
            Self::None => false,
        }
    }
}

impl FromStr for Lists {
    type Err = BadQuery;

    fn from_str(word: &str) -> Result<Self, BadQuery> {
        if word == "none" {
            return Ok(Self::None);
        }
        let group = Group::ALL.iter().find(|group| group.name() == word).ok_or(BadQuery::UnknownLists)?;
        Ok(Self::Group(*group))
    }
}

/// One point of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlannedPoint {
    /// An hour of a day.
    Hour(Day, u8),
    /// Days from the first to the last.
    Days(Day, Day),
}

/// The period before a range. If the range ends today, the period before ends at the same time of its last day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Before {
    pub first: Day,
    pub last: Day,
    /// How many hours of the last day belong to the period; `None` for the whole day.
    pub hours: Option<u8>,
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
    /// The first day that is still stored, if days are deleted.
    pub first_kept: Option<Day>,
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
    /// The tallies of the days: those of the site, or those of one value. Hours are counted for the site only.
    pub counted: (TallyKey, String),
    /// Whether combinations of values are counted.
    pub has_cells: bool,
    /// The cells of the days and lists, if the query needs them.
    pub selection: Option<Selection>,
    /// The page or referrer whose referrals are read.
    pub pairing: Option<Pairing>,
    pub lists: Lists,
    pub section: Section,
}

impl Query {
    /// The default query of a page: the last 30 days.
    pub fn of_site(site: SiteName) -> Self {
        Self {
            site,
            range: Range::DEFAULT,
            step: None,
            lists: Lists::Group(Filter::default().default_group()),
            section: Section::of_page(),
            filter: Filter::default(),
        }
    }

    /// Whether the list of the query is one of referrals.
    pub fn lists_referrals(&self) -> bool {
        self.filter.pairing().is_some_and(|pairing| self.lists == Lists::One(pairing.listed))
    }

    /// Whether the other query has the same numbers, except for those of lists.
    pub fn is_equal_but_for_lists(&self, other: &Self) -> bool {
        let Self { site, range, step, lists: _, section: _, filter } = self;
        (site, range, step, filter) == (&other.site, &other.range, &other.step, &other.filter)
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
        let step = self.filter.step(self.step.unwrap_or(Step::suiting(days)));
        let is_exact = forget.is_exact(first, last);
        let series = series(first, last, step, zone)?;
        let before = self.before(now, today, zone, step, (first, last), first_kept);
        let counted = match self.filter.condition().or_else(|| self.filter.value()) {
            None => (TallyKey::Total, String::new()),
            Some(condition) => (TallyKey::Of(condition.dimension), condition.value.clone()),
        };
        let hours = if self.filter.is_empty() { last_hours(today, hour, zone) } else { Vec::new() };
        let needs_cells = self.filter.combines() || self.lists != Lists::None;
        let has_lists = is_exact && self.lists != Lists::None;
        let selection = self.filter.selection(has_lists.then_some((first, last))).filter(|_| needs_cells);
        let has_weeks = forget == Forget::Monthly && self.filter.has_visitors();
        let weeks = if has_weeks { last_weeks(today, first_kept) } else { Vec::new() };
        let (lists, section) = (self.lists, self.section.clone());
        let is_read = |listed| lists == Lists::None || lists.contain(listed);
        let pairing = self.filter.pairing().filter(|pairing| is_read(pairing.listed));
        Ok(Plan {
            as_of: now,
            today,
            first,
            last,
            first_kept,
            is_exact,
            step,
            series,
            before,
            hours,
            weeks,
            counted,
            has_cells: true,
            selection,
            pairing,
            lists,
            section,
        })
    }

    /// The period before the days of the range: the same days of the week or month before for the current week or month, else as many
    /// days before the first.
    fn before(
        &self,
        now: Timestamp,
        today: Day,
        zone: &TimeZone,
        step: Step,
        (first, last): (Day, Day),
        first_kept: Option<Day>,
    ) -> Option<Before> {
        let days = last.number() - first.number() + 1;
        let earlier = |days: i32| (first.plus(-days), last.plus(-days));
        let (begin, end) = match self.range {
            Range::Week => earlier(7),
            Range::Month => {
                let month = first.month().plus(-1);
                (month.first_day(), month.first_day().plus(days - 1))
            }
            // Nothing was counted before.
            Range::All(_) => return None,
            _ => earlier(days),
        };
        let is_kept = first_kept.is_none_or(|kept| kept <= begin);
        // The calendar has no days before 1970.
        if !is_kept || days > MAXIMUM_DAYS_BEFORE || end.number() - begin.number() + 1 != days || begin >= first {
            return None;
        }
        let whole = end.min(first.plus(-1));
        let series = match step {
            Step::Hour | Step::Day => series(begin, whole, step, zone).ok()?,
            Step::Week | Step::Month => Vec::new(),
        };
        let is_unfinished = last == today && whole == end;
        // The hours of a value are not counted, so the last day before cannot be cut. In a week it matters little.
        if is_unfinished && !self.filter.is_empty() && days < FEWEST_WHOLE_DAYS_BEFORE {
            return None;
        }
        // A month before that is shorter than the part of this month is whole.
        let (last, hours) =
            if is_unfinished && self.filter.is_empty() { part(end, now, today, zone) } else { (whole, None) };
        (begin <= last).then_some(Before { first: begin, last, hours, series })
    }
}

/// The part of a day, in whole hours, that is as long as the part of today until now: the last day, and its hours unless it is whole.
fn part(day: Day, now: Timestamp, today: Day, zone: &TimeZone) -> (Day, Option<u8>) {
    let minutes = now.duration_since(today.start(zone)).as_mins();
    match u8::try_from((minutes + 30).div_euclid(60)).unwrap_or_default() {
        0 => (day.plus(-1), None),
        hours if hours >= day.hours(zone) => (day, None),
        hours => (day, Some(hours)),
    }
}

impl Plan {
    /// The days whose totals are needed, sorted.
    pub fn days(&self) -> Vec<i32> {
        let mut days: Vec<i32> =
            (self.current().number()..=self.today.number()).chain(self.first.number()..=self.last.number()).collect();
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
            .chain(self.before.iter().filter(|before| before.hours.is_some()).map(|before| before.last.number()))
            .collect();
        days.sort_unstable();
        days.dedup();
        days
    }
}

/// The part of a report's lists that one statement reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The numbers of the dimensions whose values are listed.
    pub dimensions: Vec<i16>,
    /// The numbers of the dimensions of other groups: the statement only finds out which of them have values.
    pub unread: Vec<i16>,
    /// Whether the statement also reads everything that is not a list.
    pub with_totals: bool,
}

/// How many days of one dimension a statement reads at most, unless the range is longer. The lists of a month take one statement.
/// Between the statements of a longer range, other networks have their turns.
pub const STATEMENT_DAYS: i64 = 550;

impl Plan {
    /// The first day of this week and this month.
    pub fn current(&self) -> Day {
        self.today.month().first_day().min(self.today.monday())
    }

    /// Whether the lists come from cells.
    pub fn lists_cells(&self) -> bool {
        self.selection.as_ref().is_some_and(|selection| selection.range.is_some())
    }

    /// The statements that together read the report's totals and lists.
    pub fn slices(&self) -> Vec<Slice> {
        let width = usize::try_from(STATEMENT_DAYS / self.range_days()).unwrap_or_default().max(1);
        let (listed, unread): (Vec<Dimension>, Vec<Dimension>) =
            Dimension::lists().partition(|dimension| self.lists.contain(*dimension));
        let numbers = |dimensions: Vec<Dimension>| dimensions.into_iter().map(Dimension::number);
        // Exclusions are counted for the site only.
        let exclusion = (self.counted.0 == TallyKey::Total).then_some(TallyKey::Exclusion.number());
        // The lists of a filter come from cells, and referrals have a statement of their own.
        let has_lists = self.selection.is_none() && self.counted.0 == TallyKey::Total;
        let listed: Vec<i16> =
            if has_lists { exclusion.into_iter().chain(numbers(listed)).collect() } else { Vec::new() };
        let unread = match self.lists {
            Lists::None => Vec::new(),
            _ if has_lists => numbers(unread).collect(),
            // A page with a filter has the tabs of the whole site.
            Lists::Group(_) | Lists::One(_) => numbers(Dimension::lists().collect()).collect(),
            Lists::All => Vec::new(),
        };
        let slice = |(number, dimensions): (usize, &[i16])| Slice {
            dimensions: dimensions.to_vec(),
            unread: if number == 0 { unread.clone() } else { Vec::new() },
            with_totals: number == 0,
        };
        if listed.is_empty() {
            return vec![slice((0, &[]))];
        }
        listed.chunks(width).enumerate().map(slice).collect()
    }

    /// The months that are in the range as a whole, if only their pageviews are shown: pairs of the first and the last day.
    pub fn whole_months(&self) -> (Vec<i32>, Vec<i32>) {
        let mut months = (Vec::new(), Vec::new());
        let mut month = self.first.month();
        while !self.is_exact && month.last_day() <= self.last {
            if month.first_day() >= self.first {
                months.0.push(month.first_day().number());
                months.1.push(month.last_day().number());
            }
            let next = month.plus(1);
            if next == month {
                break;
            }
            month = next;
        }
        months
    }

    /// The number of days in the range.
    pub fn range_days(&self) -> i64 {
        i64::from(self.last.number() - self.first.number() + 1)
    }

    /// The work of reading a slice: the days of all its dimensions.
    pub fn cost(&self, slice: &Slice) -> i64 {
        let dimensions = slice.dimensions.len().max(1);
        i64::try_from(dimensions).map_or(i64::MAX, |dimensions| dimensions * self.range_days())
    }
}

/// Longest range that is compared with the period before, in days: two months.
const MAXIMUM_DAYS_BEFORE: i32 = 62;

/// Shortest range until today whose numbers of one value are compared with whole days before, in days.
pub const FEWEST_WHOLE_DAYS_BEFORE: i32 = 7;

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
        Query {
            site: "example.com".parse().unwrap(),
            range,
            step,
            lists: Lists::All,
            section: Section::default(),
            filter: Filter::default(),
        }
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

    /// The period before a range at a time: its first and last day, the hours of the last day, and the number of its points.
    fn before(now: &str, range: Range, step: Option<Step>, kept: Option<&str>) -> Option<(String, Option<u8>, usize)> {
        let plan =
            query(range, step).plan(now.parse().unwrap(), &TimeZone::UTC, Forget::Monthly, kept.map(day)).unwrap();
        plan.before.map(|before| (format!("{} {}", before.first, before.last), before.hours, before.series.len()))
    }

    #[test]
    fn the_period_before_has_as_many_days_and_needs_all_of_them_stored() {
        let before = |range, step, kept| before("2026-11-23T10:20:30Z", range, step, kept);
        let found = |days: &str, hours, points| Some((days.to_owned(), hours, points));
        let between = |first, last| Range::Between(day(first), Some(day(last)));
        assert_eq!(before(Range::Days(7), None, None), found("2026-11-10 2026-11-16", Some(10), 7));
        assert_eq!(before(Range::Yesterday, None, None), found("2026-11-21 2026-11-21", None, 24));
        assert_eq!(before(between("2026-11-01", "2026-11-10"), None, None), found("2026-10-22 2026-10-31", None, 10));
        assert_eq!(
            before(between("2026-11-21", "2027-12-31"), None, None),
            found("2026-11-18 2026-11-20", Some(10), 3)
        );
        assert_eq!(before(Range::Month, Some(Step::Week), None), found("2026-10-01 2026-10-23", Some(10), 0));
        assert_eq!(before(Range::Days(7), None, Some("2026-11-10")), found("2026-11-10 2026-11-16", Some(10), 7));
        assert_eq!(before(Range::Days(7), None, Some("2026-11-11")), None);
        assert_eq!(before(Range::Months(12), None, None), None);
        assert_eq!(before(Range::All(Some(day("2026-11-10"))), None, None), None);
    }

    #[test]
    fn today_this_week_and_this_month_are_compared_with_the_same_part_of_the_period_before() {
        let found = |days: &str, hours| Some((days.to_owned(), hours));
        for (now, range, expected) in [
            ("2026-11-23T10:20:30Z", Range::Today, found("2026-11-22 2026-11-22", Some(10))),
            ("2026-11-23T10:40:30Z", Range::Today, found("2026-11-22 2026-11-22", Some(11))),
            ("2026-11-23T23:40:30Z", Range::Today, found("2026-11-22 2026-11-22", None)),
            ("2026-11-23T00:20:30Z", Range::Today, None),
            ("2026-11-25T10:20:30Z", Range::Week, found("2026-11-16 2026-11-18", Some(10))),
            ("2026-11-25T00:20:30Z", Range::Week, found("2026-11-16 2026-11-17", None)),
            ("2026-11-23T00:20:30Z", Range::Week, None),
            ("2026-11-25T10:20:30Z", Range::Month, found("2026-10-01 2026-10-25", Some(10))),
            ("2026-12-31T10:20:30Z", Range::Month, found("2026-11-01 2026-11-30", None)),
            ("2027-03-28T10:20:30Z", Range::Month, found("2027-02-01 2027-02-28", Some(10))),
            ("2027-03-29T10:20:30Z", Range::Month, found("2027-02-01 2027-02-28", None)),
        ] {
            let before = before(now, range, None, None).map(|(days, hours, _)| (days, hours));
            assert_eq!(before, expected, "{range:?} at {now}");
        }
    }

    #[test]
    fn a_last_day_in_the_future_is_cut_at_today() {
        let plan = |first, last| plan_in(&query(Range::Between(day(first), Some(day(last))), None), "UTC").unwrap();
        let cut = plan("2026-11-01", "2027-12-31");
        assert_eq!((cut.first, cut.last, cut.is_exact), (day("2026-11-01"), day("2026-11-23"), true));
        assert_eq!(plan("2026-11-23", "9999-12-31").last, day("2026-11-23"));
        // A range that only begins in the future has no visits.
        assert_eq!(plan("2026-11-24", "2026-11-30").last, day("2026-11-30"));
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

    #[test]
    fn slices_cover_every_list_once_and_the_totals_once() {
        for (days, slices) in [(1, 1), (31, 1), (60, 2), (120, 5), (366, 17), (3660, 17)] {
            let plan = plan_in(&query(Range::Days(days), None), "UTC").unwrap();
            let found = plan.slices();
            assert_eq!(found.len(), slices, "{days} days");
            assert!(found[0].with_totals && found[1..].iter().all(|slice| !slice.with_totals));
            let dimensions: Vec<i16> = found.iter().flat_map(|slice| &slice.dimensions).copied().collect();
            let lists = Dimension::lists().map(Dimension::number);
            assert_eq!(dimensions, [TallyKey::Exclusion.number()].into_iter().chain(lists).collect::<Vec<_>>());
            for slice in &found {
                assert!(plan.cost(slice) <= STATEMENT_DAYS || slice.dimensions.len() == 1, "{days} days");
            }
        }
    }

    #[test]
    fn a_query_about_one_value_reads_its_days_and_no_hours() {
        use crate::domain::statistics::Condition;
        let value = Condition { dimension: Dimension::Page, value: "/".to_owned(), is_negated: false };
        let query = |range| Query { filter: value.clone().into(), lists: Lists::None, ..query(range, None) };
        let plan = plan_in(&query(Range::Today), "UTC").unwrap();
        assert_eq!((plan.step, plan.days_by_hour(), plan.before.clone()), (Step::Day, vec![], None));
        assert_eq!(plan.counted, (TallyKey::Of(Dimension::Page), "/".to_owned()));
        let [slice] = &plan.slices()[..] else { panic!("{plan:?}") };
        assert!(slice.with_totals && slice.dimensions.is_empty() && plan.cost(slice) == 1);
        // A week or more is compared with whole days.
        let before = |range| plan_in(&query(range), "UTC").unwrap().before.map(|before| (before.last, before.hours));
        assert_eq!(before(Range::Days(6)), None);
        assert_eq!(before(Range::Days(7)), Some((day("2026-11-16"), None)));
        assert_eq!(before(Range::Yesterday), Some((day("2026-11-21"), None)));
    }

    #[test]
    fn only_the_lists_of_the_query_are_read() {
        let slices =
            |lists| plan_in(&Query { lists, ..query(Range::Days(30), None) }, "UTC").map(|plan| plan.slices()).unwrap();
        let exclusion = TallyKey::Exclusion.number();
        let none = slices(Lists::None);
        assert_eq!((none.len(), &none[0].dimensions, &none[0].unread), (1, &vec![exclusion], &vec![]));
        for group in Group::ALL {
            let [slice] = &slices(Lists::Group(*group))[..] else { panic!("{group:?}") };
            let (of_group, others): (Vec<Dimension>, Vec<Dimension>) =
                Dimension::lists().partition(|dimension| dimension.group() == *group);
            let numbers =
                |dimensions: Vec<Dimension>| dimensions.into_iter().map(Dimension::number).collect::<Vec<_>>();
            assert_eq!(slice.dimensions, [vec![exclusion], numbers(of_group)].concat());
            assert_eq!(slice.unread, numbers(others));
            assert_eq!(group.name().parse(), Ok(Lists::Group(*group)));
        }
        assert_eq!("everything".parse::<Lists>(), Err(BadQuery::UnknownLists));
        let named = Group::ALL.iter().map(|group| group.name()).collect::<Vec<_>>().join(", ");
        assert!(BadQuery::UnknownLists.to_string().contains(&named));
    }
}
