//! Charts: bars of visitors in front of bars of pageviews, and the same numbers as rows of a table.
//!
//! A chart contains only numbers and parsed dates, never text of a visitor. Its bars are strokes of two paths, with
//! about nine bytes per bar. The line on top of pageviews repeats their path, a little higher. The paths have their own
//! units and are stretched to the available width. Labels are outside and placed in percent, so that no text is
//! stretched.

use std::{collections::BTreeMap, fmt::Write as _};

use jiff::{civil::DateTime, tz::TimeZone};
use serde::Serialize;

use super::wording::{self, thousands};
use crate::domain::statistics::{ImportedPoint, ImportedSum, Point, Step};

/// Height of the drawing in its own units, in which a bar with its gap is one unit wide. `chart.html`, `page.css` and
/// `page.js` depend on both.
const HEIGHT: i64 = 200;

/// A point with its time by the site's clock.
pub(super) struct Bar {
    start: DateTime,
    /// `None` if unknown, because the bar spans more days than visitors are recognised for.
    visitors: Option<i64>,
    pageviews: i64,
}

/// The values of `chart.html`.
#[derive(Serialize)]
pub(super) struct Chart {
    id: &'static str,
    /// A description of the chart in one sentence, for screen readers.
    title: String,
    /// The heading of the table's first column.
    column: &'static str,
    width: usize,
    /// Whether the chart shows visitors.
    counts_visitors: bool,
    /// The name of a pageview; empty if the chart shows none.
    measure: &'static str,
    views: String,
    people: String,
    /// Visitors of the previous period as a line; empty if there is none.
    before: String,
    /// Totals of other counters, one series each.
    imported: Vec<ImportedSeries>,
    ticks: Vec<Tick>,
    labels: Vec<Label>,
    /// Whether there are too many bars for gaps between them.
    dense: bool,
    empty: bool,
    /// HTML of the table's body, with numbers and dates only.
    rows: String,
}

/// Daily totals that were imported from another counter.
#[derive(Serialize)]
struct ImportedSeries {
    /// The counter, such as `Plausible`.
    from: String,
    /// The number of its color.
    color: usize,
    /// Bars of visitors.
    people: String,
    /// Short lines at the height of pageviews.
    views: String,
}

/// The number of colors for imported series in `page.css`.
const COLORS: usize = 3;

/// The largest number of intervals between the ticks of an axis.
const INTERVALS: i64 = 5;

/// A line across the chart.
#[derive(Serialize)]
struct Tick {
    /// From the top, in percent.
    y: String,
    label: String,
}

/// A text below a bar.
#[derive(Serialize)]
struct Label {
    x: String,
    label: String,
    /// Whether small screens hide the label.
    minor: bool,
}

/// The points of a series by the clock of a zone.
pub(super) fn bars(points: &[Point], zone: &TimeZone) -> Vec<Bar> {
    let bar = |point: &Point| Bar {
        start: zone.to_datetime(point.start),
        visitors: point.visitors,
        pageviews: point.pageviews,
    };
    points.iter().map(bar).collect()
}

/// Totals of another counter by the start of their bar: visitors and pageviews.
pub(super) struct ImportedBars {
    source: String,
    by_start: BTreeMap<DateTime, (i64, i64)>,
}

impl ImportedBars {
    /// The totals of a counter by the clock of a zone.
    pub(super) fn of(sum: &ImportedSum, zone: &TimeZone) -> Self {
        let bar = |point: &ImportedPoint| (zone.to_datetime(point.start), (point.daily_visitors, point.pageviews));
        Self { source: sum.source.clone(), by_start: sum.series.iter().map(bar).collect() }
    }

    fn heights(&self) -> impl Iterator<Item = i64> {
        self.by_start.values().flat_map(|&(visitors, pageviews)| [visitors, pageviews])
    }
}

impl ImportedSeries {
    fn of((index, bars): (usize, &ImportedBars)) -> Self {
        let from = wording::counter(&bars.source);
        Self { from, color: index % COLORS, people: String::new(), views: String::new() }
    }
}

/// The heading of the table's first column.
const fn column(step: Step) -> &'static str {
    match step {
        Step::Hour => "Hour",
        Step::Day => "Day",
        Step::Week => "Week from",
        Step::Month => "Month",
    }
}

