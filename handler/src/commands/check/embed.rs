//! How a page embeds Footfall: the script, the pixel, and whether they do anything where they stand.

use url::Url;

use super::{
    client::{is_web, shown},
    html::{Element, Kind, Page, Place},
    report::Report,
};
use crate::domain::SiteName;

/// What the script is called, unless `FOOTFALL_SCRIPT` says otherwise.
const SCRIPT_NAME: &str = "footfall.js";

/// Where visits are sent and the pixel is, beside the script.
const ENDPOINT: &str = "v";

/// What to look for, beside what Footfall calls its own by default.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) site: Option<&'a SiteName>,
    pub(super) script: Option<&'a Url>,
    /// The page's own host.
    pub(super) host: &'a str,
}

impl Wanted<'_> {
    /// What `data-site` should be.
    pub(super) fn data_site(&self) -> &str {
        let site = self.site.map_or(self.host, |site| &**site);
        site.strip_prefix("www.").unwrap_or(site)
    }
}

/// A script or a pixel.
#[derive(Debug)]
pub(super) struct Embedded<'a> {
    pub(super) element: &'a Element,
    pub(super) url: Url,
}

/// Everything that is there.
#[derive(Debug, Default)]
pub(super) struct Embedding<'a> {
    /// Scripts that a browser would load.
    pub(super) scripts: Vec<Embedded<'a>>,
    /// Pixels that are loaded by everybody.
    pub(super) pixels: Vec<Embedded<'a>>,
    /// Pixels that are loaded only without script.
    pub(super) fallback: Vec<Embedded<'a>>,
    /// Where there are scripts or pixels that no browser loads.
    pub(super) idle: Vec<Place>,
}

