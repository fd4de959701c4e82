//! A `PostgreSQL` server that only this process uses, so that it can be stopped, killed and filled. `scripts/faults`
//! starts it through `scripts/with-postgres`, which names its `pg_ctl` in `POSTGRES_CONTROL`. The workers of a cluster
//! (`scripts/with-citus`) are such servers, too.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use sqlx::{Connection, PgConnection};

use crate::{database::Database, process::PATIENCE};

/// The size to which files are limited if the disk cannot be filled.
const LARGEST_FILE: u64 = 65_536;

/// The space that a full disk has left. It is too small for a file of the write-ahead log.
const LEFT_FREE: u64 = 262_144;

/// A soft limit that the server is started with.
const UNLIMITED: &str = "unlimited";

pub(crate) struct OwnServer {
    control: PathBuf,
    /// Its place among the nodes of the cluster. The coordinator, or the only server, is 0.
    node: usize,
    /// Whether the server has a disk of its own, which can be filled.
    has_disk: bool,
}

impl OwnServer {
    /// The servers that the environment names: the coordinator, or the only server, and then the workers. Empty if other
    /// processes use them, too.
    pub(crate) fn of_this_process() -> Vec<Self> {
        if std::env::var_os("FAULTS_SERVER").is_none() {
            return Vec::new();
        }
        let controls = ["POSTGRES_CONTROL", "CITUS_CONTROLS"].map(|name| std::env::var(name).unwrap_or_default());
        let has_disk = std::env::var_os("POSTGRES_DISK").is_some();
        let controls = controls.iter().flat_map(|controls| controls.split_whitespace());
        controls.enumerate().map(|(node, control)| Self { control: control.into(), node, has_disk }).collect()
    }

    pub(crate) fn has_disk(&self) -> bool {
        self.has_disk
    }

    fn folder(&self) -> &Path {
        self.control.parent().unwrap()
    }

    /// Runs `pg_ctl`. The server keeps the descriptors of its parent, so none may be a pipe.
    fn control(&self, arguments: &[&str]) -> bool {
        let mut command = Command::new(&self.control);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().unwrap().success()
    }

    /// Stops without a checkpoint, so that the next start recovers from the log.
    pub(crate) fn stop(&self) {
        self.control(&["-m", "immediate", "stop"]);
    }

    /// Starts with the options of the first start, and waits until it accepts connections.
    pub(crate) fn start(&self) {
        let began = Instant::now();
        while !self.control(&["restart"]) {
            assert!(began.elapsed() < PATIENCE, "the server does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn postmaster(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.folder().join("data/postmaster.pid")).ok()?;
        let id = text.lines().next()?.to_owned();
        Path::new("/proc").join(&id).exists().then_some(id)
    }

    /// The processes of the server, its parent first.
    fn processes(&self) -> Vec<String> {
        let Some(parent) = self.postmaster() else { return Vec::new() };
        let children = Command::new("ps").args(["-o", "pid=", "--ppid", &parent]).output().unwrap().stdout;
        let children = String::from_utf8(children).unwrap();
        [parent].into_iter().chain(children.split_whitespace().map(str::to_owned)).collect()
    }

    /// Sends a signal to all processes. The parent gets it first, so that it starts no other process.
    fn signal(&self, signal: &str) {
        for id in self.postmaster().into_iter().chain(self.processes()) {
            send(signal, &id);
        }
    }

    pub(crate) fn kill(&self) {
        self.signal("-KILL");
        let began = Instant::now();
        while self.postmaster().is_some() {
            assert!(began.elapsed() < PATIENCE, "the server survives SIGKILL");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Kills the process of one session. The server then ends all sessions, and recovers.
    pub(crate) async fn kill_backend(&self, id: &str, database: &Database) {
        let mut witness = database.connect().await;
        send("-KILL", id);
        let began = Instant::now();
        while witness.ping().await.is_ok() {
            assert!(began.elapsed() < PATIENCE, "the server survives the end of a backend");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.wait_until_accepting(database).await;
    }

    /// Makes writes fail: fills the disk of the server, or limits the size of its files if it has no disk of its own.
    pub(crate) fn fill_disk(&self) {
        if self.has_disk {
            // A file of the server may grow meanwhile, and then less is free.
            while !self.fill_free_space() {}
        } else {
            self.limit_files(&LARGEST_FILE.to_string());
        }
    }

    /// Makes writes succeed again. The server may have ended.
    pub(crate) fn empty_disk(&self) {
        if self.has_disk {
            let _ = std::fs::remove_file(self.ballast());
        } else {
            self.limit_files(UNLIMITED);
        }
    }

    /// Allocates a file of nearly all free space. Returns false if the space is not free any more.
    fn fill_free_space(&self) -> bool {
        let free = Command::new("df").args(["--output=avail", "-B1"]).arg(self.folder()).output().unwrap().stdout;
        let free: u64 = String::from_utf8(free).unwrap().lines().last().unwrap().trim().parse().unwrap();
        let length = free.saturating_sub(LEFT_FREE).max(1).to_string();
        let mut fill = Command::new("fallocate");
        fill.args(["--length", &length]).arg(self.ballast()).stderr(Stdio::null()).status().unwrap().success()
    }

    fn ballast(&self) -> PathBuf {
        self.folder().join("ballast")
    }

    fn limit_files(&self, limit: &str) {
        for id in self.processes() {
            let mut set = Command::new("prlimit");
            let _ = set.args(["--pid", &id, &format!("--fsize={limit}:")]).stderr(Stdio::null()).status().unwrap();
        }
    }

    /// Waits until it accepts connections, and starts it if it has ended. Of a cluster, this is one node.
    pub(crate) async fn wait_until_accepting(&self, database: &Database) {
        let began = Instant::now();
        loop {
            if self.postmaster().is_none() {
                self.start();
            }
            // A server that recovers rejects the login.
            if let Ok(connection) = PgConnection::connect_with(&database.options_on(self.node)).await {
                let _ = connection.close().await;
                return;
            }
            assert!(began.elapsed() < PATIENCE, "the server does not accept connections");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Sends a signal to a process, which may have ended.
fn send(signal: &str, id: &str) {
    let _ = Command::new("kill").args([signal, id]).stderr(Stdio::null()).status().unwrap();
}
