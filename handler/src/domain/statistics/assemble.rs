//! Makes a report of tallies.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use jiff::{SignedDuration, tz::TimeZone};

use super::{
    imported,
    query::{Before, Lists, Plan, PlannedPoint, Query},
    report::{AllTimeEstimate, Counts, Entry, Point, Previous, Referrals, Report, Week},
    section::Sort,
    visitors::{Gaps, Tallies, Tally, ValueTally},
};
use crate::domain::{
    calendar::Day,
    cells::{ATTRIBUTES, VisitorsByGap},
    dimension::{Dimension, TallyKey, Uniqueness},
    identity::all_time,
    retention::Forget,
};

/// Makes the report of a plan.
pub fn assemble(
    query: &Query,
    plan: &Plan,
    zone: &TimeZone,
    forget: Forget,
    tallies: Tallies,
    all_time_visitors: Option<f64>,
) -> Report {
    let Tallies {
        days,
        hours,
        values,
        mut lengths,
        unread,
        excluded,
        referrals,
        selected,
        imported,
        mut annotations,
        pageviews,
        first_day,
        last_day,
        registers_revision: _,
        registers: _,
        is_counted: _,
    } = tallies;
    let conditions = query.filter.conditions();
    let in_tallies = count(&days, plan.first, plan.last, forget).visitors.filter(|_| query.filter.combines());
    let not_shown = in_tallies.map(|visitors| selected.not_shown(conditions, plan.first, plan.last, visitors));
    let [lacks_days, totals_lack_days] = lacking_days(plan, &days);
    // Cells have no pageviews, and other counters have no cells.
    let (days, imported) = if query.filter.combines() {
        (selected.days.iter().map(of_cells).collect(), Vec::new())
    } else {
        (days, imported)
    };
    let earliest = plan.before.as_ref().map_or(plan.first, |before| before.first);
    let counting_began = first_day.filter(|first_day| *first_day > earliest);
    let has_visitors = query.filter.has_visitors();
    let count = |first, last| count(&days, first, last, forget).with_visitors_if(has_visitors);
    let point = |slot: &PlannedPoint| match *slot {
        PlannedPoint::Hour(day, hour) => {
            let midnight = day.start(zone);
            let tally = hours.get(&(day, hour));
            Point {
                // The last day of the calendar ends before its hours do.
                start: midnight.checked_add(SignedDuration::from_hours(hour.into())).unwrap_or(midnight),
                visitors: Some(tally.map_or(0, |tally| tally.visitors.all())),
                pageviews: tally.map_or(0, |tally| tally.pageviews),
            }
        }
        PlannedPoint::Days(first, last) => {
            let Counts { visitors, pageviews, .. } = count(first, last);
            Point { start: first.start(zone), visitors, pageviews }
        }
    };
    let counts = count(plan.first, plan.last);
    let listed = with_value_of_filter(selected.lists, query, plan, counts.visitors);
    let not_listed = not_listed(&listed, plan, counts.visitors.unwrap_or_default());
    let of_cells = lists_of_cells(listed, plan, &mut lengths);
    let lists = lists(values, of_cells, plan);
    let referrals = plan.pairing.clone().map(|pairing| Referrals::assemble(pairing, referrals, &mut lengths));
    #[allow(clippy::cast_possible_truncation, reason = "an estimate of visitors is far below 2^53")]
    let estimate =
        |visitors: f64| AllTimeEstimate { visitors: visitors.round() as i64, standard_error: all_time::STANDARD_ERROR };
    annotations.sort();
    let today = plan.today;
    Report {
        site: query.site.clone(),
        zone: zone.clone(),
        as_of: plan.as_of,
        stale: false,
        today: count(today, today),
        this_week: count(today.monday(), today),
        this_month: count(today.month().first_day(), today),
        all_time_visitors: all_time_visitors.map(estimate),
        all_time_pageviews: pageviews,
        range: query.range,
        first: plan.first,
        last: plan.last,
        first_kept: plan.first_kept,
        counts,
        lacks_days,
        totals_lack_days,
        previous: plan.before.as_ref().filter(|_| counting_began.is_none()).map(|before| {
            // Only the hours of the whole site are counted, which has visitors.
            let part = before.hours.map(|limit| count_part(&days, &hours, before, limit, forget));
            previous(before, zone, part.unwrap_or_else(|| count(before.first, before.last)))
        }),
        counting_began,
        last_counted: last_day,
        step: plan.step,
        series: plan.series.iter().map(point).collect(),
        before: before_series(plan, first_day).map(|slot| slot.map(point)).collect(),
        last_24_hours: plan.hours.iter().map(point).collect(),
        returning: plan.weeks.iter().map(|(first, last)| week(&days, *first, *last)).collect(),
        read_lists: plan.lists,
        section: plan.section.clone(),
        lists,
        lengths,
        unread,
        excluded,
        not_shown,
        not_listed,
        referrals,
        zone_can_change: false,
        filter: query.filter.clone(),
        has_cells: plan.has_cells,
        imported: imported::sums(imported, &plan.series, zone),
        annotations,
    }
}

