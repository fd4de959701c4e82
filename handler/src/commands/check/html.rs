//! The parts of a page's HTML that embed Footfall: scripts, images, and their places.

use std::collections::BTreeMap;

use html5gum::{DefaultEmitter, Token, Tokenizer};

/// The scripts and images of a page.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// The address in `<base>`, which relative addresses refer to.
    pub(super) base: Option<String>,
    /// Scripts with an address and images, in the order of the page.
    pub(super) elements: Vec<Element>,
    /// Whether a `<meta>` has a Content-Security-Policy.
    pub(super) has_policy: bool,
    /// The text of inline scripts.
    pub(super) inline: String,
}

/// A script or an image.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) kind: Kind,
    pub(super) place: Place,
    attributes: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Script,
    Image,
}

/// The place of an element, which decides whether browsers load it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The page itself: browsers load it.
    Page,
    /// `<noscript>`: only browsers without script load it.
    Noscript,
    /// `<!-- … -->`.
    Comment,
    /// `<template>`.
    Template,
    /// An element whose content is text, such as `<textarea>`.
    Text,
}

impl Place {
    /// The name in findings.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Page => "the page",
            Self::Noscript => "<noscript>",
            Self::Comment => "a comment",
            Self::Template => "<template>",
            Self::Text => "an element that holds only text",
        }
    }
}

impl Element {
    /// The trimmed value of an attribute; empty if it has none.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(|value| value.trim())
    }
}

impl Page {
    /// Parses a page.
    pub(super) fn parse(html: &[u8]) -> Self {
        let mut page = Self::default();
        page.collect(html, Place::Page);
        page
    }

    fn collect(&mut self, html: &[u8], place: Place) {
        let mut emitter = DefaultEmitter::default();
        emitter.naively_switch_states(true);
        let mut templates = 0_usize;
        // The element that contains the next text.
        let mut holder: Vec<u8> = Vec::new();
        for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
            let place_now = if templates > 0 && place == Place::Page { Place::Template } else { place };
            match token {
                Token::StartTag(tag) => {
                    holder.clone_from(&tag.name);
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                    let attributes = tag.attributes.iter().map(|(name, value)| (text(name), text(value))).collect();
                    match &**tag.name {
                        b"template" => templates += 1,
                        b"base" if place_now == Place::Page && self.base.is_none() => {
                            self.base = attribute(&attributes, "href").map(str::to_owned);
                        }
                        b"meta" if place_now == Place::Page => {
                            let key = attribute(&attributes, "http-equiv").unwrap_or_default();
                            self.has_policy |= key.eq_ignore_ascii_case("content-security-policy");
                        }
                        b"script" => self.add(Kind::Script, place_now, attributes),
                        b"img" | b"image" => self.add(Kind::Image, place_now, attributes),
                        _ => {}
                    }
                }
                Token::EndTag(tag) => {
                    holder.clear();
                    if &**tag.name == b"template" {
                        templates = templates.saturating_sub(1);
                    }
                }
                Token::Comment(comment) if place_now != Place::Comment => self.collect(&comment, Place::Comment),
                Token::String(text) => match &*holder {
                    b"script" if place_now == Place::Page => {
                        self.inline.push_str(&String::from_utf8_lossy(&text));
                        self.inline.push('\n');
                    }
                    // The content of these is parsed once, so that nesting does not recurse.
                    b"noscript" if place_now == Place::Page => self.collect(&text, Place::Noscript),
                    b"textarea" | b"title" | b"xmp" | b"iframe" | b"noembed" if place_now == Place::Page => {
                        self.collect(&text, Place::Text);
                    }
                    _ => {}
                },
                _ => {}
            }
        }
    }

    fn add(&mut self, kind: Kind, place: Place, attributes: BTreeMap<String, String>) {
        // Footfall's elements always have an address.
        if attributes.contains_key("src") {
            self.elements.push(Element { kind, place, attributes });
        }
    }
}

fn attribute<'a>(attributes: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    attributes.get(name).map(|value| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(html: &str) -> Vec<(Kind, Place)> {
        Page::parse(html.as_bytes()).elements.iter().map(|element| (element.kind, element.place)).collect()
    }

    #[test]
    fn a_script_is_found_in_any_spelling() {
        for html in [
            "<script defer data-site=a src=/footfall.js></script>",
            "<SCRIPT\nSRC = '/footfall.js'\tDATA-SITE=\"a\"></SCRIPT>",
            "<p><b><script src=/footfall.js data-site=&#97; data-site=b>",
        ] {
            let page = Page::parse(html.as_bytes());
            assert_eq!(page.elements[0].attribute("data-site"), Some("a"), "{html}");
            assert_eq!(page.elements[0].place, Place::Page);
        }
    }

    #[test]
    fn the_place_of_an_element_is_found() {
        let script = "<script src=a></script>";
        for (html, place) in [
            (format!("<!-- {script} -->"), Place::Comment),
            (format!("<template><p>{script}</template>"), Place::Template),
            (format!("<noscript>{script}</noscript>"), Place::Noscript),
            (format!("<textarea>{script}</textarea>"), Place::Text),
            (format!("<template></template>{script}"), Place::Page),
        ] {
            assert_eq!(places(&html), [(Kind::Script, place)], "{html}");
        }
        assert_eq!(places("<script>'<script src=a>'</script><style><img src=a></style><script src"), []);
    }

    #[test]
    fn the_first_base_and_a_policy_in_meta_are_found() {
        let meta = "<meta http-equiv=Content-Security-Policy content=\"img-src 'none'\">";
        let page = Page::parse(format!("<base href=/a/><base href=/b/>{meta}").as_bytes());
        assert_eq!(page.base.as_deref(), Some("/a/"));
        assert!(page.has_policy);
        assert!(!Page::parse(format!("<template>{meta}</template><!--{meta}-->").as_bytes()).has_policy);
    }

    #[test]
    fn deep_nesting_is_parsed_without_recursion() {
        let comments = "<!--".repeat(100_000) + &"<noscript><template>".repeat(100_000);
        assert!(Page::parse(comments.as_bytes()).elements.is_empty());
    }
}
