//! Files that pages load: one style, and one script for each language.

use std::sync::LazyLock;

use crate::texts::{Texts, languages};

/// The style of all pages.
pub static STYLE: LazyLock<Asset> = LazyLock::new(|| Asset::new(include_str!("../../assets/page.css"), "css"));

/// The scripts of the page of numbers, one for each language. The texts of the script come first in it.
pub static SCRIPTS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let source = include_str!("../../assets/page.js");
    let script = |texts: &Texts| Asset::new(&format!("const texts = {};\n{source}", texts.script), "js");
    languages().iter().map(script).collect()
});

/// The script in a language.
pub(super) fn script(texts: &Texts) -> &'static Asset {
    &SCRIPTS[texts.position]
}

/// A file that pages load. The name contains a hash of the text, so that browsers can cache the file forever.
pub struct Asset {
    /// The content.
    pub text: String,
    /// The name, such as `page-0123456789abcdef.css`.
    pub name: String,
}

impl Asset {
    fn new(source: &str, extension: &str) -> Self {
        let text = tighten(source);
        let hash = blake3::hash(text.as_bytes()).to_hex();
        Self { name: format!("page-{}.{extension}", &hash[..16]), text }
    }

    pub(super) fn path(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

/// Removes whole-line comments, indentation and empty lines from a style or script.
fn tighten(source: &str) -> String {
    let lines = source.lines().map(str::trim);
    let kept = lines.filter(|line| !(line.is_empty() || line.starts_with("/*") || line.starts_with("//")));
    kept.collect::<Vec<_>>().join("\n")
}
