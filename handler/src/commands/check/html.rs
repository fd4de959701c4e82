//! What matters of a page's HTML: scripts, images, policies, and where they stand.

use std::collections::BTreeMap;

use html5gum::{DefaultEmitter, Token, Tokenizer};

/// What a page consists of, as far as it matters here.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// The address that relative ones belong to, where the page names it.
    pub(super) base: Option<String>,
    /// Scripts with an address, and images, in their order.
    pub(super) elements: Vec<Element>,
    /// Content security policies of `<meta>`.
    pub(super) policies: Vec<String>,
    /// The referrer policy of `<meta>`; the last one holds.
    pub(super) referrer: Option<String>,
    /// Whether robots are asked to keep the page out of their index.
    pub(super) no_index: bool,
    /// Whether the page has rules for prerendering or prefetching.
    pub(super) speculates: bool,
    /// The text of the scripts that are in the page itself.
    pub(super) inline: String,
}

/// A script or an image.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) kind: Kind,
    pub(super) place: Place,
    attributes: BTreeMap<String, String>,
    /// How many policies stood before it: later ones do not hold for its loading.
    pub(super) policies: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Script,
    Image,
}

/// Where an element stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Where it takes effect.
    Page,
    /// In `<noscript>`: only for those without script.
    Noscript,
    /// In `<!-- … -->`.
    Comment,
    /// In `<template>`.
    Template,
    /// In an element whose content is text, such as `<textarea>`.
    Text,
}

impl Place {
    /// What makes an element there do nothing.
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
    /// An attribute's value, without space around it. An attribute without a value is empty.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(|value| value.trim())
    }
}

impl Page {
    /// Looks through a page.
    pub(super) fn parse(html: &[u8]) -> Self {
        let mut page = Self::default();
        page.take(html, Place::Page);
        page
    }

    fn take(&mut self, html: &[u8], place: Place) {
        let mut emitter = DefaultEmitter::default();
        emitter.naively_switch_states(true);
        let (mut templates, mut in_body) = (0_usize, false);
        // The element that the next text belongs to, if that text is no markup.
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
                        b"body" => in_body = true,
                        b"base" if place_now == Place::Page && self.base.is_none() => {
                            self.base = attribute(&attributes, "href").map(str::to_owned);
                        }
                        b"meta" if place_now == Place::Page => self.take_meta(&attributes, in_body),
                        b"script" if attribute(&attributes, "type") == Some("speculationrules") => {
                            self.speculates |= place_now == Place::Page;
                        }
                        b"link" if place_now == Place::Page => {
                            let rel = attribute(&attributes, "rel").unwrap_or_default().to_ascii_lowercase();
                            self.speculates |= rel.split_whitespace().any(|word| word == "prerender");
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
                Token::Comment(comment) if place_now != Place::Comment => self.take(&comment, Place::Comment),
                Token::String(text) => match &*holder {
                    b"script" if place_now == Place::Page => {
                        self.inline.push_str(&String::from_utf8_lossy(&text));
                        self.inline.push('\n');
                    }
                    // What is inside one of these is looked at once: nothing may make this go deeper and deeper.
                    b"noscript" if place_now == Place::Page => self.take(&text, Place::Noscript),
                    b"textarea" | b"title" | b"xmp" | b"iframe" | b"noembed" if place_now == Place::Page => {
                        self.take(&text, Place::Text);
                    }
                    _ => {}
                },
                _ => {}
            }
        }
    }

    fn add(&mut self, kind: Kind, place: Place, attributes: BTreeMap<String, String>) {
        // A script or image without an address is none of ours.
        if attributes.contains_key("src") {
            self.elements.push(Element { kind, place, attributes, policies: self.policies.len() });
        }
    }

    fn take_meta(&mut self, attributes: &BTreeMap<String, String>, in_body: bool) {
        let content = attribute(attributes, "content").unwrap_or_default();
        let named =
            |key: &str, name: &str| attribute(attributes, key).is_some_and(|value| value.eq_ignore_ascii_case(name));
        // Only in the head (HTML standard, "Content security policy state").
        if named("http-equiv", "content-security-policy") && !in_body && !content.is_empty() {
            self.policies.push(content.to_owned());
        } else if named("name", "referrer") && !content.is_empty() {
            self.referrer = Some(content.to_ascii_lowercase());
        } else if named("name", "robots") {
            let content = content.to_ascii_lowercase();
            self.no_index |= content.split(',').any(|word| matches!(word.trim(), "noindex" | "none"));
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
    fn a_script_is_found_however_it_is_written() {
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
    fn where_it_takes_no_effect_is_told() {
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
    fn a_policy_holds_for_what_comes_after_it_and_only_in_the_head() {
        let meta = "<meta http-equiv=Content-Security-Policy content=\"img-src 'none'\">";
        let page = Page::parse(format!("<img src=a>{meta}<img src=b><body>{meta}<img src=c>").as_bytes());
        assert_eq!(page.policies, ["img-src 'none'"]);
        assert_eq!(page.elements.iter().map(|element| element.policies).collect::<Vec<_>>(), [0, 1, 1]);
        assert!(Page::parse(format!("<template>{meta}</template><!--{meta}-->").as_bytes()).policies.is_empty());
    }

    #[test]
    fn what_is_said_of_referrers_robots_and_prerendering_is_heard() {
        let html = "<base href=/a/><base href=/b/><meta name=referrer content=No-Referrer><meta name=ROBOTS content='a, NOINDEX'>\
            <script type=speculationrules>{}</script>";
        let page = Page::parse(html.as_bytes());
        assert_eq!((page.base.as_deref(), page.referrer.as_deref()), (Some("/a/"), Some("no-referrer")));
        assert!(page.no_index && page.speculates && page.elements.is_empty());
    }

    #[test]
    fn deep_nesting_does_no_harm() {
        let comments = "<!--".repeat(100_000) + &"<noscript><template>".repeat(100_000);
        assert!(Page::parse(comments.as_bytes()).elements.is_empty());
    }
}
