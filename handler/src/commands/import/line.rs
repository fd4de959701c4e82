//! A line of a log, as each parser returns it.

use jiff::Timestamp;

/// A parsed line of a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ParsedLine {
    /// A request.
    Request(LoggedRequest),
    /// A header or another entry that is not a request.
    Other,
    /// Not a line of this format.
    Malformed,
}

impl From<Option<LoggedRequest>> for ParsedLine {
    fn from(request: Option<LoggedRequest>) -> Self {
        request.map_or(Self::Malformed, Self::Request)
    }
}

/// The values of a request that decide whether and how it counts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LoggedRequest {
    /// The host of the request, perhaps with a port, if the log has it.
    pub(super) host: Option<String>,
    /// The address of the client, or several, as in `X-Forwarded-For`.
    pub(super) address: String,
    pub(super) at: Timestamp,
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    pub(super) status: u16,
    /// Empty in the common format.
    pub(super) referer: String,
    /// `None` in the common format.
    pub(super) user_agent: Option<String>,
    /// The languages that the browser prefers. Only Caddy logs this header.
    pub(super) accept_language: Option<String>,
    /// Whether the request had GPC or DNT. Only Caddy logs these headers.
    pub(super) opted_out: bool,
    /// Whether the browser prefetched the page. Only Caddy logs this header.
    pub(super) prefetch: bool,
    /// Whether a page fetched something that is no page. Only Caddy logs this header.
    pub(super) fetched_by_page: bool,
}

impl LoggedRequest {
    /// Splits a target that is a URL, such as `https://example.com:443/a?b`, into the host and the target itself.
    pub(super) fn move_host_from_target(&mut self) {
        let Some((scheme, rest)) = self.target.split_once("://") else { return };
        if !["http", "https", "ws", "wss"].iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
            return;
        }
        let (host, target) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let slash = if target.starts_with('/') { "" } else { "/" };
        let (host, target) = (host.to_owned(), format!("{slash}{target}"));
        (self.host, self.target) = (Some(host), target);
    }
}

/// A required column is missing in the header of a log.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the #Fields line has no column {0}; configure the server to log it")]
pub(super) struct MissingColumn(pub(super) &'static str);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::import::combined::parse_common;

    #[test]
    fn a_target_that_is_a_url_names_the_host() {
        for (url, host, target) in [
            ("https://example.com:443/a?b", Some("example.com:443"), "/a?b"),
            ("HTTP://example.com", Some("example.com"), "/"),
            ("https://example.com?x", Some("example.com"), "/?x"),
            ("/plain?next=https://example.com/", None, "/plain?next=https://example.com/"),
            ("nonsense", None, "nonsense"),
        ] {
            let text = format!(r#"203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET {url} HTTP/1.0" 200 1"#);
            let ParsedLine::Request(mut request) = parse_common(&text) else { panic!("{url}") };
            request.move_host_from_target();
            assert_eq!((request.host.as_deref(), &*request.target), (host, target));
        }
    }
}
