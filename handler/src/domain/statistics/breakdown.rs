//! One page by the hosts that led to it, or one host by the pages that it led to.

use super::bad_query::BadQuery;
use crate::domain::dimension::{Dimension, path::page_with_parameters, referrer::referring_host};

/// The page or host of a breakdown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Breakdown {
    /// A page, by referring hosts.
    Page(String),
    /// A referring host, by pages.
    Referrer(String),
}

impl Breakdown {
    /// Parses the parameters `page` and `referrer`.
    ///
    /// # Errors
    /// If both are present, or one is not a page or a host.
    pub fn parse(page: Option<&str>, referrer: Option<&str>) -> Result<Option<Self>, BadQuery> {
        match (page, referrer) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(BadQuery::TwoBreakdowns),
            (Some(page), None) if page.starts_with('/') => Ok(Some(Self::Page(page_with_parameters(page)))),
            (Some(_), None) => Err(BadQuery::NoPage),
            (None, Some(name)) => {
                let host = referring_host(&format!("https://{name}/"), &[]);
                let host = host.filter(|host| host.eq_ignore_ascii_case(name)).ok_or(BadQuery::NoReferrer)?;
                Ok(Some(Self::Referrer(host)))
            }
        }
    }

    /// The name of its query parameter.
    pub const fn parameter(&self) -> &'static str {
        match self {
            Self::Page(_) => "page",
            Self::Referrer(_) => "referrer",
        }
    }

    pub fn value(&self) -> &str {
        match self {
            Self::Page(value) | Self::Referrer(value) => value,
        }
    }

    /// The dimension of the page or host itself.
    pub const fn dimension(&self) -> Dimension {
        match self {
            Self::Page(_) => Dimension::Page,
            Self::Referrer(_) => Dimension::Referrer,
        }
    }

    /// The dimension of the listed values.
    pub const fn answers(&self) -> Dimension {
        match self {
            Self::Page(_) => Dimension::Referrer,
            Self::Referrer(_) => Dimension::Page,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_a_path_and_a_referrer_a_host_as_the_lists_have_them() {
        assert_eq!(Breakdown::parse(None, None), Ok(None));
        assert_eq!(Breakdown::parse(Some("/a b?c"), None), Ok(Some(Breakdown::Page("/a b?c".to_owned()))));
        // The form in which lists have it, whichever way it is spelled.
        for spelling in ["/日\u{0}", "/%E6%97%a5%00", "/./日%00"] {
            assert_eq!(Breakdown::parse(Some(spelling), None), Ok(Some(Breakdown::Page("/日%00".to_owned()))));
        }
        assert_eq!(
            Breakdown::parse(None, Some("News.example")),
            Ok(Some(Breakdown::Referrer("news.example".to_owned())))
        );
        assert_eq!(Breakdown::parse(Some("/"), Some("news.example")), Err(BadQuery::TwoBreakdowns));
        for page in ["about", "https://example.com/", "other"] {
            assert_eq!(Breakdown::parse(Some(page), None), Err(BadQuery::NoPage), "{page}");
        }
        for host in ["news.example/a", "https://news.example", "203.0.113.9", "a b", "/", "user@news.example", "\u{0}"]
        {
            assert_eq!(Breakdown::parse(None, Some(host)), Err(BadQuery::NoReferrer), "{host}");
        }
    }
}
