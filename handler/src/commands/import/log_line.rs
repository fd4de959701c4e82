//! One line of a web server's access log, and whether it is a page that somebody was shown.

use std::borrow::Cow;

use jiff::Timestamp;

use super::Format;

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LogLine<'l> {
    pub(super) address: Cow<'l, str>,
    pub(super) at: Timestamp,
    pub(super) method: Cow<'l, str>,
    pub(super) target: Cow<'l, str>,
    pub(super) status: u16,
    /// Empty in the common format.
    pub(super) referer: Cow<'l, str>,
    /// `None` in the common format.
    pub(super) user_agent: Option<Cow<'l, str>>,
    /// Whether GPC or DNT was sent; only Caddy says so.
    pub(super) opted_out: bool,
    /// Whether it was loaded ahead of a visit; only Caddy says so.
    pub(super) prefetch: bool,
}

impl LogLine<'_> {
    /// The same, of texts of its own.
    pub(super) fn into_owned(self) -> LogLine<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        LogLine {
            address: owned(self.address),
            at: self.at,
            method: owned(self.method),
            target: owned(self.target),
            status: self.status,
            referer: owned(self.referer),
            user_agent: self.user_agent.map(owned),
            opted_out: self.opted_out,
            prefetch: self.prefetch,
        }
    }
}

/// Reads a line of a web server: `address ident user [day/month/year:time zone] "method target protocol" status bytes`, and in the combined
/// format `"referer" "user-agent"` after it. `None` if it is not of that form.
pub(super) fn parse(line: &str, format: Format) -> Option<LogLine<'_>> {
    let (address, rest) = line.trim_end_matches(['\r', '\n']).split_once(' ')?;
    // The user's name may hold spaces and brackets, but not a space, a bracket and a digit.
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
    let (method, target) = split_request(request)?;
    let (referer, user_agent) = if format == Format::Common {
        (Cow::Borrowed(""), None)
    } else {
        let (referer, rest) = quoted(numbers.next()?.trim_start())?;
        let (user_agent, _) = quoted(rest.trim_start())?;
        (referer, Some(user_agent))
    };
    let address = Cow::Borrowed(address);
    Some(LogLine { address, at, method, target, status, referer, user_agent, opted_out: false, prefetch: false })
}

/// A text in quotes, in which a backslash takes the next character's meaning away; and what follows it.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut escaped = false;
    let end = inner.find(|c| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    })?;
    let value = &inner[..end];
    let value = if value.contains("\\\"") || value.contains("\\\\") {
        Cow::Owned(value.replace("\\\"", "\"").replace("\\\\", "\\"))
    } else {
        Cow::Borrowed(value)
    };
    Some((value, &inner[end + 1..]))
}

/// Method and target of a request line; `None` for what no HTTP client sends (a TLS hello on the wrong port, `-`).
fn split_request(request: Cow<'_, str>) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let split = |text: &str| {
        let (method, rest) = text.split_once(' ')?;
        let target = rest.rsplit_once(" HTTP/").map_or(rest, |(target, _)| target);
        let valid = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
        valid.then_some((method.len(), target.len()))
    };
    let (method, target) = split(&request)?;
    Some(match request {
        Cow::Borrowed(text) => (Cow::Borrowed(&text[..method]), Cow::Borrowed(&text[method + 1..method + 1 + target])),
        Cow::Owned(text) => {
            (Cow::Owned(text[..method].to_owned()), Cow::Owned(text[method + 1..method + 1 + target].to_owned()))
        }
    })
}

/// Why a request is no pageview.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NotAPage {
    /// The method is not GET.
    OtherMethod,
    /// The status is neither 2xx nor 304, so no page was displayed.
    OtherStatus,
    /// The path ends with the extension of an asset or a download.
    Asset,
    /// A request for another host, a header, or another kind of entry.
    OtherEntry,
}

impl NotAPage {
    pub(super) const ALL: [Self; 4] = [Self::OtherMethod, Self::OtherStatus, Self::Asset, Self::OtherEntry];

    /// The name in summaries.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::OtherMethod => "other_method",
            Self::OtherStatus => "other_status",
            Self::Asset => "asset",
            Self::OtherEntry => "other_entry",
        }
    }
}

/// Extensions of what is not a page. `docs/import.md` lists them, too; a test holds the two together.
pub(super) const ASSET_EXTENSIONS: [&str; 53] = [
    "7z", "apk", "atom", "avi", "avif", "bmp", "bz2", "css", "csv", "deb", "dmg", "eot", "exe", "flac", "gif", "gz",
    "ico", "iso", "jar", "jpeg", "jpg", "js", "json", "m4a", "map", "mjs", "mov", "mp3", "mp4", "msi", "ogg", "otf",
    "pdf", "pkg", "png", "rar", "rpm", "rss", "svg", "tar", "tgz", "tif", "tiff", "ttf", "txt", "wasm", "wav", "webm",
    "webp", "woff", "woff2", "xml", "zip",
];

