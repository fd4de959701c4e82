//! The script and the pixel in a page, and whether browsers load them.

use url::Url;

use super::{
    fetcher::{is_web, without_secrets},
    html::{Element, Kind, Page, Place},
};
use crate::{commands::findings::Findings, domain::SiteName};

/// The default name of the script.
const SCRIPT_NAME: &str = "footfall.js";

/// The default path of visits and of the pixel, relative to the script.
const ENDPOINT: &str = "v";

/// The expected embedding, in addition to the default names.
#[derive(Debug)]
pub(super) struct Expected<'a> {
    pub(super) site: Option<&'a SiteName>,
    pub(super) script: Option<&'a Url>,
    /// The page's host.
    pub(super) host: &'a str,
}

impl Expected<'_> {
    /// The expected `data-site`.
    pub(super) fn data_site(&self) -> &str {
        let site = self.site.map_or(self.host, |site| &**site);
        site.strip_prefix("www.").unwrap_or(site)
    }
}

/// A script or a pixel.
#[derive(Debug)]
pub(super) struct EmbeddedElement<'a> {
    pub(super) element: &'a Element,
    pub(super) url: Url,
}

/// All scripts and pixels of a page.
#[derive(Debug, Default)]
pub(super) struct Embedding<'a> {
    /// Scripts that a browser would load.
    pub(super) scripts: Vec<EmbeddedElement<'a>>,
    /// Pixels that every browser loads.
    pub(super) pixels: Vec<EmbeddedElement<'a>>,
    /// Pixels that only browsers without script load.
    pub(super) fallback: Vec<EmbeddedElement<'a>>,
    /// Places of scripts and pixels that no browser loads.
    pub(super) idle: Vec<Place>,
}

impl<'a> Embedding<'a> {
    /// Finds them in a page. Relative addresses refer to `base`.
    pub(super) fn find(page: &'a Page, base: &Url, expected: &Expected<'_>) -> Self {
        let mut found = Self::default();
        for element in &page.elements {
            let Some(url) = element.attribute("src").and_then(|source| base.join(source).ok()).filter(is_web) else {
                continue;
            };
            let is_ours = match element.kind {
                Kind::Script => is_script(element, &url, expected),
                Kind::Image => site_of_pixel(&url, expected).is_some(),
            };
            if !is_ours {
                continue;
            }
            let embedded = EmbeddedElement { element, url };
            match (element.kind, element.place) {
                (Kind::Script, Place::Page) => found.scripts.push(embedded),
                (Kind::Image, Place::Page) => found.pixels.push(embedded),
                (Kind::Image, Place::Noscript) => found.fallback.push(embedded),
                (_, place) => found.idle.push(place),
            }
        }
        found
    }
}

/// Whether two addresses differ only in query and fragment.
fn same_file(one: &Url, other: &Url) -> bool {
    without_secrets(one) == without_secrets(other)
}

fn is_script(element: &Element, url: &Url, expected: &Expected<'_>) -> bool {
    let file = url.path().rsplit('/').next().unwrap_or_default();
    // Other counters have the attribute too, but no host in it.
    let names_a_host = element
        .attribute("data-site")
        .is_some_and(|site| site.contains('.') || site == "localhost" || site == expected.host);
    file == SCRIPT_NAME || names_a_host || expected.script.is_some_and(|script| same_file(script, url))
}

/// The site of a pixel or a hit counter, or `None` for another image.
pub(super) fn site_of_pixel(url: &Url, expected: &Expected<'_>) -> Option<SiteName> {
    let mut segments = url.path().rsplit('/');
    let file = segments.next()?;
    let site: SiteName = file.strip_suffix(".gif").or_else(|| file.strip_suffix(".svg"))?.parse().ok()?;
    let folder = segments.next();
    let is_at_endpoint = folder == Some(ENDPOINT) && (site.contains('.') || &*site == "localhost");
    // A badge is named like a pixel, but counts nothing.
    (folder != Some("badge")).then_some(())?;
    (is_at_endpoint || expected.site == Some(&site) || &*site == expected.host).then_some(site)
}

/// The address to which a script sends visits.
pub(super) fn endpoint(script: &EmbeddedElement<'_>) -> Option<Url> {
    let to = script.element.attribute("data-to").filter(|to| !to.is_empty()).unwrap_or(ENDPOINT);
    script.url.join(to).ok().filter(is_web)
}

/// The pixel of an endpoint.
pub(super) fn pixel_at(endpoint: &Url, site: &SiteName) -> Url {
    let mut url = endpoint.clone();
    url.set_query(None);
    url.set_path(&format!("{}/{site}.gif", endpoint.path().trim_end_matches('/')));
    url
}

/// The relation of a page's host to a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HostRelation {
    /// The same host, or it differs by `www.`: visits count.
    Same,
    /// Visits count with `FOOTFALL_SUBDOMAINS=on`.
    Subdomain,
    /// Visits don't count.
    Other,
}

