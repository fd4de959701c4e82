//! Opening connections: the check of the schema.

use std::sync::Arc;

use handler::{
    clock::Clock,
    config::Config,
    store::{self, Connection, StatementLimits},
};

use crate::{cable::Cable, client::visitor, database::Database, host::Host, process::HandlerCommand};

/// A connection inside the test, through a port of this machine.
async fn connection(database: &Database, port: u16) -> Arc<Connection> {
    let environment = [("DATABASE_URL".to_owned(), database.url_by_port(port))].into();
    let config = Config::load(&environment).unwrap();
    let store = store::Database::new(&config.database, config.counting_mode(), Clock::system()).await.unwrap();
    let [connection] = store.connections([StatementLimits::FOR_REQUESTS]);
    connection
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
        for nth in 1.. {
            let database = if is_empty { Database::create_without_schema().await } else { Database::create().await };
            let cable = Cable::to(&database).await;
            let connection = connection(&database, cable.port()).await;
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