/// Whether a line is a page that was shown: GET of a path, 2xx or 304, and not an asset by its extension.
pub(super) fn page(line: &LogLine<'_>) -> Result<(), NotAPage> {
    if line.method != "GET" {
        return Err(NotAPage::OtherMethod);
    }
    if !(200..300).contains(&line.status) && line.status != 304 {
        return Err(NotAPage::OtherStatus);
    }
    let path = line.target.split(['?', '#']).next().unwrap_or_default();
    if !path.starts_with('/') {
        // Scanners for open proxies request pages of other hosts.
        return Err(NotAPage::OtherEntry);
    }
    let file = path.rsplit('/').next().unwrap_or_default();
    let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
    let is_asset = ASSET_EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(extension));
    if is_asset { Err(NotAPage::Asset) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"203.0.113.9 - frank [17/May/2015:10:05:03 +0200] "GET /a?b=c HTTP/1.1" 200 203023 "https://example.org/x" "Mozilla/5.0 \"quoted\" (X11)""#;

    #[test]
    fn a_combined_line_is_read_in_full() {
        let line = parse(LINE, Format::Combined).unwrap();
        assert_eq!(line.address, "203.0.113.9");
        assert_eq!(line.at, "2015-05-17T08:05:03Z".parse().unwrap());
        assert_eq!((&*line.method, &*line.target, line.status), ("GET", "/a?b=c", 200));
        assert_eq!(&*line.referer, "https://example.org/x");
        assert_eq!(line.user_agent.as_deref(), Some("Mozilla/5.0 \"quoted\" (X11)"));
    }

    #[test]
    fn a_common_line_has_no_referrer_and_no_user_agent() {
        let line =
            parse(r#"2001:db8::1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.0" 304 -"#, Format::Common).unwrap();
        assert_eq!((line.status, line.user_agent), (304, None));
    }

    #[test]
    fn a_user_name_with_spaces_and_brackets_is_skipped() {
        let text = r#"203.0.113.9 - "a [b] c" [17/May/2015:10:05:03 +0000] "GET / HTTP/1.0" 200 1"#;
        assert!(parse(text, Format::Common).is_some());
    }

    #[test]
    fn what_is_not_a_log_line_is_refused() {
        for text in [
            "",
            "garbage",
            r#"203.0.113.9 - - [17/Mai/2015:10:05:03 +0000] "GET / HTTP/1.0" 200 1 "-" "-""#,
            r#"203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.0" 2000 1 "-" "-""#,
            r#"203.0.113.9 - - [17/May/2015:10:05:03 +0000] "\x16\x03\x01" 400 1 "-" "-""#,
            r#"203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.0" 200 1 "-" "cut of"#,
            r#"203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.0" 200 1"#,
        ] {
            assert_eq!(parse(text, Format::Combined), None, "{text}");
        }
    }

    #[test]
    fn only_pages_that_were_shown_are_pages() {
        let of = |request: &str, status: u16| {
            let text =
                format!(r#"203.0.113.9 - - [17/May/2015:10:05:03 +0000] "{request} HTTP/1.1" {status} 1 "-" "x""#);
            page(&parse(&text, Format::Combined).unwrap())
        };
        assert_eq!(of("GET /", 200), Ok(()));
        assert_eq!(of("GET /a.b/c", 304), Ok(()));
        assert_eq!(of("GET /page.html?x=/y.png", 206), Ok(()));
        assert_eq!(of("GET /v1.0", 200), Ok(()));
        assert_eq!(of("GET http://other.example/", 200), Err(NotAPage::OtherEntry));
        assert_eq!(of("POST /", 200), Err(NotAPage::OtherMethod));
        assert_eq!(of("GET /", 404), Err(NotAPage::OtherStatus));
        assert_eq!(of("GET /", 301), Err(NotAPage::OtherStatus));
        assert_eq!(of("GET /style.CSS?v=1", 200), Err(NotAPage::Asset));
        assert_eq!(of("GET /a.tar.gz", 200), Err(NotAPage::Asset));
    }

    #[test]
    fn the_documentation_lists_the_same_extensions() {
        let text = include_str!("../../../../docs/import.md");
        let listed: Vec<&str> = text
            .lines()
            .find_map(|line| line.strip_prefix("Assets: "))
            .expect("docs/import.md has a line that begins with 'Assets: '")
            .split(' ')
            .map(|word| word.trim_matches(['`', ',', '.']))
            .collect();
        assert_eq!(listed, ASSET_EXTENSIONS);
    }
}
