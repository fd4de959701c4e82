//! The part of a list that is read: sorted, searched and paged.

use std::{collections::BTreeSet, str::FromStr};

use super::{
    LIST_LENGTH,
    bad_query::{BadQuery, MAXIMUM_ROWS, MAXIMUM_VALUE_BYTES},
};
use crate::{
    domain::dimension::{Dimension, agent::DEVICES, channel::ChannelGroup, country::Country, language::Language},
    texts,
};

/// The column by which lists are sorted. Ranges without unique visitors are always sorted by pageviews.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sort {
    #[default]
    Visitors,
    Pageviews,
}

impl Sort {
    /// The name in query parameters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Visitors => "visitors",
            Self::Pageviews => "pageviews",
        }
    }
}

impl FromStr for Sort {
    type Err = BadQuery;

    fn from_str(word: &str) -> Result<Self, BadQuery> {
        [Self::Visitors, Self::Pageviews].into_iter().find(|sort| sort.name() == word).ok_or(BadQuery::UnknownSort)
    }
}

/// The rows of each list that are read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Section {
    /// A part of the values; empty for all of them.
    pub search: String,
    pub sort: Sort,
    /// The number of rows before the section.
    pub offset: i64,
    /// The most rows.
    pub limit: i64,
}

impl Default for Section {
    fn default() -> Self {
        Self { search: String::new(), sort: Sort::default(), offset: 0, limit: LIST_LENGTH }
    }
}

impl Section {
    /// Most rows of a list in one response.
    pub const MOST_ROWS: i64 = MAXIMUM_ROWS;

    /// The first rows, for a page with several lists.
    pub fn of_page() -> Self {
        Self { limit: 10, ..Self::default() }
    }

    /// Parses the parameters `search`, `sort`, `offset` and `limit`.
    ///
    /// # Errors
    /// If one of them is invalid.
    pub fn parse<'p>(parameter: impl Fn(&str) -> Option<&'p str>) -> Result<Self, BadQuery> {
        let number = |name: &'static str, least: i64, most: i64| {
            let number = parameter(name).map(|text| text.parse().ok().filter(|number| (least..=most).contains(number)));
            number.map(|number| number.ok_or(BadQuery::InvalidNumber(name, least, most))).transpose()
        };
        let default = Self::default();
        let search = parameter("search").unwrap_or_default().trim().to_lowercase();
        if search.len() > MAXIMUM_VALUE_BYTES {
            return Err(BadQuery::LongSearch);
        }
        Ok(Self {
            // PostgreSQL cannot store NUL, so no value contains it.
            search: search.replace('\0', "\u{fffd}"),
            sort: parameter("sort").map_or(Ok(default.sort), str::parse)?,
            offset: number("offset", 0, MAXIMUM_OFFSET)?.unwrap_or(default.offset),
            limit: number("limit", 1, MAXIMUM_ROWS)?.unwrap_or(default.limit),
        })
    }

    /// Whether a value of a dimension matches the search.
    pub fn matching(&self, dimension: Dimension) -> impl Fn(&str) -> bool {
        let codes = self.codes(dimension);
        move |value| value.to_lowercase().contains(&self.search) || codes.iter().any(|code| code == value)
    }

    /// The values of a dimension that are codes whose name matches the search.
    pub fn codes(&self, dimension: Dimension) -> Vec<String> {
        let matches = |name: &str| !self.search.is_empty() && name.to_lowercase().contains(&self.search);
        // The search does not know the language of the page.
        let matches_in_any_language = |kind: &str, name: &str| {
            texts::languages().iter().any(|texts| matches(texts.of(&format!("{kind}.{name}"))))
        };
        let found: Vec<&str> = match dimension {
            Dimension::Country => Country::all().filter(|known| matches(known.name())).map(Country::code).collect(),
            Dimension::Language => {
                let found = Language::all().filter(|known| matches(known.name())).map(Language::code);
                found.collect::<BTreeSet<_>>().into_iter().collect()
            }
            Dimension::Channel => {
                let matches = |name: &&str| matches_in_any_language("channels", name);
                ChannelGroup::ALL.iter().map(|known| known.name()).filter(matches).collect()
            }
            Dimension::Device => DEVICES.into_iter().filter(|name| matches_in_any_language("devices", name)).collect(),
            _ => Vec::new(),
        };
        found.into_iter().map(str::to_owned).collect()
    }
}

/// Largest offset: far beyond any list.
const MAXIMUM_OFFSET: i64 = 10_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn section(parameters: &[(&str, &'static str)]) -> Result<Section, BadQuery> {
        let parameters = parameters.to_vec();
        Section::parse(move |name| parameters.iter().find(|(known, _)| *known == name).map(|(_, value)| *value))
    }

    #[test]
    fn a_section_has_defaults_and_limits() {
        assert_eq!(section(&[]), Ok(Section::default()));
        let expected = Section { search: "blog".to_owned(), sort: Sort::Pageviews, offset: 50, limit: 10 };
        let all = [("search", " Blog "), ("sort", "pageviews"), ("offset", "50"), ("limit", "10")];
        assert_eq!(section(&all), Ok(expected));
        for (name, value) in [("limit", "0"), ("limit", "10001"), ("limit", "ten"), ("offset", "-1"), ("sort", "name")]
        {
            let problem = section(&[(name, value)]).unwrap_err().to_string();
            assert!(problem.starts_with(&format!("'{name}' must be ")), "{problem}");
        }
        assert_eq!(section(&[("search", "x".repeat(1025).leak())]), Err(BadQuery::LongSearch));
    }

    #[test]
    fn a_search_finds_codes_by_their_names() {
        let codes =
            |dimension, search: &str| Section { search: search.to_owned(), ..Section::default() }.codes(dimension);
        assert_eq!(codes(Dimension::Country, "switzer"), ["CH"]);
        assert_eq!(codes(Dimension::Language, "japanese"), ["ja"]);
        assert_eq!(codes(Dimension::Channel, "engines"), ["search"]);
        assert_eq!(codes(Dimension::Channel, "suchm"), ["search"]);
        assert_eq!(codes(Dimension::Device, "fernseher"), ["TV"]);
        assert!(codes(Dimension::Page, "engines").is_empty() && codes(Dimension::Country, "").is_empty());
    }
}