pub(super) fn host_relation(host: &str, site: &str) -> HostRelation {
    let without_www = |name: &str| {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        name.strip_prefix("www.").map_or_else(|| name.clone(), str::to_owned)
    };
    let (host, site) = (without_www(host), without_www(site));
    match host.strip_suffix(&site) {
        Some("") => HostRelation::Same,
        Some(below) if below.ends_with('.') => HostRelation::Subdomain,
        _ => HostRelation::Other,
    }
}

/// Reports faults that are visible in the page alone. `line` is the line that the page should contain.
pub(super) fn check(findings: &mut Findings, found: &Embedding<'_>, page: &Page, line: &str) {
    let Embedding { scripts, pixels, fallback, idle } = found;
    if scripts.is_empty() && pixels.is_empty() {
        if let Some(place) = idle.first() {
            findings.fail(
                "not-active",
                format!("the script or the pixel is in {}, where browsers do not load it", place.name()),
                format!("move it out, so that the page itself has {line}"),
            );
        } else if !fallback.is_empty() {
            findings.fail(
                "not-embedded",
                "the page has only the pixel in <noscript>, which most browsers do not load",
                format!("add {line}"),
            );
        } else {
            findings.fail("not-embedded", "the page has neither the script nor the pixel", format!("add {line}"));
        }
        if page.inline.contains(SCRIPT_NAME) {
            findings.warn(
                "inserted",
                "an inline script mentions footfall.js and may insert it, which this check can't see",
                format!("put the line itself into the page: {line}"),
            );
        }
        return;
    }
    let what = if scripts.is_empty() { "pixel" } else { "script" };
    let first = scripts.first().or(pixels.first()).map_or(String::new(), |first| without_secrets(&first.url));
    findings.pass("embedded", format!("the page has the {what}, {first}"));
    if let Some(script) = scripts.first() {
        check_type(findings, script);
    }
    if scripts.len() > 1 {
        findings.warn(
            "twice",
            format!("the page has the script {} times; an old copy of it may count again", scripts.len()),
            "keep one of the lines",
        );
    }
    if !scripts.is_empty() && !pixels.is_empty() {
        findings.fail(
            "twice",
            "the script and the pixel both count each view",
            "keep the script, and the pixel only inside <noscript>",
        );
    } else if pixels.len() > 1 {
        findings.fail("twice", format!("{} pixels count each view", pixels.len()), "keep one of them");
    }
}

/// Reports attributes that keep the script from running.
fn check_type(findings: &mut Findings, script: &EmbeddedElement<'_>) {
    let kind = script.element.attribute("type").unwrap_or_default().to_ascii_lowercase();
    if kind == "module" {
        findings.fail("not-run", "as a module, the script can't read its own attributes", "remove type=\"module\"");
    } else if !kind.is_empty() && kind != "text/javascript" && kind != "application/javascript" {
        findings.fail(
            "not-run",
            format!("browsers do not run type=\"{kind}\"; a consent manager may have set it"),
            "remove the type; Footfall sets no cookies, so it needs no consent for them",
        );
    }
    if script.element.attribute("nomodule").is_some() {
        findings.fail("not-run", "only very old browsers run scripts with nomodule", "remove nomodule");
    }
    if script.element.attribute("integrity").is_some() {
        findings.warn(
            "integrity",
            "the script is blocked after the next update of Footfall, because of integrity=",
            "remove the attribute, or change it with each update",
        );
    }
}

