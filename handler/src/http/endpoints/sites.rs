//! `/api/sites`: which sites are counted here, as far as whoever asks may see their numbers.

use serde_json::json;

use crate::domain::SiteName;
use crate::http::{Reply, allow_reading, conclude, error::Error, json, request::Request};

pub(in crate::http) async fn answer(request: Request) -> Reply {
    let outcome = list(&request);
    conclude(&request, outcome)
}

fn list(request: &Request) -> Result<Reply, Error> {
    allow_reading(request)?;
    let app = request.app();
    let mine: Vec<_> =
        app.config.sites.iter().filter(|site| app.access.allows(request, site, app.clock.now())).collect();
    if mine.is_empty() {
        return Err(Error::Private);
    }
    let site = |site: &&SiteName| json!({ "site": site, "statistics": format!("/api/statistics?site={site}") });
    json(&json!({ "sites": mine.iter().map(site).collect::<Vec<_>>() }))
}
