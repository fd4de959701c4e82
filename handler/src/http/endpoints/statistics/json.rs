//! A report as a JSON document. `docs/api.md` and `assets/openapi.json` describe it.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;

use crate::{
    domain::statistics::{
        Annotation, Condition, Counts, Entry, ImportedPoint, Pairing, Point, Referrals, Report, Week,
    },
    domain::{
        Day, Dimension, Exclusion,
        cells::NotShown,
        visit::robot::{self, RobotPurpose},
    },
    http::timestamps::{local, utc},
};

/// Writes a report.
///
/// # Errors
/// None are known: every key is a string.
pub(super) fn write(report: &Report) -> anyhow::Result<String> {
    Ok(serde_json::to_string(&Document::new(report))?)
}

#[derive(Serialize)]
struct Document<'r> {
    site: &'r str,
    time_zone: &'r str,
    as_of: String,
    stale: bool,
    filter: FilterValues,
    not_shown: Option<Vec<NotShownVisitors>>,
    not_listed: BTreeMap<&'static str, i64>,
    visitors: VisitorTotals,
    pageviews: PageviewTotals,
    range: RangeCounts,
    by: &'static str,
    series: Vec<SeriesPoint>,
    last_24_hours: Vec<SeriesPoint>,
    returning: Vec<WeekCounts>,
    #[serde(flatten)]
    lists: BTreeMap<&'static str, Vec<ListEntry<'r>>>,
    list_lengths: BTreeMap<&'static str, i64>,
    referrals: Option<BTreeMap<&'static str, Value>>,
    excluded: Option<BTreeMap<&'static str, i64>>,
    imported: Vec<ImportedTotals<'r>>,
    annotations: Vec<AnnotatedDay<'r>>,
}

/// The values of each parameter: one, or all that are excluded.
type FilterValues = BTreeMap<&'static str, Value>;

#[derive(Serialize)]
struct NotShownVisitors {
    filter: FilterValues,
    visitors: i64,
}

#[derive(Serialize)]
struct VisitorTotals {
    today: Option<i64>,
    this_week: Option<i64>,
    this_month: Option<i64>,
    all_time: Option<AllTime>,
}

#[derive(Serialize)]
struct AllTime {
    estimate: i64,
    standard_error: f64,
}

#[derive(Serialize)]
struct PageviewTotals {
    today: Option<i64>,
    this_week: Option<i64>,
    this_month: Option<i64>,
    all_time: Option<i64>,
}

#[derive(Serialize)]
struct RangeCounts {
    period: Option<String>,
    from: Day,
    to: Day,
    exact: bool,
    #[serde(flatten)]
    counts: PeriodCounts,
    previous: Option<PreviousCounts>,
    counting_began: Option<Day>,
}

#[derive(Serialize)]
struct PreviousCounts {
    from: Day,
    to: Day,
    until: Option<String>,
    #[serde(flatten)]
    counts: PeriodCounts,
}

#[derive(Serialize)]
struct PeriodCounts {
    visitors: Option<i64>,
    new_visitors: Option<i64>,
    returning_visitors: Option<i64>,
    daily_visitors: i64,
    pageviews: Option<i64>,
}

#[derive(Serialize)]
struct SeriesPoint {
    start: String,
    visitors: Option<i64>,
    pageviews: Option<i64>,
}

#[derive(Serialize)]
struct WeekCounts {
    from: Day,
    to: Day,
    visitors: i64,
    new_visitors: i64,
    returning_visitors: i64,
    from_week_before: i64,
}

#[derive(Serialize)]
struct ListEntry<'r> {
    value: &'r str,
    visitors: Option<i64>,
    pageviews: Option<i64>,
    #[serde(flatten)]
    robot: Option<RobotFields>,
}

#[derive(Serialize)]
struct RobotFields {
    operator: Option<&'static str>,
    purpose: &'static str,
}

#[derive(Serialize)]
struct Referral<'r> {
    value: &'r str,
    pageviews: i64,
}

#[derive(Serialize)]
struct ImportedTotals<'r> {
    source: &'r str,
    pageviews: i64,
    daily_visitors: i64,
    series: Vec<ImportedSeriesPoint>,
}

#[derive(Serialize)]
struct AnnotatedDay<'r> {
    day: Day,
    text: &'r str,
}

#[derive(Serialize)]
struct ImportedSeriesPoint {
    start: String,
    daily_visitors: i64,
    pageviews: i64,
}

