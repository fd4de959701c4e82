//! Checks the responses of the Footfall that a page embeds: the script, and whether the site is counted.

use hyper::StatusCode;
use url::{Host, Url};

use super::{
    embed::{HostRelation, host_relation},
    fetcher::{FetchedResponse, without_secrets},
};
use crate::{commands::findings::Findings, domain::SiteName};

/// The script of this program's version.
const SCRIPT: &[u8] = include_bytes!("../../../assets/footfall.min.js");

/// The suggestion for a script that is not found.
pub(super) const SCRIPT_ADDRESS: &str = "src must be Footfall's address with /footfall.js";

/// Whether browsers run this media type as a script (WHATWG MIME Sniffing §4.6).
fn is_javascript(media_type: &str) -> bool {
    let Some((kind, subtype)) = media_type.split_once('/') else { return false };
    let subtype = subtype.strip_prefix("x-").unwrap_or(subtype);
    matches!(kind, "text" | "application") && matches!(subtype, "javascript" | "ecmascript")
        || (kind == "text" && (subtype.starts_with("javascript1.") || matches!(subtype, "jscript" | "livescript")))
}

/// Whether a browser blocks the script because only the page has TLS.
pub(super) fn is_mixed_content(page: &Url, script: &Url) -> bool {
    let is_local = match script.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    page.scheme() == "https" && script.scheme() == "http" && !is_local
}

/// Whether the response runs as a script in the page.
pub(super) fn check_script(findings: &mut Findings, page: &Url, response: &FetchedResponse) -> bool {
    let url = without_secrets(&response.url);
    let media_type = response.media_type();
    let named = if media_type.is_empty() { "no Content-Type" } else { &media_type };
    if !response.status.is_success() {
        findings.fail(
            "script-unreachable",
            format!("{url} returns status {}", response.status.as_u16()),
            SCRIPT_ADDRESS,
        );
        return false;
    }
    let begins_as_html = response.body.trim_ascii_start().starts_with(b"<");
    if begins_as_html || media_type == "text/html" {
        findings.fail(
            "script-not-javascript",
            format!("{url} returns an HTML page ({named}), as some sites do for unknown addresses"),
            "src must be Footfall's address, or the web server must forward this path to Footfall",
        );
        return false;
    }
    if !is_javascript(&media_type) {
        let suggestion = "serve it as text/javascript; a proxy seems to change the response of Footfall";
        let kind = media_type.split('/').next().unwrap_or_default();
        let refused = response.header("x-content-type-options").eq_ignore_ascii_case("nosniff")
            || matches!(kind, "image" | "audio" | "video")
            || media_type == "text/csv";
        let text = format!("{url} is served as {named}");
        if refused {
            findings.fail("script-type", text + ", which browsers do not run", suggestion);
            return false;
        }
        findings.warn("script-type", text, suggestion);
    }
    let policy = response.header("cross-origin-resource-policy");
    if response.url.origin() != page.origin() && policy.eq_ignore_ascii_case("same-origin") {
        findings.fail(
            "script-policy",
            format!("{url} has Cross-Origin-Resource-Policy: same-origin, so pages of other sites can't load it"),
            "serve it with cross-origin; a proxy seems to change the response of Footfall",
        );
        return false;
    }
    if response.body.trim_ascii() == SCRIPT.trim_ascii() {
        findings.pass("script", format!("{url} is the script of this version"));
    } else {
        findings.warn(
            "other-version",
            format!("{url} differs from the script of this program"),
            "update Footfall or this program; if both have the same version, a proxy changes the script",
        );
    }
    true
}

