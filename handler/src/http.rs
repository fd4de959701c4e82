//! HTTP: the routes, each with its own file, and what every answer has in common. warp appears only here and in `app`.
//!
//! Every route is explicit, path and methods. There is no catch-all: the Functions host calls the timer's function by a
//! POST to its name, and nobody else may.

mod access;
mod client;
mod endpoints;
mod error;
mod request;
mod request_body;
mod response_body;
mod response_cache;
pub(crate) mod server;

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{net::TcpListener, time::Instant};
use warp::{
    Filter, Rejection,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header},
};

use self::{
    endpoints::{badge, count, files, health, live, maintenance, sign_in, sites, statistics, version, visit, why},
    error::Error,
    request::{Request, request},
    server::{Limits, arrival::Arriving, pace::Patience},
};
use crate::{
    clock::Clock,
    config::Config,
    domain::{Network, visit::rate_limit::RateLimit},
    http::response_body::Encoding,
    maintenance::Maintenance,
    reader::Reader,
    recorder::Recorder,
};

pub use access::Access;
pub use client::describe as describe_client;
pub use response_cache::ResponseCache;

/// What the routes need. It is shared, and never changes.
pub struct App {
    /// What is configured: sites, proxies, embedders, …
    pub config: Arc<Config>,
    /// Where people find the page, without a slash at the end.
    pub address: String,
    /// Records visits.
    pub recorder: Recorder,
    /// Reads statistics.
    pub reader: Reader,
    /// Removes what is no longer needed.
    pub maintenance: Maintenance,
    /// Tells when a visit arrives.
    pub clock: Clock,
    /// Who may see the numbers.
    pub access: Access,
    /// How many views count from one network; none: all.
    pub rate_limit: Option<RateLimit>,
    /// Bodies rendered from readings.
    pub response_cache: ResponseCache,
}

impl App {
    /// Whether a network may have another view that counts.
    fn admits(&self, network: Network) -> bool {
        self.rate_limit.as_ref().is_none_or(|limit| limit.admits(network, std::time::Instant::now()))
    }
}

type Reply = Response<Bytes>;

/// The content type of pages.
const HTML: &str = "text/html; charset=utf-8";

/// Request line and header of a request. Browsers send one or two kilobytes, cookies of neighbours included.
const HEADER_BYTES: usize = 16 * 1024;

/// How much time clients may take. A header arrives in one piece, or nearly so; a page of 16 KB takes a poor mobile
/// connection some seconds. The Functions host and most proxies drop idle connections after a minute by themselves, and it
/// should be they who do, because they know whether they are about to use one.
const PATIENCE: Patience =
    Patience { header: Duration::from_secs(10), idle: Duration::from_secs(75), taking: Duration::from_secs(60) };

/// Serves all routes to at most so many `connections` at a time, until `stop` resolves; it tells the moment at which
/// connections are closed that still wait for an answer. Says how many those were.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    connections: usize,
    stop: impl Future<Output = Instant>,
) -> usize {
    let limits = Limits { connections, header_bytes: HEADER_BYTES, patience: PATIENCE };
    let routes = warp::service(routes());
    server::serve(listener, limits, stop, |peer| Arriving { routes, peer, app: app.clone() }).await
}

/// All routes. They hold nothing: what they need comes with the request.
fn routes() -> impl Filter<Extract = (Reply,), Error = Infallible> + Copy {
    // In groups, because each `or` is a type around the one before it: in one row they would be too deep for the compiler.
    counting()
        .or(reading())
        .unify()
        .or(files())
        .unify()
        .or(operation())
        .unify()
        .recover(async |rejection: Rejection| Ok::<_, Infallible>(refuse(&rejection)))
        .unify()
        .map(with_common_headers)
}

fn counting() -> impl Filter<Extract = (Reply,), Error = Rejection> + Copy {
    let count = warp::path::end().and(request("/")).then(count::answer);
    let visit = path("v").and(request("/v")).and(warp::body::stream()).then(visit::answer);
    let pixel = file_in("v").and(request("/v/SITE.gif")).then(visit::answer_pixel);
    visit.or(count).unify().or(pixel).unify()
}

fn reading() -> impl Filter<Extract = (Reply,), Error = Rejection> + Copy {
    let api = warp::path("api");
    let statistics = api.and(path("statistics")).and(request("/api/statistics")).then(statistics::answer);
    let csv = api.and(path("statistics.csv")).and(request("/api/statistics.csv")).then(statistics::answer_csv);
    let live = api.and(path("live")).and(request("/api/live")).then(live::answer);
    let sites = api.and(path("sites")).and(request("/api/sites")).then(sites::answer);
    let badge = file_in("badge").and(request("/badge/FILE")).then(badge::answer);
    let sign_in = path("sign-in").and(request("/sign-in")).and(warp::body::stream()).then(sign_in::answer);
    statistics.or(csv).unify().or(live).unify().or(sites).unify().or(badge).unify().or(sign_in).unify()
}

