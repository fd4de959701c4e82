//! Opening connections: the check of the schema, the renewal at the end of a connection's lifetime, and what stays known.

use std::{
    borrow::Cow,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use handler::{
    clock::Clock,
    config::Config,
    domain::{Classification, Dimension, Network, Visit, VisitKind, VisitorKey, cells::Profile},
    recorder::Recorder,
    store::{self, CONNECTION_LIFETIME, Connection, StatementLimits},
};

use crate::{
    cable::Cable,
    client::{reported_view, visitor},
    database::Database,
    host::Host,
    process::{HandlerCommand, PATIENCE},
};

/// Every checkout renews the connection.
const NO_LIFETIME: Duration = Duration::ZERO;

fn config(database: &Database, port: u16) -> Config {
    Config::load(&[("DATABASE_URL".to_owned(), database.url_by_port(port))].into()).unwrap()
}

/// A connection inside the test, through a port of this machine.
async fn connection(database: &Database, port: u16, lifetime: Duration) -> Arc<Connection> {
    let config = config(database, port);
    let store = store::Database::new(&config.database, config.counting_mode(), Clock::system()).await.unwrap();
    let [connection] = store.connections_that_last(lifetime, [StatementLimits::FOR_REQUESTS]);
    connection
}

/// The number of the knowledge that callers may have cached.
async fn generation(connection: &Connection) -> u64 {
    let checkout = connection.checkout().await.unwrap();
    let generation = checkout.generation();
    checkout.release(Ok(())).unwrap();
    generation
}

/// Uses a connection until the condition holds. Each use succeeds.
async fn use_until(connection: &Connection, is_true: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !is_true().await {
        connection.check().await.unwrap();
        assert!(began.elapsed() < PATIENCE, "waited in vain");
    }
}

#[tokio::test]
async fn a_connection_that_falls_silent_in_the_check_of_the_schema_is_replaced_like_a_lost_login() {
    let database = Database::create().await;
    let cable = Cable::to(&database).await;
    cable.hold_request_with("_sqlx_migrations");
    let host = Host::on(&database).with("DATABASE_URL", &database.url_by_port(cable.port())).start().await;
    cable.wait_until_a_request_is_held().await;
    // The limit of a migration is so long that all visits would get 503 meanwhile.
    let lost = host.process.wait_for_event("database_lost").await;
    assert_eq!(lost[0]["sqlstate"], "setting up timed out");
    host.process.wait_until_ready().await;
    assert_eq!(host.send(&visitor(1)).await.status, 200);
}

#[tokio::test]
async fn a_message_lost_at_any_place_of_the_opening_fails_one_attempt_only() {
    for is_empty in [false, true] {
        let mut lost = 0;
        let database = Database::create().await;
        // A migration has many more messages, so only some of them are lost.
        for nth in (1..).step_by(if is_empty { 7 } else { 1 }) {
            if is_empty {
                database.execute("drop schema public cascade; create schema public").await;
            }
            let cable = Cable::to(&database).await;
            let connection = connection(&database, cable.port(), CONNECTION_LIFETIME).await;
            if nth % 2 == 0 {
                cable.lose_request(nth / 2);
            } else {
                cable.lose_response(nth / 2 + 1);
            }
            let first = connection.check().await;
            cable.mend();
            connection.check().await.unwrap();
            assert_eq!(database.number("select count(*) from _sqlx_migrations").await, 1, "{nth}");
            if first.is_ok() {
                break;
            }
            lost += 1;
        }
        assert!(lost >= 4, "only {lost} messages were lost");
    }
}

#[tokio::test]
async fn a_schema_of_other_migrations_is_rejected_and_a_newer_schema_is_not() {
    let database = Database::create().await;
    let migrate = || HandlerCommand::on(&database).run(&["migrate"]);
    database
        .execute("insert into _sqlx_migrations select 9999, 'newer', now(), true, checksum, 0 from _sqlx_migrations")
        .await;
    assert_eq!(migrate().code, Some(0));
    database.execute("update _sqlx_migrations set checksum = '\\x00' where version = 1").await;
    let outcome = migrate();
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stderr.contains("the schema was created by other migrations"), "{outcome:?}");
    // The set-up of a session needs these tables, too.
    database.execute("drop table setting, tally").await;
    let outcome = migrate();
    assert!(outcome.stderr.contains("the schema was created by other migrations"), "{outcome:?}");
}

#[tokio::test]
async fn both_connections_are_open_before_the_first_request() {
    let database = Database::create().await;
    let cable = Cable::to(&database).await;
    let host = Host::on(&database).with("DATABASE_URL", &database.url_by_port(cable.port())).start().await;
    host.process.wait_for_event("database_ready").await;
    assert_eq!(cable.opened(), 2);
    assert_eq!(host.send(&visitor(1)).await.status, 200);
    assert_eq!(cable.opened(), 2);
}

#[tokio::test]
async fn a_connection_serves_until_its_successor_is_open() {
    let database = Database::create().await;
    let cable = Cable::to(&database).await;
    let young = connection(&database, cable.port(), CONNECTION_LIFETIME).await;
    for _ in 0..5 {
        young.check().await.unwrap();
    }
    assert_eq!(cable.opened(), 1);
    drop(young);
    database.wait_until_alone().await;

    let old = connection(&database, cable.port(), NO_LIFETIME).await;
    old.check().await.unwrap();
    let first = database.backends().await;
    cable.hold_request_with("_sqlx_migrations");
    use_until(&old, async || cable.wait_until_a_request_is_held().now_or_never().is_some()).await;
    for _ in 0..5 {
        old.check().await.unwrap();
    }
    assert!(database.backends().await.contains(&first[0]));
    assert_eq!(cable.opened(), 3, "only one successor is opened at a time");
    cable.release_request();
    use_until(&old, async || !database.backends().await.contains(&first[0])).await;
    assert_eq!(generation(&old).await, 1);
    assert!(CONNECTION_LIFETIME <= Duration::from_mins(30), "the server checks a token only at login");
}

