//! Charts: bars of visitors or of pageviews, and both numbers as rows of a table.
//!
//! A chart contains only numbers and parsed dates, never text of a visitor. Its bars are strokes of two paths, with
//! about nine bytes per bar: those of whole steps, and those of steps that are not over or cut. The paths have their own
//! units and are stretched to the available width. Labels are outside and placed in percent, so that no text is
//! stretched.

use std::{collections::BTreeMap, fmt::Write as _};

use jiff::{
    ToSpan,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use serde::Serialize;

use super::{
    numbers::{self, Charted},
    wording,
};
use crate::{
    domain::statistics::{ImportedPoint, ImportedSum, Point, Report, Step},
    texts::Texts,
};

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

impl Bar {
    fn height(&self, charted: Charted) -> i64 {
        match charted {
            Charted::Visitors => self.visitors.unwrap_or_default(),
            Charted::Pageviews => self.pageviews,
        }
    }
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
    /// Whether the table has visitors.
    counts_visitors: bool,
    /// The name of a pageview; empty if the table has none.
    measure: &'static str,
    /// The name of the numbers that are drawn.
    drawn: &'static str,
    bars: String,
    /// Bars of steps that are not over, or that the range cuts.
    unfinished: String,
    /// The previous period as a line; empty if there is none.
    before: String,
    /// Totals of other counters, one series each.
    imported: Vec<ImportedSeries>,
    ticks: Vec<Tick>,
    labels: Vec<Label>,
    /// Whether there are too many bars for gaps between them.
    dense: bool,
    /// Whether there are so few bars that they would be very wide.
    few: bool,
    empty: bool,
    /// HTML of the table's body, with numbers and dates only.
    rows: String,
}

/// The numbers of a chart, and their time by the site's clock.
pub(super) struct Drawing<'a> {
    pub(super) texts: &'static Texts,
    pub(super) id: &'static str,
    /// The bars, oldest first.
    pub(super) bars: &'a [Bar],
    /// The bars of the previous period. `None` before counting began.
    pub(super) before: &'a [Option<Bar>],
    pub(super) imported: &'a [ImportedBars],
    pub(super) step: Step,
    pub(super) charted: Charted,
    pub(super) counts_visitors: bool,
    /// The name of a pageview; empty if there are none.
    pub(super) measure: &'static str,
    /// The day after the last one of the range.
    pub(super) end: Date,
    pub(super) now: DateTime,
}

/// Daily totals that were imported from another counter.
#[derive(Serialize)]
struct ImportedSeries {
    /// The name of the series in the key, and those of its columns.
    label: String,
    visitors: String,
    pageviews: String,
    /// The number of its color.
    color: usize,
    bars: String,
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
    /// Whether the label ends with its bar, because the bar is the last one and narrower than the label.
    end: bool,
}

/// The points of a series by the clock of a zone.
pub(super) fn bars(points: &[Point], zone: &TimeZone) -> Vec<Bar> {
    points.iter().map(|point| bar(point, zone)).collect()
}

/// The points of the period before by the clock of a zone.
pub(super) fn bars_before(points: &[Option<Point>], zone: &TimeZone) -> Vec<Option<Bar>> {
    points.iter().map(|point| point.as_ref().map(|point| bar(point, zone))).collect()
}

fn bar(point: &Point, zone: &TimeZone) -> Bar {
    Bar { start: zone.to_datetime(point.start), visitors: point.visitors, pageviews: point.pageviews }
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

    fn heights(&self, charted: Charted) -> impl Iterator<Item = i64> {
        self.by_start.values().map(move |&(visitors, pageviews)| match charted {
            Charted::Visitors => visitors,
            Charted::Pageviews => pageviews,
        })
    }
}

