//! Poolers between the handler and the server.

use crate::{
    database::Database,
    pgbouncer::{PgBouncer, can_keep_statements},
    process::HandlerCommand,
};

#[tokio::test]
async fn doctor_reports_a_pooler_that_loses_prepared_statements() {
    let database = Database::create().await;
    let mut settings = vec!["pool_mode = transaction"];
    if can_keep_statements() {
        settings.push("max_prepared_statements = 0");
    }
    let pooler = PgBouncer::start(&database, &settings);
    // At first the sessions of the pool are new, and then they have statements.
    for run in 0..4 {
        let outcome = pooler.handler(&database).run(&["doctor"]);
        assert_eq!(outcome.code, Some(1), "{run}: {outcome:?}");
        let line = outcome.stdout.lines().find(|line| line.starts_with("✗ pooler")).unwrap_or_default();
        let place = format!("{} at 127.0.0.1:{}", database.name(), pooler.port());
        for part in [&*place, "PgBouncer", "max_prepared_statements above 0", "pool_mode = session"] {
            assert!(line.contains(part), "{run}: {part}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn doctor_accepts_a_pooler_that_keeps_prepared_statements() {
    let database = Database::create().await;
    let mut modes = vec!["pool_mode = session"];
    if can_keep_statements() {
        modes.push("pool_mode = transaction\nmax_prepared_statements = 200");
    }
    for mode in modes {
        let pooler = PgBouncer::start(&database, &[mode]);
        for run in 0..3 {
            let outcome = pooler.handler(&database).run(&["doctor"]);
            assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{mode}, {run}: {outcome:?}");
            assert!(!outcome.stdout.contains("pooler"), "{mode}, {run}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn doctor_names_a_pooler_that_rejects_transactions_or_the_login() {
    let database = Database::create().await;
    let pooler = PgBouncer::start(&database, &["pool_mode = statement"]);
    // A parameter of the login.
    let parameter = format!("{}?options[jit]=off", database.url_by_port(pooler.port()));
    for (handler, problem) in [
        (pooler.handler(&database), "allows no transactions"),
        (HandlerCommand::default().with("DATABASE_URL", &parameter), "rejected the login"),
    ] {
        let outcome = handler.run(&["doctor"]);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        let line = outcome.stdout.lines().find(|line| line.starts_with("✗ pooler")).unwrap_or_default();
        assert!(line.contains("PgBouncer") && line.contains(problem), "{outcome:?}");
    }
}
