//! The templates, read when the first page is rendered.

use std::sync::LazyLock;

use handlebars::Handlebars;

use super::asset::{SCRIPT, STYLE};

/// All of them, by name.
pub(super) static TEMPLATES: LazyLock<Handlebars<'static>> = LazyLock::new(|| {
    let mut templates = Handlebars::new();
    // A name that is misspelt in a template is an error in the tests, not a hole in the page.
    templates.set_strict_mode(true);
    for (name, source) in [
        ("page", include_str!("../../templates/page.html")),
        ("embedded", include_str!("../../templates/embedded.html")),
        ("unavailable", include_str!("../../templates/unavailable.html")),
        ("problem", include_str!("../../templates/problem.html")),
        ("sign_in", include_str!("../../templates/sign_in.html")),
        ("why", include_str!("../../templates/why.html")),
    ] {
        // Parts are pasted in here, because for a partial handlebars copies the whole context at every use.
        let source = PARTS.iter().fold(source.to_owned(), |source, (name, part)| source.replace(name, part));
        let source = source.replace("{{> style}}", &STYLE.path()).replace("{{> script}}", &SCRIPT.path());
        templates.register_template_string(name, source).expect("the tests render these same templates");
    }
    templates
});

/// What several pages have in common.
const PARTS: [(&str, &str); 4] = [
    ("{{> head}}\n", include_str!("../../templates/head.html")),
    ("{{> numbers}}\n", include_str!("../../templates/numbers.html")),
    ("{{> chart}}\n", include_str!("../../templates/chart.html")),
    ("{{> lists}}\n", include_str!("../../templates/lists.html")),
];
