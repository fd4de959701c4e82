//! The one spelling in which a page is stored, whichever way it was sent.
//!
//! Paths are decoded and normalised (RFC 3986 §6.2.2), so that the script, the pixel, logs and queries name the same page equally.

use std::fmt::Write;

use super::value::misleads;

/// Longest stored path, in bytes. Longer paths are cut, so that no request fills the database.
pub const MAXIMUM_PATH_BYTES: usize = 512;

/// Characters that keep their percent-encoding in a path, because they would end the path or a segment there.
const RESERVED_IN_PATHS: &str = "/?#%;\\";

/// Characters that keep their percent-encoding after a path, because they separate parameters there.
const RESERVED_IN_PARAMETERS: &str = "&=+#%;";

/// The page of a request target: its path, without query and fragment.
pub fn page_path(target: &str) -> String {
    normal_path(target.split(['?', '#']).next().unwrap_or_default())
}

/// The page of a path that the script sent, with the parts of the query and fragment that the site allows.
pub fn page_with_parameters(page: &str) -> String {
    let (path, parameters) = page.split_at(page.find(['?', '#']).unwrap_or(page.len()));
    let mut page = normal_path(path);
    decode_into(&mut page, parameters, RESERVED_IN_PARAMETERS);
    cut(&mut page);
    page
}

/// A path without query, in the form that is stored.
fn normal_path(path: &str) -> String {
    let mut normal = normal_path_of_any_length(path);
    if cut(&mut normal) {
        // The cut can leave a dot segment, or another last segment with parameters.
        normal = normal_path_of_any_length(&normal);
    }
    normal
}

/// A path, decoded, without dot segments, and without the parameters of its last segment (`;jsessionid=…`).
///
/// Browsers read a backslash in a path as a slash (URL standard).
fn normal_path_of_any_length(path: &str) -> String {
    let mut decoded = String::with_capacity(path.len() + 1);
    decode_into(&mut decoded, &path.replace('\\', "/"), RESERVED_IN_PATHS);
    let last_segment = decoded.rfind('/').map_or(0, |slash| slash + 1);
    if let Some(parameters) = decoded[last_segment..].find(';') {
        decoded.truncate(last_segment + parameters);
    }
    without_dot_segments(&decoded)
}

/// A path in which `.` and `..` are resolved (RFC 3986 §5.2.4). It begins with a slash.
fn without_dot_segments(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    let mut written = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = written.next() {
        match segment {
            "." | ".." => {
                if segment == ".." {
                    segments.pop();
                }
                // The path ends with a slash, not with the segment before.
                if written.peek().is_none() {
                    segments.push("");
                }
            }
            segment => segments.push(segment),
        }
    }
    format!("/{}", segments.join("/"))
}

/// Appends a text in which percent-encoded UTF-8 is decoded. Encoded characters that are `reserved` stay encoded. Characters
/// that cannot be stored or that mislead readers, and bytes that are not UTF-8, are encoded.
fn decode_into(decoded: &mut String, text: &str, reserved: &str) {
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let bytes = leading_encoded_bytes(rest);
        if bytes.is_empty() {
            // A percent sign that encodes nothing stands for itself.
            if first == '%' || must_be_encoded(first) {
                encode_into(decoded, first.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                decoded.push(first);
            }
            rest = &rest[first.len_utf8()..];
            continue;
        }
        for chunk in bytes.utf8_chunks() {
            for character in chunk.valid().chars() {
                if reserved.contains(character) || must_be_encoded(character) {
                    encode_into(decoded, character.encode_utf8(&mut [0; 4]).as_bytes());
                } else {
                    decoded.push(character);
                }
            }
            encode_into(decoded, chunk.invalid());
        }
        rest = &rest[3 * bytes.len()..];
    }
}

/// The bytes of the percent-encodings with which a text begins.
fn leading_encoded_bytes(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |encoded: &[u8]| match *encoded {
        [b'%', high, low] => Some(16 * digit(high)? + digit(low)?),
        _ => None,
    };
    text.as_bytes().chunks(3).map_while(byte).collect()
}