impl ImportedSeries {
    fn of(texts: &Texts, index: usize, bars: &ImportedBars) -> Self {
        let source = wording::counter(&bars.source);
        let named = |key| texts.filled(key, &[("source", &source)]);
        Self {
            label: named("chart.imported"),
            visitors: named("chart.imported_visitors"),
            pageviews: named("chart.imported_pageviews"),
            color: index % COLORS,
            bars: String::new(),
        }
    }
}

/// The numbers that the chart of a report draws, and whether there is a choice.
pub(super) fn charted(chosen: Charted, report: &Report) -> (Charted, bool) {
    let has_visitors = report.filter.has_visitors()
        && (report.series.is_empty() || report.series.iter().any(|point| point.visitors.is_some()));
    match (has_visitors, !numbers::views(report).is_empty()) {
        (true, true) => (chosen, true),
        (false, true) => (Charted::Pageviews, false),
        (_, false) => (Charted::Visitors, false),
    }
}

/// The key of the date format of the table's rows. Most formats have no year, because the heading above the chart has it.
const fn row_format(step: Step, bars: usize) -> &'static str {
    match step {
        // More bars than a day has hours at most: the rows need the date, too.
        Step::Hour if bars > 25 => "dates.short_date_and_time",
        Step::Hour => "dates.time",
        // Shorter rows keep a long table small.
        Step::Day if bars > 100 => "dates.short_date",
        Step::Day => "dates.short_date_and_weekday",
        Step::Week => "dates.short_date",
        Step::Month => "dates.short_month",
    }
}

/// Why the bar of a step is lower than it would be as a whole: the step is not over, or the range has a part of it only.
fn incompleteness(texts: &Texts, start: DateTime, next: DateTime, step: Step, now: DateTime) -> Option<String> {
    let date = start.date();
    let monday = i64::from(date.weekday().to_monday_zero_offset());
    let (from, until) = match step {
        Step::Hour => (start, start.saturating_add(1.hour())),
        Step::Day => (start, start.saturating_add(1.day())),
        Step::Week => (start.saturating_sub(monday.days()), start.saturating_add((7 - monday).days())),
        Step::Month => {
            let first = date.first_of_month().at(0, 0, 0, 0);
            (first, first.saturating_add(1.month()))
        }
    };
    if (start..until).contains(&now) && next > now {
        return Some(texts.of("chart.so_far").to_owned());
    }
    let is_cut = matches!(step, Step::Week | Step::Month) && (start > from || next < until);
    let days = next.date().since(date).map_or(0, |days| days.get_days());
    is_cut.then(|| texts.counted("chart.part", days.into()))
}

/// The largest number of bars whose rows name the day that they are compared with. Shorter rows keep a long table small.
const MOST_COMPARED: usize = 100;

/// The day that a bar is compared with, and the change since then if the bar is whole. Only hours and days are compared.
fn compared(texts: &Texts, count: i64, before: &Bar, charted: Charted, is_whole: bool) -> String {
    let day = texts.date("dates.short_date_and_weekday", before.start);
    match before.height(charted) {
        before if before > 0 && is_whole => format!("{day}, {}", numbers::percent(texts, count as f64, before as f64)),
        _ => day,
    }
}

/// The days of a bar, as an attribute of its row, with which the script opens them. An hour is no range.
fn days(start: DateTime, next: DateTime, step: Step) -> String {
    let (first, last) = (start.date(), next.date().saturating_sub(1.day()));
    match step {
        Step::Hour => String::new(),
        Step::Day => format!(" data-days={first}"),
        Step::Week | Step::Month => format!(" data-days={first}/{last}"),
    }
}

