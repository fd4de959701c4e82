//! Decides whether a request of a log is a pageview.

use super::line::LoggedRequest;

/// Why a request is no pageview.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NotAPage {
    /// The method is not GET.
    OtherMethod,
    /// The status is neither 2xx nor 304, so no page was displayed.
    OtherStatus,
    /// The path is that of an asset or a download.
    Asset,
    /// `Sec-Fetch-Dest` shows that a page fetched it, and that it is no page.
    Fetched,
    /// A header or another kind of entry.
    OtherEntry,
}

impl NotAPage {
    pub(super) const ALL: [Self; 5] =
        [Self::OtherMethod, Self::OtherStatus, Self::Asset, Self::Fetched, Self::OtherEntry];

    /// The name in summaries.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::OtherMethod => "other_method",
            Self::OtherStatus => "other_status",
            Self::Asset => "asset",
            Self::Fetched => "fetched",
            Self::OtherEntry => "other_entry",
        }
    }
}

/// Extensions of assets and downloads. `docs/import.md` has the same list; a test compares the two.
const ASSET_EXTENSIONS: [&str; 9] = [
    "3g2 3gp 7z aab aac aif aiff apk apng appcache appimage appx appxbundle asc atom avi avif avifs azw3 bin bmp",
    "br bz2 cab cjs crx css csv cts cur dat data deb djvu dmg docm docx dotx eot eps epub exe flac flatpak flv",
    "gem geojson gif glb gltf gpx gz heic heif ico ics img ipa iso jar jfif jp2 jpe jpeg jpg js json json5 jsonl",
    "jsonld jsx jxl kml kmz less lz lz4 lzma m2ts m3u m3u8 m4a m4b m4s m4v manifest map md5 mid midi mjs mka mkv",
    "mobi mov mp3 mp4 mpd mpeg mpg msi msix msixbundle mts mvt ndjson nupkg obj odg odp ods odt oga ogg ogv onnx",
    "opml opus otf parquet pbf pdf pjp pjpeg pkg pmtiles png potx pps ppsx ppt pptm pptx psd rar rpm rsc rss rtf",
    "sass scss sha1 sha256 sha512 sig snap sqlite srt stl svg svgz tar tbz tbz2 tgz tif tiff toml topojson",
    "torrent ts tsv tsx ttc ttf txt txz tzst unityweb usdz vcf vsix vtt war wasm wav weba webm webmanifest webp",
    "whl wma wmv woff woff2 xls xlsb xlsm xlsx xltx xml xpi xz yaml yml z zip zst",
];

/// The folder of files for programs (RFC 8615), which often have no extension.
const WELL_KNOWN: &str = "/.well-known/";

/// Checks that a request displayed a page: GET of a path, 2xx or 304, neither an asset nor fetched by a page.
pub(super) fn check_page(request: &LoggedRequest) -> Result<(), NotAPage> {
    if request.method != "GET" {
        return Err(NotAPage::OtherMethod);
    }
    if !(200..300).contains(&request.status) && request.status != 304 {
        return Err(NotAPage::OtherStatus);
    }
    let path = request.target.split(['?', '#']).next().unwrap_or_default();
    if !path.starts_with('/') {
        return Err(NotAPage::OtherEntry);
    }
    if is_asset(path) {
        return Err(NotAPage::Asset);
    }
    if request.fetched_by_page { Err(NotAPage::Fetched) } else { Ok(()) }
}

fn is_asset(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or_default();
    // Path parameters, such as `;jsessionid=…`, follow the name.
    let name = file.split(';').next().unwrap_or_default();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    path.starts_with(WELL_KNOWN)
        || ASSET_EXTENSIONS.iter().flat_map(|row| row.split(' ')).any(|known| known.eq_ignore_ascii_case(extension))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::import::{combined::parse_combined, line::ParsedLine};

    #[test]
    fn a_page_is_a_successful_get_of_a_path_without_an_asset_extension() {
        let of = |request: &str, status: u16| {
            let text =
                format!(r#"203.0.113.9 - - [17/May/2015:10:05:03 +0000] "{request} HTTP/1.1" {status} 1 "-" "x""#);
            let ParsedLine::Request(request) = parse_combined(&text) else { panic!("{text}") };
            check_page(&request)
        };
        assert_eq!(of("GET /", 200), Ok(()));
        assert_eq!(of("GET /a.b/c", 304), Ok(()));
        assert_eq!(of("GET /page.html?x=/y.png", 206), Ok(()));
        assert_eq!(of("GET /v1.0", 200), Ok(()));
        assert_eq!(of("GET *", 200), Err(NotAPage::OtherEntry));
        assert_eq!(of("POST /", 200), Err(NotAPage::OtherMethod));
        assert_eq!(of("GET /", 404), Err(NotAPage::OtherStatus));
        assert_eq!(of("GET /", 301), Err(NotAPage::OtherStatus));
        assert_eq!(of("GET /style.CSS?v=1", 200), Err(NotAPage::Asset));
        for asset in ["/a.tar.gz", "/a.tar.XZ", "/a.wasm.br", "/site.webmanifest", "/1.ts", "/a.docx", "/b.xlsx"] {
            assert_eq!(of(&format!("GET {asset}"), 200), Err(NotAPage::Asset), "{asset}");
        }
        assert_eq!(of("GET /style.css;jsessionid=1?v=1", 200), Err(NotAPage::Asset));
        assert_eq!(of("GET /.well-known/traffic-advice", 200), Err(NotAPage::Asset));
        assert_eq!(of("GET /page;v=1.css/b", 200), Ok(()));
    }

    #[test]
    fn the_documentation_lists_the_same_extensions() {
        let text = include_str!("../../../../docs/import.md");
        let listed = text
            .lines()
            .find_map(|line| line.strip_prefix("Assets: "))
            .expect("docs/import.md has a line that begins with 'Assets: '");
        assert_eq!(listed.trim_matches(['`', '.']), ASSET_EXTENSIONS.join(" "));
    }
}
