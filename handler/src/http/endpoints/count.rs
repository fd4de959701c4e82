//! `/`: the page. It counts its own visit, waits until that is durable, and shows the numbers with it.

use std::sync::Arc;

use warp::http::{Method, StatusCode, header};

use crate::http::{
    App, HTML, Reply, allow_reading, conclude, encoded,
    endpoints::embed,
    endpoints::visit::{Sighting, visit},
    error::Error,
    reply,
    request::Request,
};
use crate::{
    build,
    config::Host,
    domain::{ViewFacts, dimension::referrer::referring_host},
    page,
    reader::Reading,
};

pub(in crate::http) async fn answer(request: Request) -> Reply {
    let app = request.app();
    // The Functions host asks before it dispatches anything, and again now and then: nothing to wait for, nothing to count.
    if app.config.host != Host::Plain && request.method == Method::GET && request.is_bare() {
        return reply(StatusCode::OK, "text/plain; charset=utf-8", "Footfall is listening.\n");
    }
    if request.has_parameter("embed") {
        return embed::answer(&request, app).await;
    }
    let outcome = count(&request, app).await;
    conclude(&request, outcome)
}

async fn count(request: &Request, app: &App) -> Result<Reply, Error> {
    allow_reading(request)?;
    let query = request.statistics_query(app)?;
    if !app.config.sites.contains(&query.site) {
        // It may have been imported. A visit to a page that does not exist is none.
        app.reader.read_recent(query.clone(), request.answer_by).await?;
    }
    let visit = visit(request, &app.config.sites[0], sighting(request, app));
    let answer = app.recorder.record_and_read(visit, query.clone(), request.answer_by).await;
    match answer.map_err(Error::from) {
        Ok(reading) => shown(request, app, &reading),
        Err(error @ Error::Unavailable(_)) => {
            let page = match app.reader.last_known(&query) {
                Some(reading) => shown(request, app, &reading)?,
                None => reply(
                    StatusCode::OK,
                    HTML,
                    page::render_unavailable(build::VERSION, build::COMMIT, true).map_err(unrenderable)?,
                ),
            };
            Ok(error.into_page(request, page))
        }
        Err(error) => Err(error),
    }
}

fn sighting<'r>(request: &'r Request, app: &App) -> Sighting<'r> {
    let own_hosts = [&*app.config.sites[0], request.header(header::HOST.as_str()).unwrap_or_default()];
    let view = ViewFacts {
        page: "/".into(),
        referrer: request.header(header::REFERER.as_str()).and_then(|referer| referring_host(referer, &own_hosts)),
        language: request.header(header::ACCEPT_LANGUAGE.as_str()),
        ..ViewFacts::default()
    };
    Sighting { view, ..Sighting::default() }
}

fn shown(request: &Request, app: &App, reading: &Arc<Reading>) -> Result<Reply, Error> {
    let encoding = request.encoding();
    let names_all = app.access.allows_all(request, app.clock.now());
    let signed_in = names_all && app.access.token.is_some();
    let render = || page::render(&page::View { names_all, signed_in, ..view(app, reading) });
    let bodies = app.response_cache.report(reading);
    let body = if names_all { &bodies.page } else { &bodies.page_without_sites };
    let page = body.get(encoding, render).map_err(unrenderable)?;
    Ok(encoded(reply(StatusCode::OK, HTML, page), encoding))
}

/// What the page is about.
pub(in crate::http) fn view<'a>(app: &'a App, reading: &'a Reading) -> page::View<'a> {
    page::View {
        report: &reading.report,
        address: &app.address,
        sites: &app.config.sites,
        names_all: false,
        signed_in: false,
        version: build::VERSION,
        commit: build::COMMIT,
    }
}

pub(in crate::http) fn unrenderable(error: anyhow::Error) -> Error {
    tracing::error!(event = "page_failed", "{error:#}");
    Error::Internal("the page could not be rendered")
}
