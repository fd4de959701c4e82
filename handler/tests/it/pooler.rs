//! Poolers between the handler and the server: `PgBouncer` with its own defaults.

use std::{
    net::TcpStream,
    os::unix::fs::MetadataExt,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    database::Database,
    process::{Folder, HandlerCommand, PATIENCE, free_port},
};

/// The program, which Debian installs outside of the path of users.
fn command() -> Command {
    let paths = ["pgbouncer", "/usr/sbin/pgbouncer", "/opt/homebrew/bin/pgbouncer"];
    let runs = |path: &&str| Command::new(path).arg("--version").stdout(Stdio::null()).status().is_ok();
    Command::new(paths.into_iter().find(runs).expect("install PgBouncer, for example by scripts/test"))
}

/// Whether this version can keep prepared statements between transactions: 1.21 or newer.
fn can_keep_statements() -> bool {
    let version = String::from_utf8(command().arg("--version").output().unwrap().stdout).unwrap();
    let number = version.split_whitespace().nth(1).unwrap().to_owned();
    let numbers: Vec<u32> = number.split('.').filter_map(|part| part.parse().ok()).collect();
    numbers >= vec![1, 21]
}

/// A running `PgBouncer` in front of the server of the tests.
struct PgBouncer {
    child: Child,
    port: u16,
    _folder: Folder,
}

impl PgBouncer {
    fn start(database: &Database, settings: &[&str]) -> Self {
        let ((host, server_port), port, folder) = (database.server_address(), free_port(), Folder::new());
        let role = database.options().get_username().to_owned();
        let lines = [
            "[databases]".to_owned(),
            format!("* = host={host} port={server_port} user={role}"),
            "[pgbouncer]".to_owned(),
            format!("listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any"),
            settings.join("\n"),
        ];
        let file = folder.write("pgbouncer.ini", lines.join("\n"));
        let mut command = command();
        // PgBouncer does not run as root. This process owns the folder.
        if std::fs::metadata(folder.path()).unwrap().uid() == 0 {
            command.args(["--user", "nobody"]);
        }
        let child = command.arg(file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let (pooler, began) = (Self { child, port, _folder: folder }, Instant::now());
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < PATIENCE, "PgBouncer does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
        pooler
    }

    fn handler(&self, database: &Database) -> HandlerCommand {
        HandlerCommand::default().with("DATABASE_URL", &database.url_by_port(self.port))
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

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
        let place = format!("{} at 127.0.0.1:{}", database.name(), pooler.port);
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
        modes.push("pool_mode = transaction\\nmax_prepared_statements = 200");
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
    let parameter = format!("{}?options[jit]=off", database.url_by_port(pooler.port));
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
