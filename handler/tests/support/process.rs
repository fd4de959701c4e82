//! The real binary as a process with exactly the environment that a test sets.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, AtomicU32, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    client,
    client::{Request, Response},
    database::Database,
};

/// The longest time that a test waits for an event. Only a test that hangs waits this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

const BINARY: &str = env!("CARGO_BIN_EXE_handler");

/// A free port. It lies below the ports of outgoing connections, so that no connection of another test uses it before
/// the handler.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let offset = u16::try_from(std::process::id() % 100).unwrap() * 200;
    loop {
        let port = 10_000 + (offset + NEXT.fetch_add(1, Ordering::Relaxed)) % 22_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A temporary folder for one test, removed on drop.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("footfall-test-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The environment and limits of the binary.
#[derive(Clone, Default)]
pub(crate) struct HandlerCommand {
    environment: Vec<(String, String)>,
    folder: Option<PathBuf>,
    open_files: Option<u32>,
}

impl HandlerCommand {
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn on(database: &Database) -> Self {
        Self::default().with("DATABASE_URL", &database.url())
    }

    #[cfg(feature = "embedded")]
    pub(crate) fn inside(mut self, folder: &Folder) -> Self {
        self.folder = Some(folder.path().to_owned());
        self
    }

    /// Limits the number of open files.
    pub(crate) fn with_open_files(mut self, limit: u32) -> Self {
        self.open_files = Some(limit);
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match self.open_files {
            None => Command::new(BINARY),
            Some(limit) => {
                let mut shell = Command::new("/bin/sh");
                shell.args(["-c", &format!("ulimit -n {limit} && exec \"$0\" \"$@\""), BINARY]);
                shell
            }
        };
        command.args(arguments).env_clear().envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with_input(arguments, b"")
    }

    #[expect(clippy::zombie_processes, reason = "it has been waited for as soon as it has a status")]
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Outcome {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // The command may end without reading all of it.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let reader = |mut pipe: Box<dyn Read + Send>| {
            std::thread::spawn(move || {
                let mut text = String::new();
                pipe.read_to_string(&mut text).map(|_| text)
            })
        };
        let stdout = reader(Box::new(child.stdout.take().unwrap()));
        let stderr = reader(Box::new(child.stderr.take().unwrap()));
        let began = Instant::now();
        let mut status = None;
        while status.is_none() {
            if began.elapsed() > PATIENCE {
                let _ = child.kill();
                let _ = child.wait();
                panic!("{arguments:?} did not end");
            }
            std::thread::sleep(Duration::from_millis(5));
            status = child.try_wait().unwrap();
        }
        writer.join().unwrap();
        Outcome {
            code: status.and_then(|status| status.code()),
            stdout: stdout.join().unwrap().unwrap(),
            stderr: stderr.join().unwrap().unwrap(),
        }
    }

    /// Starts a command, or (without arguments) the server, and does not wait.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Process {
        let port =
            self.environment.iter().rev().find(|(name, _)| name == PORT).map(|(_, value)| value.parse().unwrap());
        let port = port.unwrap_or_else(free_port);
        let mut child = self.command(arguments).env(PORT, port.to_string()).spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = child.stderr.take().unwrap();
        let keep = lines.clone();
        let stdout = std::thread::spawn(move || {
            let mut line = String::new();
            while stdout.read_line(&mut line).is_ok_and(|read| read > 0) {
                keep.lock().unwrap().push(std::mem::take(&mut line));
            }
        });
        let stderr = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        Process { child, port, lines, stdout: Some(stdout), stderr: Some(stderr) }
    }

    /// Starts the server and waits until it responds. The request is not for the page, which would count a visit.
    pub(crate) async fn start(&self) -> Process {
        let process = self.spawn(&[]);
        process.wait_until_answers("/health/live").await;
        process
    }
}

pub(crate) const PORT: &str = "FUNCTIONS_CUSTOMHANDLER_PORT";

