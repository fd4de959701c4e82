//! Annotations of days: marks on the chart, and the same texts as a list below it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use crate::{domain::statistics::Report, texts::Texts};

/// With more annotations, the list is closed at first.
const OPEN: usize = 5;

/// The values of the marks and the list in `chart.html`.
#[derive(Serialize)]
pub(super) struct Annotations<'r> {
    marks: Vec<Mark>,
    notes: Vec<Note<'r>>,
    open: bool,
}

/// A line across the chart. The list has its text for screen readers.
#[derive(Serialize)]
struct Mark {
    /// From the left, in percent.
    x: String,
    /// The texts of the bar, for the pointer.
    title: String,
}

#[derive(Serialize)]
struct Note<'r> {
    day: String,
    text: &'r str,
}

/// The annotations of the range.
pub(super) fn annotations<'r>(texts: &Texts, report: &'r Report) -> Annotations<'r> {
    let starts: Vec<Date> = report.series.iter().map(|point| report.zone.to_datetime(point.start).date()).collect();
    let mut by_bar: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let mut notes = Vec::new();
    for annotation in &report.annotations {
        let date = annotation.day.date();
        let day = texts.date("dates.short_date_in_full", date);
        // The first hour of the day, or the day, week or month with the day.
        let bar = starts.iter().position(|start| *start == date).or(starts.iter().rposition(|start| *start <= date));
        if let Some(bar) = bar {
            by_bar.entry(bar).or_default().push(format!("{day}: {}", annotation.text));
        }
        notes.push(Note { day, text: &annotation.text });
    }
    let mark = |(bar, texts): (usize, Vec<String>)| Mark {
        x: format!("{:.2}", (bar as f64 + 0.5) * 100.0 / starts.len() as f64),
        title: texts.join("\n"),
    };
    let open = notes.len() <= OPEN;
    Annotations { marks: by_bar.into_iter().map(mark).collect(), notes, open }
}
