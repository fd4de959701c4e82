//! The page for a person whose request is invalid.

use serde::Serialize;

use super::{TEMPLATES, short};
use crate::build;

/// The values of `problem.html`.
#[derive(Serialize)]
struct ProblemPage<'a> {
    title: String,
    heading: &'a str,
    detail: &'a str,
    version: &'static str,
    commit: &'static str,
}

/// Renders the page with the problem and the remedy.
///
/// # Errors
/// If the template names a missing value; the tests render it.
pub fn render_problem(heading: &str, detail: &str) -> anyhow::Result<String> {
    let title = format!("{heading} · Footfall");
    let problem = ProblemPage { title, heading, detail, version: build::VERSION, commit: short(build::COMMIT) };
    Ok(TEMPLATES.render("problem", &problem)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_problem_page_escapes_its_detail() {
        let page = render_problem("Bad Request", "'from' is '<b>'").unwrap();
        assert!(page.contains("&lt;b&gt;") && !page.contains("<b>") && page.contains("href=\"/\""), "{page}");
    }
}
