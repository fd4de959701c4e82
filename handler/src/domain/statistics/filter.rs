//! The values that a query is about.

use super::{
    bad_query::{BadQuery, MAXIMUM_CONDITIONS, MAXIMUM_VALUE_BYTES},
    range::Step,
};
pub use crate::domain::cells::Condition;
use crate::domain::{
    calendar::Day,
    cells::{ATTRIBUTES, CellValue, Selection, absent},
    dimension::{
        Dimension, Group, OTHER, UNKNOWN, Uniqueness, agent::DEVICES, channel::ChannelGroup, country::Country,
        language, path::page_with_parameters, referrer::referring_host, value::printable,
    },
};

impl Condition {
    /// Parses the value of a query parameter. A value that never occurred is valid. With `!` before it, an attribute of a profile must
    /// have another value.
    ///
    /// # Errors
    /// If the dimension has no such values.
    pub fn parse(dimension: Dimension, text: &str) -> Result<Self, BadQuery> {
        if text.len() > MAXIMUM_VALUE_BYTES {
            return Err(BadQuery::LongValue(dimension));
        }
        let is_attribute = ATTRIBUTES.contains(&dimension);
        let (text, is_negated) = match text.strip_prefix('!') {
            Some(text) if is_attribute => (text, true),
            _ => (text, false),
        };
        let value = if text == OTHER || (is_attribute && text == absent(dimension)) {
            Some(text.to_owned())
        } else {
            match dimension {
                Dimension::Page | Dimension::EntryPage | Dimension::AiPage => {
                    text.starts_with('/').then(|| page_with_parameters(text))
                }
                Dimension::Referrer => {
                    referring_host(&format!("https://{text}/"), &[]).filter(|host| host.eq_ignore_ascii_case(text))
                }
                Dimension::Channel => ChannelGroup::named(text).map(|channel| channel.name().to_owned()),
                Dimension::Country => Country::from_code(text).map(|country| country.code().to_owned()),
                Dimension::Language => language::of(text)
                    .filter(|_| !text.contains(['-', '_', ',', ';']))
                    .map(|found| found.code().to_owned()),
                Dimension::Device => {
                    let known = DEVICES.iter().find(|device| device.eq_ignore_ascii_case(text));
                    Some(known.map_or_else(|| printable(text, MAXIMUM_VALUE_BYTES), |device| (*device).to_owned()))
                }
                Dimension::Event
                | Dimension::Browser
                | Dimension::OperatingSystem
                | Dimension::CampaignSource
                | Dimension::CampaignMedium
                | Dimension::Campaign
                | Dimension::CampaignLink
                | Dimension::Robot
                | Dimension::Referral => Some(printable(text, MAXIMUM_VALUE_BYTES)),
            }
        };
        Ok(Self { dimension, value: value.ok_or(BadQuery::InvalidValue(dimension))?, is_negated })
    }

    /// Whether tallies count the views without a value of this dimension as [`UNKNOWN`].
    const fn is_listed_when_unknown(&self) -> bool {
        !matches!(self.dimension, Dimension::Browser | Dimension::OperatingSystem | Dimension::Device)
    }

    /// The dimension whose values are counted together with those of this dimension.
    pub const fn paired_with(&self) -> Option<Dimension> {
        match self.dimension {
            Dimension::Page => Some(Dimension::Referrer),
            Dimension::Referrer => Some(Dimension::Page),
            _ => None,
        }
    }
}

/// A page and the list of its referrers, or a referrer and the list of its pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairing {
    pub of: Condition,
    pub listed: Dimension,
}

/// The conditions of a query. Without any, the query is about the whole site.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter(Vec<Condition>);

