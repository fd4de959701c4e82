//! `PgBouncer` in front of the server of the tests.

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
fn program() -> Option<&'static str> {
    let paths = ["pgbouncer", "/usr/sbin/pgbouncer", "/opt/homebrew/bin/pgbouncer"];
    let runs = |path: &&str| Command::new(path).arg("--version").stdout(Stdio::null()).status().is_ok();
    paths.into_iter().find(runs)
}

pub(crate) fn is_installed() -> bool {
    program().is_some()
}

fn command() -> Command {
    Command::new(program().expect("install PgBouncer, for example by scripts/test"))
}

/// Whether this version can keep prepared statements between transactions: 1.21 or newer.
pub(crate) fn can_keep_statements() -> bool {
    let version = String::from_utf8(command().arg("--version").output().unwrap().stdout).unwrap();
    let number = version.split_whitespace().nth(1).unwrap().to_owned();
    let numbers: Vec<u32> = number.split('.').filter_map(|part| part.parse().ok()).collect();
    numbers >= vec![1, 21]
}

pub(crate) struct PgBouncer {
    child: Child,
    port: u16,
    folder: Folder,
}

impl PgBouncer {
    /// Starts with its own defaults, apart from these lines of its settings.
    pub(crate) fn start(database: &Database, settings: &[&str]) -> Self {
        let ((host, server_port), port, folder) = (database.server_address(), free_port(), Folder::new());
        let role = database.options().get_username().to_owned();
        let lines = [
            "[databases]".to_owned(),
            format!("* = host={host} port={server_port} user={role}"),
            "[pgbouncer]".to_owned(),
            format!("listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any"),
            settings.join("\n"),
        ];
        folder.write(SETTINGS, lines.join("\n"));
        Self { child: spawn(&folder, port), port, folder }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// A handler behind the pooler.
    pub(crate) fn handler(&self, database: &Database) -> HandlerCommand {
        HandlerCommand::default().with("DATABASE_URL", &database.url_by_port(self.port))
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts again after `kill`, on the same port.
    pub(crate) fn start_again(&mut self) {
        self.child = spawn(&self.folder, self.port);
    }
}

const SETTINGS: &str = "pgbouncer.ini";

/// Starts the program and waits until it listens.
fn spawn(folder: &Folder, port: u16) -> Child {
    let mut command = command();
    // PgBouncer does not run as root. This process owns the folder.
    if std::fs::metadata(folder.path()).unwrap().uid() == 0 {
        command.args(["--user", "nobody"]);
    }
    let file = folder.path().join(SETTINGS);
    let child = command.arg(file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(began.elapsed() < PATIENCE, "PgBouncer does not listen");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.kill();
    }
}