/// Whether visitors of the range, and of this week and month, had come on days that were deleted. They are not counted.
fn lacking_days(plan: &Plan, days: &BTreeMap<Day, Tally>) -> [bool; 2] {
    let lacks = |(first, last): (Day, Day)| {
        days.range(first..=last).any(|(day, tally)| {
            let gaps = (1..).zip(tally.visitors.0.iter().skip(1)).filter(|(_, visitors)| **visitors > 0);
            gaps.map(|(gap, _)| day.plus(-gap)).any(|before| before >= first && !days.contains_key(&before))
        })
    };
    // A visitor can have another browser on another day, so the days of a browser tell nothing.
    let tells_days = !matches!(plan.counted.0, TallyKey::Of(of) if of.uniqueness() == Uniqueness::OncePerDay);
    [(plan.first, plan.last), (plan.current(), plan.today)].map(|range| tells_days && lacks(range))
}

fn previous(before: &Before, zone: &TimeZone, counts: Counts) -> Previous {
    let until = before.hours.map(|hours| before.last.start(zone) + SignedDuration::from_hours(hours.into()));
    Previous { first: before.first, last: before.last, until, counts }
}

/// The lists of cells. If a tally counts the value of the filter, all visitors have this value, also those whose class has lost it.
fn with_value_of_filter(
    mut lists: BTreeMap<Dimension, HashMap<String, i64>>,
    query: &Query,
    plan: &Plan,
    visitors: Option<i64>,
) -> BTreeMap<Dimension, HashMap<String, i64>> {
    let counted = query.filter.condition().filter(|of| plan.lists_cells() && ATTRIBUTES.contains(&of.dimension));
    if let Some((of, visitors)) = counted.zip(visitors.filter(|visitors| *visitors > 0)) {
        lists.insert(of.dimension, HashMap::from([(of.value.clone(), visitors)]));
    }
    lists
}

/// The visitors in no row of the lists of attributes that the plan reads from cells.
fn not_listed(
    lists: &BTreeMap<Dimension, HashMap<String, i64>>,
    plan: &Plan,
    visitors: i64,
) -> BTreeMap<Dimension, i64> {
    let listed = |attribute| lists.get(&attribute).into_iter().flat_map(HashMap::values).sum::<i64>();
    let attributes = ATTRIBUTES.into_iter().filter(|attribute| plan.lists_cells() && plan.lists.contain(*attribute));
    attributes.map(|attribute| (attribute, visitors - listed(attribute))).filter(|(_, rest)| *rest > 0).collect()
}

/// The rows of the lists of cells that the plan reads, with their lengths.
fn lists_of_cells(
    lists: BTreeMap<Dimension, HashMap<String, i64>>,
    plan: &Plan,
    lengths: &mut BTreeMap<Dimension, i64>,
) -> BTreeMap<Dimension, Vec<Entry>> {
    let mut read = BTreeMap::new();
    for (dimension, values) in lists.into_iter().filter(|(dimension, _)| plan.lists.contain(*dimension)) {
        let (rows, length) = section_of(dimension, values, plan);
        if !rows.is_empty() {
            lengths.insert(dimension, length);
            read.insert(dimension, rows);
        }
    }
    read
}

