//! The host that referred a visitor. Paths and queries are left out, because they can contain names and tokens. IP addresses are
//! left out too, because one can belong to a person.

/// The host of a `Referer` value, lowercase and without `www.`, unless it is one of `own_hosts`. `None` for anything that
/// is not an absolute http, https or android-app URL with a host of at most 253 characters (RFC 1035 §2.3.4), or whose host is
/// an address.
pub fn referring_host(referer: &str, own_hosts: &[&str]) -> Option<String> {
    let (host, _) = host_and_path(referer)?;
    let host = host.to_ascii_lowercase();
    let host = without_www(host.trim_end_matches('.'));
    if is_address(host) {
        return None;
    }
    let own = own_hosts.iter().any(|own| without_www(host_of_authority(own)).eq_ignore_ascii_case(host));
    (!own && !host.is_empty()).then(|| host.to_owned())
}

/// The host of an absolute http, https or android-app URL, as written, and the rest of the URL; `None` for anything else.
pub fn host_and_path(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.trim().split_once("://")?;
    if !["http", "https", "android-app"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return None;
    }
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
    let host = host_of_authority(authority);
    let valid = !host.is_empty()
        && host.len() <= 253
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']'));
    valid.then_some((host, path))
}

/// Whether a host belongs to a site: the site itself, with or without `www.`, or, with `subdomains`, any host below it.
pub fn belongs_to(host: &str, site: &str, subdomains: bool) -> bool {
    let host = host.to_ascii_lowercase();
    let (host, site) = (without_www(host.trim_end_matches('.')), without_www(site));
    host == site || (subdomains && host.strip_suffix(site).is_some_and(|below| below.ends_with('.')))
}

/// The host of `user@host:port`, with IPv6 brackets left on.
fn host_of_authority(authority: &str) -> &str {
    let host_and_port = authority.rsplit('@').next().unwrap_or_default();
    match host_and_port.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => host_and_port,
    }
}

/// Whether browsers read a host as an IP address: IPv6 in brackets, or a host that ends in a decimal, octal or hexadecimal
/// number (URL standard). For example, `http://3405803785/` leads to 203.0.113.9.
fn is_address(host: &str) -> bool {
    let last_label = host.rsplit('.').next().unwrap_or_default();
    let is_number = |digits: &str, is_digit: fn(&u8) -> bool| digits.bytes().all(|byte| is_digit(&byte));
    host.contains(['[', ']', ':'])
        || (!last_label.is_empty() && is_number(last_label, u8::is_ascii_digit))
        || last_label.strip_prefix("0x").is_some_and(|digits| is_number(digits, u8::is_ascii_hexdigit))
}

/// A referring host and the page that it led to, as one value. Hosts have no spaces, so the first space separates them.
pub fn pair(host: &str, page: &str) -> String {
    format!("{host} {page}")
}

fn without_www(host: &str) -> &str {
    host.strip_prefix("www.").unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_referrer_is_its_host_and_nothing_else() {
        for (referer, host) in [
            ("https://www.Example.org/secret?token=1", Some("example.org")),
            ("http://user:password@news.example:8080/a", Some("news.example")),
            ("android-app://com.example.reader/", Some("com.example.reader")),
            ("https://0xdigital.example/", Some("0xdigital.example")),
            ("https://4chan.example.7up/", Some("4chan.example.7up")),
            ("https://example.org.", Some("example.org")),
            ("", None),
            ("-", None),
            ("/relative", None),
            ("javascript://alert(1)", None),
            ("https://", None),
            ("https://bad host/", None),
            ("https://<script>/", None),
        ] {
            assert_eq!(referring_host(referer, &[]).as_deref(), host, "{referer}");
        }
    }

    #[test]
    fn an_ip_address_in_any_notation_is_no_referrer() {
        for host in [
            "203.0.113.7",
            "203.0.113.7:8080",
            "user@203.0.113.7",
            "203.0.113.7.",
            "3405803785",
            "0xCB007107",
            "0xcb.0x0.0x71.0x7",
            "0313.0.0161.07",
            "203.0.28935",
            "203.0x71",
            "127.1",
            "0x",
            "www.203.0.113.7",
            "anything.example.7",
            "999.999.999.999",
            "[2001:db8::1]",
            "[2001:db8::1]:443",
            "[::ffff:203.0.113.7]",
            "2001:db8::1",
        ] {
            assert_eq!(referring_host(&format!("http://{host}/a"), &[]), None, "{host}");
        }
    }

    #[test]
    fn a_site_does_not_refer_to_itself() {
        assert_eq!(referring_host("https://www.example.com/a", &["example.com"]), None);
        assert_eq!(referring_host("https://example.com/a", &["www.example.com:8080"]), None);
        assert_eq!(referring_host("http://127.0.0.1:8080/", &["localhost", "127.0.0.1:8080"]), None);
    }

    #[test]
    fn a_subdomain_belongs_to_its_site_only_if_allowed() {
        for (host, subdomains, belongs) in [
            ("example.com", false, true),
            ("WWW.Example.com.", false, true),
            ("blog.example.com", false, false),
            ("blog.example.com", true, true),
            ("a.b.example.com", true, true),
            ("badexample.com", true, false),
            ("example.com.evil.example", true, false),
            ("", true, false),
        ] {
            assert_eq!(belongs_to(host, "example.com", subdomains), belongs, "{host}");
        }
        assert!(belongs_to("example.com", "www.example.com", false));
    }

    #[test]
    fn a_url_has_a_host_and_a_path() {
        assert_eq!(host_and_path("https://me@example.com:8080/a?b"), Some(("example.com", "/a?b")));
        assert_eq!(host_and_path("https://example.com"), Some(("example.com", "")));
        assert_eq!(host_and_path("null"), None);
        assert_eq!(host_and_path("data:text/html,x"), None);
        assert_eq!(host_and_path("https:///x"), None);
    }
}
