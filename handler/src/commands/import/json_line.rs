//! Access logs whose lines are JSON objects: Caddy, Azure Front Door, and AWS `CloudFront` (v2).

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::{
    line::{LoggedRequest, ParsedLine},
    w3c::{ValueEncoding, W3cFields},
};
use crate::domain::visit::{PURPOSE_HEADERS, announces_prefetch};

/// The JSON pointers of a request's values. If a value has several pointers, the first one that exists counts.
struct JsonFields {
    host: &'static str,
    address: &'static [&'static str],
    at: &'static str,
    method: &'static str,
    target: &'static str,
    status: &'static str,
    referer: &'static [&'static str],
    user_agent: &'static str,
    /// The headers of the request by name, each with its values.
    headers: Option<&'static str>,
}

const CADDY: JsonFields = JsonFields {
    host: "/request/host",
    // `client_ip` respects `trusted_proxies`. Versions before 2.7 have only the address of the connection.
    address: &["/request/client_ip", "/request/remote_ip"],
    at: "/ts",
    method: "/request/method",
    target: "/request/uri",
    status: "/status",
    referer: &["/request/headers/Referer/0"],
    user_agent: "/request/headers/User-Agent/0",
    headers: Some("/request/headers"),
};

const FRONT_DOOR: JsonFields = JsonFields {
    // Usually the URI has the host, too.
    host: "/properties/hostName",
    // `clientIp` comes last, because it is taken from X-Forwarded-For, which clients can forge.
    address: &["/properties/socketIp", "/properties/clientIp"],
    at: "/time",
    method: "/properties/httpMethod",
    target: "/properties/requestUri",
    status: "/properties/httpStatusCode",
    referer: &["/properties/referrer", "/properties/referer"],
    user_agent: "/properties/userAgent",
    headers: None,
};

/// The category of Front Door's access log. The same file can have other categories.
const ACCESS_LOG: &str = "FrontDoorAccessLog";

/// Reads a line of Caddy's access log. By default, Caddy writes all its other entries to the same file.
pub(super) fn caddy(text: &str) -> ParsedLine {
    let line = parse(text);
    if line.get("request").is_none() && line.get("ts").is_some() {
        return ParsedLine::Other;
    }
    CADDY.read(&line).into()
}

/// Reads a line of Azure Front Door's access log.
pub(super) fn front_door(text: &str) -> ParsedLine {
    let line = parse(text);
    match line.get("category").and_then(Value::as_str) {
        Some(ACCESS_LOG) => {}
        Some(_) => return ParsedLine::Other,
        None => return ParsedLine::Malformed,
    }
    let with_path = |mut request: LoggedRequest| {
        request.move_host_from_target();
        request.target.starts_with('/').then_some(request)
    };
    FRONT_DOOR.read(&line).and_then(with_path).into()
}

/// Reads a line of `CloudFront`'s log as JSON, which has the names and values of the W3C format.
pub(super) fn cloudfront(text: &str) -> ParsedLine {
    let line = parse(text);
    let value = |name: &str| match line.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    W3cFields::look_up(value).ok().and_then(|fields| fields.request(ValueEncoding::Percent)).into()
}

/// Parses a line. The result for invalid JSON has no values, so the line is malformed.
fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

impl JsonFields {
    fn read(&self, line: &Value) -> Option<LoggedRequest> {
        let text = |pointer: &str| line.pointer(pointer)?.as_str().map(str::to_owned);
        let first_text = |pointers: &[&str]| pointers.iter().find_map(|pointer| text(pointer)).unwrap_or_default();
        let headers = self.headers.and_then(|pointer| line.pointer(pointer)?.as_object());
        let any = |names: &[&str], matches: fn(&str) -> bool| header_values(headers, names).any(matches);
        Some(LoggedRequest {
            host: text(self.host).filter(|host| !host.is_empty()),
            address: first_text(self.address),
            at: time(line.pointer(self.at)?)?,
            method: text(self.method)?,
            target: text(self.target)?,
            status: status(line.pointer(self.status)?)?,
            referer: first_text(self.referer),
            user_agent: Some(text(self.user_agent).unwrap_or_default()),
            accept_language: header_values(headers, &["accept-language"]).next().map(str::to_owned),
            opted_out: any(&["sec-gpc", "dnt"], |value| value.trim() == "1"),
            prefetch: any(&PURPOSE_HEADERS, announces_prefetch),
            fetched_by_page: any(&["sec-fetch-dest"], |value| !value.trim().eq_ignore_ascii_case("document")),
        })
    }
}

