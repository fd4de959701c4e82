//! Umami's table `website_event` as CSV: a row for each pageview and event.

use std::io::Read;

use anyhow::bail;
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::{
    table::Table,
    tallies::{Collected, Kind, without_version},
};
use crate::domain::{Dimension, dimension::referrer::referring_host};

pub(super) fn read(name: &str, file: impl Read, collected: &mut Collected) -> anyhow::Result<()> {
    let mut table = Table::new(file, |first| first)?;
    let (session, path) = (table.column("session_id")?, table.column("url_path")?);
    let (event_type, created) = (table.column("event_type")?, table.column("created_at")?);
    let (event_name, website) = (table.optional("event_name"), table.optional("website_id"));
    let (referrer, campaign) = (table.optional("referrer_domain"), table.optional("utm_campaign"));
    // Umami's cloud has these here; its own database has them in the table `session`.
    let of_session = [
        (table.optional("browser"), Dimension::Browser),
        (table.optional("os"), Dimension::OperatingSystem),
        (table.optional("device"), Dimension::Device),
        (table.optional("country"), Dimension::Country),
        (table.optional("language"), Dimension::Language),
    ];
    let mut of_website = None;
    while let Some(row) = table.next()? {
        collected.row();
        let day = instant(row.get(created).trim()).and_then(|at| collected.day_of(at));
        let session = row.get(session);
        let (Some(day), Ok(kind), false) = (day, row.get(event_type).trim().parse::<u32>(), session.is_empty()) else {
            collected.refuse(name, row.line);
            continue;
        };
        let id = row.get(website);
        if *of_website.get_or_insert_with(|| id.clone().into_owned()) != *id {
            bail!(
                "line {} is of another website_id than the lines before: export one website after the other",
                row.line
            );
        }
        let referrer = referring_host(&format!("https://{}", row.get(referrer)), &[&collected.site]);
        let mut add = |kind, value: &str| collected.add_view(day, kind, value, &session, false);
        match kind {
            1 => {}
            2 => {
                add(Kind::Event, &row.get(event_name));
                continue;
            }
            _ => {
                collected.pass_over();
                continue;
            }
        }
        add(Kind::Total, "");
        add(Kind::Of(Dimension::Page), &row.get(path));
        if let Some(host) = referrer {
            add(Kind::Of(Dimension::Referrer), &host);
        }
        let campaign = row.get(campaign);
        if !campaign.is_empty() {
            add(Kind::Of(Dimension::Campaign), &campaign);
        }
        for (column, dimension) in of_session {
            let value = row.get(column);
            if !value.is_empty() {
                add(Kind::Of(dimension), without_version(&value));
            }
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