impl Filter {
    /// Parses those of the parameters that name a dimension.
    ///
    /// # Errors
    /// If a value is invalid, or if the combination is not counted. Attributes of a profile are counted together, with at most one
    /// value whose visitors have fingerprints of their own.
    pub fn parse<'p>(parameters: impl IntoIterator<Item = (&'p str, &'p str)>) -> Result<Self, BadQuery> {
        let conditions = parameters.into_iter().filter_map(|(name, text)| {
            let dimension = Dimension::of_parameter(name).filter(|_| !text.is_empty())?;
            Some(Condition::parse(dimension, text))
        });
        let mut filter = Self::default();
        for condition in conditions {
            let condition = condition?;
            if !filter.0.contains(&condition) {
                filter.0.push(condition);
            }
        }
        if filter.0.len() > MAXIMUM_CONDITIONS {
            return Err(BadQuery::TooManyValues);
        }
        let is_counted = filter.0.len() < 2 || filter.has_cells();
        // Several values of an attribute can only be excluded.
        let is_repeated = |(place, condition): &(usize, &Condition)| {
            let before = &filter.0[..*place];
            let is_of = |other: &&Condition| other.dimension == condition.dimension;
            before.iter().filter(is_of).any(|other| !other.is_negated || !condition.is_negated)
        };
        match filter.0.iter().enumerate().find(is_repeated) {
            Some((_, condition)) => Err(BadQuery::RepeatedValue(condition.dimension)),
            None if is_counted => Ok(filter),
            None => Err(BadQuery::SeveralValues),
        }
    }

    pub fn conditions(&self) -> &[Condition] {
        &self.0
    }

    /// The only condition, if a tally counts it. Views without a User-Agent have no browser, system and device in tallies.
    pub fn condition(&self) -> Option<&Condition> {
        match &self.0[..] {
            [condition]
                if !condition.is_negated && (condition.value != UNKNOWN || condition.is_listed_when_unknown()) =>
            {
                Some(condition)
            }
            _ => None,
        }
    }

    /// The conditions that can be combined with another value of a dimension.
    pub fn combinable(&self, dimension: Dimension) -> impl Iterator<Item = &Condition> {
        let is_attribute = |dimension: Dimension| ATTRIBUTES.contains(&dimension);
        self.0.iter().filter(move |condition| {
            condition.dimension != dimension && (is_attribute(condition.dimension) || is_attribute(dimension))
        })
    }

    /// The only condition, if its value is a page or a referrer.
    pub fn pairing(&self) -> Option<Pairing> {
        let of = self.condition()?;
        Some(Pairing { of: of.clone(), listed: of.paired_with()? })
    }

    /// Whether only cells count the conditions together.
    pub fn combines(&self) -> bool {
        !self.is_empty() && self.condition().is_none()
    }

    /// Whether cells count the conditions together.
    pub fn has_cells(&self) -> bool {
        let (attributes, values): (Vec<_>, Vec<_>) =
            self.0.iter().partition(|condition| ATTRIBUTES.contains(&condition.dimension));
        values.len() < 2
            && attributes.len() + values.len() > 0
            && values.iter().all(|value| value.dimension.uniqueness() == Uniqueness::PerValue)
    }

    /// Whether a report with this filter can have the list of a dimension from its own lists, or from its referrals.
    pub fn has_list_or_referrals(&self, dimension: Dimension) -> bool {
        self.has_list(dimension) || self.pairing().is_some_and(|pairing| pairing.listed == dimension)
    }

    /// Whether a report with this filter can have the list of a dimension.
    pub fn has_list(&self, dimension: Dimension) -> bool {
        let is_attribute = |dimension: &Dimension| ATTRIBUTES.contains(dimension);
        self.is_empty()
            || is_attribute(&dimension)
            || (dimension.uniqueness() == Uniqueness::PerValue
                && self.0.iter().all(|condition| is_attribute(&condition.dimension)))
    }

    /// Whether a report with this filter can have lists of a group.
    pub fn has_lists_of(&self, group: Group) -> bool {
        Dimension::lists().any(|dimension| dimension.group() == group && self.has_list_or_referrals(dimension))
    }

    /// The group of lists that a page shows without a choice.
    pub fn default_group(&self) -> Group {
        match self.pairing() {
            Some(pairing) => pairing.listed.group(),
            None if self.has_lists_of(Group::Pages) => Group::Pages,
            None => Group::Sources,
        }
    }

    /// The condition that is not on an attribute of a profile.
    pub fn value(&self) -> Option<&Condition> {
        self.0.iter().find(|condition| !ATTRIBUTES.contains(&condition.dimension))
    }

    /// The question about cells. `range` is the range of the lists, if there are any.
    pub fn selection(&self, range: Option<(Day, Day)>) -> Option<Selection> {
        let is_attribute = |condition: &&Condition| ATTRIBUTES.contains(&condition.dimension);
        self.has_cells().then(|| Selection {
            conditions: self.0.iter().filter(is_attribute).cloned().collect(),
            value: self.value().map_or_else(CellValue::default, |value| CellValue {
                dimension: Some(value.dimension),
                value: value.value.clone(),
            }),
            range,
        })
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The step of a series in place of this one. The hours of one value are not counted.
    pub fn step(&self, step: Step) -> Step {
        if step == Step::Hour && !self.is_empty() { Step::Day } else { step }
    }

    /// Whether the counted requests have visitors.
    pub fn has_visitors(&self) -> bool {
        self.0.iter().all(|condition| condition.dimension.uniqueness().has_visitors())
    }
}