/// The values of headers with these names.
fn header_values<'v>(headers: Option<&'v Map<String, Value>>, names: &[&str]) -> impl Iterator<Item = &'v str> {
    let is_named = |name: &str| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    let named = headers.into_iter().flatten().filter(move |(name, _)| is_named(name)).map(|(_, values)| values);
    named.filter_map(Value::as_array).flatten().filter_map(Value::as_str)
}

/// A time: seconds since 1970, or a text with a UTC offset.
fn time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => text.parse().ok(),
        number => Timestamp::from_duration(SignedDuration::try_from_secs_f64(number.as_f64()?).ok()?).ok(),
    }
}

/// A status: a number, or its digits as text.
fn status(value: &Value) -> Option<u16> {
    match value {
        Value::String(digits) => digits.parse().ok(),
        number => number.as_u64()?.try_into().ok(),
    }
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

    const CADDY: &str = r#"{"level":"info","ts":1763632800.5,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"198.51.100.7","remote_port":"41342","client_ip":"203.0.113.9","proto":"HTTP/2.0","method":"GET","host":"example.com","uri":"/a?b=c","headers":{"User-Agent":["Mozilla/5.0 \"q\" (X11)"],"Referer":["https://example.org/x"],"Accept":["*/*"]}},"bytes_read":0,"user_id":"","duration":0.001,"size":1,"status":200,"resp_headers":{}}"#;

    #[test]
    fn a_line_of_caddy_is_read_in_full() {
        let line = request(caddy(CADDY));
        assert_eq!(line.host.as_deref(), Some("example.com"));
        assert_eq!((&*line.address, &*line.method, &*line.target, line.status), ("203.0.113.9", "GET", "/a?b=c", 200));
        assert_eq!(line.at, "2025-11-20T10:00:00.5Z".parse().unwrap());
        assert_eq!(
            (&*line.referer, line.user_agent.as_deref()),
            ("https://example.org/x", Some("Mozilla/5.0 \"q\" (X11)"))
        );
        assert!(!line.opted_out && !line.prefetch && line.accept_language.is_none());
        let older =
            CADDY.replace(r#""client_ip":"203.0.113.9","#, "").replace("1763632800.5", r#""2025-11-20T10:00:00Z""#);
        let line = request(caddy(&older));
        assert_eq!((&*line.address, line.at), ("198.51.100.7", "2025-11-20T10:00:00Z".parse().unwrap()));
    }

    #[test]
    fn languages_opt_outs_and_prefetching_are_read_from_the_headers_that_caddy_logs() {
        let with = |header: &str| CADDY.replace(r#""Accept":["*/*"]"#, header);
        let line = request(caddy(&with(r#""accept-language":["de-AT,de;q=0.5"]"#)));
        assert_eq!(line.accept_language.as_deref(), Some("de-AT,de;q=0.5"));
        assert!(request(caddy(&with(r#""Sec-Gpc":["1"]"#))).opted_out);
        assert!(request(caddy(&with(r#""Dnt":["1"]"#))).opted_out);
        for purpose in [
            r#""Sec-Purpose":["prefetch;prerender"]"#,
            r#""Sec-Purpose":["PREFETCH"]"#,
            r#""sec-purpose":["Prerender"]"#,
            r#""Purpose":["Preview"]"#,
            r#""X-Purpose":["preview"]"#,
            r#""X-Moz":["Prefetch"]"#,
        ] {
            assert!(request(caddy(&with(purpose))).prefetch, "{purpose}");
        }
        assert!(!request(caddy(&with(r#""Purpose":["prefetching-none"]"#))).prefetch);
        for (dest, fetched) in [("document", false), ("Document", false), ("empty", true), ("iframe", true)] {
            let line = with(&format!(r#""Sec-Fetch-Dest":["{dest}"]"#));
            assert_eq!(request(caddy(&line)).fetched_by_page, fetched, "{dest}");
        }
    }

    #[test]
    fn other_entries_of_caddy_are_recognised_and_the_rest_is_malformed() {
        assert_eq!(
            caddy(r#"{"level":"info","ts":1763632800,"msg":"serving initial configuration"}"#),
            ParsedLine::Other
        );
        for text in [
            "",
            "{",
            "null",
            "[]",
            "{}",
            &CADDY.replace("1763632800.5", "1e300"),
            &CADDY.replace("1763632800.5", "\"yesterday\""),
            &CADDY.replace("\"status\":200", "\"status\":\"ok\""),
            &CADDY.replace("\"uri\"", "\"url\""),
            &CADDY[..CADDY.len() / 2],
            &"[".repeat(100_000),
        ] {
            assert_eq!(caddy(text), ParsedLine::Malformed);
        }
    }

    const FRONT_DOOR: &str = r#"{"time":"2026-11-20T10:05:03.1234567Z","resourceId":"/SUBSCRIPTIONS/X","category":"FrontDoorAccessLog","operationName":"Microsoft.Cdn/Profiles/AccessLog/Write","properties":{"trackingReference":"0","httpMethod":"GET","httpVersion":"2.0","requestUri":"https://example.com:443/a?b=c","userAgent":"Mozilla/5.0 (X11)","clientIp":"198.51.100.7","clientPort":"41342","socketIp":"203.0.113.9","httpStatusCode":"200","referrer":"https://example.org/x"}}"#;

    #[test]
    fn a_line_of_front_door_is_read_in_full_with_the_address_of_the_connection() {
        let line = request(front_door(FRONT_DOOR));
        assert_eq!(line.host.as_deref(), Some("example.com:443"));
        assert_eq!((&*line.address, &*line.method, &*line.target, line.status), ("203.0.113.9", "GET", "/a?b=c", 200));
        assert_eq!(line.at.as_second(), "2026-11-20T10:05:03Z".parse::<Timestamp>().unwrap().as_second());
        assert_eq!((&*line.referer, line.user_agent.as_deref()), ("https://example.org/x", Some("Mozilla/5.0 (X11)")));
        let other = FRONT_DOOR
            .replace(r#""socketIp":"203.0.113.9","#, "")
            .replace(r#""200""#, "304")
            .replace("referrer", "referer");
        let line = request(front_door(&other));
        assert_eq!((&*line.address, line.status, &*line.referer), ("198.51.100.7", 304, "https://example.org/x"));
    }

    #[test]
    fn other_categories_of_front_door_are_recognised_and_the_rest_is_malformed() {
        assert_eq!(front_door(&FRONT_DOOR.replace("AccessLog\"", "HealthProbeLog\"")), ParsedLine::Other);
        let waf = r#"{"category":"FrontDoorWebApplicationFirewallLog","time":1,"properties":[1]}"#;
        assert_eq!(front_door(waf), ParsedLine::Other);
        for text in ["", "{}", "7", &FRONT_DOOR.replace("requestUri", "uri"), &FRONT_DOOR.replace("T10:05", " 10h05")] {
            assert_eq!(front_door(text), ParsedLine::Malformed, "{text}");
        }
    }

    #[test]
    fn a_line_of_cloudfront_is_read_by_the_names_of_the_w3c_format() {
        let text = r#"{"date":"2026-11-20","time":"10:05:03","c-ip":"203.0.113.9","cs-method":"GET","cs-uri-stem":"/a","sc-status":"200","cs(Referer)":"-","cs(User-Agent)":"Mozilla/5.0%20(X11)"}"#;
        let line = request(cloudfront(text));
        assert_eq!((&*line.target, line.status, line.user_agent.as_deref()), ("/a", 200, Some("Mozilla/5.0 (X11)")));
        assert_eq!(cloudfront(&text.replace("c-ip", "ip")), ParsedLine::Malformed);
        assert_eq!(cloudfront("\"text\""), ParsedLine::Malformed);
    }
}
