//! `POST /sign-in`: from the form on a private page to a cookie, for the owner only. Without a token it signs out.

use bytes::{Buf, Bytes};
use futures_util::Stream;
use tokio::time::timeout_at;
use warp::http::{HeaderValue, Method, StatusCode, header};

use crate::domain::SiteName;
use crate::http::{Reply, access, allow, conclude, error::Error, reply, request::Request, request_body};

pub(in crate::http) async fn answer<B: Buf>(
    request: Request,
    sent: impl Stream<Item = Result<B, warp::Error>>,
) -> Reply {
    let outcome = sign_in(&request, sent).await;
    conclude(&request, outcome)
}

async fn sign_in<B: Buf>(request: &Request, sent: impl Stream<Item = Result<B, warp::Error>>) -> Result<Reply, Error> {
    allow(request, &[Method::POST], "POST")?;
    let form = timeout_at(request.answer_by, request_body::read(sent)).await.map_err(|_| Error::TooSlow)??;
    let field = |name: &str| {
        let is_named = |(known, _): &(_, _)| *known == name;
        form_urlencoded::parse(&form).find(is_named).map(|(_, value)| value.into_owned())
    };
    let app = request.app();
    let site: Option<SiteName> = field("site").and_then(|site| site.parse().ok());
    let (cookie, page) = match field("token").filter(|token| !token.is_empty()) {
        None => (access::signed_out(), "/".to_owned()),
        Some(_) if app.access.token.is_none() => {
            let problem = "nothing is private here: no token is set in FOOTFALL_DASHBOARD_TOKEN";
            return Err(Error::BadRequest(problem.to_owned()));
        }
        Some(token) => {
            let Some(cookie) = app.access.sign_in(&token, app.clock.now()) else {
                tracing::warn!(event = "sign_in_refused", "somebody tried to sign in with another token");
                return Err(Error::WrongToken(site));
            };
            if request.header("origin").is_some_and(drops_secure_cookies) {
                return Err(Error::NotSecure(site));
            }
            (cookie, site.map_or_else(|| "/".to_owned(), |site| format!("/?site={site}")))
        }
    };
    // The page is asked for anew, so that loading it again does not send the form again (RFC 9110 §15.4.4).
    let mut answer = reply(StatusCode::SEE_OTHER, "text/plain", Bytes::new());
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| Error::Internal("a header could not be written"));
    answer.headers_mut().insert(header::LOCATION, value(&page)?);
    answer.headers_mut().insert(header::SET_COOKIE, value(&cookie)?);
    Ok(answer)
}

/// Whether browsers drop cookies for TLS only from pages of this origin: all that came without, unless from the same machine (W3C Secure
/// Contexts §3.1).
fn drops_secure_cookies(origin: &str) -> bool {
    let Ok(url) = url::Url::parse(origin) else { return false };
    let is_this_machine = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "http" && !is_this_machine
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_without_tls_from_another_machine_lose_the_cookie() {
        for kept in [
            "https://example.com",
            "http://localhost:8080",
            "http://a.localhost",
            "http://127.0.0.1:80",
            "http://[::1]",
            "null",
        ] {
            assert!(!drops_secure_cookies(kept), "{kept}");
        }
        for dropped in ["http://example.com", "http://192.168.1.5:8080", "http://localhost.example"] {
            assert!(drops_secure_cookies(dropped), "{dropped}");
        }
    }
}
