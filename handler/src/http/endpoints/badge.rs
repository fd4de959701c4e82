//! `/badge/SITE.svg` and `/badge/SITE.json`: how many visitors a site had, as a picture for other pages and as what shields.io makes
//! one of. Showing it counts nothing.

use serde_json::json;
use warp::http::{HeaderValue, StatusCode, header};

use crate::http::{Reply, allow_reading, conclude, cross_origin, error::Error, reply, request::Request};
use crate::{domain::SiteName, domain::statistics::Counts, page::badge};

/// As long as badges elsewhere are kept.
const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=300");

pub(in crate::http) async fn answer(name: String, request: Request) -> Reply {
    let outcome = show(&name, &request).await;
    conclude(&request, outcome)
}

async fn show(name: &str, request: &Request) -> Result<Reply, Error> {
    allow_reading(request)?;
    let (site, form) = name.rsplit_once('.').ok_or(Error::NotFound)?;
    if !["svg", "json"].contains(&form) {
        return Err(Error::NotFound);
    }
    let site: SiteName = site.parse().map_err(|_| Error::UnknownSite)?;
    let app = request.app();
    let query = request.query_of(app, site)?;
    let reading = app.reader.read_recent_or_stale(query, request.answer_by).await?;
    let mut picture = if form == "svg" {
        picture(&reading.report.counts)
    } else {
        let (label, message) = words(&reading.report.counts);
        let body = json!({ "schemaVersion": 1, "label": label, "message": message, "color": badge::COLOR });
        reply(StatusCode::OK, "application/json", body.to_string())
    };
    picture.headers_mut().insert(header::CACHE_CONTROL, CACHED);
    Ok(cross_origin(picture))
}

/// The number as a picture.
pub(in crate::http) fn picture(counts: &Counts) -> Reply {
    let (label, message) = words(counts);
    reply(StatusCode::OK, "image/svg+xml; charset=utf-8", badge::svg(label, &message))
}

/// What a badge says. Where no unique number is known, a sum of days would claim to be one.
fn words(counts: &Counts) -> (&'static str, String) {
    let (label, count) = counts.visitors.map_or(("views", counts.pageviews), |visitors| ("visitors", visitors));
    (label, badge::count(count))
}
