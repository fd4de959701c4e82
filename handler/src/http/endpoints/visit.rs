//! `POST /v` from the script and `GET /v/SITE.gif` from the pixel: visits to pages of other sites, counted before they are
//! answered. Nothing that was sent comes back.

use std::borrow::Cow;

use bytes::{Buf, Bytes};
use futures_util::Stream;
use serde::Deserialize;
use tokio::time::timeout_at;
use warp::http::{Method, StatusCode, header};

use crate::domain::{
    Dimension, SiteName, ViewFacts, Visit, VisitKind,
    dimension::campaign::campaign,
    dimension::channel,
    dimension::referrer::{belongs_to, host_and_path, referring_host},
    dimension::value::MAXIMUM_PATH_BYTES,
    dimension::value::page_path,
    dimension::value::printable,
    visit::view_facts::Window,
};
use crate::http::{
    App, Reply, allow, allow_reading, client, conclude, cross_origin, endpoints::badge, error::Error, reply,
    request::Request, request_body,
};

/// The longest name of an event, in bytes.
const MAXIMUM_EVENT_BYTES: usize = 64;

/// What the script sends. `docs/embedding.md` describes it; anything else in it is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message<'a> {
    /// The site.
    #[serde(borrow, rename = "s")]
    site: Cow<'a, str>,
    /// The page, with what the site allows of its query and fragment.
    #[serde(borrow, rename = "p")]
    page: Cow<'a, str>,
    /// The origin of the page before.
    #[serde(borrow, default, rename = "r")]
    referrer: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "l")]
    language: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "z")]
    time_zone: Option<Cow<'a, str>>,
    #[serde(default, rename = "w")]
    window: Option<Window>,
    #[serde(borrow, default, rename = "c")]
    campaign: Option<SentCampaign<'a>>,
    /// The name of an event; then it is no view.
    #[serde(borrow, default, rename = "e")]
    event: Option<Cow<'a, str>>,
    /// 1: the owner's own visit.
    #[serde(default, rename = "o")]
    own: u8,
    /// 1: Global Privacy Control is on, where the browser sends no header for it.
    #[serde(default, rename = "g")]
    opted_out: u8,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SentCampaign<'a> {
    #[serde(borrow, default)]
    source: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    medium: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    campaign: Option<Cow<'a, str>>,
}

/// `POST /v`.
pub(in crate::http) async fn answer<B: Buf>(
    request: Request,
    sent: impl Stream<Item = Result<B, warp::Error>>,
) -> Reply {
    let outcome = take(&request, sent).await;
    conclude(&request, outcome)
}

async fn take<B: Buf>(request: &Request, sent: impl Stream<Item = Result<B, warp::Error>>) -> Result<Reply, Error> {
    allow(request, &[Method::POST], "POST")?;
    let sent = timeout_at(request.answer_by, request_body::read(sent)).await.map_err(|_| Error::TooSlow)??;
    let message: Message<'_> = serde_json::from_slice(&sent).map_err(|problem| {
        // serde quotes what it found; where it was found is enough to put it right, and gives nothing back.
        let (line, column) = (problem.line(), problem.column());
        let right = "a JSON object with the texts s (site) and p (page), and at most r, l, z, w, c, e, o and g";
        Error::BadRequest(format!("the body is not right at line {line}, column {column}: it must be {right}"))
    })?;
    let app = request.app();
    let site = counted_site(app, &message.site)?;
    must_come_from(request, app, site)?;
    if !message.page.starts_with('/') {
        return Err(Error::BadRequest("'p' must be a path, such as /about".to_owned()));
    }
    let event = message.event.as_deref().map(|name| printable(name.trim(), MAXIMUM_EVENT_BYTES));
    if event.as_deref() == Some("") {
        return Err(Error::BadRequest("'e' must be the name of an event, such as signup".to_owned()));
    }
    let parts = message.campaign.unwrap_or_default();
    let view = ViewFacts {
        page: printable(&message.page, MAXIMUM_PATH_BYTES).into(),
        referrer: message.referrer.and_then(|referrer| referring_host(&referrer, &[site])),
        // The script leaves it to the header, which browsers send of themselves.
        language: message.language.as_deref().filter(|tag| !tag.is_empty()).or(request.header("accept-language")),
        time_zone: message.time_zone.as_deref(),
        window: message.window,
        campaign: campaign([parts.source.as_deref(), parts.medium.as_deref(), parts.campaign.as_deref()]),
        ..ViewFacts::default()
    };
    let sighting = Sighting { view, event, own: message.own == 1, opted_out: message.opted_out == 1 };
    app.recorder.record(visit(request, site, sighting), request.answer_by).await?;
    let mut done = reply(StatusCode::NO_CONTENT, "text/plain", Bytes::new());
    done.headers_mut().remove(header::CONTENT_TYPE);
    Ok(done)
}

