//! The log lines of Apache and nginx: the combined format, and the common format without referrer and User-Agent.

use std::borrow::Cow;

use jiff::Timestamp;

use super::line::{LoggedRequest, ParsedLine};

/// The part of a line that both formats have, and the rest of the line.
struct LineStart<'l> {
    /// `None` for what is no HTTP request, such as a TLS hello on the port of HTTP, or `-`.
    request: Option<LoggedRequest>,
    rest: Option<&'l str>,
}

/// Reads a line of the combined format: the common format and `"referer" "user-agent"`.
pub(super) fn parse_combined(line: &str) -> ParsedLine {
    let parse = || {
        let LineStart { request, rest } = parse_start(line)?;
        let (referer, rest) = quoted(rest?.trim_start())?;
        let (user_agent, _) = quoted(rest.trim_start())?;
        let with_headers = |request| LoggedRequest {
            referer: referer.into_owned(),
            user_agent: Some(user_agent.into_owned()),
            ..request
        };
        Some(request.map(with_headers))
    };
    parsed(parse())
}

/// Reads a line of the common format: `address ident user [day/month/year:time zone] "method target protocol" status bytes`.
pub(super) fn parse_common(line: &str) -> ParsedLine {
    parsed(parse_start(line).map(|start| start.request))
}

fn parsed(line: Option<Option<LoggedRequest>>) -> ParsedLine {
    match line {
        Some(Some(request)) => ParsedLine::Request(request),
        Some(None) => ParsedLine::Other,
        None => ParsedLine::Malformed,
    }
}

/// Reads the part that both formats have.
fn parse_start(line: &str) -> Option<LineStart<'_>> {
    let (address, rest) = line.trim_end_matches(['\r', '\n']).split_once(' ')?;
    // The name of the user may contain spaces and brackets, but not a space, a bracket and a digit in a row.
    let opening = rest.match_indices(" [").find(|(at, _)| rest[at + 2..].starts_with(|c: char| c.is_ascii_digit()))?.0;
    let (time, rest) = rest[opening + 2..].split_once(']')?;
    let at = Timestamp::strptime("%d/%b/%Y:%H:%M:%S %z", time).ok()?;
    let (request, rest) = quoted(rest.trim_start())?;
    let mut numbers = rest.trim_start().splitn(3, ' ');
    let status = numbers.next()?.parse().ok().filter(|status| (100..600).contains(status))?;
    let bytes = numbers.next()?;
    if bytes != "-" && bytes.parse::<u64>().is_err() {
        return None;
    }
    let request = split_request(&request).map(|(method, target)| LoggedRequest {
        address: address.to_owned(),
        at,
        method: method.to_owned(),
        target: target.to_owned(),
        status,
        referer: String::new(),
        user_agent: None,
        opted_out: false,
        prefetch: false,
        fetched_by_page: false,
    });
    Some(LineStart { request, rest: numbers.next() })
}

/// A quoted text, in which a backslash escapes the next character; and the rest after it.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut escaped = false;
    let end = inner.find(|c| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    })?;
    Some((unescaped(&inner[..end]), &inner[end + 1..]))
}

/// A text in which `\"`, `\\`, and bytes such as `\xC3` are what the client sent. nginx and Apache write all other bytes as they are.
/// Bytes that are not UTF-8 are percent-encoded.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let (byte, length) = match *rest {
            [b'\\', quoted @ (b'"' | b'\\'), ..] => (quoted, 2),
            [b'\\', b'x', high, low, ..] => match (digit(high), digit(low)) {
                (Some(high), Some(low)) => (16 * high + low, 4),
                _ => (*first, 1),
            },
            _ => (*first, rest.len() - after.len()),
        };
        bytes.push(byte);
        rest = &rest[length..];
    }
    let mut unescaped = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        unescaped.push_str(chunk.valid());
        unescaped.extend(chunk.invalid().iter().map(|byte| format!("%{byte:02X}")));
    }
    Cow::Owned(unescaped)
}

/// Method and target of a request line; `None` if no HTTP client sends it (a TLS hello on the wrong port, `-`).
fn split_request(request: &str) -> Option<(&str, &str)> {
    let (method, rest) = request.split_once(' ')?;
    let target = rest.rsplit_once(" HTTP/").map_or(rest, |(target, _)| target);
    let valid = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
    valid.then_some((method, target))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: ParsedLine) -> LoggedRequest {
        match line {
            ParsedLine::Request(request) => request,
            other => panic!("{other:?}"),
        }
    }

    const LINE: &str = r#"203.0.113.9 - frank [17/May/2015:10:05:03 +0200] "GET /a?b=c HTTP/1.1" 200 203023 "https://example.org/x" "Mozilla/5.0 \"quoted\" (X11)""#;

    #[test]
    fn a_combined_line_is_read_in_full() {
        let line = request(parse_combined(LINE));
        assert_eq!(line.address, "203.0.113.9");
        assert_eq!(line.at, "2015-05-17T08:05:03Z".parse().unwrap());
        assert_eq!((&*line.method, &*line.target, line.status), ("GET", "/a?b=c", 200));
        assert_eq!(&*line.referer, "https://example.org/x");
        assert_eq!(line.user_agent.as_deref(), Some("Mozilla/5.0 \"quoted\" (X11)"));
    }

    #[test]
    fn a_common_line_has_no_referrer_and_no_user_agent() {
        let line = r#"2001:db8::1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.0" 304 -"#;
        let line = request(parse_common(line));
        assert_eq!((line.status, line.user_agent), (304, None));
    }

    #[test]
    fn a_user_name_with_spaces_and_brackets_is_skipped() {
        let text = r#"203.0.113.9 - "a [b] c" [17/May/2015:10:05:03 +0000] "GET / HTTP/1.0" 200 1"#;
        assert_eq!(request(parse_common(text)).address, "203.0.113.9");
    }

    #[test]
    fn escaped_bytes_are_what_the_client_sent() {
        for (logged, target) in [
            (r"/caf\xC3\xA9", "/café"),
            (r"/\xe6\x97\xa5/%2F", "/日/%2F"),
            (r"/caf\xE9", "/caf%E9"),
            (r"/\x22\\xC3\xZ\x4", r#"/"\xC3\xZ\x4"#),
        ] {
            let text = format!(r#"203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET {logged} HTTP/1.0" 200 1"#);
            assert_eq!(&*request(parse_common(&text)).target, target);
        }
    }

    #[test]
    fn other_lines_are_malformed() {
        for text in [
            "",
            "garbage",
            r#"203.0.113.9 - - [17/Mai/2015:10:05:03 +0000] "GET / HTTP/1.0" 200 1 "-" "-""#,
            r#"203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.0" 2000 1 "-" "-""#,
            r#"203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.0" 200 1 "-" "cut of"#,
            r#"203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.0" 200 1"#,
        ] {
            assert_eq!(parse_combined(text), ParsedLine::Malformed, "{text}");
        }
    }

    #[test]
    fn a_line_without_an_http_request_is_another_entry() {
        for sent in [r"\x16\x03\x01", "-", ""] {
            let text = format!(r#"203.0.113.9 - - [17/May/2015:10:05:03 +0000] "{sent}" 400 1 "-" "-""#);
            assert_eq!(parse_combined(&text), ParsedLine::Other, "{text}");
        }
    }
}
