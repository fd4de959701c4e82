//! The page without numbers, for a database that is unavailable.

use serde::Serialize;

use super::{TEMPLATES, short};

/// The pages that can be unavailable.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PageKind {
    /// The page itself. Opening it is a visit.
    Whole,
    /// The page in a frame. Opening it is not counted.
    Embedded,
}

/// The values of `unavailable.html`.
#[derive(Serialize)]
struct Unavailable<'a> {
    title: &'static str,
    counts: bool,
    version: &'a str,
    commit: &'a str,
}

/// Renders the page for a database that is unavailable while no earlier numbers are known.
///
/// # Errors
/// If the template names a missing value; the tests render it.
pub fn render_unavailable(kind: PageKind, version: &str, commit: &str) -> anyhow::Result<String> {
    let counts = kind == PageKind::Whole;
    let page = Unavailable { title: "Footfall", counts, version, commit: short(commit) };
    Ok(TEMPLATES.render("unavailable", &page)?)
}
