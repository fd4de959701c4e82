//! `/`: the page. It counts its own visit, waits until that is durable, and shows the numbers with it.

use warp::http::{Method, StatusCode, header};

use super::{App, Reply, allow_reading, client, conclude, encoded, error::Error, reply, request::Request};
use crate::{
    build,
    config::Host,
    page,
    reader::Snapshot,
    visitor::{View, Visit, VisitKind, referrer::referring_host, source},
};

const HTML: &str = "text/html; charset=utf-8";

pub(super) async fn answer(request: Request) -> Reply {
    let app = request.app();
    // The Functions host asks before it dispatches anything, and again now and then: nothing to wait for, nothing to count.
    if app.host != Host::Plain && request.method == Method::GET && request.is_bare() {
        return reply(StatusCode::OK, "text/plain; charset=utf-8", "Footfall is listening.\n");
    }
    let outcome = count(&request, app).await;
    conclude(&request, outcome)
}

async fn count(request: &Request, app: &App) -> Result<Reply, Error> {
    allow_reading(request)?;
    let query = request.statistics_query(app)?;
    if !app.sites.contains(&query.site) {
        // It may have been imported. A visit to a page that does not exist is none.
        app.reader.read_recent(query.clone(), request.answer_by).await?;
    }
    let answer = app.recorder.record_and_read(visit(request, app), query.clone(), request.answer_by).await;
    match answer.map_err(Error::from) {
        Ok(snapshot) => shown(request, app, &snapshot),
        Err(error @ Error::Unavailable(_)) => {
            let page = match app.reader.last_known(&query) {
                Some(snapshot) => shown(request, app, &snapshot)?,
                None => reply(
                    StatusCode::OK,
                    HTML,
                    page::render_unavailable(build::VERSION, build::COMMIT).map_err(unrenderable)?,
                ),
            };
            Ok(error.into_page(request, page))
        }
        Err(error) => Err(error),
    }
}

fn visit(request: &Request, app: &App) -> Visit {
    let user_agent = client::user_agent(request.headers());
    let site = app.sites[0].clone();
    let own_hosts = [&*site, request.header(header::HOST.as_str()).unwrap_or_default()];
    let referrer = request.header(header::REFERER.as_str()).and_then(|referer| referring_host(referer, &own_hosts));
    let mut claims = client::claims(request, &user_agent, app.trusted_proxies);
    claims.referrer_spam = referrer.as_deref().is_some_and(source::is_spam);
    let user_agent = claims.user_agent;
    let classification = claims.classification_within(|network| app.admits(network));
    let view = View {
        page: "/".into(),
        referrer,
        user_agent: Some(user_agent),
        hints: client::hints(request),
        language: request.header(header::ACCEPT_LANGUAGE.as_str()),
        ..View::default()
    };
    Visit { at: app.clock.now(), site, kind: VisitKind::View, values: view.values(&classification), classification }
}

fn shown(request: &Request, app: &App, snapshot: &Snapshot) -> Result<Reply, Error> {
    let encoding = request.encoding();
    let render = || {
        let view =
            page::View { report: &snapshot.report, sites: &app.sites, version: build::VERSION, commit: build::COMMIT };
        page::render(&view)
    };
    let page = snapshot.page.get(encoding, render).map_err(unrenderable)?;
    Ok(encoded(reply(StatusCode::OK, HTML, page), encoding))
}

fn unrenderable(error: anyhow::Error) -> Error {
    tracing::error!(event = "page_failed", "{error:#}");
    Error::Internal("the page could not be rendered")
}
