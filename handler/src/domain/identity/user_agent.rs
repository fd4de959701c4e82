//! The User-Agent as the browser sent it.

/// The product that the Functions host appends in forwarding mode, without its version.
const HOST_PRODUCT: &str = "Azure-Functions-Host/";

/// Removes the product that the Functions host appends (` Azure-Functions-Host/4.1037.0`). Otherwise, each upgrade of
/// the host would change every fingerprint. Only the last product is removed; text of the client stays.
pub fn without_host_suffix(user_agent: &str) -> &str {
    let trimmed = user_agent.trim();
    let (before, last) = trimmed.rsplit_once(' ').unwrap_or(("", trimmed));
    if last.starts_with(HOST_PRODUCT) { before.trim_end() } else { trimmed }
}

/// Removes every version: digits, with the dots and underscores between them. `Version/18.1` and `Version/18.1.1` become equal.
pub fn without_versions(user_agent: &str) -> String {
    let mut kept = String::with_capacity(user_agent.len());
    let mut rest = user_agent;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        kept.push_str(&rest[..start]);
        let version = rest[start..].find(|c: char| !c.is_ascii_digit() && !['.', '_'].contains(&c));
        let end = version.map_or(rest.len(), |length| start + length);
        // Separators behind the last digit belong to the text.
        let last_digit = rest[start..end].rfind(|c: char| c.is_ascii_digit()).unwrap_or_default();
        rest = &rest[start + last_digit + 1..];
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::{without_host_suffix, without_versions};

    #[test]
    fn an_update_of_a_browser_or_a_system_changes_nothing_that_identifies() {
        let same = [
            [
                "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
                "Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0.1",
            ],
            [
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Mobile/15E148 Safari/604.1",
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1_1 like Mac OS X) Version/18.1.1 Mobile/15E148 Safari/605.1",
            ],
        ];
        for [before, after] in same {
            assert_eq!(without_versions(before), without_versions(after));
        }
        assert_ne!(without_versions("Firefox/145.0"), without_versions("Chrome/145.0"));
    }

    #[test]
    fn only_versions_are_removed() {
        for (user_agent, kept) in
            [("", ""), ("1", ""), ("a1", "a"), ("a 1.2_3.", "a ."), ("._a._", "._a._"), ("é1é2", "éé"), ("1..2b", "b")]
        {
            assert_eq!(without_versions(user_agent), kept, "{user_agent}");
        }
    }

    #[test]
    fn the_hosts_product_is_removed_in_any_version() {
        assert_eq!(without_host_suffix("Firefox/1 Azure-Functions-Host/4.1037.0.0"), "Firefox/1");
        assert_eq!(without_host_suffix("Firefox/1 Azure-Functions-Host/5"), "Firefox/1");
        assert_eq!(without_host_suffix("Azure-Functions-Host/4.1"), "");
    }

    #[test]
    fn anything_else_stays_as_it_was_sent() {
        assert_eq!(without_host_suffix("Firefox/1 (Azure-Functions-Host/4) x"), "Firefox/1 (Azure-Functions-Host/4) x");
        assert_eq!(without_host_suffix("A Azure-Functions-Host/1 Azure-Functions-Host/2"), "A Azure-Functions-Host/1");
        assert_eq!(without_host_suffix(" Firefox/1 "), "Firefox/1");
        assert_eq!(without_host_suffix(""), "");
    }
}