impl<'r> Document<'r> {
    fn new(report: &'r Report) -> Self {
        let Report { zone, today, this_week, this_month, counts, .. } = report;
        // Cells count visitors only. They have the numbers of combinations, and the lists of any filter.
        let has_views = !report.filter.combines();
        let views = |pageviews: i64| has_views.then_some(pageviews);
        let list = |dimension: Dimension| {
            let entries = report.lists.get(&dimension).into_iter().flatten();
            let entry = |entry| ListEntry::new(dimension, entry, report.filter.is_empty());
            (dimension.name(), entries.map(entry).collect())
        };
        let is_listed =
            |dimension: &Dimension| report.read_lists.contain(*dimension) && report.filter.has_list(*dimension);
        let not_shown = |group: &NotShown| NotShownVisitors { filter: filter(&group.known), visitors: group.visitors };
        let excluded =
            |exclusion: &Exclusion| (exclusion.name(), report.excluded.get(exclusion).copied().unwrap_or_default());
        Self {
            site: &report.site,
            time_zone: zone.iana_name().unwrap_or("UTC"),
            as_of: utc(report.as_of),
            stale: report.stale,
            filter: filter(report.filter.conditions()),
            not_shown: report.not_shown.as_ref().map(|groups| groups.iter().map(not_shown).collect()),
            not_listed: report.not_listed.iter().map(|(dimension, rest)| (dimension.name(), *rest)).collect(),
            visitors: VisitorTotals {
                today: today.visitors,
                this_week: this_week.visitors,
                this_month: this_month.visitors,
                all_time: report
                    .all_time_visitors
                    .map(|estimate| AllTime { estimate: estimate.visitors, standard_error: estimate.standard_error }),
            },
            pageviews: PageviewTotals {
                today: views(today.pageviews),
                this_week: views(this_week.pageviews),
                this_month: views(this_month.pageviews),
                all_time: report.filter.is_empty().then_some(report.all_time_pageviews),
            },
            range: RangeCounts {
                period: report.range.word(),
                from: report.first,
                to: report.last,
                exact: counts.visitors.is_some() && !report.lacks_days,
                counts: PeriodCounts::of(counts, has_views),
                previous: report.previous.as_ref().map(|previous| PreviousCounts {
                    from: previous.first,
                    to: previous.last,
                    until: previous.until.map(|until| local(until, zone)),
                    counts: PeriodCounts::of(&previous.counts, has_views),
                }),
                counting_began: report.counting_began,
            },
            by: report.step.name(),
            series: points(&report.series, zone, has_views),
            last_24_hours: points(&report.last_24_hours, zone, has_views),
            returning: report.returning.iter().map(WeekCounts::from).collect(),
            lists: Dimension::lists().filter(is_listed).map(list).collect(),
            list_lengths: report.lengths.iter().map(|(dimension, length)| (dimension.name(), *length)).collect(),
            referrals: report.referrals.as_ref().map(referrals),
            excluded: report.filter.is_empty().then(|| Exclusion::ALL.iter().map(excluded).collect()),
            imported: report
                .imported
                .iter()
                .map(|sum| ImportedTotals {
                    source: &sum.source,
                    pageviews: sum.pageviews,
                    daily_visitors: sum.daily_visitors,
                    series: imported_points(&sum.series, zone),
                })
                .collect(),
            annotations: report.annotations.iter().map(AnnotatedDay::of).collect(),
        }
    }
}

fn filter(conditions: &[Condition]) -> FilterValues {
    let mut values: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for condition in conditions {
        values.entry(condition.dimension.parameter()).or_default().push(condition.text().into());
    }
    let one_or_all = |mut values: Vec<Value>| if values.len() == 1 { values.remove(0) } else { values.into() };
    values.into_iter().map(|(name, values)| (name, one_or_all(values))).collect()
}

impl PeriodCounts {
    fn of(counts: &Counts, has_views: bool) -> Self {
        Self {
            visitors: counts.visitors,
            new_visitors: counts.new_visitors,
            returning_visitors: counts.returning_visitors(),
            daily_visitors: counts.daily_visitors,
            pageviews: has_views.then_some(counts.pageviews),
        }
    }
}

impl<'r> AnnotatedDay<'r> {
    fn of(annotation: &'r Annotation) -> Self {
        Self { day: annotation.day, text: &annotation.text }
    }
}

impl From<&Week> for WeekCounts {
    fn from(week: &Week) -> Self {
        Self {
            from: week.first,
            to: week.last,
            visitors: week.visitors,
            new_visitors: week.new_visitors,
            returning_visitors: week.returning_visitors(),
            from_week_before: week.from_week_before,
        }
    }
}

impl<'r> ListEntry<'r> {
    fn new(dimension: Dimension, entry: &'r Entry, has_views: bool) -> Self {
        let robot = (dimension == Dimension::Robot).then(|| {
            let known = robot::named(&entry.value);
            RobotFields {
                operator: known.and_then(|robot| robot.operator),
                purpose: known.map_or(RobotPurpose::Other, |robot| robot.purpose).name(),
            }
        });
        Self { value: &entry.value, visitors: entry.visitors, pageviews: has_views.then_some(entry.pageviews), robot }
    }
}

fn points(points: &[Point], zone: &TimeZone, has_views: bool) -> Vec<SeriesPoint> {
    let point = |point: &Point| SeriesPoint {
        start: local(point.start, zone),
        visitors: point.visitors,
        pageviews: has_views.then_some(point.pageviews),
    };
    points.iter().map(point).collect()
}

fn imported_points(points: &[ImportedPoint], zone: &TimeZone) -> Vec<ImportedSeriesPoint> {
    let point = |point: &ImportedPoint| ImportedSeriesPoint {
        start: local(point.start, zone),
        daily_visitors: point.daily_visitors,
        pageviews: point.pageviews,
    };
    points.iter().map(point).collect()
}

/// The page or referrer of the query, under the name of its parameter, and the other side under the name of its list.
fn referrals(referrals: &Referrals) -> BTreeMap<&'static str, Value> {
    let Referrals { pairing: Pairing { of, listed }, entries, other } = referrals;
    let entry = |entry: &Entry| serde_json::json!(Referral { value: &entry.value, pageviews: entry.pageviews });
    BTreeMap::from([
        (of.dimension.parameter(), of.value.as_str().into()),
        (listed.name(), entries.iter().map(entry).collect()),
        ("other", (*other).into()),
    ])
}
