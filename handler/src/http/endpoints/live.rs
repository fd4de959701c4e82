//! `/api/live`: the views of the last 30 minutes, by minute. Reading them is not counted.

use serde_json::json;

use crate::domain::{Minute, statistics::Live};
use crate::http::{
    error::Error,
    reply::{Reply, json_body, readable_anywhere},
    request::Request,
    timestamps::utc,
};

pub(in crate::http) async fn respond(request: &Request) -> Result<Reply, Error> {
    let site = request.visible_site()?;
    let reader = &request.app().reader;
    let reading = reader.read_live(site, request.limited_network(), request.respond_by).await?;
    let encoding = request.encoding();
    let body = request.app().response_cache.live(&reading).get(encoding, || Ok(to_json(&reading.live)));
    let body = body.map_err(|_| Error::Internal("could not compress a reply"))?;
    Ok(readable_anywhere(json_body(body, encoding)))
}

fn to_json(live: &Live) -> String {
    let minute = |(minute, pageviews): &(Minute, i64)| json!({ "start": utc(minute.start()), "pageviews": pageviews });
    let document = json!({
        "site": live.site,
        "as_of": utc(live.as_of),
        "minutes": live.minutes.iter().map(minute).collect::<Vec<_>>(),
        "pageviews": live.pageviews(),
    });
    document.to_string()
}
