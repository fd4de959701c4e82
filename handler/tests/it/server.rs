//! The limits of the HTTP server in the real process, and how the process stops.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    cable::Cable,
    client::{Connection, FIREFOX, Request, visitor},
    database::Database,
    host::Host,
    process::{HandlerCommand, PATIENCE, Process},
};

async fn send_text(port: u16, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// A handler whose clients are a proxy's, so that one address may have all connections.
fn behind_a_proxy(database: &Database) -> HandlerCommand {
    HandlerCommand::on(database).with("FOOTFALL_TRUSTED_PROXIES", "1")
}

/// Waits until the handler has closed the connection, and returns what it sent before.
async fn until_closed(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut received = Vec::new();
    // Closing with unread bytes is a reset, which is an end too.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut received)).await.expect("the connection is closed");
    String::from_utf8(received).unwrap()
}

/// Waits until the handler accepts no connections, which is the first thing that it does when it is told to stop.
async fn until_closing(port: u16) {
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
        assert!(began.elapsed() < PATIENCE, "connections are still accepted");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn an_unfinished_header_ends_the_connection_even_when_bytes_arrive() {
    let database = Database::create().await;
    let process = HandlerCommand::on(&database).start().await;
    let mut silent = send_text(process.port, "").await;
    let (mut reading, mut writing) = send_text(process.port, "GET /version HTTP/1.1\r\nHost: x\r\n").await.into_split();
    let slow_client = tokio::spawn(async move {
        while writing.write_all(b"a").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    });
    assert_eq!(until_closed(&mut reading).await, "");
    assert_eq!(until_closed(&mut silent).await, "");
    slow_client.abort();
}

#[tokio::test]
async fn a_header_of_more_than_16_kb_gets_431_and_smaller_ones_200() {
    let database = Database::create().await;
    let process = HandlerCommand::on(&database).start().await;
    let with_cookie = |bytes: usize| Request::get("/version").header("Cookie", &"x".repeat(bytes));
    assert_eq!(process.send(&with_cookie(12_000)).await.status, 200);
    assert_eq!(process.send(&with_cookie(20_000)).await.status, 431);
}

#[tokio::test]
async fn browsers_use_only_https_under_the_functions_host() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    let process = HandlerCommand::on(&database).start().await;
    for target in ["/", "/footfall.js", "/v/localhost.gif", "/api/statistics", "/nothing"] {
        let policy = host.process.send(&visitor(1).to(target)).await;
        assert_eq!(policy.header("strict-transport-security"), "max-age=31536000", "{target}");
        let plain = process.send(&visitor(1).to(target)).await;
        assert_eq!(plain.header("strict-transport-security"), "", "{target}");
    }
}

#[tokio::test]
async fn a_request_without_one_valid_host_gets_400_and_is_not_counted() {
    let database = Database::create().await;
    let mut process = HandlerCommand::on(&database).start().await;
    process.wait_until_ready().await;
    let status = async |version: &str, hosts: &str| {
        let request = format!("GET / HTTP/{version}\r\n{hosts}User-Agent: {FIREFOX}\r\nConnection: close\r\n\r\n");
        let response = until_closed(&mut send_text(process.port, &request).await).await;
        response.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    for hosts in [
        "",
        "Host: a.example\r\nHost: b.example\r\n",
        "Host: a.example\r\nHost: a.example\r\n",
        "Host: a.example, b.example\r\n",
        "Host: a.example/path\r\n",
        "Host: user@a.example\r\n",
        "Host: a\u{e9}\r\n",
    ] {
        assert_eq!(status("1.1", hosts).await, "400", "{hosts:?}");
    }
    assert_eq!(status("1.0", "Host: a.example\r\nHost: b.example\r\n").await, "400");
    assert_eq!(database.pageviews().await, 0);
    for (version, hosts) in [
        ("1.1", "Host: a.example\r\n"),
        ("1.1", "Host: a_b.example:8080\r\n"),
        ("1.1", "Host: [::1]:8080\r\n"),
        ("1.1", "Host:\r\n"),
        ("1.0", ""),
    ] {
        assert_eq!(status(version, hosts).await, "200", "{version} {hosts:?}");
    }
    process.terminate().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_and_their_number_is_logged() {
    let database = Database::create().await;
    let process = behind_a_proxy(&database).with("FOOTFALL_CONNECTIONS", "5").start().await;
    // The connection of the start is closed when all five can be opened.
    let began = Instant::now();
    let mut open = Vec::new();
    while open.len() < 5 {
        assert!(began.elapsed() < PATIENCE, "only {} connections can be opened", open.len());
        let mut connection = Connection::open(process.port).await.unwrap();
        if connection.send(&Request::get("/version")).await.is_ok() {
            open.push(connection);
        }
    }
    for _ in 0..20 {
        let mut refused = send_text(process.port, "GET /version HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert_eq!(until_closed(&mut refused).await, "", "a connection beyond the limit was served");
    }
    for connection in &mut open {
        assert_eq!(connection.send(&Request::get("/version")).await.unwrap().status, 200);
    }
    drop(open);
    let began = Instant::now();
    loop {
        let mut connection = Connection::open(process.port).await.unwrap();
        if connection.send(&Request::get("/version")).await.is_ok_and(|answer| answer.status == 200) {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "no new connection is served");
    }
    let lines = process.wait_for_event("connections_refused").await;
    assert!(lines.len() < 20, "the log repeats the line for each connection: {lines:?}");
    assert_eq!((&lines[0]["limit"], &lines[0]["level"]), (&5.into(), &"WARN".into()));
    assert!(lines[0]["refused"].as_u64().unwrap() >= 1, "{lines:?}");
    // The rest is logged at the end.
    let mut process = process;
    process.terminate().await;
    let refused: u64 = process.events("connections_refused").iter().map(|line| line["refused"].as_u64().unwrap()).sum();
    assert!(refused >= 20, "{refused}");
}

#[tokio::test]
async fn one_address_has_at_most_a_tenth_of_the_connections_except_a_proxy() {
    let database = Database::create().await;
    for (limit, proxies) in [(4, "0"), (40, "1")] {
        let process =
            HandlerCommand::on(&database).with("FOOTFALL_CONNECTIONS", "40").with("FOOTFALL_TRUSTED_PROXIES", proxies);
        let mut process = process.start().await;
        let began = Instant::now();
        let mut open = Vec::new();
        // The connection of the start is closed when all can be opened.
        while open.len() < limit {
            assert!(began.elapsed() < PATIENCE, "only {} connections can be opened", open.len());
            let mut connection = Connection::open(process.port).await.unwrap();
            if connection.send(&Request::get("/version")).await.is_ok() {
                open.push(connection);
            }
        }
        let mut refused = send_text(process.port, "GET /version HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert_eq!(until_closed(&mut refused).await, "", "a connection beyond the limit was served");
        process.terminate().await;
        let lines = process.events("connections_refused");
        let field = if proxies == "0" { "refused_of_one_client" } else { "refused" };
        assert!(lines.iter().any(|line| line[field].as_u64().unwrap() > 0), "{lines:?}");
    }
}

/// Processor time that a process has used, in seconds.
fn processor_seconds(process: &Process) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

#[tokio::test]
async fn without_a_free_file_the_server_neither_exits_nor_spins_and_recovers() {
    let database = Database::create().await;
    let mut process = behind_a_proxy(&database).with_open_files(24).start().await;
    process.wait_until_ready().await;
    // Far more than 24, so that accepting fails with any number of other open files.
    let mut crowd = Vec::new();
    for _ in 0..100 {
        crowd.push(send_text(process.port, "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").await);
    }
    let before = processor_seconds(&process);
    tokio::time::sleep(Duration::from_secs(2)).await;
    // Processor time, so it is small on a busy machine too.
    let used = processor_seconds(&process) - before;
    assert!(used < 1.0, "{used} s of processor time in 2 s without a free file");
    assert!(process.is_running());
    drop(crowd);
    process.wait_until_answers("/health/live").await;
    assert_eq!(process.send(&visitor(1)).await.status, 200);
    process.wait_for_event("connections_refused").await;
}

#[tokio::test]
async fn the_limit_of_open_files_limits_connections_and_the_start_logs_it() {
    let database = Database::create().await;
    let process = HandlerCommand::on(&database).with_open_files(200).start().await;
    let started = process.wait_for_event("started").await;
    let connections = started[0]["connections"].as_u64().unwrap();
    assert!((100..200).contains(&connections), "{connections}");
}

#[tokio::test]
async fn an_unfinished_request_does_not_delay_the_stop() {
    let database = Database::create().await;
    let mut host = Host::start(&database).await;
    let _half_open = send_text(host.process.port, "GET / HTTP/1.1\r\n").await;
    let _silent = send_text(host.process.port, "").await;
    let mut idle = Connection::open(host.process.port).await.unwrap();
    assert_eq!(host.send_over(&mut idle, &visitor(1)).await.unwrap().status, 200);
    assert_eq!(host.process.terminate().await, Some(0));
    // A connection that is open until the deadline of the stop is logged.
    assert!(host.process.log().iter().all(|line| line["event"] != "stopped_early"));
}

#[tokio::test]
async fn open_requests_are_answered_before_the_process_stops() {
    let database = Database::create().await;
    let cable = Cable::to(&database).await;
    let mut host = Host::on(&database).with("DATABASE_URL", &database.url_by_port(cable.port())).start().await;
    host.process.wait_until_ready().await;
    host.send(&visitor(0)).await;
    cable.cut();
    let mut crowd = Vec::new();
    for number in 1..=10 {
        let mut connection = Connection::open(host.process.port).await.unwrap();
        let request = host.dispatched(&visitor(number)).unwrap();
        crowd.push(tokio::spawn(async move { connection.send(&request).await }));
    }
    // The tasks have written their requests when this one continues after a ping.
    host.ping().await;
    host.process.wait_until_read().await;
    let port = host.process.port;
    let mending = async {
        until_closing(port).await;
        cable.mend();
    };
    let (code, ()) = tokio::join!(host.process.terminate(), mending);
    assert_eq!(code, Some(0));
    for answer in crowd {
        assert_eq!(answer.await.unwrap().unwrap().status, 200);
    }
    database.wait_until_alone().await;
    assert_eq!((database.visitors_today().await, database.pageviews().await), (11, 11));
}

#[tokio::test]
async fn a_visit_that_waits_for_100_continue_is_counted_at_the_stop() {
    let database = Database::create().await;
    let mut host = Host::start(&database).await;
    let port = host.process.port;
    let body = r#"{"s":"localhost","p":"/"}"#;
    let header = format!(
        "POST /v HTTP/1.1\r\nHost: x\r\nUser-Agent: {FIREFOX}\r\nX-Forwarded-For: 203.0.113.9\r\n\
         Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut client = send_text(port, &header).await;
    let mut interim = [0; 25];
    client.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    let finish = async {
        until_closing(port).await;
        client.write_all(body.as_bytes()).await.unwrap();
        until_closed(&mut client).await
    };
    let (code, response) = tokio::join!(host.process.terminate(), finish);
    assert_eq!(code, Some(0));
    assert!(response.starts_with("HTTP/1.1 204"), "{response:?}");
    assert_eq!(database.pageviews().await, 1);
}

#[tokio::test]
async fn a_silent_database_does_not_prevent_the_stop() {
    let database = Database::create().await;
    let cable = Cable::to(&database).await;
    let mut host = Host::on(&database).with("DATABASE_URL", &database.url_by_port(cable.port())).start().await;
    host.process.wait_until_ready().await;
    host.send(&visitor(0)).await;
    cable.stall();
    let waiting = host.send_later(&visitor(1));
    // A ping that is sent later is answered, so the visit has been sent.
    host.ping().await;
    let _half_open = send_text(host.process.port, "GET / HTTP/1.1\r\n").await;
    host.process.wait_until_read().await;
    assert_eq!(host.process.terminate().await, Some(0));
    assert_eq!(waiting.await.unwrap().status, 503);
}

#[tokio::test]
async fn the_route_of_the_timer_exists_only_behind_a_functions_host() {
    let database = Database::create().await;
    // A port alone makes no Functions host.
    let process = HandlerCommand::on(&database).start().await;
    process.wait_until_ready().await;
    let timer = Request::get("/function-maintenance").method("POST").without_user_agent().body("{}");
    assert_eq!(process.send(&timer).await.status, 404);
    let host = Host::start(&database).await;
    assert_eq!(host.process.send(&timer).await.status, 200);
}
