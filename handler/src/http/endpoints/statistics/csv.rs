//! A report as one table (RFC 4180), for spreadsheets and scripts. The first column of a row names its subject.

use std::borrow::Cow;

use crate::{
    domain::statistics::{Counts, Lists, Report},
    domain::{Dimension, Exclusion, cells::NotShown},
    http::timestamps::local,
};

/// Writes a report with these columns:
/// - subject: `range`, `series`, `imported_` with the name of a counter, the name of a list, `referrals`, `not_listed`, `not_shown` or
///   `excluded`
/// - value: a day or instant, a value of the list, the name of a list, a reason, or, for visitors who are not shown, the values that
///   they surely have
/// - unique visitors, empty if unknown
/// - pageviews, empty if unknown
///
/// # Errors
/// None are known: the writer writes to memory.
pub(super) fn write(report: &Report) -> anyhow::Result<String> {
    let mut table = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let mut row = |about: &str, value: &str, visitors: Option<i64>, pageviews: Option<i64>| {
        table.write_record([about, &harmless(value), &number(visitors), &number(pageviews)])
    };
    let Report { zone, first, last, counts: Counts { visitors, pageviews, .. }, .. } = report;
    // Cells count visitors only. They have the numbers of combinations, and the lists of any filter.
    let views = |pageviews: i64| (!report.filter.combines()).then_some(pageviews);
    // A table of one list has nothing else.
    let is_whole = !matches!(report.read_lists, Lists::One(_));
    if is_whole {
        row("range", &format!("{first}/{last}"), *visitors, views(*pageviews))?;
        for point in &report.series {
            row("series", &local(point.start, zone), point.visitors, views(point.pageviews))?;
        }
        for imported in &report.imported {
            let about = format!("imported_{}", imported.source);
            for point in &imported.series {
                row(&about, &local(point.start, zone), Some(point.daily_visitors), Some(point.pageviews))?;
            }
        }
    }
    for dimension in Dimension::lists() {
        for entry in report.lists.get(&dimension).into_iter().flatten() {
            row(dimension.name(), &entry.value, entry.visitors, report.filter.is_empty().then_some(entry.pageviews))?;
        }
    }
    for (dimension, visitors) in &report.not_listed {
        row("not_listed", dimension.name(), Some(*visitors), None)?;
    }
    for entry in report.referrals.iter().flat_map(|referrals| &referrals.entries) {
        row(Dimension::Referral.name(), &entry.value, None, Some(entry.pageviews))?;
    }
    // Exclusions are counted for the whole site only.
    if is_whole && report.filter.is_empty() {
        for exclusion in Exclusion::ALL {
            let excluded = report.excluded.get(exclusion).copied().unwrap_or_default();
            row("excluded", exclusion.name(), None, Some(excluded))?;
        }
    }
    for NotShown { known, visitors } in report.not_shown.iter().flatten().filter(|_| is_whole) {
        let known = known.iter().map(|condition| (condition.dimension.parameter(), condition.text()));
        row("not_shown", &query(known), Some(*visitors), None)?;
    }
    let rows = String::from_utf8(table.into_inner()?)?;
    // Without the byte order mark, Excel does not read UTF-8.
    Ok(format!("\u{feff}about,value,visitors,pageviews\r\n{rows}"))
}

/// Parameters as a query.
fn query(parameters: impl Iterator<Item = (&'static str, String)>) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
}

/// Prevents spreadsheets from evaluating a value, or a part of it, as a formula (OWASP, "CSV injection"): puts an
/// apostrophe before each cell that begins like one. Spreadsheets of many languages also separate cells at semicolons.
fn harmless(value: &str) -> Cow<'_, str> {
    let mut safe = String::new();
    let mut copied = 0;
    // The beginning of a cell, as long as only invisible characters were read of it.
    let mut cell = Some(0);
    for (at, character) in value.char_indices() {
        match cell {
            Some(start) if begins_formula(character) => {
                safe.push_str(&value[copied..start]);
                safe.push('\'');
                (copied, cell) = (start, None);
            }
            _ if matches!(character, ';' | '\t' | '\r' | '\n') => cell = Some(at + character.len_utf8()),
            _ if is_skipped(character) => {}
            _ => cell = None,
        }
    }
    if safe.is_empty() {
        return Cow::Borrowed(value);
    }
    safe.push_str(&value[copied..]);
    Cow::Owned(safe)
}

/// Spreadsheets read full-width and small forms like the ASCII character (Unicode, "Halfwidth and Fullwidth Forms").
fn begins_formula(character: char) -> bool {
    "=+-@\t\r\n\u{2212}\u{fe62}\u{fe63}\u{fe66}\u{fe6b}\u{ff0b}\u{ff0d}\u{ff1d}\u{ff20}".contains(character)
}

/// Whether a spreadsheet may skip a character at the beginning of a cell: spaces, characters without width, and quotes,
/// which can be read as the quotes of a cell.
fn is_skipped(character: char) -> bool {
    let has_no_width = matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    );
    has_no_width || character == '"' || character.is_whitespace() || character.is_control()
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn no_part_of_a_value_can_become_a_formula() {
        for (value, safe) in [
            ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
            ("+1", "'+1"),
            ("\t=1", "'\t=1"),
            ("/a;=HYPERLINK(1)", "/a;'=HYPERLINK(1)"),
            ("/a;b;-1;@c", "/a;b;'-1;'@c"),
            ("/a; \"=1", "/a;' \"=1"),
            ("/a\n=1", "/a\n'=1"),
            ("\u{200b}=1", "'\u{200b}=1"),
            ("\u{feff}\u{2060}@a", "'\u{feff}\u{2060}@a"),
            (" =1", "' =1"),
            ("\u{a0}=1", "'\u{a0}=1"),
            ("\"=1\"", "'\"=1\""),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("\u{ff0b}1;\u{ff0d}1;\u{ff20}a", "'\u{ff0b}1;'\u{ff0d}1;'\u{ff20}a"),
            ("\u{2212}1", "'\u{2212}1"),
        ] {
            assert_eq!(harmless(value), safe, "{value:?}");
        }
    }

    #[test]
    fn other_values_are_unchanged() {
        for value in ["", "/path", "/a-b=c@d+e", "/a;b=1", "/日本語", "news.example", "2026-11-23/2026-11-24", "de-CH"]
        {
            assert_eq!(harmless(value), value);
        }
    }
}
