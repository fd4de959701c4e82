//! The W3C extended log format: a line of `#Fields:` names the columns. IIS, Azure App Service and AWS `CloudFront` write it.

use std::borrow::Cow;

use jiff::{civil::DateTime, tz::TimeZone};

use super::{
    format::{Line, MissingColumn},
    log_line::LogLine,
};

/// The positions of the columns.
pub(super) struct Columns {
    date: usize,
    time: usize,
    address: usize,
    method: usize,
    path: usize,
    query: Option<usize>,
    status: usize,
    user_agent: usize,
    referer: Option<usize>,
}

impl Columns {
    /// Reads the names after `#Fields:`.
    pub(super) fn named_by(fields: &str) -> Result<Self, MissingColumn> {
        let names: Vec<&str> = fields.split_whitespace().collect();
        let place = |wanted: &'static str| {
            names.iter().position(|name| name.eq_ignore_ascii_case(wanted)).ok_or(MissingColumn(wanted))
        };
        Ok(Self {
            date: place("date")?,
            time: place("time")?,
            address: place("c-ip")?,
            method: place("cs-method")?,
            path: place("cs-uri-stem")?,
            query: place("cs-uri-query").ok(),
            status: place("sc-status")?,
            user_agent: place("cs(User-Agent)")?,
            referer: place("cs(Referer)").ok(),
        })
    }

    /// Reads a line. `CloudFront` separates values by tabs and percent-encodes them. IIS separates them by spaces and writes
    /// spaces in values as `+`.
    pub(super) fn read<'l>(&self, line: &'l str) -> Line<'l> {
        let line = line.trim_end_matches(['\r', '\n']);
        let (separator, encoding) = if line.contains('\t') { ('\t', Encoding::Percent) } else { (' ', Encoding::Plus) };
        let values: Vec<&str> = line.split(separator).collect();
        let value = |place: usize| values.get(place).copied();
        let entry = || {
            request(Fields {
                date: value(self.date)?,
                time: value(self.time)?,
                address: value(self.address)?,
                method: value(self.method)?,
                path: value(self.path)?,
                query: self.query.map_or(Some("-"), value)?,
                status: value(self.status)?,
                user_agent: value(self.user_agent)?,
                referer: self.referer.map_or(Some("-"), value)?,
                encoding,
            })
        };
        entry().map_or(Line::Malformed, Line::Request)
    }
}

/// The values of a line, as logged.
pub(super) struct Fields<'l> {
    pub(super) date: &'l str,
    pub(super) time: &'l str,
    /// `c-ip`, the address of the connection. `x-forwarded-for` is ignored, because clients can send anything.
    pub(super) address: &'l str,
    pub(super) method: &'l str,
    pub(super) path: &'l str,
    /// `-` if there is none.
    pub(super) query: &'l str,
    pub(super) status: &'l str,
    pub(super) user_agent: &'l str,
    pub(super) referer: &'l str,
    pub(super) encoding: Encoding,
}

/// The way in which a log writes special characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Percent-encoded once more than by the client.
    Percent,
    /// As sent by the client, with `+` for spaces in headers.
    Plus,
}

/// Makes a request of its values. Times are UTC.
pub(super) fn request(fields: Fields<'_>) -> Option<LogLine<'_>> {
    let at: DateTime = format!("{}T{}", fields.date, fields.time).parse().ok()?;
    let method = fields.method;
    let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
    if !is_method || !fields.path.starts_with('/') {
        return None;
    }
    // CloudFront logs 000 if the client disconnected before the response.
    let status: u16 = fields.status.parse().ok().filter(|status| *status == 0 || (100..600).contains(status))?;
    Some(LogLine {
        address: Cow::Borrowed(fields.address),
        at: TimeZone::UTC.to_timestamp(at).ok()?,
        method: Cow::Borrowed(method),
        target: match (fields.query, fields.encoding) {
            ("" | "-", Encoding::Percent) => decoded(fields.path),
            ("" | "-", Encoding::Plus) => Cow::Borrowed(fields.path),
            (query, Encoding::Percent) => Cow::Owned(format!("{}?{}", decoded(fields.path), decoded(query))),
            (query, Encoding::Plus) => Cow::Owned(format!("{}?{query}", fields.path)),
        },
        status,
        referer: header(fields.referer, fields.encoding),
        user_agent: Some(header(fields.user_agent, fields.encoding)),
        opted_out: false,
        prefetch: false,
    })
}

/// The value of a header. Older logs of `CloudFront` encode twice, which leaves `%20` after one decoding.
fn header(value: &str, encoding: Encoding) -> Cow<'_, str> {
    if encoding == Encoding::Plus {
        return if value.contains('+') { Cow::Owned(value.replace('+', " ")) } else { Cow::Borrowed(value) };
    }
    match decoded(value) {
        Cow::Owned(once) if once.contains("%20") => Cow::Owned(decoded(&once).into_owned()),
        once => once,
    }
}

