//! `/health/live`: the process responds. `/health/ready`: the database responds, too.

use serde_json::json;

use crate::http::{
    error::Error,
    reply::{Reply, json as json_reply},
    request::Request,
};

/// Does not query the database, so that no supervisor restarts the process only because the database is unavailable.
pub(in crate::http) fn respond_live() -> Result<Reply, Error> {
    json_reply(&json!({ "status": "ok" }))
}

/// Queries the database, with the deadline of every request.
pub(in crate::http) async fn respond_ready(request: &Request) -> Result<Reply, Error> {
    let ready = request.app().reader.ready(request.respond_by).await;
    ready.map_err(|_| Error::Unavailable("the database does not respond"))?;
    json_reply(&json!({ "status": "ready" }))
}
