//! A report as one table (RFC 4180), for spreadsheets and scripts. The first column of a row names its subject.

use std::borrow::Cow;

use crate::{
    domain::statistics::{Counts, Report},
    domain::{Dimension, Exclusion},
    http::timestamps::local,
};

/// Writes a report with these columns:
/// - subject: `range`, `series`, `imported_` with the name of a counter, the name of a list, `referrals` or `excluded`
/// - value: a day or instant, a value of the list, or a reason
/// - unique visitors, empty if unknown
/// - pageviews
///
/// # Errors
/// None are known: the writer writes to memory.
pub(super) fn write(report: &Report) -> anyhow::Result<String> {
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

/// Prevents spreadsheets from evaluating a value that begins like a formula (OWASP, "CSV injection").
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
    fn a_value_cannot_become_a_formula() {
        assert_eq!(harmless("=HYPERLINK(1)"), "'=HYPERLINK(1)");
        assert_eq!(harmless("/path"), "/path");
    }
}
