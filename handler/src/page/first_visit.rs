//! The note for the owner before the first visits.

use crate::{domain::site_name::SiteName, texts::Texts};

/// When days begin and, if the time zone can still change, the visit that fixes it.
pub fn zone_note(texts: &Texts, zone: &str, can_change: bool, sites: &[SiteName], own_site: &SiteName) -> String {
    let place = if zone == "UTC" { zone.to_owned() } else { texts.filled("waiting.in_zone", &[("zone", zone)]) };
    let note = |key| texts.filled(key, &[("zone", &place)]);
    if !can_change {
        return note("waiting.zone");
    }
    let mut others = sites.iter().filter(|site| *site != own_site);
    match (others.next(), others.next()) {
        (None, _) => note("waiting.zone_until_visitor"),
        (Some(site), None) => texts.filled("waiting.zone_until_visit", &[("zone", &place), ("site", site)]),
        (Some(_), Some(_)) => note("waiting.zone_until_any_visit"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::english;

    #[test]
    fn the_note_names_the_visit_that_fixes_the_time_zone() {
        let own: SiteName = "localhost".parse().unwrap();
        let sites = |names: &[&str]| -> Vec<SiteName> { names.iter().map(|name| name.parse().unwrap()).collect() };
        for (zone, can_change, names, note) in [
            (
                "UTC",
                true,
                &["example.com", "localhost"][..],
                "UTC (FOOTFALL_TIMEZONE); fixed with the first visit to example.com.",
            ),
            ("UTC", true, &["localhost"], "UTC (FOOTFALL_TIMEZONE); fixed with the second visitor."),
            (
                "Europe/Berlin",
                true,
                &["localhost", "a.example", "b.example"],
                "in Europe/Berlin (FOOTFALL_TIMEZONE); fixed with the first visit to one of the sites.",
            ),
            ("Europe/Berlin", false, &["example.com", "localhost"], "in Europe/Berlin."),
        ] {
            assert_eq!(
                zone_note(english(), zone, can_change, &sites(names), &own),
                format!("Days begin at 00:00 {note}")
            );
        }
    }
}