#[tokio::test]
async fn a_connection_whose_successor_fails_stays_in_use_until_another_one_is_open() {
    let database = Database::create().await;
    let renewing = connection(&database, database.options().get_port(), NO_LIFETIME).await;
    renewing.check().await.unwrap();
    let first = database.backends().await;
    // Without this table no session can be set up.
    database.execute("alter table setting rename to renamed").await;
    for _ in 0..100 {
        renewing.check().await.unwrap();
        tokio::task::yield_now().await;
    }
    assert!(database.backends().await.contains(&first[0]));
    database.execute("alter table renamed rename to setting").await;
    use_until(&renewing, async || !database.backends().await.contains(&first[0])).await;
    assert_eq!(generation(&renewing).await, 1);
}

#[tokio::test]
async fn only_another_server_or_a_restart_ends_what_is_known() {
    let database = Database::create().await;
    let [lasting, renewing] = [CONNECTION_LIFETIME, NO_LIFETIME]
        .map(|lifetime| connection(&database, database.options().get_port(), lifetime));
    let (lasting, renewing) = (lasting.await, renewing.await);
    assert_eq!((generation(&lasting).await, generation(&renewing).await), (1, 1));
    // The same server again.
    database.disconnect().await;
    while lasting.check().await.is_err() || renewing.check().await.is_err() {}
    assert_eq!((generation(&lasting).await, generation(&renewing).await), (1, 1));
    database.change_server().await;
    use_until(&renewing, async || generation(&renewing).await == 2).await;
    assert_eq!(generation(&lasting).await, 1, "its session is still that of the old server");
    database.disconnect().await;
    while lasting.check().await.is_err() {}
    assert_eq!(generation(&lasting).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renewing_under_load_refuses_no_visit_and_forgets_nothing() {
    const RENEWALS: u64 = 20;
    let database = Database::create().await;
    let cable = Cable::to(&database).await;
    let config = config(&database, cable.port());
    let recording = connection(&database, cable.port(), NO_LIFETIME).await;
    let (recorder, _) = Recorder::start(recording.clone(), config.rules(), None);
    let mut visits = 0_i64;
    while cable.opened() <= RENEWALS {
        let batch = (0..20).map(|number| {
            let client = VisitorKey::new(Network::of([192, 0, 2, number].into()), "Browser");
            let visit = Visit {
                at: Clock::system().now(),
                site: config.sites[0].clone(),
                kind: VisitKind::View,
                values: vec![(Dimension::Page, Cow::Borrowed("/"))],
                profile: Profile::default(),
                network: Some(client.network().limited()),
                classification: Classification::Visitor(client),
            };
            recorder.record(visit, tokio::time::Instant::now() + PATIENCE)
        });
        for outcome in futures_util::future::join_all(batch).await {
            outcome.unwrap();
            visits += 1;
        }
    }
    assert_eq!(database.visitors_and_views("localhost").await, [(20, visits)]);
    assert_eq!(generation(&recording).await, 1);
    database.assert_sound().await;
}

/// A cold instance through a cable. Both connections are open and unused.
async fn cold(database: &Database) -> (Cable, Host) {
    let cable = Cable::to(database).await;
    let host = Host::on(database).with("DATABASE_URL", &database.url_by_port(cable.port())).start().await;
    host.process.wait_for_event("database_ready").await;
    (cable, host)
}

/// Round trips decide how long the first visitor of a cold instance waits.
#[tokio::test]
async fn a_cold_instance_needs_few_round_trips_to_its_first_commit_and_its_first_page() {
    let database = Database::create().await;
    // The second time, the database has the site, its salts and its values.
    for _ in 0..2 {
        let (cable, host) = cold(&database).await;
        let opening = cable.round_trips();
        assert_eq!(host.send(&reported_view(1)).await.status, 204);
        let [recorder, reader] = cable.round_trips()[..] else { panic!("{:?}", cable.round_trips()) };
        assert!(recorder <= 12 && reader == opening[1], "{recorder} to the first commit, {reader} of the reader");

        let (cable, host) = cold(&database).await;
        assert_eq!(host.send(&visitor(1)).await.status, 200);
        let [recorder, reader] = cable.round_trips()[..] else { panic!("{:?}", cable.round_trips()) };
        // Both connections open at the same time, and the reader reads after the commit.
        let page = recorder + reader - opening[1];
        assert!(page <= 15, "{recorder} of the recorder and {reader} of the reader to the first page");
    }
}

#[tokio::test]
async fn keys_that_are_deleted_while_they_are_opened_are_opened_again() {
    let meanwhile = [("salt", "delete from network_key"), ("network_key", "update site set name = null")];
    for (table, statement) in meanwhile {
        let database = Database::create().await;
        // The function has found or created the row, and has not returned it yet.
        let interfere = format!(
            "create sequence interference; create function interfere() returns trigger language plpgsql as $$ begin \
             if nextval('interference') = 1 then {statement}; end if; return new; end $$; \
             create trigger interfere after insert on {table} for each row execute function interfere()"
        );
        database.execute(&interfere).await;
        let host = Host::start(&database).await;
        assert_eq!(host.send(&visitor(1)).await.status, 200, "{statement}");
        assert_eq!(database.number("select count(*) from interference where is_called").await, 1, "{statement}");
        assert_eq!((database.visitors_today().await, database.pageviews().await), (1, 1), "{statement}");
    }
}
