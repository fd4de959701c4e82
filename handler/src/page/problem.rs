//! The page for a person whose request failed.

use serde::Serialize;

use super::{
    templates::templates,
    wording::{query_value, short, titled},
};
use crate::{build, domain::site_name::SiteName, texts::Texts};

/// A failed request in words, and the way back.
pub struct Problem<'a> {
    /// The problem in a few words.
    pub heading: &'a str,
    /// The remedy, as a part of a sentence or as sentences.
    pub detail: &'a str,
    /// The target of the page's link.
    pub way_back: WayBack<'a>,
}

/// The target of the link on a problem's page.
pub enum WayBack<'a> {
    /// The first page.
    Start,
    /// The default range of a site, with the access of a shared link.
    Site {
        /// The site.
        site: &'a SiteName,
        /// The shared link.
        share: Option<&'a str>,
    },
    /// The sign-in form, which leads to the site.
    SignIn(Option<&'a SiteName>),
}

/// The values of `problem.html`.
#[derive(Serialize)]
struct ProblemPage<'a> {
    title: String,
    heading: &'a str,
    detail: String,
    /// The address of the way back.
    back: String,
    label: String,
    version: &'static str,
    commit: &'static str,
}

/// Renders the page with the problem, the remedy and the way back.
///
/// # Errors
/// If the template names a missing value; the tests render it.
pub fn render_problem(texts: &'static Texts, problem: &Problem<'_>) -> anyhow::Result<String> {
    let Problem { heading, detail, way_back } = problem;
    let query = |name: &str, value: &str| format!("{name}={}", query_value(value));
    let (back, label) = match way_back {
        WayBack::Start => ("/".to_owned(), texts.of("ways_back.start").to_owned()),
        WayBack::Site { site, share } => {
            let share = share.map(|share| format!("&{}", query("share", share))).unwrap_or_default();
            (format!("/?{}{share}", query("site", site)), texts.filled("ways_back.site", &[("site", site)]))
        }
        WayBack::SignIn(None) => ("/".to_owned(), texts.of("ways_back.sign_in").to_owned()),
        WayBack::SignIn(Some(site)) => (format!("/?{}", query("site", site)), texts.of("ways_back.sign_in").to_owned()),
    };
    let (title, detail) = (titled(heading), sentence(detail));
    let (version, commit) = (build::VERSION, short(build::COMMIT));
    Ok(templates(texts).render("problem", &ProblemPage { title, heading, detail, back, label, version, commit })?)
}

/// A text as a sentence: problem details for programs begin in lower case and have no full stop.
fn sentence(text: &str) -> String {
    let mut sentence: String = text.chars().take(1).flat_map(char::to_uppercase).chain(text.chars().skip(1)).collect();
    if !sentence.ends_with('.') {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::english;

    fn page(detail: &str, way_back: WayBack<'_>) -> String {
        let page =
            render_problem(english(), &Problem { heading: "This range is not valid", detail, way_back }).unwrap();
        page.replace("&#x3D;", "=")
    }

    #[test]
    fn the_problem_page_escapes_its_detail() {
        let page = page("'from' is '<b>'", WayBack::Start);
        assert!(page.contains("'from' is '&lt;b&gt;'.") || page.contains("&lt;b&gt;&#x27;."), "{page}");
        assert!(!page.contains("<b>") && page.contains("href=\"/\""), "{page}");
    }

    #[test]
    fn the_problem_page_is_in_sentences_and_leads_back() {
        let site = "example.com".parse().unwrap();
        let of_site = page("the range is too long: use a shorter one", WayBack::Site { site: &site, share: None });
        assert!(of_site.contains(">The range is too long: use a shorter one.<"), "{of_site}");
        assert!(of_site.contains("href=\"/?site=example.com\">Show the last 30 days of example.com<"), "{of_site}");
        let shared = page("Done.", WayBack::Site { site: &site, share: Some("client.a\"b&c") });
        assert!(shared.contains("href=\"/?site=example.com&amp;share=client.a%22b%26c\""), "{shared}");
        assert!(shared.contains(">Done.<"));
        let ended = page("x", WayBack::SignIn(Some(&site)));
        assert!(ended.contains("href=\"/?site=example.com\">Sign in<"), "{ended}");
    }
}
