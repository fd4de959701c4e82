//! The pages: renders statistics as HTML.
//!
//! This module must not access the database or know HTTP. Its submodules prepare all values, so that templates need
//! only "if" and "each". Templates escape paths and referrers, because visitors choose them. Only the rows of a chart's
//! table are not escaped, because they consist of the program's own text, numbers and dates.

mod annotations;
mod asset;
pub mod badge;
mod chart;
mod filter;
mod first_visit;
mod list;
mod numbers;
mod problem;
mod range;
mod returning;
mod sign_in;
mod sites;
mod templates;
mod total;
mod unavailable;
mod why;
mod wording;

use serde::Serialize;

pub use self::asset::{Asset, SCRIPTS, STYLE};
pub use self::first_visit::zone_note;
pub use self::numbers::Charted;
pub use self::problem::{Problem, WayBack, render_problem};
pub use self::sign_in::render_sign_in;
pub use self::sites::{FoundSites, SHOWN_SITES, render_sites};
pub use self::unavailable::{PageKind, render_unavailable};
pub use self::why::{Verdict, render_why};
use self::{
    annotations::{Annotations, annotations},
    chart::{Chart, Drawing, ImportedBars},
    filter::Chip,
    list::{Exclusions, List, Tab},
    numbers::Number,
    range::RangeLink,
    returning::WeekRow,
    sites::SiteChoice,
    templates::templates,
    total::HeadlineNumber,
    wording::{short, titled},
};
use crate::domain::{
    calendar::Day,
    site_name::SiteName,
    statistics::{Filter, ImportedSum, Range, Report},
};
use crate::texts::Texts;

/// The report to render, and the context of the page.
#[derive(Clone, Copy)]
pub struct PageContext<'a> {
    /// The language of the page.
    pub texts: &'static Texts,
    /// The report.
    pub report: &'a Report,
    /// The numbers that the chart draws, if there are both.
    pub charted: Charted,
    /// The public address, such as `https://counter.example`.
    pub address: &'a str,
    /// All counted sites, in the order of the choice.
    pub sites: &'a [SiteName],
    /// The site of Footfall's own page.
    pub own_site: &'a SiteName,
    /// Whether the page offers the choice of another site.
    pub lists_sites: bool,
    /// Whether the viewer is signed in and can sign out.
    pub signed_in: bool,
    /// The version of this program, such as `0.1.0`.
    pub version: &'a str,
    /// The commit that the program was built from; shown shortened.
    pub commit: &'a str,
}

/// Renders the page of numbers. The page loads only [`STYLE`] and one of [`SCRIPTS`].
///
/// # Errors
/// If a template names a missing value; the tests render them all.
pub fn render(view: &PageContext<'_>) -> anyhow::Result<String> {
    Ok(templates(view.texts).render("page", &PageValues::of(view))?)
}

/// Renders the page for a frame in another page, without the links to other ranges and sites.
///
/// # Errors
/// If a template names a missing value; the tests render them all.
pub fn render_embedded(view: &PageContext<'_>) -> anyhow::Result<String> {
    Ok(templates(view.texts).render("embedded", &PageValues { embedded: true, ..PageValues::of(view) })?)
}

