//! `handler check URL`: fetches a page as a browser would and reports whether its visits will count. The check runs no script of
//! the page and counts nothing.

mod embed;
mod fetcher;
mod html;
mod response;

use std::{process::ExitCode, time::Duration};

use hyper::Method;
use url::Url;

use self::{
    embed::{Embedding, Expected, endpoint, pixel_at},
    fetcher::{FetchedResponse, Fetcher, is_web, without_secrets},
    html::Page,
    response::{check_counting, check_script, is_mixed_content},
};
use super::findings::{Findings, Report};
use crate::domain::SiteName;

/// The options of the command.
#[derive(clap::Args)]
pub struct CheckArguments {
    /// Page to check, such as <https://example.com/>
    #[arg(value_name = "URL")]
    url: String,
    /// Site that the visits should count for [default: the page's host]
    #[arg(long, value_name = "HOST")]
    site: Option<String>,
    /// Script of the page, if its name is not footfall.js
    #[arg(long, value_name = "URL")]
    script: Option<String>,
    /// Seconds that each response may take
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Prints the findings about a page. The exit code is 0 if its visits will count.
///
/// # Errors
/// If an argument is not valid, or this program can't make connections at all.
pub async fn run(arguments: CheckArguments, allows_colour: bool) -> anyhow::Result<ExitCode> {
    let json = arguments.json;
    check_page(&CheckRequest::new(arguments)?).await?.print(json, allows_colour)
}

/// The page to check and its expected values.
struct CheckRequest {
    url: Url,
    /// The site that the visits should count for; `None`: the page's host.
    site: Option<SiteName>,
    /// The script that the page should load, if its name is not `footfall.js`.
    script: Option<Url>,
    /// The time that each response may take.
    timeout: Duration,
}

impl CheckRequest {
    fn new(arguments: CheckArguments) -> anyhow::Result<Self> {
        Ok(Self {
            url: web_address(&arguments.url)?,
            site: arguments.site.as_deref().map(str::parse).transpose()?,
            script: arguments.script.as_deref().map(web_address).transpose()?,
            timeout: Duration::from_secs(arguments.timeout),
        })
    }
}

/// Parses an address. `https://` is optional.
fn web_address(text: &str) -> anyhow::Result<Url> {
    let text = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url = Url::parse(&text).ok().filter(is_web);
    let url = url.filter(|url| url.username().is_empty() && url.password().is_none());
    // The error does not repeat the address, because it may contain a password.
    url.ok_or_else(|| anyhow::anyhow!("write addresses as in https://example.com/, without a user name"))
}

/// Whether visits to a page will count.
fn result(url: &str, site: Option<&str>, findings: &Findings) -> String {
    let failed: Vec<_> = findings.failed().collect();
    match (&failed[..], site) {
        ([], Some(site)) => format!("Visits to {url} will count for {site}."),
        ([], None) => format!("Visits to {url} will count."),
        ([only], _) if only.name == "twice" => format!("Visits to {url} will count twice until this is fixed."),
        ([_], _) => format!("Visits to {url} will not count until this is fixed."),
        (failed, _) => format!("Visits to {url} will not count until {} problems are fixed.", failed.len()),
    }
}

/// Fetches and checks a page.
async fn check_page(request: &CheckRequest) -> anyhow::Result<Report> {
    let fetcher = Fetcher::new(request.timeout)?;
    let mut findings = Findings::new();
    let site = match fetch_page(&fetcher, request, &mut findings).await {
        Some(response) => check_response(&fetcher, request, &response, &mut findings).await,
        None => None,
    };
    let (url, site) = (without_secrets(&request.url), site.map(|site| site.to_string()));
    Ok(Report { result: result(&url, site.as_deref(), &findings), url, site, findings })
}

/// The response, if it is an HTML page.
async fn fetch_page(fetcher: &Fetcher, request: &CheckRequest, findings: &mut Findings) -> Option<FetchedResponse> {
    let response = match fetcher.fetch(&Method::GET, &request.url, None).await {
        Ok(response) => response,
        Err(problem) => {
            findings.fail("page-unreachable", problem.to_string(), "the page must open in a browser");
            return None;
        }
    };
    let (url, status) = (without_secrets(&response.url), response.status.as_u16());
    if !response.status.is_success() {
        let suggestion = match status {
            401 | 403 | 429 | 503 => "allow requests of Footfall-check, or check a page without sign-in",
            _ => "the page must return status 200",
        };
        findings.fail("page-unreachable", format!("{url} returns status {status}"), suggestion);
        return None;
    }
    let media_type = response.media_type();
    if !matches!(&*media_type, "text/html" | "application/xhtml+xml") {
        let kind = if media_type.is_empty() { "no Content-Type" } else { &media_type };
        findings.fail("page-not-html", format!("{url} returns {kind}"), "check a page that is served as text/html");
        return None;
    }
    let redirected = if response.redirected { " after a redirect" } else { "" };
    findings.pass("page", format!("{url} returns status {status}{redirected}"));
    if response.truncated {
        findings.warn("page-large", "only the first 2 MB of the page were checked", "move the script into its <head>");
    }
    Some(response)
}

/// Checks the embedding and the servers behind it. Returns the site that visits count for.
async fn check_response(
    fetcher: &Fetcher,
    request: &CheckRequest,
    response: &FetchedResponse,
    findings: &mut Findings,
) -> Option<SiteName> {
    let page = Page::parse(&response.body);
    let url = &response.url;
    let base = page.base.as_deref().and_then(|base| url.join(base).ok());
    let host = url.host_str().unwrap_or_default();
    let expected = Expected { site: request.site.as_ref(), script: request.script.as_ref(), host };
    let embedding = Embedding::find(&page, base.as_ref().unwrap_or(url), &expected);
    embed::check(findings, &embedding, &page, &embed_line(&expected));
    let site = embed::check_site(findings, &embedding, &expected);
    // If data-site is wrong, query the suggested name: a 404 for the wrong one proves nothing.
    let is_wrong = findings.failed().any(|finding| finding.name == "site-differs");
    let queried = match &site {
        Some(site) if is_wrong => expected.data_site().parse().ok().filter(|suggested| suggested != site),
        site => site.clone(),
    };
    if page.has_policy || response.headers.contains_key("content-security-policy") {
        findings.warn(
            "policy",
            "the page has a Content-Security-Policy, which this check does not evaluate",
            "allow Footfall's host in script-src and connect-src (the pixel: img-src)",
        );
    }
    if let Some(script) = embedding.scripts.first() {
        if is_mixed_content(url, &script.url) {
            let text = format!("{} has no TLS, so browsers block it in a page with TLS", without_secrets(&script.url));
            findings.fail("mixed-content", text, "use https:// in src");
        } else if fetch_script(fetcher, url, &script.url, findings).await
            && let (Some(endpoint), Some(site)) = (endpoint(script), &queried)
        {
            query_site(fetcher, &pixel_at(&endpoint, site), url, site, findings).await;
        }
    } else if let Some(pixel) = embedding.pixels.first() {
        if let Some(site) = site.as_ref().filter(|_| !is_wrong) {
            query_site(fetcher, &pixel.url, url, site, findings).await;
        }
    } else if let Some(script) = &request.script {
        // The page does not embed the script yet. Report whether it would work.
        fetch_script(fetcher, url, script, findings).await;
    }
    site
}

/// The line that a page should contain.
fn embed_line(expected: &Expected<'_>) -> String {
    let script = expected.script.map_or_else(|| "https://HOST/footfall.js".to_owned(), without_secrets);
    format!("<script defer data-site=\"{}\" src=\"{script}\"></script>", expected.data_site())
}

/// Whether the address returns a script that runs in the page.
async fn fetch_script(fetcher: &Fetcher, page: &Url, script: &Url, findings: &mut Findings) -> bool {
    match fetcher.fetch(&Method::GET, script, Some(page)).await {
        Ok(response) => check_script(findings, page, &response),
        Err(problem) => {
            let text = format!("the script can't be fetched: {problem}");
            findings.fail("script-unreachable", text, response::SCRIPT_ADDRESS);
            false
        }
    }
}

/// Queries the pixel by HEAD, which is not counted.
async fn query_site(fetcher: &Fetcher, pixel: &Url, page: &Url, site: &SiteName, findings: &mut Findings) {
    match fetcher.fetch(&Method::HEAD, pixel, Some(page)).await {
        Ok(response) => check_counting(findings, page.host_str().unwrap_or_default(), site, &response),
        Err(problem) => {
            let text = format!("can't query whether {site} is counted: {problem}");
            findings.fail("site-not-counted", text, "the address must be Footfall's");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_omit_https_and_an_error_never_repeats_a_password() {
        assert_eq!(web_address("example.com").unwrap().as_str(), "https://example.com/");
        assert_eq!(web_address("http://localhost:8080/a").unwrap().as_str(), "http://localhost:8080/a");
        for text in ["", "ftp://example.com", "https://user:hunter2@example.com/", "file:///etc/passwd", "a b"] {
            let problem = web_address(text).unwrap_err().to_string();
            assert!(!problem.contains("hunter2") && problem.contains("https://example.com/"), "{text}");
        }
    }

    #[test]
    fn the_last_line_reports_whether_visits_will_count() {
        let url = "https://example.com/";
        let mut findings = Findings::new();
        findings.warn("policy", "a", "b");
        let site = Some("example.com");
        assert_eq!(result(url, site, &findings), "Visits to https://example.com/ will count for example.com.");
        findings.fail("twice", "a", "b");
        assert!(result(url, site, &findings).ends_with("will count twice until this is fixed."));
        findings.fail("site-missing", "a", "b");
        assert!(result(url, site, &findings).ends_with("will not count until 2 problems are fixed."));
    }
}
