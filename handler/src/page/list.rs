//! Lists of values, and of what was not counted in full.

use std::borrow::Cow;

use serde::Serialize;

use super::wording::{query_value, thousands};
use crate::{
    domain::statistics::{Breakdown, Entry, Referrals, Report},
    domain::{
        Dimension, Exclusion, Uniqueness,
        dimension::OTHER,
        dimension::channel,
        visit::robot::{self, Robot},
    },
};

/// Lists that stand together, in a tab of their own.
#[derive(Serialize)]
pub(super) struct ListSection<'a> {
    name: &'static str,
    /// Its name in links.
    key: String,
    /// Whether it is shown before another is chosen.
    first: bool,
    lists: Vec<List<'a>>,
}

/// The values of one dimension.
#[derive(Serialize)]
pub(super) struct List<'a> {
    heading: &'static str,
    /// Of what, where that is not the whole site.
    of: Option<Cow<'a, str>>,
    /// What the first column holds.
    column: &'static str,
    /// Of what its values are codes, in the words of `Intl.DisplayNames`: then the script can name them.
    names: Option<&'static str>,
    /// How to read the numbers, where that is not plain.
    note: Option<Cow<'static, str>>,
    /// What the last column holds.
    views: &'static str,
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
    /// What looks into it, as a parameter of a question; missing where nothing does.
    query: Option<String>,
    /// Missing if they are not known.
    visitors: Option<String>,
    pageviews: String,
    /// Width of the bar behind, in percent of the longest.
    share: i64,
}

/// What was not counted in full.
#[derive(Serialize)]
pub(super) struct Exclusions {
    sum: String,
    requests: &'static str,
    words: String,
    /// The most frequent first; none if everything was counted.
    rows: Vec<ExclusionRow>,
}

/// What was not counted in full for one reason.
#[derive(Serialize)]
struct ExclusionRow {
    label: &'static str,
    meaning: &'static str,
    count: String,
}

/// How many rows are open.
const OPEN_ROWS: usize = 10;

/// The longest value that is shown, in characters: longer ones keep their two ends. The JSON answer has them whole.
const VALUE_CHARACTERS: usize = 96;

/// All lists by groups. What always has a list says what will appear on an empty site; others are there once they hold anything.
pub(super) fn groups(report: &Report) -> Vec<ListSection<'_>> {
    let mut groups: Vec<ListSection<'_>> = Vec::new();
    for dimension in Dimension::lists() {
        let mut entries = report.lists.get(&dimension).map(Vec::as_slice).unwrap_or_default();
        if matches!(dimension, Dimension::EntryPage | Dimension::Channel) {
            // They are about how days began: what was viewed and began none stands at the end, and says nothing here.
            let began = entries.iter().take_while(|entry| entry.visitors.is_some_and(|visitors| visitors > 0)).count();
            entries = &entries[..began];
        }
        if entries.is_empty() && dimension.empty().is_empty() {
            continue;
        }
        let list = list(entries, dimension);
        let name = dimension.group();
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.lists.push(list),
            None => groups.push(ListSection { name, key: name.to_lowercase(), first: false, lists: vec![list] }),
        }
    }
    groups.sort_by_key(|group| ORDER.iter().position(|name| *name == group.name));
    if let Some(group) = groups.first_mut() {
        group.first = true;
    }
    groups
}

/// What was found of one page or one host, in place of all lists.
pub(super) fn referrals(Referrals { of, entries, other }: &Referrals) -> ListSection<'_> {
    let ordinary = list(entries, of.answers());
    let mut note = "Pageviews only: visitors are not counted per page and referrer.".to_owned();
    if *other > 0 {
        note += &format!(" The page of {} more pageviews with a referrer is unknown.", thousands(*other));
    }
    let list = List {
        heading: match of {
            Breakdown::Page(_) => "Referrers of",
            Breakdown::Referrer(_) => "Pages reached from",
        },
        of: Some(shorten(of.value())),
        note: Some(note.into()),
        known: false,
        empty: match of {
            Breakdown::Page(_) => "No other site referred visitors to this page in this period.",
            Breakdown::Referrer(_) => "This host referred no visitors in this period.",
        },
        ..ordinary
    };
    let name = of.dimension().group();
    ListSection { name, key: name.to_lowercase(), first: false, lists: vec![list] }
}

/// What looks into a value. One that stands for others, or is too long to be shown whole, is not looked into.
fn breakdown_link(dimension: Dimension, value: &str) -> Option<String> {
    let breakdown = match dimension {
        Dimension::Page => Breakdown::Page(value.to_owned()),
        Dimension::Referrer => Breakdown::Referrer(value.to_owned()),
        _ => return None,
    };
    (value != OTHER && value.chars().count() <= VALUE_CHARACTERS).then(|| breakdown_query(&breakdown))
}

/// A page or host as a parameter of a question.
pub(super) fn breakdown_query(breakdown: &Breakdown) -> String {
    format!("{}={}", breakdown.parameter(), query_value(breakdown.value()))
}

/// The order of groups. One that is missing here comes first, where it is seen.
const ORDER: [&str; 6] = ["Pages", "Sources", "Locations", "Technology", "Events", "Robots"];

/// A value as people read it.
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
    let row = |entry: &'e Entry| Row {
        value: in_words(dimension, &entry.value),
        query: breakdown_link(dimension, &entry.value),
        visitors: entry.visitors.filter(|_| known).map(thousands),
        pageviews: thousands(entry.pageviews),
        share: size(entry).saturating_mul(100) / most,
    };
    let (open, folded) = entries.split_at(entries.len().min(OPEN_ROWS));
    let table = |(rows, folded): (_, usize)| Table { folded, rows };
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
        of: None,
        column: dimension.column(),
        names: match dimension {
            Dimension::Country => Some("region"),
            Dimension::Language => Some("language"),
            _ => None,
        },
        views: match dimension {
            Dimension::Event => "Times",
            _ if dimension.uniqueness() == Uniqueness::RequestsOnly => "Requests",
            _ => "Pageviews",
        },
        note: (!note.is_empty()).then_some(note.into()),
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

/// The reasons that there were, with how often, and all of it in one line.
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
