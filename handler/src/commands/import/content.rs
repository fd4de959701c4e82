//! Recognises files that are no logs by their first bytes, so that the error can name them.

/// The first bytes of compressed files and archives, with the name and the command that unpacks them to standard output.
const PACKED: [(&[u8], &str, &str); 9] = [
    (b"\x1f\x8b", "gzip inside gzip", "gzip -dc"),
    (b"\x28\xb5\x2f\xfd", "Zstandard", "zstd -dc"),
    (b"\xfd7zXZ\x00", "xz", "xz -dc"),
    (b"BZh", "bzip2", "bzip2 -dc"),
    (b"\x04\x22\x4d\x18", "LZ4", "lz4 -dc"),
    (b"LZIP", "lzip", "lzip -dc"),
    (b"\x89LZO", "lzop", "lzop -dc"),
    (b"\x1f\x9d", "compress", "gzip -dc"),
    (b"\x5d\x00\x00", "LZMA", "xz -dc"),
];

/// The first bytes of a zip archive that is not empty.
pub(super) const ZIP: &[u8] = b"PK\x03\x04";

/// The first bytes of other files.
const OTHERS: [(&[u8], &str); 10] = [
    (ZIP, "a zip archive; unpack it, or name its counter with --from if it is an export"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"Rar!", "a rar archive; unpack it first"),
    (b"LPKSHHRH", "a journal of systemd; print its lines with journalctl -o cat"),
    (b"SQLite format 3\x00", "an SQLite database; export its data first"),
    (b"PAR1", "a Parquet file; let the service write lines of text or JSON"),
    (b"PGDMP", "a dump of PostgreSQL, which only pg_restore reads"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
];

/// The mark of a tar archive, and its place.
const TAR: (usize, &[u8]) = (257, b"ustar");

/// How many bytes show the encoding of a text.
const ENCODING_SAMPLE: usize = 64;

/// Names a file whose first bytes show that it has no lines of UTF-8, and how to get a log out of it. A zip archive passes if
/// `accepts_zip`.
pub(super) fn unreadable(first: &[u8], accepts_zip: bool) -> Option<String> {
    if let Some((_, name, unpack)) = PACKED.iter().find(|(mark, ..)| first.starts_with(mark)) {
        return Some(format!(
            "the file is compressed with {name}, and only gzip is read; unpack it on the way: {unpack} FILE | handler import … -"
        ));
    }
    let other = OTHERS.iter().find(|(mark, _)| first.starts_with(mark));
    if let Some((_, is)) = other.filter(|(mark, _)| !(accepts_zip && *mark == ZIP)) {
        return Some(format!("the file is {is}"));
    }
    if first.get(TAR.0..).is_some_and(|rest| rest.starts_with(TAR.1)) {
        return Some("the file is a tar archive; unpack it first".to_owned());
    }
    is_wide(first).then(|| "the file is UTF-16, not UTF-8; convert it first: iconv -f UTF-16 -t UTF-8 FILE".to_owned())
}

/// Whether a text has two or four bytes for each character, by its byte order mark or by zeros in turn.
fn is_wide(first: &[u8]) -> bool {
    if first.starts_with(b"\xff\xfe") || first.starts_with(b"\xfe\xff") || first.starts_with(b"\x00\x00\xfe\xff") {
        return true;
    }
    let sample = &first[..first.len().min(ENCODING_SAMPLE) / 2 * 2];
    let zeros = |parity: usize| sample.iter().skip(parity).step_by(2).all(|byte| *byte == 0);
    let texts = |parity: usize| sample.iter().skip(parity).step_by(2).all(|byte| *byte != 0);
    sample.len() >= 16 && ((zeros(1) && texts(0)) || (zeros(0) && texts(1)))
}

/// Lines that are text but no log, described by the first of them.
pub(super) fn described(line: &str) -> String {
    let text = line.trim();
    let has = |name: &str| text.contains(&format!("\"{name}\""));
    if text.starts_with(['{', '[']) {
        return if has("log") && has("stream") {
            "lines of Docker's json-file driver; extract the log first: jq -rj .log FILE".to_owned()
        } else if has("records") {
            "JSON with a list of records; write one record per line first: jq -c '.records[]' FILE".to_owned()
        } else {
            "JSON, but not a log of Caddy, CloudFront or Front Door; --from imports the exports of other counters"
                .to_owned()
        };
    }
    if text.starts_with('<') && !text[1..].starts_with(|c: char| c.is_ascii_digit()) {
        return "HTML or XML".to_owned();
    }
    if is_table(text) {
        return "a table with columns; --from imports the exports of other counters".to_owned();
    }
    format!("like \"{}\" (letters as a, digits as 0)", masked(text))
}

/// Whether a line has the names of columns, separated by commas, semicolons or tabs.
fn is_table(line: &str) -> bool {
    let names: Vec<&str> = line.split([',', ';', '\t']).map(|name| name.trim_matches(['"', ' '])).collect();
    let is_name = |name: &&str| {
        name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.len() < 40
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b' ' | b'-'))
    };
    names.len() > 1 && names.iter().all(is_name) && names.iter().any(|name| name.bytes().all(|b| !b.is_ascii_digit()))
}

