//! A warp server whose only route records a visit and returns no page. `scripts/bench` measures the recorder with it. This example
//! is not shipped.
//!
//! usage: recorder PORT
//!
//! `DATABASE_URL` names the server.

use std::{borrow::Cow, time::Duration};

use handler::{
    clock::Clock,
    config::{Config, DatabaseConfig},
    domain::{Classification, Dimension, Network, SiteName, Visit, VisitKind, VisitorKey},
    recorder::Recorder,
    store::{Database, StatementLimits},
};
use jiff::Timestamp;
use tokio::time::Instant;
use warp::{Filter, http::StatusCode};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let port: u16 = std::env::args().nth(1).and_then(|port| port.parse().ok()).expect("usage: recorder PORT");
    let config = Config::load(&[("DATABASE_URL".to_owned(), std::env::var("DATABASE_URL")?)].into())?;
    let DatabaseConfig::Server(_) = &config.database else { anyhow::bail!("DATABASE_URL names no server") };
    let database = Database::new(&config.database, config.counting_mode(), Clock::system()).await?;
    let [recording] = database.connections([StatementLimits::FOR_REQUESTS]);
    recording.check().await?;
    let (recorder, _) = Recorder::start(recording, config.rules(), None);
    let site: SiteName = "localhost".parse()?;
    let record = warp::path::end().and(warp::header("x-forwarded-for")).and(warp::header("user-agent")).then(
        move |address: String, user_agent: String| {
            let (recorder, site) = (recorder.clone(), site.clone());
            async move {
                let network = Network::parse_hop(&address).expect("the load sends addresses");
                let visit = Visit {
                    at: Timestamp::now(),
                    site,
                    kind: VisitKind::View,
                    values: vec![(Dimension::Page, Cow::Borrowed("/"))],
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