/// The values of `page.html` and `embedded.html`.
#[derive(Serialize)]
struct PageValues<'a> {
    title: String,
    site: &'a str,
    /// The site as a query value.
    site_query: String,
    sites: SiteChoice<'a>,
    stale: bool,
    as_of: String,
    as_of_words: String,
    zone_words: String,
    totals: Vec<HeadlineNumber>,
    /// Whether a headline number is too long for the largest font size.
    long: bool,
    /// The sentence on how the headline numbers count.
    totals_note: &'static str,
    /// The relative standard error of the estimate; missing if there is none.
    error: Option<String>,
    /// The sentence on the error.
    estimate: Option<String>,
    /// Whether to show the line to embed, because the site has no visits yet.
    waiting: bool,
    /// Whether only Footfall's own page is counted. Then the line to embed is an example, until the page has a second visitor.
    alone: bool,
    /// When days begin.
    zone_note: String,
    /// Whether to show numbers.
    shown: bool,
    /// Whether the page is in a frame, where links open a new tab.
    embedded: bool,
    /// Whether to show the last 30 minutes. Hidden for a site without visits and while the database is unavailable.
    live: bool,
    address: &'a str,
    ranges: Vec<RangeLink>,
    range_heading: String,
    /// The days of the range, unless they are in its heading.
    range_days: Option<String>,
    first: String,
    last: String,
    numbers: Vec<Number>,
    /// Whether the visitors of the range are unknown, because it is too long.
    long_range: bool,
    /// Whether days of the range were deleted, on which some of its visitors came.
    lacks_days: bool,
    /// Whether new and returning visitors are distinguished.
    new: bool,
    /// The last day with visits, if the range has none.
    last_counted: Option<LastCounted>,
    /// The period that the numbers are compared with.
    compared: Option<String>,
    /// Totals of other counters in the range.
    imported: Vec<ImportedLine>,
    series: Chart,
    annotations: Annotations<'a>,
    /// The choice that other links keep, if it is not the default.
    chart: Option<&'static str>,
    /// The steps in which the chart can be drawn; empty if there is only one.
    steps: Vec<RangeLink>,
    /// The range as a query.
    range_query: String,
    /// The previous range, of as many days or whole months.
    previous: Option<String>,
    /// The next range, up to today; missing if it is in the future.
    next: Option<String>,
    /// The conditions of the numbers.
    chips: Vec<Chip<'a>>,
    /// Whether there are several.
    has_chips: bool,
    /// The parameters of the link that removes all conditions, each after an ampersand.
    without_conditions: String,
    /// How visitors with these conditions are counted.
    filter_note: Option<String>,
    /// Links to the groups of lists; empty on a page about one value.
    tabs: Vec<Tab>,
    /// The lists of the open group, or those of the value.
    lists: Vec<List<'a>>,
    /// The text in place of lists, if there are tabs without them.
    without_lists: Option<&'static str>,
    /// The conditions as a query, each after an ampersand.
    conditions: String,
    /// The parameters that links to other ranges keep, each after an ampersand: the open list or group of lists, and the conditions.
    kept: String,
    /// The names and values of these parameters.
    kept_parameters: Vec<(String, String)>,
    /// The range and the chart's step as a query, and its names and values with those of the conditions.
    view_query: String,
    view_parameters: Vec<(String, String)>,
    /// Returning visitors by week, the newest first.
    weeks: Vec<WeekRow>,
    /// Missing on a page about one value.
    exclusions: Option<Exclusions>,
    signed_in: bool,
    version: &'a str,
    commit: &'a str,
}

/// A link to a day.
#[derive(Serialize)]
struct LastCounted {
    date: String,
    query: String,
}

/// The totals of another counter, in one line.
#[derive(Serialize)]
struct ImportedLine {
    source: String,
    pageviews: String,
    daily_visitors: String,
}

/// The title of the page: the site, the chosen values, and the first number.
fn title(texts: &Texts, site: &str, chips: &[Chip<'_>], number: Option<&str>) -> String {
    let not = |value: &str| texts.filled("filter.not", &[("value", value)]);
    let name = |chip: &Chip<'_>| if chip.is_negated { not(&chip.titled) } else { chip.titled.to_string() };
    let named: Vec<String> = [site.to_owned()].into_iter().chain(chips.iter().map(name)).collect();
    let number = number.map(|number| format!(": {number}")).unwrap_or_default();
    titled(&format!("{}{number}", named.join(" › ")))
}

/// The names and values of a query without escapes.
fn fields(query: &str) -> impl Iterator<Item = (String, String)> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))
}

/// Whether the page has numbers to show. Excluded requests alone are enough.
fn has_numbers(report: &Report) -> bool {
    report.stale
        || report.all_time_pageviews > 0
        || report.excluded.values().any(|count| *count > 0)
        || !report.imported.is_empty()
}

/// A sentence with the relative standard error of the estimate.
fn error(texts: &Texts, report: &Report, key: &str) -> Option<String> {
    let standard_error = report.all_time_visitors?.standard_error * 100.0;
    let percent = texts.in_percent(&wording::one_decimal(texts, standard_error));
    Some(texts.filled(key, &[("percent", &percent)]))
}