/// `GET /v/SITE.gif`, for pages without script, and `GET /v/SITE.svg`, which shows the number that it has just raised. Their page is that
/// of the `Referer`; where the browser sends only the origin, `/`.
pub(in crate::http) async fn answer_pixel(name: String, request: Request) -> Reply {
    let outcome = show_image(&name, &request).await;
    conclude(&request, outcome)
}

/// One transparent pixel (`GIF89a`).
const PIXEL: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x01D\x00;";

async fn show_image(name: &str, request: &Request) -> Result<Reply, Error> {
    allow_reading(request)?;
    let app = request.app();
    let (site, form) = name.rsplit_once('.').ok_or(Error::NotFound)?;
    if !["gif", "svg"].contains(&form) {
        return Err(Error::NotFound);
    }
    let site = counted_site(app, site)?;
    must_come_from(request, app, site)?;
    let page = request.header("referer").and_then(host_and_path).map_or("/", |(_, path)| path);
    let view =
        ViewFacts { page: page_path(page).into(), language: request.header("accept-language"), ..ViewFacts::default() };
    let sighting = Sighting { view, ..Sighting::default() };
    let image = if form == "svg" {
        // Before anything is counted: whoever may not see the number is told so.
        let query = request.query_of(app, site.clone())?;
        let shown = app.recorder.record_and_read(visit(request, site, sighting), query, request.answer_by).await?;
        badge::picture(&shown.report.counts)
    } else {
        app.recorder.record(visit(request, site, sighting), request.answer_by).await?;
        reply(StatusCode::OK, "image/gif", Bytes::from_static(PIXEL))
    };
    Ok(cross_origin(image))
}

/// What is known of a view or an event, beside what the request itself says.
#[derive(Default)]
pub(in crate::http) struct Sighting<'a> {
    /// Without the browser: that comes with the request.
    pub(in crate::http) view: ViewFacts<'a>,
    /// The name of an event; then it is no view.
    pub(in crate::http) event: Option<String>,
    /// Whether the script says that it is the owner's own.
    pub(in crate::http) own: bool,
    /// Whether the script says that the visitor has opted out.
    pub(in crate::http) opted_out: bool,
}

/// The visit to a site that a request makes.
pub(in crate::http) fn visit<'a>(request: &'a Request, site: &SiteName, sighting: Sighting<'a>) -> Visit {
    let app = request.app();
    let user_agent = client::user_agent(request.headers());
    let mut claims = client::claims(request, &user_agent);
    claims.own |= sighting.own;
    claims.opted_out |= sighting.opted_out;
    claims.referrer_spam = sighting.view.referrer.as_deref().is_some_and(channel::is_spam);
    let user_agent = claims.user_agent;
    let classification = claims.classification_within(|network| app.admits(network));
    let (kind, values) = if let Some(name) = sighting.event {
        (VisitKind::Event, vec![(Dimension::Event, Cow::Owned(name))])
    } else {
        let view = ViewFacts { user_agent: Some(user_agent), hints: client::hints(request), ..sighting.view };
        (VisitKind::View, view.values(&classification))
    };
    Visit { at: app.clock.now(), site: site.clone(), kind, values, classification }
}

/// The site of a name, if visits to it are counted here.
fn counted_site<'a>(app: &'a App, name: &str) -> Result<&'a SiteName, Error> {
    let name: SiteName = name.parse().map_err(|_| Error::NotConfigured)?;
    app.config.sites.iter().find(|site| **site == name).ok_or(Error::NotConfigured)
}

/// Refuses what another site's page sends, where the browser says which page it was: `Origin`, or else `Referer`. An origin of `null`
/// is that of a page which may not say (RFC 6454 §7.1).
fn must_come_from(request: &Request, app: &App, site: &SiteName) -> Result<(), Error> {
    let origin = request.header("origin").filter(|origin| *origin != "null");
    let Some(url) = origin.or_else(|| request.header("referer")) else { return Ok(()) };
    match host_and_path(url) {
        Some((host, _)) if belongs_to(host, site, app.config.counts_subdomains) => Ok(()),
        _ => Err(Error::Foreign),
    }
}