impl Chart {
    /// Draws one of the numbers as bars, with a line for the previous period and the bars of other counters.
    pub(super) fn draw(drawing: &Drawing<'_>) -> Self {
        let &Drawing { texts, id, bars, imported, step, charted, counts_visitors, measure, .. } = drawing;
        let most = |charted| bars.iter().map(|bar| bar.height(charted)).max().unwrap_or_default();
        let before = &drawing.before[..drawing.before.len().min(bars.len())];
        let most_before = before.iter().flatten().map(|bar| bar.height(charted)).max().unwrap_or_default();
        // Draw no line if the previous period has no such number, or it is unknown.
        let before = if most_before > 0 { before } else { &[] };
        let most_imported = imported.iter().flat_map(|series| series.heights(charted)).max().unwrap_or_default();
        let (ticks, top) = ticks(texts, most(charted).max(most_before).max(most_imported));
        let drawn = match charted {
            Charted::Visitors => texts.of("chart.visitors"),
            Charted::Pageviews => measure,
        };
        let mut chart = Self {
            id,
            title: texts.filled(
                &format!("chart.{}.title", step.name()),
                &[("numbers", drawn), ("most", &texts.number(most(charted)))],
            ),
            column: texts.of(&format!("chart.{}.column", step.name())),
            width: bars.len().max(1),
            counts_visitors,
            measure,
            drawn,
            bars: String::new(),
            unfinished: String::new(),
            before: String::new(),
            imported: series(texts, imported),
            ticks,
            labels: labels(texts, bars, step),
            dense: bars.len() > 100,
            few: bars.len() < 3,
            empty: most(charted) == 0 && most_imported == 0,
            rows: String::with_capacity(bars.len() * 32),
        };
        for index in 0..bars.len() {
            chart.add(index, drawing, before, top);
            chart.add_imported(index, drawing, top);
        }
        chart
    }

    fn add(&mut self, index: usize, drawing: &Drawing<'_>, before: &[Option<Bar>], top: i64) {
        let &Drawing { texts, bars, step, charted, now, end, .. } = drawing;
        let bar = &bars[index];
        let next = bars.get(index + 1).map_or(end.at(0, 0, 0, 0), |next| next.start);
        let incompleteness = incompleteness(texts, bar.start, next, step, now);
        let height_of_bar = height(bar.height(charted), top);
        if height_of_bar > 0 {
            let path = if incompleteness.is_some() { &mut self.unfinished } else { &mut self.bars };
            // Writing to a String can't fail.
            let _ = write!(path, "M{index} 0v-{height_of_bar}");
        }
        let days = if bars.len() > 1 { days(bar.start, next, step) } else { String::new() };
        let _ = write!(self.rows, "<tr{days}><th>{}", texts.date(row_format(step, bars.len()), bar.start));
        if let Some(reason) = &incompleteness {
            let _ = write!(self.rows, " ({reason})");
        }
        let number = |number: Option<i64>| number.map_or("–".to_owned(), |number| texts.number(number));
        if self.counts_visitors {
            let _ = write!(self.rows, "<td>{}", number(bar.visitors));
        }
        if !self.measure.is_empty() {
            let _ = write!(self.rows, "<td>{}", texts.number(bar.pageviews));
        }
        let Some(before_bar) = before.get(index) else { return };
        let Some(before_bar) = before_bar else {
            self.rows.push_str("<td>–");
            return;
        };
        let count = before_bar.height(charted);
        let compared =
            compared(texts, bar.height(charted), before_bar, charted, incompleteness.is_none() && next <= now);
        let title = if bars.len() > MOST_COMPARED { String::new() } else { format!(" title=\"{compared}\"") };
        let _ = write!(self.rows, "<td{title}>{}", texts.number(count));
        let line = if self.before.is_empty() { 'M' } else { 'L' };
        let _ = write!(self.before, "{line}{index}-{}", height(count, top));
    }

    fn add_imported(&mut self, index: usize, drawing: &Drawing<'_>, top: i64) {
        let texts = drawing.texts;
        let bar = &drawing.bars[index];
        for (series, bars) in self.imported.iter_mut().zip(drawing.imported) {
            let Some(&(visitors, pageviews)) = bars.by_start.get(&bar.start) else {
                self.rows.push_str("<td><td>");
                continue;
            };
            let _ = write!(self.rows, "<td>{}<td>{}", texts.number(visitors), texts.number(pageviews));
            // Shift the imported bar, so that Footfall's own bar stays visible.
            let x = if bar.height(drawing.charted) > 0 { format!("{index}.3") } else { index.to_string() };
            let count = if drawing.charted == Charted::Visitors { visitors } else { pageviews };
            if count > 0 {
                let _ = write!(series.bars, "M{x} 0v-{}", height(count, top));
            }
        }
    }
}