/// The result of a command.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        assert_eq!(self.stderr, "");
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// A running handler. The drop kills it and checks that standard error is empty.
pub(crate) struct Process {
    child: Child,
    pub(crate) port: u16,
    lines: Arc<Mutex<Vec<String>>>,
    stdout: Option<JoinHandle<()>>,
    stderr: Option<JoinHandle<String>>,
}

impl Process {
    pub(crate) async fn send(&self, request: &Request) -> Response {
        client::send(self.port, request).await
    }

    pub(crate) async fn statistics(&self) -> Value {
        self.send(&Request::get("/api/statistics")).await.json()
    }

    /// Sends a request every 25 ms, like the Functions host, until there is a response.
    pub(crate) async fn wait_until_answers(&self, target: &str) -> Response {
        let began = Instant::now();
        let ping = Request::get(target).without_user_agent();
        loop {
            if let Ok(mut connection) = client::Connection::open(self.port).await
                && let Ok(answer) = connection.send(&ping).await
            {
                return answer;
            }
            assert!(began.elapsed() < PATIENCE, "no response; it logged {:?}", self.lines());
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// Waits until the handler can use its database.
    pub(crate) async fn wait_until_ready(&self) {
        let began = Instant::now();
        while self.send(&Request::get("/health/ready")).await.status != 200 {
            assert!(began.elapsed() < PATIENCE, "not ready; it logged {:?}", self.lines());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the process has read every byte that clients have sent. Linux lists the unread bytes of each socket.
    /// On other systems this waits for a moment.
    pub(crate) async fn wait_until_read(&self) {
        let local = format!("0100007F:{:04X}", self.port);
        let has_unread = |line: &str| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            fields.get(1) == Some(&local.as_str()) && fields[3] == "01" && !fields[4].ends_with(":00000000")
        };
        let began = Instant::now();
        loop {
            let Ok(sockets) = std::fs::read_to_string("/proc/net/tcp") else {
                return tokio::time::sleep(Duration::from_millis(300)).await;
            };
            if !sockets.lines().any(has_unread) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "the handler does not read");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// The log: each line is a JSON object.
    pub(crate) fn log(&self) -> Vec<Value> {
        self.lines()
            .iter()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
            .collect()
    }

    /// The log lines of an event until now.
    pub(crate) fn events(&self, event: &str) -> Vec<Value> {
        self.log().into_iter().filter(|line| line["event"] == event).collect()
    }

    /// Waits for a log line of an event.
    pub(crate) async fn wait_for_event(&self, event: &str) -> Vec<Value> {
        self.wait_for_events(event, 1).await
    }

    /// Waits for some log lines of an event: a response can arrive before the line that was written earlier.
    pub(crate) async fn wait_for_events(&self, event: &str, count: usize) -> Vec<Value> {
        let began = Instant::now();
        loop {
            let lines = self.events(event);
            if lines.len() >= count {
                return lines;
            }
            assert!(began.elapsed() < PATIENCE, "no {event}; it logged {:?}", self.lines());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends a signal, such as `-STOP`.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Sends SIGKILL, like the Functions host.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends SIGTERM, and waits for the end and for the last log line.
    pub(crate) async fn terminate(&mut self) -> Option<i32> {
        self.signal("-TERM");
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                if let Some(stdout) = self.stdout.take() {
                    let _ = stdout.join();
                }
                return status.code();
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the handler did not stop after SIGTERM");
    }

    /// Waits for a command's end.
    pub(crate) fn outcome(mut self) -> Outcome {
        let code = self.child.wait().unwrap().code();
        let stderr = self.drain();
        Outcome { code, stdout: self.lines().concat(), stderr }
    }

    fn drain(&mut self) -> String {
        if let Some(stdout) = self.stdout.take() {
            let _ = stdout.join();
        }
        self.stderr.take().map_or(String::new(), |stderr| stderr.join().unwrap_or_default())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        let stderr = self.drain();
        if std::thread::panicking() {
            eprintln!("the handler logged:\n{}{stderr}", self.lines().concat());
        } else {
            assert_eq!(stderr, "", "the Functions host takes standard error for failures");
        }
    }
}
