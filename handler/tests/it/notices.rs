//! Notices to one address: the summary of a week and an alert about a spike, with a receiver that refuses, stalls and is late.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    database::Database,
    host::{Host, HostCommand},
    process::{HandlerCommand, free_port},
};

/// The reply of the receiver to a request.
#[derive(Clone, Copy)]
enum Reply {
    Status(u16),
    /// Accepts, after this time.
    Late(Duration),
    /// Never responds.
    Stall,
}

/// A web server that notes each request.
struct Receiver {
    port: u16,
    state: Arc<Mutex<(Reply, Vec<String>)>>,
}

impl Receiver {
    async fn start(reply: Reply) -> Self {
        Self::start_at(0, reply).await
    }

    async fn start_at(port: u16, reply: Reply) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new((reply, Vec::new())));
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(receive(stream, shared.clone()));
            }
        });
        Self { port, state }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/services/hunter2?key=hunter3", self.port)
    }

    fn reply(&self, reply: Reply) {
        self.state.lock().unwrap().0 = reply;
    }

    /// Head and body of each request.
    fn requests(&self) -> Vec<(String, String)> {
        let split = |request: &String| {
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            (head.to_owned(), body.to_owned())
        };
        self.state.lock().unwrap().1.iter().map(split).collect()
    }

    fn texts(&self) -> Vec<String> {
        let text = |(_, body): (String, String)| {
            let message: Value = serde_json::from_str(&body).unwrap();
            message["text"].as_str().unwrap().to_owned()
        };
        self.requests().into_iter().map(text).collect()
    }
}

async fn receive(mut stream: TcpStream, state: Arc<Mutex<(Reply, Vec<String>)>>) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .to_lowercase()
                .split_once("content-length: ")
                .map_or(0, |(_, rest)| rest.lines().next().unwrap().trim().parse::<usize>().unwrap());
            if body.len() >= length {
                break;
            }
        }
        match stream.read(&mut buffer).await {
            // A probe connects and sends nothing.
            Ok(0) | Err(_) => return,
            Ok(read) => request.extend_from_slice(&buffer[..read]),
        }
    }
    let reply = {
        let mut state = state.lock().unwrap();
        state.1.push(String::from_utf8(request).unwrap());
        state.0
    };
    let status = match reply {
        Reply::Status(status) => status,
        Reply::Late(delay) => {
            tokio::time::sleep(delay).await;
            204
        }
        Reply::Stall => return tokio::time::sleep(Duration::from_secs(600)).await,
    };
    let _ = stream.write_all(format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n").as_bytes()).await;
}

/// A database whose clock shows Wednesday 2026-11-25 14:20 UTC, with a view of last week for each site.
async fn in_november() -> Database {
    let database = Database::create().await;
    HandlerCommand::on(&database).run(&["migrate"]);
    database
        .execute(
            "create table began as select clock_timestamp() as at; \
             create or replace function database_clock() returns timestamptz language sql volatile as \
             $$ select timestamptz '2026-11-25 14:20:00+00' + (clock_timestamp() - (select at from began)) $$; \
             insert into site (name) values ('localhost'), ('example.com'); \
             insert into tally (site, day, dimension, value, pageviews, visitors) \
             select site, day - date '1970-01-01', dimension, value, pageviews, array[visitors] from (values \
                 (1, date '2026-11-18', 0, '', 7, 3), (2, date '2026-11-16', 0, '', 40, 20), (2, date '2026-11-22', 0, '', 8, 4), \
                 (2, date '2026-11-22', 1, '/prices', 8, 4), (2, date '2026-11-22', 2, 'news.example', 8, 3), \
                 (2, date '2026-11-10', 0, '', 60, 12), (2, date '2026-11-01', 0, '', 1, 1), (2, date '2026-11-25', 0, '', 1, 1) \
             ) as row (site, day, dimension, value, pageviews, visitors)",
        )
        .await;
    database
}

fn host(database: &Database, receiver: &str) -> HostCommand {
    Host::on(database).with("FOOTFALL_SITES", "example.com").with("FOOTFALL_WEBHOOK", receiver)
}

async fn started(command: HostCommand) -> Host {
    let host = command.start().await;
    host.process.wait_until_ready().await;
    host
}

/// Whether a line of the log has a part of the address.
fn leaks(host: &Host) -> bool {
    let log = host.process.lines().concat();
    ["hunter2", "hunter3", "/services"].iter().any(|part| log.contains(part))
}

