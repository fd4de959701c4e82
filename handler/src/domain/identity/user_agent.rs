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

#[cfg(test)]
mod tests {
    use super::without_host_suffix;

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
