//! `/api/sites`: the configured sites whose statistics the client may see, as JSON, or as a page for people.

use serde_json::json;
use warp::http::{HeaderValue, StatusCode, header};

use crate::{
    domain::SiteName,
    http::{
        error::Error,
        reply::{HTML, Reply, json as json_reply, reply},
        request::Request,
    },
    page::{self, FoundSites},
};

/// How many sites the page lists at most. JSON has all of them, unless the query has a limit.
const LISTED_SITES: usize = 100;

pub(in crate::http) fn respond(request: &Request) -> Result<Reply, Error> {
    let search = request.parameter("q").unwrap_or_default().to_ascii_lowercase();
    let limit = request.parameter("limit").map(|limit| limit.parse::<usize>().ok().filter(|limit| *limit > 0));
    let Some(limit) = limit.map_or(Some(None), |limit| limit.map(Some)) else {
        return Err(Error::BadRequest("'limit' must be a number from 1".to_owned()));
    };
    let sites = &request.app().config.sites;
    let visible: Vec<_> = sites.iter().filter(|site| request.may_see(site)).collect();
    if visible.is_empty() {
        return Err(request.refusal());
    }
    // Names of sites are in lower case.
    let found: Vec<_> = visible.iter().copied().filter(|site| site.contains(&search)).collect();
    let first = |limit: usize| &found[..limit.min(found.len())];
    let mut reply = if request.accepts_html() {
        let sites = first(limit.unwrap_or(LISTED_SITES));
        let page = page::render_sites(&FoundSites { search: &search, sites, found: found.len(), all: visible.len() });
        reply(StatusCode::OK, HTML, page.map_err(|_| Error::Internal("could not render the list of sites"))?)
    } else {
        let site = |site: &&SiteName| json!({ "site": site, "statistics": format!("/api/statistics?site={site}") });
        json_reply(&json!({ "sites": first(limit.unwrap_or(usize::MAX)).iter().map(site).collect::<Vec<_>>() }))?
    };
    reply.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    Ok(reply)
}
