//! The log lines of Apache and nginx: the combined format, and the common format without referrer and User-Agent. Both may begin with
//! the name of the host (`vhost_combined`), with the prefix of a log collector, and with several addresses.

use std::{borrow::Cow, net::IpAddr};

use jiff::Timestamp;

use super::line::{LoggedRequest, ParsedLine};
use crate::domain::Network;

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
        Some(request.map_or(ParsedLine::Other, |request| ParsedLine::Request(with_headers(request))))
    };
    parse().unwrap_or(ParsedLine::Malformed)
}

/// Reads a line of the common format: `address ident user [day/month/year:time zone] "method target protocol" status bytes`.
pub(super) fn parse_common(line: &str) -> ParsedLine {
    let Some(LineStart { request, .. }) = parse_start(line) else { return ParsedLine::Malformed };
    request.map_or(ParsedLine::Other, ParsedLine::Request)
}

/// Reads the part that both formats have.
fn parse_start(line: &str) -> Option<LineStart<'_>> {
    let line = line.trim_end_matches(['\r', '\n']);
    // The name of the user may contain spaces and brackets, but not a space, a bracket and a digit in a row.
    let opening = line.match_indices(" [").find(|(at, _)| line[at + 2..].starts_with(|c: char| c.is_ascii_digit()))?.0;
    let (host, address) = client(&line[..opening])?;
    let (time, rest) = line[opening + 2..].split_once(']')?;
    let at = Timestamp::strptime("%d/%b/%Y:%H:%M:%S %z", time).ok()?;
    let (request, rest) = quoted(rest.trim_start())?;
    let mut numbers = rest.trim_start().splitn(3, ' ');
    let status = numbers.next()?.parse().ok().filter(|status| (100..600).contains(status))?;
    let bytes = numbers.next()?;
    if bytes != "-" && bytes.parse::<u64>().is_err() {
        return None;
    }
    let request = split_request(&request).map(|(method, target)| LoggedRequest {
        host: host.map(str::to_owned),
        address,
        at,
        method: method.to_owned(),
        target: target.to_owned(),
        status,
        referer: String::new(),
        user_agent: None,
        accept_language: None,
        opted_out: false,
        prefetch: false,
        fetched_by_page: false,
    });
    Some(LineStart { request, rest: numbers.next() })
}

/// The host and the addresses in the part of a line before the time: `[prefix] [host] address ident user`.
fn client(text: &str) -> Option<(Option<&str>, String)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let found = words.iter().position(|word| is_address(word));
    if let Some(found) = found {
        let listed = |word: &&&str| word.ends_with(',');
        let start = found - words[..found].iter().rev().take_while(listed).count();
        let end = found + 1 + words[found..].iter().take_while(listed).count();
        // With fewer words after it, the address is the name of a user.
        if start == 0 || words.len() >= end + 2 {
            return Some((host_before(&words[..start]).ok()?, words[start..end.min(words.len())].join(" ")));
        }
    }
    // A server may log the name of the client, or nothing, instead of an address.
    match words[..] {
        [host, address, _, _, ..] if is_host(host) && host.contains(':') => Some((Some(host), address.to_owned())),
        [address, _, _] | [address, "-", ..] | [address] => Some((None, address.to_owned())),
        _ => None,
    }
}

/// The words before the address are neither a host nor a known prefix.
struct UnknownWords;

/// The host in the words before the address, if they name one.
fn host_before<'l>(words: &[&'l str]) -> Result<Option<&'l str>, UnknownWords> {
    match words {
        [] | ["-"] => Ok(None),
        _ if is_prefix(words) => Ok(None),
        [prefix @ .., host] if is_host(host) && (prefix.is_empty() || is_prefix(prefix)) => Ok(Some(host)),
        _ => Err(UnknownWords),
    }
}

/// Whether words are the prefix of a collector of logs: of syslog (RFC 3164 and 5424), journald, Docker Compose or Kubernetes.
fn is_prefix(words: &[&str]) -> bool {
    let [first, .., last] = words else { return words.iter().all(|word| word.ends_with(':') || is_timestamp(word)) };
    last.ends_with(':') || *last == "|" || is_timestamp(first) || (first.starts_with('<') && first.contains('>'))
}

fn is_timestamp(word: &str) -> bool {
    word.parse::<Timestamp>().is_ok()
}

/// Whether a word has an address, perhaps with a port, or addresses separated by commas.
fn is_address(word: &str) -> bool {
    let addresses = word.split(',').map(|address| address.trim_matches('"')).filter(|address| !address.is_empty());
    let mut kinds = addresses.map(|address| address.parse::<IpAddr>().is_ok() || Network::parse_hop(address).is_some());
    kinds.any(|is_address| is_address)
}

/// Whether a word can be the name of a host, perhaps with a port.
fn is_host(word: &str) -> bool {
    let name = match word.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => word,
    };
    name.bytes().any(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
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
    fn the_host_and_all_addresses_are_read_and_prefixes_are_skipped() {
        for (start, host, address) in [
            ("203.0.113.9 - -", None, "203.0.113.9"),
            ("example.com:443 203.0.113.9 - -", Some("example.com:443"), "203.0.113.9"),
            ("example.com 2001:db8::1 - frank", Some("example.com"), "2001:db8::1"),
            ("example.com:443 - - -", Some("example.com:443"), "-"),
            ("- 203.0.113.9 - -", None, "203.0.113.9"),
            ("203.0.113.9, 10.0.0.1 - -", None, "203.0.113.9, 10.0.0.1"),
            ("unknown, 203.0.113.9,10.0.0.1 - -", None, "unknown, 203.0.113.9,10.0.0.1"),
            ("example.com 203.0.113.9, 10.0.0.1 - a b", Some("example.com"), "203.0.113.9, 10.0.0.1"),
            ("May 17 10:05:03 web1 nginx: 203.0.113.9 - -", None, "203.0.113.9"),
            ("May  7 10:05:03 web1 nginx[12]: example.com 203.0.113.9 - -", Some("example.com"), "203.0.113.9"),
            ("<190>May 17 10:05:03 web1 nginx: 203.0.113.9 - -", None, "203.0.113.9"),
            ("<190>1 2015-05-17T10:05:03Z web1 nginx 12 - - 203.0.113.9 - -", None, "203.0.113.9"),
            ("2015-05-17T10:05:03+00:00 web1 nginx: 203.0.113.9 - -", None, "203.0.113.9"),
            ("2015-05-17T10:05:03.123456789Z stdout F 203.0.113.9 - -", None, "203.0.113.9"),
            ("2015-05-17T10:05:03.1Z 203.0.113.9 - -", None, "203.0.113.9"),
            ("web-1  | 203.0.113.9 - -", None, "203.0.113.9"),
            ("crawl.example.org - -", None, "crawl.example.org"),
            ("client.example.org - 203.0.113.9", None, "client.example.org"),
            ("- - -", None, "-"),
        ] {
            let text = format!(r#"{start} [17/May/2015:10:05:03 +0000] "GET / HTTP/1.0" 200 1"#);
            let line = request(parse_common(&text));
            assert_eq!((line.host.as_deref(), &*line.address), (host, address), "{start}");
        }
    }

    #[test]
    fn other_lines_are_malformed() {
        for text in [
            "",
            "garbage",
            r#"some words before 203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.0" 200 1 "-" "-""#,
            r#"May 17 10:05:03 web1 nginx: client - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.0" 200 1 "-" "-""#,
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
