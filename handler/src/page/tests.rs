//! What the page promises, whatever the numbers are and whoever chose the paths.

mod sample;

use self::sample::{empty, entry, hours, statistics};
use super::*;
use crate::{
    statistics::{Excluded, Span},
    visitor::Exclusion,
};

fn html(statistics: &Statistics) -> String {
    html_of_sites(statistics, &["example.com"])
}

fn html_of_sites(statistics: &Statistics, sites: &[&str]) -> String {
    let sites: Vec<Arc<str>> = sites.iter().map(|site| Arc::from(*site)).collect();
    render(&View { statistics, sites: &sites, version: "0.1.0", commit: "0123456789abcdef" }).unwrap()
}

/// The page without its style and script.
fn markup(html: &str) -> String {
    html.replace(&*STYLE, "").replace(&*SCRIPT, "")
}

/// Names and values of all attributes.
fn attributes(html: &str) -> Vec<(String, String)> {
    let tags = html.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag);
    tags.flat_map(|tag| {
        let mut pieces = tag.split('"');
        let mut found = Vec::new();
        while let (Some(before), Some(value)) = (pieces.next(), pieces.next()) {
            let name = before.trim_end_matches('=').rsplit(char::is_whitespace).next().unwrap_or_default();
            found.push((name.to_owned(), value.to_owned()));
        }
        found
    })
    .collect()
}

#[test]
fn what_visitors_sent_is_never_markup() {
    let attacks = [
        "/<script>alert(1)</script>",
        "/\"onmouseover=\"alert(1)",
        "/'><img src=x onerror=alert(1)>",
        "/{{site}}&lt;b&gt;</bdi></table></svg>",
    ];
    let mut statistics = statistics();
    statistics.pages = attacks.map(entry).to_vec();
    statistics.referrers = attacks.map(entry).to_vec();
    statistics.campaigns = attacks.map(entry).to_vec();
    let page = markup(&html(&statistics));
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("<img").count(), 0);
    for bad in ["\"onmouseover", "'><", "&lt;b&gt;</bdi></table>"] {
        assert!(!page.contains(bad), "{bad}");
    }
    assert_eq!(page.matches("/&lt;script&gt;alert(1)&lt;/script&gt;").count(), 3);
    assert_eq!(page.matches("&amp;lt;b&amp;gt;").count(), 3);
    assert!(page.contains("/{{site}}"));
}

#[test]
fn a_sites_name_is_never_markup_nor_a_second_parameter() {
    let name = "a\"><i>&period=x";
    let mut statistics = statistics();
    statistics.site = name.into();
    let page = html_of_sites(&statistics, &["example.com", name]);
    assert!(!page.contains("<i>"));
    assert!(page.contains("href=\"?site=a%22%3E%3Ci%3E%26period%3Dx\""));
}

#[test]
fn text_of_any_direction_stands_apart_from_its_neighbours() {
    let mut statistics = statistics();
    statistics.pages = vec![entry("/\u{202e}cod.exe"), entry("/مرحبا")];
    let page = html(&statistics);
    assert!(page.contains("<bdi>/\u{202e}cod.exe</bdi>"));
    assert!(page.contains("<bdi>/مرحبا</bdi>"));
}

#[test]
fn fifty_of_the_longest_paths_do_not_make_an_endless_page() {
    let mut statistics = statistics();
    statistics.pages = (10..60).map(|index| entry(&format!("/{}{index}", "é".repeat(255)))).collect();
    let page = html(&statistics);
    assert!(page.contains("é…é") && page.contains("é59</bdi>"));
    assert!(page.len() < 32_000, "{} bytes", page.len());
}

#[test]
fn an_ordinary_page_is_small() {
    let mut statistics = statistics();
    statistics.pages = (0..10).map(|index| entry(&format!("/articles/number-{index}"))).collect();
    statistics.referrers = (0..8).map(|index| entry(&format!("site-{index}.example"))).collect();
    let page = html(&statistics);
    assert!(page.len() <= 15_500, "{} bytes", page.len());
}

#[test]
fn an_empty_site_says_what_will_appear() {
    let page = html(&empty());
    assert!(page.contains("Each path that is viewed appears here."));
    assert!(page.contains("When another site leads somebody here, its host name appears."));
    assert_eq!(page.matches("Nothing was counted in this time.").count(), 2);
    assert!(!page.contains("Browsers"));
}

#[test]
fn a_stale_page_says_so_and_that_the_visit_was_not_counted() {
    let mut statistics = statistics();
    assert!(!html(&statistics).contains("numbers are old"));
    statistics.stale = true;
    let page = html(&statistics);
    assert!(page.contains("These numbers are old."));
    assert!(page.contains("from 23 November 2026 at 10:20, and your visit was not counted."));
}

#[test]
fn without_any_numbers_one_sentence_says_that_the_visit_was_not_counted() {
    let page = render_unavailable("0.1.0", "0123456789abcdef").unwrap();
    assert!(page.contains("your visit was not counted: please try again"));
    assert!(page.contains("Footfall 0.1.0 (0123456)"));
    assert!(!page.contains("<script"));
}

#[test]
fn the_hashes_are_those_of_the_style_and_script_as_rendered() {
    let pages = [html(&statistics()), render_unavailable("0.1.0", "unknown").unwrap()];
    for page in pages {
        for (tag, hash) in [("style", style_hash()), ("script", script_hash())] {
            let Some((_, rest)) = page.split_once(&format!("<{tag}>")) else { continue };
            let (content, _) = rest.split_once(&format!("</{tag}>")).unwrap();
            assert_eq!(source_hash(content), hash);
        }
    }
    assert_eq!(source_hash(""), "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='");
}

