//! Access logs whose lines are JSON objects: Caddy, Azure Front Door, and AWS `CloudFront` (v2).

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{
    format::{Format, Line},
    log_line::LogLine,
    w3c,
};

/// The format of a JSON object.
pub(super) fn format_of(line: &str) -> Option<Format> {
    let object: Value = serde_json::from_str(line).ok()?;
    if object.get("category").and_then(Value::as_str).is_some_and(|category| category.starts_with("FrontDoor")) {
        Some(Format::FrontDoor)
    } else if object.get("cs-uri-stem").is_some() {
        Some(Format::CloudFrontJson)
    } else {
        object.get("request")?.get("uri").map(|_| Format::Caddy)
    }
}

#[derive(Deserialize)]
struct CaddyLine<'l> {
    ts: Option<Value>,
    #[serde(borrow)]
    request: Option<CaddyRequest<'l>>,
    status: Option<u16>,
}

#[derive(Deserialize)]
struct CaddyRequest<'l> {
    /// Who is believed to be the client: the connection, or what a proxy says that `trusted_proxies` names.
    #[serde(borrow)]
    client_ip: Option<Cow<'l, str>>,
    /// Who was connected. Versions before 2.7 have only this one.
    #[serde(borrow)]
    remote_ip: Option<Cow<'l, str>>,
    #[serde(borrow)]
    method: Cow<'l, str>,
    #[serde(borrow)]
    uri: Cow<'l, str>,
    #[serde(default)]
    headers: CaddyHeaders,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CaddyHeaders {
    #[serde(rename = "User-Agent")]
    user_agent: Vec<String>,
    #[serde(rename = "Referer")]
    referer: Vec<String>,
    #[serde(rename = "Sec-Gpc")]
    gpc: Vec<String>,
    #[serde(rename = "Dnt")]
    dnt: Vec<String>,
    #[serde(rename = "Sec-Purpose")]
    sec_purpose: Vec<String>,
    #[serde(rename = "Purpose")]
    purpose: Vec<String>,
}

/// Reads a line of Caddy's access log. What else it logs stands in the same file with its default configuration.
pub(super) fn caddy(text: &str) -> Line<'_> {
    let Ok(line) = serde_json::from_str::<CaddyLine<'_>>(text) else { return Line::Malformed };
    let Some(request) = line.request else {
        return if line.ts.is_some() { Line::Other } else { Line::Malformed };
    };
    let (Some(at), Some(status)) = (line.ts.as_ref().and_then(caddy_time), line.status) else { return Line::Malformed };
    let headers = request.headers;
    let is = |header: &[String], value: &str| header.iter().any(|one| one.trim() == value);
    let prefetches = |header: &[String]| header.iter().any(|one| one.contains("prefetch") || one.contains("prerender"));
    let first = |header: Vec<String>| Cow::Owned(header.into_iter().next().unwrap_or_default());
    Line::Request(LogLine {
        address: request.client_ip.or(request.remote_ip).unwrap_or_default(),
        at,
        method: request.method,
        target: request.uri,
        status,
        opted_out: is(&headers.gpc, "1") || is(&headers.dnt, "1"),
        prefetch: prefetches(&headers.sec_purpose) || prefetches(&headers.purpose),
        referer: first(headers.referer),
        user_agent: Some(first(headers.user_agent)),
    })
}

/// Seconds since 1970, as Caddy writes by default, or a time that says its offset.
fn caddy_time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => text.parse().ok(),
        #[allow(clippy::cast_possible_truncation, reason = "microseconds of any time that can be are far below 2^53")]
        Value::Number(number) => {
            let seconds = number.as_f64().filter(|seconds| seconds.abs() < 1e11)?;
            Timestamp::from_microsecond((seconds * 1e6) as i64).ok()
        }
        _ => None,
    }
}

