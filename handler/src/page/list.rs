//! Lists of values, and of what was not counted in full.

use std::borrow::Cow;

use serde::Serialize;

use super::wording::thousands;
use crate::{
    statistics::{Entry, Report},
    visitor::{Dimension, Exclusion, Uniqueness},
};

/// The values of one dimension.
#[derive(Serialize)]
pub(super) struct List<'a> {
    heading: &'static str,
    /// What the first column holds.
    column: &'static str,
    /// How to read the numbers, where that is not plain.
    note: Option<&'static str>,
    /// Whether its visitors are known; else there is no column of them.
    known: bool,
    /// What would appear, if nothing does.
    empty: &'static str,
    /// One with the first rows, and one with the rest behind a click; none if there are no rows.
    tables: Vec<Table<'a>>,
}

/// Some rows of a list.
#[derive(Serialize)]
struct Table<'a> {
    /// How many rows are behind a click; zero if they are open.
    folded: usize,
    rows: Vec<Row<'a>>,
}

/// One value of a dimension.
#[derive(Serialize)]
struct Row<'a> {
    value: Cow<'a, str>,
    /// Missing if they are not known.
    visitors: Option<String>,
    pageviews: String,
    /// Width of the bar behind, in percent of the longest.
    share: i64,
}

/// What was not counted in full for one reason.
#[derive(Serialize)]
pub(super) struct ExclusionRow {
    label: &'static str,
    meaning: &'static str,
    count: String,
}

/// How many rows are open.
const OPEN_ROWS: usize = 12;

/// The longest value that is shown, in characters: longer ones keep their two ends. The JSON answer has them whole.
const VALUE_CHARACTERS: usize = 96;

/// What always has a list, so that an empty site says what will appear; other dimensions once they hold anything.
pub(super) fn lists(report: &Report) -> Vec<List<'_>> {
    let list = |dimension: &Dimension| {
        let entries = report.lists.get(dimension).map(Vec::as_slice).unwrap_or_default();
        (!entries.is_empty() || !dimension.empty().is_empty()).then(|| list(entries, *dimension))
    };
    Dimension::ALL.iter().filter_map(list).collect()
}

fn list<'e>(entries: &'e [Entry], dimension: Dimension) -> List<'e> {
    let known = entries.iter().all(|entry| entry.visitors.is_some());
    let size = |entry: &Entry| if known { entry.visitors.unwrap_or_default() } else { entry.pageviews };
    let most = entries.iter().map(size).max().unwrap_or_default().max(1);
    let row = |entry: &'e Entry| Row {
        value: shorten(&entry.value),
        visitors: entry.visitors.filter(|_| known).map(thousands),
        pageviews: thousands(entry.pageviews),
        share: size(entry).saturating_mul(100) / most,
    };
    let (open, folded) = entries.split_at(entries.len().min(OPEN_ROWS));
    let table = |(rows, folded): (_, usize)| Table { folded, rows };
    let rows = |entries: &'e [Entry]| entries.iter().map(row).collect::<Vec<_>>();
    let tables = [(rows(open), 0), (rows(folded), folded.len())].map(table);
    let note = match dimension.uniqueness() {
        _ if !known => Some("So long a range has no unique visitors: pageviews only."),
        Uniqueness::ForEachValue => Some("Unique in each row: who is in two rows counts in both."),
        Uniqueness::OnceADay | Uniqueness::Nobody => None,
    };
    List {
        heading: dimension.heading(),
        column: dimension.column(),
        note,
        known,
        empty: dimension.empty(),
        tables: tables.into_iter().filter(|table| !table.rows.is_empty()).collect(),
    }
}

/// The whole value if it is short enough, else its two ends.
fn shorten(value: &str) -> Cow<'_, str> {
    if value.is_empty() {
        return Cow::Borrowed("(none)");
    }
    let length = value.chars().count();
    if length <= VALUE_CHARACTERS {
        return Cow::Borrowed(value);
    }
    let tail = VALUE_CHARACTERS / 3;
    let head = VALUE_CHARACTERS - tail - 1;
    let shortened = value.chars().take(head).chain(['…']).chain(value.chars().skip(length - tail));
    Cow::Owned(shortened.collect())
}

/// Every reason with its count, zero or not: a page that hides what it leaves out can't be checked.
pub(super) fn exclusions(report: &Report) -> Vec<ExclusionRow> {
    let row = |exclusion: &Exclusion| ExclusionRow {
        label: exclusion.label(),
        count: thousands(report.excluded.get(exclusion).copied().unwrap_or_default()),
        meaning: exclusion.meaning(),
    };
    Exclusion::ALL.iter().map(row).collect()
}
