//! The numbers as one table (RFC 4180), in which each row says what it is about: for spreadsheets and scripts.

use std::borrow::Cow;

use super::local;
use crate::{
    domain::statistics::{Counts, Report},
    domain::{Dimension, Exclusion},
};

/// Writes a report. Columns: what the row is about (`range`, `series`, `imported_` and a counter, a dimension, `referrals`, or `excluded`), its value (a day or instant, a
/// page, a reason), distinct visitors (empty where they are not known), pageviews.
///
/// # Errors
/// None that are known: it is written to memory.
pub(in crate::http) fn write(report: &Report) -> anyhow::Result<String> {
    let mut table = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let mut row = |about: &str, value: &str, visitors: Option<i64>, pageviews: i64| {
        table.write_record([about, &harmless(value), &number(visitors), &pageviews.to_string()])
    };
    let Report { zone, first, last, counts: Counts { visitors, pageviews, .. }, .. } = report;
    row("range", &format!("{first}/{last}"), *visitors, *pageviews)?;
    for point in &report.series {
        row("series", &local(point.start, zone), point.visitors, point.pageviews)?;
    }
    for imported in &report.imported {
        let about = format!("imported_{}", imported.source);
        for point in &imported.series {
            row(&about, &local(point.start, zone), Some(point.daily_visitors), point.pageviews)?;
        }
    }
    for dimension in Dimension::lists() {
        for entry in report.lists.get(&dimension).into_iter().flatten() {
            row(dimension.name(), &entry.value, entry.visitors, entry.pageviews)?;
        }
    }
    for entry in report.referrals.iter().flat_map(|referrals| &referrals.entries) {
        row(Dimension::Referral.name(), &entry.value, None, entry.pageviews)?;
    }
    for exclusion in Exclusion::ALL {
        row("excluded", exclusion.name(), None, report.excluded.get(exclusion).copied().unwrap_or_default())?;
    }
    let rows = String::from_utf8(table.into_inner()?)?;
    Ok(format!("about,value,visitors,pageviews\r\n{rows}"))
}

/// A text that spreadsheets take for a text: what begins as a formula does is somebody's attempt at one (OWASP, "CSV injection").
fn harmless(value: &str) -> Cow<'_, str> {
    if value.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        Cow::Owned(format!("'{value}"))
    } else {
        Cow::Borrowed(value)
    }
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn a_value_can_not_become_a_formula() {
        assert_eq!(harmless("=HYPERLINK(1)"), "'=HYPERLINK(1)");
        assert_eq!(harmless("/path"), "/path");
    }
}
