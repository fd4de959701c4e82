//! Sample reports.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::{
    domain::statistics::{AllTimeEstimate, Counts, Entry, Filter, Lists, Point, Range, Report, Section, Step, Week},
    domain::{Day, Dimension, Exclusion},
};

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn day(text: &str) -> Day {
    Day::of_date(text.parse().unwrap()).unwrap()
}

fn points(count: i64, first: &str, step: SignedDuration) -> Vec<Point> {
    let start = |index: i64| at(first) + step * i32::try_from(index).unwrap();
    (0..count).map(|index| Point { start: start(index), visitors: Some(3 * index), pageviews: 7 * index }).collect()
}

/// The last 24 hours before 2026-11-23 11:00 UTC.
pub(super) fn hours() -> Vec<Point> {
    points(24, "2026-11-22T11:00:00Z", SignedDuration::from_hours(1))
}

pub(super) fn counts(visitors: i64, new_visitors: i64, daily_visitors: i64, pageviews: i64) -> Counts {
    Counts { visitors: Some(visitors), new_visitors: Some(new_visitors), daily_visitors, pageviews }
}

/// The report of a site with some visits, as of 2026-11-23 10:20 UTC, for the 23 days of the month.
pub(super) fn report() -> Report {
    Report {
        site: "example.com".parse().unwrap(),
        zone: TimeZone::UTC,
        as_of: at("2026-11-23T10:20:30Z"),
        stale: false,
        today: counts(41, 30, 41, 97),
        this_week: counts(41, 30, 41, 97),
        this_month: counts(1_234, 1_000, 2_345, 5_678),
        all_time_visitors: Some(AllTimeEstimate { visitors: 12_345_678, standard_error: 0.016_25 }),
        all_time_pageviews: 98_765_432,
        range: Range::Days(23),
        first: day("2026-11-01"),
        last: day("2026-11-23"),
        first_kept: None,
        counts: counts(1_234, 1_000, 2_345, 5_678),
        previous: None,
        counting_began: None,
        last_counted: None,
        step: Step::Day,
        series: points(23, "2026-11-01T00:00:00Z", SignedDuration::from_hours(24)),
        before: Vec::new(),
        last_24_hours: hours(),
        returning: vec![
            Week {
                first: day("2026-11-16"),
                last: day("2026-11-22"),
                visitors: 90,
                new_visitors: 60,
                from_week_before: 18,
            },
            Week {
                first: day("2026-11-23"),
                last: day("2026-11-23"),
                visitors: 41,
                new_visitors: 30,
                from_week_before: 9,
            },
        ],
        lists: BTreeMap::from([
            (Dimension::Page, vec![entry("/"), entry("/about")]),
            (Dimension::Referrer, vec![entry("news.example")]),
        ]),
        read_lists: Lists::Group(Filter::default().default_group()),
        section: Section::of_page(),
        lengths: BTreeMap::new(),
        unread: vec![],
        excluded: BTreeMap::from([(Exclusion::Bots, 1_000)]),
        filter: Filter::default(),
        has_cells: true,
        lacks_days: false,
        totals_lack_days: false,
        not_shown: None,
        not_listed: BTreeMap::new(),
        referrals: None,
        imported: Vec::new(),
        annotations: Vec::new(),
        zone_can_change: false,
    }
}

/// The report of the same site for a range of days.
pub(super) fn report_between(first: &str, last: &str) -> Report {
    let (first, last) = (day(first), day(last));
    Report { range: Range::Between(first, Some(last)), first, last, ..report() }
}

/// The report of the same site for more days than visitors are recognised for.
pub(super) fn report_of_a_year() -> Report {
    let mut report = Report { range: Range::Months(12), first: day("2025-12-01"), step: Step::Month, ..report() };
    report.counts = Counts { visitors: None, new_visitors: None, ..report.counts };
    for entry in report.lists.values_mut().flatten() {
        entry.visitors = None;
    }
    report
}

/// The report of a site without visits in the last months.
pub(super) fn empty() -> Report {
    let nothing = counts(0, 0, 0, 0);
    let mut report = Report {
        today: nothing,
        this_week: nothing,
        this_month: nothing,
        counts: nothing,
        all_time_visitors: Some(AllTimeEstimate { visitors: 0, standard_error: 0.016_25 }),
        all_time_pageviews: 9,
        returning: Vec::new(),
        lists: BTreeMap::new(),
        excluded: BTreeMap::new(),
        ..report()
    };
    for point in report.series.iter_mut().chain(&mut report.last_24_hours) {
        (point.visitors, point.pageviews) = (Some(0), 0);
    }
    report
}

/// A row of a list.
pub(super) fn entry(value: &str) -> Entry {
    Entry { value: value.to_owned(), visitors: Some(30), pageviews: 60 }
}
