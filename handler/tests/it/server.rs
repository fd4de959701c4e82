//! The plain server's limits, through the real process: what a client may take of it, and how it stops.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use crate::{
    cable::Cable,
    client::{Connection, Request, visitor},
    database::Database,
    host::Host,
    process::{HandlerCommand, PATIENCE, Process},
};

/// What is promised to whoever waits for the process to end, and a little for a busy machine to say so.
const STOPS_WITHIN: Duration = Duration::from_millis(6500);

async fn say(port: u16, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// Waits until the handler has closed the connection, and says what it had said on it.
async fn until_closed(stream: &mut TcpStream, within: Duration) -> String {
    let mut said = Vec::new();
    let closed = tokio::time::timeout(within, stream.read_to_end(&mut said)).await;
    assert!(closed.is_ok(), "still open after {within:?}");
    String::from_utf8(said).unwrap()
}

#[tokio::test]
async fn a_header_that_comes_a_byte_at_a_time_is_not_waited_for() {
    let database = Database::create().await;
    let process = HandlerCommand::on(&database).start().await;
    let began = Instant::now();
    let mut silent = say(process.port, "").await;
    let (mut reading, mut writing) = say(process.port, "GET /version HTTP/1.1\r\nHost: x\r\n").await.into_split();
    let drip = async {
        while writing.write_all(b"a").await.is_ok() && began.elapsed() < Duration::from_secs(20) {
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    };
    let mut said = Vec::new();
    let closed = async { tokio::time::timeout(Duration::from_secs(15), reading.read_to_end(&mut said)).await };
    tokio::select! {
        () = drip => panic!("it was read for 20 seconds"),
        closed = closed => assert!(closed.is_ok(), "still open after 15 seconds"),
    }
    assert!(began.elapsed() > Duration::from_secs(9), "{:?}", began.elapsed());
    assert_eq!(until_closed(&mut silent, Duration::from_secs(5)).await, "");
}

#[tokio::test]
async fn a_header_of_more_than_16_kb_is_refused_and_one_that_browsers_send_is_not() {
    let database = Database::create().await;
    let process = HandlerCommand::on(&database).start().await;
    let with_cookie = |bytes: usize| Request::get("/version").header("Cookie", &"x".repeat(bytes));
    assert_eq!(process.send(&with_cookie(12_000)).await.status, 200);
    assert_eq!(process.send(&with_cookie(20_000)).await.status, 431);
}

#[tokio::test]
async fn no_more_connections_are_open_than_allowed_and_the_log_says_how_many_were_refused() {
    let database = Database::create().await;
    let process = HandlerCommand::on(&database).with("FOOTFALL_CONNECTIONS", "5").start().await;
    // The connection that asked whether it has started is gone when all five can be opened.
    let began = Instant::now();
    let mut open = Vec::new();
    while open.len() < 5 {
        assert!(began.elapsed() < PATIENCE, "only {} can be opened", open.len());
        let mut connection = Connection::open(process.port).await.unwrap();
        if connection.send(&Request::get("/version")).await.is_ok() {
            open.push(connection);
        }
    }
    for _ in 0..20 {
        let mut refused = say(process.port, "GET /version HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let mut said = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(5), refused.read_to_end(&mut said)).await;
        assert!(closed.is_ok() && said.is_empty(), "it was served: {}", String::from_utf8_lossy(&said));
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
        assert!(began.elapsed() < PATIENCE, "no place became free");
    }
    let told = process.wait_for_event("connections_refused").await;
    assert_eq!(told.len(), 1, "at most one line a minute: {told:?}");
    assert_eq!((&told[0]["limit"], &told[0]["level"]), (&5.into(), &"WARN".into()));
    assert!(told[0]["refused"].as_u64().unwrap() >= 1, "{told:?}");
    // What was not told yet is told at the end.
    let mut process = process;
    process.terminate().await;
    let refused: u64 = process.events("connections_refused").iter().map(|line| line["refused"].as_u64().unwrap()).sum();
    assert!(refused >= 20, "{refused}");
}

/// Processor time that a process has used, in seconds.
fn processor_seconds(process: &Process) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

#[tokio::test]
async fn without_a_file_for_another_connection_it_neither_ends_nor_spins_and_goes_on_when_there_is_one() {
    let database = Database::create().await;
    let mut process = HandlerCommand::on(&database).with_open_files(24).start().await;
    process.wait_until_ready().await;
    // Far more than 24, so that accepting fails whatever else is open; nobody is told why his request is not answered.
    let mut crowd = Vec::new();
    for _ in 0..100 {
        crowd.push(say(process.port, "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").await);
    }
    let before = processor_seconds(&process);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let used = processor_seconds(&process) - before;
    assert!(used < 1.0, "{used} s of processor time in 3 s of being full");
    assert!(process.is_running());
    drop(crowd);
    process.wait_until_answers("/health/live").await;
    assert_eq!(process.send(&visitor(1)).await.status, 200);
    process.wait_for_event("connections_refused").await;
}

#[tokio::test]
async fn it_takes_as_many_connections_as_it_may_have_files_and_says_how_many_at_the_start() {
    let database = Database::create().await;
    let process = HandlerCommand::on(&database).with_open_files(200).start().await;
    let started = process.wait_for_event("started").await;
    let connections = started[0]["connections"].as_u64().unwrap();
    assert!((100..200).contains(&connections), "{connections}");
}

#[tokio::test]
async fn a_request_that_is_never_finished_does_not_delay_the_stop() {
    let database = Database::create().await;
    let mut host = Host::start(&database).await;
    let _half_open = say(host.process.port, "GET / HTTP/1.1\r\n").await;
    let _silent = say(host.process.port, "").await;
    let mut idle = Connection::open(host.process.port).await.unwrap();
    assert_eq!(host.send_over(&mut idle, &visitor(1)).await.unwrap().status, 200);
    let began = Instant::now();
    assert_eq!(host.process.terminate().await, Some(0));
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert!(host.process.log().iter().all(|line| line["event"] != "stopped_early"));
}

#[tokio::test]
async fn whoever_has_asked_is_answered_before_it_stops() {
    let database = Database::create().await;
    let cable = Cable::to(&database).await;
    let mut host = Host::on(&database).with("DATABASE_URL", &database.url_by_port(cable.port())).start().await;
    host.process.wait_until_ready().await;
    host.send(&visitor(0)).await;
    cable.cut();
    let mut crowd = JoinSet::new();
    for number in 1..=10 {
        let (request, port) = (host.dispatched(&visitor(number)).unwrap(), host.process.port);
        crowd.spawn(async move { crate::client::send(port, &request).await });
    }
    // Whoever is answered now was accepted after them.
    for _ in 0..5 {
        host.ping().await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mending = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        cable.mend();
    };
    let (code, ()) = tokio::join!(host.process.terminate(), mending);
    assert_eq!(code, Some(0));
    while let Some(answer) = crowd.join_next().await {
        assert_eq!(answer.unwrap().status, 200);
    }
    database.wait_until_alone().await;
    assert_eq!((database.visitors_today().await, database.pageviews().await), (11, 11));
}

#[tokio::test]
async fn a_database_that_says_nothing_does_not_delay_the_stop_beyond_six_seconds() {
    let database = Database::create().await;
    let cable = Cable::to(&database).await;
    let mut host = Host::on(&database).with("DATABASE_URL", &database.url_by_port(cable.port())).start().await;
    host.process.wait_until_ready().await;
    host.send(&visitor(0)).await;
    cable.stall();
    let waiting = tokio::spawn({
        let (request, port) = (host.dispatched(&visitor(1)).unwrap(), host.process.port);
        async move { crate::client::send(port, &request).await.status }
    });
    let _half_open = say(host.process.port, "GET / HTTP/1.1\r\n").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let began = Instant::now();
    assert_eq!(host.process.terminate().await, Some(0));
    assert!(began.elapsed() < STOPS_WITHIN, "{:?}", began.elapsed());
    assert_eq!(waiting.await.unwrap(), 503, "and it is told so");
}

#[tokio::test]
async fn the_timers_address_exists_only_where_a_functions_host_is() {
    let database = Database::create().await;
    // A port alone makes no Functions host.
    let process = HandlerCommand::on(&database).start().await;
    process.wait_until_ready().await;
    let timer = Request::get("/function-maintenance").method("POST").without_user_agent().body("{}");
    assert_eq!(process.send(&timer).await.status, 404);
    let host = Host::start(&database).await;
    assert_eq!(host.process.send(&timer).await.status, 200);
}
