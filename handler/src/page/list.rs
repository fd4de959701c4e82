//! Lists of values, and of what was not counted in full.

use std::borrow::Cow;

use serde::Serialize;

use super::wording::thousands;
use crate::{
    statistics::{Entry, Excluded, Statistics},
    visitor::Exclusion,
};

/// The values of one dimension.
#[derive(Serialize)]
pub(super) struct List<'a> {
    heading: &'static str,
    /// What the first column holds.
    column: &'static str,
    /// How to read the numbers, where that is not plain.
    note: Option<&'static str>,
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
    visitors: String,
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

/// Pages and referrers always, so that an empty site says what will appear; other dimensions once they hold anything.
pub(super) fn lists(statistics: &Statistics) -> Vec<List<'_>> {
    let mut lists = vec![
        list(
            &statistics.pages,
            "Pages",
            "Path",
            Some("Unique per page: who views two pages is in both rows."),
            "No page was viewed in this time. Each path that is viewed appears here.",
        ),
        list(
            &statistics.referrers,
            "Referrers",
            "Host",
            Some("Each visitor belongs to the site that first led here."),
            "Nobody followed a link in this time. When another site leads somebody here, its host name appears.",
        ),
    ];
    let others: [(&[Entry], _, _); 6] = [
        (&statistics.browsers, "Browsers", "Browser"),
        (&statistics.operating_systems, "Operating systems", "System"),
        (&statistics.devices, "Devices", "Device"),
        (&statistics.countries, "Countries", "Country"),
        (&statistics.languages, "Languages", "Language"),
        (&statistics.campaigns, "Campaigns", "Campaign"),
    ];
    for (entries, heading, column) in others {
        if !entries.is_empty() {
            lists.push(list(entries, heading, column, None, ""));
        }
    }
    lists
}

fn list<'a>(
    entries: &'a [Entry],
    heading: &'static str,
    column: &'static str,
    note: Option<&'static str>,
    empty: &'static str,
) -> List<'a> {
    let most = entries.iter().map(|entry| entry.visitors).max().unwrap_or_default().max(1);
    let row = |entry: &'a Entry| Row {
        value: shorten(&entry.value),
        visitors: thousands(entry.visitors),
        pageviews: thousands(entry.pageviews),
        share: entry.visitors.saturating_mul(100) / most,
    };
    let (open, folded) = entries.split_at(entries.len().min(OPEN_ROWS));
    let table = |entries: &'a [Entry], folded| Table { folded, rows: entries.iter().map(row).collect() };
    let tables = [table(open, 0), table(folded, folded.len())];
    let tables = tables.into_iter().filter(|table| !table.rows.is_empty()).collect();
    List { heading, column, note, empty, tables }
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
pub(super) fn exclusions(excluded: &Excluded) -> Vec<ExclusionRow> {
    let exclusion = |reason| {
        let (label, count, meaning) = describe(reason, excluded);
        ExclusionRow { label, count: thousands(count), meaning }
    };
    Exclusion::ALL.into_iter().map(exclusion).collect()
}

fn describe(reason: Exclusion, excluded: &Excluded) -> (&'static str, i64, &'static str) {
    match reason {
        Exclusion::Bots => ("Bots", excluded.bots, "Known by their User-Agent, or sending none. Not counted."),
        Exclusion::Prefetch => {
            ("Prefetched", excluded.prefetch, "Loaded ahead of a visit that may never come. Not counted.")
        }
        Exclusion::OptedOut => {
            ("Opted out", excluded.opted_out, "Global Privacy Control or Do Not Track: a pageview, never a visitor.")
        }
        Exclusion::Own => ("Own visits", excluded.own, "Made by the owner, with the opt-out flag set. Not counted."),
        Exclusion::RateLimited => {
            ("Rate limited", excluded.rate_limited, "More requests than one client may make. Not counted.")
        }
        Exclusion::Unidentified => {
            ("Unidentified", excluded.unidentified, "Without a usable address: a pageview, and no visitor.")
        }
        Exclusion::Head => ("HEAD requests", excluded.head, "They show nobody a page. Not counted."),
    }
}
