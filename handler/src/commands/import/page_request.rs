//! Decides whether a request of a log is a pageview.

use super::line::LoggedRequest;

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

/// Extensions of assets and downloads. `docs/import.md` has the same list; a test compares the two.
const ASSET_EXTENSIONS: [&str; 53] = [
    "7z", "apk", "atom", "avi", "avif", "bmp", "bz2", "css", "csv", "deb", "dmg", "eot", "exe", "flac", "gif", "gz",
    "ico", "iso", "jar", "jpeg", "jpg", "js", "json", "m4a", "map", "mjs", "mov", "mp3", "mp4", "msi", "ogg", "otf",
    "pdf", "pkg", "png", "rar", "rpm", "rss", "svg", "tar", "tgz", "tif", "tiff", "ttf", "txt", "wasm", "wav", "webm",
    "webp", "woff", "woff2", "xml", "zip",
];

/// Checks that a request displayed a page: GET of a path, 2xx or 304, and not an asset by its extension.
pub(super) fn check_page(request: &LoggedRequest) -> Result<(), NotAPage> {
    if request.method != "GET" {
        return Err(NotAPage::OtherMethod);
    }
    if !(200..300).contains(&request.status) && request.status != 304 {
        return Err(NotAPage::OtherStatus);
    }
    let path = request.target.split(['?', '#']).next().unwrap_or_default();
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
    use crate::commands::import::combined::parse_combined;

    #[test]
    fn a_page_is_a_successful_get_of_a_path_without_an_asset_extension() {
        let of = |request: &str, status: u16| {
            let text =
                format!(r#"203.0.113.9 - - [17/May/2015:10:05:03 +0000] "{request} HTTP/1.1" {status} 1 "-" "x""#);
            check_page(&parse_combined(&text).unwrap())
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
