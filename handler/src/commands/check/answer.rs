//! What the Footfall that a page names answers: the script, and whether it counts the site.

use hyper::StatusCode;
use url::{Host, Url};

use super::{
    client::{Answer, shown},
    embed::{HostRelation, host_relation},
    report::Report,
};
use crate::domain::SiteName;

/// Whether a media type is one that browsers run as a script (WHATWG MIME Sniffing §4.6).
pub(super) fn is_javascript(media_type: &str) -> bool {
    let Some((kind, subtype)) = media_type.split_once('/') else { return false };
    let subtype = subtype.strip_prefix("x-").unwrap_or(subtype);
    matches!(kind, "text" | "application") && matches!(subtype, "javascript" | "ecmascript")
        || (kind == "text" && (subtype.starts_with("javascript1.") || matches!(subtype, "jscript" | "livescript")))
}

/// Whether a browser refuses to load a script from there into the page.
pub(super) fn is_mixed(page: &Url, script: &Url) -> bool {
    let is_local = match script.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    page.scheme() == "https" && script.scheme() == "http" && !is_local
}

/// Whether what came runs as a script; says why not. `expected` is the script of this program's version.
pub(super) fn judge_script(report: &mut Report, page: &Url, answer: &Answer, expected: Option<&[u8]>) -> bool {
    let url = shown(&answer.url);
    let media_type = answer.media_type();
    let named = if media_type.is_empty() { "no Content-Type" } else { &media_type };
    if !answer.status.is_success() {
        report.broken(
            "script-unreachable",
            format!("{url} answers {}", answer.status.as_u16()),
            "src must be the address of Footfall with /footfall.js",
        );
        return false;
    }
    let begins_as_html = answer.body.trim_ascii_start().starts_with(b"<");
    if begins_as_html || media_type == "text/html" {
        report.broken(
            "script-not-javascript",
            format!("{url} answers a page of HTML ({named}), as a site does for every address that it does not know"),
            "src must be the address of Footfall, or the web server must pass this path on to it",
        );
        return false;
    }
    if !is_javascript(&media_type) {
        let right = "serve it as text/javascript, as Footfall does: something in between changes it";
        let kind = media_type.split('/').next().unwrap_or_default();
        let refused = answer.header("x-content-type-options").eq_ignore_ascii_case("nosniff")
            || matches!(kind, "image" | "audio" | "video")
            || media_type == "text/csv";
        let text = format!("{url} is served as {named}");
        if refused {
            report.broken("script-type", text + ", which browsers refuse to run", right);
            return false;
        }
        report.warn("script-type", text, right);
    }
    let policy = answer.header("cross-origin-resource-policy");
    if answer.url.origin() != page.origin() && policy.eq_ignore_ascii_case("same-origin") {
        report.broken(
            "script-policy",
            format!("{url} has Cross-Origin-Resource-Policy: same-origin, so other sites' pages can't load it"),
            "serve it with cross-origin, as Footfall does: something in between changes it",
        );
        return false;
    }
    match expected.map(|expected| is_this_version(&answer.body, expected)) {
        Some(false) => report.warn(
            "other-version",
            format!("{url} is another script than that of this program"),
            "let both have the same version, or see what changes the script on its way",
        ),
        Some(true) => report.well("script", format!("{url} is this version's script")),
        None => report.well("script", format!("{url} answers JavaScript")),
    }
    true
}

/// Whether what is served is the script of this program. Space at its ends makes no difference.
fn is_this_version(served: &[u8], expected: &[u8]) -> bool {
    served.trim_ascii() == expected.trim_ascii()
}

