//! Plausible's CSV export: `imported_visitors` has the totals of each day. Other files are skipped.

use std::io::Read;

use anyhow::bail;

use super::{
    table::{Column, CsvRow, CsvTable},
    totals::{Collected, date},
};

/// Whether a file has the daily totals: `imported_visitors_20250101_20251231.csv`, or without the dates.
pub(super) fn has_totals(name: &str) -> bool {
    let file = name.rsplit('/').next().and_then(|file| file.strip_suffix(".csv"));
    let dates = file.and_then(|file| file.strip_prefix("imported_visitors"));
    let is_range = |text: &str| text.starts_with('_') && text.bytes().all(|byte| byte == b'_' || byte.is_ascii_digit());
    dates.is_some_and(|dates| dates.is_empty() || is_range(dates))
}

pub(super) fn read(name: &str, file: impl Read, collected: &mut Collected) -> anyhow::Result<()> {
    if !has_totals(name) {
        bail!("the name must be that of the file with daily totals, such as imported_visitors_20250101_20251231.csv");
    }
    let mut table = CsvTable::new(file, |first| first)?;
    let (day, visitors, pageviews) = (table.column("date")?, table.column("visitors")?, table.column("pageviews")?);
    while let Some(row) = table.next()? {
        collected.add_row();
        match (date(row.get(day).trim()), number(&row, pageviews), number(&row, visitors)) {
            (Some(day), Some(pageviews), Some(visitors)) => collected.add_total(day, pageviews, visitors),
            _ => collected.refuse(name, row.line),
        }
    }
    Ok(())
}

fn number(row: &CsvRow<'_>, column: Column) -> Option<i64> {
    row.get(column).trim().parse().ok().filter(|number| *number >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_with_totals_is_recognised_by_its_name() {
        for (name, expected) in [
            ("imported_visitors_20250101_20251231.csv", true),
            ("folder/imported_visitors.csv", true),
            ("imported_pages.csv", false),
            ("imported_visitors_of_mine.csv", false),
            ("imported_visitors_20250101_20251231.csv.bak", false),
            ("", false),
        ] {
            assert_eq!(has_totals(name), expected, "{name}");
        }
    }
}
