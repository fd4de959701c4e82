//! Plausible's CSV export: a file for each dimension, with the sums of each day.

use std::io::Read;

use anyhow::bail;

use super::{
    table::{Column, Row, Table},
    tallies::{Collected, Kind, date, without_version},
};
use crate::domain::Dimension;

/// The files that are read, by how their names begin: what they count, and the column of the values.
const TABLES: [(&str, Kind, &str); 8] = [
    ("imported_visitors", Kind::Total, ""),
    ("imported_pages", Kind::Of(Dimension::Page), "page"),
    ("imported_sources", Kind::Of(Dimension::Referrer), "source"),
    ("imported_locations", Kind::Of(Dimension::Country), "country"),
    ("imported_devices", Kind::Of(Dimension::Device), "device"),
    ("imported_browsers", Kind::Of(Dimension::Browser), "browser"),
    ("imported_operating_systems", Kind::Of(Dimension::OperatingSystem), "operating_system"),
    ("imported_custom_events", Kind::Event, "name"),
];

/// What a file counts, by its name: `imported_pages_20250101_20251231.csv`, or without the dates.
pub(super) fn table_of(name: &str) -> Option<(Kind, &'static str)> {
    let name = name.rsplit('/').next()?.strip_suffix(".csv")?;
    let begins = |known: &str| name.strip_prefix(known).is_some_and(|rest| rest.is_empty() || is_range(rest));
    TABLES.iter().find(|(known, _, _)| begins(known)).map(|(_, kind, column)| (*kind, *column))
}

/// `_20250101_20251231`.
fn is_range(text: &str) -> bool {
    text.starts_with('_') && text.bytes().all(|byte| byte == b'_' || byte.is_ascii_digit())
}

pub(super) fn read(name: &str, file: impl Read, collected: &mut Collected) -> anyhow::Result<()> {
    let Some((kind, value)) = table_of(name) else {
        bail!("its name is not that of a file of Plausible's export, such as imported_visitors_20250101_20251231.csv");
    };
    let mut table = Table::new(file, |first| first)?;
    let (day, visitors) = (table.column("date")?, table.column("visitors")?);
    let value = if kind == Kind::Total { None } else { Some(table.column(value)?) };
    // Older exports have no pageviews in most files; events have a number of their own.
    let pageviews = match kind {
        Kind::Total => Some(table.column("pageviews")?),
        Kind::Event => Some(table.column("events")?),
        Kind::Of(_) => table.optional("pageviews"),
    };
    let campaign = table.optional("utm_campaign").filter(|_| kind == Kind::Of(Dimension::Referrer));
    while let Some(row) = table.next()? {
        collected.row();
        let number = |column: Column| number(&row, column);
        let numbers = (date(row.get(day).trim()), number(visitors), pageviews.map_or(Some(0), number));
        let (Some(day), Some(visitors), Some(pageviews)) = numbers else {
            collected.refuse(name, row.line);
            continue;
        };
        let value = row.get(value);
        let shown = match kind {
            Kind::Of(Dimension::Browser | Dimension::OperatingSystem) => without_version(&value),
            _ => value.trim(),
        };
        // An empty value is a visit without one: a direct visit, or a browser that is not known.
        if kind == Kind::Total || !shown.is_empty() {
            collected.add(day, kind, shown, pageviews, visitors);
        }
        let campaign = row.get(campaign);
        if !campaign.is_empty() {
            collected.add(day, Kind::Of(Dimension::Campaign), &campaign, pageviews, visitors);
        }
    }
    Ok(())
}

fn number(row: &Row<'_>, column: Column) -> Option<i64> {
    row.get(column).trim().parse().ok().filter(|number| *number >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_how_its_name_begins() {
        for (name, kind) in [
            ("imported_visitors_20250101_20251231.csv", Some(Kind::Total)),
            ("imported_pages.csv", Some(Kind::Of(Dimension::Page))),
            ("folder/imported_sources_20250101_20251231.csv", Some(Kind::Of(Dimension::Referrer))),
            ("imported_entry_pages_20250101_20251231.csv", None),
            ("imported_pages_of_mine.csv", None),
            ("imported_visitors_20250101_20251231.csv.bak", None),
            ("", None),
        ] {
            assert_eq!(table_of(name).map(|(kind, _)| kind), kind, "{name}");
        }
    }
}