fn files() -> impl Filter<Extract = (Reply,), Error = Rejection> + Copy {
    let script = path("footfall.js").and(request("/footfall.js")).then(files::answer_script);
    let events = path("footfall-events.js").and(request("/footfall-events.js")).then(files::answer_events);
    let description = warp::path("api").and(path("openapi.json")).and(request("/api/openapi.json"));
    let asset = file_in("assets").and(request("/assets/FILE")).then(files::answer_asset);
    script.or(events).unify().or(asset).unify().or(description.then(files::answer_description)).unify()
}

fn operation() -> impl Filter<Extract = (Reply,), Error = Rejection> + Copy {
    let version = path("version").and(request("/version")).then(version::answer);
    let why = path("why").and(request("/why")).then(why::answer);
    let healthz = path("healthz").and(request("/healthz")).then(health::answer_process);
    let readyz = path("readyz").and(request("/readyz")).then(health::answer_database);
    let maintenance = path("function-maintenance").and(request("/function-maintenance")).then(maintenance::answer);
    version.or(why).unify().or(healthz).unify().or(readyz).unify().or(maintenance).unify()
}

/// A whole path of one segment, or the rest of one.
fn path(segment: &'static str) -> impl Filter<Extract = (), Error = Rejection> + Copy {
    warp::path(segment).and(warp::path::end())
}

/// The name of a file in a folder.
fn file_in(folder: &'static str) -> impl Filter<Extract = (String,), Error = Rejection> + Copy {
    warp::path(folder).and(warp::path::param()).and(warp::path::end())
}

/// What no route took.
fn refuse(rejection: &Rejection) -> Reply {
    if rejection.is_not_found() {
        Error::NotFound.into_reply(None)
    } else {
        // The only filter that rejects anything but paths reads the query.
        Error::BadRequest("the query is not valid: write it as name=value&name=value".to_owned()).into_reply(None)
    }
}

/// Makes an answer of a route's outcome: logs a failure once, here.
fn conclude(request: &Request, outcome: Result<Reply, Error>) -> Reply {
    outcome.unwrap_or_else(|error| error.into_reply(Some(request)))
}

/// Refuses methods other than these.
fn allow(request: &Request, methods: &[Method], allowed: &'static str) -> Result<(), Error> {
    if methods.contains(&request.method) { Ok(()) } else { Err(Error::MethodNotAllowed(allowed)) }
}

/// Refuses all but GET and HEAD.
fn allow_reading(request: &Request) -> Result<(), Error> {
    allow(request, &[Method::GET, Method::HEAD], "GET, HEAD")
}

/// Room for the headers that every answer has and those that some have, so that the map need not grow for each answer.
const HEADERS: usize = 12;

fn reply(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(body.into());
    *reply.status_mut() = status;
    *reply.headers_mut() = HeaderMap::with_capacity(HEADERS);
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

/// An answer in JSON that may be kept, but must be asked for again before it is used.
fn json(body: &impl serde::Serialize) -> Result<Reply, Error> {
    let body = serde_json::to_vec(body).map_err(|_| Error::Internal("an answer could not be written as JSON"))?;
    Ok(json_body(body, Encoding::Identity))
}

/// The same, of a body that is JSON already.
fn json_body(body: impl Into<Bytes>, encoding: Encoding) -> Reply {
    let mut reply = encoded(reply(StatusCode::OK, "application/json", body), encoding);
    reply.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    reply
}

/// Lets pages of any site load an answer that is meant for them, also those that are isolated from other origins (Fetch standard,
/// "cross-origin resource policy").
fn cross_origin(mut reply: Reply) -> Reply {
    const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
    reply.headers_mut().insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    reply
}

/// Lets the script of any page read an answer. It gets what anybody may have: without credentials, which browsers leave away for an
/// answer to everybody, a private site is not answered (Fetch standard, "CORS protocol and credentials").
fn readable_anywhere(mut reply: Reply) -> Reply {
    reply.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    reply
}

/// Says how a body is encoded, and that who asks otherwise gets another.
fn encoded(mut reply: Reply, encoding: Encoding) -> Reply {
    reply.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if encoding == Encoding::Gzip {
        reply.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    reply
}

/// What a page may load, and who may show it in a frame. It needs no other source than itself, so nothing else is allowed.
fn policy(frame_ancestors: &str) -> HeaderValue {
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
         base-uri 'none'; form-action 'self'; frame-ancestors {frame_ancestors}"
    );
    HeaderValue::from_str(&policy).expect("origins are ASCII")
}

/// Headers that every answer has.
fn with_common_headers(mut reply: Reply) -> Reply {
    static POLICY: std::sync::LazyLock<HeaderValue> = std::sync::LazyLock::new(|| policy("'none'"));
    const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
    const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
    if reply.status() == StatusCode::NO_CONTENT {
        // There is nothing in it that a policy could be about.
        reply.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        return reply;
    }
    let headers = reply.headers_mut();
    // At once, and with those that are added on the way out: growing means hashing them all again.
    headers.reserve(10);
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert_with(|| POLICY.clone());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(PERMISSIONS_POLICY, HeaderValue::from_static("interest-cohort=()"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    reply
}