/// Looks at the answer to HEAD of the pixel, which is not counted. It was asked for with the page as `Referer`, so it also tells
/// whether that page's visits are taken.
pub(super) fn judge_counting(report: &mut Report, host: &str, site: &SiteName, answer: &Answer) {
    let footfall = answer.url.origin().ascii_serialization();
    match answer.status {
        status if status.is_success() && answer.media_type() == "image/gif" => {
            report.well("site-counted", format!("{footfall} counts {site}"));
        }
        StatusCode::NOT_FOUND => {
            let right = format!("add {site} to its FOOTFALL_SITES");
            // Footfall describes each problem; what does not, is perhaps none.
            let is_footfall = answer.media_type() == "application/problem+json";
            let or = if is_footfall { "" } else { ", or let the web server pass this path on to Footfall" };
            let text = format!("{footfall} does not count {site} ({} answers 404)", shown(&answer.url));
            report.broken("site-not-counted", text, right + or);
        }
        StatusCode::FORBIDDEN if host_relation(host, site) == HostRelation::Below => report.broken(
            "site-subdomain",
            format!("{footfall} does not take visits of {host} for {site}"),
            format!("set FOOTFALL_SUBDOMAINS=on there, or list {host} in FOOTFALL_SITES and name it in data-site"),
        ),
        StatusCode::FORBIDDEN => report.broken(
            "site-refused",
            format!("{footfall} does not take visits of {host} for {site}"),
            "data-site must be the page's own host",
        ),
        status => report.broken(
            "site-not-counted",
            format!("{} answers {} and no pixel: there seems to be no Footfall", shown(&answer.url), status.as_u16()),
            "the web server must pass this path, and /v, on to Footfall",
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

    fn answer(status: u16, content_type: &'static str, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        Answer {
            url: Url::parse("https://f.test/footfall.js?secret").unwrap(),
            redirected: false,
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: body.into(),
            cut: false,
        }
    }

    fn script(answer: &Answer, expected: Option<&[u8]>) -> Vec<(&'static str, bool)> {
        let mut report = Report::new(String::new());
        judge_script(&mut report, &Url::parse("https://example.com/").unwrap(), answer, expected);
        assert!(!format!("{report:?}").contains("secret"));
        let well = report.is_well();
        report.findings.iter().map(|finding| (finding.name, well)).collect()
    }

    #[test]
    fn only_a_script_is_a_script() {
        assert_eq!(script(&answer(200, "text/javascript; charset=utf-8", "{}"), None), [("script", true)]);
        assert_eq!(script(&answer(404, "text/javascript", "{}"), None), [("script-unreachable", false)]);
        assert_eq!(script(&answer(200, "text/html", "{}"), None), [("script-not-javascript", false)]);
        assert_eq!(script(&answer(200, "text/javascript", "\n<!doctype"), None), [("script-not-javascript", false)]);
        assert_eq!(script(&answer(200, "text/plain", "{}"), None), [("script-type", true), ("script", true)]);
        assert_eq!(script(&answer(200, "image/gif", "{}"), None), [("script-type", false)]);
        let mut sniffed = answer(200, "text/plain", "{}");
        sniffed.headers.insert(HeaderName::from_static("x-content-type-options"), "nosniff".parse().unwrap());
        assert_eq!(script(&sniffed, None), [("script-type", false)]);
        let mut own = answer(200, "text/javascript", "{}");
        own.headers.insert(HeaderName::from_static("cross-origin-resource-policy"), "same-origin".parse().unwrap());
        assert_eq!(script(&own, None), [("script-policy", false)]);
    }

    #[test]
    fn another_version_is_told_by_its_bytes() {
        let served = answer(200, "text/javascript", "{let e}\n");
        assert_eq!(script(&served, Some(b"{let e}")), [("script", true)]);
        assert_eq!(script(&served, Some(b"{let f}")), [("other-version", true)]);
    }

    #[test]
    fn a_script_without_tls_is_not_loaded_into_a_page_with_tls() {
        let mixed = |page, script| is_mixed(&Url::parse(page).unwrap(), &Url::parse(script).unwrap());
        assert!(mixed("https://example.com/", "http://f.test/footfall.js"));
        for script in
            ["https://f.test/footfall.js", "http://localhost:8080/footfall.js", "http://127.0.0.1/footfall.js"]
        {
            assert!(!mixed("https://example.com/", script), "{script}");
        }
        assert!(!mixed("http://example.com/", "http://f.test/footfall.js"));
    }

    #[test]
    fn a_refused_page_is_told_why() {
        let site = "example.com".parse().unwrap();
        let name = |host, answer: Answer| {
            let mut report = Report::new(String::new());
            judge_counting(&mut report, host, &site, &answer);
            report.findings[0].name
        };
        assert_eq!(name("example.com", answer(200, "image/gif", "")), "site-counted");
        assert_eq!(name("example.com", answer(404, "application/problem+json", "")), "site-not-counted");
        assert_eq!(name("shop.example.com", answer(403, "application/problem+json", "")), "site-subdomain");
        assert_eq!(name("example.org", answer(403, "application/problem+json", "")), "site-refused");
        assert_eq!(name("example.com", answer(200, "text/html", "")), "site-not-counted");
    }
}
