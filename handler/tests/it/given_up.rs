//! A visit that got a 503 before anything of it was sent to the database is not counted later.
//!
//! The recorder runs inside the test, because its callers choose how long they wait.

use std::{borrow::Cow, time::Duration};

use handler::{
    clock::Clock,
    config::Config,
    domain::{Classification, Dimension, Network, Visit, VisitKind, VisitorKey, cells::Profile},
    recorder::Recorder,
    store::{self, StatementLimits},
};
use tokio::time::Instant;

use crate::{cable::Cable, database::Database, process::PATIENCE};

#[tokio::test]
async fn a_visit_that_was_given_up_while_the_database_was_away_is_not_counted_later() {
    let database = Database::create().await;
    let cable = Cable::to(&database).await;
    let config = Config::load(&[("DATABASE_URL".to_owned(), database.url_by_port(cable.port()))].into()).unwrap();
    let clock = Clock::system();
    let store = store::Database::new(&config.database, config.counting_mode(), clock.clone()).await.unwrap();
    let [recording] = store.connections([StatementLimits::FOR_REQUESTS]);
    let (recorder, _) = Recorder::start(recording, config.rules(), None);
    let visit = |number: u8| {
        let network = Network::of([192, 0, 2, number].into());
        Visit {
            at: clock.now(),
            site: config.sites[0].clone(),
            kind: VisitKind::View,
            values: vec![(Dimension::Page, Cow::Borrowed("/"))],
            profile: Profile::default(),
            classification: Classification::Visitor(VisitorKey::new(network, "Browser")),
            network: Some(network.limited()),
        }
    };
    recorder.record(visit(1), Instant::now() + PATIENCE).await.unwrap();
    cable.cut();
    // The open connection takes this visit, whose outcome stays unknown. Later visits find no connection.
    let first = recorder.record(visit(9), Instant::now() + Duration::from_millis(500)).await;
    assert!(first.is_err(), "{first:?}");
    // Both are in one batch, because they are sent at once.
    let impatient = recorder.record(visit(2), Instant::now() + Duration::from_millis(500));
    let patient = recorder.record(visit(3), Instant::now() + PATIENCE);
    let mend_after_the_first = async {
        let outcome = impatient.await;
        cable.mend();
        outcome
    };
    let (impatient, patient) = tokio::join!(mend_after_the_first, patient);
    assert!(impatient.is_err() && patient.is_ok(), "{impatient:?} and {patient:?}");
    assert_eq!(database.visitors_and_views("localhost").await, [(2, 2)]);
    database.assert_sound().await;
}
