//! Finds several hundred short texts in a User-Agent, in one pass.

/// The most patterns that all tables may have together.
const MAXIMUM: usize = 64 * WORDS;
const WORDS: usize = 12;

/// The texts to find, numbered in the order of their first addition.
#[derive(Default)]
pub(super) struct Patterns {
    /// The patterns, as written in the tables.
    written: Vec<String>,
    /// Patterns at the beginning of a word, by first byte.
    of_words: Vec<Vec<Pattern>>,
    /// Patterns at any position, by first byte. Keep them few, because they are compared at every byte.
    anywhere: Vec<Vec<Pattern>>,
}

/// A text in lower case. A prefix says where it matches: `^` at the start of the whole text, `*` anywhere, none at the start of a
/// word. With the suffix `$`, it must also end a word.
struct Pattern {
    number: u16,
    /// The second byte, which rules out most texts without a comparison.
    second: u8,
    /// The text after the first byte.
    rest: Box<[u8]>,
    at_start: bool,
    whole: bool,
}

/// The numbers of the patterns found.
pub(super) struct Found([u64; WORDS]);

impl Found {
    pub(super) fn contains(&self, number: u16) -> bool {
        self.0[usize::from(number) / 64] >> (number % 64) & 1 == 1
    }

    fn add(&mut self, number: u16) {
        self.0[usize::from(number) / 64] |= 1 << (number % 64);
    }
}

impl Patterns {
    /// The number of a pattern, which is added if it is new.
    ///
    /// # Panics
    /// If there are more than [`MAXIMUM`].
    pub(super) fn add(&mut self, written: &str) -> u16 {
        let number = self.written.iter().position(|known| known == written).unwrap_or_else(|| {
            self.written.push(written.to_owned());
            self.written.len() - 1
        });
        assert!(number < MAXIMUM, "more than {MAXIMUM} patterns");
        u16::try_from(number).unwrap_or_default()
    }

    /// Builds the index of [`Self::find`], after all patterns are added.
    ///
    /// # Panics
    /// If a pattern has less than two letters or a capital letter, because it would never match.
    pub(super) fn index(&mut self) {
        let by_first = || (0..256).map(|_| Vec::new()).collect();
        (self.of_words, self.anywhere) = (by_first(), by_first());
        for (number, written) in (0..).zip(std::mem::take(&mut self.written)) {
            let (patterns, at_start, text) = match written.as_bytes() {
                [b'^', text @ ..] => (&mut self.of_words, true, text),
                [b'*', text @ ..] => (&mut self.anywhere, false, text),
                text => (&mut self.of_words, false, text),
            };
            let (text, whole) = text.strip_suffix(b"$").map_or((text, false), |text| (text, true));
            assert!(text.is_ascii() && !text.iter().any(u8::is_ascii_uppercase), "not in small letters: {written}");
            let [first, rest @ ..] = text else { panic!("empty: {written}") };
            let &[second, ..] = rest else { panic!("a single letter: {written}") };
            patterns[usize::from(*first)].push(Pattern { number, second, rest: rest.into(), at_start, whole });
        }
    }

    /// The patterns in `text`, which is in lower case.
    pub(super) fn find(&self, text: &[u8]) -> Found {
        let mut found = Found([0; WORDS]);
        let mut in_word = false;
        for (at, &byte) in text.iter().enumerate() {
            let rest = &text[at + 1..];
            let Some(&next) = rest.first() else { break };
            let of_words = if in_word { &[][..] } else { &self.of_words[usize::from(byte)] };
            for pattern in of_words.iter().chain(&self.anywhere[usize::from(byte)]) {
                let ends = pattern.rest.len();
                if pattern.second == next
                    && rest.starts_with(&pattern.rest)
                    && (at == 0 || !pattern.at_start)
                    && (!pattern.whole || ends_word(rest, ends))
                {
                    found.add(pattern.number);
                }
            }
            in_word = byte.is_ascii_alphanumeric();
        }
        found
    }
}

/// Whether `at` is not before a letter or digit.
fn ends_word(text: &[u8], at: usize) -> bool {
    !text.get(at).is_some_and(u8::is_ascii_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(pattern: &str, text: &str) -> bool {
        let mut patterns = Patterns::default();
        let number = patterns.add(pattern);
        patterns.index();
        patterns.find(text.as_bytes()).contains(number)
    }

    #[test]
    fn a_pattern_is_found_where_a_word_begins_unless_it_is_marked() {
        assert!(finds("opr/", "chrome/1 opr/2") && !finds("opr/", "xopr/2"));
        assert!(finds("^chrome", "chrome/1") && !finds("^chrome", "a chrome/1"));
        assert!(finds("*rome", "chrome/1"));
        assert!(finds("tv$", "(tv)") && !finds("tv$", "tvs") && finds("tv", "tvs"));
        assert!(!finds("chrome", "") && !finds("chrome", "chrom"));
    }

    #[test]
    fn a_pattern_has_one_number_and_the_last_of_many_is_found() {
        let mut patterns = Patterns::default();
        let numbers: Vec<u16> = (0..MAXIMUM).map(|each| patterns.add(&format!("p{each}/"))).collect();
        assert_eq!(patterns.add("p1/"), numbers[1]);
        patterns.index();
        let found = patterns.find(format!("p{}/", MAXIMUM - 1).as_bytes());
        assert_eq!(numbers.iter().filter(|&&number| found.contains(number)).count(), 1);
        assert!(found.contains(numbers[MAXIMUM - 1]));
    }
}