/// How many characters of a line are described.
const DESCRIBED_CHARACTERS: usize = 80;

/// The form of a line: letters are `a`, digits are `0`, so that an error shows no address.
fn masked(line: &str) -> String {
    let mask = |c: char| match c {
        _ if c.is_ascii_digit() => '0',
        _ if c.is_alphabetic() => 'a',
        _ if c.is_ascii_graphic() || c == ' ' => c,
        _ => '?',
    };
    let mut form: String = line.chars().take(DESCRIBED_CHARACTERS).map(mask).collect();
    if line.chars().nth(DESCRIBED_CHARACTERS).is_some() {
        form.push('…');
    }
    form
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_text_is_named() {
        let wide = |text: &str, order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
        let text = "203.0.113.9 - - [17/May/2015:10:05:03 +0000]";
        let tar = [vec![b'x'; 100], vec![0; 157], b"ustar".to_vec()].concat();
        for (first, name) in [
            (b"\x28\xb5\x2f\xfd\x00".to_vec(), "Zstandard"),
            (b"\xfd7zXZ\x00\x00".to_vec(), "xz"),
            (b"BZh91AY".to_vec(), "bzip2"),
            (b"PK\x03\x04rest".to_vec(), "zip archive"),
            (tar, "tar archive"),
            (wide(text, u16::to_le_bytes), "UTF-16"),
            (wide(text, u16::to_be_bytes), "UTF-16"),
            ([b"\xff\xfe".to_vec(), wide("a", u16::to_le_bytes)].concat(), "UTF-16"),
        ] {
            let is = unreadable(&first, false).unwrap_or_default();
            assert!(is.contains(name), "{name}: {is}");
        }
        assert_eq!(unreadable(b"PK\x03\x04rest", true), None);
        let truncated = [vec![0; 4096], text.into()].concat();
        for log in [text.as_bytes(), &truncated, b"", b"\x00", b"#Software: x", "\u{feff}#Fields:".as_bytes()] {
            assert_eq!(unreadable(log, false), None, "{log:?}");
        }
    }

    #[test]
    fn lines_of_another_kind_are_described_without_their_values() {
        for (line, is) in [
            (r#"{"log":"203.0.113.9 - -\n","stream":"stdout","time":"x"}"#, "Docker"),
            (r#"{"records": [{"time": 1}]}"#, "jq -c"),
            (r#"[{"path":"/"}]"#, "JSON"),
            ("<!doctype html>", "HTML"),
            ("2Path,Title,Event,UserAgent", "--from"),
            ("\"session_id\";\"created at\"", "--from"),
            ("Nov 20 10:05:03 203.0.113.9 sshd[7]: ü", "\"aaa 00 00:00:00 000.0.000.0 aaaa[0]: a\""),
        ] {
            assert!(described(line).contains(is), "{line}: {}", described(line));
        }
        assert_eq!(masked(&"x".repeat(100)).chars().count(), DESCRIBED_CHARACTERS + 1);
    }
}
