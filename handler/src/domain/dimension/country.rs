//! The country that a visitor is in, from the time zone of the browser, or else from its language. The address is never used.
//!
//! `country/countries.tsv` is made of IANA's time zone database by `handler/lists/renew-countries`. Names are its English short names. A
//! time zone says nothing about disputed borders.

use std::sync::LazyLock;

/// A country or territory of ISO 3166: its alpha-2 code, and its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Country {
    code: &'static str,
    name: &'static str,
}

impl Country {
    /// The country with this alpha-2 code, in any case. `None` if the code is not assigned.
    pub fn from_code(code: &str) -> Option<Self> {
        let countries = &TABLE.countries;
        let found = countries
            .binary_search_by(|country| country.code.bytes().cmp(code.bytes().map(|byte| byte.to_ascii_uppercase())));
        found.ok().map(|at| countries[at])
    }

    /// All countries.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.countries.iter().copied()
    }

    /// The alpha-2 code, in capitals.
    pub const fn code(self) -> &'static str {
        self.code
    }

    /// The English short name.
    pub const fn name(self) -> &'static str {
        self.name
    }
}

/// The country of an IANA time zone, current or renamed, such as `Europe/Zurich`. `None` for unknown zones and for zones without a
/// country (`UTC`, `Etc/GMT+1`, `CET`).
pub fn of_time_zone(zone: &str) -> Option<Country> {
    let found = TABLE.zones.binary_search_by_key(&zone, |(known, _)| known);
    found.ok().map(|at| TABLE.zones[at].1)
}

/// The country of a language tag (BCP 47), or of the first in an `Accept-Language` value: `CH` of `de-CH`. The country is only a
/// guess at where the visitor is. `None` if the tag has no region, or one larger than a country (`es-419`).
pub fn of_language(tag: &str) -> Option<Country> {
    let first = tag.split([',', ';']).next()?.trim();
    let mut subtags = first.split(['-', '_']);
    subtags.next()?;
    // A single letter begins an extension, in which two letters are not a region.
    let region = subtags.take_while(|subtag| subtag.len() > 1).find(|subtag| subtag.len() == 2)?;
    Country::from_code(region)
}

static TABLE: LazyLock<CountryTable> = LazyLock::new(|| CountryTable::read(include_str!("country/countries.tsv")));

struct CountryTable {
    /// Sorted by code.
    countries: Vec<Country>,
    /// Sorted by name.
    zones: Vec<(&'static str, Country)>,
}

impl CountryTable {
    /// Reads lines with a code, a name and zones, separated by tabs. Spaces separate the zones.
    ///
    /// # Panics
    /// If a line is invalid. The table is compiled in, and the tests read it.
    fn read(lines: &'static str) -> Self {
        let (mut countries, mut zones) = (Vec::new(), Vec::new());
        for line in lines.lines().filter(|line| !line.starts_with('#')) {
            let mut columns = line.split('\t');
            let (Some(code), Some(name), Some(of_it)) = (columns.next(), columns.next(), columns.next()) else {
                panic!("not a country and its zones: {line}");
            };
            let country = Country { code, name };
            countries.push(country);
            zones.extend(of_it.split_ascii_whitespace().map(|zone| (zone, country)));
        }
        countries.sort_unstable_by_key(|country| country.code);
        zones.sort_unstable_by_key(|(zone, _)| *zone);
        Self { countries, zones }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(country: Option<Country>) -> Option<String> {
        country.map(|country| country.code().to_owned())
    }

    #[test]
    fn a_time_zone_has_a_country() {
        for (zone, expected) in [
            ("Europe/Zurich", "CH"),
            ("Europe/Busingen", "DE"),
            ("America/New_York", "US"),
            ("America/Argentina/Buenos_Aires", "AR"),
            ("Asia/Kolkata", "IN"),
            ("Pacific/Auckland", "NZ"),
        ] {
            assert_eq!(code(of_time_zone(zone)).as_deref(), Some(expected), "{zone}");
        }
    }

    #[test]
    fn a_renamed_zone_has_the_country_of_its_old_name() {
        for (zone, expected) in [
            ("Asia/Calcutta", "IN"),
            ("America/Buenos_Aires", "AR"),
            ("Europe/Kiev", "UA"),
            ("US/Pacific", "US"),
            ("GB", "GB"),
            // These zones have the same clocks as others, and became links to them.
            ("Atlantic/Reykjavik", "IS"),
            ("Iceland", "IS"),
            ("Africa/Asmera", "ER"),
            ("Pacific/Truk", "FM"),
            ("Europe/Amsterdam", "NL"),
            ("Europe/Oslo", "NO"),
        ] {
            assert_eq!(code(of_time_zone(zone)).as_deref(), Some(expected), "{zone}");
        }
    }

    #[test]
    fn zones_of_no_country_and_invalid_zones_have_none() {
        for zone in
            ["UTC", "Etc/UTC", "Etc/GMT+1", "GMT", "CET", "EST", "Factory", "", "Mars/Olympus", "europe/zurich", "é"]
        {
            assert_eq!(of_time_zone(zone), None, "{zone}");
        }
    }

    #[test]
    fn a_language_tag_may_name_a_country() {
        for (tag, expected) in [
            ("de-CH", Some("CH")),
            ("pt-br", Some("BR")),
            ("zh-Hant-TW", Some("TW")),
            ("sl-rozaj-biske", None),
            ("de-CH-1901", Some("CH")),
            ("en_GB", Some("GB")),
            ("en-US,en;q=0.9", Some("US")),
            ("de,en-US;q=0.9", None),
            ("de-u-co-phonebk", None),
            ("en-x-us", None),
            ("es-419", None),
            ("en-XX", None),
            ("CH", None),
            ("*", None),
            ("", None),
            ("de--CH", None),
            ("é-é", None),
        ] {
            assert_eq!(code(of_language(tag)).as_deref(), expected, "{tag}");
        }
    }

    #[test]
    fn every_country_is_found_by_its_code_and_has_a_name() {
        assert_eq!(TABLE.countries.len(), 249);
        assert!(TABLE.zones.len() > 500, "{}", TABLE.zones.len());
        for country in &TABLE.countries {
            assert_eq!(Country::from_code(country.code()), Some(*country));
            assert!(country.code().len() == 2 && !country.name().is_empty());
        }
        assert_eq!(Country::from_code("gb").map(Country::name), Some("United Kingdom"));
        assert_eq!(Country::from_code("XX"), None);
        assert_eq!(Country::from_code(""), None);
    }

    #[test]
    fn every_zone_has_one_country() {
        assert!(TABLE.zones.is_sorted_by(|a, b| a.0 < b.0));
    }
}