#[tokio::test]
async fn the_summary_of_a_week_is_sent_once_by_several_instances() {
    let database = in_november().await;
    let receiver = Receiver::start(Reply::Status(200)).await;
    let hosts = [started(host(&database, &receiver.url())).await, started(host(&database, &receiver.url())).await];
    let [one, two] = &hosts;
    for _ in 0..3 {
        tokio::join!(one.fire("function-maintenance"), two.fire("function-maintenance"));
    }
    let texts = receiver.texts();
    assert_eq!(texts.len(), 1, "{texts:?}");
    let lines: Vec<&str> = texts[0].lines().collect();
    assert_eq!(lines[0], "Footfall, 2026-11-16 to 2026-11-22");
    assert_eq!(
        lines[1],
        "example.com: 24 visitors (+100 %), 48 pageviews (-20 %). Most visited: /prices (4). Most from: news.example (3)."
    );
    assert_eq!(lines[2], "localhost: 3 visitors, 7 pageviews.");
    assert!(lines[3].ends_with("/?period=last_week") && lines.len() == 4, "{lines:?}");
    let (head, _) = &receiver.requests()[0];
    assert!(head.starts_with("POST /services/hunter2?key=hunter3 HTTP/1.1\r\n"), "{head}");
    assert!(head.to_lowercase().contains("\r\ncontent-type: application/json"), "{head}");
    // The next week has its own summary, and a week without views has none.
    database.execute("update began set at = at - interval '7 days'").await;
    for host in &hosts {
        host.maintain().await;
    }
    assert_eq!(receiver.texts().len(), 2);
    database.execute("update began set at = at - interval '14 days'").await;
    for host in &hosts {
        host.maintain().await;
    }
    assert_eq!(receiver.texts().len(), 2);
    assert!(hosts.iter().all(|host| !leaks(host)));
}

#[tokio::test]
async fn the_summary_of_many_sites_has_those_with_the_most_pageviews() {
    let database = in_november().await;
    database
        .execute(
            "insert into site (name) select 'site-' || number || '.example' from generate_series(1, 25) as number; \
             insert into tally (site, day, dimension, value, pageviews, visitors) \
             select id, date '2026-11-17' - date '1970-01-01', 0, '', substring(name from '[0-9]+')::integer, '{1}' \
             from site where name like 'site-%'",
        )
        .await;
    let receiver = Receiver::start(Reply::Status(200)).await;
    let names: Vec<String> = (1..=25).map(|number| format!("site-{number}.example")).collect();
    let host = host(&database, &receiver.url()).with("FOOTFALL_SITES", &format!("example.com,{}", names.join(",")));
    started(host).await.maintain().await;
    let texts = receiver.texts();
    let lines: Vec<&str> = texts[0].lines().collect();
    assert!(lines[1].starts_with("example.com: 24 visitors"), "{lines:?}");
    assert!(lines[2].starts_with("site-25.example: "), "{lines:?}");
    assert!(lines[20].starts_with("site-7.example: "), "{lines:?}");
    assert_eq!((lines[21], lines.len()), ("7 more sites", 23));
}

#[tokio::test]
async fn a_failed_notice_is_retried_by_the_next_runs_and_given_up() {
    let database = in_november().await;
    let receiver = Receiver::start(Reply::Status(500)).await;
    let host = started(host(&database, &receiver.url())).await;
    for _ in 0..2 {
        host.maintain().await;
    }
    assert_eq!(receiver.requests().len(), 2);
    let failed = host.process.wait_for_events("notice_failed", 2).await;
    assert_eq!((failed.len(), &failed[1]["kind"], &failed[1]["attempt"]), (2, &"week".into(), &2.into()));
    assert!(failed[0]["message"].as_str().unwrap().contains("500"), "{failed:?}");
    // A redirect accepts nothing.
    receiver.reply(Reply::Status(302));
    for _ in 0..6 {
        host.maintain().await;
    }
    assert_eq!(receiver.requests().len(), 5, "attempts are bounded");
    assert!(!leaks(&host));
}

#[tokio::test]
async fn a_refused_notice_arrives_when_the_receiver_is_back() {
    let database = in_november().await;
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}/services/hunter2");
    let host = started(host(&database, &url)).await;
    host.maintain().await;
    assert_eq!(host.process.wait_for_event("notice_failed").await.len(), 1);
    let receiver = Receiver::start_at(port, Reply::Status(200)).await;
    host.maintain().await;
    host.maintain().await;
    assert_eq!(receiver.texts().len(), 1);
    assert!(!leaks(&host));
}

