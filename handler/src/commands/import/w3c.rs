//! The W3C extended log format: a line of `#Fields:` names the columns. IIS, Azure App Service and AWS `CloudFront` write it.

use std::borrow::Cow;

use jiff::{civil::DateTime, tz::TimeZone};
use percent_encoding::percent_decode_str;

use super::line::{LoggedRequest, MissingColumn};

/// Something for each field that is read: its column, or its value in a line.
pub(super) struct W3cFields<T> {
    date: T,
    time: T,
    /// The host that the client requested. `cs(Host)` of `CloudFront` is the distribution.
    host: Option<T>,
    /// The address of the connection. `x-forwarded-for` is ignored, because clients can send anything.
    address: T,
    method: T,
    path: T,
    query: Option<T>,
    status: T,
    user_agent: T,
    referer: Option<T>,
}

/// The way in which a log writes special characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueEncoding {
    /// Percent-encoded once more than by the client.
    Percent,
    /// As sent by the client, with `+` for spaces in headers.
    Plus,
}

/// The columns that a line names after `#Fields:`.
pub(super) fn columns(names: &str) -> Result<W3cFields<usize>, MissingColumn> {
    let names: Vec<&str> = names.split_whitespace().collect();
    W3cFields::look_up(|wanted| names.iter().position(|name| name.eq_ignore_ascii_case(wanted)))
}

impl<T> W3cFields<T> {
    /// Looks up each field by its name.
    pub(super) fn look_up(find: impl Fn(&'static str) -> Option<T>) -> Result<Self, MissingColumn> {
        let required = |name| find(name).ok_or(MissingColumn(name));
        Ok(Self {
            date: required("date")?,
            time: required("time")?,
            host: find("x-host-header").or_else(|| find("cs-host")),
            address: required("c-ip")?,
            method: required("cs-method")?,
            path: required("cs-uri-stem")?,
            query: find("cs-uri-query"),
            status: required("sc-status")?,
            user_agent: required("cs(User-Agent)")?,
            referer: find("cs(Referer)"),
        })
    }
}

impl W3cFields<usize> {
    /// Reads a line. `CloudFront` separates values by tabs and percent-encodes them. IIS separates them by spaces and writes
    /// spaces in values as `+`.
    pub(super) fn read(&self, line: &str) -> Option<LoggedRequest> {
        let line = line.trim_end_matches(['\r', '\n']);
        let (separator, encoding) =
            if line.contains('\t') { ('\t', ValueEncoding::Percent) } else { (' ', ValueEncoding::Plus) };
        let values: Vec<&str> = line.split(separator).collect();
        let value = |column: usize| values.get(column).copied();
        // A log need not have an optional column, but each line must have the columns of its log.
        let optional = |column: Option<usize>| column.map_or(Some(None), |column| Some(Some(value(column)?)));
        let fields = W3cFields {
            date: value(self.date)?,
            time: value(self.time)?,
            host: optional(self.host)?,
            address: value(self.address)?,
            method: value(self.method)?,
            path: value(self.path)?,
            query: optional(self.query)?,
            status: value(self.status)?,
            user_agent: value(self.user_agent)?,
            referer: optional(self.referer)?,
        };
        fields.request(encoding)
    }
}

impl<T: AsRef<str>> W3cFields<T> {
    /// The request of a line's values. Times are UTC.
    pub(super) fn request(&self, encoding: ValueEncoding) -> Option<LoggedRequest> {
        let at: DateTime = format!("{}T{}", self.date.as_ref(), self.time.as_ref()).parse().ok()?;
        let (method, path) = (self.method.as_ref(), self.path.as_ref());
        let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
        if !is_method || !path.starts_with('/') {
            return None;
        }
        // CloudFront logs 000 if the client disconnected before the response.
        let status = self.status.as_ref().parse().ok().filter(|status| *status == 0 || (100..600).contains(status))?;
        let query = self.query.as_ref().map(T::as_ref).filter(|query| !["", "-"].contains(query));
        let target = match (query, encoding) {
            (None, ValueEncoding::Percent) => decoded(path).into_owned(),
            (None, ValueEncoding::Plus) => path.to_owned(),
            (Some(query), ValueEncoding::Percent) => format!("{}?{}", decoded(path), decoded(query)),
            (Some(query), ValueEncoding::Plus) => format!("{path}?{query}"),
        };
        let host = self.host.as_ref().map(T::as_ref).filter(|host| !["", "-"].contains(host));
        Some(LoggedRequest {
            host: host.map(str::to_owned),
            address: self.address.as_ref().to_owned(),
            at: TimeZone::UTC.to_timestamp(at).ok()?,
            method: method.to_owned(),
            target,
            status,
            referer: header(self.referer.as_ref().map_or("-", T::as_ref), encoding),
            user_agent: Some(header(self.user_agent.as_ref(), encoding)),
            accept_language: None,
            opted_out: false,
            prefetch: false,
            fetched_by_page: false,
        })
    }
}

/// The value of a header. Older logs of `CloudFront` encode twice, which leaves `%20` after one decoding.
fn header(value: &str, encoding: ValueEncoding) -> String {
    if encoding == ValueEncoding::Plus {
        return value.replace('+', " ");
    }
    match decoded(value) {
        once if once.contains("%20") => decoded(&once).into_owned(),
        once => once.into_owned(),
    }
}

/// Removes percent-encoding. Invalid sequences stay.
fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
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

    fn read(text: &str) -> Option<LoggedRequest> {
        columns(FIELDS).unwrap().read(text)
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
        let columns = columns(fields).unwrap();
        let text = "2026-11-20 10:05:03 10.0.0.4 GET /a%20b a=b+c 443 - 203.0.113.9 Mozilla/5.0+(X11) \
                    https://example.org/x 200 0 0 15\r\n";
        let request = columns.read(text).unwrap();
        assert_eq!((&*request.address, &*request.target, request.status), ("203.0.113.9", "/a%20b?a=b+c", 200));
        assert_eq!(request.at, "2026-11-20T10:05:03Z".parse().unwrap());
        assert_eq!(&*request.referer, "https://example.org/x");
        assert_eq!((request.user_agent.as_deref(), request.host), (Some("Mozilla/5.0 (X11)"), None));
        assert_eq!(columns.read("2026-11-20 10:05:03 10.0.0.4 GET"), None);
    }

    #[test]
    fn the_host_is_the_one_that_the_client_requested() {
        for (name, value, host) in [
            ("x-host-header", "example.com", Some("example.com")),
            ("cs-host", "example.com", Some("example.com")),
            ("x-host-header", "-", None),
            ("cs(Other)", "example.com", None),
        ] {
            let columns = columns(&format!("{FIELDS} {name}")).unwrap();
            let text = line("2026-11-20", "/", "200", "x").replace("\r\n", &format!("\t{value}\r\n"));
            assert_eq!(columns.read(&text).unwrap().host.as_deref(), host, "{name}");
        }
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
