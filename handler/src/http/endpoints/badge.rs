//! `/badge/SITE.svg` and `/badge/SITE.json`: the visitors of a site, as a picture and as the input of shields.io.
//! Loading a badge is not counted.

use serde_json::json;
use warp::http::{HeaderValue, StatusCode, header};

use crate::http::{
    badge_image::{badge_image, badge_text},
    error::Error,
    reply::{Reply, cross_origin, reply},
    request::Request,
};
use crate::{domain::SiteName, page::badge};

/// The usual cache lifetime of badges.
const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=300");

pub(in crate::http) async fn respond(name: &str, request: &Request) -> Result<Reply, Error> {
    let (site, form) = name.rsplit_once('.').ok_or(Error::NotFound)?;
    if !["svg", "json"].contains(&form) {
        return Err(Error::NotFound);
    }
    let site: SiteName = site.parse().map_err(|_| Error::UnknownSite)?;
    let query = request.query_of(site)?;
    let reader = &request.app().reader;
    let reading = reader.read_recent_or_stale(query, request.limited_network(), request.respond_by).await?;
    let counts = &reading.report.counts;
    let mut badge = if form == "svg" {
        badge_image(counts)
    } else {
        let (label, message) = badge_text(counts);
        let body = json!({ "schemaVersion": 1, "label": label, "message": message, "color": badge::COLOR });
        reply(StatusCode::OK, "application/json", body.to_string())
    };
    badge.headers_mut().insert(header::CACHE_CONTROL, CACHED);
    Ok(cross_origin(badge))
}
