//! What the routes see of a request.

use std::{net::IpAddr, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use tokio::time::Instant;
use warp::{
    Filter, Rejection,
    http::{HeaderMap, Method},
};

use super::{
    App,
    error::Error,
    server::arrival::{Arrival, arrival},
};
use crate::{
    domain::statistics::{BadQuery, Breakdown, Query, Range},
    domain::{Day, SiteName},
    http::response_body::Encoding,
};

/// A request without its body: no route reads one.
pub(super) struct Request {
    pub(super) method: Method,
    /// Its route, for the log.
    pub(super) route: &'static str,
    arrival: Arc<Arrival>,
    /// The query's names and values, decoded, in their order.
    query: Vec<(String, String)>,
    /// Until then it has an answer, if only that it has to be asked again.
    pub(super) answer_by: Instant,
}

/// How long a request may take, recording and reading together.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Takes any request on this route whose query can be decoded.
pub(super) fn request(route: &'static str) -> impl Filter<Extract = (Request,), Error = Rejection> + Copy {
    warp::method().and(arrival()).and(warp::query::<Vec<(String, String)>>()).map(move |method, arrival, query| {
        Request { method, route, arrival, query, answer_by: Instant::now() + ANSWER_WITHIN }
    })
}

/// What the Functions host adds to whatever it dispatches.
const INVOCATION_ID: &str = "x-azure-functions-invocationid";

impl Request {
    /// What it is answered with.
    pub(super) fn app(&self) -> &App {
        &self.arrival.app
    }

    /// The other end of the connection: a proxy, or, without one, the client.
    pub(super) fn peer(&self) -> IpAddr {
        self.arrival.peer
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        &self.arrival.headers
    }

    /// A header's value, if it is there and is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// Every line of a header that is text; one that is not becomes one that nobody can read either.
    pub(super) fn header_lines(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers().get_all(name).iter().map(|value| value.to_str().unwrap_or("\u{fffd}"))
    }

    /// Whether a name stands in the query, with any value or none.
    pub(super) fn has_parameter(&self, name: &str) -> bool {
        self.query.iter().any(|(known, _)| known == name)
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// Whether this may be the Functions host asking if the process is there: no invocation, no client, no User-Agent.
    pub(super) fn is_bare(&self) -> bool {
        [INVOCATION_ID, "x-forwarded-for", "user-agent"].iter().all(|name| !self.headers().contains_key(*name))
    }

    /// The trace that the host or the client is in (W3C Trace Context §3.2), for correlation only.
    pub(super) fn trace_id(&self) -> Option<&str> {
        let trace_id = self.header("traceparent")?.split('-').nth(1)?;
        (trace_id.len() == 32 && trace_id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(trace_id)
    }

    /// The host's id of this invocation, for correlation only: in forwarding mode a client can send one.
    pub(super) fn invocation_id(&self) -> Option<&str> {
        let id = self.header(INVOCATION_ID)?;
        (id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')).then_some(id)
    }

    /// The token that is offered: as a bearer's, or as a password with any name (RFC 6750, RFC 7617).
    pub(super) fn credentials(&self) -> Option<String> {
        let (scheme, credentials) = self.header("authorization")?.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("bearer") {
            Some(credentials.trim().to_owned())
        } else if scheme.eq_ignore_ascii_case("basic") {
            let decoded = BASE64.decode(credentials.trim()).ok()?;
            Some(String::from_utf8(decoded).ok()?.split_once(':')?.1.to_owned())
        } else {
            None
        }
    }

    /// A cookie's value.
    pub(super) fn cookie(&self, name: &str) -> Option<&str> {
        let mut cookies = self.header_lines("cookie").flat_map(|line| line.split(';'));
        cookies.find_map(|cookie| cookie.trim().strip_prefix(name)?.strip_prefix('='))
    }

    /// Whether the answer is for a person: only browsers name HTML among what they accept.
    pub(super) fn accepts_html(&self) -> bool {
        self.header("accept").is_some_and(|accept| accept.contains("text/html"))
    }

    /// The site that the query names, if that is a name.
    pub(super) fn site_parameter(&self) -> Option<SiteName> {
        self.parameter("site")?.parse().ok()
    }

    /// The site that the query names, or this app's own page.
    fn site(&self, app: &App) -> Result<SiteName, Error> {
        match self.parameter("site") {
            Some(name) => name.parse().map_err(|problem| Error::BadRequest(format!("'site': {problem}"))),
            None => Ok(app.config.sites[0].clone()),
        }
    }

    /// The same, to whoever may see its numbers.
    pub(super) fn visible_site(&self, app: &App) -> Result<SiteName, Error> {
        let site = self.site(app)?;
        self.must_see(app, &site)?;
        Ok(site)
    }

    fn must_see(&self, app: &App, site: &SiteName) -> Result<(), Error> {
        if app.access.allows(self, site, app.clock.now()) { Ok(()) } else { Err(Error::Private) }
    }

    /// The question that the query asks of its `site`, to whoever may see the answer.
    pub(super) fn statistics_query(&self, app: &App) -> Result<Query, Error> {
        let query = self.query_of(app, self.site(app)?)?;
        Ok(Query { breakdown: Breakdown::parse(self.parameter("page"), self.parameter("referrer"))?, ..query })
    }

    /// The question that the query asks of a site, by `period` or `from` and `to`, and `by`, to whoever may see the answer.
    pub(super) fn query_of(&self, app: &App, site: SiteName) -> Result<Query, Error> {
        self.must_see(app, &site)?;
        let day = |name: &str| -> Result<Option<Day>, Error> {
            let Some(value) = self.parameter(name) else { return Ok(None) };
            let date = value.parse().map_err(|_| {
                Error::BadRequest(format!("'{name}' is '{value}', but must be a date such as 2026-11-23"))
            })?;
            Ok(Some(Day::of_date(date).map_err(BadQuery::from)?))
        };
        let range = match (self.parameter("period"), day("from")?, day("to")?) {
            (Some(word), None, None) => word.parse()?,
            (None, Some(first), last) => Range::Between(first, last),
            (None, None, None) => Range::DEFAULT,
            (None, None, Some(_)) => return Err(BadQuery::NoFirstDay.into()),
            (Some(_), ..) => return Err(BadQuery::TwoRanges.into()),
        };
        let step = self.parameter("by").map(str::parse).transpose()?;
        let query = Query { site, range, step, breakdown: None };
        // The default has nothing to be wrong, and calendars are slow.
        if range != Range::DEFAULT || step.is_some() {
            app.reader.check(&query)?;
        }
        Ok(query)
    }

    /// How the answer may be encoded (RFC 9110 §12.5.3): compressed, if that is asked for and not refused by a weight of 0.
    pub(super) fn encoding(&self) -> Encoding {
        let is_gzip = |coding: &str| {
            let mut parts = coding.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let is_refused = parts.any(|weight| {
                weight.strip_prefix("q=").is_some_and(|weight| weight.trim_end_matches(['0', '.']).is_empty())
            });
            (name.eq_ignore_ascii_case("gzip") || name == "*") && !is_refused
        };
        if self.header_lines("accept-encoding").flat_map(|line| line.split(',')).any(is_gzip) {
            Encoding::Gzip
        } else {
            Encoding::Identity
        }
    }
}
