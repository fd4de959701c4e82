//! The parts of a request that endpoints read.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use tokio::time::Instant;
use warp::http::{HeaderMap, Method};

use super::{
    accept::{self, preference},
    access::{self, Proof},
    app::App,
    error::Error,
    response_body::ContentEncoding,
    server::request_service::RequestContext,
};
use crate::{
    domain::statistics::{BadQuery, Filter, LIST_LENGTH, Lists, Query, Range, Section},
    domain::{
        Day, Dimension, LimitedNetwork, Network, SiteName, dimension::value::printable,
        identity::address::client_network, site_name::BadSiteName,
    },
    page::Charted,
    routes::Route,
    texts::{self, Text, Texts},
};

/// A request without its body.
pub(super) struct Request {
    pub(super) route: &'static Route,
    pub(super) method: Method,
    context: Arc<RequestContext>,
    /// The names and values of the query, decoded, in order.
    query: Vec<(String, String)>,
    /// The deadline of the reply. A request that is not finished by then gets 503.
    pub(super) respond_by: Instant,
    /// Whether the reply is for this client only.
    is_private: AtomicBool,
}

/// Longest duration of a request, including recording and reading.
const RESPOND_WITHIN: Duration = Duration::from_secs(5);

/// The id that the Functions host adds to every request that it dispatches.
const INVOCATION_ID: &str = "x-azure-functions-invocationid";

impl Request {
    pub(super) fn new(route: &'static Route, method: Method, context: Arc<RequestContext>, query: &str) -> Self {
        let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let respond_by = Instant::now() + RESPOND_WITHIN;
        Self { route, method, context, query, respond_by, is_private: AtomicBool::new(false) }
    }

    /// Marks the reply as one for this client only. Checks of access do so for sites that are not public.
    pub(super) fn keep_private(&self) {
        self.is_private.store(true, Ordering::Relaxed);
    }

    /// Whether the reply is for this client only, so that caches must not store it.
    pub(super) fn is_private(&self) -> bool {
        self.is_private.load(Ordering::Relaxed)
    }

    pub(super) fn app(&self) -> &App {
        &self.context.app
    }

    /// The other end of the connection: a proxy, or, without one, the client.
    pub(super) fn peer(&self) -> IpAddr {
        self.context.peer
    }

    /// The client's network, if its address is known.
    pub(super) fn client_network(&self) -> Option<Network> {
        client_network(self.header_lines("x-forwarded-for"), Some(self.peer()), self.app().config.trusted_proxies)
    }

    /// The network whose limits apply to a client of this network. Clients without an address share the limits of the
    /// connection's other end: a client that bypasses the proxies, or one of them.
    pub(super) fn or_peer(&self, network: Option<Network>) -> Network {
        network.unwrap_or_else(|| Network::of(self.peer()))
    }

    /// The network whose limits apply to this client.
    pub(super) fn limited_network(&self) -> LimitedNetwork {
        self.or_peer(self.client_network()).limited()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        &self.context.headers
    }

    /// The value of a header, if it is present and is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// Every line of a header. A line that is not text becomes U+FFFD, so that the positions of the others stay the
    /// same.
    pub(super) fn header_lines(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers().get_all(name).iter().map(|value| value.to_str().unwrap_or("\u{fffd}"))
    }

    /// Rejects a query with another name than these and those of values. A misspelt name of a value would give the numbers of the whole
    /// site.
    pub(super) fn accepts_only(&self, names: &[&str]) -> Result<(), Error> {
        self.check_names(|name| names.contains(&name) || Dimension::of_parameter(name).is_some())
    }

    /// Rejects a query with another name than these.
    pub(super) fn accepts_nothing_but(&self, names: &[&str]) -> Result<(), Error> {
        self.check_names(|name| names.contains(&name))
    }

    fn check_names(&self, is_known: impl Fn(&str) -> bool) -> Result<(), Error> {
        match self.query.iter().find(|(name, _)| !is_known(name)) {
            Some((name, _)) => {
                let problem = Text::new("errors.unknown_parameter").with("name", printable(name, 64));
                Err(Error::BadRequest(problem))
            }
            None => Ok(()),
        }
    }