/// The points of the period before, from the first counted day on. Empty if all of its days were before.
fn before_series(plan: &Plan, first_day: Option<Day>) -> impl Iterator<Item = Option<&PlannedPoint>> {
    let is_counted = move |slot: &&PlannedPoint| match **slot {
        PlannedPoint::Hour(day, _) | PlannedPoint::Days(day, _) => first_day.is_none_or(|first_day| day >= first_day),
    };
    let slots = plan.before.iter().flat_map(|before| &before.series);
    let any = slots.clone().any(|slot| is_counted(&slot));
    slots.map(move |slot| Some(slot).filter(is_counted)).take_while(move |_| any)
}

/// The lists of a report: values from tallies, and those of a filter from cells, which have no pageviews.
fn lists(
    values: Vec<ValueTally>,
    of_cells: BTreeMap<Dimension, Vec<Entry>>,
    plan: &Plan,
) -> BTreeMap<Dimension, Vec<Entry>> {
    let mut lists = of_cells;
    for ValueTally { dimension, value, pageviews, visitors } in values {
        let has_visitors = plan.is_exact && dimension.uniqueness().has_visitors();
        let visitors = has_visitors.then_some(visitors);
        lists.entry(dimension).or_default().push(Entry { value, visitors, pageviews });
    }
    for (dimension, list) in &mut lists {
        let size = |entry: &Entry| match plan.section.sort {
            Sort::Visitors => (entry.visitors, entry.pageviews),
            Sort::Pageviews => (Some(entry.pageviews), entry.visitors.unwrap_or_default()),
        };
        let key = |entry: &Entry| (dimension.is_rest(&entry.value), Reverse(size(entry)));
        list.sort_by(|a, b| key(a).cmp(&key(b)).then_with(|| a.value.cmp(&b.value)));
    }
    lists
}

/// The part of a list of cells that a plan reads, and the number of all values that match its search: in the order of
/// `read_tallies.sql`.
fn section_of(dimension: Dimension, values: HashMap<String, i64>, plan: &Plan) -> (Vec<Entry>, i64) {
    let Plan { section, lists, .. } = plan;
    let is_whole = matches!(lists, Lists::One(_));
    let matches = section.matching(dimension);
    let mut found: Vec<(String, i64)> =
        values.into_iter().filter(|(value, visitors)| *visitors > 0 && matches(value)).collect();
    found.sort_by(|(value, visitors), (other, others)| {
        let key = |value: &str, visitors| (is_whole && dimension.is_rest(value), Reverse(visitors));
        key(value, *visitors).cmp(&key(other, *others)).then_with(|| value.cmp(other))
    });
    let length = i64::try_from(found.len()).unwrap_or(i64::MAX);
    let number = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    let rows = found.into_iter().skip(number(section.offset)).take(number(section.limit));
    (rows.map(|(value, visitors)| Entry { value, visitors: Some(visitors), pageviews: 0 }).collect(), length)
}

/// The visitors of a day, from cells.
fn of_cells((day, visitors): (&Day, &VisitorsByGap)) -> (Day, Tally) {
    let mut gaps = vec![0; visitors.keys().last().map_or(0, |last| usize::from(*last) + 1)];
    for (gap, number) in visitors {
        gaps[usize::from(*gap)] += number;
    }
    (*day, Tally { pageviews: 0, visitors: Gaps(gaps) })
}

fn count(days: &BTreeMap<Day, Tally>, first: Day, last: Day, forget: Forget) -> Counts {
    let mut counts = Counts::default();
    let (mut visitors, mut new_visitors) = (0, 0);
    for (day, tally) in days.range(first..=last) {
        visitors += tally.visitors.not_within(day.number() - first.number());
        new_visitors += tally.visitors.new_ones();
        counts.daily_visitors += tally.visitors.all();
        counts.pageviews += tally.pageviews;
    }
    if forget.is_exact(first, last) {
        counts.visitors = Some(visitors);
        // Yesterday's visitors are forgotten, so new visitors are unknown. Days that were imported out of order can move a new visitor
        // between values.
        counts.new_visitors = (forget == Forget::Monthly).then_some(new_visitors.clamp(0, visitors.max(0)));
    }
    counts
}

