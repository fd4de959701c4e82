//! `GoatCounter`'s CSV export: a row for each pageview and event.
//!
//! Its first line is `2Path,Title,Event,UserAgent,Browser,System,Session,Bot,Referrer,Referrer scheme,Screen size,Location,
//! FirstVisit,Date`: the version of the format stands before the first name. Version 1 has the same columns but for
//! `UserAgent` and `System`, in another order.

use std::io::Read;

use super::{
    table::Table,
    tallies::{Collected, Kind, without_version},
};
use crate::domain::{Dimension, dimension::referrer::referring_host};

pub(super) fn read(name: &str, file: impl Read, collected: &mut Collected) -> anyhow::Result<()> {
    let mut table = Table::new(file, |first| first.trim_start_matches(|c: char| c.is_ascii_digit()))?;
    let (path, event, date) = (table.column("Path")?, table.column("Event")?, table.column("Date")?);
    let (session, first) = (table.column("Session")?, table.column("FirstVisit")?);
    let bot = table.column("Bot")?;
    let (browser, system) = (table.optional("Browser"), table.optional("System"));
    let (referrer, scheme) = (table.optional("Referrer"), table.optional("Referrer scheme"));
    let location = table.optional("Location");
    while let Some(row) = table.next()? {
        collected.row();
        let day = row.get(date).trim().parse().ok().and_then(|at| collected.day_of(at));
        let (Some(day), Some(is_event), Ok(bot)) = (day, boolean(&row.get(event)), row.get(bot).trim().parse::<u32>())
        else {
            collected.refuse(name, row.line);
            continue;
        };
        if bot != 0 {
            collected.bot();
            continue;
        }
        let (session, first) = (row.get(session), boolean(&row.get(first)) == Some(true));
        let mut add = |kind, value: &str| collected.add_view(day, kind, value, &session, first);
        if is_event {
            add(Kind::Event, &row.get(path));
            continue;
        }
        add(Kind::Total, "");
        add(Kind::Of(Dimension::Page), &row.get(path));
        let value = row.get(referrer);
        if !value.is_empty() {
            match &*row.get(scheme) {
                "c" => add(Kind::Of(Dimension::Campaign), &value),
                // A name that GoatCounter made of several hosts, such as "Google".
                "g" => add(Kind::Of(Dimension::Referrer), &value),
                // The host and what follows it: only the host is kept here.
                _ => {
                    if let Some(host) = referring_host(&format!("https://{value}"), &[]) {
                        add(Kind::Of(Dimension::Referrer), &host);
                    }
                }
            }
        }
        for (column, dimension) in [(browser, Dimension::Browser), (system, Dimension::OperatingSystem)] {
            let value = row.get(column);
            if !value.is_empty() {
                add(Kind::Of(dimension), without_version(&value));
            }
        }
        // The country, and its region behind a hyphen.
        let location = row.get(location);
        let country = location.split('-').next().unwrap_or_default();
        if !country.is_empty() {
            add(Kind::Of(Dimension::Country), country);
        }
    }
    Ok(())
}

fn boolean(text: &str) -> Option<bool> {
    match text.trim() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}
