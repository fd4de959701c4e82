//! The page: statistics in, HTML out.
//!
//! This module never sees the database and knows no HTTP. What is shown is worked out here and in the modules below, so
//! that the templates hold no logic beyond "if" and "each". Paths and referrers are whatever a visitor sent: they pass
//! through the templates' escaping, and the few values that don't (style, script, rows of a chart's table) are made of
//! this program's own text, of numbers and of dates.

mod chart;
mod list;
mod wording;

use std::sync::{Arc, LazyLock};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use handlebars::Handlebars;
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use sha2::{Digest, Sha256};

use self::{
    chart::{Chart, Step},
    list::{ExclusionRow, List},
    wording::thousands,
};
use crate::statistics::Statistics;

/// What the page is about.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The numbers.
    pub statistics: &'a Statistics,
    /// All sites that are counted, the page's own first.
    pub sites: &'a [Arc<str>],
    /// The version of this program, such as `0.1.0`.
    pub version: &'a str,
    /// The commit that it was built from; shown shortened.
    pub commit: &'a str,
}

/// Renders the page. The HTML is complete: style and script stand in it, and nothing else is loaded.
///
/// # Errors
/// If the statistics hold times that are not RFC 3339.
pub fn render(view: &View<'_>) -> anyhow::Result<String> {
    Ok(TEMPLATES.render("page", &Page::of(view)?)?)
}

/// Renders what is shown while the database is away and no numbers are known yet.
pub fn render_unavailable(version: &str, commit: &str) -> anyhow::Result<String> {
    let page = Unavailable { title: "Footfall", style: &STYLE, version, commit: short(commit) };
    Ok(TEMPLATES.render("unavailable", &page)?)
}

/// The inline style as the Content-Security-Policy names it: `'sha256-…'`.
pub fn style_hash() -> &'static str {
    static HASH: LazyLock<String> = LazyLock::new(|| source_hash(&STYLE));
    &HASH
}

/// The inline script as the Content-Security-Policy names it: `'sha256-…'`.
pub fn script_hash() -> &'static str {
    static HASH: LazyLock<String> = LazyLock::new(|| source_hash(&SCRIPT));
    &HASH
}

static STYLE: LazyLock<String> = LazyLock::new(|| tighten(include_str!("../assets/page.css")));
static SCRIPT: LazyLock<String> = LazyLock::new(|| tighten(include_str!("../assets/page.js")));

static TEMPLATES: LazyLock<Handlebars<'static>> = LazyLock::new(|| {
    let mut templates = Handlebars::new();
    // A name that is misspelt in a template is an error in the tests, not a hole in the page.
    templates.set_strict_mode(true);
    for (name, source) in [
        ("page", include_str!("../templates/page.html")),
        ("unavailable", include_str!("../templates/unavailable.html")),
    ] {
        // Parts are pasted in here, because for a partial handlebars copies the whole context at every use.
        let source = source
            .replace("{{> head}}\n", include_str!("../templates/head.html"))
            .replace("{{> chart}}\n", include_str!("../templates/chart.html"));
        templates.register_template_string(name, source).expect("the tests render these same templates");
    }
    templates
});

/// Takes comments that fill a line, indentation and empty lines out of a style or script, which every page carries.
fn tighten(source: &str) -> String {
    let lines = source.lines().map(str::trim);
    let kept = lines.filter(|line| !(line.is_empty() || line.starts_with("/*") || line.starts_with("//")));
    kept.collect::<Vec<_>>().join("\n")
}

fn source_hash(text: &str) -> String {
    format!("'sha256-{}'", BASE64.encode(Sha256::digest(text)))
}

/// A commit as people quote it.
fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}

/// What `unavailable.html` shows.
#[derive(Serialize)]
struct Unavailable<'a> {
    title: &'static str,
    style: &'static str,
    version: &'a str,
    commit: &'a str,
}

/// What `page.html` shows.
#[derive(Serialize)]
struct Page<'a> {
    title: String,
    style: &'static str,
    script: &'static str,
    site: &'a str,
    /// The site as it stands in a query.
    site_query: String,
    /// Empty if there is nothing to choose.
    sites: Vec<SiteLink<'a>>,
    stale: bool,
    as_of: &'a str,
    as_of_words: String,
    time_zone: &'a str,
    totals: [Total; 4],
    /// Whether a headline number is too long to be set in the largest type.
    long: bool,
    /// The relative standard error of the estimate, in percent.
    error: String,
    /// Missing if the series shows the same hours.
    hours: Option<Chart>,
    series_heading: String,
    series: Chart,
    /// What the query calls the kind of the series.
    kind: &'static str,
    /// The kind of the period that the lists are about.
    listed_kind: &'static str,
    kinds: [KindLink; 3],
    period_heading: String,
    /// The last day of the period shown, unless that is the current one.
    to: Option<String>,
    /// The last day of the period before.
    previous: Option<String>,
    next: Option<NextPeriod>,
    lists: Vec<List<'a>>,
    exclusions: Vec<ExclusionRow>,
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

