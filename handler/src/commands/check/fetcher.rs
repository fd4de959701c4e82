//! Fetches pages and scripts as a browser would, with limits, because the server may be hostile.

use std::{io::Read, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{
    HeaderMap, Method, Request, StatusCode,
    body::Incoming,
    client::conn::http1,
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, HOST, LOCATION, REFERER, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use url::Url;

use crate::{
    build,
    outbound::{NoConnection, Outbound, Stream},
};

/// Redirects to follow, as few as a browser user would tolerate.
const MAXIMUM_REDIRECTS: usize = 5;

/// Bytes of a body to read. The rest is ignored.
pub(super) const MAXIMUM_BYTES: usize = 2 * 1024 * 1024;

/// A response after redirects.
#[derive(Debug)]
pub(super) struct FetchedResponse {
    /// The last address.
    pub(super) url: Url,
    /// Whether that differs from the first address.
    pub(super) redirected: bool,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// Whether `body` has only the beginning.
    pub(super) truncated: bool,
}

impl FetchedResponse {
    /// A header that has one value, or the first.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The media type, in lower case and without parameters.
    pub(super) fn media_type(&self) -> String {
        self.header("content-type").split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }
}

/// The reason for having no response.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("the name {0} has no address")]
    Name(String),
    #[error("can't connect to {0} ({1})")]
    Connect(String, std::io::Error),
    #[error("can't make a TLS connection to {0} ({1})")]
    Tls(String, std::io::Error),
    #[error("{0} did not send a valid HTTP/1.1 response ({1})")]
    Http(String, hyper::Error),
    #[error("{0} did not send a whole response within {1} s")]
    Slow(String, u64),
    #[error("the address redirects more than {MAXIMUM_REDIRECTS} times")]
    Redirects,
    #[error("{0} redirects to an address that is not http or https")]
    Redirect(String),
    #[error("{0} is not an http or https address")]
    Address(String),
    #[error("{0} used a content encoding that was not requested")]
    Encoding(String),
}

impl Problem {
    fn no_connection(url: &Url, problem: NoConnection) -> Self {
        let host = url.host_str().unwrap_or_default().to_owned();
        match problem {
            NoConnection::Address => Self::Address(without_secrets(url)),
            NoConnection::Name => Self::Name(host),
            NoConnection::Connect(error) => {
                Self::Connect(format!("{host}:{}", url.port_or_known_default().unwrap_or_default()), error)
            }
            NoConnection::Tls(error) => Self::Tls(host, error),
        }
    }
}

/// Sends requests, each over its own connection.
pub(super) struct Fetcher {
    outbound: Outbound,
    timeout_after: Duration,
}

impl Fetcher {
    /// Each request, including the response's body, may take `timeout_after`.
    pub(super) fn new(timeout_after: Duration) -> anyhow::Result<Self> {
        Ok(Self { outbound: Outbound::new()?, timeout_after })
    }

    /// Requests a URL and follows redirects. `page` is the `Referer`.
    pub(super) async fn fetch(
        &self,
        method: &Method,
        url: &Url,
        page: Option<&Url>,
    ) -> Result<FetchedResponse, Problem> {
        let mut url = url.clone();
        for redirects in 0..=MAXIMUM_REDIRECTS {
            let exchange = timeout(self.timeout_after, self.exchange(method, &url, page)).await;
            let mut response =
                exchange.map_err(|_| Problem::Slow(without_secrets(&url), self.timeout_after.as_secs()))??;
            response.redirected = redirects > 0;
            let Some(location) = response.headers.get(LOCATION).filter(|_| response.status.is_redirection()) else {
                return Ok(response);
            };
            let next = location.to_str().ok().and_then(|location| url.join(location).ok()).filter(is_web);
            url = next.ok_or_else(|| Problem::Redirect(without_secrets(&url)))?;
        }
        Err(Problem::Redirects)
    }

    async fn exchange(&self, method: &Method, url: &Url, page: Option<&Url>) -> Result<FetchedResponse, Problem> {
        let name = || url.host_str().unwrap_or_default().to_owned();
        let stream = self.outbound.open(url).await.map_err(|problem| Problem::no_connection(url, problem))?;
        let response = send(stream, method, url, page).await?;
        let (head, body) = response.into_parts();
        let (body, mut truncated) = read(body).await.map_err(|problem| Problem::Http(name(), problem))?;
        let encoding = head.headers.get(CONTENT_ENCODING).map_or(&b""[..], |value| value.as_bytes());
        let body = match encoding {
            b"" | b"identity" => body,
            b"gzip" | b"x-gzip" => {
                let (unpacked, more) = unpack(&body);
                truncated |= more;
                unpacked
            }
            _ if body.is_empty() => body,
            _ => return Err(Problem::Encoding(name())),
        };
        Ok(FetchedResponse {
            url: url.clone(),
            redirected: false,
            status: head.status,
            headers: head.headers,
            body,
            truncated,
        })
    }
}

/// Whether a browser would request it from a web server.
pub(super) fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

/// A URL for output: without query, fragment and user, which may be secret.
pub(super) fn without_secrets(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Fails for addresses without a user part, which is fine.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

async fn send(
    stream: Box<dyn Stream>,
    method: &Method,
    url: &Url,
    page: Option<&Url>,
) -> Result<hyper::Response<Incoming>, Problem> {
    let host = url.host_str().unwrap_or_default();
    let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let problem = |problem| Problem::Http(authority.clone(), problem);
    let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let mut request = Request::builder()
        .method(method)
        .uri(target)
        .header(HOST, &authority)
        .header(USER_AGENT, format!("Footfall-check/{}", build::VERSION))
        .header(ACCEPT, "*/*")
        .header(ACCEPT_ENCODING, "identity");
    if let Some(page) = page {
        request = request.header(REFERER, format!("{}/", page.origin().ascii_serialization()));
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|_| Problem::Address(without_secrets(url)))?;
    // Some sites send more than 100 header lines, hyper's default limit.
    let (mut sender, connection) =
        http1::Builder::new().max_headers(256).handshake(TokioIo::new(stream)).await.map_err(problem)?;
    // The task ends with the body, which also returns its errors.
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(problem)
}

/// The body, and whether it was truncated.
async fn read(mut body: Incoming) -> Result<(Vec<u8>, bool), hyper::Error> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            let room = MAXIMUM_BYTES - bytes.len();
            bytes.extend_from_slice(&data[..data.len().min(room)]);
            if data.len() > room {
                return Ok((bytes, true));
            }
        }
    }
    Ok((bytes, false))
}