/// The series of other counters, without bars.
fn series(texts: &Texts, imported: &[ImportedBars]) -> Vec<ImportedSeries> {
    imported.iter().enumerate().map(|(index, bars)| ImportedSeries::of(texts, index, bars)).collect()
}

/// The height of a bar. A count of one is visible even next to very tall bars.
fn height(count: i64, top: i64) -> i64 {
    if count > 0 { (count.saturating_mul(HEIGHT) / top).max(1) } else { 0 }
}

/// The ticks of an axis up to the largest number, and the number at its end. Ticks are multiples of 1, 2, 2.5 or 5 times a power of
/// ten, so that at most a third of the height is empty.
fn ticks(texts: &Texts, most: i64) -> (Vec<Tick>, i64) {
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
        Tick { y: format!("{:.1}", 100.0 - 100.0 * number as f64 / count as f64), label: texts.compact(value) }
    };
    ((0..=count).rev().map(tick).collect(), top)
}

/// The labels below the bars. Hours are labelled by the clock, other steps at regular distances from the newest bar.
fn labels(texts: &Texts, bars: &[Bar], step: Step) -> Vec<Label> {
    let by_clock = step == Step::Hour && bars.len() <= 48;
    let format = match step {
        Step::Hour if by_clock => "dates.time",
        Step::Month => "dates.short_month",
        _ => "dates.short_date",
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
        let end = bars.len() > 20 && index + 1 == bars.len();
        let middle = if end { 1.0 } else { 0.5 };
        shown.then(|| Label {
            x: format!("{:.1}", (index as f64 + middle) * 100.0 / bars.len() as f64),
            end,
            label: texts.date(format, bar.start),
            minor,
        })
    };
    bars.iter().enumerate().filter_map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::{Text, english};

    const NOW: &str = "2026-11-26T10:20:00";

    fn at(text: &str) -> DateTime {
        text.parse().unwrap()
    }

    /// Bars of days that are over.
    fn bars(counts: &[(i64, i64)]) -> Vec<Bar> {
        let start = |index: usize| at("2026-11-20T00:00:00").saturating_add(i64::try_from(index).unwrap().days());
        let bar = |(index, &(visitors, pageviews)): (usize, &(i64, i64))| Bar {
            start: start(index),
            visitors: Some(visitors),
            pageviews,
        };
        counts.iter().enumerate().map(bar).collect()
    }

    fn bar_at(start: &str) -> Bar {
        Bar { start: at(start), visitors: Some(2), pageviews: 2 }
    }

    fn drawing(bars: &[Bar]) -> Drawing<'_> {
        Drawing {
            texts: english(),
            id: "c",
            bars,
            before: &[],
            imported: &[],
            step: Step::Day,
            charted: Charted::Visitors,
            counts_visitors: true,
            measure: "Pageviews",
            end: bars.last().map_or(at(NOW).date(), |bar| bar.start.date().saturating_add(1.day())),
            now: at(NOW),
        }
    }

    #[test]
    fn an_axis_has_round_ticks_and_little_empty_space() {
        let labels = |most| ticks(english(), most).0.into_iter().map(|tick| tick.label).collect::<Vec<_>>();
        assert_eq!(labels(0), ["1", "0"]);
        assert_eq!(labels(3), ["3", "2", "1", "0"]);
        assert_eq!(labels(11), ["15", "10", "5", "0"]);
        assert_eq!(labels(601), ["800", "600", "400", "200", "0"]);
        assert_eq!(labels(11_700), ["12.5k", "10k", "7,500", "5,000", "2,500", "0"]);
        assert_eq!(labels(1_240_000), ["1.25M", "1M", "750k", "500k", "250k", "0"]);
        let positions: Vec<_> = ticks(english(), 3).0.into_iter().map(|tick| tick.y).collect();
        assert_eq!(positions, ["0.0", "33.3", "66.7", "100.0"]);
        for most in (1..5_000).chain([i64::MAX]) {
            let (_, top) = ticks(english(), most);
            assert!(top >= most && most as f64 / top as f64 > 0.6, "{most}: {top}");
        }
    }

    #[test]
    fn a_single_visitor_has_a_visible_bar_next_to_a_million() {
        let chart = Chart::draw(&drawing(&bars(&[(1, 1), (1_000_000, 1_000_000), (0, 0)])));
        assert_eq!(chart.bars, "M0 0v-1M1 0v-200");
    }

    #[test]
    fn visitors_and_pageviews_have_scales_of_their_own() {
        let bars = bars(&[(5, 1_000), (10, 500)]);
        let visitors = Chart::draw(&drawing(&bars));
        let pageviews = Chart::draw(&Drawing { charted: Charted::Pageviews, ..drawing(&bars) });
        assert_eq!((&*visitors.bars, visitors.drawn), ("M0 0v-100M1 0v-200", "Visitors"));
        assert_eq!((&*pageviews.bars, pageviews.drawn), ("M0 0v-200M1 0v-100", "Pageviews"));
        assert_eq!((visitors.ticks[0].label.as_str(), pageviews.ticks[0].label.as_str()), ("10", "1,000"));
        assert_eq!(visitors.title, "Visitors by day. Highest: 10.");
        assert_eq!(visitors.rows, pageviews.rows, "the table has both");
        assert_eq!("visits".parse::<Charted>(), Err(Text::new("errors.chart")));
    }

    #[test]
    fn the_previous_period_is_a_line_and_a_column_no_longer_than_the_bars() {
        let some = |counts: &[(i64, i64)]| bars(counts).into_iter().map(Some).collect::<Vec<_>>();
        let now = bars(&[(1, 1), (2, 2)]);
        let chart = Chart::draw(&Drawing { before: &some(&[(2, 2), (0, 0), (9, 9)]), ..drawing(&now) });
        assert_eq!(chart.before, "M0-200L1-0");
        // The day that a bar is compared with, and the change if there were visitors.
        assert!(chart.rows.contains("<td>1<td>1<td title=\"Fri 20 Nov, −50 %\">2<tr"), "{}", chart.rows);
        assert!(chart.rows.ends_with("<td>2<td>2<td title=\"Sat 21 Nov\">0"), "{}", chart.rows);
        // Today, an hour that is still to come, and long tables.
        let on_second = at("2026-11-21T10:20:00");
        let before = some(&[(2, 2), (2, 2)]);
        let chart = Chart::draw(&Drawing { before: &before, now: on_second, ..drawing(&bars(&[(1, 1), (2, 2)])) });
        assert!(chart.rows.ends_with("<td title=\"Sat 21 Nov\">2"), "{}", chart.rows);
        let hours = [bar_at("2026-11-26T10:00:00"), bar_at("2026-11-26T11:00:00")];
        let before = [Some(bar_at("2026-11-25T10:00:00")), Some(bar_at("2026-11-25T11:00:00"))];
        let chart = Chart::draw(&Drawing { step: Step::Hour, before: &before, ..drawing(&hours) });
        assert_eq!(chart.rows.matches("title=\"Wed 25 Nov\"").count(), 2, "{}", chart.rows);
        let many = vec![(2, 2); 101];
        let chart = Chart::draw(&Drawing { before: &some(&many), ..drawing(&bars(&many)) });
        assert!(!chart.rows.contains("title"));
        let chart = Chart::draw(&Drawing { before: &some(&[(0, 0)]), ..drawing(&now) });
        assert!(chart.before.is_empty());
    }

    #[test]
    fn the_previous_period_begins_where_counting_began() {
        let now = bars(&[(1, 1), (2, 2), (4, 4)]);
        let before: Vec<_> = bars(&[(0, 0), (3, 3), (4, 4)])
            .into_iter()
            .enumerate()
            .map(|(index, bar)| (index > 0).then_some(bar))
            .collect();
        let chart = Chart::draw(&Drawing { before: &before, ..drawing(&now) });
        assert_eq!(chart.before, "M1-150L2-200");
        assert!(chart.rows.starts_with("<tr data-days=2026-11-20><th>Fri 20 Nov<td>1<td>1<td>–<tr"), "{}", chart.rows);
    }

    #[test]
    fn steps_that_are_not_over_or_cut_are_drawn_as_unfinished() {
        let of = |step, starts: &[&str], end: &str| {
            let bar = |start: &&str| Bar { start: at(&format!("{start}:00:00")), visitors: Some(2), pageviews: 3 };
            let bars: Vec<_> = starts.iter().map(bar).collect();
            let chart = Chart::draw(&Drawing { step, end: end.parse().unwrap(), ..drawing(&bars) });
            let rows = chart.rows.split("<th>").skip(1).map(|row| row.split_once('<').unwrap().0.to_owned());
            (rows.collect::<Vec<_>>().join("; "), chart.bars, chart.unfinished)
        };
        let (rows, bars, unfinished) = of(Step::Day, &["2026-11-25T00", "2026-11-26T00"], "2026-11-27");
        assert_eq!((&*rows, &*bars, &*unfinished), ("Wed 25 Nov; Thu 26 Nov (so far)", "M0 0v-200", "M1 0v-200"));
        // From Saturday: the first week has two days, and the last one is not over.
        let weeks = ["2026-11-14T00", "2026-11-16T00", "2026-11-23T00"];
        assert_eq!(of(Step::Week, &weeks, "2026-11-27").0, "14 Nov (2 days); 16 Nov; 23 Nov (so far)");
        assert_eq!(of(Step::Week, &weeks, "2026-11-24").0, "14 Nov (2 days); 16 Nov; 23 Nov (1 day)");
        let months = ["2026-09-30T00", "2026-10-01T00", "2026-11-01T00"];
        assert_eq!(of(Step::Month, &months, "2026-11-27").0, "Sep 2026 (1 day); Oct 2026; Nov 2026 (so far)");
        assert_eq!(of(Step::Month, &months, "2026-11-06").0, "Sep 2026 (1 day); Oct 2026; Nov 2026 (5 days)");
        let hours = ["2026-11-26T09", "2026-11-26T10", "2026-11-26T11"];
        assert_eq!(of(Step::Hour, &hours, "2026-11-27").0, "09:00; 10:00 (so far); 11:00");
    }

    #[test]
    fn each_row_names_the_days_of_its_bar_unless_it_is_an_hour_or_the_whole_range() {
        let of = |step, starts: &[&str], end: &str| {
            let bar = |start: &&str| Bar { start: at(&format!("{start}:00:00")), visitors: Some(2), pageviews: 3 };
            let bars: Vec<_> = starts.iter().map(bar).collect();
            let chart = Chart::draw(&Drawing { step, end: end.parse().unwrap(), ..drawing(&bars) });
            let rows = chart.rows.split("<tr").skip(1).map(|row| row.split_once('>').unwrap().0.trim().to_owned());
            rows.collect::<Vec<_>>()
        };
        let weeks = of(Step::Week, &["2026-11-14T00", "2026-11-16T00"], "2026-11-20");
        assert_eq!(weeks, ["data-days=2026-11-14/2026-11-15", "data-days=2026-11-16/2026-11-19"]);
        let months = of(Step::Month, &["2026-10-01T00", "2026-11-01T00"], "2026-11-27");
        assert_eq!(months, ["data-days=2026-10-01/2026-10-31", "data-days=2026-11-01/2026-11-26"]);
        let days = of(Step::Day, &["2026-11-25T00", "2026-11-26T00"], "2026-11-27");
        assert_eq!(days, ["data-days=2026-11-25", "data-days=2026-11-26"]);
        assert_eq!(of(Step::Day, &["2026-11-26T00"], "2026-11-27"), [""]);
        assert_eq!(of(Step::Hour, &["2026-11-26T09", "2026-11-26T10"], "2026-11-27"), ["", ""]);
    }

    #[test]
    fn imported_days_have_their_own_bars_and_columns() {
        let bars = bars(&[(0, 0), (2, 2), (2, 2)]);
        let by_start = [(bars[0].start, (2, 4)), (bars[1].start, (1, 1))].into();
        let imported = [ImportedBars { source: "plausible".to_owned(), by_start }];
        let chart = Chart::draw(&Drawing { imported: &imported, ..drawing(&bars) });
        assert_eq!(chart.imported[0].bars, "M0 0v-200M1.3 0v-100");
        let of_views = Chart::draw(&Drawing { imported: &imported, charted: Charted::Pageviews, ..drawing(&bars) });
        assert_eq!(of_views.imported[0].bars, "M0 0v-200M1.3 0v-50");
        assert!(chart.rows.contains("20 Nov<td>0<td>0<td>2<td>4<tr") && chart.rows.ends_with("<td>2<td>2<td><td>"));
        // Imported days alone are drawn, too.
        let chart = Chart::draw(&Drawing { imported: &imported, ..drawing(&bars[..1]) });
        assert!(!chart.empty);
    }

    #[test]
    fn hours_of_two_days_show_their_date() {
        let hours = |count: i64| {
            let start = |hour: i64| at("2026-11-23T00:00:00").saturating_add(hour.hours());
            let bar = |hour| Bar { start: start(hour), visitors: Some(1), pageviews: 1 };
            let bars: Vec<_> = (0..count).map(bar).collect();
            Chart::draw(&Drawing { step: Step::Hour, ..drawing(&bars) }).rows
        };
        assert!(hours(24).starts_with("<tr><th>00:00<td>1"));
        assert!(hours(48).starts_with("<tr><th>Mon 23 Nov 00:00<td>1"));
    }

    #[test]
    fn a_table_without_visitors_or_without_pageviews_has_no_such_column() {
        let bars = bars(&[(1, 4)]);
        let chart = Chart::draw(&Drawing { measure: "", ..drawing(&bars) });
        assert_eq!((&*chart.bars, &*chart.title), ("M0 0v-200", "Visitors by day. Highest: 1."));
        assert!(chart.rows.ends_with("Nov<td>1"), "{}", chart.rows);
        let requests = [Bar { visitors: None, ..self::bars(&[(0, 4)]).remove(0) }];
        let (counts_visitors, measure, charted) = (false, "Requests", Charted::Pageviews);
        let chart = Chart::draw(&Drawing { charted, counts_visitors, measure, ..drawing(&requests) });
        assert_eq!((&*chart.bars, &*chart.title), ("M0 0v-200", "Requests by day. Highest: 4."));
        assert!(chart.rows.ends_with("Nov<td>4"), "{}", chart.rows);
    }

    #[test]
    fn the_last_of_many_labels_ends_with_its_bar() {
        let last = |count| {
            let chart = Chart::draw(&drawing(&bars(&vec![(1, 1); count])));
            let label = chart.labels.last().unwrap();
            (label.x.clone(), label.end)
        };
        assert_eq!(last(30), ("100.0".to_owned(), true));
        assert_eq!(last(10), ("95.0".to_owned(), false));
    }

    #[test]
    fn an_empty_series_draws_an_empty_chart() {
        let chart = Chart::draw(&Drawing { step: Step::Hour, ..drawing(&[]) });
        assert!(chart.empty && chart.labels.is_empty() && chart.rows.is_empty());
    }
}
