//! Statistics to render.

use crate::statistics::{Entry, Estimate, Excluded, Pageviews, Point, Span, Statistics, Visitors};

fn points(count: i64, start: impl Fn(i64) -> String) -> Vec<Point> {
    (0..count).map(|index| Point { start: start(index), visitors: 3 * index, pageviews: 7 * index }).collect()
}

/// The last 24 hours before 2026-11-23 11:00 UTC.
pub(super) fn hours() -> Vec<Point> {
    points(24, |index| format!("2026-11-{}T{:02}:00:00Z", 22 + (index + 11) / 24, (index + 11) % 24))
}

/// A site with some visits, as of 2026-11-23 10:20 UTC.
pub(super) fn statistics() -> Statistics {
    Statistics {
        site: "example.com".into(),
        time_zone: "UTC".to_owned(),
        as_of: "2026-11-23T10:20:30Z".to_owned(),
        stale: false,
        visitors: Visitors {
            today: 41,
            this_week: 41,
            this_month: 1_234,
            all_time: Estimate { estimate: 12_345_678, standard_error: 0.016_25 },
        },
        pageviews: Pageviews { today: 97, this_week: 97, this_month: 5_678, all_time: 98_765_432 },
        series: points(23, |index| format!("2026-11-{:02}T00:00:00Z", index + 1)),
        last_24_hours: hours(),
        period: Span { kind: "day", start: "2026-11-23T00:00:00Z".to_owned(), end: "2026-11-24T00:00:00Z".to_owned() },
        pages: vec![entry("/"), entry("/about")],
        referrers: vec![entry("news.example")],
        browsers: vec![],
        operating_systems: vec![],
        devices: vec![],
        countries: vec![],
        languages: vec![],
        campaigns: vec![],
        excluded: Excluded { bots: 1_000, ..Excluded::default() },
    }
}

/// A site that nobody has visited.
pub(super) fn empty() -> Statistics {
    let mut statistics = statistics();
    statistics.visitors = Visitors {
        today: 0,
        this_week: 0,
        this_month: 0,
        all_time: Estimate { estimate: 0, standard_error: 0.016_25 },
    };
    statistics.pageviews = Pageviews { today: 0, this_week: 0, this_month: 0, all_time: 0 };
    for point in statistics.series.iter_mut().chain(&mut statistics.last_24_hours) {
        (point.visitors, point.pageviews) = (0, 0);
    }
    (statistics.pages, statistics.referrers) = (vec![], vec![]);
    statistics.excluded = Excluded::default();
    statistics
}

/// One row.
pub(super) fn entry(value: &str) -> Entry {
    Entry { value: value.to_owned(), visitors: 30, pageviews: 60 }
}
