//! The templates, parsed when the first page is rendered.

use std::sync::LazyLock;

use handlebars::Handlebars;

use super::asset::{SCRIPT, STYLE};

/// All templates by name.
pub(super) static TEMPLATES: LazyLock<Handlebars<'static>> = LazyLock::new(|| {
    let mut templates = Handlebars::new();
    // A misspelt name in a template fails the tests, instead of leaving a gap in the page.
    templates.set_strict_mode(true);
    for (name, source) in [
        ("page", include_str!("../../templates/page.html")),
        ("embedded", include_str!("../../templates/embedded.html")),
        ("unavailable", include_str!("../../templates/unavailable.html")),
        ("problem", include_str!("../../templates/problem.html")),
        ("sign_in", include_str!("../../templates/sign_in.html")),
        ("why", include_str!("../../templates/why.html")),
        ("sites", include_str!("../../templates/sites.html")),
    ] {
        // Insert the parts here, because handlebars copies the whole context for each use of a partial.
        let source = PARTS.iter().fold(source.to_owned(), |source, (name, part)| source.replace(name, part));
        let source = source.replace("{{> style}}", &STYLE.path()).replace("{{> script}}", &SCRIPT.path());
        templates.register_template_string(name, source).expect("the tests render these same templates");
    }
    templates
});

/// The parts that several pages share.
const PARTS: [(&str, &str); 7] = [
    ("{{> head}}\n", include_str!("../../templates/head.html")),
    ("{{> brand}}\n", include_str!("../../templates/brand.html")),
    ("{{> heading}}\n", include_str!("../../templates/heading.html")),
    ("{{> numbers}}\n", include_str!("../../templates/numbers.html")),
    ("{{> note}}\n", include_str!("../../templates/note.html")),
    ("{{> chart}}\n", include_str!("../../templates/chart.html")),
    ("{{> lists}}\n", include_str!("../../templates/lists.html")),
];
