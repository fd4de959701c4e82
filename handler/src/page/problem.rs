//! What a person is told whose question can't be answered.

use serde::Serialize;

use super::{TEMPLATES, short};
use crate::build;

/// What `problem.html` shows.
#[derive(Serialize)]
struct Problem<'a> {
    title: String,
    heading: &'a str,
    detail: &'a str,
    version: &'static str,
    commit: &'static str,
}

/// Renders what is wrong and what would be right, as a whole page.
///
/// # Errors
/// If the template names what is not there; the tests render it.
pub fn render_problem(heading: &str, detail: &str) -> anyhow::Result<String> {
    let title = format!("{heading} · Footfall");
    let problem = Problem { title, heading, detail, version: build::VERSION, commit: short(build::COMMIT) };
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