/// Removes percent-encoding. Invalid sequences stay.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let digit = |byte: Option<&u8>| {
        byte.and_then(|byte| char::from(*byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok())
    };
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if let (b'%', Some(high), Some(low)) = (byte, digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            out.push(high << 4 | low);
            at += 3;
        } else {
            out.push(*byte);
            at += 1;
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &str = " date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) \
                          cs(User-Agent) cs-uri-query x-forwarded-for";

    fn line(date: &str, path: &str, status: &str, user_agent: &str) -> String {
        format!(
            "{date}\t10:05:03\tFRA2-C1\t900\t203.0.113.9\tGET\td1.cloudfront.net\t{path}\t{status}\thttps://example.org/x\t\
             {user_agent}\ta=b\t198.51.100.7\r\n"
        )
    }

    fn read(text: &str) -> Option<LogLine<'_>> {
        match Columns::named_by(FIELDS).unwrap().read(text) {
            Line::Request(request) => Some(request),
            _ => None,
        }
    }

    #[test]
    fn a_line_of_cloudfront_is_read_by_its_columns_and_decoded() {
        for (user_agent, query, target) in
            [("Mozilla/5.0%20(X11)", "a=b%2526c", "/a%20b?a=b%26c"), ("Mozilla/5.0%2520(X11)", "-", "/a%20b")]
        {
            let text = line("2026-11-20", "/a%2520b", "200", user_agent).replace("a=b", query);
            let request = read(&text).unwrap();
            assert_eq!((&*request.address, &*request.target, request.status), ("203.0.113.9", target, 200));
            assert_eq!(request.at, "2026-11-20T10:05:03Z".parse().unwrap());
            assert_eq!(&*request.referer, "https://example.org/x");
            assert_eq!(request.user_agent.as_deref(), Some("Mozilla/5.0 (X11)"));
        }
    }

    #[test]
    fn a_line_of_iis_is_read_by_its_columns() {
        let fields = " date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) \
                      cs(Referer) sc-status sc-substatus sc-win32-status time-taken";
        let columns = Columns::named_by(fields).unwrap();
        let text = "2026-11-20 10:05:03 10.0.0.4 GET /a%20b a=b+c 443 - 203.0.113.9 Mozilla/5.0+(X11) \
                    https://example.org/x 200 0 0 15\r\n";
        let Line::Request(request) = columns.read(text) else { panic!("{text}") };
        assert_eq!((&*request.address, &*request.target, request.status), ("203.0.113.9", "/a%20b?a=b+c", 200));
        assert_eq!(request.at, "2026-11-20T10:05:03Z".parse().unwrap());
        assert_eq!(&*request.referer, "https://example.org/x");
        assert_eq!(request.user_agent.as_deref(), Some("Mozilla/5.0 (X11)"));
        assert!(matches!(columns.read("2026-11-20 10:05:03 10.0.0.4 GET"), Line::Malformed));
    }

    #[test]
    fn other_lines_are_malformed() {
        for text in [
            String::new(),
            "2026-11-20\t10:05:03".to_owned(),
            line("20.11.2026", "/", "200", "x"),
            line("2026-02-30", "/", "200", "x"),
            line("2026-11-20", "-", "200", "x"),
            line("2026-11-20", "/", "2000", "x"),
            line("2026-11-20", "/", "200", "x").replace("\tGET\t", "\t-\t"),
        ] {
            assert!(read(&text).is_none(), "{text}");
        }
        // A disconnected client has a line with status 000.
        assert_eq!(read(&line("2026-11-20", "/", "000", "x")).map(|request| request.status), Some(0));
    }

    #[test]
    fn percent_signs_without_an_encoding_stay() {
        for (text, plain) in [("100%", "100%"), ("%zz%4", "%zz%4"), ("%C3%A9", "é"), ("%ff", "\u{fffd}"), ("a", "a")] {
            assert_eq!(decoded(text), plain);
        }
    }
}
