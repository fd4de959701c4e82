//! `/api/statistics`: the statistics as JSON, or as CSV if the client prefers it. Reading them is not counted.

mod csv;
mod json;

use warp::http::{HeaderValue, StatusCode, header};

use crate::http::{
    error::Error,
    reply::{Reply, encoded, json_body, readable_anywhere, reply},
    request::Request,
};

/// `/api/statistics`: in the format of `Accept`.
pub(in crate::http) async fn respond(request: &Request) -> Result<Reply, Error> {
    if request.prefers_csv() {
        return respond_with_csv(request).await;
    }
    let reading = request.app().reader.read_recent_or_stale(request.statistics_query()?, request.respond_by).await?;
    let encoding = request.encoding();
    let body = request
        .app()
        .response_cache
        .report(&reading)
        .json
        .get(encoding, || json::write(&reading.report))
        .map_err(cannot_write)?;
    Ok(finish(json_body(body, encoding)))
}

/// `/api/statistics.csv`.
pub(in crate::http) async fn respond_with_csv(request: &Request) -> Result<Reply, Error> {
    let reading = request.app().reader.read_recent_or_stale(request.statistics_query()?, request.respond_by).await?;
    let encoding = request.encoding();
    let body = request
        .app()
        .response_cache
        .report(&reading)
        .csv
        .get(encoding, || csv::write(&reading.report))
        .map_err(cannot_write)?;
    let mut table = encoded(reply(StatusCode::OK, "text/csv; charset=utf-8; header=present", body), encoding);
    table.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(finish(table))
}

fn finish(mut reply: Reply) -> Reply {
    reply.headers_mut().insert(header::VARY, HeaderValue::from_static("accept, accept-encoding"));
    readable_anywhere(reply)
}

fn cannot_write(_: anyhow::Error) -> Error {
    Error::Internal("could not write the statistics")
}
