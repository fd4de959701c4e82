//! Lists of values, and the list of exclusions.

use std::borrow::Cow;

use serde::Serialize;

use super::wording::{query_value, thousands};
use crate::{
    domain::statistics::{Condition, Entry, Lists, Referrals, Report},
    domain::{
        Dimension, Exclusion, Uniqueness,
        dimension::Group,
        dimension::channel,
        visit::robot::{self, Robot},
    },
};

/// A link that opens a group of lists.
#[derive(Serialize)]
pub(super) struct Tab {
    heading: &'static str,
    /// The group in the query.
    key: &'static str,
    current: bool,
}

/// The values of one dimension.
#[derive(Serialize)]
pub(super) struct List<'a> {
    heading: &'static str,
    /// The heading of the first column.
    column: &'static str,
    /// The type of `Intl.DisplayNames` with which the script translates codes to names, if the values are codes.
    names: Option<&'static str>,
    /// An explanation of the numbers, if they need one.
    note: Option<Cow<'static, str>>,
    /// The heading of the last column.
    views: &'static str,
    /// Whether visitors are known. If not, the list has no column for them.
    known: bool,
    /// The text of an empty list.
    empty: &'static str,
    /// One table with the first rows, and one with the rest, which is folded. Empty if there are no rows.
    tables: Vec<ListTable<'a>>,
}

/// Some rows of a list.
#[derive(Serialize)]
struct ListTable<'a> {
    /// The number of folded rows; zero if the table is open.
    folded: usize,
    rows: Vec<ListRow<'a>>,
}

/// One value of a dimension.
#[derive(Serialize)]
struct ListRow<'a> {
    value: Cow<'a, str>,
    /// The whole value of a path, or of a value that is shortened. Browsers show it on hover.
    whole: Option<&'a str>,
    /// The value as a query; `None` for an empty value.
    query: Option<String>,
    /// Missing if unknown.
    visitors: Option<String>,
    pageviews: String,
    /// Width of the bar behind the row, in percent of the longest bar.
    share: i64,
}

/// The requests that were not counted in full.
#[derive(Serialize)]
pub(super) struct Exclusions {
    sum: String,
    requests: &'static str,
    words: String,
    /// The most frequent reason first; empty if everything was counted.
    rows: Vec<ExclusionRow>,
}

/// The requests that were not counted in full for one reason.
#[derive(Serialize)]
struct ExclusionRow {
    label: &'static str,
    meaning: &'static str,
    count: String,
}

/// The number of rows that are not folded.
const OPEN_ROWS: usize = 10;

/// The longest value that is shown in full, in characters. Longer values keep both ends. JSON always has the full
/// value.
const VALUE_CHARACTERS: usize = 96;

/// The tabs of the groups that have lists, and the lists of the open group. A dimension with a text for empty lists always has a
/// list, others only if they have values.
pub(super) fn tabs(report: &Report) -> (Vec<Tab>, Vec<List<'_>>) {
    let open = match report.read_lists {
        Lists::Group(group) => group,
        Lists::All | Lists::None => Group::Pages,
    };
    let is_listed = |dimension: &Dimension| {
        !dimension.empty().is_empty() || !entries(report, *dimension).is_empty() || report.unread.contains(dimension)
    };
    let tab = |group: &Group| Tab { heading: group.heading(), key: group.name(), current: *group == open };
    let has_tab = |group: &&Group| **group == open || Dimension::lists().any(|d| d.group() == **group && is_listed(&d));
    let tabs = Group::ALL.iter().filter(has_tab).map(tab).collect();
    let shown = Dimension::lists().filter(|dimension| dimension.group() == open && is_listed(dimension));
    (tabs, shown.map(|dimension| list(entries(report, dimension), dimension)).collect())
}

/// The values of a list, without entry pages and channels with which no visitor began a day. Those come last.
fn entries(report: &Report, dimension: Dimension) -> &[Entry] {
    let entries = report.lists.get(&dimension).map(Vec::as_slice).unwrap_or_default();
    if !matches!(dimension, Dimension::EntryPage | Dimension::Channel) {
        return entries;
    }
    let began = entries.iter().take_while(|entry| entry.visitors.is_some_and(|visitors| visitors > 0)).count();
    &entries[..began]
}

/// The referrers of a page, or the pages of a referrer.
pub(super) fn referrals(Referrals { of, listed, entries, other }: &Referrals) -> List<'_> {
    let mut note = "Pageviews only: visitors are not counted per page and referrer.".to_owned();
    if *other > 0 {
        note += &format!(" The page of {} more pageviews with a referrer is unknown.", thousands(*other));
    }
    List {
        note: Some(note.into()),
        known: false,
        empty: if of.dimension == Dimension::Page {
            "No other site referred visitors to this page in this period."
        } else {
            "This host referred no visitors in this period."
        },
        ..list(entries, *listed)
    }
}

/// A value as a query.
pub(super) fn value_query(dimension: Dimension, value: &str) -> String {
    format!("{}={}", dimension.parameter(), query_value(value))
}

/// A condition in the words of the page, and the whole value if it is shortened.
pub(super) fn condition(Condition { dimension, value }: &Condition) -> (Cow<'_, str>, Option<&str>) {
    (in_words(*dimension, value), is_shortened(value).then_some(&**value))
}

