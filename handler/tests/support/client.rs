//! The visitor: a small HTTP client that sends exactly the bytes that a test names.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Method, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpStream, task::JoinHandle};

use crate::process::PATIENCE;

pub(crate) const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
pub(crate) const SAFARI: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15";
pub(crate) const GOOGLEBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

/// A request of a visitor, before proxies change it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    /// The address that the front end sees.
    pub(crate) address: String,
}

impl Request {
    /// A GET by a browser.
    pub(crate) fn get(target: &str) -> Self {
        Self {
            method: Method::GET,
            target: target.to_owned(),
            headers: vec![("User-Agent".to_owned(), FIREFOX.to_owned())],
            body: Bytes::new(),
            address: "203.0.113.9".to_owned(),
        }
    }

    pub(crate) fn to(mut self, target: &str) -> Self {
        target.clone_into(&mut self.target);
        self
    }

    pub(crate) fn method(mut self, method: &str) -> Self {
        self.method = method.parse().unwrap();
        self
    }

    pub(crate) fn from(mut self, address: &str) -> Self {
        address.clone_into(&mut self.address);
        self
    }

    pub(crate) fn user_agent(self, user_agent: &str) -> Self {
        self.without_user_agent().header("User-Agent", user_agent)
    }

    pub(crate) fn without_user_agent(mut self) -> Self {
        self.headers.retain(|(name, _)| name != "User-Agent");
        self
    }

    /// Adds a header line.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn body(mut self, body: &str) -> Self {
        self.body = Bytes::copy_from_slice(body.as_bytes());
        self
    }
}

/// A visit to `/` by the visitor with this number, from which the address is derived.
pub(crate) fn visitor(number: usize) -> Request {
    Request::get("/").from(&format!("10.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255))
}

/// A view of `/` reported by the script. Its response waits for the commit only, and no page is rendered.
pub(crate) fn reported_view(number: usize) -> Request {
    let body = r#"{"s":"localhost","p":"/"}"#;
    visitor(number).to("/v").method("POST").header("Content-Length", &body.len().to_string()).body(body)
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Response {
    /// The response of the Functions host to an unknown path.
    pub(crate) fn not_found_at_the_host() -> Self {
        Self { status: 404, headers: HeaderMap::new(), body: Bytes::new() }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.body))
    }
}

/// A kept connection to a handler.
pub(crate) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
}

impl Connection {
    pub(crate) async fn open(port: u16) -> Result<Self, String> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    /// Sends the request unchanged, except for a missing Host header.
    pub(crate) async fn send(&mut self, request: &Request) -> Result<Response, String> {
        tokio::time::timeout(PATIENCE, self.exchange(request)).await.expect("the response or the end of the connection")
    }

    async fn exchange(&mut self, request: &Request) -> Result<Response, String> {
        self.sender.ready().await.map_err(|error| error.to_string())?;
        let mut wire = hyper::Request::builder().method(request.method.clone()).uri(&request.target);
        if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            wire = wire.header("Host", "localhost");
        }
        for (name, value) in &request.headers {
            wire = wire.header(name, value);
        }
        let wire = wire.body(Full::new(request.body.clone())).map_err(|error| error.to_string())?;
        let response = self.sender.send_request(wire).await.map_err(|error| error.to_string())?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
        Ok(Response { status: head.status.as_u16(), headers: head.headers, body })
    }
}

/// Sends one request over a connection of its own.
pub(crate) async fn send(port: u16, request: &Request) -> Response {
    Connection::open(port).await.unwrap().send(request).await.unwrap()
}

/// Sends a request without waiting for its response.
pub(crate) fn send_later(port: u16, request: Request) -> JoinHandle<Response> {
    tokio::spawn(async move { send(port, &request).await })
}
