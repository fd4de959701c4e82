//! Sends one message to the owner's address. The address is a secret, so no error names it or quotes the response.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Request, StatusCode,
    client::conn::http1,
    header::{CONTENT_TYPE, HOST, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::{
    build,
    config::Webhook,
    outbound::{NoConnection, Outbound},
};

/// Time for the whole exchange.
const DELIVER_WITHIN: Duration = Duration::from_secs(10);

/// Why a message was not accepted.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("no response within {} s", DELIVER_WITHIN.as_secs())]
    Slow,
    #[error("the name of the host has no address")]
    Name,
    #[error("no connection ({0})")]
    Connect(std::io::ErrorKind),
    #[error("no TLS connection ({0})")]
    Tls(std::io::ErrorKind),
    #[error("no valid HTTP/1.1 response")]
    Http,
    #[error("the response has status {0}")]
    Status(StatusCode),
}

impl From<NoConnection> for Problem {
    fn from(problem: NoConnection) -> Self {
        match problem {
            NoConnection::Address | NoConnection::Name => Self::Name,
            NoConnection::Connect(error) => Self::Connect(error.kind()),
            NoConnection::Tls(error) => Self::Tls(error.kind()),
        }
    }
}

pub(super) struct Delivery {
    outbound: Outbound,
    webhook: Webhook,
}

impl Delivery {
    pub(super) fn new(webhook: Webhook) -> anyhow::Result<Self> {
        Ok(Self { outbound: Outbound::new()?, webhook })
    }

    /// Posts a text, and waits for a status that accepts it. A redirect accepts nothing.
    pub(super) async fn send(&self, text: &str) -> Result<(), Problem> {
        timeout(DELIVER_WITHIN, self.exchange(text)).await.unwrap_or(Err(Problem::Slow))
    }

    /// Connects, and sends nothing.
    pub(super) async fn probe(&self) -> Result<(), Problem> {
        let opened = timeout(DELIVER_WITHIN, self.outbound.open(self.webhook.expose())).await;
        opened.map_err(|_| Problem::Slow)?.map(drop).map_err(Problem::from)
    }

    async fn exchange(&self, text: &str) -> Result<(), Problem> {
        let url = self.webhook.expose();
        let stream = self.outbound.open(url).await?;
        let host = url.host_str().unwrap_or_default();
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        let (content_type, body) = self.webhook.format.body(text);
        let request = Request::post(target)
            .header(HOST, authority)
            .header(USER_AGENT, format!("Footfall/{}", build::VERSION))
            .header(CONTENT_TYPE, content_type)
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| Problem::Http)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| Problem::Http)?;
        // The task ends with the sender, after the status.
        tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(|_| Problem::Http)?;
        let status = response.status();
        if status.is_success() { Ok(()) } else { Err(Problem::Status(status)) }
    }
}
