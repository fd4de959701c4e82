//! Requests that no browser sends.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{database::Database, host::Host};

async fn write(port: u16, text: &str) -> TcpStream {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    connection.write_all(text.as_bytes()).await.unwrap();
    connection
}

#[tokio::test]
async fn a_request_without_a_path_is_rejected_without_a_panic() {
    let database = Database::create().await;
    let mut host = Host::start(&database).await;
    let mut connection =
        write(host.process.port, "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\nConnection: close\r\n\r\n").await;
    let mut response = String::new();
    connection.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 4"), "{response}");
    host.process.terminate().await;
    assert!(host.process.log().iter().all(|line| line["event"] != "panicked"));
}

#[tokio::test]
async fn an_unfinished_request_does_not_prevent_the_stop() {
    let database = Database::create().await;
    let mut host = Host::start(&database).await;
    let _half_open = write(host.process.port, "GET / HTTP/1.1\r\n").await;
    assert_eq!(host.process.terminate().await, Some(0));
}