/// A kind of period to choose.
#[derive(Serialize)]
struct KindLink {
    name: &'static str,
    label: &'static str,
    current: bool,
}

/// The period after the one that is shown.
#[derive(Serialize)]
struct NextPeriod {
    /// Its first day; missing if it is the current period, which needs no date and moves on.
    to: Option<String>,
}

/// One of the headline numbers. The script knows them by their order.
#[derive(Serialize)]
struct Total {
    label: &'static str,
    visitors: String,
    /// Whether the number is an estimate.
    estimate: bool,
    pageviews: String,
}

impl<'a> Page<'a> {
    fn of(view: &View<'a>) -> anyhow::Result<Self> {
        let statistics = view.statistics;
        let zone = TimeZone::get(&statistics.time_zone).unwrap_or(TimeZone::UTC);
        let as_of: Timestamp = statistics.as_of.parse().context("as_of")?;
        let local_as_of = zone.to_datetime(as_of);
        let listed_kind = statistics.period.kind;

        let hours = chart::read(&statistics.last_24_hours)?;
        let series = chart::read(&statistics.series)?;
        let step = Step::of(&series, listed_kind);
        let kind = if step == Step::Hour { "hour" } else { listed_kind };

        let span = &statistics.period;
        let first_day = wording::civil(&span.start)?.date();
        let after = wording::civil(&span.end)?.date();
        let last_day = after.yesterday().context("period")?;
        let start: Timestamp = span.start.parse().context("start of period")?;
        let end: Timestamp = span.end.parse().context("end of period")?;
        let current = start <= as_of && as_of < end;
        let next_is_current = wording::holds(listed_kind, after, local_as_of.date());

        let totals = totals(statistics);
        Ok(Self {
            title: format!("{} · Footfall", statistics.site),
            style: &STYLE,
            script: &SCRIPT,
            site: &statistics.site,
            site_query: wording::query_value(&statistics.site),
            sites: site_links(view),
            stale: statistics.stale,
            as_of: &statistics.as_of,
            as_of_words: local_as_of.strftime("%-d %B %Y at %H:%M").to_string(),
            time_zone: &statistics.time_zone,
            long: totals.iter().any(|total| total.visitors.len() > "999,999".len()),
            totals,
            error: format!("{:.1}", statistics.visitors.all_time.standard_error * 100.0),
            hours: (statistics.series != statistics.last_24_hours)
                .then(|| Chart::draw("hours-chart", &hours, Step::Hour)),
            series_heading: wording::series_heading(series.len(), kind, (!current).then_some(last_day)),
            series: Chart::draw("series-chart", &series, step),
            kind,
            listed_kind,
            kinds: [("day", "Days"), ("week", "Weeks"), ("month", "Months")].map(|(name, label)| KindLink {
                name,
                label,
                current: name == kind,
            }),
            period_heading: wording::period_heading(listed_kind, first_day, current),
            to: (!current).then(|| last_day.to_string()),
            previous: first_day.yesterday().ok().filter(|day| day.year() >= 1970).map(|day| day.to_string()),
            next: (end <= as_of).then(|| NextPeriod { to: (!next_is_current).then(|| after.to_string()) }),
            lists: list::lists(statistics),
            exclusions: list::exclusions(&statistics.excluded),
            version: view.version,
            commit: short(view.commit),
        })
    }
}

fn site_links<'a>(view: &View<'a>) -> Vec<SiteLink<'a>> {
    if view.sites.len() < 2 {
        return Vec::new();
    }
    let link = |site: &'a Arc<str>| SiteLink {
        name: site,
        query: wording::query_value(site),
        current: *site == view.statistics.site,
    };
    view.sites.iter().map(link).collect()
}

fn totals(statistics: &Statistics) -> [Total; 4] {
    let (visitors, pageviews) = (&statistics.visitors, &statistics.pageviews);
    let total = |label, visitors, pageviews| Total {
        label,
        visitors: thousands(visitors),
        estimate: false,
        pageviews: thousands(pageviews),
    };
    [
        total("Today", visitors.today, pageviews.today),
        total("This week", visitors.this_week, pageviews.this_week),
        total("This month", visitors.this_month, pageviews.this_month),
        Total { estimate: true, ..total("All time", visitors.all_time.estimate, pageviews.all_time) },
    ]
}

#[cfg(test)]
mod tests;
