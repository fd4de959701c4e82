//! `handler check URL`: fetches a page as a browser would, says whether its visits will count, and what would be right. It runs
//! nothing of the page, and counts nothing.

mod answer;
mod client;
mod embed;
mod hints;
mod html;
mod policy;
mod report;

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
    time::Duration,
};

use hyper::Method;
use url::Url;

pub use self::report::{Finding, Report, State};
use self::{
    answer::{is_mixed, judge_counting, judge_script},
    client::{Answer, Client, is_web, shown},
    embed::{Embedding, Wanted, endpoint, pixel_at},
    html::Page,
    policy::{Load, Policy, Purpose},
};
use crate::domain::SiteName;

/// The script that this program serves, to tell whether a page loads another.
const SCRIPT: &[u8] = include_bytes!("../../assets/footfall.min.js");

/// The options of the command.
#[derive(clap::Args)]
pub struct Arguments {
    /// Page to check, such as <https://example.com/>
    url: String,
    /// Site that the visits should count for [default: the host of the page]
    #[arg(long)]
    site: Option<String>,
    /// Script that the page should load, if it has another name than footfall.js or is not embedded yet
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
pub async fn run(arguments: Arguments, allows_colour: bool) -> anyhow::Result<ExitCode> {
    let Arguments { url, site, script, timeout, json } = arguments;
    let timeout = Duration::from_secs(timeout);
    let question = Question::new(&url, site.as_deref(), script.as_deref(), timeout)?;
    let report = examine(&question).await?;
    let coloured = allows_colour && io::stdout().is_terminal();
    super::print(if json { serde_json::to_string(&report)? } else { report.text(coloured) })?;
    Ok(if report.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is asked.
#[derive(Debug)]
pub struct Question {
    /// The page.
    pub url: Url,
    /// The site that its visits should count as; else the page's own host.
    pub site: Option<SiteName>,
    /// The script that it should load; needed where it has another name than `footfall.js`.
    pub script: Option<Url>,
    /// How long each answer may take.
    pub patience: Duration,
}

impl Question {
    /// Reads what somebody has typed. `https://` may be left out.
    pub fn new(url: &str, site: Option<&str>, script: Option<&str>, patience: Duration) -> anyhow::Result<Self> {
        let site = site.map(str::parse).transpose()?;
        Ok(Self { url: address(url)?, site, script: script.map(address).transpose()?, patience })
    }
}

fn address(text: &str) -> anyhow::Result<Url> {
    let text = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url = Url::parse(&text).ok().filter(is_web);
    // It is not repeated: it may hold a password.
    let url = url.filter(|url| url.username().is_empty() && url.password().is_none());
    url.ok_or_else(|| anyhow::anyhow!("write addresses as in https://example.com/, without a user name"))
}

/// The policies that hold in a page, and where it is.
struct Rules<'a> {
    page: &'a Url,
    from_header: Vec<Policy>,
    /// Each `<meta>` has a place in the page.
    from_page: Vec<Vec<Policy>>,
}

impl Rules<'_> {
    /// All policies, or those before an element.
    fn policies(&self, before: Option<usize>) -> impl Iterator<Item = (&'static str, &Policy)> {
        let of_page = self.from_page.iter().take(before.unwrap_or(usize::MAX)).flatten();
        let of_header = self.from_header.iter().map(|policy| ("of the header", policy));
        of_header.chain(of_page.map(|policy| ("in <meta>", policy)))
    }

    /// Says what blocks one of Footfall's parts. A part that the page can do without is only warned of.
    fn judge(
        &self,
        report: &mut Report,
        name: &'static str,
        what: &str,
        load: &Load<'_>,
        before: Option<usize>,
        is_needed: bool,
    ) {
        for (place, policy) in self.policies(before) {
            if let Some(block) = policy.blocks(load) {
                let text = format!("the Content-Security-Policy {place} blocks {what}: {}", block.by);
                let right = format!("make it {}", block.right);
                if is_needed {
                    report.broken(name, text, right);
                } else {
                    report.warn(name, text, right);
                }
            }
        }
    }
}

/// Looks at a page.
///
/// # Errors
/// If this program can't make connections at all. What is wrong with the page is in the report.
pub async fn examine(question: &Question) -> anyhow::Result<Report> {
    let client = Client::new(question.patience)?;
    let mut report = Report::new(shown(&question.url));
    if let Some(answer) = fetch_page(&client, question, &mut report).await {
        examine_page(&client, question, &answer, &mut report).await;
    }
    Ok(report)
}

/// The page, if it is one.
async fn fetch_page(client: &Client, question: &Question, report: &mut Report) -> Option<Answer> {
    let answer = match client.ask(&Method::GET, &question.url, None).await {
        Ok(answer) => answer,
        Err(problem) => {
            report.broken("page-unreachable", problem.to_string(), "the page must open in a browser");
            return None;
        }
    };
    let (url, status) = (shown(&answer.url), answer.status.as_u16());
    if !answer.status.is_success() {
        let right = match status {
            401 | 403 | 429 | 503 => "let requests by Footfall-check through, or check a page that needs no sign-in",
            _ => "the page must answer 200",
        };
        report.broken("page-unreachable", format!("{url} answers {status}"), right);
        return None;
    }
    let media_type = answer.media_type();
    if !matches!(&*media_type, "text/html" | "application/xhtml+xml") {
        let named = if media_type.is_empty() { "nothing that says what it is" } else { &media_type };
        report.broken("page-not-html", format!("{url} answers {named}"), "check a page that is served as text/html");
        return None;
    }
    let way = if answer.redirected { ", where the address redirects to" } else { "" };
    report.well("page", format!("{url} answers {status}{way}"));
    if answer.cut {
        report.warn("page-large", "only the first 2 MB of the page were looked at", "place the script in its <head>");
    }
    Some(answer)
}

async fn examine_page(client: &Client, question: &Question, answer: &Answer, report: &mut Report) {
    let page = Page::parse(&answer.body);
    let url = &answer.url;
    let rules = Rules {
        page: url,
        from_header: answer.header_lines("content-security-policy").flat_map(Policy::parse).collect(),
        from_page: page.policies.iter().map(|text| Policy::parse(text)).collect(),
    };
    let base = page.base.as_deref().and_then(|base| url.join(base).ok());
    let host = url.host_str().unwrap_or_default();
    let wanted = Wanted { site: question.site.as_ref(), script: question.script.as_ref(), host };
    let upgrade = rules.policies(None).any(|(_, policy)| policy.upgrades());
    let found = Embedding::find(&page, base.as_ref().unwrap_or(url), upgrade, &wanted);
    embed::judge(report, &found, &page, &line(&wanted));
    let site = embed::judge_site(report, &found, &wanted);
    report.site = site.as_ref().map(SiteName::to_string);
    // That nobody counts a wrong name says nothing: asked is about the one that was told to be right.
    let differs = report.has_broken("site-differs");
    let asked = match &site {
        Some(site) if differs => wanted.data_site().parse().ok().filter(|right| right != site),
        site => site.clone(),
    };
    if rules.from_header.iter().any(Policy::forbids_scripts) && !found.scripts.is_empty() {
        report.broken(
            "policy-script",
            "the Content-Security-Policy has a sandbox without scripts",
            "add allow-scripts to it",
        );
    }
    match found.scripts.first() {
        Some(script) => {
            let elsewhere = question.script.as_ref().filter(|wanted| shown(wanted) != shown(&script.url));
            if let Some(wanted) = elsewhere {
                let text = format!("the page loads {}, not {}", shown(&script.url), shown(wanted));
                report.warn("script-differs", text, "write the address that you meant into src");
            }
            let is_loaded = examine_script(client, &rules, script, report).await;
            let endpoint = endpoint(script);
            if let Some(endpoint) = &endpoint {
                let load = Load { purpose: Purpose::Sending, url: endpoint, page: url, redirected: false };
                rules.judge(report, "policy-sending", "sending to Footfall", &load, None, true);
                if let Some(site) = asked.as_ref().filter(|_| is_loaded) {
                    ask_about_site(client, &pixel_at(endpoint, site), url, site, report).await;
                }
            }
            hints::judge_names(report, endpoint.iter().chain([&script.url]));
            hints::judge_proxy(report, url, &script.url);
        }
        None => {
            if let Some(pixel) = found.pixels.first() {
                if let Some(site) = site.as_ref().filter(|_| !differs) {
                    ask_about_site(client, &pixel.url, url, site, report).await;
                }
                hints::judge_names(report, [&pixel.url]);
                hints::judge_proxy(report, url, &pixel.url);
            } else if let Some(script) = &question.script {
                // The page does not have it yet: it is told now whether it would work.
                fetch_script(client, &rules, script, None, report).await;
            }
        }
    }
    for pixel in found.pixels.iter().chain(&found.fallback).take(1) {
        let load = Load { purpose: Purpose::Image, url: &pixel.url, page: url, redirected: false };
        let is_needed = found.scripts.is_empty();
        rules.judge(report, "policy-pixel", "the pixel", &load, Some(pixel.element.policies), is_needed);
        let header = answer.header_lines("referrer-policy").collect::<Vec<_>>().join(",");
        hints::judge_referrer(report, url, pixel, page.referrer.as_deref(), &header);
    }
    let has_rules = answer.headers.contains_key("speculation-rules");
    let has_only_pixel = found.scripts.is_empty() && !found.pixels.is_empty();
    hints::judge_page(report, &page, has_rules, answer.header("x-robots-tag"), has_only_pixel);
}

/// The line that a page should have.
fn line(wanted: &Wanted<'_>) -> String {
    let script = wanted.script.map_or_else(|| "https://HOST/footfall.js".to_owned(), shown);
    format!("<script defer data-site=\"{}\" src=\"{script}\"></script>", wanted.data_site())
}

/// Whether the script would be loaded; says why not.
async fn examine_script(client: &Client, rules: &Rules<'_>, script: &embed::Embedded<'_>, report: &mut Report) -> bool {
    if is_mixed(rules.page, &script.url) {
        report.broken(
            "mixed-content",
            format!("{} has no TLS, and browsers do not load that into a page that has", shown(&script.url)),
            "write https:// into src",
        );
        return false;
    }
    fetch_script(client, rules, &script.url, Some(script), report).await
}

/// Whether an address answers with the script, by a way that the page's policies allow; says why not.
async fn fetch_script(
    client: &Client,
    rules: &Rules<'_>,
    url: &Url,
    script: Option<&embed::Embedded<'_>>,
    report: &mut Report,
) -> bool {
    let attribute = |name| script.and_then(|script| script.element.attribute(name));
    let purpose = Purpose::Script { nonce: attribute("nonce"), integrity: attribute("integrity") };
    let before = script.map(|script| script.element.policies);
    let load = Load { purpose, url, page: rules.page, redirected: false };
    rules.judge(report, "policy-script", "the script", &load, before, true);
    match client.ask(&Method::GET, url, Some(rules.page)).await {
        Ok(answer) => {
            if answer.redirected {
                let load = Load { purpose, url: &answer.url, page: rules.page, redirected: true };
                rules.judge(report, "policy-script", "where the script redirects to", &load, before, true);
            }
            judge_script(report, rules.page, &answer, Some(SCRIPT))
        }
        Err(problem) => {
            let right = "src must be the address of Footfall with /footfall.js";
            report.broken("script-unreachable", format!("the script can't be fetched: {problem}"), right);
            false
        }
    }
}

/// HEAD is not counted.
async fn ask_about_site(client: &Client, pixel: &Url, page: &Url, site: &SiteName, report: &mut Report) {
    match client.ask(&Method::HEAD, pixel, Some(page)).await {
        Ok(answer) => judge_counting(report, page.host_str().unwrap_or_default(), site, &answer),
        Err(problem) => {
            let text = format!("whether it counts {site} can't be asked: {problem}");
            report.broken("site-not-counted", text, "the address must be that of Footfall");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_as_people_write_it_and_a_password_is_not_repeated() {
        assert_eq!(address("example.com").unwrap().as_str(), "https://example.com/");
        assert_eq!(address("http://localhost:8080/a").unwrap().as_str(), "http://localhost:8080/a");
        for text in ["", "ftp://example.com", "https://user:hunter2@example.com/", "file:///etc/passwd", "a b"] {
            let problem = address(text).unwrap_err().to_string();
            assert!(!problem.contains("hunter2") && problem.contains("https://example.com/"), "{text}");
        }
    }
}