#[tokio::test]
async fn a_receiver_that_stalls_ends_the_attempt_and_one_that_is_late_gets_one_notice() {
    let database = in_november().await;
    let receiver = Receiver::start(Reply::Stall).await;
    let host = started(host(&database, &receiver.url())).await;
    // The timer's function responds although the receiver never does.
    host.maintain().await;
    let failed = host.process.wait_for_event("notice_failed").await;
    assert!(failed[0]["message"].as_str().unwrap().contains("no response within"), "{failed:?}");
    receiver.reply(Reply::Late(Duration::from_secs(2)));
    host.maintain().await;
    host.maintain().await;
    assert_eq!(receiver.requests().len(), 2);
    assert_eq!(host.process.wait_for_event("notice").await.len(), 1);
    assert!(!leaks(&host));
}

#[tokio::test]
async fn a_spike_is_reported_once_a_day() {
    let database = in_november().await;
    // The hour from 13:00 today, and in the last weeks.
    database
        .execute(
            "insert into tally (site, day, dimension, value, pageviews, visitors) \
             select site, date '2026-11-25' - 7 * weeks - date '1970-01-01', 10, '13', pageviews, array[1] from (values \
                 (1, 0, 299), (1, 1, 100), (2, 0, 300), (2, 1, 100), (2, 4, 20), (2, 5, 900) \
             ) as row (site, weeks, pageviews); \
             insert into tally (site, day, dimension, value, pageviews, visitors) \
             values (2, date '2026-11-25' - date '1970-01-01', 2, 'news.example', 280, array[250])",
        )
        .await;
    let receiver = Receiver::start(Reply::Status(200)).await;
    let host = started(host(&database, &receiver.url())).await;
    for _ in 0..3 {
        host.maintain().await;
    }
    let texts = receiver.texts();
    let spikes: Vec<&String> = texts.iter().filter(|text| text.starts_with("Spike")).collect();
    assert_eq!(spikes.len(), 1, "{texts:?}");
    let expected = "Spike on example.com: 300 pageviews in the hour from 13:00 (UTC). The same hour of the last 4 weeks \
                    had at most 100. Most visitors of today came from news.example (250).";
    assert!(spikes[0].starts_with(expected), "{}", spikes[0]);
    assert!(spikes[0].ends_with("/?site=example.com&period=today"), "{}", spikes[0]);
    assert_eq!(texts.len(), 2, "the summary of the week, and the alert");
}

#[tokio::test]
async fn the_form_of_the_messages_is_a_setting() {
    for (format, content_type) in [("teams", "application/json"), ("text", "text/plain; charset=utf-8")] {
        let database = in_november().await;
        let receiver = Receiver::start(Reply::Status(202)).await;
        let host = started(host(&database, &receiver.url()).with("FOOTFALL_WEBHOOK_FORMAT", format)).await;
        host.maintain().await;
        let requests = receiver.requests();
        let (head, body) = &requests[0];
        assert!(head.to_lowercase().contains(&format!("content-type: {content_type}")), "{head}");
        let text = if format == "text" {
            body.clone()
        } else {
            let message: Value = serde_json::from_str(body).unwrap();
            message["attachments"][0]["content"]["body"][0]["text"].as_str().unwrap().to_owned()
        };
        assert!(text.starts_with("Footfall, 2026-11-16 to 2026-11-22\n"), "{text}");
    }
}

#[tokio::test]
async fn doctor_connects_to_the_address_and_sends_nothing() {
    let database = Database::create().await;
    let receiver = Receiver::start(Reply::Status(200)).await;
    let doctor = |url: &str| {
        let outcome = HandlerCommand::on(&database).with("FOOTFALL_WEBHOOK", url).run(&["doctor", "--json"]);
        assert!(!outcome.stdout.contains("hunter2") && !outcome.stderr.contains("hunter2"), "{outcome:?}");
        let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
        let finding = report["findings"].as_array().unwrap().iter().find(|finding| finding["name"] == "webhook");
        finding.unwrap()["state"].clone()
    };
    assert_eq!(doctor(&receiver.url()), json!("ok"));
    assert!(receiver.requests().is_empty());
    assert_eq!(doctor(&format!("http://127.0.0.1:{}/hunter2", free_port())), json!("failed"));
    assert_eq!(doctor("@Microsoft.KeyVault(VaultName=v;SecretName=hunter2)"), json!("failed"));
}
