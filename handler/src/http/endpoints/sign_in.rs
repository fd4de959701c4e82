//! `POST /me/sign-in`: exchanges the dashboard token for a cookie. The form of a private page sends it. A request
//! without a token signs out. A page of another site cannot sign out: browsers send it no cookie (`SameSite=Strict`), and
//! name a page of another origin (`Sec-Fetch-Site`).

use bytes::{Buf, Bytes};
use futures_util::Stream;
use warp::http::{HeaderValue, StatusCode, header};

use crate::http::{
    access,
    error::Error,
    reply::{Reply, reply},
    request::Request,
    request_body,
};
use crate::{domain::SiteName, texts::Text};

pub(in crate::http) async fn respond<B: Buf>(
    request: &Request,
    body: impl Stream<Item = Result<B, warp::Error>>,
) -> Result<Reply, Error> {
    request.keep_private();
    if request.is_cross_origin() {
        return Err(Error::ForeignForm);
    }
    let form = request_body::read(body, request.respond_by).await?;
    let field = |name: &str| {
        let is_named = |(known, _): &(_, _)| *known == name;
        url::form_urlencoded::parse(&form).find(is_named).map(|(_, value)| value.into_owned())
    };
    let app = request.app();
    let site: Option<SiteName> = field("site").and_then(|site| site.parse().ok());
    let (cookie, page) = match field("token").map(|token| token.trim().to_owned()).filter(|token| !token.is_empty()) {
        None => (request.has_session().then(access::signed_out), "/".to_owned()),
        Some(_) if app.access.token.is_none() => {
            return Err(Error::BadRequest(Text::new("errors.public")));
        }
        Some(_) if app.config.is_token_unresolved => return Err(Error::NoToken),
        Some(token) => {
            let Some(cookie) = app.access.sign_in(&token, app.clock.now()) else {
                app.access.refused_sign_ins.add();
                return Err(Error::WrongToken(site));
            };
            if request.header("origin").is_some_and(drops_secure_cookies) {
                return Err(Error::NotSecure(site));
            }
            (Some(cookie), site.map_or_else(|| "/".to_owned(), |site| format!("/?site={site}")))
        }
    };
    // Redirect to the page, so that reloading it does not send the form again (RFC 9110 §15.4.4).
    let mut redirect = reply(StatusCode::SEE_OTHER, "text/plain", Bytes::new());
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| Error::Internal("could not write a header"));
    redirect.headers_mut().insert(header::LOCATION, value(&page)?);
    if let Some(cookie) = cookie {
        redirect.headers_mut().insert(header::SET_COOKIE, value(&cookie)?);
    }
    Ok(redirect)
}

/// Whether browsers drop `Secure` cookies from pages of this origin. Browsers do so without TLS, except on localhost
/// (W3C Secure Contexts §3.1).
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
    fn browsers_drop_the_cookie_without_tls_except_on_localhost() {
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
