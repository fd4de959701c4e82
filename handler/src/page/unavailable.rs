//! The page without numbers, for a database that is unavailable.

use serde::Serialize;

use super::{
    templates::templates,
    wording::{BRAND, short},
};
use crate::texts::Texts;

/// The pages that can be unavailable.
#[derive(Clone, Copy)]
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
    text: &'static str,
    version: &'a str,
    commit: &'a str,
}

/// Renders the page for a database that is unavailable while no earlier numbers are known.
///
/// # Errors
/// If the template names a missing value; the tests render it.
pub fn render_unavailable(
    texts: &'static Texts,
    kind: PageKind,
    version: &str,
    commit: &str,
) -> anyhow::Result<String> {
    let text = texts.of(match kind {
        PageKind::Whole => "unavailable.page",
        PageKind::Embedded => "unavailable.embedded",
    });
    let page = Unavailable { title: BRAND, text, version, commit: short(commit) };
    Ok(templates(texts).render("unavailable", &page)?)
}
