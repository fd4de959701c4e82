//! Files in the binary: the script for other sites, the page's style and script, and the description of the API.
//! `tests/browser/build-script` minifies the script from `assets/footfall.js`, and its module from
//! `assets/footfall-track.js`.

use std::sync::{LazyLock, OnceLock};

use warp::http::{HeaderValue, StatusCode, header};

use crate::http::{
    error::Error,
    reply::{Reply, cross_origin, encoded, readable_anywhere, reply},
    request::Request,
    response_body::Body,
};
use crate::page;

/// One hour. For another day, browsers use a file while they revalidate it, so that pages never wait.
const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=3600, stale-while-revalidate=86400");

/// One year, for files whose name contains a hash of their content (RFC 8246).
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// `/footfall.js`, and with the parameter `track` the module for a line with `data-track`. One address, so that second
/// names and proxies cover both.
pub(in crate::http) fn respond_with_script(request: &Request) -> Result<Reply, Error> {
    static SCRIPT: File = File::new(include_str!("../../../assets/footfall.min.js"), JAVASCRIPT);
    static TRACK: File = File::new(include_str!("../../../assets/footfall-track.min.js"), JAVASCRIPT);
    let file = if request.has_parameter("track") { &TRACK } else { &SCRIPT };
    // Modules, and a line with `crossorigin`, need CORS.
    file.respond(request).map(cross_origin).map(readable_anywhere)
}

/// `/api/openapi.json`.
pub(in crate::http) fn respond_with_description(request: &Request) -> Result<Reply, Error> {
    static DESCRIPTION: File = File::new(include_str!("../../../assets/openapi.json"), "application/json");
    DESCRIPTION.respond(request).map(readable_anywhere)
}

/// `/assets/NAME`: style and script of the page. During an update, an instance may get a request for a file of another
/// version. It sends its own file, uncached.
pub(in crate::http) fn respond_with_asset(name: &str, request: &Request) -> Result<Reply, Error> {
    static STYLE: LazyLock<File> = LazyLock::new(|| File::new(&page::STYLE.text, "text/css; charset=utf-8"));
    static SCRIPTS: LazyLock<Vec<File>> =
        LazyLock::new(|| page::SCRIPTS.iter().map(|script| File::new(&script.text, JAVASCRIPT)).collect());
    let (file, current): (&File, _) = match name.rsplit_once('.') {
        Some((stem, "css")) if stem.starts_with("page-") => (&STYLE, &page::STYLE.name),
        Some((stem, "js")) if stem.starts_with("page-") => {
            // A script of another version does not show its language.
            let of_name = page::SCRIPTS.iter().position(|script| script.name == name);
            let position = of_name.unwrap_or(request.texts().position);
            (&SCRIPTS[position], &page::SCRIPTS[position].name)
        }
        _ => return Err(Error::NotFound),
    };
    let caching = if name == *current { IMMUTABLE } else { HeaderValue::from_static("no-store") };
    let mut reply = file.respond(request)?;
    reply.headers_mut().insert(header::CACHE_CONTROL, caching);
    Ok(reply)
}

struct File {
    text: &'static str,
    content_type: &'static str,
    body: LazyLock<Body>,
    entity_tag: OnceLock<HeaderValue>,
}

impl File {
    const fn new(text: &'static str, content_type: &'static str) -> Self {
        Self { text, content_type, body: LazyLock::new(Body::lasting), entity_tag: OnceLock::new() }
    }

    /// The entity tag. Weak, because the encodings share it (RFC 9110 §8.8.1).
    fn entity_tag(&self) -> &HeaderValue {
        self.entity_tag.get_or_init(|| {
            let hash = blake3::hash(self.text.as_bytes()).to_hex();
            HeaderValue::from_str(&format!("W/\"{}\"", &hash[..16])).expect("a hash is ASCII")
        })
    }

    fn respond(&self, request: &Request) -> Result<Reply, Error> {
        let is_current = |known: &str| self.entity_tag().to_str().is_ok_and(|tag| known.contains(tag));
        let mut file = if request.header("if-none-match").is_some_and(is_current) {
            reply(StatusCode::NOT_MODIFIED, self.content_type, "")
        } else {
            let encoding = request.encoding();
            let body = self.body.get(encoding, || Ok(self.text.to_owned()));
            let body = body.map_err(|_| Error::Internal("could not compress a file"))?;
            encoded(reply(StatusCode::OK, self.content_type, body), encoding)
        };
        file.headers_mut().insert(header::ETAG, self.entity_tag().clone());
        file.headers_mut().insert(header::CACHE_CONTROL, CACHED);
        Ok(file)
    }
}
