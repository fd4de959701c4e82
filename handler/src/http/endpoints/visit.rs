//! `POST /v` from the script and `GET /v/SITE.gif` from the pixel: visits to pages of other sites. The reply follows
//! the commit, and never repeats data of the request.

use std::borrow::Cow;

use bytes::{Buf, Bytes};
use futures_util::Stream;
use serde::Deserialize;
use warp::http::{StatusCode, header};

use crate::domain::{
    SiteName, ViewFacts,
    dimension::{
        campaign::Campaign,
        path::{page_path, page_with_parameters},
        referrer::{belongs_to, host_and_path, referring_host},
        value::event_name,
    },
    visit::view_facts::Window,
};
use crate::http::{
    app::App,
    badge_image::badge_image,
    claims::{ReportedVisit, visit},
    error::Error,
    reply::{Reply, cross_origin, reply},
    request::Request,
    request_body,
};
use crate::{reader::ReadError, texts::Text};

/// The body of `POST /v`, described in `docs/embedding.md`. Other fields are rejected.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message<'a> {
    /// The site.
    #[serde(borrow, rename = "s")]
    site: Cow<'a, str>,
    /// The path of the page, with the parts of its query and fragment that the site allows.
    #[serde(borrow, rename = "p")]
    page: Cow<'a, str>,
    /// The origin of the previous page.
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
    /// The name of an event. An event is not a view.
    #[serde(borrow, default, rename = "e")]
    event: Option<Cow<'a, str>>,
    /// 1: the owner's own visit.
    #[serde(default, rename = "o")]
    own: u8,
    /// 1: Global Privacy Control is on. Some browsers send no header for it.
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
pub(in crate::http) async fn respond<B: Buf>(
    request: &Request,
    body: impl Stream<Item = Result<B, warp::Error>>,
) -> Result<Reply, Error> {
    let sent = request_body::read(body, request.respond_by).await?;
    let message: Message<'_> = serde_json::from_slice(&sent).map_err(|problem| {
        // serde's own message quotes the body, so report only the position.
        let (line, column) = (problem.line(), problem.column());
        Error::BadRequest(Text::new("errors.invalid_body").with("line", line).with("column", column))
    })?;
    let app = request.app();
    let site = counted_site(app, &message.site)?;
    must_come_from(request, site)?;
    if !message.page.starts_with('/') {
        return Err(Error::BadRequest(Text::new("errors.path").with("name", "p")));
    }
    let event = message.event.as_deref().map(event_name);
    if event.as_deref() == Some("") {
        return Err(Error::BadRequest(Text::new("errors.event_name").with("name", "e")));
    }
    let parts = message.campaign.unwrap_or_default();
    let view = ViewFacts {
        page: page_with_parameters(&message.page).into(),
        referrer: message
            .referrer
            .and_then(|referrer| referring_host(&referrer, &[site]))
            .filter(|host| !belongs_to(host, site, app.config.counts_subdomains)),
        // The script sends no language, because every browser sends the header.
        language: message.language.as_deref().filter(|tag| !tag.is_empty()).or(request.header("accept-language")),
        time_zone: message.time_zone.as_deref(),
        window: message.window,
        campaign: Campaign::new(parts.source.as_deref(), parts.medium.as_deref(), parts.campaign.as_deref()),
        ..ViewFacts::default()
    };
    let reported = ReportedVisit { view, event, own: message.own == 1, opted_out: message.opted_out == 1 };
    app.recorder.record(visit(request, site, reported), request.respond_by).await?;
    let mut done = reply(StatusCode::NO_CONTENT, "text/plain", Bytes::new());
    done.headers_mut().remove(header::CONTENT_TYPE);
    // An isolated page could not read a reply without this header, so the script would send the visit again.
    Ok(cross_origin(done))
}

/// One transparent pixel (`GIF89a`).
const PIXEL: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\
    \xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x01D\x00;";

/// `GET /v/SITE.gif` counts a view of a page without a script. `GET /v/SITE.svg` also shows the number that includes
/// it. The page is that of `Referer`; browsers that send only the origin count as `/`.
pub(in crate::http) async fn respond_with_image(name: &str, request: &Request) -> Result<Reply, Error> {
    let app = request.app();
    let (site, form) = name.rsplit_once('.').ok_or(Error::NotFound)?;
    if !["gif", "svg"].contains(&form) {
        return Err(Error::NotFound);
    }
    let site = counted_site(app, site)?;
    must_come_from(request, site)?;
    let page = request.header("referer").and_then(host_and_path).map_or("/", |(_, path)| path);
    let view =
        ViewFacts { page: page_path(page).into(), language: request.header("accept-language"), ..ViewFacts::default() };
    let reported = ReportedVisit { view, ..ReportedVisit::default() };
    let image = if form == "svg" {
        // Fail before the visit counts if the client may not see the number.
        let query = request.query_of(site.clone())?;
        let visit = visit(request, site, reported);
        let network = request.limited_network();
        let reading = app.recorder.record_and_read(visit, query.clone(), network, request.respond_by).await;
        let reading = match reading {
            // The visit is committed, so an earlier number is better than an error, which the client would send again.
            Err(ReadError::TooMany) => app.reader.last_known(&query).ok_or(ReadError::TooMany),
            reading => reading,
        };
        badge_image(&reading?.report.counts)
    } else {
        app.recorder.record(visit(request, site, reported), request.respond_by).await?;
        reply(StatusCode::OK, "image/gif", Bytes::from_static(PIXEL))
    };
    Ok(cross_origin(image))
}

/// The configured site of this name.
fn counted_site<'a>(app: &'a App, name: &str) -> Result<&'a SiteName, Error> {
    let name: SiteName = name.parse().map_err(|_| Error::NotConfigured)?;
    app.config.sites.iter().find(|site| **site == name).ok_or(Error::NotConfigured)
}

/// Rejects visits from pages of other sites, according to `Origin`, else `Referer`. `Origin: null` belongs to no site:
/// saved copies and sandboxed frames of any page send it (RFC 6454 §7.1).
fn must_come_from(request: &Request, site: &SiteName) -> Result<(), Error> {
    let Some(url) = request.header("origin").or_else(|| request.header("referer")) else { return Ok(()) };
    match host_and_path(url) {
        Some((host, _)) if belongs_to(host, site, request.app().config.counts_subdomains) => Ok(()),
        _ => Err(Error::Foreign),
    }
}