/// Decompresses bodies of servers that ignore `Accept-Encoding`. Damaged data ends the body early.
fn unpack(packed: &[u8]) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let mut decoder = flate2::read::MultiGzDecoder::new(packed).take(MAXIMUM_BYTES as u64 + 1);
    let _ = decoder.read_to_end(&mut bytes);
    let truncated = bytes.len() > MAXIMUM_BYTES;
    bytes.truncate(MAXIMUM_BYTES);
    (bytes, truncated)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };
    use tokio_rustls::{
        TlsAcceptor,
        rustls::{RootCertStore, ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
    };

    use super::*;

    #[tokio::test]
    async fn a_response_over_tls_needs_a_trusted_certificate_for_the_host() {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello").await;
            }
        });
        let mut roots = RootCertStore::empty();
        roots.add(own.cert.der().clone()).unwrap();
        let outbound = Outbound::trusting(roots).unwrap();
        let trusting = Fetcher { outbound, timeout_after: Duration::from_secs(20) };
        let bundled = Fetcher::new(Duration::from_secs(20)).unwrap();
        let [right, other] =
            ["localhost", "127.0.0.1"].map(|host| Url::parse(&format!("https://{host}:{port}/")).unwrap());
        assert_eq!(trusting.fetch(&Method::GET, &right, None).await.unwrap().body, b"Hello");
        assert!(matches!(trusting.fetch(&Method::GET, &other, None).await, Err(Problem::Tls(..))), "another name");
        assert!(
            matches!(bundled.fetch(&Method::GET, &right, None).await, Err(Problem::Tls(..))),
            "an unknown authority"
        );
    }

    #[test]
    fn unrequested_compression_is_undone_up_to_the_limit() {
        let packed = |length: usize| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut encoder, &vec![b' '; length]).unwrap();
            encoder.finish().unwrap()
        };
        assert_eq!(unpack(&packed(10)), (vec![b' '; 10], false));
        let (bytes, truncated) = unpack(&packed(3 * MAXIMUM_BYTES));
        assert_eq!((bytes.len(), truncated), (MAXIMUM_BYTES, true));
        assert!(unpack(b"no gzip").0.is_empty());
    }
}
