//! Replies: status, content type, and the headers that every reply has.

use std::{
    io,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use bytes::Bytes;
use futures_util::stream;
use tokio::sync::mpsc;
use warp::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use super::{error::Error, response_body::ContentEncoding};
use crate::texts::Texts;

/// A complete reply.
pub(super) type Reply = Response<Bytes>;

/// The parts of a body, for a reply whose own body is empty. An error ends the connection, so that the client notices.
pub(super) type Parts = mpsc::Receiver<io::Result<Bytes>>;

/// The parts as an extension of a reply, which must be `Clone`.
#[derive(Clone)]
struct StreamedBody(Arc<Mutex<Option<Parts>>>);

/// Capacity for the headers of most replies, so that the map does not grow while headers are added.
const HEADERS: usize = 14;

pub(super) fn reply(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(body.into());
    *reply.status_mut() = status;
    *reply.headers_mut() = HeaderMap::with_capacity(HEADERS);
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

/// A page in a language.
pub(super) fn html(status: StatusCode, body: impl Into<Bytes>, texts: &Texts) -> Reply {
    let mut page = reply(status, "text/html; charset=utf-8", body);
    page.headers_mut().insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(texts.tag));
    vary(page, "accept-language")
}

/// Adds the name of a request header on which the reply depends, for caches.
pub(super) fn vary(mut reply: Reply, name: &'static str) -> Reply {
    let known = reply.headers().get(header::VARY).and_then(|known| known.to_str().ok());
    let names = match known {
        Some(known) => HeaderValue::try_from(format!("{known}, {name}")).expect("names are ASCII"),
        None => HeaderValue::from_static(name),
    };
    reply.headers_mut().insert(header::VARY, names);
    reply
}

/// A JSON reply. Caches may store it, but must revalidate it before each use.
pub(super) fn json(body: &impl serde::Serialize) -> Result<Reply, Error> {
    let body = serde_json::to_vec(body).map_err(|_| Error::Internal("could not serialize a reply as JSON"))?;
    Ok(json_body(body, ContentEncoding::Identity))
}

/// Like [`json`], with a body that is already JSON.
pub(super) fn json_body(body: impl Into<Bytes>, encoding: ContentEncoding) -> Reply {
    let mut reply = encoded(reply(StatusCode::OK, "application/json", body), encoding);
    reply.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    reply
}

/// The value of `Content-Disposition` that makes browsers store a body under this name.
///
/// # Errors
/// If the name is not ASCII. The names of sites, lists and days are.
pub(super) fn attachment(file: &str) -> Result<HeaderValue, Error> {
    let value = HeaderValue::try_from(format!("attachment; filename=\"{file}\""));
    value.map_err(|_| Error::Internal("the name of a file is not ASCII"))
}

/// Lets pages of any origin load the reply, including pages that are isolated from other origins (Fetch standard,
/// "cross-origin resource policy").
pub(super) fn cross_origin(mut reply: Reply) -> Reply {
    const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
    reply.headers_mut().insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    reply
}

/// Lets scripts of any origin read the reply. Browsers send no credentials with such a request, so that a private site
/// stays private (Fetch standard, "CORS protocol and credentials").
pub(super) fn readable_anywhere(mut reply: Reply) -> Reply {
    reply.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    reply
}

/// Keeps the reply out of every cache (RFC 9111 §5.2.2). Some caches store a reply that is only `no-store`.
pub(super) fn private(mut reply: Reply) -> Reply {
    reply.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    reply
}

/// Makes browsers use only HTTPS for this host, for a year (RFC 6797).
pub(super) fn https_only(mut reply: Reply) -> Reply {
    let year = HeaderValue::from_static("max-age=31536000");
    reply.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, year);
    reply
}

/// Keeps the reply out of search engines.
pub(super) fn unindexed(mut reply: Reply) -> Reply {
    const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");
    reply.headers_mut().insert(ROBOTS, HeaderValue::from_static("noindex"));
    reply
}

/// Adds the headers of an encoded body, for caches too.
pub(super) fn encoded(mut reply: Reply, encoding: ContentEncoding) -> Reply {
    reply = vary(reply, "accept-encoding");
    if encoding == ContentEncoding::Gzip {
        reply.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    reply
}

/// The content security policy. Pages load only files of their own origin; `frame_ancestors` are the pages that may
/// show them in a frame.
pub(super) fn content_security_policy(frame_ancestors: &str) -> HeaderValue {
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
         base-uri 'none'; form-action 'self'; frame-ancestors {frame_ancestors}"
    );
    HeaderValue::from_str(&policy).expect("origins are ASCII")
}

/// Sends these parts after the headers, one after the other.
pub(super) fn streamed(mut reply: Reply, parts: Parts) -> Reply {
    reply.extensions_mut().insert(StreamedBody(Arc::new(Mutex::new(Some(parts)))));
    reply
}

/// The response that warp sends.
pub(super) fn finish(mut reply: Reply) -> warp::reply::Response {
    let streamed: Option<StreamedBody> = reply.extensions_mut().remove();
    let parts = streamed.and_then(|body| body.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    let Some(mut parts) = parts else { return warp::Reply::into_response(reply) };
    let body = stream::poll_fn(move |context| parts.poll_recv(context));
    let mut response = warp::Reply::into_response(warp::reply::stream(body));
    *response.status_mut() = reply.status();
    *response.headers_mut() = std::mem::take(reply.headers_mut());
    response
}

/// Adds the headers that every reply has.
pub(super) fn with_common_headers(mut reply: Reply) -> Reply {
    static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| content_security_policy("'none'"));
    const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
    const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
    let headers = reply.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if reply.status() == StatusCode::NO_CONTENT {
        // A policy has no effect without a body.
        return reply;
    }
    let headers = reply.headers_mut();
    // Growing rehashes every header. Reserve once, including the headers that hyper adds.
    headers.reserve(10);
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert_with(|| POLICY.clone());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(PERMISSIONS_POLICY, HeaderValue::from_static("interest-cohort=()"));
    reply
}
