//! `/`: the page. It counts its own visit, waits until the visit is durable, and shows the statistics of a site. Those of the own
//! site include the visit.
//!
//! `/?embed` is the page for a frame in pages of the origins in `FOOTFALL_EMBED`. It is not counted, because a reader
//! of the surrounding page does not visit Footfall. For the same reason, `/` as a picture, frame or script of another page is
//! not counted.

use std::sync::Arc;

use warp::http::{HeaderValue, Method, StatusCode, header};

use crate::http::{
    app::App,
    claims::{ReportedVisit, visit},
    error::Error,
    reply::{Reply, content_security_policy, encoded, html, reply},
    request::Request,
};
use crate::{
    build,
    config::{Host, Origin},
    domain::{ViewFacts, dimension::referrer::referring_host},
    page::{self, Charted},
    reader::{ReadError, Reading},
    texts::Texts,
};

pub(in crate::http) async fn respond(request: &Request) -> Result<Reply, Error> {
    // The Functions host sends a ping before it dispatches requests, and now and then afterwards.
    if request.app().config.host != Host::Plain && request.method == Method::GET && request.is_bare() {
        return Ok(reply(StatusCode::OK, "text/plain; charset=utf-8", "Footfall is listening.\n"));
    }
    if request.has_parameter("embed") {
        return Ok(respond_with_frame(request).await);
    }
    let app = request.app();
    let (query, network) = (request.page_query()?, request.limited_network());
    // Reject an invalid chart before the visit counts.
    let charted = request.charted()?;
    if request.is_subresource() {
        let reading = app.reader.read_recent_or_stale(query, network, request.respond_by).await?;
        return page_reply(request, &reading, charted);
    }
    if !app.config.sites.contains(&query.site) {
        // Imported sites have a page, too. If the site is unknown, fail before the visit counts.
        let known = app.reader.read_recent(query.clone(), network, request.respond_by).await;
        if let Err(problem) = known
            && !problem.may_pass()
        {
            return Err(problem.into());
        }
    }
    let visit = visit(request, &app.config.own_site, reported_visit(request));
    let reading = app.recorder.record_and_read(visit, query.clone(), network, request.respond_by).await;
    match reading.map_err(Error::from) {
        Ok(reading) => page_reply(request, &reading, charted),
        Err(error @ (Error::Unavailable(_) | Error::TooManyQueries)) => {
            let page = match (app.reader.last_known(&query), &error) {
                (Some(reading), _) => page_reply(request, &reading, charted)?,
                // The problem has a page of its own.
                (None, Error::TooManyQueries) => return Err(error),
                (None, _) => unavailable(request, page::PageKind::Whole)?,
            };
            Ok(error.into_page(request, page))
        }
        Err(error) => Err(error),
    }
}

fn reported_visit(request: &Request) -> ReportedVisit<'_> {
    let config = &request.app().config;
    let public_host = config.public_url.as_ref().map_or("", Origin::host);
    let own_hosts = [&*config.own_site, public_host, request.header(header::HOST.as_str()).unwrap_or_default()];
    let view = ViewFacts {
        page: "/".into(),
        referrer: request.header(header::REFERER.as_str()).and_then(|referer| referring_host(referer, &own_hosts)),
        language: request.header(header::ACCEPT_LANGUAGE.as_str()),
        ..ViewFacts::default()
    };
    ReportedVisit { view, ..ReportedVisit::default() }
}

fn page_reply(request: &Request, reading: &Arc<Reading>, charted: Charted) -> Result<Reply, Error> {
    let app = request.app();
    let (encoding, texts) = (request.encoding(), request.texts());
    let lists_sites = request.may_see_all();
    let signed_in = lists_sites && app.access.token.is_some();
    let render =
        || page::render(&page::PageContext { lists_sites, signed_in, ..page_view(texts, app, reading, charted) });
    let bodies = app.response_cache.report(reading);
    let pages = bodies.pages(charted, texts);
    let body = if lists_sites { &pages.page } else { &pages.page_without_sites };
    let page = body.get(encoding, render).map_err(render_error)?;
    Ok(encoded(html(StatusCode::OK, page, texts), encoding))
}

async fn respond_with_frame(request: &Request) -> Reply {
    let mut reply = frame(request).await.unwrap_or_else(|error| error.into_reply(Some(request)));
    // The surrounding page could draw over the sign-in form, so the form is never framed.
    if reply.status() != StatusCode::UNAUTHORIZED {
        reply.headers_mut().insert(header::CONTENT_SECURITY_POLICY, frame_policy(request.app()));
    }
    reply
}

async fn frame(request: &Request) -> Result<Reply, Error> {
    let app = request.app();
    let (query, charted) = (request.page_query()?, request.charted()?);
    match app.reader.read_recent_or_stale(query, request.limited_network(), request.respond_by).await {
        Ok(reading) => {
            let (encoding, texts) = (request.encoding(), request.texts());
            let bodies = app.response_cache.report(&reading);
            let render = || page::render_embedded(&page_view(texts, app, &reading, charted));
            let page = bodies.pages(charted, texts).embedded.get(encoding, render);
            Ok(encoded(html(StatusCode::OK, page.map_err(render_error)?, texts), encoding))
        }
        Err(problem @ ReadError::Unavailable) => {
            let page = unavailable(request, page::PageKind::Embedded)?;
            Ok(Error::from(problem).into_page(request, page))
        }
        Err(problem) => Err(problem.into()),
    }
}

/// The page without numbers.
fn unavailable(request: &Request, kind: page::PageKind) -> Result<Reply, Error> {
    let texts = request.texts();
    let page = page::render_unavailable(texts, kind, build::VERSION, build::COMMIT).map_err(render_error)?;
    Ok(html(StatusCode::OK, page, texts))
}

fn frame_policy(app: &App) -> HeaderValue {
    let origins: Vec<&str> = app.config.embedders.iter().map(|origin| &**origin).collect();
    content_security_policy(&if origins.is_empty() { "'none'".to_owned() } else { origins.join(" ") })
}

fn page_view<'a>(texts: &'static Texts, app: &'a App, reading: &'a Reading, charted: Charted) -> page::PageContext<'a> {
    page::PageContext {
        texts,
        report: &reading.report,
        charted,
        address: &app.address,
        sites: &app.config.sites,
        own_site: &app.config.own_site,
        lists_sites: false,
        signed_in: false,
        version: build::VERSION,
        commit: build::COMMIT,
    }
}

fn render_error(error: anyhow::Error) -> Error {
    tracing::error!(event = "page_failed", "{error:#}");
    Error::Internal("could not render the page")
}
