//! The page: statistics in, HTML out.
//!
//! This module never sees the database and knows no HTTP. What is shown is worked out here and in the modules below, so
//! that the templates hold no logic beyond "if" and "each". Paths and referrers are whatever a visitor sent: they pass
//! through the templates' escaping, and the few values that don't (rows of a chart's table) are made of
//! this program's own text, of numbers and of dates.

pub mod badge;
mod chart;
mod list;
mod numbers;
mod problem;
mod returning;
mod sign_in;
mod templates;
mod why;
mod wording;

use std::sync::LazyLock;

use serde::Serialize;

pub use self::problem::render_problem;
pub use self::sign_in::render_sign_in;
pub use self::why::{Verdict, render_why};
use self::{
    chart::{Chart, ImportedBars},
    list::{Exclusions, Group},
    numbers::Number,
    returning::WeekRow,
    templates::TEMPLATES,
    wording::thousands,
};
use crate::{
    domain::statistics::{Counts, ImportedSum, Range, Report, Step},
    domain::{Day, SiteName},
};

/// What the page is about.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The numbers.
    pub report: &'a Report,
    /// Where it is, such as `https://counter.example`.
    pub address: &'a str,
    /// All sites that are counted, the page's own first.
    pub sites: &'a [SiteName],
    /// Whether their names are shown, to choose from.
    pub names_all: bool,
    /// Whether whoever looks at it can sign out.
    pub signed_in: bool,
    /// The version of this program, such as `0.1.0`.
    pub version: &'a str,
    /// The commit that it was built from; shown shortened.
    pub commit: &'a str,
}

/// Renders the page of numbers. It loads [`STYLE`] and [`SCRIPT`], and nothing else.
///
/// # Errors
/// If a template names what is not there; the tests render them all.
pub fn render(view: &View<'_>) -> anyhow::Result<String> {
    Ok(TEMPLATES.render("page", &Page::of(view))?)
}

/// Renders the page for a frame in another one, without what leads from one range or site to another.
///
/// # Errors
/// If a template names what is not there; the tests render them all.
pub fn render_embedded(view: &View<'_>) -> anyhow::Result<String> {
    Ok(TEMPLATES.render("embedded", &Page { embedded: true, ..Page::of(view) })?)
}

/// Renders what is shown while the database is away and no numbers are known yet, as a whole. `counts`: whether looking at it is a
/// visit.
pub fn render_unavailable(version: &str, commit: &str, counts: bool) -> anyhow::Result<String> {
    let page = Unavailable { title: "Footfall", counts, version, commit: short(commit) };
    Ok(TEMPLATES.render("unavailable", &page)?)
}

/// What all pages look like.
pub static STYLE: LazyLock<Asset> = LazyLock::new(|| Asset::new(include_str!("../assets/page.css"), "css"));

/// What the page of numbers can do beside being read.
pub static SCRIPT: LazyLock<Asset> = LazyLock::new(|| Asset::new(include_str!("../assets/page.js"), "js"));

/// A file that pages load. Its name changes with its text, so that browsers can keep it for ever.
pub struct Asset {
    /// What it holds.
    pub text: String,
    /// Its name, such as `page-0123456789abcdef.css`.
    pub name: String,
}

impl Asset {
    fn new(source: &str, extension: &str) -> Self {
        let text = tighten(source);
        let hash = blake3::hash(text.as_bytes()).to_hex();
        Self { name: format!("page-{}.{extension}", &hash[..16]), text }
    }

    fn path(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

/// Takes comments that fill a line, indentation and empty lines out of a style or script.
fn tighten(source: &str) -> String {
    let lines = source.lines().map(str::trim);
    let kept = lines.filter(|line| !(line.is_empty() || line.starts_with("/*") || line.starts_with("//")));
    kept.collect::<Vec<_>>().join("\n")
}

/// A commit as people quote it.
fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}

/// What `unavailable.html` shows.
#[derive(Serialize)]
struct Unavailable<'a> {
    title: &'static str,
    counts: bool,
    version: &'a str,
    commit: &'a str,
}