impl<'a> Embedding<'a> {
    /// Looks for it in a page at this address. `upgrade`: the page's policy turns http into https.
    pub(super) fn find(page: &'a Page, base: &Url, upgrade: bool, wanted: &Wanted<'_>) -> Self {
        let mut found = Self::default();
        for element in &page.elements {
            let Some(mut url) = element.attribute("src").and_then(|source| base.join(source).ok()).filter(is_web)
            else {
                continue;
            };
            if upgrade && url.scheme() == "http" {
                let _ = url.set_scheme("https");
            }
            let is_ours = match element.kind {
                Kind::Script => is_script(element, &url, wanted),
                Kind::Image => site_of_pixel(&url, wanted).is_some(),
            };
            if !is_ours {
                continue;
            }
            let embedded = Embedded { element, url };
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

/// Whether two addresses name the same file.
fn same_file(one: &Url, other: &Url) -> bool {
    shown(one) == shown(other)
}

fn is_script(element: &Element, url: &Url, wanted: &Wanted<'_>) -> bool {
    let file = url.path().rsplit('/').next().unwrap_or_default();
    // Other counters have the attribute, too, but no host in it.
    let names_a_host = element
        .attribute("data-site")
        .is_some_and(|site| site.contains('.') || site == "localhost" || site == wanted.host);
    file == SCRIPT_NAME || names_a_host || wanted.script.is_some_and(|script| same_file(script, url))
}

/// The site that a pixel or a hit counter counts for, if it is one.
pub(super) fn site_of_pixel(url: &Url, wanted: &Wanted<'_>) -> Option<SiteName> {
    let mut segments = url.path().rsplit('/');
    let file = segments.next()?;
    let site: SiteName = file.strip_suffix(".gif").or_else(|| file.strip_suffix(".svg"))?.parse().ok()?;
    let is_at_endpoint = segments.next() == Some(ENDPOINT) && (site.contains('.') || &*site == "localhost");
    (is_at_endpoint || wanted.site == Some(&site) || &*site == wanted.host).then_some(site)
}

/// Where a script sends to.
pub(super) fn endpoint(script: &Embedded<'_>) -> Option<Url> {
    let to = script.element.attribute("data-to").filter(|to| !to.is_empty()).unwrap_or(ENDPOINT);
    script.url.join(to).ok().filter(is_web)
}

/// The pixel beside an endpoint.
pub(super) fn pixel_at(endpoint: &Url, site: &SiteName) -> Url {
    let mut url = endpoint.clone();
    url.set_query(None);
    url.set_path(&format!("{}/{site}.gif", endpoint.path().trim_end_matches('/')));
    url
}

/// Whether a site's visits may come from pages of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HostRelation {
    /// They may: it is the same host, or differs by `www.`.
    Same,
    /// They may with `FOOTFALL_SUBDOMAINS=on`.
    Below,
    /// They may not.
    None,
}

/// How a page's host is related to a site.
pub(super) fn host_relation(host: &str, site: &str) -> HostRelation {
    let without_www = |name: &str| {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        name.strip_prefix("www.").map_or_else(|| name.clone(), str::to_owned)
    };
    let (host, site) = (without_www(host), without_www(site));
    match host.strip_suffix(&site) {
        Some("") => HostRelation::Same,
        Some(below) if below.ends_with('.') => HostRelation::Below,
        _ => HostRelation::None,
    }
}

/// Says what of the embedding can't work whatever the servers answer. `line` is what would be right.
pub(super) fn judge(report: &mut Report, found: &Embedding<'_>, page: &Page, line: &str) {
    let Embedding { scripts, pixels, fallback, idle } = found;
    if scripts.is_empty() && pixels.is_empty() {
        if let Some(place) = idle.first() {
            report.broken(
                "not-active",
                format!("the script or the pixel stands in {}, where browsers do not load it", place.name()),
                format!("move it out, so that the page itself has {line}"),
            );
        } else if !fallback.is_empty() {
            report.broken(
                "not-embedded",
                "there is only the pixel in <noscript>, which browsers with script do not load",
                format!("add {line}"),
            );
        } else {
            report.broken("not-embedded", "the page has neither the script nor the pixel", format!("add {line}"));
        }
        if page.inline.contains(SCRIPT_NAME) {
            report.warn(
                "inserted",
                "a script of the page names footfall.js and may insert it, which this check can't see",
                format!("put the line itself into the page: {line}"),
            );
        }
        return;
    }
    let what = if scripts.is_empty() { "pixel" } else { "script" };
    let first = scripts.first().or(pixels.first()).map_or(String::new(), |first| shown(&first.url));
    report.well("embedded", format!("the page has the {what}, {first}"));
    if let Some(script) = scripts.first() {
        judge_type(report, script);
    }
    if scripts.len() > 1 {
        report.warn(
            "twice",
            format!(
                "the script is in the page {} times: only the first counts, an older copy would count again",
                scripts.len()
            ),
            "keep one of the lines",
        );
    }
    if !scripts.is_empty() && !pixels.is_empty() {
        report.broken(
            "twice",
            "script and pixel both count each view",
            "keep the script, and the pixel only inside <noscript>",
        );
    } else if pixels.len() > 1 {
        report.broken("twice", format!("{} pixels count each view", pixels.len()), "keep one of them");
    }
}

/// Attributes with which the script does not run.
fn judge_type(report: &mut Report, script: &Embedded<'_>) {
    let kind = script.element.attribute("type").unwrap_or_default().to_ascii_lowercase();
    if kind == "module" {
        report.broken(
            "not-run",
            "as a module the script can't see its own attributes, and counts nothing",
            "remove type=\"module\"",
        );
    } else if !kind.is_empty() && !super::answer::is_javascript(&kind) {
        report.broken(
            "not-run",
            format!("with type=\"{kind}\" browsers do not run it; a consent manager may have written that"),
            "remove the type: Footfall needs no consent for cookies, because it sets none",
        );
    }
    if script.element.attribute("nomodule").is_some() {
        report.broken("not-run", "with nomodule only very old browsers run it", "remove nomodule");
    }
    if script.element.attribute("integrity").is_some() {
        report.warn(
            "integrity",
            "with integrity= the script is blocked as soon as Footfall is updated",
            "remove the attribute, or renew it with each update",
        );
    }
}

/// The site that visits would be counted as, where that is known; says what is wrong with it.
pub(super) fn judge_site(report: &mut Report, found: &Embedding<'_>, wanted: &Wanted<'_>) -> Option<SiteName> {
    let right = format!("write data-site=\"{}\"", wanted.data_site());
    let site = if let Some(script) = found.scripts.first() {
        let Some(written) = script.element.attribute("data-site").filter(|site| !site.is_empty()) else {
            report.broken("site-missing", "the script has no data-site, and does not know what it counts", right);
            return None;
        };
        match written.parse::<SiteName>() {
            Ok(site) => site,
            Err(problem) => {
                report.broken("site-differs", format!("data-site: {problem}"), right);
                return None;
            }
        }
    } else {
        site_of_pixel(&found.pixels.first()?.url, wanted)?
    };
    match (wanted.site, host_relation(wanted.host, &site)) {
        (Some(expected), _) if *expected != site => {
            report.broken("site-differs", format!("the page counts as {site}, not as {expected}"), right);
        }
        (_, HostRelation::Same) => report.well("site", format!("it counts as {site}")),
        // Whether that is on is known when the server has answered.
        (_, HostRelation::Below) => {}
        (_, HostRelation::None) => report.broken(
            "site-differs",
            format!("the page is on {}, and counts as {site}: Footfall refuses that", wanted.host),
            // Who names the site has written what he wanted, and looks at the page in another place.
            if wanted.site == Some(&site) { format!("check the page where it is on {site}") } else { right },
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
        let wanted = Wanted { site: None, script: None, host: "www.example.com" };
        let found = Embedding::find(&page, &base, false, &wanted);
        let mut report = Report::new(base.to_string());
        judge(&mut report, &found, &page, "the line");
        judge_site(&mut report, &found, &wanted);
        report.findings.iter().map(|finding| finding.name).collect()
    }

    const SCRIPT: &str = "<script defer data-site=example.com src=https://f.test/footfall.js></script>";
    const PIXEL: &str = "<img src=https://f.test/v/example.com.gif>";

    #[test]
    fn a_right_line_is_found_right() {
        assert_eq!(names(SCRIPT), ["embedded", "site"]);
        assert_eq!(names(PIXEL), ["embedded", "site"]);
        assert_eq!(names(&format!("{SCRIPT}<noscript>{PIXEL}</noscript>")), ["embedded", "site"]);
        assert_eq!(names("<script data-site=example.com src=/hello.js></script>"), ["embedded", "site"]);
    }

    #[test]
    fn other_counters_are_not_taken_for_this_one() {
        assert_eq!(names("<script data-site=ABCDEFG src=https://other.test/script.js></script>"), ["not-embedded"]);
        assert_eq!(names(&PIXEL.replace(".gif", ".svg?period=month")), names(PIXEL));
        assert_eq!(names("<img src=/v/logo.gif><img src=/images/other.test.gif>"), ["not-embedded"]);
    }

    #[test]
    fn what_no_browser_loads_or_runs_is_named() {
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
    fn what_would_count_twice_is_named() {
        assert_eq!(names(&format!("{SCRIPT}{SCRIPT}")), ["embedded", "twice", "site"]);
        assert_eq!(names(&format!("{SCRIPT}{PIXEL}")), ["embedded", "twice", "site"]);
        assert_eq!(names(&format!("{PIXEL}{PIXEL}")), ["embedded", "twice", "site"]);
        assert_eq!(names(&format!("{SCRIPT}<!--{SCRIPT}-->")), ["embedded", "site"]);
    }

    #[test]
    fn a_policy_that_upgrades_is_followed() {
        let page = Page::parse(SCRIPT.replace("https", "http").as_bytes());
        let wanted = Wanted { site: None, script: None, host: "example.com" };
        let base = Url::parse("https://example.com/").unwrap();
        let scheme = |upgrade| Embedding::find(&page, &base, upgrade, &wanted).scripts[0].url.scheme().to_owned();
        assert_eq!((scheme(false), scheme(true)), ("http".to_owned(), "https".to_owned()));
    }

    #[test]
    fn a_site_that_is_not_the_page_s_is_named() {
        assert_eq!(names("<script src=/footfall.js></script>"), ["embedded", "site-missing"]);
        assert_eq!(names(&SCRIPT.replace("example.com", "example.org")), ["embedded", "site-differs"]);
        assert_eq!(names(&SCRIPT.replace("example.com", "https://example.com")), ["embedded", "site-differs"]);
        assert_eq!(names(&PIXEL.replace("example.com", "example.org")), ["embedded", "site-differs"]);
        let page = Page::parse(SCRIPT.as_bytes());
        let site = "example.com".parse().unwrap();
        let wanted = Wanted { site: Some(&site), script: None, host: "localhost" };
        let found = Embedding::find(&page, &Url::parse("http://localhost:3000/").unwrap(), false, &wanted);
        let mut report = Report::new(String::new());
        judge_site(&mut report, &found, &wanted);
        assert_eq!(report.findings[0].right.as_deref(), Some("check the page where it is on example.com"));
        assert_eq!(host_relation("shop.example.com", "www.example.com"), HostRelation::Below);
        assert_eq!(host_relation("notexample.com", "example.com"), HostRelation::None);
        assert_eq!(host_relation("WWW.Example.com.", "example.com"), HostRelation::Same);
    }
}
