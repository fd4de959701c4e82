//! Umami's table `website_event` as CSV: a row for each pageview and event.

use std::io::Read;

use anyhow::bail;
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::{table::CsvTable, totals::Collected};

/// The value of `event_type` for a pageview.
const PAGEVIEW: u32 = 1;

pub(super) fn read(name: &str, file: impl Read, collected: &mut Collected) -> anyhow::Result<()> {
    let mut table = CsvTable::new(file, |first| first)?;
    let (session, website) = (table.column("session_id")?, table.optional("website_id"));
    let (event_type, created) = (table.column("event_type")?, table.column("created_at")?);
    let mut of_website = None;
    while let Some(row) = table.next()? {
        collected.add_row();
        let day = instant(row.get(created).trim()).and_then(|at| collected.day_of(at));
        let session = row.get(session);
        let (Some(day), Ok(kind), false) = (day, row.get(event_type).trim().parse::<u32>(), session.is_empty()) else {
            collected.refuse(name, row.line);
            continue;
        };
        let id = row.get(website);
        if *of_website.get_or_insert_with(|| id.clone().into_owned()) != *id {
            bail!("line {} has a different website_id than the lines before; export one website at a time", row.line);
        }
        if kind == PAGEVIEW {
            collected.add_pageview(day, &session);
        } else {
            collected.skip();
        }
    }
    Ok(())
}

/// A time as `PostgreSQL` (`2026-11-20 10:05:03.123+00`), `ClickHouse` (without an offset: UTC) or JSON writes it.
fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(instant) = text.parse() {
        return Some(instant);
    }
    let local: DateTime = text.parse().ok()?;
    TimeZone::UTC.to_timestamp(local).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_an_offset_is_utc() {
        let expected: Timestamp = "2026-11-20T10:05:03Z".parse().unwrap();
        for text in
            ["2026-11-20 10:05:03", "2026-11-20 10:05:03+00", "2026-11-20 12:05:03.000+02", "2026-11-20T10:05:03.000Z"]
        {
            assert_eq!(instant(text), Some(expected), "{text}");
        }
        for bad in ["", "now", "20.11.2026", "2026-02-30 10:00:00"] {
            assert_eq!(instant(bad), None, "{bad}");
        }
    }
}