/// The site that visits count for, if it is known. Reports a wrong one.
pub(super) fn check_site(findings: &mut Findings, found: &Embedding<'_>, expected: &Expected<'_>) -> Option<SiteName> {
    let suggestion = format!("write data-site=\"{}\"", expected.data_site());
    let site = if let Some(script) = found.scripts.first() {
        let Some(written) = script.element.attribute("data-site").filter(|site| !site.is_empty()) else {
            findings.fail("site-missing", "the script has no data-site", suggestion);
            return None;
        };
        match written.parse::<SiteName>() {
            Ok(site) => site,
            Err(problem) => {
                findings.fail("site-differs", format!("data-site: {problem}"), suggestion);
                return None;
            }
        }
    } else {
        site_of_pixel(&found.pixels.first()?.url, expected)?
    };
    match (expected.site, host_relation(expected.host, &site)) {
        (Some(wanted), _) if *wanted != site => {
            findings.fail("site-differs", format!("the page counts for {site}, not for {wanted}"), suggestion);
        }
        (_, HostRelation::Same) => findings.pass("site", format!("the page counts for {site}")),
        // Footfall's response to the query shows whether FOOTFALL_SUBDOMAINS is on.
        (_, HostRelation::Subdomain) => {}
        (_, HostRelation::Other) => findings.fail(
            "site-differs",
            format!("the page is on {}, so Footfall rejects visits for {site}", expected.host),
            // With --site the name is intended, and this is a copy of the page elsewhere.
            if expected.site == Some(&site) { format!("check the page on {site}") } else { suggestion },
        ),
    }
    Some(site)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(html: &str) -> Vec<&'static str> {
        let page = Page::parse(html.as_bytes());
        let base = Url::parse("https://www.example.com/a/").unwrap();
        let expected = Expected { site: None, script: None, host: "www.example.com" };
        let found = Embedding::find(&page, &base, &expected);
        let mut findings = Findings::new();
        check(&mut findings, &found, &page, "the line");
        check_site(&mut findings, &found, &expected);
        findings.findings.iter().map(|finding| finding.name).collect()
    }

    const SCRIPT: &str = "<script defer data-site=example.com src=https://f.test/footfall.js></script>";
    const PIXEL: &str = "<img src=https://f.test/v/example.com.gif>";

    #[test]
    fn a_correct_line_passes() {
        assert_eq!(names(SCRIPT), ["embedded", "site"]);
        assert_eq!(names(PIXEL), ["embedded", "site"]);
        assert_eq!(names(&format!("{SCRIPT}<noscript>{PIXEL}</noscript>")), ["embedded", "site"]);
        assert_eq!(names("<script data-site=example.com src=/hello.js></script>"), ["embedded", "site"]);
    }

    #[test]
    fn scripts_and_pixels_of_other_counters_are_ignored() {
        assert_eq!(names("<script data-site=ABCDEFG src=https://other.test/script.js></script>"), ["not-embedded"]);
        assert_eq!(names(&PIXEL.replace(".gif", ".svg?period=month")), names(PIXEL));
        assert_eq!(names("<img src=/v/logo.gif><img src=/images/other.test.gif>"), ["not-embedded"]);
        let badge = "<img src=https://f.test/badge/www.example.com.svg><img src=/badge/example.com.svg>";
        assert_eq!(names(badge), ["not-embedded"]);
        assert_eq!(names(&format!("{SCRIPT}{badge}")), names(SCRIPT));
    }

    #[test]
    fn elements_that_no_browser_loads_or_runs_are_reported() {
        assert_eq!(names(&format!("<!--{SCRIPT}-->")), ["not-active"]);
        assert_eq!(names(&format!("<template>{SCRIPT}</template>")), ["not-active"]);
        assert_eq!(names(&format!("<noscript>{SCRIPT}</noscript>")), ["not-active"]);
        assert_eq!(names(&format!("<noscript>{PIXEL}</noscript>")), ["not-embedded"]);
        assert_eq!(names("<script>s.src='https://f.test/footfall.js'</script>"), ["not-embedded", "inserted"]);
        for attribute in ["type=text/plain", "type=module", "nomodule"] {
            let script = SCRIPT.replace("defer", attribute);
            assert_eq!(names(&script), ["embedded", "not-run", "site"], "{attribute}");
        }
        assert_eq!(names(&SCRIPT.replace("defer", "type=Text/JavaScript")), ["embedded", "site"]);
    }

    #[test]
    fn double_counting_is_reported() {
        assert_eq!(names(&format!("{SCRIPT}{SCRIPT}")), ["embedded", "twice", "site"]);
        assert_eq!(names(&format!("{SCRIPT}{PIXEL}")), ["embedded", "twice", "site"]);
        assert_eq!(names(&format!("{PIXEL}{PIXEL}")), ["embedded", "twice", "site"]);
        assert_eq!(names(&format!("{SCRIPT}<!--{SCRIPT}-->")), ["embedded", "site"]);
    }

    #[test]
    fn a_site_that_differs_from_the_page_is_reported() {
        assert_eq!(names("<script src=/footfall.js></script>"), ["embedded", "site-missing"]);
        assert_eq!(names(&SCRIPT.replace("example.com", "example.org")), ["embedded", "site-differs"]);
        assert_eq!(names(&SCRIPT.replace("example.com", "https://example.com")), ["embedded", "site-differs"]);
        assert_eq!(names(&PIXEL.replace("example.com", "example.org")), ["embedded", "site-differs"]);
        let page = Page::parse(SCRIPT.as_bytes());
        let site = "example.com".parse().unwrap();
        let expected = Expected { site: Some(&site), script: None, host: "localhost" };
        let found = Embedding::find(&page, &Url::parse("http://localhost:3000/").unwrap(), &expected);
        let mut findings = Findings::new();
        check_site(&mut findings, &found, &expected);
        assert_eq!(findings.findings[0].suggestion.as_deref(), Some("check the page on example.com"));
        assert_eq!(host_relation("shop.example.com", "www.example.com"), HostRelation::Subdomain);
        assert_eq!(host_relation("notexample.com", "example.com"), HostRelation::Other);
        assert_eq!(host_relation("WWW.Example.com.", "example.com"), HostRelation::Same);
    }
}
