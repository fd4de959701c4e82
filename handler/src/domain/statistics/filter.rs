//! The values that a query is about.

use super::{
    bad_query::{BadQuery, MAXIMUM_VALUE_BYTES},
    range::Step,
};
use crate::domain::dimension::{
    Dimension, OTHER, UNKNOWN, channel::ChannelGroup, country::Country, language, path::page_with_parameters,
    referrer::referring_host, value::printable,
};

/// A value that the counted visits have.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Condition {
    pub dimension: Dimension,
    /// The value in its stored form.
    pub value: String,
}

impl Condition {
    /// Parses the value of a query parameter. A value that never occurred is valid.
    ///
    /// # Errors
    /// If the dimension has no such values.
    pub fn parse(dimension: Dimension, text: &str) -> Result<Self, BadQuery> {
        if text.len() > MAXIMUM_VALUE_BYTES {
            return Err(BadQuery::LongValue(dimension));
        }
        let has_unknown = matches!(dimension, Dimension::Country | Dimension::Language);
        let value = if text == OTHER || has_unknown && text == UNKNOWN {
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
                Dimension::Event
                | Dimension::Browser
                | Dimension::OperatingSystem
                | Dimension::Device
                | Dimension::Campaign
                | Dimension::Robot
                | Dimension::Referral => Some(printable(text, MAXIMUM_VALUE_BYTES)),
            }
        };
        Ok(Self { dimension, value: value.ok_or(BadQuery::InvalidValue(dimension))? })
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

/// The conditions of a query. Without any, the query is about the whole site.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter(Vec<Condition>);

impl Filter {
    /// Parses those of the parameters that name a dimension.
    ///
    /// # Errors
    /// If a value is invalid, or if there is more than one: combinations of values are not counted.
    pub fn parse<'p>(parameters: impl IntoIterator<Item = (&'p str, &'p str)>) -> Result<Self, BadQuery> {
        let conditions = parameters.into_iter().filter_map(|(name, text)| {
            let dimension = Dimension::of_parameter(name).filter(|_| !text.is_empty())?;
            Some(Condition::parse(dimension, text))
        });
        let filter = Self(conditions.collect::<Result<_, _>>()?);
        if filter.0.len() > 1 { Err(BadQuery::SeveralValues) } else { Ok(filter) }
    }

    /// The only condition, if there is one.
    pub fn condition(&self) -> Option<&Condition> {
        self.0.first()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::dimension::Uniqueness;

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
            ("campaign", "letter / email\u{0}", "letter / email\u{fffd}"),
            ("browser", "Firefox", "Firefox"),
            ("operating_system", "Linux", "Linux"),
            ("device", "Phone", "Phone"),
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
    fn a_filter_has_one_value_at_most() {
        assert_eq!(filter(&[]), Ok(Filter::default()));
        assert_eq!(filter(&[("site", "example.com"), ("country", ""), ("by", "day")]), Ok(Filter::default()));
        for two in [[("page", "/"), ("referrer", "news.example")], [("page", "/"), ("page", "/")]] {
            assert_eq!(filter(&two), Err(BadQuery::SeveralValues));
        }
    }

    #[test]
    fn every_list_has_a_parameter_of_its_own() {
        for dimension in Dimension::lists() {
            assert_eq!(Dimension::of_parameter(dimension.parameter()), Some(dimension));
        }
        assert_eq!(Dimension::of_parameter(""), None);
        assert!(Dimension::lists().all(|dimension| dimension.uniqueness() != Uniqueness::ViewsOnly));
    }
}