/// Control characters, which PostgreSQL rejects or terminals run, and characters that mislead readers.
fn must_be_encoded(character: char) -> bool {
    character.is_control() || misleads(character)
}

fn encode_into(encoded: &mut String, bytes: &[u8]) {
    for byte in bytes {
        write!(encoded, "%{byte:02X}").expect("a String takes every text");
    }
}

/// Cuts a page that is longer than [`MAXIMUM_PATH_BYTES`] between two characters or encoded bytes. Returns whether it did.
fn cut(page: &mut String) -> bool {
    if page.len() <= MAXIMUM_PATH_BYTES {
        return false;
    }
    let end = page.floor_char_boundary(MAXIMUM_PATH_BYTES);
    // In a page, every percent sign begins an encoded byte.
    let within_encoding = page[..end].rfind('%').filter(|percent| percent + 3 > end);
    page.truncate(within_encoding.unwrap_or(end));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_one_path_gives_one_value() {
        for (page, spellings) in [
            ("/日本語", &["/%E6%97%A5%E6%9C%AC%E8%AA%9E", "/%e6%97%a5本%e8%Aa%9e"][..]),
            ("/~user", &["/%7Euser", "/%7euser"]),
            ("/a b", &["/a%20b"]),
            ("/a:b@c,d", &["/a%3Ab%40c%2Cd"]),
            ("/a%2Fb", &["/a%2fb"]),
            ("/%3F%23%25%3B%5C", &["/%3f%23%25%3b%5c"]),
            ("/100%25", &["/100%"]),
            ("/%25zz", &["/%zz"]),
            ("/%2541", &["/%25%34%31", "/%%34%31"]),
            ("/%FF%C3(", &["/%ff%c3%28"]),
            ("/a%00b%7F%C2%85", &["/a\u{0}b\u{7f}\u{85}", "/a%00b%7f%c2%85"]),
            ("/a%E2%80%AEb", &["/a\u{202e}b", "/a%e2%80%aeb"]),
            (
                "/a",
                &[
                    "/a;jsessionid=1",
                    "/a;x;y=2",
                    "/a?b=c#d",
                    "/a#d",
                    "/./a",
                    "/b/../a",
                    "/../a",
                    "/b/%2E%2e/a",
                    "\\a",
                    "a",
                ],
            ),
            ("/a;x/b", &["/a;x/b;y"]),
            ("/a/", &["/a/.", "/a/b/..", "/a/;jsessionid=1"]),
            ("/", &["", "\\", "?x", "#x", "/.", "/..", "/;x", "/a/.."]),
            ("//a", &["//a"]),
        ] {
            assert_eq!(page_path(page), page, "normal");
            for spelling in spellings {
                assert_eq!(page_path(spelling), page, "{spelling}");
            }
        }
    }

    #[test]
    fn parameters_that_a_site_allows_are_normalised_too() {
        for (sent, page) in [
            ("/a%20b?q=%E6%97%A5&x=1%262%3d", "/a b?q=日&x=1%262%3D"),
            ("/a;s=1?q=;r", "/a?q=;r"),
            ("/#/b%20c/../d", "/#/b c/../d"),
            ("/a?q=%00\u{202e}", "/a?q=%00%E2%80%AE"),
            ("/a", "/a"),
        ] {
            assert_eq!(page_with_parameters(sent), page);
        }
    }

    #[test]
    fn a_long_path_is_cut_between_characters() {
        for character in ["é", "%FF", "%C3%A9", "x", "%00"] {
            for before in ["", "a", "ab"] {
                let page = page_path(&format!("/{before}{}", character.repeat(600)));
                assert!(page.len() <= MAXIMUM_PATH_BYTES && page.len() > MAXIMUM_PATH_BYTES - 3, "{page}");
                assert_eq!(page_path(&page), page);
            }
        }
        for dots in ["..x", ".x", "...", "..;a/b"] {
            for length in MAXIMUM_PATH_BYTES - 6..MAXIMUM_PATH_BYTES {
                let page = page_path(&format!("/{}/{dots}/y", "x".repeat(length)));
                assert_eq!(page_path(&page), page);
            }
        }
    }

    /// A sequence of numbers that is the same in every run (`SplitMix64`).
    struct Random(u64);

    impl Random {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (mixed ^ (mixed >> 31)) % limit
        }

        fn one_of(&mut self, choices: &str) -> char {
            let count = u64::try_from(choices.chars().count()).unwrap();
            choices.chars().nth(usize::try_from(self.below(count)).unwrap()).unwrap()
        }

        /// A target in which everything that has a meaning in paths is frequent.
        fn target(&mut self) -> String {
            let mut target = String::new();
            for _ in 0..self.below(24) {
                match self.below(8) {
                    0 => target.push_str(["/", "/.", "/..", "/../", "//"][usize::try_from(self.below(5)).unwrap()]),
                    1 => target.push(self.one_of("%;?#\\.&=+ \"<~")),
                    2 => target.push(self.one_of("ab09éä日\u{0}\u{7f}\u{85}\u{202e}\u{feff}\u{fffd}😀")),
                    3 => target.push_str(&format!("%{:02x}", self.below(256))),
                    4 => target.push_str(&format!("%{:02X}", self.below(128))),
                    5 => target.push_str(&format!(
                        "%E{:x}%{:02X}%{:02x}",
                        self.below(16),
                        0x80 + self.below(64),
                        0x80 + self.below(64)
                    )),
                    6 => target.push_str(&encoded(
                        "é日\u{202e}😀".chars().nth(usize::try_from(self.below(4)).unwrap()).unwrap(),
                    )),
                    _ => target.push_str(&"x".repeat(usize::try_from(self.below(200)).unwrap())),
                }
            }
            target
        }

        /// The same path with some of its characters percent-encoded, in lowercase or uppercase digits.
        fn spelling(&mut self, path: &str) -> String {
            let mut spelling = String::new();
            let mut rest = path;
            while let Some(first) = rest.chars().next() {
                let (length, part) = match first {
                    '%' => (3, rest[..3].to_owned()),
                    '/' | ';' => (1, first.to_string()),
                    _ if self.below(2) == 0 => (first.len_utf8(), first.to_string()),
                    _ => (first.len_utf8(), encoded(first)),
                };
                let is_encoded = part.starts_with('%');
                spelling += &if is_encoded && self.below(2) == 0 { part.to_lowercase() } else { part };
                rest = &rest[length..];
            }
            spelling
        }
    }

    fn encoded(character: char) -> String {
        let mut encoded = String::new();
        encode_into(&mut encoded, character.encode_utf8(&mut [0; 4]).as_bytes());
        encoded
    }

    const TARGETS: usize = 2_000;

    #[test]
    fn a_stored_page_is_its_own_spelling() {
        let mut random = Random(1);
        for _ in 0..TARGETS {
            let target = random.target();
            let (page, with_parameters) = (page_path(&target), page_with_parameters(&target));
            assert_eq!(page_path(&page), page, "{target:?}");
            // The page in a list and in the query of its link.
            assert_eq!(page_with_parameters(&page), page, "{target:?}");
            assert_eq!(page_with_parameters(&with_parameters), with_parameters, "{target:?}");
            for page in [page, with_parameters] {
                assert!(page.starts_with('/') && page.len() <= MAXIMUM_PATH_BYTES, "{target:?}");
                assert!(!page.chars().any(must_be_encoded), "{target:?}");
            }
        }
    }

    #[test]
    fn any_encoding_of_a_page_gives_the_same_page() {
        let mut random = Random(2);
        for _ in 0..TARGETS {
            let page = page_path(&random.target());
            let spelling = random.spelling(&page);
            assert_eq!(page_path(&spelling), page, "{spelling:?}");
            assert_eq!(page_with_parameters(&spelling), page, "{spelling:?}");
        }
    }
}
