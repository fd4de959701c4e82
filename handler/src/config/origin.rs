//! Origins of pages.

use std::ops::Deref;

use super::{
    environment::SettingValues,
    settings::{BadVariable, EMBED, PUBLIC_URL},
};
use crate::domain::SiteName;

/// Scheme, host and, if it is not the default, port of a page's address (RFC 6454 §6.2), such as `https://example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Deref for Origin {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Origin {
    /// The host, without the port.
    pub fn host(&self) -> &str {
        let host = self.0.split_once("://").map_or("", |(_, host)| host);
        host.split_once(':').map_or(host, |(host, _)| host)
    }
}

/// The origin in `FOOTFALL_PUBLIC_URL`. A slash at its end is ignored.
pub(super) fn public(values: &SettingValues<'_>) -> Result<Option<Origin>, BadVariable> {
    values.parse_optional(&PUBLIC_URL, |text| origin(text.strip_suffix('/').unwrap_or(text)))
}

/// The origins in `FOOTFALL_EMBED`.
pub(super) fn origins(values: &SettingValues<'_>) -> Result<Vec<Origin>, BadVariable> {
    values.list(&EMBED).map(|text| origin(text).ok_or_else(|| EMBED.reject_part(text))).collect()
}

fn origin(text: &str) -> Option<Origin> {
    let (scheme, rest) = text.split_once("://")?;
    let scheme = ["https", "http"].into_iter().find(|known| scheme.eq_ignore_ascii_case(known))?;
    let (host, port) = match rest.split_once(':') {
        Some((host, port)) => (host, Some(port.parse::<u16>().ok().filter(|port| *port > 0)?)),
        None => (rest, None),
    };
    // Browsers compare origins as texts, so the host must be in its canonical form.
    let host: SiteName = host.parse().ok().filter(|name: &SiteName| name.len() == host.len())?;
    let is_usual = matches!((scheme, port), ("https", Some(443)) | ("http", Some(80)));
    let port = port.filter(|_| !is_usual).map(|port| format!(":{port}")).unwrap_or_default();
    Some(Origin(format!("{scheme}://{host}{port}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    fn read(value: &str) -> Result<Vec<Origin>, BadVariable> {
        let environment = Environment::from([("FOOTFALL_EMBED".to_owned(), value.to_owned())]);
        origins(&SettingValues::new(&environment))
    }

    #[test]
    fn origins_are_normalised_as_browsers_write_them() {
        let origins = read("https://Example.com:443, http://localhost:3000,,HTTP://a.example:80").unwrap();
        assert_eq!(
            origins.iter().map(|origin| &**origin).collect::<Vec<_>>(),
            ["https://example.com", "http://localhost:3000", "http://a.example"]
        );
        assert!(read("").unwrap().is_empty());
    }

    #[test]
    fn the_public_url_is_one_origin() {
        let read = |value: &str| {
            let environment = Environment::from([("FOOTFALL_PUBLIC_URL".to_owned(), value.to_owned())]);
            public(&SettingValues::new(&environment)).map(|origin| origin.map(|origin| origin.to_string()))
        };
        assert_eq!(read("").unwrap(), None);
        assert_eq!(read("https://Stats.example.com/").unwrap().as_deref(), Some("https://stats.example.com"));
        assert_eq!(read("http://localhost:3000").unwrap().as_deref(), Some("http://localhost:3000"));
        for value in ["stats.example.com", "https://a.example,https://b.example", "https://a.example/f", "https://"] {
            let problem = read(value).unwrap_err().to_string();
            assert!(problem.starts_with(&format!("FOOTFALL_PUBLIC_URL is '{value}'")), "{problem}");
        }
    }

    #[test]
    fn an_invalid_origin_is_rejected_with_a_valid_example() {
        for value in [
            "example.com",
            "https://",
            "https://example.com/",
            "https://example.com/page",
            "https://*.example.com",
            "https://example.com.",
            "https://example.com:0",
            "https://example.com:port",
            "https://user@example.com",
            "ftp://example.com",
            "https://a.example; script-src *",
            "https://a.example https://b.example",
            "*",
            "'self'",
        ] {
            let problem = read(value).unwrap_err().to_string();
            assert!(
                problem.starts_with(&format!("FOOTFALL_EMBED contains '{value}'"))
                    && problem.contains("https://example.com:"),
                "{problem}"
            );
        }
    }
}