impl<'a> PageValues<'a> {
    fn of(view: &PageContext<'a>) -> Self {
        let PageContext { texts, report, .. } = *view;
        let Report { zone, first, last, .. } = report;
        let as_of = zone.to_datetime(report.as_of);
        let series = chart::bars(&report.series, zone);
        let time_zone = zone.iana_name().unwrap_or("UTC");
        let totals = total::totals(texts, report);
        let imported: Vec<_> = report.imported.iter().map(|sum| ImportedBars::of(sum, zone)).collect();
        let today = Day::of_date(as_of.date()).unwrap_or(*last);
        let (previous, next) = range::neighbours(report.range, *first, *last);
        let range_query = range::query(report.range, *last);
        let (tabs, lists) = list::tabs_and_lists(texts, report);
        let open = list::open(report);
        let chips = filter::chips(texts, report);
        let (charted, has_both) = chart::charted(view.charted, report);
        let kept_chart = has_both && charted == Charted::Pageviews;
        let suffix = if kept_chart { range::chart(charted) } else { "" };
        let stepped_query = range::with_step(&range_query, report.step, report);
        let view_query = format!("{stepped_query}{suffix}");
        let view_parameters = fields(&view_query).chain(filter::fields(&report.filter)).collect();
        let conditions = list::parameters(report.filter.conditions());
        let drawing = |charted| has_both.then(|| format!("{stepped_query}{}", range::chart(charted)));
        let numbers = numbers::numbers(texts, report, charted, drawing);
        let alone = view.sites.len() == 1 && report.site == *view.own_site;
        let has_visits = report.all_time_pageviews > 0 && !(alone && report.zone_can_change);
        let shown = has_numbers(report);
        Self {
            title: title(texts, &report.site, &chips, numbers::in_title(&numbers).filter(|_| shown)),
            site: &report.site,
            site_query: wording::query_value(&report.site),
            sites: if view.lists_sites { SiteChoice::of(texts, view.sites, &report.site) } else { SiteChoice::none() },
            stale: report.stale,
            as_of: report.as_of.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            as_of_words: texts.date("dates.date_and_time", as_of),
            zone_words: if time_zone == "UTC" { time_zone.to_owned() } else { format!("({time_zone})") },
            totals_note: texts.of(total::note(report, &totals)),
            long: totals.iter().any(|total| total.visitors.len() > "999,999".len()),
            totals,
            error: error(texts, report, "totals.error"),
            estimate: error(texts, report, "totals.estimate"),
            waiting: !report.stale && !has_visits,
            alone,
            zone_note: zone_note(texts, time_zone, report.zone_can_change, view.sites, view.own_site),
            shown,
            embedded: false,
            live: !report.stale && report.all_time_pageviews > 0 && report.filter.is_empty(),
            address: view.address,
            ranges: range::ranges(texts, report, suffix),
            range_heading: wording::range_heading(texts, report.range, first.date(), last.date()),
            range_days: wording::days_beside_heading(texts, report.range, first.date(), last.date()),
            first: first.to_string(),
            last: last.to_string(),
            numbers,
            long_range: report.counts.visitors.is_none() && report.filter.has_visitors(),
            lacks_days: report.lacks_days,
            new: report.counts.new_visitors.is_some(),
            last_counted: report.last_counted.map(|day| LastCounted::of(texts, day)),
            compared: numbers::compared(texts, report),
            imported: report.imported.iter().map(|sum| ImportedLine::of(texts, sum)).collect(),
            series: Chart::draw(&Drawing {
                texts,
                id: "chart",
                bars: &series,
                before: &chart::bars_before(&report.before, zone),
                imported: &imported,
                step: report.step,
                charted,
                counts_visitors: report.filter.has_visitors(),
                measure: wording::views(texts, numbers::views(report)),
                end: last.plus(1).date(),
                now: as_of,
            }),
            annotations: annotations(texts, report),
            chart: kept_chart.then_some("pageviews"),
            steps: range::steps(texts, report, &range_query, suffix),
            view_query,
            view_parameters,
            range_query,
            previous: (first.number() > 0 && !matches!(report.range, Range::All(_)))
                .then(|| range::between(previous.0, previous.1) + suffix),
            next: (next.0 <= today).then(|| range::between(next.0, next.1.min(today)) + suffix),
            has_chips: chips.len() > 1,
            chips,
            without_conditions: filter::link(report.read_lists.group(), &Filter::default()),
            filter_note: filter::note(texts, report),
            without_lists: list::without_lists(texts, report).filter(|_| lists.is_empty() && !tabs.is_empty()),
            tabs,
            lists,
            kept: open.map(|(name, value)| format!("&{name}={value}")).unwrap_or_default() + &conditions,
            kept_parameters: open
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .chain(filter::fields(&report.filter))
                .collect(),
            conditions,
            weeks: returning::weeks(texts, report),
            exclusions: report.filter.is_empty().then(|| list::exclusions(texts, report)),
            signed_in: view.signed_in,
            version: view.version,
            commit: short(view.commit),
        }
    }
}

impl LastCounted {
    fn of(texts: &Texts, day: Day) -> Self {
        Self { date: texts.date("dates.date", day.date()), query: range::between(day, day) }
    }
}

impl ImportedLine {
    fn of(texts: &Texts, sum: &ImportedSum) -> Self {
        Self {
            source: wording::counter(&sum.source),
            pageviews: texts.number(sum.pageviews),
            daily_visitors: texts.number(sum.daily_visitors),
        }
    }
}

#[cfg(test)]
mod tests;
