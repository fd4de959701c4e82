//! Origins of pages.

use std::ops::Deref;

use super::{BadVariable, bad, sites::list};
use crate::domain::SiteName;

/// Scheme, host and, if it is not the usual one, port of a page's address (RFC 6454 §6.2), such as `https://example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Deref for Origin {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// Origins between commas.
pub(super) fn origins(variable: &str, value: Option<&str>) -> Result<Vec<Origin>, BadVariable> {
    let parse = |text| {
        origin(text).ok_or_else(|| {
            let right = "an origin, such as https://example.com: scheme and host, and no path";
            bad(variable, format!("holds '{text}', but each part must be {right}"))
        })
    };
    list(value).map(parse).collect()
}

fn origin(text: &str) -> Option<Origin> {
    let (scheme, rest) = text.split_once("://")?;
    let scheme = ["https", "http"].into_iter().find(|known| scheme.eq_ignore_ascii_case(known))?;
    let (host, port) = match rest.split_once(':') {
        Some((host, port)) => (host, Some(port.parse::<u16>().ok().filter(|port| *port > 0)?)),
        None => (rest, None),
    };
    // As browsers write it, which compare texts.
    let host: SiteName = host.parse().ok().filter(|name: &SiteName| name.len() == host.len())?;
    let is_usual = matches!((scheme, port), ("https", Some(443)) | ("http", Some(80)));
    let port = port.filter(|_| !is_usual).map(|port| format!(":{port}")).unwrap_or_default();
    Some(Origin(format!("{scheme}://{host}{port}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        let read =
            origins("FOOTFALL_EMBED", Some("https://Example.com:443, http://localhost:3000,,HTTP://a.example:80"));
        let read = read.unwrap();
        assert_eq!(
            read.iter().map(|origin| &**origin).collect::<Vec<_>>(),
            ["https://example.com", "http://localhost:3000", "http://a.example"]
        );
        assert!(origins("FOOTFALL_EMBED", None).unwrap().is_empty());
    }

    #[test]
    fn anything_else_is_refused_by_what_would_be_right() {
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
            let problem = origins("FOOTFALL_EMBED", Some(value)).unwrap_err().to_string();
            assert!(
                problem.starts_with(&format!("FOOTFALL_EMBED holds '{value}'"))
                    && problem.contains("https://example.com:"),
                "{problem}"
            );
        }
    }
}
