//! `/api/statistics`: the numbers as JSON. Reading them counts nothing.

use super::{App, Reply, allow_reading, conclude, error::Error, json, request::Request};

pub(super) async fn answer(request: Request) -> Reply {
    let outcome = read(&request, request.app()).await;
    conclude(&request, outcome)
}

async fn read(request: &Request, app: &App) -> Result<Reply, Error> {
    allow_reading(request)?;
    request.authorize(app)?;
    let query = request.statistics_query(app)?;
    match app.reader.read(query.clone(), request.answer_by).await.map_err(Error::from) {
        Ok(snapshot) => json(&snapshot.statistics),
        Err(error @ Error::Unavailable(_)) => match app.reader.last_known(&query) {
            Some(snapshot) => json(&snapshot.statistics),
            None => Err(error),
        },
        Err(error) => Err(error),
    }
}
