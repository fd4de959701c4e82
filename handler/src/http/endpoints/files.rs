//! Files that are part of the program and the same for everybody: the script that other sites embed, which `tests/browser/build-script` makes
//! of `assets/footfall.js`, what pages of ours load, and the description of the API.

use std::sync::{LazyLock, OnceLock};

use warp::http::{HeaderValue, StatusCode, header};

use crate::http::{
    Reply, allow_reading, conclude, cross_origin, encoded, error::Error, readable_anywhere, reply, request::Request,
};
use crate::{http::response_body::Body, page};

/// Browsers keep it for an hour, and use it for a day more while they ask for another: no page waits for it.
const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=3600, stale-while-revalidate=86400");

/// What has another name as soon as it is another (RFC 8246).
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// `/footfall.js`.
pub(in crate::http) async fn answer_script(request: Request) -> Reply {
    static SCRIPT: File = File::new(include_str!("../../../assets/footfall.min.js"), JAVASCRIPT);
    let outcome = SCRIPT.answer(&request);
    conclude(&request, outcome.map(cross_origin))
}

/// `/footfall-events.js`, for pages with elements that make events.
pub(in crate::http) async fn answer_events(request: Request) -> Reply {
    static EVENTS: File = File::new(include_str!("../../../assets/footfall-events.min.js"), JAVASCRIPT);
    let outcome = EVENTS.answer(&request);
    conclude(&request, outcome.map(cross_origin))
}

/// `/api/openapi.json`.
pub(in crate::http) async fn answer_description(request: Request) -> Reply {
    static DESCRIPTION: File = File::new(include_str!("../../../assets/openapi.json"), "application/json");
    let outcome = DESCRIPTION.answer(&request);
    conclude(&request, outcome.map(readable_anywhere))
}

/// `/assets/FILE`: what pages of ours load. While instances of two versions run, one may be asked for a file of the other: it gives its own,
/// which is nearer to right than none, and which nobody keeps.
pub(in crate::http) async fn answer_asset(name: String, request: Request) -> Reply {
    static STYLE: LazyLock<File> = LazyLock::new(|| File::new(&page::STYLE.text, "text/css; charset=utf-8"));
    static SCRIPT: LazyLock<File> = LazyLock::new(|| File::new(&page::SCRIPT.text, JAVASCRIPT));
    let (file, current): (&File, _) = match name.rsplit_once('.') {
        Some((stem, "css")) if stem.starts_with("page-") => (&STYLE, &page::STYLE.name),
        Some((stem, "js")) if stem.starts_with("page-") => (&SCRIPT, &page::SCRIPT.name),
        _ => return conclude(&request, Err(Error::NotFound)),
    };
    let kept = if name == *current { KEPT } else { HeaderValue::from_static("no-store") };
    let outcome = file.answer(&request).map(|mut answer| {
        answer.headers_mut().insert(header::CACHE_CONTROL, kept);
        answer
    });
    conclude(&request, outcome)
}

struct File {
    text: &'static str,
    content_type: &'static str,
    body: LazyLock<Body>,
    version: OnceLock<HeaderValue>,
}

impl File {
    const fn new(text: &'static str, content_type: &'static str) -> Self {
        Self { text, content_type, body: LazyLock::new(Body::default), version: OnceLock::new() }
    }

    /// Its entity tag: weak, because it names the file in each of its encodings (RFC 9110 §8.8.1).
    fn version(&self) -> &HeaderValue {
        self.version.get_or_init(|| {
            let hash = blake3::hash(self.text.as_bytes()).to_hex();
            HeaderValue::from_str(&format!("W/\"{}\"", &hash[..16])).expect("a hash is ASCII")
        })
    }

    fn answer(&self, request: &Request) -> Result<Reply, Error> {
        allow_reading(request)?;
        let is_known = |known: &str| self.version().to_str().is_ok_and(|version| known.contains(version));
        let mut answer = if request.header("if-none-match").is_some_and(is_known) {
            reply(StatusCode::NOT_MODIFIED, self.content_type, "")
        } else {
            let encoding = request.encoding();
            let body = self.body.get(encoding, || Ok(self.text.to_owned()));
            let body = body.map_err(|_| Error::Internal("a file could not be compressed"))?;
            encoded(reply(StatusCode::OK, self.content_type, body), encoding)
        };
        answer.headers_mut().insert(header::ETAG, self.version().clone());
        answer.headers_mut().insert(header::CACHE_CONTROL, CACHED);
        Ok(answer)
    }
}
