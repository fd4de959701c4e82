//! The templates, parsed when the first page is rendered.

use std::sync::LazyLock;

use handlebars::Handlebars;

use super::{
    asset::{STYLE, script},
    wording,
};
use crate::texts::{Texts, languages};

/// All templates by name, in a language.
pub(super) fn templates(texts: &Texts) -> &'static Handlebars<'static> {
    static TEMPLATES: LazyLock<Vec<Handlebars<'static>>> = LazyLock::new(|| languages().iter().map(parse).collect());
    &TEMPLATES[texts.position]
}

fn parse(texts: &'static Texts) -> Handlebars<'static> {
    let mut templates = Handlebars::new();
    // A misspelt name in a template fails the tests, instead of leaving a gap in the page.
    templates.set_strict_mode(true);
    for (name, source) in PAGES {
        // Insert the parts here, because handlebars copies the whole context for each use of a partial.
        let source = PARTS.iter().fold(source.to_owned(), |source, (name, part)| source.replace(name, part));
        let source = source
            .replace("{{> style}}", &STYLE.path())
            .replace("{{> script}}", &script(texts).path())
            .replace("{{> language}}", texts.tag);
        templates.register_template_string(name, translate(&source, texts)).expect("the tests render these templates");
    }
    templates
}

/// Inserts texts. `{{t key name='HTML'}}` is the text of a key, with HTML in place of a placeholder. The parts of the HTML can be
/// expressions of the template.
fn translate(source: &str, texts: &'static Texts) -> String {
    let mut translated = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((before, tag)) = rest.split_once("{{t ") {
        translated += before;
        let end = tag.find([' ', '}']).expect("a tag has an end");
        let (text, mut after) = (texts.of(&tag[..end]), &tag[end..]);
        let mut values = Vec::new();
        while let Some((name, value)) = after.strip_prefix(' ').and_then(|after| after.split_once("='")) {
            let (value, next) = value.split_once('\'').expect("HTML has quotes around it");
            values.push((name, value));
            after = next;
        }
        translated += &wording::markup(text, &values);
        rest = after.strip_prefix("}}").expect("a tag has an end");
    }
    translated + rest
}

/// The pages.
pub(super) const PAGES: [(&str, &str); 7] = [
    ("page", include_str!("../../templates/page.html")),
    ("embedded", include_str!("../../templates/embedded.html")),
    ("unavailable", include_str!("../../templates/unavailable.html")),
    ("problem", include_str!("../../templates/problem.html")),
    ("sign_in", include_str!("../../templates/sign_in.html")),
    ("why", include_str!("../../templates/why.html")),
    ("sites", include_str!("../../templates/sites.html")),
];

/// The parts that several pages share.
pub(super) const PARTS: [(&str, &str); 7] = [
    ("{{> head}}\n", include_str!("../../templates/head.html")),
    ("{{> brand}}\n", include_str!("../../templates/brand.html")),
    ("{{> heading}}\n", include_str!("../../templates/heading.html")),
    ("{{> numbers}}\n", include_str!("../../templates/numbers.html")),
    ("{{> note}}\n", include_str!("../../templates/note.html")),
    ("{{> chart}}\n", include_str!("../../templates/chart.html")),
    ("{{> lists}}\n", include_str!("../../templates/lists.html")),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::tests::placeholders_only;

    /// The text nodes of a template, and the values of attributes that people read, without expressions.
    fn texts_of(source: &str) -> Vec<String> {
        const READ: [&str; 5] = ["title=\"", "aria-label=\"", "placeholder=\"", "alt=\"", "label=\""];
        let mut bare = String::new();
        for piece in source.split("{{").enumerate().map(|(index, piece)| {
            if index == 0 { piece } else { piece.split_once("}}").map_or("", |(_, after)| after) }
        }) {
            bare += piece.trim_start_matches('}');
        }
        let mut found = Vec::new();
        // Code stays as it is in every language.
        let mut is_code = false;
        for piece in bare.split('<').skip(1) {
            let (tag, text) = piece.split_once('>').unwrap_or((piece, ""));
            for name in READ {
                let values = tag.split(name).skip(1).filter_map(|rest| rest.split('"').next());
                found.extend(values.map(str::to_owned));
            }
            is_code = tag == "code" || is_code && tag != "/code";
            if !is_code {
                found.push(text.replace("&lt;", "").replace("&gt;", "").replace("&amp;", ""));
            }
        }
        found
    }

    fn own_texts(source: &str) -> Vec<String> {
        let without_texts = translate(source, placeholders_only());
        let has_words = |text: &String| text.replace(wording::BRAND, "").contains(char::is_alphabetic);
        texts_of(&without_texts).into_iter().filter(has_words).collect()
    }

    #[test]
    fn templates_have_no_text_of_their_own() {
        for (name, source) in PAGES.into_iter().chain(PARTS) {
            assert_eq!(own_texts(source), Vec::<String>::new(), "{name}: move these texts to handler/texts");
        }
        for (source, text) in [
            ("<p>{{t head.skip}} words</p>", " words"),
            ("<a title=\"{{x}} Words\">", " Words"),
            ("<p>{{t stale.page time='<b>at</b>'}}", "at"),
        ] {
            assert_eq!(own_texts(source), [text]);
        }
    }
}
