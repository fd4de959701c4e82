//! Rules of the page for a frame.

use super::*;

fn embedded(report: &Report) -> String {
    let sites = ["example.com", "b.example"].map(|site| site.parse().unwrap());
    let (address, version, commit) = ("https://counter.example", "0.1.0", "0123456789abcdef");
    render_embedded(&PageContext {
        texts: english(),
        report,
        charted: Charted::Visitors,
        address,
        sites: &sites,
        own_site: &sites[1],
        lists_sites: false,
        signed_in: false,
        version,
        commit,
    })
    .unwrap()
}

#[test]
fn the_embedded_page_has_statistics_only_and_its_links_open_new_tabs() {
    let page = embedded(&report());
    for part in ["<h1><bdi>example.com</bdi></h1>", "data-range=\"visitors\"", "class=\"plot", "/about"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.contains("<div class=\"drawn\"><dt>Unique visitors"));
    for navigation in ["<dt><a", "aria-label=\"Range\"", "<form", "class=\"skip\"", "data-total", "b.example"] {
        assert!(!page.contains(navigation), "{navigation}");
    }
    let anchors: Vec<&str> = page.split("<a ").skip(1).filter_map(|rest| rest.split('>').next()).collect();
    assert!(anchors.len() > 2, "{anchors:?}");
    for anchor in anchors {
        if anchor.contains("data-lists") {
            assert!(links(anchor).contains("href=\"?embed&site=") && !anchor.contains("target"), "{anchor}");
            continue;
        }
        assert!(anchor.contains("target=\"_blank\" rel=\"noopener\""), "{anchor}");
    }
    assert!(links(&page).contains("href=\"/?site=example.com&period=23d\""));
}

#[test]
fn the_embedded_page_never_mentions_a_visit() {
    let page = embedded(&Report { stale: true, ..report() });
    assert!(page.contains("These numbers are out of date.") && !page.contains("your visit"));
    let page = render_unavailable(english(), PageKind::Embedded, "0.1.0", "unknown").unwrap();
    assert!(page.contains("The database is unavailable. Try again") && !page.contains("your visit"));
}
