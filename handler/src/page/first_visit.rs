//! The note for the owner before the first visits.

use crate::domain::site_name::SiteName;

/// When days begin and, if the time zone can still change, the visit that fixes it.
pub fn zone_note(zone: &str, can_change: bool, sites: &[SiteName], own_site: &SiteName) -> String {
    let place = if zone == "UTC" { zone.to_owned() } else { format!("in {zone}") };
    if !can_change {
        return format!("Days begin at 00:00 {place}.");
    }
    let mut others = sites.iter().filter(|site| *site != own_site);
    let fixed = match (others.next(), others.next()) {
        (None, _) => "with the second visitor".to_owned(),
        (Some(site), None) => format!("with the first visit to {site}"),
        (Some(_), Some(_)) => "with the first visit to one of the sites".to_owned(),
    };
    format!("Days begin at 00:00 {place} (FOOTFALL_TIMEZONE); fixed {fixed}.")
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(zone_note(zone, can_change, &sites(names), &own), format!("Days begin at 00:00 {note}"));
        }
    }
}
