//! Rules of the page about one value, of the weeks with returning visitors, and of parts that are not always shown.

use super::*;
use crate::domain::{
    cells::NotShown,
    statistics::{Condition, Entry, Filter, Referrals, Section, Sort},
};

fn condition(dimension: Dimension, value: &str) -> Condition {
    Condition { dimension, value: value.to_owned(), is_negated: false }
}

/// The report of one value, with no lists.
fn about(dimension: Dimension, value: &str) -> Report {
    let filter = condition(dimension, value).into();
    let (lists, excluded) = ([].into(), [].into());
    Report { filter, read_lists: Lists::None, lists, excluded, all_time_visitors: None, ..report() }
}

fn with_referrals(report: Report, values: &[&str], other: i64) -> Report {
    let entry = |value: &&str| Entry { value: (*value).to_owned(), visitors: None, pageviews: 1_200 };
    let pairing = report.filter.pairing().unwrap();
    let referrals = Referrals { pairing, entries: values.iter().map(entry).collect(), other };
    Report { referrals: Some(referrals), ..report }
}

/// The targets of the links in lists.
fn row_links(page: &str) -> Vec<String> {
    let links = page.split("</svg><a href=\"").skip(1);
    links.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

#[test]
fn each_row_of_each_list_links_to_the_numbers_of_its_value() {
    let mut report = report();
    report.lists = Dimension::lists().map(|dimension| (dimension, vec![entry("other")])).collect();
    for group in Group::ALL {
        // The group stays open where the value has lists in it. It needs no name if the page opens it anyway.
        let kept = |dimension| match dimension {
            Dimension::Channel => "&lists=sources",
            _ if *group == Group::Locations => "&lists=locations",
            _ if *group == Group::Technology => "&lists=technology",
            _ => "",
        };
        let target = |dimension: Dimension| format!("{}=other{}", dimension.parameter(), kept(dimension));
        let expected: Vec<String> = Dimension::lists()
            .filter(|dimension| dimension.group() == *group)
            .map(|dimension| format!("?site=example.com&period=23d&{}", target(dimension)))
            .collect();
        assert_eq!(row_links(&links(&html(&with_group(&report, *group)))), expected, "{group:?}");
    }
    let long = format!("/{}", "x".repeat(200));
    report.lists.insert(Dimension::Page, vec![entry("/a b&c?d=é"), entry(&long), entry("")]);
    report.lists.remove(&Dimension::EntryPage);
    let range = "?site=example.com&period=23d&page=";
    let targets = row_links(&links(&html(&report)));
    assert_eq!(targets, [format!("{range}/a%20b%26c%3Fd%3D%C3%A9"), format!("{range}{long}")]);
}

#[test]
fn the_heading_names_the_value_and_removes_it() {
    let page = links(&html(&about(Dimension::Page, "/<b>")));
    assert!(
        page.contains("Page is <bdi>/&lt;b&gt;</bdi> <a href=\"https://example.com/&lt;b&gt;\" target=\"_blank\""),
        "{page}"
    );
    assert!(page.contains("<title>example.com › /&lt;b&gt;: 1,234 unique visitors · Footfall</title>"));
    let page = links(&html(&about(Dimension::Country, "CH")));
    assert!(page.contains("data-names=\"region\">Country is <bdi>CH</bdi> <a aria-keyshortcuts=\"Escape\" href=\"?site=example.com&period=23d&lists=locations\""));
    assert!(!html(&report()).contains("class=\"chip\""));
    // "Unknown" and "Other" are no codes that the script translates.
    let page = links(&html(&about(Dimension::Language, "unknown")));
    assert!(page.contains("<span class=\"chip\">Language is <bdi>Unknown</bdi>"), "{page}");
    let page = html(&about(Dimension::Referrer, "news.example"));
    assert!(
        page.contains("\"https://news.example/\"") && !html(&about(Dimension::Referrer, "other")).contains("https://")
    );
}

#[test]
fn a_condition_on_an_attribute_can_be_negated_if_such_visitors_are_counted() {
    let turned = |conditions: &[(&str, &str)], read_lists| {
        let filter = Filter::parse(conditions.iter().copied()).unwrap();
        let page = links(&html(&Report { read_lists, filter, ..report() }));
        let chips = page.split("class=\"chip\"").skip(1).map(|chip| chip.split("<bdi").next().unwrap().to_owned());
        let link =
            |chip: String| chip.split_once("period=23d").map(|(_, link)| link.split('"').next().unwrap().to_owned());
        (chips.map(link).collect::<Vec<_>>(), page)
    };
    let lists = Lists::Group(Group::Locations);
    let (links, page) = turned(&[("country", "DE"), ("browser", "!Chrome"), ("page", "/a")], lists);
    let expected = [
        Some("&country=%21DE&browser=%21Chrome&page=/a&lists=locations".to_owned()),
        Some("&country=DE&browser=Chrome&page=/a&lists=locations".to_owned()),
        None,
    ];
    assert_eq!(links, expected);
    assert!(page.contains(">is not</a> <bdi>Chrome</bdi>") && page.contains("Page is <bdi>/a</bdi>"));
    assert!(page.contains("<title>example.com › Germany › not Chrome › /a:"), "{page}");
    // Several browsers can only be excluded.
    assert_eq!(turned(&[("browser", "!Chrome"), ("browser", "!Firefox")], lists).0, [None, None]);
    assert_eq!(turned(&[("country", "DE")], Lists::None).0, [None]);
}

#[test]
fn escape_removes_the_only_filter_or_all_of_them() {
    let page = |conditions: &[(&str, &str)]| {
        let filter = Filter::parse(conditions.iter().copied()).unwrap();
        links(&html(&with_group(&Report { filter, ..report() }, Group::Locations)))
    };
    let one = page(&[("country", "DE")]);
    assert!(one.contains("aria-keyshortcuts=\"Escape\" href=\"?site=example.com&period=23d&lists=locations\" title"));
    assert!(!one.contains("Clear all"));
    let two = page(&[("country", "DE"), ("device", "Phone")]);
    assert_eq!(two.matches("aria-keyshortcuts=\"Escape\"").count(), 1);
    assert!(
        two.contains("aria-keyshortcuts=\"Escape\" href=\"?site=example.com&period=23d&lists=locations\">Clear all<")
    );
}

#[test]
fn more_values_can_be_excluded_from_the_lists_of_a_filter() {
    let page = |conditions: &[(&str, &str)]| {
        let filter = Filter::parse(conditions.iter().copied()).unwrap();
        let lists = [Dimension::Browser, Dimension::Device].map(|dimension| (dimension, vec![entry("Safari")])).into();
        let page = links(&html(&with_group(&Report { lists, filter, ..report() }, Group::Technology)));
        let excluding = page.split("class=\"not\" href=\"?site=example.com&period=23d&").skip(1);
        excluding.map(|link| link.split('"').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let device = "device=%21Safari&browser=%21Chrome&lists=technology";
    let browser = "browser=%21Safari&browser=%21Chrome&lists=technology";
    assert_eq!(page(&[("browser", "!Chrome")]), [browser, device]);
    // The heading excludes the only value of a list.
    assert_eq!(page(&[("browser", "Safari")]), ["device=%21Safari&browser=Safari&lists=technology"]);
    assert_eq!(page(&[]), ["browser=%21Safari&lists=technology", "device=%21Safari&lists=technology"]);
    let without_cells = with_group(&Report { has_cells: false, ..report() }, Group::Technology);
    let lists = [(Dimension::Browser, vec![entry("Safari")])].into();
    assert!(!html(&Report { lists, ..without_cells }).contains("class=\"not\""));
}

#[test]
fn visitors_in_groups_too_small_for_a_list_have_its_last_row() {
    let filter: Filter = condition(Dimension::Country, "DE").into();
    let list = (Dimension::Browser, vec![Entry { visitors: Some(617), ..entry("Safari") }]);
    let few = with_group(&Report { filter, lists: [list].into(), ..report() }, Group::Technology);
    let not_listed = [(Dimension::Browser, 12), (Dimension::Device, 7)].into();
    let few = Report { not_listed, lengths: [(Dimension::Browser, 2)].into(), ..few };
    let page = html(&few);
    let rows = |page: &str| text(page).matches("In groups too small to show").count();
    assert!(text(&page).contains("61750 %\nIn groups too small to show121.0 %"), "{}", text(&page));
    assert!(rows(&page) == 2 && text(&page).contains("In groups too small to show70.6 %"));
    // A whole list has the row at its end.
    let section = |offset, search: &str| Section { offset, search: search.to_owned(), ..Section::default() };
    let whole = |section| html(&Report { read_lists: Lists::One(Dimension::Browser), section, ..few.clone() });
    assert_eq!((rows(&whole(section(0, ""))), rows(&whole(section(1, ""))), rows(&whole(section(1, "s")))), (0, 1, 0));
    assert!(text(&whole(section(1, ""))).contains("2 to 2 of 2"));
}

#[test]
fn a_filter_has_the_tabs_of_the_site() {
    let filter: Filter = condition(Dimension::Event, "signup").into();
    let unread = vec![Dimension::Page, Dimension::Event, Dimension::Robot, Dimension::Country];
    let page = html(&with_group(&Report { filter, unread, lists: [].into(), ..report() }, Group::Events));
    let tabs: Vec<&str> = page.split("data-lists=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(tabs, ["pages", "locations", "events", "robots"]);
    assert!(text(&page).contains("These lists are not counted for this filter."));
}

#[test]
fn a_filter_without_visitors_or_without_lists_says_so() {
    let filter = Filter::parse([("country", "DE"), ("browser", "Firefox")]).unwrap();
    let nothing = Report { filter, lists: [].into(), ..empty() };
    let page = html(&nothing);
    assert!(
        text(&page).contains("No visitors match the filter in this period.") && !page.contains("data-lists"),
        "{page}"
    );
    // These visitors exist, and the sentence on small groups says so.
    let not_shown = Some(vec![NotShown { known: Vec::new(), visitors: 3 }]);
    assert!(!text(&html(&Report { not_shown, ..nothing.clone() })).contains("No visitors match"));
    let event = Report {
        filter: condition(Dimension::Event, "signup").into(),
        unread: vec![Dimension::Country],
        ..Report { lists: [].into(), ..report() }
    };
    let page = html(&event);
    assert!(
        page.contains("data-lists=\"locations\"")
            && text(&page).contains("These lists are not counted for this filter.")
    );
    assert!(!html(&report()).contains("are not counted for this filter"));
}

#[test]
fn words_in_lists_of_codes_are_marked() {
    let mut report = with_group(&report(), Group::Locations);
    report.lists.insert(Dimension::Country, vec![entry("DE"), entry("unknown"), entry("other")]);
    let page = html(&report);
    let cells: Vec<&str> = page.split("<bdi").skip(1).map(|cell| cell.split("</bdi>").next().unwrap()).collect();
    for cell in [">DE", " class=\"word\">Unknown", " class=\"word\">Other"] {
        assert!(cells.contains(&cell), "{cell}: {cells:?}");
    }
}

#[test]
fn links_to_other_ranges_and_to_the_numbers_keep_the_value() {
    let page = links(&html(&about(Dimension::Event, "sign up")));
    let targets: Vec<&str> =
        page.split("href=\"?site=example.com&").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let (kept, others): (Vec<&str>, Vec<&str>) = targets.iter().partition(|target| target.ends_with("event=sign%20up"));
    assert!(kept.len() > 10, "{targets:?}");
    assert_eq!(others, ["period=23d&lists=events", "period=23d&lists=events#lists"]);
    assert!(page.contains("<input type=\"hidden\" name=\"event\" value=\"sign up\">"));
    assert!(page.contains("/api/statistics?site=example.com&period=23d&event=sign%20up\""));
}

#[test]
fn a_page_about_one_value_shows_nothing_of_the_whole_site() {
    let page = html(&about(Dimension::Browser, "Firefox"));
    for whole_site in ["id=\"live\"", "left out", "data-lists", "data-total=\"all_time\"", "class=\"list\""] {
        assert!(!page.contains(whole_site), "{whole_site}");
    }
    assert!(text(&page).contains("For a single browser, no lists are counted."));
    assert!(text(&page).contains("under the browser of its first visit."));
    assert!(!page.contains("Hours are counted") && !links(&page).contains("by=hour"));
    let day = Report {
        filter: condition(Dimension::Browser, "Firefox").into(),
        ..report_between("2026-11-21", "2026-11-21")
    };
    assert!(text(&html(&day)).contains("Hours are counted for the whole site only."));
}

#[test]
fn an_event_has_times_an_entry_page_no_pageviews_and_a_robot_no_visitors() {
    let shown = |report: &Report| {
        let page = html(report);
        let shown = numbers(&page);
        (
            shown
                .iter()
                .map(|number| number.split(char::is_numeric).next().unwrap().trim().to_owned())
                .collect::<Vec<_>>(),
            page,
        )
    };
    let (names, page) = shown(&about(Dimension::Event, "signup"));
    assert_eq!(names, ["Unique visitors", "New", "Returning", "Times"]);
    assert!(page.contains("<th>Day<th>Visitors<th>Times") && !text(&page).contains("Pageviews"));
    let (names, page) = shown(&about(Dimension::EntryPage, "/"));
    assert_eq!(names, ["Unique visitors", "New", "Returning"]);
    assert!(page.contains("<th>Day<th>Visitors<tbody>") && !text(&page).contains("Pageviews"));
    let robot = about(Dimension::Robot, "GPTBot");
    let counts = crate::domain::statistics::Counts { visitors: None, new_visitors: None, ..robot.counts };
    let (names, page) = shown(&Report { counts, ..robot });
    assert_eq!(names, ["Requests"]);
    assert!(page.contains("<th>Day<th>Requests<tbody>") && !page.contains("<h2>Totals"));
    assert!(
        text(&page).contains("Requests of robots have no visitors.") && !page.contains("not available for a period")
    );
}

#[test]
fn a_page_lists_its_referrers_and_a_referrer_its_pages() {
    let page = html(&with_referrals(about(Dimension::Page, "/about"), &["news.example", "mail.example"], 3_000));
    assert!(links(&page).contains("&referrer=news.example\"><bdi>news.example</bdi></a><td>1,200"));
    assert!(page.contains("<h3>Referrers</h3>") && page.matches("<table class=\"list\"").count() == 1);
    let text_of = text(&page);
    assert!(text_of.contains("Pageviews only: visitors") && text_of.contains("The page of 3,000 more pageviews"));
    assert!(text_of.contains("For a single page, only referrers are counted."));
    let page = html(&with_referrals(about(Dimension::Referrer, "news.example"), &[], 0));
    assert!(page.contains("This host referred no visitors in this period.") && !page.contains("The page of 0"));
    assert!(links(&page).contains("&lists=sources#lists\">Show the lists of the whole site"));
}

#[test]
fn several_values_have_a_chip_each_and_visitors_only() {
    let conditions = [("country", "DE"), ("browser", "!Chrome"), ("page", "/a")];
    let report = Report {
        filter: Filter::parse(conditions).unwrap(),
        not_shown: Some(vec![
            NotShown { known: Filter::parse(conditions).unwrap().conditions().to_vec(), visitors: 1_200 },
            NotShown { known: Vec::new(), visitors: 34 },
        ]),
        lists: [(Dimension::Language, vec![entry("de")])].into(),
        unread: vec![Dimension::Device],
        ..with_group(&report(), Group::Locations)
    };
    let page = links(&html(&report));
    assert!(text(&page).contains(
        "Up to 1,234 more visitors may match. Their groups are too small to show: 1,200 with the country Germany \
         and another browser than Chrome and the page /a, 34 of whom none of these values is known."
    ));
    assert!(
        page.contains(
            "is not</a> <bdi>Chrome</bdi> <a href=\"?site=example.com&period=23d&country=DE&page=/a&lists=locations\""
        ),
        "{page}"
    );
    assert_eq!(
        row_links(&page),
        ["?site=example.com&period=23d&language=de&country=DE&browser=%21Chrome&page=/a&lists=locations"]
    );
    assert!(page.contains("<input type=\"hidden\" name=\"browser\" value=\"!Chrome\">"));
    assert!(page.contains("&lists=technology&country=DE&browser=%21Chrome&page=/a#lists\""), "{page}");
    assert!(page.contains("<th>Language<th>Visitors<th>Share<tbody>") && !text(&page).contains("Pageviews"));
    assert_eq!(numbers(&page).len(), 3, "unique, new and returning visitors");
}

#[test]
fn the_whole_list_of_a_filter_keeps_the_conditions() {
    let report = Report {
        filter: Filter::parse([("country", "DE"), ("device", "Phone")]).unwrap(),
        not_shown: Some(Vec::new()),
        lists: [(Dimension::Language, vec![entry("de")])].into(),
        lengths: [(Dimension::Language, 120)].into(),
        read_lists: Lists::One(Dimension::Language),
        section: Section { offset: 50, sort: Sort::Pageviews, ..Section::default() },
        ..report()
    };
    let page = links(&html(&report));
    assert!(
        page.contains("51 to 51 of 120") && page.contains("<th>Language<th aria-sort=\"descending\">Visitors<th>Share")
    );
    let conditions = "&country=DE&device=Phone";
    for query in [
        format!("list=languages&sort=pageviews&offset=51{conditions}#lists\">Next"),
        format!("list=languages&sort=pageviews{conditions}&limit=10000\""),
        format!("&period=7d&list=languages{conditions}\""),
    ] {
        assert!(page.contains(&query), "{query}: {page}");
    }
    let hidden = "<input type=\"hidden\" name=\"device\" value=\"Phone\">";
    assert_eq!(page.matches(hidden).count(), 2, "the dates and the search: {page}");
    assert!(!text(&page).contains("more visitors may match"));
    let year = Report { filter: report.filter, not_shown: None, lists: [].into(), ..report_of_a_year() };
    assert!(text(&html(&year)).contains("Lists are available for shorter periods only."));
}

#[test]
fn only_values_that_all_views_carry_have_views_per_visitor() {
    for (dimension, has_ratio) in [
        (Dimension::Page, true),
        (Dimension::Browser, true),
        (Dimension::Referrer, false),
        (Dimension::CampaignMedium, false),
    ] {
        let page = text(&html(&about(dimension, "/a")));
        assert_eq!(page.contains("Views per visitor"), has_ratio, "{dimension:?}");
    }
}

#[test]
fn a_few_days_until_today_say_why_a_filter_has_no_comparison() {
    let about_today = |range| Report { previous: None, range, first: day("2026-11-23"), ..about(Dimension::Page, "/") };
    let note = "ranges until today are compared from 7 days on";
    assert!(text(&html(&about_today(Range::Today))).contains(note));
    assert!(!text(&html(&Report { filter: Filter::default(), ..about_today(Range::Today) })).contains(note));
    assert!(!text(&html(&about(Dimension::Page, "/"))).contains(note));
}

#[test]
fn a_value_until_today_is_compared_with_whole_days() {
    let (first, last) = (day("2026-10-09"), day("2026-10-31"));
    let previous = Previous { first, last, until: None, counts: counts(617, 0, 617, 5_678) };
    let report = Report { previous: Some(previous), ..about(Dimension::Page, "/") };
    assert!(text(&html(&report)).contains("Compared with 9 October 2026 to 31 October 2026, with the whole last day."));
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