#[derive(Deserialize)]
struct FrontDoorLine<'l> {
    #[serde(borrow)]
    time: Option<Cow<'l, str>>,
    #[serde(borrow)]
    category: Cow<'l, str>,
    #[serde(borrow)]
    properties: Option<FrontDoorRequest<'l>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FrontDoorRequest<'l> {
    /// The address of the connection.
    #[serde(borrow)]
    socket_ip: Option<Cow<'l, str>>,
    /// The same, unless the request had an X-Forwarded-For, which anybody can send: then what that says.
    #[serde(borrow)]
    client_ip: Option<Cow<'l, str>>,
    #[serde(borrow)]
    http_method: Option<Cow<'l, str>>,
    #[serde(borrow)]
    request_uri: Option<Cow<'l, str>>,
    http_status_code: Option<Value>,
    #[serde(borrow)]
    user_agent: Option<Cow<'l, str>>,
    #[serde(borrow)]
    referrer: Option<Cow<'l, str>>,
    #[serde(borrow)]
    referer: Option<Cow<'l, str>>,
}

/// Reads a line of Azure Front Door's access log. Other categories may stand beside it.
pub(super) fn front_door(text: &str) -> Line<'_> {
    let Ok(line) = serde_json::from_str::<FrontDoorLine<'_>>(text) else {
        // A line of another category has other properties.
        let other = serde_json::from_str::<Value>(text).ok();
        let category = other.as_ref().and_then(|line| line.get("category")).and_then(Value::as_str);
        return if category.is_some_and(|category| category != ACCESS_LOG) { Line::Other } else { Line::Malformed };
    };
    if line.category != ACCESS_LOG {
        return Line::Other;
    }
    let entry = || {
        let request = line.properties?;
        let status = match request.http_status_code? {
            Value::String(digits) => digits.parse().ok()?,
            number => u16::try_from(number.as_u64()?).ok()?,
        };
        Some(LogLine {
            address: request.socket_ip.or(request.client_ip).unwrap_or_default(),
            at: line.time?.parse().ok()?,
            method: request.http_method?,
            target: Cow::Owned(target_of(&request.request_uri?)?.to_owned()),
            status,
            referer: request.referrer.or(request.referer).unwrap_or_default(),
            user_agent: Some(request.user_agent.unwrap_or_default()),
            opted_out: false,
            prefetch: false,
        })
    };
    entry().map_or(Line::Malformed, Line::Request)
}

const ACCESS_LOG: &str = "FrontDoorAccessLog";

/// What follows the host in `https://example.com:443/a?b`.
fn target_of(uri: &str) -> Option<&str> {
    match uri.split_once("://") {
        Some((_, rest)) => Some(rest.find(['/', '?', '#']).map_or("/", |at| &rest[at..])),
        None => uri.starts_with('/').then_some(uri),
    }
}

