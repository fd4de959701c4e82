//! Rules of breakdowns, of the weeks with returning visitors, and of parts that are not always shown.

use super::*;
use crate::domain::statistics::{Breakdown, Entry, Referrals};

fn referrals(of: Breakdown, values: &[&str], other: i64) -> Referrals {
    let entry = |value: &&str| Entry { value: (*value).to_owned(), visitors: None, pageviews: 1_200 };
    Referrals { of, entries: values.iter().map(entry).collect(), other }
}

#[test]
fn only_pages_and_referrers_link_to_their_breakdown() {
    let mut report = report();
    let pages = vec![entry("/a b&c?d=é"), entry("other"), entry(&format!("/{}", "x".repeat(200)))];
    report.lists.insert(Dimension::Page, pages);
    report.lists.insert(Dimension::Browser, vec![entry("/no-page")]);
    let targets = |group| {
        let page = links(&html(&with_group(&report, group)));
        let links = page.split("</svg><a href=\"").skip(1);
        links.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect::<Vec<_>>()
    };
    let range = "?site=example.com&period=23d&";
    assert_eq!(targets(Group::Pages), [format!("{range}page=/a%20b%26c%3Fd%3D%C3%A9#lists")]);
    assert_eq!(targets(Group::Sources), [format!("{range}referrer=news.example#lists")]);
    assert!(targets(Group::Technology).is_empty());
}

#[test]
fn a_breakdown_shows_pageviews_and_a_link_to_all_lists() {
    let of = Breakdown::Page("/<b>".to_owned());
    let report = Report { referrals: Some(referrals(of, &["news.example", "mail.example"], 3_000)), ..report() };
    let page = links(&html(&report));
    assert!(page.contains("<h3>Referrers of <bdi title=\"/&lt;b&gt;\">/&lt;b&gt;</bdi></h3>"));
    assert!(page.contains("<a href=\"?site=example.com&period=23d&lists=pages#lists\">← All lists</a>"));
    assert!(page.contains("referrer=news.example#lists\"><bdi>news.example</bdi></a><td>1,200"));
    assert!(page.contains("/api/statistics?site=example.com&period=23d&page=/%3Cb%3E\""));
    let text = text(&page);
    assert!(text.contains("Pageviews only: visitors") && text.contains("The page of 3,000 more pageviews"));
    assert!(!page.contains("data-lists") && page.matches("<table class=\"list\"").count() == 1);
}

#[test]
fn a_breakdown_without_referrals_explains_the_empty_list() {
    let of = Breakdown::Referrer("news.example".to_owned());
    let page = html(&Report { referrals: Some(referrals(of, &[], 0)), ..report() });
    assert!(
        page.contains("Pages reached from <bdi title=\"news.example\">news.example</bdi>")
            && links(&page).contains("lists=sources#lists")
    );
    assert!(page.contains("This host referred no visitors in this period.") && !page.contains("The page of 0"));
}

#[test]
fn the_newest_week_comes_first_and_is_marked_as_unfinished() {
    let page = html(&report());
    let (_, table) = page.split_once("Returning visitors by week").unwrap();
    let rows: Vec<String> = table.split("</table>").next().unwrap().split("<tr>").skip(2).map(text).collect();
    assert_eq!(rows.len(), 2);
    assert!(rows[0].starts_with("23 November (so far)4127 %22 %"), "{rows:?}");
    assert!(rows[1].starts_with("16 November9033 %20 %"), "{rows:?}");
    assert!(!html(&empty()).contains("Returning visitors by week"));
}

#[test]
fn live_views_are_shown_only_with_visits_and_an_available_database() {
    assert!(links(&html(&report())).contains("<div id=\"live\" data-href=\"/api/live?site=example.com\" hidden>"));
    assert!(!html(&Report { stale: true, ..report() }).contains("id=\"live\""));
    assert!(!html(&Report { all_time_pageviews: 0, ..report() }).contains("id=\"live\""));
}

#[test]
fn a_single_request_has_a_singular_label() {
    let excluded = [(Exclusion::Bots, 1), (Exclusion::Head, 1), (Exclusion::Own, 2)].into();
    let page = text(&html(&Report { excluded, ..report() }));
    assert!(page.contains("4 requests left out: 2 own visits, 1 from bots, 1 HEAD request"), "{page}");
}
