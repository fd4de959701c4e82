//! `/?embed`: the page for a frame in pages of the origins that `FOOTFALL_EMBED` names. It counts nothing: who looks at the page
//! around it has not come here.

use warp::http::{HeaderValue, StatusCode, header};

use crate::http::{
    App, HTML, Reply, allow_reading, conclude, encoded,
    endpoints::count::{unrenderable, view},
    error::Error,
    policy, reply,
    request::Request,
};
use crate::{build, page, reader::ReadError};

pub(in crate::http) async fn answer(request: &Request, app: &App) -> Reply {
    let outcome = show(request, app).await;
    let mut answer = conclude(request, outcome);
    // The form to sign in is for no frame: what is around it could lay something else over it.
    if answer.status() != StatusCode::UNAUTHORIZED {
        answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, ancestors(app));
    }
    answer
}

async fn show(request: &Request, app: &App) -> Result<Reply, Error> {
    allow_reading(request)?;
    let query = request.statistics_query(app)?;
    match app.reader.read_recent_or_stale(query, request.answer_by).await {
        Ok(reading) => {
            let encoding = request.encoding();
            let bodies = app.response_cache.report(&reading);
            let page = bodies.embedded.get(encoding, || page::render_embedded(&view(app, &reading)));
            Ok(encoded(reply(StatusCode::OK, HTML, page.map_err(unrenderable)?), encoding))
        }
        Err(problem @ ReadError::Unavailable) => {
            let page = page::render_unavailable(build::VERSION, build::COMMIT, false).map_err(unrenderable)?;
            Ok(Error::from(problem).into_page(request, reply(StatusCode::OK, HTML, page)))
        }
        Err(problem) => Err(problem.into()),
    }
}

fn ancestors(app: &App) -> HeaderValue {
    let origins: Vec<&str> = app.config.embedders.iter().map(|origin| &**origin).collect();
    policy(&if origins.is_empty() { "'none'".to_owned() } else { origins.join(" ") })
}
