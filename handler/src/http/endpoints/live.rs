//! `/api/live`: the views of the last 30 minutes, by minute. Reading them counts nothing.

use serde_json::json;

use crate::domain::statistics::Live;
use crate::http::{
    Reply, allow_reading, conclude, endpoints::statistics::utc, error::Error, json_body, readable_anywhere,
    request::Request,
};

pub(in crate::http) async fn answer(request: Request) -> Reply {
    let outcome = read(&request).await;
    conclude(&request, outcome)
}

async fn read(request: &Request) -> Result<Reply, Error> {
    allow_reading(request)?;
    let app = request.app();
    let site = request.visible_site(app)?;
    let reading = app.reader.read_live(site, request.answer_by).await?;
    let encoding = request.encoding();
    let body = app.response_cache.live(&reading).get(encoding, || Ok(in_json(&reading.live)));
    let body = body.map_err(|_| Error::Internal("an answer could not be written"))?;
    Ok(readable_anywhere(json_body(body, encoding)))
}

fn in_json(live: &Live) -> String {
    let minute = |(minute, pageviews): &(crate::domain::Minute, i64)| json!({ "start": utc(minute.start()), "pageviews": pageviews });
    let answer = json!({
        "site": live.site,
        "as_of": utc(live.as_of),
        "minutes": live.minutes.iter().map(minute).collect::<Vec<_>>(),
        "pageviews": live.pageviews(),
    });
    answer.to_string()
}
