//! Asking of one page which hosts led to it, or of one host to which pages it led.

use super::{BadQuery, Entry};
use crate::domain::{Dimension, MAXIMUM_PATH_BYTES, printable, referrer::referring_host};

/// What is asked of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Drill {
    /// A page: which hosts led to it?
    Page(String),
    /// A referring host: to which pages did it lead?
    Referrer(String),
}

/// What is answered. Views only: visitors of a page that came from one host are not told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrals {
    /// What was asked of.
    pub of: Drill,
    /// The hosts or the pages, most views first.
    pub entries: Vec<Entry>,
    /// Views of any page from any host that came after as many pairs as are told apart in a day.
    pub other: i64,
}

impl Drill {
    /// What a question has under `page` and `referrer`.
    ///
    /// # Errors
    /// If it has both, or one that can't be a page or a host.
    pub fn parse(page: Option<&str>, referrer: Option<&str>) -> Result<Option<Self>, BadQuery> {
        match (page, referrer) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(BadQuery::TwoDrills),
            // As it is counted.
            (Some(page), None) if page.starts_with('/') => Ok(Some(Self::Page(printable(page, MAXIMUM_PATH_BYTES)))),
            (Some(_), None) => Err(BadQuery::NoPage),
            (None, Some(name)) => {
                let host = referring_host(&format!("https://{name}/"), &[]);
                let host = host.filter(|host| host.eq_ignore_ascii_case(name)).ok_or(BadQuery::NoReferrer)?;
                Ok(Some(Self::Referrer(host)))
            }
        }
    }

    /// The name of its parameter.
    pub const fn parameter(&self) -> &'static str {
        match self {
            Self::Page(_) => "page",
            Self::Referrer(_) => "referrer",
        }
    }

    /// What is asked of.
    pub fn value(&self) -> &str {
        match self {
            Self::Page(value) | Self::Referrer(value) => value,
        }
    }

    /// What it is a value of.
    pub const fn dimension(&self) -> Dimension {
        match self {
            Self::Page(_) => Dimension::Page,
            Self::Referrer(_) => Dimension::Referrer,
        }
    }

    /// What the answers are values of.
    pub const fn answers(&self) -> Dimension {
        match self {
            Self::Page(_) => Dimension::Referrer,
            Self::Referrer(_) => Dimension::Page,
        }
    }
}

impl Referrals {
    /// Makes the answer of what was found: values with their views, and those of none that is told apart.
    pub fn assemble(of: Drill, found: Vec<(Option<String>, i64)>) -> Self {
        let mut other = 0;
        let mut entries = Vec::with_capacity(found.len());
        for (value, pageviews) in found {
            match value {
                Some(value) => entries.push(Entry { value, visitors: None, pageviews }),
                None => other += pageviews,
            }
        }
        Self { of, entries, other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_a_path_and_a_referrer_a_host_as_the_lists_have_them() {
        assert_eq!(Drill::parse(None, None), Ok(None));
        assert_eq!(Drill::parse(Some("/a b?c"), None), Ok(Some(Drill::Page("/a b?c".to_owned()))));
        assert_eq!(Drill::parse(Some("/\u{0}"), None), Ok(Some(Drill::Page("/\u{fffd}".to_owned()))));
        assert_eq!(Drill::parse(None, Some("News.example")), Ok(Some(Drill::Referrer("news.example".to_owned()))));
        assert_eq!(Drill::parse(Some("/"), Some("news.example")), Err(BadQuery::TwoDrills));
        for page in ["about", "https://example.com/", "other"] {
            assert_eq!(Drill::parse(Some(page), None), Err(BadQuery::NoPage), "{page}");
        }
        for host in ["news.example/a", "https://news.example", "203.0.113.9", "a b", "/", "user@news.example", "\u{0}"]
        {
            assert_eq!(Drill::parse(None, Some(host)), Err(BadQuery::NoReferrer), "{host}");
        }
    }
}