    /// Whether the query has this name, with or without a value.
    pub(super) fn has_parameter(&self, name: &str) -> bool {
        self.query.iter().any(|(known, _)| known == name)
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// Whether this may be a health ping of the Functions host: without invocation, client address and User-Agent.
    pub(super) fn is_bare(&self) -> bool {
        [INVOCATION_ID, "x-forwarded-for", "user-agent"].iter().all(|name| !self.headers().contains_key(*name))
    }

    /// The trace of the host or the client (W3C Trace Context §3.2), for correlation only.
    pub(super) fn trace_id(&self) -> Option<&str> {
        let trace_id = self.header("traceparent")?.split('-').nth(1)?;
        (trace_id.len() == 32 && trace_id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(trace_id)
    }

    /// The host's id of this invocation, for correlation only. In forwarding mode, a client can forge it.
    pub(super) fn invocation_id(&self) -> Option<&str> {
        let id = self.header(INVOCATION_ID)?;
        (id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')).then_some(id)
    }

    fn proof(&self) -> Proof<'_> {
        Proof { token: self.token(), session: self.cookie(access::COOKIE), link: self.parameter("share") }
    }

    /// Whether the client may see the statistics of a site.
    pub(super) fn may_see(&self, site: &SiteName) -> bool {
        let app = self.app();
        if app.access.is_public(site) {
            return true;
        }
        self.keep_private();
        app.access.allows(&self.proof(), site, app.clock.now())
    }

    /// Whether the client may see the statistics, and the names, of all sites.
    pub(super) fn may_see_all(&self) -> bool {
        let app = self.app();
        let may_see_all = app.access.allows_all(&self.proof(), app.clock.now());
        if may_see_all && app.access.token.is_some() {
            self.keep_private();
        }
        may_see_all
    }

    /// The token in `Authorization`: as a bearer token, or as a password with any user name (RFC 6750, RFC 7617).
    fn token(&self) -> Option<String> {
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

    /// The value of a cookie.
    fn cookie(&self, name: &str) -> Option<&str> {
        let mut cookies = self.header_lines("cookie").flat_map(|line| line.split(';'));
        cookies.find_map(|cookie| cookie.trim().strip_prefix(name)?.strip_prefix('='))
    }

    /// Whether the browser has a cookie of a session, which may have expired.
    pub(super) fn has_session(&self) -> bool {
        self.cookie(access::COOKIE).is_some()
    }

    /// Whether a browser sends this for a page of another origin (W3C Fetch Metadata).
    pub(super) fn is_cross_origin(&self) -> bool {
        self.header("sec-fetch-site").is_some_and(|site| !["same-origin", "none"].contains(&site))
    }

    /// Whether a browser loads this into something other than a tab or window: a picture, a frame or a script of a page.
    pub(super) fn is_subresource(&self) -> bool {
        self.header("sec-fetch-dest").is_some_and(|destination| destination != "document")
    }

    /// Whether the reply is for a person. Only browsers name HTML in `Accept`.
    pub(super) fn accepts_html(&self) -> bool {
        preference(self.header_lines("accept"), &["text/html"]).0 > 0
    }

    /// Whether the client prefers CSV to JSON. JSON is the default.
    pub(super) fn prefers_csv(&self) -> bool {
        let of = |names: [&str; 3]| preference(self.header_lines("accept"), &names);
        of(["text/csv", "text/*", "*/*"]) > of(["application/json", "application/*", "*/*"])
    }

    /// The language of pages: that of `lang`, or else the one that the browser prefers.
    pub(super) fn texts(&self) -> &'static Texts {
        let named = self.parameter("lang").and_then(texts::of_language);
        named.unwrap_or_else(|| accept::language(self.header_lines("accept-language")))
    }

    /// Rejects an unknown language.
    pub(super) fn check_language(&self) -> Result<(), Error> {
        if self.parameter("lang").is_none_or(|tag| texts::of_language(tag).is_some()) {
            return Ok(());
        }
        let valid: Vec<_> = texts::languages().iter().map(|texts| texts.tag).collect();
        Err(Error::BadRequest(Text::new("errors.language").with("valid", valid.join(", "))))
    }

    /// The encoding of the reply: gzip if the client accepts it.
    pub(super) fn encoding(&self) -> ContentEncoding {
        match preference(self.header_lines("accept-encoding"), &["gzip", "*"]) {
            (0, _) => ContentEncoding::Identity,
            _ => ContentEncoding::Gzip,
        }
    }

    /// The site in the query, if it is a valid name.
    pub(super) fn site_parameter(&self) -> Option<SiteName> {
        self.parameter("site")?.parse().ok()
    }

    /// The site in the query, or this one.
    fn site_or(&self, default: &SiteName) -> Result<SiteName, Error> {
        match self.parameter("site") {
            Some(name) => name.parse().map_err(|problem: BadSiteName| {
                Error::BadRequest(Text::new("errors.site").with("value", problem.name()))
            }),
            None => Ok(default.clone()),
        }
    }

    /// The site in the query, or the own one, if the client may see its statistics.
    pub(super) fn visible_site(&self) -> Result<SiteName, Error> {
        let site = self.site_or(&self.app().config.own_site)?;
        self.must_see(&site)?;
        Ok(site)
    }

    fn must_see(&self, site: &SiteName) -> Result<(), Error> {
        if self.may_see(site) {
            return Ok(());
        }
        Err(match self.refusal() {
            Error::Private if self.has_parameter("share") => Error::EndedLink,
            refusal => refusal,
        })
    }

    /// The error of a request for private statistics that has no access.
    pub(super) fn refusal(&self) -> Error {
        if self.app().config.is_token_unresolved { Error::NoToken } else { Error::Private }
    }

    /// The statistics query of the parameters (`docs/api.md`), if the client may see the result. Some filters have no lists, or not all.
    pub(super) fn statistics_query(&self) -> Result<Query, Error> {
        self.query_with_lists(&self.app().config.own_site)
    }

    fn query_with_lists(&self, default: &SiteName) -> Result<Query, Error> {
        let query = self.query_of(self.site_or(default)?)?;
        let section = Section::parse(|name| self.parameter(name))?;
        let lists = match (self.parameter("list"), self.parameter("lists")) {
            (Some(name), _) => {
                let listed = Dimension::lists().find(|dimension| dimension.name() == name);
                Lists::One(listed.ok_or(BadQuery::UnknownList)?)
            }
            (None, Some(word)) => word.parse()?,
            (None, None) => Lists::All,
        };
        let filter = Filter::parse(self.query.iter().map(|(name, value)| (&**name, &**value)))?;
        let lists = match lists {
            Lists::One(dimension) if !filter.has_list_or_referrals(dimension) => {
                return Err(BadQuery::ListNotCounted(dimension).into());
            }
            lists if filter.is_empty() || filter.has_cells() => lists,
            _ => Lists::None,
        };
        Ok(Query { lists, section, filter, ..query })
    }

    /// The statistics query of a page: of the first counted site by default. It shows the beginnings of one group of lists, or a part of one list.
    pub(super) fn page_query(&self) -> Result<Query, Error> {
        let query = self.query_with_lists(&self.app().config.sites[0])?;
        let (lists, section) = match query.lists {
            _ if !query.filter.is_empty() && !query.filter.has_cells() => (Lists::None, Section::of_page()),
            Lists::Group(group) => (Lists::Group(group), Section::of_page()),
            Lists::One(dimension) => (Lists::One(dimension), Section { limit: LIST_LENGTH, ..query.section }),
            Lists::All | Lists::None => (Lists::Group(query.filter.default_group()), Section::of_page()),
        };
        Ok(Query { lists, section, ..query })
    }

    /// The numbers that the chart of a page draws.
    pub(super) fn charted(&self) -> Result<Charted, Error> {
        let chosen = self.parameter("chart").map(str::parse::<Charted>).transpose();
        chosen.map(Option::unwrap_or_default).map_err(Error::BadRange)
    }

    /// The statistics query for a site in `period` or `from` and `to`, and `by`, without lists, if the client may see the
    /// result.
    pub(super) fn query_of(&self, site: SiteName) -> Result<Query, Error> {
        self.must_see(&site)?;
        let day = |name: &str| -> Result<Option<Day>, Error> {
            let Some(value) = self.parameter(name) else { return Ok(None) };
            let date = value
                .parse()
                .map_err(|_| Error::BadRange(Text::new("errors.date").with("name", name).with("value", value)))?;
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
        let query =
            Query { site, range, step, lists: Lists::None, section: Section::default(), filter: Filter::default() };
        // The default is always valid, so skip the slow calendar arithmetic of the check.
        if range != Range::DEFAULT || step.is_some() {
            self.app().reader.check(&query)?;
        }
        Ok(query)
    }
}
