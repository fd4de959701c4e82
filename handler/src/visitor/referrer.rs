//! Where a visitor came from: a host name, never a whole address, because paths and queries of other sites can hold
//! people's names and tokens.

/// The host of a `Referer` value, lowercase and without `www.`, unless it is one of `own_hosts`. `None` for anything that
/// is not an absolute http, https or android-app URL with a host of at most 253 characters (RFC 1035 §2.3.4).
pub fn referring_host(referer: &str, own_hosts: &[&str]) -> Option<String> {
    let (scheme, rest) = referer.trim().split_once("://")?;
    if !["http", "https", "android-app"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return None;
    }
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = host_of_authority(authority);
    let valid = !host.is_empty()
        && host.len() <= 253
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']'));
    if !valid {
        return None;
    }
    let host = host.to_ascii_lowercase();
    let host = without_www(host.trim_end_matches('.'));
    let own = own_hosts.iter().any(|own| without_www(host_of_authority(own)).eq_ignore_ascii_case(host));
    (!own && !host.is_empty()).then(|| host.to_owned())
}

/// The host of `user@host:port`, with IPv6 brackets left on.
fn host_of_authority(authority: &str) -> &str {
    let host_and_port = authority.rsplit('@').next().unwrap_or_default();
    match host_and_port.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => host_and_port,
    }
}

fn without_www(host: &str) -> &str {
    host.strip_prefix("www.").unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::referring_host;

    #[test]
    fn a_referrer_is_its_host_and_nothing_else() {
        for (referer, host) in [
            ("https://www.Example.org/secret?token=1", Some("example.org")),
            ("http://user:password@news.example:8080/a", Some("news.example")),
            ("android-app://com.example.reader/", Some("com.example.reader")),
            ("https://[2001:db8::1]:443/", Some("[2001:db8::1]")),
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
    fn a_site_does_not_refer_to_itself() {
        assert_eq!(referring_host("https://www.example.com/a", &["example.com"]), None);
        assert_eq!(referring_host("https://example.com/a", &["www.example.com:8080"]), None);
        assert_eq!(referring_host("http://127.0.0.1:8080/", &["localhost", "127.0.0.1:8080"]), None);
    }
}
