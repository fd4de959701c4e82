//! `/why`: whether this very request would count, and why. It counts nothing itself.

use warp::http::StatusCode;

use crate::http::{HTML, Reply, allow_reading, client, conclude, error::Error, json, reply, request::Request};
use crate::{
    domain::{Claims, Classification, identity::user_agent::without_host_suffix, visit::robot},
    page::{self, Verdict},
};

pub(in crate::http) async fn answer(request: Request) -> Reply {
    let outcome = explain(&request);
    conclude(&request, outcome)
}

fn explain(request: &Request) -> Result<Reply, Error> {
    allow_reading(request)?;
    let user_agent = client::user_agent(request.headers());
    let claims = client::claims(request, &user_agent);
    // Somebody may ask by HEAD as well as by GET: what is told is about a view.
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
    let page = page::render_why(&verdict).map_err(|_| Error::Internal("the page could not be rendered"))?;
    Ok(reply(StatusCode::OK, HTML, page))
}
