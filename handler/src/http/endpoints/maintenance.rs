//! `POST /function-maintenance`: the Functions host's timer. It forgets the salts of ended periods, drops their sets, and
//! deletes what is older than the retention.

use serde_json::json;
use warp::http::Method;

use crate::config::Host;
use crate::http::{App, Reply, conclude, error::Error, json as reply_json, request::Request};

pub(in crate::http) async fn answer(request: Request) -> Reply {
    let outcome = maintain(&request, request.app()).await;
    conclude(&request, outcome)
}

async fn maintain(request: &Request, app: &App) -> Result<Reply, Error> {
    // The host calls from this machine and forwards nobody; to anyone else, and without a host, this does not exist.
    let is_host = app.config.host == Host::Functions
        && request.peer().to_canonical().is_loopback()
        && !request.headers().contains_key("x-forwarded-for");
    if request.method != Method::POST || !is_host {
        return Err(Error::NotFound);
    }
    let removed = app.maintenance.run().await.map_err(|_| Error::Unavailable("maintenance failed"))?;
    let log =
        serde_json::to_string(&removed).map_err(|_| Error::Internal("the outcome could not be written as JSON"))?;
    // The answer that the host expects of a function that is not triggered by HTTP.
    reply_json(&json!({ "Outputs": {}, "Logs": [log], "ReturnValue": null }))
}
