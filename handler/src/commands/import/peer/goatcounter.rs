//! `GoatCounter`'s CSV export: a row for each pageview and event.
//!
//! The first line of an export is `2Path,Title,Event,UserAgent,Browser,System,Session,Bot,Referrer,Referrer scheme,Screen size,Location,
//! FirstVisit,Date`: the number before the first name is the version of the format. Version 1 has the same columns but for
//! `UserAgent` and `System`, in another order.

use std::io::Read;

use super::{table::CsvTable, totals::Collected};

pub(super) fn read(name: &str, file: impl Read, collected: &mut Collected) -> anyhow::Result<()> {
    let mut table = CsvTable::new(file, |first| first.trim_start_matches(|c: char| c.is_ascii_digit()))?;
    // The path is not stored, but a file without it is not such an export.
    table.column("Path")?;
    let (event, date) = (table.column("Event")?, table.column("Date")?);
    let (session, first) = (table.column("Session")?, table.column("FirstVisit")?);
    let bot = table.column("Bot")?;
    while let Some(row) = table.next()? {
        collected.add_row();
        let day = row.get(date).trim().parse().ok().and_then(|at| collected.day_of(at));
        let (Some(day), Some(is_event), Ok(bot)) = (day, boolean(&row.get(event)), row.get(bot).trim().parse::<u32>())
        else {
            collected.refuse(name, row.line);
            continue;
        };
        if bot != 0 {
            collected.skip_bot();
            continue;
        }
        if is_event {
            collected.skip();
            continue;
        }
        let session = row.get(session);
        if session.is_empty() && boolean(&row.get(first)) == Some(true) {
            collected.add_visitor(day);
        }
        collected.add_pageview(day, &session);
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
