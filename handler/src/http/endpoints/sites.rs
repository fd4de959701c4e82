//! `/api/sites`: the configured sites whose statistics the client may see.

use serde_json::json;

use crate::domain::SiteName;
use crate::http::{
    error::Error,
    reply::{Reply, json as json_reply},
    request::Request,
};

pub(in crate::http) fn respond(request: &Request) -> Result<Reply, Error> {
    let sites = &request.app().config.sites;
    let visible: Vec<_> = sites.iter().filter(|site| request.may_see(site)).collect();
    if visible.is_empty() {
        return Err(request.refusal());
    }
    let site = |site: &&SiteName| json!({ "site": site, "statistics": format!("/api/statistics?site={site}") });
    json_reply(&json!({ "sites": visible.iter().map(site).collect::<Vec<_>>() }))
}