/// The date format of the table's rows. Most formats have no year, because the heading above the chart has it.
const fn row_format(step: Step, bars: usize) -> &'static str {
    match step {
        // More bars than a day has hours at most: the rows need the date, too.
        Step::Hour if bars > 25 => "%a %-d %b %H:%M",
        Step::Hour => "%H:%M",
        // Shorter rows keep a long table small.
        Step::Day if bars > 100 => "%-d %b",
        Step::Day => "%a %-d %b",
        Step::Week => "%-d %b",
        Step::Month => "%b %Y",
    }
}

impl Chart {
    /// Draws the bars, oldest first, with a line for the previous period and the bars of other counters.
    pub(super) fn draw(
        id: &'static str,
        bars: &[Bar],
        before: &[Bar],
        imported: &[ImportedBars],
        step: Step,
        (counts_visitors, measure): (bool, &'static str),
    ) -> Self {
        let most = |bars: &[Bar]| bars.iter().filter_map(|bar| bar.visitors).max().unwrap_or_default();
        let most_visitors = most(bars);
        // Draw no line if the previous period has no visitors, or their number is unknown.
        let before = if most(before) > 0 { &before[..before.len().min(bars.len())] } else { &[] };
        let most_pageviews =
            bars.iter().map(|bar| bar.pageviews).max().filter(|_| !measure.is_empty()).unwrap_or_default();
        let most_imported = imported.iter().flat_map(ImportedBars::heights).max().unwrap_or_default();
        let (ticks, top) = ticks(most_pageviews.max(most_visitors).max(most(before)).max(most_imported));
        let mut chart = Self {
            id,
            title: title((counts_visitors, most_visitors), (measure, most_pageviews), step),
            column: column(step),
            width: bars.len().max(1),
            counts_visitors,
            measure,
            views: String::new(),
            people: String::new(),
            before: String::new(),
            imported: imported.iter().enumerate().map(ImportedSeries::of).collect(),
            ticks,
            labels: labels(bars, step),
            dense: bars.len() > 100,
            empty: most_visitors == 0 && most_pageviews == 0 && most_imported == 0,
            rows: String::with_capacity(bars.len() * 32),
        };
        let row_format = row_format(step, bars.len());
        for (index, bar) in bars.iter().enumerate() {
            let before = before.get(index).map(|bar| bar.visitors.unwrap_or_default());
            chart.add(index, bar, before, top, row_format);
            chart.add_imported(index, bar, imported, top);
        }
        chart
    }

    fn add(&mut self, index: usize, bar: &Bar, before: Option<i64>, top: i64, row_format: &str) {
        let (visitors, pageviews) = (height(bar.visitors.unwrap_or_default(), top), height(bar.pageviews, top));
        // Writing to a String can't fail.
        if pageviews > 0 && !self.measure.is_empty() {
            let _ = write!(self.views, "M{index} 0v-{pageviews}");
        }
        if visitors > 0 {
            let _ = write!(self.people, "M{index} 0v-{visitors}");
        }
        let _ = write!(self.rows, "<tr><th>{}", bar.start.strftime(row_format));
        if self.counts_visitors {
            let _ = write!(self.rows, "<td>{}", bar.visitors.map_or("–".to_owned(), thousands));
        }
        if !self.measure.is_empty() {
            let _ = write!(self.rows, "<td>{}", thousands(bar.pageviews));
        }
        if let Some(before) = before {
            let _ = write!(self.rows, "<td>{}", thousands(before));
            let line = if self.before.is_empty() { 'M' } else { 'L' };
            let _ = write!(self.before, "{line}{index}-{}", height(before, top));
        }
    }

    fn add_imported(&mut self, index: usize, bar: &Bar, imported: &[ImportedBars], top: i64) {
        for (series, bars) in self.imported.iter_mut().zip(imported) {
            let Some(&(visitors, pageviews)) = bars.by_start.get(&bar.start) else {
                self.rows.push_str("<td><td>");
                continue;
            };
            let _ = write!(self.rows, "<td>{}<td>{}", thousands(visitors), thousands(pageviews));
            // Shift the imported bar, so that Footfall's own bar stays visible.
            let x = if bar.pageviews > 0 { format!("{index}.3") } else { index.to_string() };
            if visitors > 0 {
                let _ = write!(series.people, "M{x} 0v-{}", height(visitors, top));
            }
            if pageviews > 0 {
                let _ = write!(series.views, "M{index}-{}h.8", height(pageviews, top));
            }
        }
    }
}

/// A description of the chart, with its highest numbers.
fn title((counts_visitors, visitors): (bool, i64), (measure, views): (&str, i64), step: Step) -> String {
    let measure = measure.to_lowercase();
    let shown = [("visitors", visitors, counts_visitors), (&measure, views, !measure.is_empty())];
    let shown = || shown.iter().filter(|(.., is_shown)| *is_shown);
    let names = shown().map(|(name, ..)| *name).collect::<Vec<_>>().join(" and ");
    let highest = shown().map(|(name, most, _)| format!("{} {name}", thousands(*most))).collect::<Vec<_>>().join(", ");
    let mut title = format!("{names} by {}. Highest: {highest}.", step.name());
    title[..1].make_ascii_uppercase();
    title
}

/// The height of a bar. A count of one is visible even next to very tall bars.
fn height(count: i64, top: i64) -> i64 {
    if count > 0 { (count.saturating_mul(HEIGHT) / top).max(1) } else { 0 }
}

/// The ticks of an axis up to the largest number, and the number at its end. Ticks are multiples of 1, 2, 2.5 or 5 times a power of
/// ten, so that at most a third of the height is empty.
fn ticks(most: i64) -> (Vec<Tick>, i64) {
    let most = most.max(1);
    let powers = std::iter::successors(Some(1_i64), |power| power.checked_mul(10));
    // Counts have no fractions: half of 5 is 2.
    let steps =
        powers.flat_map(|power| [power, power.saturating_mul(2), power.saturating_mul(5) / 2, power.saturating_mul(5)]);
    let distance = steps.into_iter().find(|step| step.saturating_mul(INTERVALS) >= most).unwrap_or(most);
    let count = (most - 1) / distance + 1;
    let top = distance.saturating_mul(count);
    let tick = |number: i64| {
        let value = distance.saturating_mul(number);
        Tick { y: format!("{:.1}", 100.0 - 100.0 * number as f64 / count as f64), label: compact(value) }
    };
    ((0..=count).rev().map(tick).collect(), top)
}

/// A number in the short form for an axis. A tick has at most three digits that are not zero.
fn compact(number: i64) -> String {
    let (unit, name) = match number {
        ..10_000 => return thousands(number),
        10_000..1_000_000 => (1_000, "k"),
        _ => (1_000_000, "M"),
    };
    let fraction = format!("{:03}", number % unit * 1_000 / unit);
    let fraction = fraction.trim_end_matches('0');
    format!("{}{}{fraction}{name}", thousands(number / unit), if fraction.is_empty() { "" } else { "." })
}

/// The labels below the bars. Hours are labelled by the clock, other steps at regular distances from the newest bar.
fn labels(bars: &[Bar], step: Step) -> Vec<Label> {
    let by_clock = step == Step::Hour && bars.len() <= 48;
    let format = match step {
        Step::Hour if by_clock => "%H:%M",
        Step::Month => "%b %Y",
        _ => "%-d %b",
    };
    let every = bars.len().div_ceil(8).max(1);
    let label = |(index, bar): (usize, &Bar)| {
        let (shown, minor) = if by_clock {
            let hour = bar.start.hour();
            let every = if bars.len() > 25 { 6 } else { 3 };
            (hour % every == 0, hour % (2 * every) != 0)
        } else {
            let back = bars.len() - 1 - index;
            (back.is_multiple_of(every), !back.is_multiple_of(2 * every))
        };
        shown.then(|| Label {
            x: format!("{:.1}", (index as f64 + 0.5) * 100.0 / bars.len() as f64),
            label: bar.start.strftime(format).to_string(),
            minor,
        })
    };
    bars.iter().enumerate().filter_map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: (bool, &str) = (true, "Pageviews");

    fn bars(counts: &[(i64, i64)]) -> Vec<Bar> {
        let start = "2026-11-23T00:00:00".parse().unwrap();
        counts.iter().map(|&(visitors, pageviews)| Bar { start, visitors: Some(visitors), pageviews }).collect()
    }

    #[test]
    fn an_axis_has_round_ticks_and_little_empty_space() {
        let labels = |most| ticks(most).0.into_iter().map(|tick| tick.label).collect::<Vec<_>>();
        assert_eq!(labels(0), ["1", "0"]);
        assert_eq!(labels(3), ["3", "2", "1", "0"]);
        assert_eq!(labels(11), ["15", "10", "5", "0"]);
        assert_eq!(labels(601), ["800", "600", "400", "200", "0"]);
        assert_eq!(labels(11_700), ["12.5k", "10k", "7,500", "5,000", "2,500", "0"]);
        assert_eq!(labels(1_240_000), ["1.25M", "1M", "750k", "500k", "250k", "0"]);
        let positions: Vec<_> = ticks(3).0.into_iter().map(|tick| tick.y).collect();
        assert_eq!(positions, ["0.0", "33.3", "66.7", "100.0"]);
        for most in (1..5_000).chain([i64::MAX]) {
            let (_, top) = ticks(most);
            assert!(top >= most && most as f64 / top as f64 > 0.6, "{most}: {top}");
        }
    }

    #[test]
    fn a_single_visitor_has_a_visible_bar_next_to_a_million() {
        let chart = Chart::draw("c", &bars(&[(1, 1), (1_000_000, 1_000_000), (0, 0)]), &[], &[], Step::Day, BOTH);
        assert_eq!(chart.people, "M0 0v-1M1 0v-200");
    }

    #[test]
    fn the_previous_period_is_a_line_and_a_column_no_longer_than_the_bars() {
        let chart = Chart::draw("c", &bars(&[(1, 1), (2, 2)]), &bars(&[(2, 2), (0, 0), (9, 9)]), &[], Step::Day, BOTH);
        assert_eq!(chart.before, "M0-200L1-0");
        assert!(chart.rows.ends_with("<td>2<td>2<td>0"), "{}", chart.rows);
        let chart = Chart::draw("c", &bars(&[(1, 1)]), &bars(&[(0, 0)]), &[], Step::Day, BOTH);
        assert!(chart.before.is_empty());
    }

    #[test]
    fn imported_days_have_their_own_bars_and_columns() {
        let bars = [("2026-11-22T00:00:00", 0), ("2026-11-23T00:00:00", 2), ("2026-11-24T00:00:00", 2)];
        let bars =
            bars.map(|(start, count)| Bar { start: start.parse().unwrap(), visitors: Some(count), pageviews: count });
        let by_start = [(bars[0].start, (2, 4)), (bars[1].start, (1, 1))].into();
        let imported = [ImportedBars { source: "plausible".to_owned(), by_start }];
        let chart = Chart::draw("c", &bars, &[], &imported, Step::Day, BOTH);
        let series = &chart.imported[0];
        assert_eq!((&*series.people, &*series.views), ("M0 0v-100M1.3 0v-50", "M0-200h.8M1-50h.8"));
        assert!(chart.rows.contains("22 Nov<td>0<td>0<td>2<td>4<tr>") && chart.rows.ends_with("<td>2<td>2<td><td>"));
        // Imported days alone are drawn, too.
        let chart = Chart::draw("c", &bars[..1], &[], &imported, Step::Day, BOTH);
        assert!(!chart.empty);
    }

    #[test]
    fn hours_of_two_days_show_their_date() {
        let hours = |count| Chart::draw("c", &bars(&vec![(1, 1); count]), &[], &[], Step::Hour, BOTH).rows;
        assert!(hours(24).starts_with("<tr><th>00:00<td>1"));
        assert!(hours(48).starts_with("<tr><th>Mon 23 Nov 00:00<td>1"));
    }

    #[test]
    fn a_chart_without_visitors_or_without_pageviews_has_neither_their_bars_nor_their_column() {
        let draw = |shown| Chart::draw("c", &bars(&[(1, 4)]), &[], &[], Step::Day, shown);
        let chart = draw((true, ""));
        assert_eq!((&*chart.people, &*chart.views), ("M0 0v-200", ""));
        assert_eq!(chart.title, "Visitors by day. Highest: 1 visitors.");
        assert!(chart.rows.ends_with("Nov<td>1"), "{}", chart.rows);
        let chart = Chart::draw(
            "c",
            &[Bar { visitors: None, ..bars(&[(0, 4)]).remove(0) }],
            &[],
            &[],
            Step::Day,
            (false, "Requests"),
        );
        assert_eq!((&*chart.people, &*chart.views), ("", "M0 0v-200"));
        assert_eq!(chart.title, "Requests by day. Highest: 4 requests.");
        assert!(chart.rows.ends_with("Nov<td>4"), "{}", chart.rows);
    }

    #[test]
    fn an_empty_series_draws_an_empty_chart() {
        let chart = Chart::draw("c", &[], &[], &[], Step::Hour, BOTH);
        assert!(chart.empty && chart.labels.is_empty() && chart.rows.is_empty());
    }
}
