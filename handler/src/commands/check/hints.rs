//! What works, and what its owner should know of it.

use url::Url;

use super::{client::shown, embed::Embedded, html::Page, report::Report};

/// Names of files and paths that the general rules of block lists such as `EasyPrivacy` hold.
const BLOCKED_NAMES: &[&str] = &[
    "analytics",
    "beacon",
    "collect",
    "matomo",
    "metrics",
    "piwik",
    "pixel",
    "plausible",
    "statistics",
    "stats",
    "track",
    "tracker",
    "tracking",
    "umami",
];

/// Beginnings of host names that they hold; `track` also begins longer ones.
const BLOCKED_HOSTS: &[&str] = &["analytics", "matomo", "metrics", "piwik", "plausible", "stats", "umami"];

/// What in an address block lists are likely to hold.
fn blocked(url: &Url) -> Option<String> {
    let path = url.path().to_ascii_lowercase();
    let stem = |segment: &str| segment.split('.').next().unwrap_or_default().to_owned();
    if let Some(segment) = path.split('/').find(|segment| BLOCKED_NAMES.contains(&&*stem(segment))) {
        return Some(format!("the name {segment}"));
    }
    let label = url.host_str()?.split('.').next()?;
    let is_host = url.domain().is_some_and(|domain| domain.contains('.'));
    let is_blocked = BLOCKED_HOSTS.contains(&label) || label.starts_with("track");
    (is_host && is_blocked).then(|| format!("host names that begin with {label}"))
}

/// Names that block lists hold: hosts, the script, where it sends.
pub(super) fn judge_names<'a>(report: &mut Report, urls: impl IntoIterator<Item = &'a Url>) {
    let mut told: Vec<String> = Vec::new();
    for url in urls {
        let Some(what) = blocked(url).filter(|what| !told.contains(what)) else { continue };
        report.warn(
            "block-lists",
            format!("block lists are likely to hold {what}, in {}", shown(url)),
            "serve Footfall under another name, so that visitors with a blocker count, too",
        );
        told.push(what);
    }
}

/// A script from the page's own host has come through a proxy.
pub(super) fn judge_proxy(report: &mut Report, page: &Url, script: &Url) {
    if page.origin() == script.origin() {
        report.warn(
            "proxied",
            "the script comes from the page's own host, so a proxy stands between visitors and Footfall",
            "it must pass X-Forwarded-For on, and FOOTFALL_TRUSTED_PROXIES must count it, or all visitors are one",
        );
    }
}

/// Prerendering and robots: neither changes what the script counts.
pub(super) fn judge_page(
    report: &mut Report,
    page: &Page,
    has_speculation_rules: bool,
    header_robots: &str,
    has_only_pixel: bool,
) {
    let speculates = page.speculates || has_speculation_rules;
    if speculates && has_only_pixel {
        report.warn(
            "prerender",
            "a page that is prerendered loads the pixel before anybody sees it, which is not counted",
            "embed the script, which waits until somebody does",
        );
    } else if speculates {
        report.well("prerender", "the page is prerendered or prefetched by rule: a view counts when somebody sees it");
    }
    let no_index = |text: &str| text.to_ascii_lowercase().contains("noindex");
    if page.no_index || no_index(header_robots) {
        report.well("robots", "search engines are asked not to list the page, which changes nothing here");
    }
}

/// Without the path in `Referer` a pixel can't know its page. Policies: of the image, of the page's `<meta>`, of its header.
pub(super) fn judge_referrer(report: &mut Report, page: &Url, pixel: &Embedded<'_>, meta: Option<&str>, header: &str) {
    const RIGHT: &str = "write referrerpolicy=\"no-referrer-when-downgrade\" into the <img>";
    let known = |policy: &str| {
        // Of several the last that is known holds; all begin like this.
        let words = ["no-referrer", "origin", "same-origin", "strict-origin", "unsafe-url"];
        words.iter().any(|word| policy.starts_with(word))
    };
    let header = header.to_ascii_lowercase();
    let own = pixel.element.attribute("referrerpolicy").map(str::to_ascii_lowercase);
    let from_header = header.split(',').map(str::trim).rfind(|policy| known(policy));
    let policy = own.as_deref().filter(|own| known(own)).or(meta.filter(|meta| known(meta))).or(from_header);
    let same = page.origin() == pixel.url.origin();
    let downgrade = page.scheme() == "https" && pixel.url.scheme() == "http";
    let sends_path = match policy.unwrap_or("strict-origin-when-cross-origin") {
        "unsafe-url" => true,
        "no-referrer-when-downgrade" => !downgrade,
        "same-origin" | "origin-when-cross-origin" | "strict-origin-when-cross-origin" => same,
        _ => false,
    };
    match policy {
        _ if sends_path => {}
        Some(policy) => report.warn(
            "pixel-path",
            format!("with the referrer policy {policy} the pixel does not learn its page, and counts all views for /"),
            RIGHT,
        ),
        None => report.warn(
            "pixel-path",
            "browsers tell a pixel of another host only the page's host, so all views count for /",
            RIGHT,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::embed::{Embedding, Wanted};
    use super::*;

    #[test]
    fn names_of_block_lists_are_told_and_ours_are_not_among_them() {
        let is_blocked = |url| blocked(&Url::parse(url).unwrap()).is_some();
        for url in [
            "https://analytics.example.com/footfall.js",
            "https://stats.example.com/v",
            "https://tracking7.example.com/v",
            "https://f.example.com/analytics.js",
            "https://f.example.com/api/collect",
            "https://f.example.com/pixel.gif",
        ] {
            assert!(is_blocked(url), "{url}");
        }
        for url in ["https://f.example.com/footfall.js", "https://example.com/v/example.com.gif", "http://localhost/v"]
        {
            assert!(!is_blocked(url), "{url}");
        }
    }

    #[test]
    fn a_pixel_needs_a_referrer_with_a_path() {
        let told = |attribute: &str, meta, header, host| {
            let html = format!("<img src=https://{host}/v/example.com.gif {attribute}>");
            let (page, url) = (Page::parse(html.as_bytes()), Url::parse("https://example.com/").unwrap());
            let wanted = Wanted { site: None, script: None, host: "example.com" };
            let found = Embedding::find(&page, &url, false, &wanted);
            let mut report = Report::new(String::new());
            judge_referrer(&mut report, &url, &found.pixels[0], meta, header);
            !report.findings.is_empty()
        };
        assert!(told("", None, "", "f.test"), "browsers' own policy");
        assert!(!told("", None, "", "example.com"));
        assert!(told("", None, "no-referrer", "example.com"));
        assert!(told("", Some("no-referrer"), "unsafe-url", "f.test"));
        assert!(told("", None, "unsafe-url, no-referrer, fantasy", "f.test"));
        assert!(!told("", None, "no-referrer, unsafe-url", "f.test"));
        assert!(!told("referrerpolicy=no-referrer-when-downgrade", Some("no-referrer"), "no-referrer", "f.test"));
        assert!(told("referrerpolicy=origin", None, "", "example.com"));
    }
}
