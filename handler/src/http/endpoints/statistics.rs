//! `/api/statistics`: the statistics as JSON, or as CSV if the client prefers it. Reading them is not counted.

mod csv;
mod json;

use std::sync::Arc;

use bytes::Bytes;
use warp::http::{HeaderValue, StatusCode, header};

use crate::{
    domain::statistics::{Lists, Report},
    http::{
        error::Error,
        reply::{Reply, attachment, encoded, json_body, readable_anywhere, reply},
        request::Request,
        response_body::Body,
        response_cache::ReportBodies,
    },
    reader::Reading,
};

/// The parameters of a query, besides values. `chart`, `embed`, `lang` and `share` may come from the address of a
/// page.
const PARAMETERS: [&str; 15] = [
    "site", "period", "from", "to", "by", "lists", "list", "search", "sort", "offset", "limit", "chart", "embed",
    "lang", "share",
];

/// `/api/statistics`: in the format of `Accept`.
pub(in crate::http) async fn respond(request: &Request) -> Result<Reply, Error> {
    if request.prefers_csv() {
        return respond_with_csv(request).await;
    }
    let (_, body) = read(request, |bodies| &bodies.json, json::write).await?;
    Ok(finish(json_body(body, request.encoding())))
}

/// `/api/statistics.csv`.
pub(in crate::http) async fn respond_with_csv(request: &Request) -> Result<Reply, Error> {
    let (reading, body) = read(request, |bodies| &bodies.csv, csv::write).await?;
    let table = reply(StatusCode::OK, "text/csv; charset=utf-8; header=present", body);
    let mut table = encoded(table, request.encoding());
    table.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    table.headers_mut().insert(header::CONTENT_DISPOSITION, attachment(&file_name(&reading.report))?);
    Ok(finish(table))
}

/// The name of a file with a report: the site, the only list, and the days.
fn file_name(Report { site, read_lists, first, last, .. }: &Report) -> String {
    let list = if let Lists::One(dimension) = read_lists { dimension.name() } else { "statistics" };
    format!("{site}-{list}-{first}-{last}.csv")
}

/// Reads the report of the request, and renders it if the cache has no such body.
async fn read(
    request: &Request,
    body: fn(&ReportBodies) -> &Body,
    write: fn(&Report) -> anyhow::Result<String>,
) -> Result<(Arc<Reading>, Bytes), Error> {
    let app = request.app();
    request.accepts_only(&PARAMETERS)?;
    let (query, network) = (request.statistics_query()?, request.limited_network());
    let reading = app.reader.read_recent_or_stale(query, network, request.respond_by).await?;
    let bodies = app.response_cache.report(&reading);
    let rendered = body(&bodies).get(request.encoding(), || write(&reading.report));
    let rendered = rendered.map_err(|_| Error::Internal("could not write the statistics"))?;
    Ok((reading, rendered))
}

fn finish(mut reply: Reply) -> Reply {
    reply.headers_mut().insert(header::VARY, HeaderValue::from_static("accept, accept-encoding"));
    readable_anywhere(reply)
}
