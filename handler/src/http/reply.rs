//! Replies: status, content type, and the headers that every reply has.

use std::sync::LazyLock;

use bytes::Bytes;
use warp::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use super::{error::Error, response_body::ContentEncoding};

/// A complete reply.
pub(super) type Reply = Response<Bytes>;

/// The content type of pages.
pub(super) const HTML: &str = "text/html; charset=utf-8";

/// Capacity for the headers of most replies, so that the map does not grow while headers are added.
const HEADERS: usize = 14;

pub(super) fn reply(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(body.into());
    *reply.status_mut() = status;
    *reply.headers_mut() = HeaderMap::with_capacity(HEADERS);
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
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
    reply.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
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
