//! `/api/sites`: the counted sites whose statistics the client may see. Programs get their names as JSON, and people a page
//! with the visitors of the last days. Reading the page is not counted.

use serde_json::json;
use warp::http::StatusCode;

use crate::{
    domain::SiteName,
    http::{
        error::Error,
        reply::{Reply, encoded, html, json as json_reply, vary},
        request::Request,
        response_body::Body,
    },
    page::{self, FoundSites, SHOWN_SITES},
    texts::Text,
};

pub(in crate::http) async fn respond(request: &Request) -> Result<Reply, Error> {
    let search = request.parameter("q").unwrap_or_default().to_ascii_lowercase();
    let limit = number(request, "limit", 1)?.unwrap_or(usize::MAX);
    let offset = number(request, "offset", 0)?.unwrap_or_default();
    let sites = &request.app().config.sites;
    let visible: Vec<_> = sites.iter().filter(|site| request.may_see(site)).collect();
    if visible.is_empty() {
        return Err(request.refusal());
    }
    // Names of sites are in lower case.
    let found: Vec<_> = visible.iter().copied().filter(|site| site.contains(&search)).collect();
    let part = found.iter().copied().skip(offset);
    // JSON has all sites, unless the query has a limit.
    let reply = if request.accepts_html() {
        let sites: Vec<_> = part.take(limit.min(SHOWN_SITES)).cloned().collect();
        let counts = Counts { offset, found: found.len(), visible: visible.len() };
        page_of(request, &search, sites, &counts).await?
    } else {
        let site = |site: &SiteName| json!({ "site": site, "statistics": format!("/api/statistics?site={site}") });
        json_reply(&json!({ "sites": part.take(limit).map(site).collect::<Vec<_>>() }))?
    };
    Ok(vary(reply, "accept"))
}

/// Numbers of sites.
struct Counts {
    /// How many sites that were found come before those of the page.
    offset: usize,
    found: usize,
    visible: usize,
}

/// The page of these sites. Without the database it shows the sites without numbers.
async fn page_of(request: &Request, search: &str, sites: Vec<SiteName>, counts: &Counts) -> Result<Reply, Error> {
    let reader = &request.app().reader;
    let reading = reader.read_overview(sites.clone(), request.limited_network(), request.respond_by).await;
    let found = FoundSites {
        search,
        sites: &sites,
        overview: reading.as_ref().ok().map(|reading| &reading.overview),
        offset: counts.offset,
        found: counts.found,
        all: counts.visible,
    };
    let (encoding, texts) = (request.encoding(), request.texts());
    let body = Body::default().get(encoding, || page::render_sites(texts, &found));
    let body = body.map_err(|_| Error::Internal("could not render the list of sites"))?;
    let page = encoded(html(StatusCode::OK, body, texts), encoding);
    Ok(match reading {
        Ok(_) => page,
        Err(problem) => Error::from(problem).into_page(request, page),
    })
}

/// A parameter that is a whole number.
fn number(request: &Request, name: &str, least: usize) -> Result<Option<usize>, Error> {
    let Some(text) = request.parameter(name) else { return Ok(None) };
    let number = text.parse().ok().filter(|number| *number >= least);
    number
        .map(Some)
        .ok_or_else(|| Error::BadRequest(Text::new("errors.number_from").with("name", name).with("least", least)))
}
