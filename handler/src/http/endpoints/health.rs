//! `/healthz`: is the process there; `/readyz`: does the database answer, too.

use serde_json::json;

use crate::http::{Reply, allow_reading, conclude, error::Error, json as reply_json, request::Request};

/// Says only that the process answers, so that nobody restarts it because the database is away.
pub(in crate::http) async fn answer_process(request: Request) -> Reply {
    let outcome = allow_reading(&request).and_then(|()| reply_json(&json!({ "status": "ok" })));
    conclude(&request, outcome)
}

/// Asks the database, and waits for its answer at most as long as a visitor would.
pub(in crate::http) async fn answer_database(request: Request) -> Reply {
    let outcome = async {
        allow_reading(&request)?;
        request
            .app()
            .reader
            .ready(request.answer_by)
            .await
            .map_err(|_| Error::Unavailable("the database does not answer"))?;
        reply_json(&json!({ "status": "ready" }))
    };
    conclude(&request, outcome.await)
}
