//! A warp server that records visits and returns no page. `scripts/bench` and `scripts/scale` measure the recorder with it. This
//! example is not shipped.
//!
//! usage: recorder PORT [SECONDS]
//!
//! `DATABASE_URL` names the server, and SECONDS is the lifetime of a connection to it. A request of `/` is a visit to the page `/`.
//! A request of `/SITE/NUMBER` is a visit with one of 500 values in each list, as `tests/bench/history.py` writes them.

use std::{borrow::Cow, time::Duration};

use handler::{
    clock::Clock,
    config::{Config, DatabaseConfig},
    domain::{Classification, Dimension, Network, SiteName, Visit, VisitKind, VisitorKey, cells::Profile},
    recorder::Recorder,
    store::{CONNECTION_LIFETIME, Database, StatementLimits},
};
use jiff::Timestamp;
use tokio::time::Instant;
use warp::{Filter, http::StatusCode};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let usage = "usage: recorder PORT [SECONDS]";
    let arguments: Vec<u64> = std::env::args().skip(1).map(|argument| argument.parse().expect(usage)).collect();
    let port = arguments.first().and_then(|port| u16::try_from(*port).ok()).expect(usage);
    let lifetime = arguments.get(1).map_or(CONNECTION_LIFETIME, |seconds| Duration::from_secs(*seconds));
    let config = Config::load(&[("DATABASE_URL".to_owned(), std::env::var("DATABASE_URL")?)].into())?;
    let DatabaseConfig::Server(_) = &config.database else { anyhow::bail!("DATABASE_URL names no server") };
    let database = Database::new(&config.database, config.counting_mode(), Clock::system()).await?;
    let [recording] = database.connections_that_last(lifetime, [StatementLimits::FOR_REQUESTS]);
    recording.check().await?;
    let (recorder, _) = Recorder::start(recording, config.rules(), None);
    let page = warp::path::end().map(|| ("localhost".to_owned(), vec![(Dimension::Page, Cow::Borrowed("/"))]));
    let listed = warp::path!(String / u64).map(|site, number| (site, listed_values(number)));
    let visit = page.or(listed).unify().untuple_one();
    let record = visit.and(warp::header("x-forwarded-for")).and(warp::header("user-agent")).then(
        move |site: String, values: Vec<(Dimension, Cow<'static, str>)>, address: String, user_agent: String| {
            let recorder = recorder.clone();
            async move {
                let (Ok(site), Some(network)) = (site.parse::<SiteName>(), Network::parse_hop(&address)) else {
                    return StatusCode::BAD_REQUEST;
                };
                let visit = Visit {
                    at: Timestamp::now(),
                    site,
                    kind: VisitKind::View,
                    profile: Profile::of(&values),
                    values,
                    classification: Classification::Visitor(VisitorKey::new(network, &user_agent)),
                    network: Some(network.limited()),
                };
                match recorder.record(visit, Instant::now() + Duration::from_secs(5)).await {
                    Ok(()) => StatusCode::NO_CONTENT,
                    Err(_) => StatusCode::SERVICE_UNAVAILABLE,
                }
            }
        },
    );
    warp::serve(record).run(([127, 0, 0, 1], port)).await;
    Ok(())
}

/// One value for each dimension of a view that can have so many. Consecutive numbers have all values, and values of two dimensions
/// rarely meet again.
fn listed_values(number: u64) -> Vec<(Dimension, Cow<'static, str>)> {
    let value = |dimension: &Dimension| {
        let places = dimension.values_a_day() as u64;
        let place = (number + number / places * u64::from(dimension.number().unsigned_abs())) % places + 1;
        (*dimension, Cow::Owned(format!("/articles/of-a-usual-length/{place:03}")))
    };
    Dimension::ALL.iter().filter(|dimension| dimension.counts(false)).map(value).collect()
}