/// Reads a line of `CloudFront`'s log as JSON: the same names and values as in the one with tabs.
pub(super) fn cloudfront(text: &str) -> Line<'_> {
    let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(text) else { return Line::Malformed };
    let value = |name: &str| match fields.get(name) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let entry = || {
        let (date, time, status) = (value("date")?, value("time")?, value("sc-status")?);
        let (address, method, path) = (value("c-ip")?, value("cs-method")?, value("cs-uri-stem")?);
        let user_agent = value("cs(User-Agent)")?;
        let (query, referer) = (value("cs-uri-query").unwrap_or_default(), value("cs(Referer)").unwrap_or_default());
        let request = w3c::request(w3c::Fields {
            date: &date,
            time: &time,
            address: &address,
            method: &method,
            path: &path,
            query: &query,
            status: &status,
            user_agent: &user_agent,
            referer: &referer,
            encoding: w3c::Encoding::Percent,
        })?;
        Some(request.into_owned())
    };
    entry().map_or(Line::Malformed, Line::Request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: Line<'_>) -> LogLine<'_> {
        match line {
            Line::Request(request) => request,
            other => panic!("{other:?}"),
        }
    }

    const CADDY: &str = r#"{"level":"info","ts":1763632800.5,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"198.51.100.7","remote_port":"41342","client_ip":"203.0.113.9","proto":"HTTP/2.0","method":"GET","host":"example.com","uri":"/a?b=c","headers":{"User-Agent":["Mozilla/5.0 \"q\" (X11)"],"Referer":["https://example.org/x"],"Accept":["*/*"]}},"bytes_read":0,"user_id":"","duration":0.001,"size":1,"status":200,"resp_headers":{}}"#;

    #[test]
    fn a_line_of_caddy_is_read_in_full() {
        let line = request(caddy(CADDY));
        assert_eq!((&*line.address, &*line.method, &*line.target, line.status), ("203.0.113.9", "GET", "/a?b=c", 200));
        assert_eq!(line.at, "2025-11-20T10:00:00.5Z".parse().unwrap());
        assert_eq!(
            (&*line.referer, line.user_agent.as_deref()),
            ("https://example.org/x", Some("Mozilla/5.0 \"q\" (X11)"))
        );
        assert!(!line.opted_out && !line.prefetch);
        let older =
            CADDY.replace(r#""client_ip":"203.0.113.9","#, "").replace("1763632800.5", r#""2025-11-20T10:00:00Z""#);
        let line = request(caddy(&older));
        assert_eq!((&*line.address, line.at), ("198.51.100.7", "2025-11-20T10:00:00Z".parse().unwrap()));
    }

    #[test]
    fn what_a_browser_asked_for_is_kept_from_caddys_headers() {
        let with = |header: &str| CADDY.replace(r#""Accept":["*/*"]"#, header);
        assert!(request(caddy(&with(r#""Sec-Gpc":["1"]"#))).opted_out);
        assert!(request(caddy(&with(r#""Dnt":["1"]"#))).opted_out);
        assert!(request(caddy(&with(r#""Sec-Purpose":["prefetch;prerender"]"#))).prefetch);
    }

    #[test]
    fn other_entries_of_caddy_are_no_requests_and_the_rest_is_malformed() {
        assert_eq!(caddy(r#"{"level":"info","ts":1763632800,"msg":"serving initial configuration"}"#), Line::Other);
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
            assert_eq!(caddy(text), Line::Malformed);
        }
    }

    const FRONT_DOOR: &str = r#"{"time":"2026-11-20T10:05:03.1234567Z","resourceId":"/SUBSCRIPTIONS/X","category":"FrontDoorAccessLog","operationName":"Microsoft.Cdn/Profiles/AccessLog/Write","properties":{"trackingReference":"0","httpMethod":"GET","httpVersion":"2.0","requestUri":"https://example.com:443/a?b=c","userAgent":"Mozilla/5.0 (X11)","clientIp":"198.51.100.7","clientPort":"41342","socketIp":"203.0.113.9","httpStatusCode":"200","referrer":"https://example.org/x"}}"#;

    #[test]
    fn a_line_of_front_door_is_read_in_full_and_believes_the_connection_only() {
        let line = request(front_door(FRONT_DOOR));
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
    fn other_categories_of_front_door_are_no_requests_and_the_rest_is_malformed() {
        assert_eq!(front_door(&FRONT_DOOR.replace("AccessLog\"", "HealthProbeLog\"")), Line::Other);
        let waf = r#"{"category":"FrontDoorWebApplicationFirewallLog","time":1,"properties":[1]}"#;
        assert_eq!(front_door(waf), Line::Other);
        for text in ["", "{}", "7", &FRONT_DOOR.replace("requestUri", "uri"), &FRONT_DOOR.replace("T10:05", " 10h05")] {
            assert_eq!(front_door(text), Line::Malformed, "{text}");
        }
    }

    #[test]
    fn a_target_is_what_follows_the_host() {
        for (uri, target) in [
            ("https://example.com/a?b", Some("/a?b")),
            ("http://example.com", Some("/")),
            ("https://example.com?x", Some("?x")),
            ("/plain", Some("/plain")),
            ("nonsense", None),
        ] {
            assert_eq!(target_of(uri), target);
        }
    }

    #[test]
    fn cloudfront_as_json_is_read_like_the_one_with_tabs() {
        let text = r#"{"date":"2026-11-20","time":"10:05:03","c-ip":"203.0.113.9","cs-method":"GET","cs-uri-stem":"/a","sc-status":"200","cs(Referer)":"-","cs(User-Agent)":"Mozilla/5.0%20(X11)"}"#;
        let line = request(cloudfront(text));
        assert_eq!((&*line.target, line.status, line.user_agent.as_deref()), ("/a", 200, Some("Mozilla/5.0 (X11)")));
        assert_eq!(cloudfront(&text.replace("c-ip", "ip")), Line::Malformed);
        assert_eq!(cloudfront("\"text\""), Line::Malformed);
    }
}