/// What `page.html` and `embedded.html` show.
#[derive(Serialize)]
struct Page<'a> {
    title: String,
    site: &'a str,
    /// The site as it stands in a query.
    site_query: String,
    /// Empty if there is nothing to choose.
    sites: Vec<SiteLink<'a>>,
    stale: bool,
    as_of: String,
    as_of_words: String,
    time_zone: &'a str,
    zone_words: String,
    totals: Vec<Total>,
    /// Whether a headline number is too long to be set in the largest type.
    long: bool,
    /// Whether headline numbers are sums of days.
    sums: bool,
    /// The relative standard error of the estimate, in percent; missing if there is none.
    error: Option<String>,
    /// Whether nothing has ever been counted: then the page says how to begin.
    waiting: bool,
    /// Whether there are numbers to show, if only of who is no visitor.
    shown: bool,
    /// Whether it stands in a frame, where links must lead out of it.
    embedded: bool,
    /// Whether there are last minutes to show: not of a site that nobody has visited, nor while the database is away.
    live: bool,
    address: &'a str,
    ranges: Vec<RangeLink>,
    range_heading: String,
    first: String,
    last: String,
    numbers: Vec<Number>,
    /// Whether the visitors of the range are known.
    exact: bool,
    /// Whether new visitors are told from returning ones.
    new: bool,
    /// What the numbers are compared with.
    compared: Option<String>,
    /// What other counters counted in the range.
    imported: Vec<ImportedLine>,
    series: Chart,
    /// The steps in which the chart can be drawn; empty if there is only one.
    steps: Vec<RangeLink>,
    /// The range as the question has it.
    range_query: String,
    /// As many days or whole months before it.
    previous: Option<String>,
    /// As many after it, up to today; missing if they are in the future.
    next: Option<String>,
    groups: Vec<Group<'a>>,
    /// What is looked into, as the question has it; then there is one list only.
    breakdown_query: Option<String>,
    /// Who came back, by weeks, the newest first.
    weeks: Vec<WeekRow>,
    exclusions: Exclusions,
    signed_in: bool,
    version: &'a str,
    commit: &'a str,
}

/// A site to choose.
#[derive(Serialize)]
struct SiteLink<'a> {
    name: &'a str,
    query: String,
    current: bool,
}

/// A range to choose.
#[derive(Serialize)]
struct RangeLink {
    query: String,
    label: &'static str,
    current: bool,
}

/// One of the headline numbers.
#[derive(Serialize)]
struct Total {
    /// Its name in the JSON answer, by which the script finds it.
    key: &'static str,
    label: &'static str,
    visitors: String,
    /// Whether the number is an estimate.
    estimate: bool,
    /// Whether it is a sum of days, in which who came on two days counts twice.
    sum: bool,
    pageviews: String,
}

/// What was imported from another counter, in one line.
#[derive(Serialize)]
struct ImportedLine {
    from: String,
    pageviews: String,
    daily_visitors: String,
}

/// Ranges that can be chosen with one click.
const RANGES: [(Range, &str); 8] = [
    (Range::Today, "Today"),
    (Range::Yesterday, "Yesterday"),
    (Range::Days(7), "7 days"),
    (Range::Days(30), "30 days"),
    (Range::Week, "This week"),
    (Range::Month, "This month"),
    (Range::LastMonth, "Last month"),
    (Range::Months(12), "12 months"),
];

impl<'a> Page<'a> {
    fn of(view: &View<'a>) -> Self {
        let report = view.report;
        let Report { zone, first, last, .. } = report;
        let as_of = zone.to_datetime(report.as_of);
        let series = chart::bars(&report.series, zone);
        let time_zone = zone.iana_name().unwrap_or("UTC");
        let before = report.previous.as_ref().map_or(&[][..], |previous| &previous.series);
        let totals = totals(report);
        let imported: Vec<_> = report.imported.iter().map(|sum| ImportedBars::of(sum, zone)).collect();
        let query = |range: Range| match (range.word(), range) {
            (Some(word), _) => format!("period={word}"),
            (None, Range::Between(first, Some(last))) => format!("from={first}&to={last}"),
            (None, _) => format!("from={first}&to={last}"),
        };
        let link = |(range, label): (Range, &'static str)| RangeLink {
            query: query(range),
            label,
            current: range == report.range,
        };
        let today = Day::of_date(as_of.date()).unwrap_or(*last);
        let (previous, next) = neighbours(report.range, *first, *last);
        let between = |(first, last)| query(Range::Between(first, Some(last)));
        Self {
            title: format!("{} · Footfall", report.site),
            site: &report.site,
            site_query: wording::query_value(&report.site),
            sites: site_links(view),
            stale: report.stale,
            as_of: report.as_of.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            as_of_words: as_of.strftime("%-d %B %Y, %H:%M").to_string(),
            time_zone,
            zone_words: if time_zone == "UTC" { time_zone.to_owned() } else { format!("({time_zone})") },
            sums: totals.iter().any(|total| total.sum),
            long: totals.iter().any(|total| total.visitors.len() > "999,999".len()),
            totals,
            error: report.all_time_visitors.map(|estimate| format!("{:.1}", estimate.standard_error * 100.0)),
            waiting: !report.stale && report.all_time_pageviews == 0,
            shown: report.stale
                || report.all_time_pageviews > 0
                || report.excluded.values().any(|count| *count > 0)
                || !report.imported.is_empty(),
            embedded: false,
            live: !report.stale && report.all_time_pageviews > 0,
            address: view.address,
            ranges: RANGES.map(link).into(),
            range_heading: wording::range_heading(report.range, first.date(), last.date()),
            first: first.to_string(),
            last: last.to_string(),
            numbers: numbers::numbers(report),
            exact: report.counts.visitors.is_some(),
            new: report.counts.new_visitors.is_some(),
            compared: numbers::compared(report, today),
            imported: report.imported.iter().map(ImportedLine::of).collect(),
            series: Chart::draw("chart", &series, &chart::bars(before, zone), &imported, report.step),
            steps: steps(report, &query(report.range)),
            range_query: query(report.range),
            previous: (first.number() > 0).then(|| between(previous)),
            next: (next.0 <= today).then(|| between((next.0, next.1.min(today)))),
            groups: match &report.referrals {
                Some(referrals) => vec![list::referrals(referrals)],
                None => list::groups(report),
            },
            breakdown_query: report.referrals.as_ref().map(|referrals| list::breakdown_query(&referrals.of)),
            weeks: returning::weeks(report),
            exclusions: list::exclusions(report),
            signed_in: view.signed_in,
            version: view.version,
            commit: short(view.commit),
        }
    }
}