impl From<Condition> for Filter {
    fn from(condition: Condition) -> Self {
        Self(vec![condition])
    }
}

impl FromIterator<Condition> for Filter {
    fn from_iter<T: IntoIterator<Item = Condition>>(conditions: T) -> Self {
        Self(conditions.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(parameters: &[(&str, &str)]) -> Result<Filter, BadQuery> {
        Filter::parse(parameters.iter().copied())
    }

    fn value(name: &str, text: &str) -> Result<String, BadQuery> {
        filter(&[(name, text)]).map(|filter| filter.condition().unwrap().value.clone())
    }

    #[test]
    fn a_value_is_parsed_into_the_form_of_the_lists() {
        assert_eq!(value("page", "/a b?c"), Ok("/a b?c".to_owned()));
        for spelling in ["/日\u{0}", "/%E6%97%a5%00", "/./日%00"] {
            assert_eq!(value("page", spelling), Ok("/日%00".to_owned()));
        }
        for (name, text, stored) in [
            ("entry_page", "/x/../a", "/a"),
            ("ai_page", "/a", "/a"),
            ("referrer", "News.example", "news.example"),
            ("channel", "ai_assistant", "ai_assistant"),
            ("country", "de", "DE"),
            ("language", "DE", "de"),
            ("language", "iw", "he"),
            ("event", "sign up", "sign up"),
            ("campaign_source", "letter", "letter"),
            ("campaign_medium", "email", "email"),
            ("campaign", "spring\u{0}", "spring\u{fffd}"),
            ("campaign_link", "letter / - / spring", "letter / - / spring"),
            ("browser", "Firefox", "Firefox"),
            ("operating_system", "Linux", "Linux"),
            ("device", "phone", "Phone"),
            ("device", "Fridge", "Fridge"),
            ("robot", "GPTBot", "GPTBot"),
            ("channel", "direct", "direct"),
            ("country", UNKNOWN, UNKNOWN),
            ("page", OTHER, OTHER),
        ] {
            assert_eq!(value(name, text).as_deref(), Ok(stored), "{name}={text}");
        }
    }

    #[test]
    fn a_value_that_a_list_cannot_have_is_rejected() {
        for (name, text) in [
            ("page", "about"),
            ("entry_page", "https://example.com/"),
            ("referrer", "news.example/a"),
            ("referrer", "https://news.example"),
            ("referrer", "203.0.113.9"),
            ("referrer", "a b"),
            ("referrer", "user@news.example"),
            ("referrer", "\u{0}"),
            ("channel", "television"),
            ("country", "Germany"),
            ("country", "XX"),
            ("language", "de-CH"),
            ("language", "tlh-x"),
        ] {
            let dimension = Dimension::of_parameter(name).unwrap();
            assert_eq!(value(name, text), Err(BadQuery::InvalidValue(dimension)), "{name}={text}");
            assert!(BadQuery::InvalidValue(dimension).to_string().starts_with(&format!("'{name}' must be ")));
        }
        let long = "x".repeat(MAXIMUM_VALUE_BYTES + 1);
        assert_eq!(value("event", &long), Err(BadQuery::LongValue(Dimension::Event)));
        assert!(value("event", &long[1..]).is_ok());
    }

    #[test]
    fn a_filter_has_any_attributes_and_at_most_one_value() {
        assert_eq!(filter(&[]), Ok(Filter::default()));
        assert_eq!(filter(&[("site", "example.com"), ("country", ""), ("by", "day")]), Ok(Filter::default()));
        for two in [
            [("page", "/"), ("referrer", "news.example")],
            [("country", "DE"), ("entry_page", "/")],
            [("country", "DE"), ("robot", "GPTBot")],
            [("country", "DE"), ("campaign_link", "letter / - / spring")],
            [("campaign_source", "letter"), ("campaign", "spring")],
        ] {
            assert_eq!(filter(&two), Err(BadQuery::SeveralValues), "{two:?}");
        }
        for (two, repeated) in [
            ([("page", "/"), ("page", "/a")], Dimension::Page),
            ([("country", "DE"), ("country", "FR")], Dimension::Country),
            ([("country", "DE"), ("country", "!FR")], Dimension::Country),
        ] {
            assert_eq!(filter(&two), Err(BadQuery::RepeatedValue(repeated)), "{two:?}");
        }
        let excluded = filter(&[("browser", "!Chrome"), ("browser", "!Firefox"), ("browser", "!Chrome")]).unwrap();
        assert_eq!(excluded.conditions().iter().map(Condition::text).collect::<Vec<_>>(), ["!Chrome", "!Firefox"]);
        let many: Vec<String> = (0..=MAXIMUM_CONDITIONS).map(|number| format!("!{number}")).collect();
        let many = many.iter().map(|value| ("browser", value.as_str()));
        assert_eq!(Filter::parse(many.clone()), Err(BadQuery::TooManyValues));
        assert!(Filter::parse(many.skip(1)).is_ok());
        let combined = filter(&[("country", "de"), ("page", "/a"), ("browser", "!Chrome")]).unwrap();
        assert!(combined.combines() && combined.condition().is_none());
        let Selection { conditions, value, range: None } = combined.selection(None).unwrap() else { panic!() };
        assert_eq!(conditions.iter().map(|condition| condition.is_negated).collect::<Vec<_>>(), [false, true]);
        assert_eq!(value, CellValue { dimension: Some(Dimension::Page), value: "/a".to_owned() });
    }

    #[test]
    fn a_single_value_is_counted_by_tallies_unless_it_is_negated_or_unknown() {
        for (name, text, combines) in [
            ("country", "DE", false),
            ("country", "!DE", true),
            ("country", "unknown", false),
            ("browser", "unknown", true),
            ("channel", "direct", false),
            ("channel", "!direct", true),
            ("channel", "search", false),
            ("event", "!important", false),
        ] {
            assert_eq!(filter(&[(name, text)]).unwrap().combines(), combines, "{name}={text}");
        }
        assert_eq!(filter(&[("channel", "unknown")]), Err(BadQuery::InvalidValue(Dimension::Channel)));
        assert!(filter(&[("robot", "GPTBot")]).unwrap().selection(None).is_none());
    }

    #[test]
    fn every_list_has_a_parameter_of_its_own() {
        for dimension in Dimension::lists() {
            assert_eq!(Dimension::of_parameter(dimension.parameter()), Some(dimension));
        }
        assert_eq!(Dimension::of_parameter(""), None);
    }
}
