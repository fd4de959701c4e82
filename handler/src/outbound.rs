//! Connections to web servers, with TLS for https: for `handler check` and for notices.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};
use url::{Host, Url};

/// Time for one address to accept a connection, before the next address of the host is tried.
const CONNECT_WITHIN: Duration = Duration::from_secs(4);

/// Why there is no connection.
#[derive(Debug)]
pub enum NoConnection {
    /// The URL has no host or no port.
    Address,
    /// The name of the host has no address.
    Name,
    /// The host and port do not accept a connection.
    Connect(io::Error),
    Tls(io::Error),
}

/// A connection with or without TLS, so that hyper's client is compiled once.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Opens connections.
pub struct Outbound {
    tls: TlsConnector,
}

impl Outbound {
    /// Trusts the public authorities in the program.
    ///
    /// # Errors
    /// If TLS has no usable version.
    pub fn new() -> anyhow::Result<Self> {
        Self::trusting(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
    }

    /// Trusts these authorities.
    ///
    /// # Errors
    /// If TLS has no usable version.
    pub fn trusting(roots: RootCertStore) -> anyhow::Result<Self> {
        let mut tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { tls: TlsConnector::from(Arc::new(tls)) })
    }

    /// Opens a connection to the server of a URL.
    ///
    /// # Errors
    /// Which step failed.
    pub async fn open(&self, url: &Url) -> Result<Box<dyn Stream>, NoConnection> {
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(NoConnection::Address);
        };
        let stream = connect(&host, port).await?;
        if url.scheme() != "https" {
            return Ok(Box::new(stream));
        }
        let server = match host {
            Host::Domain(domain) => ServerName::try_from(domain.to_owned()).map_err(|_| NoConnection::Address)?,
            Host::Ipv4(ip) => ServerName::from(std::net::IpAddr::from(ip)),
            Host::Ipv6(ip) => ServerName::from(std::net::IpAddr::from(ip)),
        };
        Ok(Box::new(self.tls.connect(server, stream).await.map_err(NoConnection::Tls)?))
    }
}

async fn connect(host: &Host<&str>, port: u16) -> Result<TcpStream, NoConnection> {
    let addresses: Vec<SocketAddr> = match host {
        Host::Domain(domain) => match lookup_host((*domain, port)).await {
            Ok(addresses) => addresses.collect(),
            Err(_) => Vec::new(),
        },
        Host::Ipv4(ip) => vec![SocketAddr::from((*ip, port))],
        Host::Ipv6(ip) => vec![SocketAddr::from((*ip, port))],
    };
    let mut problem = NoConnection::Name;
    for address in addresses {
        let outcome = timeout(CONNECT_WITHIN, TcpStream::connect(address)).await;
        match outcome.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => return Ok(stream),
            Err(error) => problem = NoConnection::Connect(error),
        }
    }
    Err(problem)
}
