//! Texts from requests, made safe to store and show as values of dimensions.

/// Longest stored path, in bytes. Longer paths are cut, so that no request fills the database.
pub const MAXIMUM_PATH_BYTES: usize = 512;

/// The page of a request target: the part before `?` and `#`, as [`printable`] text of at most [`MAXIMUM_PATH_BYTES`].
pub fn page_path(target: &str) -> String {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    printable(if path.is_empty() { "/" } else { path }, MAXIMUM_PATH_BYTES)
}

/// A text from a request, cut at a character boundary and safe to store and display. U+FFFD replaces control characters, which
/// PostgreSQL rejects, and characters that change the direction of writing, which could disguise a text.
pub fn printable(text: &str, maximum_bytes: usize) -> String {
    let misleads = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text[..text.floor_char_boundary(maximum_bytes)].replace(|c: char| c.is_control() || misleads(c), "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_its_path_without_query_and_fragment_and_never_too_long() {
        assert_eq!(page_path("/a/b?c=d#e"), "/a/b");
        assert_eq!(page_path("?x"), "/");
        assert_eq!(page_path("/a\u{0}b\u{202e}c"), "/a\u{fffd}b\u{fffd}c");
        let long = format!("/{}", "é".repeat(400));
        let cut = page_path(&long);
        assert!(cut.len() <= MAXIMUM_PATH_BYTES && cut.ends_with('é'));
    }
}