/// The counts of a period that ends after `limit` hours of its last day. A visitor counts in the hour of its first visit of the day.
fn count_part(
    days: &BTreeMap<Day, Tally>,
    hours: &BTreeMap<(Day, u8), Tally>,
    before: &Before,
    limit: u8,
    forget: Forget,
) -> Counts {
    let whole_days = days.range(before.first..before.last).map(|(day, tally)| (*day, tally.clone()));
    let mut last_day = Tally::default();
    for (_, tally) in hours.range((before.last, 0)..(before.last, limit)) {
        last_day.add(tally);
    }
    count(&whole_days.chain([(before.last, last_day)]).collect(), before.first, before.last, forget)
}

/// The visitors of a week, and how many returned. Each visitor counts on its first day in the week, so its previous day is before
/// the week.
fn week(days: &BTreeMap<Day, Tally>, first: Day, last: Day) -> Week {
    let mut week = Week { first, last, visitors: 0, new_visitors: 0, from_week_before: 0 };
    for (day, Tally { visitors, .. }) in days.range(first..=last) {
        let days_before = day.number() - first.number();
        week.visitors += visitors.not_within(days_before);
        week.new_visitors += visitors.new_ones();
        week.from_week_before += visitors.within_week_before(days_before);
    }
    week
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        cells::Selected,
        exclusion::Exclusion,
        statistics::{
            filter::{Condition, Filter},
            query::Lists,
            range::{Range, Step},
            section::Section,
            visitors::{ImportedDay, ReferralTallies},
        },
    };

    fn day(text: &str) -> Day {
        Day::of_date(text.parse().unwrap()).unwrap()
    }

    fn tally(pageviews: i64, gaps: &[i64]) -> Tally {
        Tally { pageviews, visitors: Gaps(gaps.to_vec()) }
    }

    fn report(query: &Query, forget: Forget, tallies: Tallies) -> Report {
        let plan = query.plan("2026-11-23T10:20:30Z".parse().unwrap(), &TimeZone::UTC, forget, None).unwrap();
        assemble(query, &plan, &TimeZone::UTC, forget, tallies, Some(3.2))
    }

    fn query(range: Range) -> Query {
        Query {
            site: "example.com".parse().unwrap(),
            range,
            step: None,
            lists: Lists::All,
            section: Section::default(),
            filter: Filter::default(),
        }
    }

    fn tallies() -> Tallies {
        Tallies {
            // Three visitors come on Sunday. On Monday, two of them return, and a new visitor comes.
            days: [(day("2026-11-22"), tally(5, &[3])), (day("2026-11-23"), tally(4, &[1, 2]))].into(),
            hours: [
                ((day("2026-11-22"), 9), tally(4, &[2])),
                ((day("2026-11-22"), 10), tally(1, &[1])),
                ((day("2026-11-23"), 10), tally(4, &[3])),
            ]
            .into(),
            values: vec![
                ValueTally { dimension: Dimension::Page, value: "/b".to_owned(), pageviews: 1, visitors: 1 },
                ValueTally { dimension: Dimension::Page, value: "/".to_owned(), pageviews: 8, visitors: 4 },
            ],
            lengths: [].into(),
            unread: vec![],
            excluded: [(Exclusion::Bots, 4)].into(),
            referrals: ReferralTallies::default(),
            annotations: Vec::new(),
            selected: Selected::default(),
            imported: vec![ImportedDay {
                source: "umami".to_owned(),
                day: day("2026-11-22"),
                pageviews: 70,
                visitors: 30,
            }],
            pageviews: 200,
            first_day: Some(day("2026-11-21")),
            last_day: None,
            registers_revision: 1,
            registers: None,
            is_counted: true,
        }
    }

    #[test]
    fn every_number_is_in_its_place() {
        let report = report(&query(Range::Days(2)), Forget::Monthly, tallies());
        let counts = |visitors, new_visitors, daily_visitors, pageviews| Counts {
            visitors: Some(visitors),
            new_visitors: Some(new_visitors),
            daily_visitors,
            pageviews,
        };
        assert_eq!(report.today, counts(3, 1, 3, 4));
        assert_eq!(report.this_week, counts(3, 1, 3, 4));
        assert_eq!(report.this_month, counts(4, 4, 6, 9));
        assert_eq!(report.counts, counts(4, 4, 6, 9));
        assert_eq!(report.today.returning_visitors(), Some(2));
        assert_eq!((report.all_time_visitors.unwrap().visitors, report.all_time_pageviews), (3, 200));
        assert_eq!(report.last_24_hours.last().unwrap().visitors, Some(3));
        assert_eq!(report.lists[&Dimension::Page][0].value, "/");
        assert_eq!(report.excluded[&Exclusion::Bots], 4);
        assert_eq!((report.imported.len(), report.imported[0].daily_visitors), (1, 30));
    }

    #[test]
    fn a_range_with_deleted_days_of_its_visitors_is_known() {
        let lacks = |deleted: &[&str], range, filter: Filter| {
            let mut tallies = tallies();
            tallies.days.retain(|day, _| !deleted.contains(&&*day.to_string()));
            let report = report(&Query { filter, ..query(range) }, Forget::Monthly, tallies);
            (report.lacks_days, report.totals_lack_days)
        };
        let all = Filter::default();
        assert_eq!(lacks(&[], Range::Days(2), all.clone()), (false, false));
        // Two visitors of Monday had come on Sunday.
        assert_eq!(lacks(&["2026-11-22"], Range::Days(2), all.clone()), (true, true));
        assert_eq!(lacks(&["2026-11-22"], Range::Today, all.clone()), (false, true));
        assert_eq!(lacks(&["2026-11-23"], Range::Days(2), all), (false, false));
        // They may have had another browser then.
        let browser = Filter::parse([("browser", "Firefox")]).unwrap();
        assert_eq!(lacks(&["2026-11-22"], Range::Days(2), browser), (false, false));
    }

    #[test]
    fn a_week_has_its_returning_visitors() {
        let returning = report(&query(Range::Today), Forget::Monthly, tallies()).returning;
        let week = |first, last, visitors, new_visitors, from_week_before| Week {
            first: day(first),
            last: day(last),
            visitors,
            new_visitors,
            from_week_before,
        };
        assert_eq!(returning[5], week("2026-11-09", "2026-11-15", 0, 0, 0));
        // Three new visitors come on Sunday. On Monday, in the next week, two of them return.
        assert_eq!(returning[6], week("2026-11-16", "2026-11-22", 3, 3, 0));
        assert_eq!(returning[7], week("2026-11-23", "2026-11-23", 3, 1, 2));
        assert_eq!(report(&query(Range::Today), Forget::Daily, tallies()).returning, []);
    }

    #[test]
    fn the_period_before_has_numbers_of_its_own() {
        let report = report(&query(Range::Today), Forget::Monthly, tallies());
        let previous = report.previous.clone().unwrap();
        assert_eq!((previous.first, previous.last), (day("2026-11-22"), day("2026-11-22")));
        assert_eq!((previous.counts.visitors, previous.counts.new_visitors), (Some(2), Some(2)));
        assert_eq!((previous.counts.pageviews, report.before.len()), (4, 24));
        assert_eq!(previous.until, Some("2026-11-22T10:00:00Z".parse().unwrap()));
    }

    #[test]
    fn the_part_of_a_period_counts_each_visitor_once() {
        // Two new visitors come on Friday. On Saturday one of them returns at 9:00, and a new one comes; others come at 10:00.
        let tallies = Tallies {
            days: [(day("2026-11-20"), tally(2, &[2])), (day("2026-11-21"), tally(9, &[4, 1]))].into(),
            hours: [((day("2026-11-21"), 9), tally(3, &[1, 1])), ((day("2026-11-21"), 10), tally(6, &[3]))].into(),
            ..Tallies::default()
        };
        let previous = report(&query(Range::Days(2)), Forget::Monthly, tallies).previous.unwrap();
        assert_eq!((previous.counts.visitors, previous.counts.new_visitors), (Some(3), Some(3)));
        assert_eq!((previous.counts.daily_visitors, previous.counts.pageviews), (4, 5));
    }

    #[test]
    fn a_period_that_begins_before_the_first_counted_day_has_no_previous_one() {
        let began = |range, first_day: Option<&str>| {
            let first_day = first_day.map(day);
            let report = report(&query(range), Forget::Monthly, Tallies { first_day, ..tallies() });
            (report.previous.is_some(), report.counting_began.map(|day| day.to_string()))
        };
        let since = |day: &str| (false, Some(day.to_owned()));
        assert_eq!(began(Range::Days(7), Some("2026-11-10")), (true, None));
        assert_eq!(began(Range::Days(7), Some("2026-11-11")), since("2026-11-11"));
        assert_eq!(began(Range::Days(7), Some("2026-11-20")), since("2026-11-20"));
        assert_eq!(began(Range::Today, Some("2026-11-23")), since("2026-11-23"));
        assert_eq!(began(Range::Months(12), Some("2026-11-20")), since("2026-11-20"));
        assert_eq!(began(Range::Months(12), Some("2025-12-01")), (false, None));
        // Without visits, every number is zero.
        assert_eq!(began(Range::Days(7), None), (true, None));
    }

    #[test]
    fn the_points_before_begin_with_the_first_counted_day() {
        let before = |first_day: &str| {
            let tallies = Tallies { first_day: Some(day(first_day)), ..tallies() };
            let points = report(&query(Range::Days(7)), Forget::Monthly, tallies).before;
            points.iter().map(Option::is_some).collect::<Vec<_>>()
        };
        assert_eq!(before("2026-11-10"), [true; 7]);
        assert_eq!(before("2026-11-15"), [false, false, false, false, false, true, true]);
        assert!(before("2026-11-17").is_empty());
    }

    #[test]
    fn a_range_of_more_than_two_months_has_no_unique_visitors_but_its_months_have() {
        let report = report(&query(Range::Months(12)), Forget::Monthly, tallies());
        assert_eq!((report.counts.visitors, report.counts.new_visitors, report.counts.pageviews), (None, None, 9));
        assert_eq!(report.series.len(), 12);
        assert_eq!(report.series[11].visitors, Some(4));
        assert_eq!(report.lists[&Dimension::Page][0].visitors, None);
    }

    #[test]
    fn a_value_has_no_numbers_of_the_whole_site() {
        let about = |dimension| {
            let filter: Filter = Condition { dimension, value: "x".to_owned(), is_negated: false }.into();
            let query = Query { filter, lists: Lists::None, step: Some(Step::Hour), ..query(Range::Days(2)) };
            report(&query, Forget::Monthly, Tallies { hours: [].into(), ..tallies() })
        };
        let page = about(Dimension::Page);
        assert_eq!((page.counts.visitors, page.counts.new_visitors, page.counts.pageviews), (Some(4), Some(4), 9));
        assert_eq!((page.step, page.series.len(), page.last_24_hours.len()), (Step::Day, 2, 0));
        // The last day of the period before cannot be cut at this hour.
        assert!(page.previous.is_none() && page.counting_began.is_none());
        let robot = about(Dimension::Robot);
        assert_eq!((robot.counts.visitors, robot.counts.pageviews), (None, 9));
        assert!(robot.returning.is_empty() && robot.series.iter().all(|point| point.visitors.is_none()));
    }

    #[test]
    fn with_daily_forgetting_only_days_are_exact() {
        let report = report(&query(Range::Days(2)), Forget::Daily, tallies());
        assert_eq!((report.today.visitors, report.today.new_visitors), (Some(3), None));
        assert_eq!((report.this_month.visitors, report.this_month.daily_visitors), (None, 6));
        assert_eq!((report.counts.visitors, report.counts.daily_visitors), (None, 6));
    }
}
