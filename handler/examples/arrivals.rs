//! Sends requests at planned times, whether or not earlier requests have a response, as visitors do. `scripts/scale` measures latency
//! with it. This example is not shipped.
//!
//! usage: arrivals PORT RATE FILE
//!
//! FILE has complete HTTP requests, separated by NUL bytes. For each, in order, this prints the milliseconds from the beginning to the
//! planned time, the milliseconds from the planned time to the end of the response, and the status. The status is 0 if the connection
//! failed, or if no response came in time. Latency includes the wait for a late sender, so that a pause counts for every request
//! that it delays.

use std::{
    fs, io,
    io::{Read, Write},
    net::TcpStream,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

const TIME_LIMIT: Duration = Duration::from_secs(10);

struct Arrival {
    number: usize,
    planned: Instant,
    request: Vec<u8>,
}

struct Outcome {
    number: usize,
    latency: Duration,
    status: u16,
}

/// Senders without a request, the last used first, so that few connections are used.
type Idle = Arc<Mutex<Vec<Sender<Arrival>>>>;

fn main() -> io::Result<()> {
    let usage = "usage: arrivals PORT RATE FILE";
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, rate, file] = &arguments[..] else { panic!("{usage}") };
    let (port, rate): (u16, f64) = (port.parse().expect(usage), rate.parse().expect(usage));
    let content = fs::read(file)?;
    let requests: Vec<Vec<u8>> =
        content.split(|byte| *byte == 0).filter(|request| !request.is_empty()).map(<[u8]>::to_vec).collect();
    let count = requests.len();
    let offset = |number: usize| Duration::from_secs_f64(number as f64 / rate);

    let (outcomes, arrived) = channel();
    let idle = Idle::default();
    let began = Instant::now();
    for (number, request) in requests.into_iter().enumerate() {
        let arrival = Arrival { number, planned: began + offset(number), request };
        thread::sleep(arrival.planned.saturating_duration_since(Instant::now()));
        let sender = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let sender = sender.unwrap_or_else(|| start_sender(port, idle.clone(), outcomes.clone()));
        sender.send(arrival).expect("a sender runs until the program ends");
    }
    let mut all: Vec<Outcome> = arrived.iter().take(count).collect();
    all.sort_by_key(|outcome| outcome.number);
    for Outcome { number, latency, status } in all {
        println!("{:.3} {:.3} {status}", offset(number).as_secs_f64() * 1000.0, latency.as_secs_f64() * 1000.0);
    }
    Ok(())
}

fn start_sender(port: u16, idle: Idle, outcomes: Sender<Outcome>) -> Sender<Arrival> {
    let (sender, arrivals): (Sender<Arrival>, Receiver<Arrival>) = channel();
    let own = sender.clone();
    thread::spawn(move || {
        let mut connection = None;
        for Arrival { number, planned, request } in arrivals {
            let status = exchange(&mut connection, port, &request).unwrap_or_else(|_| {
                connection = None;
                0
            });
            // The receiver ends with the last outcome.
            let _ = outcomes.send(Outcome { number, latency: planned.elapsed(), status });
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(own.clone());
        }
    });
    sender
}

/// Sends a request and reads the whole response. Returns its status.
fn exchange(connection: &mut Option<TcpStream>, port: u16, request: &[u8]) -> io::Result<u16> {
    let stream = if let Some(stream) = connection {
        stream
    } else {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIME_LIMIT))?;
        connection.insert(stream)
    };
    stream.write_all(request)?;
    let mut response = Vec::new();
    let mut bytes = [0; 16_384];
    loop {
        let length = stream.read(&mut bytes)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        response.extend_from_slice(&bytes[..length]);
        let Some(end_of_head) = response.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&response[..end_of_head]).to_ascii_lowercase();
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name).map(str::trim));
        let body_bytes: usize = field("content-length:").and_then(|length| length.parse().ok()).unwrap_or_default();
        if response.len() < end_of_head + 4 + body_bytes {
            continue;
        }
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        if field("connection:") == Some("close") {
            *connection = None;
        }
        return Ok(status);
    }
}
