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
    /// Whether the request had GPC or DNT. Only Caddy logs these headers.
    pub(super) opted_out: bool,
    /// Whether the browser prefetched the page. Only Caddy logs this header.
    pub(super) prefetch: bool,
    /// Whether a page fetched something that is no page. Only Caddy logs this header.
    pub(super) fetched_by_page: bool,
}

/// A required column is missing in the header of a log.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the #Fields line has no column {0}; configure the server to log it")]
pub(super) struct MissingColumn(pub(super) &'static str);
