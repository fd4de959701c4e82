//! `/me/why`: whether this request would count, and why. The request itself is not counted.

use warp::http::StatusCode;

use crate::http::{
    claims,
    error::Error,
    reply::{Reply, html, json},
    request::Request,
};
use crate::{
    domain::{Claims, Classification, identity::user_agent::without_host_suffix, visit::robot},
    page::{self, Verdict},
};

pub(in crate::http) fn respond(request: &Request) -> Result<Reply, Error> {
    request.keep_private();
    let user_agent = claims::user_agent(request.headers());
    let claims = claims::claims(request, &user_agent);
    // The verdict is about a view, even if this request is HEAD.
    let classification = Claims { head: false, ..claims }.classification();
    let (pageview, visitor, exclusion) = match classification {
        Classification::Visitor(_) => (true, true, None),
        Classification::Pageview(exclusion) => (true, false, Some(exclusion)),
        Classification::Excluded(exclusion) => (false, false, Some(exclusion)),
    };
    let robot = robot::identify(without_host_suffix(&user_agent));
    let verdict = Verdict { pageview, visitor, exclusion, robot };
    if !request.accepts_html() {
        return json(&verdict);
    }
    let texts = request.texts();
    let page = page::render_why(texts, &verdict).map_err(|_| Error::Internal("could not render the page"))?;
    Ok(html(StatusCode::OK, page, texts))
}