/// The type of `Intl.DisplayNames` with which the script translates a dimension's codes.
pub(super) const fn names(dimension: Dimension) -> Option<&'static str> {
    match dimension {
        Dimension::Country => Some("region"),
        Dimension::Language => Some("language"),
        _ => None,
    }
}

/// A value in the words of the page.
fn in_words(dimension: Dimension, value: &str) -> Cow<'_, str> {
    match dimension {
        Dimension::Channel => Cow::Borrowed(channel::ChannelGroup::named(value).map_or(value, |group| group.heading())),
        Dimension::Robot => match robot::named(value) {
            Some(Robot { operator: Some(operator), purpose, .. }) => {
                Cow::Owned(format!("{value} ({operator}, {})", purpose.label()))
            }
            Some(Robot { purpose, .. }) => Cow::Owned(format!("{value} ({})", purpose.label())),
            None => Cow::Borrowed(value),
        },
        _ => shorten(value),
    }
}

fn list<'e>(entries: &'e [Entry], dimension: Dimension) -> List<'e> {
    let known = entries.iter().all(|entry| entry.visitors.is_some());
    let size = |entry: &Entry| if known { entry.visitors.unwrap_or_default() } else { entry.pageviews };
    let most = entries.iter().map(size).max().unwrap_or_default().max(1);
    let is_path = matches!(dimension, Dimension::Page | Dimension::EntryPage | Dimension::AiPage);
    let row = |entry: &'e Entry| ListRow {
        value: in_words(dimension, &entry.value),
        whole: (is_path || is_shortened(&entry.value)).then_some(&*entry.value),
        query: (!entry.value.is_empty()).then(|| value_query(dimension, &entry.value)),
        visitors: entry.visitors.filter(|_| known).map(thousands),
        pageviews: thousands(entry.pageviews),
        share: size(entry).saturating_mul(100) / most,
    };
    let (open, folded) = entries.split_at(entries.len().min(OPEN_ROWS));
    let table = |(rows, folded): (_, usize)| ListTable { folded, rows };
    let rows = |entries: &'e [Entry]| entries.iter().map(row).collect::<Vec<_>>();
    let tables = [(rows(open), 0), (rows(folded), folded.len())].map(table);
    let note = match dimension.uniqueness() {
        uniqueness if !uniqueness.has_visitors() => "",
        _ if !dimension.note().is_empty() => dimension.note(),
        _ if !known => "Pageviews only: unique visitors are not available for a period this long.",
        Uniqueness::PerValue => "Visitors are unique in each row. A visitor in two rows counts in both.",
        _ => "",
    };
    List {
        heading: dimension.heading(),
        column: dimension.column(),
        names: names(dimension),
        // In a list of entry pages, these are the pageviews of the pages.
        views: if dimension.views().is_empty() { "Pageviews" } else { dimension.views() },
        note: (!note.is_empty()).then_some(note.into()),
        known,
        empty: dimension.empty(),
        tables: tables.into_iter().filter(|table| !table.rows.is_empty()).collect(),
    }
}

/// Whether [`shorten`] leaves out a part of the value.
fn is_shortened(value: &str) -> bool {
    value.chars().count() > VALUE_CHARACTERS
}

/// The value in full if it is short enough, else its two ends.
fn shorten(value: &str) -> Cow<'_, str> {
    if value.is_empty() {
        return Cow::Borrowed("(none)");
    }
    if !is_shortened(value) {
        return Cow::Borrowed(value);
    }
    let length = value.chars().count();
    let tail = VALUE_CHARACTERS / 3;
    let head = VALUE_CHARACTERS - tail - 1;
    let shortened = value.chars().take(head).chain(['…']).chain(value.chars().skip(length - tail));
    Cow::Owned(shortened.collect())
}

/// The exclusions of a report, as rows and as one summary line.
pub(super) fn exclusions(report: &Report) -> Exclusions {
    let found = || report.excluded.iter().filter(|(_, count)| **count > 0);
    let mut reasons: Vec<_> = found().collect();
    reasons.sort_by_key(|(reason, count)| (std::cmp::Reverse(**count), **reason));
    let words = |(reason, count): &(&Exclusion, &i64)| {
        let label = match reason {
            Exclusion::Bots => Cow::Borrowed("from bots"),
            reason => lowercase(reason.label_of(**count)),
        };
        format!("{} {label}", thousands(**count))
    };
    let row = |(reason, count): (&Exclusion, &i64)| ExclusionRow {
        label: reason.label(),
        count: thousands(*count),
        meaning: reason.meaning(),
    };
    let sum = found().map(|(_, count)| count).sum();
    Exclusions {
        sum: thousands(sum),
        requests: if sum == 1 { "request" } else { "requests" },
        words: reasons.iter().map(words).collect::<Vec<_>>().join(", "),
        rows: reasons.into_iter().map(row).collect(),
    }
}

/// A label within a sentence: "bots", but "HEAD requests".
fn lowercase(label: &str) -> Cow<'_, str> {
    match label.as_bytes() {
        [_, second, ..] if second.is_ascii_lowercase() => Cow::Owned(label.to_lowercase()),
        _ => Cow::Borrowed(label),
    }
}
