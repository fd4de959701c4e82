//! `POST /function-maintenance`: the timer of the Functions host. Deletes the salts and sets of ended periods, and data
//! that is older than the retention.

use serde_json::json;

use crate::config::Host;
use crate::http::{
    error::Error,
    reply::{Reply, json as json_reply},
    request::Request,
};

pub(in crate::http) async fn respond(request: &Request) -> Result<Reply, Error> {
    // The host calls from this machine, on its own behalf. For other clients, this address does not exist.
    let is_host = request.app().config.host == Host::Functions
        && request.peer().to_canonical().is_loopback()
        && !request.headers().contains_key("x-forwarded-for");
    if !is_host {
        return Err(Error::NotFound);
    }
    let removed = request.app().maintenance.run().await.map_err(|_| Error::Unavailable("maintenance failed"))?;
    let log = serde_json::to_string(&removed)
        .map_err(|_| Error::Internal("could not serialize the result of maintenance as JSON"))?;
    // The form that the host expects of a function without an HTTP trigger.
    json_reply(&json!({ "Outputs": {}, "Logs": [log], "ReturnValue": null }))
}