/// The ranges before and after one: as many days, or, of whole months, as many months. A range of months that has not ended
/// counts as whole.
fn neighbours(range: Range, first: Day, last: Day) -> ((Day, Day), (Day, Day)) {
    let (begin, end) = (first.month(), last.month());
    let ends = last == end.last_day() || matches!(range, Range::Month | Range::Months(_));
    if first == begin.first_day() && ends {
        let mut months = 1;
        while begin.plus(months) <= end {
            months += 1;
        }
        let shifted = |by| (begin.plus(by).first_day(), end.plus(by).last_day());
        return (shifted(-months), shifted(months));
    }
    let days = last.number() - first.number() + 1;
    let shifted = |by| (first.plus(by), last.plus(by));
    (shifted(-days), shifted(days))
}

/// The steps that suit a range, as links. The one that is shown unasked has no name in the link.
fn steps(report: &Report, range_query: &str) -> Vec<RangeLink> {
    let days = report.last.number() - report.first.number() + 1;
    let suits = |step: &Step| match step {
        Step::Hour => days <= 14,
        Step::Day => (2..=400).contains(&days),
        Step::Week => days > 7,
        Step::Month => days > 31,
    };
    let link = |step: Step| RangeLink {
        query: if step == Step::suiting(days) { range_query.to_owned() } else { with_step(range_query, step) },
        label: match step {
            Step::Hour => "Hours",
            Step::Day => "Days",
            Step::Week => "Weeks",
            Step::Month => "Months",
        },
        current: step == report.step,
    };
    let suiting: Vec<Step> = Step::ALL.into_iter().filter(suits).collect();
    if suiting.len() < 2 { Vec::new() } else { suiting.into_iter().map(link).collect() }
}

fn with_step(range_query: &str, step: Step) -> String {
    format!("{range_query}&by={}", step.name())
}

impl ImportedLine {
    fn of(sum: &ImportedSum) -> Self {
        Self {
            from: wording::counter(&sum.source),
            pageviews: thousands(sum.pageviews),
            daily_visitors: thousands(sum.daily_visitors),
        }
    }
}

fn site_links<'a>(view: &View<'a>) -> Vec<SiteLink<'a>> {
    if !view.names_all || view.sites.len() < 2 {
        return Vec::new();
    }
    let link = |site: &'a SiteName| SiteLink {
        name: site,
        query: wording::query_value(site),
        current: *site == view.report.site,
    };
    view.sites.iter().map(link).collect()
}

fn totals(report: &Report) -> Vec<Total> {
    let total = |key, label, counts: &Counts| Total {
        key,
        label,
        visitors: thousands(counts.visitors.unwrap_or(counts.daily_visitors)),
        estimate: false,
        sum: counts.visitors.is_none(),
        pageviews: thousands(counts.pageviews),
    };
    let mut totals = vec![
        total("today", "Today", &report.today),
        total("this_week", "This week", &report.this_week),
        total("this_month", "This month", &report.this_month),
    ];
    totals.extend(report.all_time_visitors.map(|estimate| Total {
        key: "all_time",
        label: "All time",
        visitors: thousands(estimate.visitors),
        estimate: true,
        sum: false,
        pageviews: thousands(report.all_time_pageviews),
    }));
    totals
}

#[cfg(test)]
mod tests;