#[test]
fn nothing_stands_in_the_page_that_its_content_security_policy_forbids() {
    let mut statistics = statistics();
    statistics.stale = true;
    statistics.browsers = vec![entry("Firefox")];
    for page in [html_of_sites(&statistics, &["example.com", "b.example"]), render_unavailable("0", "0").unwrap()] {
        for (name, value) in attributes(&markup(&page)) {
            assert!(name != "style" && !name.starts_with("on"), "{name}");
            let ours = value.starts_with('?') || value.starts_with("/api/") || value.starts_with('#');
            let loads = ["href", "src", "srcset", "action"].contains(&&*name);
            assert!(ours || !loads || value.starts_with("data:"), "{value}");
        }
        // The name of SVG's markup inside the icon is the only address in the page; nobody loads it.
        assert!(!page.replace("xmlns='http://www.w3.org/2000/svg'", "").contains("://"));
        assert!(!page.contains("url(") && !page.contains("@import") && !page.contains("javascript:"));
    }
}

#[test]
fn every_reason_is_shown_with_its_count() {
    let mut statistics = statistics();
    statistics.excluded = Excluded {
        bots: 9001,
        prefetch: 9002,
        opted_out: 9003,
        own: 9004,
        rate_limited: 9005,
        unidentified: 9006,
        head: 9007,
    };
    let page = html(&statistics);
    for (index, reason) in Exclusion::ALL.into_iter().enumerate() {
        let count = format!("<dd>9,00{}<dd>", index + 1);
        assert_eq!(page.matches(&count).count(), 1, "{reason:?}");
    }
}

#[test]
fn headline_numbers_have_separators_and_the_estimate_its_error() {
    let page = html(&statistics());
    assert!(page.contains("<b>1,234</b>"));
    assert!(page.contains("≈ <b>12,345,678</b>"));
    assert!(page.contains("All time <small>± 1.6 %</small>") && page.contains("less than 1.6 %."));
    assert!(page.contains("Pageviews <b>98,765,432</b>"));
}

#[test]
fn every_chart_has_a_name_and_its_numbers_as_a_table() {
    let page = html(&statistics());
    assert_eq!(page.matches("role=\"img\"").count(), 2);
    for id in ["hours-chart", "series-chart"] {
        assert!(page.contains(&format!("aria-labelledby=\"{id}\"")));
        assert!(page.contains(&format!("<title id=\"{id}\">Visitors and pageviews by")));
    }
    assert!(page.contains("<tr><th>Mon 23 Nov<td>66<td>154<"));
    assert!(page.contains("<tr><th>11:00<td>0<td>0<"));
    assert_eq!(page.matches("<tr><th>").count() - page.matches("<thead><tr><th>").count(), 23 + 24);
}

#[test]
fn the_current_period_leads_back_and_an_ended_one_forward_too() {
    let mut statistics = statistics();
    let page = html(&statistics);
    assert!(page.contains("Last 23 days") && page.contains("Today, Monday 23 November 2026"));
    assert!(page.contains("href=\"?site=example.com&amp;period=day&amp;to=2026-11-22#period\""));
    assert!(!page.contains("rel=\"next\""));

    let span = |start: &str, end: &str, kind| Span { kind, start: start.to_owned(), end: end.to_owned() };
    statistics.period = span("2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z", "day");
    let page = html(&statistics);
    assert!(page.contains("23 days up to 21 November 2026") && page.contains(">Saturday 21 November 2026<"));
    assert!(page.contains("rel=\"next\" href=\"?site=example.com&amp;period=day&amp;to=2026-11-22#period\""));
    assert!(page.contains("href=\"/api/statistics?site=example.com&amp;period=day&amp;to=2026-11-21\""));

    // The current week is asked for without a date, so that the link does not grow old.
    statistics.period = span("2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z", "week");
    let page = html(&statistics);
    assert!(page.contains("rel=\"next\" href=\"?site=example.com&amp;period=week#period\""));
    assert!(page.contains("rel=\"prev\" href=\"?site=example.com&amp;period=week&amp;to=2026-11-15#period\""));
}

#[test]
fn days_of_another_zone_keep_their_dates() {
    let mut statistics = statistics();
    statistics.time_zone = "Europe/Berlin".to_owned();
    statistics.period = Span {
        kind: "day",
        start: "2026-10-25T00:00:00+02:00".to_owned(),
        end: "2026-10-26T00:00:00+01:00".to_owned(),
    };
    let page = html(&statistics);
    assert!(page.contains(">Sunday 25 October 2026<"));
    assert!(page.contains("to=2026-10-24#period") && page.contains("to=2026-10-26#period"));
    assert!(page.contains(">23 November 2026 at 11:20</time>"));
}

#[test]
fn hours_are_told_from_days_and_not_shown_twice() {
    let mut statistics = statistics();
    statistics.series = hours();
    let page = html(&statistics);
    assert_eq!(page.matches("role=\"img\"").count(), 1);
    assert_eq!(page.matches("Last 24 hours").count(), 1);
    assert!(page.contains("period=hour&amp;to=2026-11-22"));
    statistics.series.remove(0);
    let page = html(&statistics);
    assert_eq!(page.matches("role=\"img\"").count(), 2);
    assert!(page.contains("Last 23 hours"));
}

#[test]
fn sites_can_be_chosen_where_there_are_several() {
    let statistics = statistics();
    assert!(!html(&statistics).contains("aria-label=\"Sites\""));
    let page = html_of_sites(&statistics, &["counter.example", "example.com"]);
    assert!(page.contains("<a href=\"?site=counter.example\"><bdi>"));
    assert!(page.contains("<a href=\"?site=example.com\" aria-current=\"page\"><bdi>"));
}