/// Checks the response to HEAD of the pixel. The request had the page as `Referer`, so Footfall also checked its host.
pub(super) fn check_counting(findings: &mut Findings, host: &str, site: &SiteName, response: &FetchedResponse) {
    let footfall = response.url.origin().ascii_serialization();
    match response.status {
        status if status.is_success() && response.media_type() == "image/gif" => {
            findings.pass("site-counted", format!("{footfall} counts {site}"));
        }
        StatusCode::NOT_FOUND => {
            let suggestion = format!("add {site} to its FOOTFALL_SITES");
            // Footfall answers errors as problem+json. Anything else is probably a different server.
            let is_footfall = response.media_type() == "application/problem+json";
            let alternative = if is_footfall { "" } else { ", or let the web server forward this path to Footfall" };
            let text =
                format!("{footfall} does not count {site} ({} returns status 404)", without_secrets(&response.url));
            findings.fail("site-not-counted", text, suggestion + alternative);
        }
        StatusCode::FORBIDDEN if host_relation(host, site) == HostRelation::Subdomain => findings.fail(
            "site-subdomain",
            format!("{footfall} rejects visits of {host} for {site}"),
            format!("set FOOTFALL_SUBDOMAINS=on, or add {host} to FOOTFALL_SITES and use it as data-site"),
        ),
        StatusCode::FORBIDDEN => findings.fail(
            "site-refused",
            format!("{footfall} rejects visits of {host} for {site}"),
            "set data-site to the page's host",
        ),
        status => findings.fail(
            "site-not-counted",
            format!("{} returns status {} and no pixel", without_secrets(&response.url), status.as_u16()),
            "the address must be Footfall's, or the web server must forward this path and /v to Footfall",
        ),
    }
}

#[cfg(test)]
mod tests {
    use hyper::{
        HeaderMap,
        header::{CONTENT_TYPE, HeaderName},
    };

    use super::*;

    fn response(status: u16, content_type: &'static str, body: &str) -> FetchedResponse {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        FetchedResponse {
            url: Url::parse("https://f.test/footfall.js?secret").unwrap(),
            redirected: false,
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: body.into(),
            truncated: false,
        }
    }

    fn script(response: &FetchedResponse) -> Vec<(&'static str, bool)> {
        let mut findings = Findings::new();
        check_script(&mut findings, &Url::parse("https://example.com/").unwrap(), response);
        assert!(!format!("{findings:?}").contains("secret"));
        findings.findings.iter().map(|finding| (finding.name, findings.ok)).collect()
    }

    #[test]
    fn only_a_script_passes() {
        let own = str::from_utf8(SCRIPT).unwrap();
        assert_eq!(script(&response(200, "text/javascript; charset=utf-8", own)), [("script", true)]);
        assert_eq!(script(&response(404, "text/javascript", own)), [("script-unreachable", false)]);
        assert_eq!(script(&response(200, "text/html", own)), [("script-not-javascript", false)]);
        assert_eq!(script(&response(200, "text/javascript", "\n<!doctype")), [("script-not-javascript", false)]);
        assert_eq!(script(&response(200, "text/plain", own)), [("script-type", true), ("script", true)]);
        assert_eq!(script(&response(200, "image/gif", own)), [("script-type", false)]);
        let mut sniffed = response(200, "text/plain", own);
        sniffed.headers.insert(HeaderName::from_static("x-content-type-options"), "nosniff".parse().unwrap());
        assert_eq!(script(&sniffed), [("script-type", false)]);
        let mut own_only = response(200, "text/javascript", own);
        own_only
            .headers
            .insert(HeaderName::from_static("cross-origin-resource-policy"), "same-origin".parse().unwrap());
        assert_eq!(script(&own_only), [("script-policy", false)]);
    }

    #[test]
    fn a_modified_script_is_reported() {
        assert_eq!(script(&response(200, "text/javascript", "{let f}")), [("other-version", true)]);
    }

    #[test]
    fn a_script_without_tls_is_mixed_content_in_a_page_with_tls() {
        let mixed = |page, script| is_mixed_content(&Url::parse(page).unwrap(), &Url::parse(script).unwrap());
        assert!(mixed("https://example.com/", "http://f.test/footfall.js"));
        for script in
            ["https://f.test/footfall.js", "http://localhost:8080/footfall.js", "http://127.0.0.1/footfall.js"]
        {
            assert!(!mixed("https://example.com/", script), "{script}");
        }
        assert!(!mixed("http://example.com/", "http://f.test/footfall.js"));
    }

    #[test]
    fn a_rejected_page_is_reported_with_its_reason() {
        let site = "example.com".parse().unwrap();
        let name = |host, response: FetchedResponse| {
            let mut findings = Findings::new();
            check_counting(&mut findings, host, &site, &response);
            findings.findings[0].name
        };
        assert_eq!(name("example.com", response(200, "image/gif", "")), "site-counted");
        assert_eq!(name("example.com", response(404, "application/problem+json", "")), "site-not-counted");
        assert_eq!(name("shop.example.com", response(403, "application/problem+json", "")), "site-subdomain");
        assert_eq!(name("example.org", response(403, "application/problem+json", "")), "site-refused");
        assert_eq!(name("example.com", response(200, "text/html", "")), "site-not-counted");
    }
}
