//! Texts from requests, made safe to store and show as values of dimensions.

/// A text from a request, cut at a character boundary and safe to store and display. U+FFFD replaces control characters, which
/// PostgreSQL rejects, and characters that change the direction of writing, which could disguise a text.
pub fn printable(text: &str, maximum_bytes: usize) -> String {
    text[..text.floor_char_boundary(maximum_bytes)].replace(|c: char| c.is_control() || misleads(c), "\u{fffd}")
}

/// The counted form of an event's name: at most 64 bytes, without spaces at the ends.
pub fn event_name(text: &str) -> String {
    printable(text.trim(), 64)
}

/// Whether a character changes the direction of writing or ends a line, which could disguise a text.
pub fn misleads(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printable_text_is_short_and_hides_nothing() {
        assert_eq!(printable("a\u{0}b\u{202e}c\u{61c}", 64), "a\u{fffd}b\u{fffd}c\u{fffd}");
        assert_eq!(printable("éé", 3), "é");
    }
}
