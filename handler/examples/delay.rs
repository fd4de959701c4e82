//! A TCP proxy that delays each message, as a distance to the database does. `scripts/scale` puts it between the handler and
//! PostgreSQL. This example is not shipped.
//!
//! usage: delay PORT TO MILLISECONDS
//!
//! Accepts connections on PORT, and connects each to the port TO of this machine. A round trip takes MILLISECONDS longer. Throughput
//! has no limit: messages that follow each other do not wait for each other. With each round trip, that is each time when a client
//! sends after the server sent or the connection was opened, this prints the Unix time in microseconds.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant, UNIX_EPOCH},
};

const MESSAGE_BYTES: usize = 65_536;

/// Bytes, and the time at which they arrive.
type Message = (Instant, Vec<u8>);

fn main() -> io::Result<()> {
    let arguments: Vec<f64> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let [port, to, milliseconds] = arguments[..] else { panic!("usage: delay PORT TO MILLISECONDS") };
    let one_way = Duration::from_secs_f64(milliseconds / 2000.0);
    for client in TcpListener::bind(("127.0.0.1", number(port)))?.incoming() {
        let client = client?;
        // A server that is not there closes the connection, as a network does.
        if let Ok(server) = TcpStream::connect(("127.0.0.1", number(to))) {
            connect(client, server, one_way)?;
        }
    }
    Ok(())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an argument that is a port")]
fn number(port: f64) -> u16 {
    port as u16
}

fn connect(client: TcpStream, server: TcpStream, one_way: Duration) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let server_sent = Arc::new(AtomicBool::new(true));
    let request = server_sent.clone();
    let on_request = move || {
        if request.swap(false, Ordering::Relaxed) {
            let now = UNIX_EPOCH.elapsed().unwrap_or_default();
            println!("{}", now.as_micros());
        }
    };
    carry(client.try_clone()?, server.try_clone()?, one_way, on_request);
    carry(server, client, one_way, move || server_sent.store(true, Ordering::Relaxed));
    Ok(())
}

/// Carries one direction. Threads sleep more exactly than timers of a runtime, whose unit is a millisecond.
fn carry(mut from: TcpStream, mut to: TcpStream, delay: Duration, on_message: impl Fn() + Send + 'static) {
    let (sender, messages): (Sender<Message>, Receiver<Message>) = channel();
    thread::spawn(move || {
        let mut bytes = vec![0; MESSAGE_BYTES];
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            on_message();
            if sender.send((Instant::now() + delay, bytes[..length].to_vec())).is_err() {
                break;
            }
        }
    });
    thread::spawn(move || {
        for (arrives_at, bytes) in messages {
            thread::sleep(arrives_at.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        // The end of a direction arrives like a message. An error means that the connection has ended already.
        let _ = to.shutdown(Shutdown::Write);
    });
}
