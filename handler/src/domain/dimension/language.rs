//! The preferred language of a browser, without region or script.

use std::sync::LazyLock;

/// A language of ISO 639: its code of two letters, or else of three, and its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Language {
    code: &'static str,
    name: &'static str,
}

impl Language {
    /// All languages, some of them twice.
    pub fn all() -> impl Iterator<Item = Self> {
        LANGUAGES.iter().map(|(_, language)| *language)
    }

    pub const fn code(self) -> &'static str {
        self.code
    }

    /// The English name.
    pub const fn name(self) -> &'static str {
        self.name
    }
}

/// The language of a tag (BCP 47), or of the first tag in an `Accept-Language` value, which browsers prefer: `de` of `de-CH,de;q=0.9`.
/// A withdrawn code becomes its replacement (`iw`: `he`). `None` for a language that is not on the list, because clients can send
/// anything.
pub fn of(tag: &str) -> Option<Language> {
    let primary = tag.split(['-', '_', ',', ';']).next()?.trim();
    let found =
        LANGUAGES.binary_search_by(|(code, _)| code.bytes().cmp(primary.bytes().map(|byte| byte.to_ascii_lowercase())));
    found.ok().map(|at| LANGUAGES[at].1)
}

/// Current and withdrawn codes, sorted.
static LANGUAGES: LazyLock<Vec<(&'static str, Language)>> = LazyLock::new(|| {
    let mut languages = Vec::new();
    for line in include_str!("language/languages.tsv").lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.split('\t');
        // The tests check each line.
        let (Some(code), Some(name)) = (columns.next(), columns.next()) else { continue };
        let language = Language { code, name };
        languages.extend(std::iter::once(code).chain(columns).map(|code| (code, language)));
    }
    languages.sort_unstable_by_key(|(code, _)| *code);
    languages
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_language_of_a_header_counts_without_its_region() {
        for (tag, expected) in [
            ("de", Some("de")),
            ("de-CH,de;q=0.9,en;q=0.8", Some("de")),
            ("EN-us", Some("en")),
            ("zh-Hant-TW", Some("zh")),
            ("pt_BR", Some("pt")),
            ("fil-PH", Some("fil")),
            ("fr;q=0.5", Some("fr")),
            (" it , en", Some("it")),
            ("iw-IL", Some("he")),
            ("in", Some("id")),
        ] {
            assert_eq!(of(tag).map(Language::code), expected, "{tag}");
        }
    }

    #[test]
    fn an_unknown_tag_has_no_language() {
        for tag in ["", "*", "xx", "x-klingon", "qqq", "english", "c", "\u{0}", "é", "-de", ",de", "und"] {
            assert_eq!(of(tag), None, "{tag}");
        }
    }

    #[test]
    fn every_language_is_found_by_its_code_and_has_a_name() {
        let lines = include_str!("language/languages.tsv").lines().filter(|line| !line.starts_with('#'));
        let languages: Vec<(&str, &str)> = lines.map(|line| line.split_once('\t').expect(line)).collect();
        assert_eq!(languages.iter().filter(|(code, _)| code.len() == 2).count(), 183);
        for (code, names) in languages {
            let language = of(code).expect(code);
            assert_eq!(language.code(), code);
            assert_eq!(Some(language.name()), names.split('\t').next());
        }
        assert!(LANGUAGES.is_sorted_by(|a, b| a.0 < b.0));
    }
}
