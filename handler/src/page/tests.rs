//! Rules of the rendered page, for all numbers and for hostile paths.

mod embedded;
mod filter;
mod language;
mod sample;

use jiff::tz::TimeZone;

use self::sample::{at, counts, day, empty, entry, hours, report, report_between, report_of_a_year};
use super::*;
use crate::{
    domain::statistics::{Annotation, Entry, ImportedPoint, Lists, Point, Previous, Range, Step},
    domain::{Dimension, Exclusion, dimension::Group},
    texts::{english, languages, of_language},
};

fn html(report: &Report) -> String {
    html_of_sites(report, &["example.com"])
}

fn html_of_sites(report: &Report, sites: &[&str]) -> String {
    html_of_chart(report, sites, Charted::Visitors)
}

fn html_of_chart(report: &Report, sites: &[&str], charted: Charted) -> String {
    html_in(english(), report, sites, charted)
}

fn html_in(texts: &'static Texts, report: &Report, sites: &[&str], charted: Charted) -> String {
    let sites: Vec<SiteName> = sites.iter().map(|site| site.parse().unwrap()).collect();
    let (address, version, commit) = ("https://counter.example", "0.1.0", "0123456789abcdef");
    let own_site = &"counter.example".parse().unwrap();
    render(&PageContext {
        texts,
        report,
        charted,
        address,
        sites: &sites,
        own_site,
        lists_sites: true,
        signed_in: false,
        version,
        commit,
    })
    .unwrap()
}

/// The report with another group of lists.
fn with_group(report: &Report, group: Group) -> Report {
    Report { read_lists: Lists::Group(group), ..report.clone() }
}

/// The page with unescaped links, as browsers read them.
fn links(html: &str) -> String {
    html.replace("&#x3D;", "=").replace("&amp;", "&")
}

/// The text of the page, without tags.
fn text(html: &str) -> String {
    html.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text)).collect()
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
fn values_sent_by_visitors_are_never_markup() {
    let attacks = [
        "/<script>alert(1)</script>",
        "/\"onmouseover=\"alert(1)",
        "/'><img src=x onerror=alert(1)>",
        "/{{site}}&lt;b&gt;</bdi></table></svg>",
    ];
    let mut report = report();
    for dimension in [Dimension::Page, Dimension::Referrer, Dimension::Campaign] {
        report.lists.insert(dimension, attacks.map(entry).to_vec());
    }
    // Once in each list, and once in the title of the path.
    for (group, count) in [(Group::Pages, 2), (Group::Sources, 2)] {
        let page = html(&with_group(&report, group));
        assert_eq!(page.matches("<script").count(), 1);
        assert_eq!(page.matches("<img").count(), 0);
        for bad in ["\"onmouseover", "'><", "&lt;b&gt;</bdi></table>"] {
            assert!(!page.contains(bad), "{bad}");
        }
        assert_eq!(page.matches("/&lt;script&gt;alert(1)&lt;/script&gt;").count(), count);
        assert_eq!(page.matches("&amp;lt;b&amp;gt;").count(), count);
        assert!(page.contains("/{{site}}"));
    }
}

#[test]
fn a_site_name_is_escaped_in_links() {
    // Such a name is not valid. If it were, links would still have it as one value.
    let name = "a\"><i>&period=x";
    assert!(name.parse::<SiteName>().is_err());
    assert_eq!(wording::query_value(name), "a%22%3E%3Ci%3E%26period%3Dx");
}

#[test]
fn values_in_any_text_direction_are_isolated() {
    let mut report = report();
    report.lists.insert(Dimension::Page, vec![entry("/\u{202e}cod.exe"), entry("/مرحبا")]);
    let page = html(&report);
    assert!(page.contains(">/\u{202e}cod.exe</bdi>"));
    assert!(page.contains("<bdi title=\"/مرحبا\">/مرحبا</bdi>"));
}

#[test]
fn paths_of_maximum_length_are_shortened_and_whole_in_their_titles() {
    let mut report = report();
    let longest = (10..20).map(|index| entry(&format!("/{}{index}", "é".repeat(255))));
    report.lists.insert(Dimension::Page, longest.collect());
    let page = html(&report);
    assert!(page.contains("é…é") && page.contains("é19</bdi>"));
    assert!(page.contains(&format!("<bdi title=\"/{}19\">/é", "é".repeat(255))));
    assert!(page.len() <= 40_000, "{} bytes", page.len());
}

#[test]
fn an_ordinary_page_is_small() {
    let mut report = report();
    let pages = (0..10).map(|index| entry(&format!("/articles/number-{index}")));
    let referrers = (0..8).map(|index| entry(&format!("site-{index}.example")));
    report.lists.extend([(Dimension::Page, pages.collect()), (Dimension::Referrer, referrers.collect())]);
    let page = html(&report);
    // Nearly all browsers get the page compressed, to less than half of this size.
    assert!(page.len() <= 24_000, "{} bytes", page.len());
}

#[test]
fn a_site_without_visits_explains_the_empty_lists() {
    let page = html(&empty());
    // The site has visits, but none in this range.
    assert!(page.contains("Paths appear here as they are viewed."));
    let sources = html(&with_group(&empty(), Group::Sources));
    assert!(sources.contains("Hosts of other sites that link here appear as visitors follow the links."));
    assert_eq!(page.matches("No visits in this period").count(), 1);
    assert!(page.contains("Nothing was left out.") && !page.contains("Browsers"));
}

#[test]
fn a_new_site_shows_the_line_to_embed_and_excluded_requests() {
    let report = Report { all_time_pageviews: 0, ..empty() };
    let page = links(&html_of_sites(&report, &["counter.example", "example.com"]));
    let line =
        "&lt;script defer data-site=\"example.com\" src=\"https://counter.example/footfall.js\"&gt;&lt;/script&gt;";
    assert!(page.contains(line) && page.contains("Waiting for the first visit…"));
    assert!(!page.contains("<figure>") && !page.contains("class=\"numbers\""));
    let robots = Report { excluded: [(Exclusion::Bots, 3)].into(), ..report.clone() };
    let page = html(&robots);
    assert!(page.contains("Waiting for the first visit…") && page.contains("<b>3</b> requests left out: 3 from bots"));
    let page = html(&Report { zone_can_change: true, ..report.clone() });
    assert!(page.contains("Days begin at 00:00 UTC (FOOTFALL_TIMEZONE); fixed with the first visit to example.com."));
    // While the database is unavailable, the first visit may already be counted.
    assert!(!html(&Report { stale: true, ..report }).contains("Waiting"));
}

#[test]
fn the_own_page_alone_shows_an_example_to_embed_until_it_has_a_second_visitor() {
    let own = Report { site: "counter.example".parse().unwrap(), zone_can_change: true, ..report() };
    let page = html_of_sites(&own, &["counter.example"]);
    for part in
        ["FOOTFALL_SITES=example.com", "data-site=\"example.com\"", "fixed with the second visitor.", "<figure>"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("Waiting for the first visit"));
    let fixed = Report { zone_can_change: false, ..own.clone() };
    for (report, sites) in [(&fixed, &["counter.example"][..]), (&own, &["example.com", "counter.example"])] {
        let page = html_of_sites(report, sites);
        assert!(!page.contains("class=\"waiting\"") && !page.contains("Days begin"), "{page}");
    }
}

#[test]
fn the_name_leads_to_the_overview_if_there_are_several_sites() {
    for (sites, links) in [(&["example.com"][..], 0), (&["example.com", "counter.example"], 1)] {
        let page = html_of_sites(&report(), sites);
        assert_eq!(page.matches("<p class=\"brand\"><a href=\"/api/sites\"").count(), links, "{sites:?}");
    }
}

#[test]
fn a_stale_page_warns_that_the_visit_may_not_be_counted() {
    let mut report = report();
    assert!(!html(&report).contains("numbers are out of date"));
    report.stale = true;
    let page = html(&report);
    assert!(page.contains("These numbers are out of date."));
    assert!(page.contains("your visit may not have been counted. Last updated 23 November 2026, 10:20 UTC."));
}

#[test]
fn the_unavailable_page_warns_that_the_visit_may_not_be_counted() {
    let page = render_unavailable(english(), PageKind::Whole, "0.1.0", "0123456789abcdef").unwrap();
    assert!(page.contains("your visit may not have been counted. Try again"));
    assert!(page.contains("Footfall 0.1.0 (0123456)"));
    assert!(!page.contains("<script"));
}

#[test]
fn the_page_complies_with_its_content_security_policy() {
    let mut report = report();
    report.stale = true;
    report.lists.insert(Dimension::Browser, vec![entry("Firefox")]);
    for page in [
        html_of_sites(&report, &["example.com", "b.example"]),
        render_unavailable(english(), PageKind::Whole, "0", "0").unwrap(),
    ] {
        for (name, value) in attributes(&page) {
            assert!(name != "style" && !name.starts_with("on"), "{name}");
            let ours = ['?', '#'].iter().any(|start| value.starts_with(*start))
                || value == "/"
                || value.starts_with("/api/")
                || value.starts_with("/assets/");
            let loads = ["href", "src", "srcset", "action"].contains(&&*name);
            assert!(ours || !loads || value.starts_with("data:"), "{value}");
        }
        // The XML namespace of SVG is the only address in the page. Browsers do not load it.
        assert!(!page.replace("http://www.w3.org/2000/svg", "").contains("://"));
        assert!(!page.contains("url(") && !page.contains("@import") && !page.contains("javascript:"));
    }
}

#[test]
fn each_exclusion_has_a_row_with_its_count_and_a_part_of_the_summary() {
    let mut report = report();
    report.excluded = Exclusion::ALL.iter().copied().zip(9001..).collect();
    let page = html(&report);
    for (reason, count) in &report.excluded {
        let count = format!("<dd>9,{:03}<dd>", count - 9000);
        assert_eq!(page.matches(&count).count(), 1, "{reason:?}");
    }
    report.excluded = [(Exclusion::Prefetch, 0), (Exclusion::Head, 4), (Exclusion::Bots, 1_200)].into();
    let page = html(&report);
    assert!(text(&page).contains("1,204 requests left out: 1,200 from bots, 4 HEAD requests"), "{}", text(&page));
    assert!(!page.contains("Prefetched"));
}

#[test]
fn headline_numbers_have_separators_and_the_estimate_its_error() {
    let page = html(&report());
    assert!(page.contains("<b>1,234</b>"));
    assert!(page.contains("≈ <b>12,345,678</b>"));
    assert!(page.contains("All time <small>± 1.6 %</small>") && page.contains("usually within 1.6 %."));
    assert!(page.contains("Pageviews <b>98,765,432</b>"));
}

#[test]
fn imported_totals_are_labelled_and_kept_separate() {
    let point = |start, daily_visitors| ImportedPoint { start: sample::at(start), daily_visitors, pageviews: 9_000 };
    let imported = ImportedSum {
        source: "plausible".to_owned(),
        pageviews: 12_000,
        daily_visitors: 3_400,
        series: vec![point("2026-11-01T00:00:00Z", 3_000), point("2026-11-02T00:00:00Z", 400)],
    };
    let page = html(&Report { imported: vec![imported.clone()], ..report() });
    assert!(page.contains("Imported from Plausible: <b>12,000</b> pageviews and <b>3,400</b> daily visitors"));
    assert!(page.contains("Not included in the numbers above."));
    assert!(page.contains("<i class=\"k4 s0\"></i>Imported from Plausible") && page.contains("M0 0v-"));
    assert!(page.contains("<th>Plausible daily visitors<th>Plausible pageviews"));
    assert!(page.contains("<td>3,000<td>9,000"));
    assert!(!html(&report()).contains("Imported from"));
    // A new site shows its imported history while it waits for the first visit.
    let page = html(&Report { imported: vec![imported], all_time_pageviews: 0, ..empty() });
    assert!(page.contains("Waiting for the first visit…") && page.contains("class=\"bars s0\""));
}

#[test]
fn without_an_estimate_there_is_no_all_time_number() {
    let page = html(&Report { all_time_visitors: None, ..report() });
    assert!(!page.contains("data-total=\"all_time\"") && page.contains("are unique and exact."));
    assert!(!page.contains('≈') && !text(&page).contains('±'));
}

/// The text of each number of the range.
fn numbers(page: &str) -> Vec<String> {
    let (_, rest) = page.split_once("<dl class=\"numbers n").unwrap();
    let (list, _) = rest.split_once("</dl>").unwrap();
    list.lines().filter(|line| line.starts_with("<div")).map(|line| text(&line.replace("<dd", " <dd"))).collect()
}

#[test]
fn a_range_shows_new_and_returning_visitors() {
    let expected =
        ["Unique visitors 1,234 ", "New 1,000 ", "Returning 234 19 % ", "Pageviews 5,678 ", "Views per visitor 4.6 "];
    assert_eq!(numbers(&html(&report())), expected);
    // In daily mode, new visitors are unknown.
    let mut report = report();
    report.counts.new_visitors = None;
    let page = html(&report);
    assert_eq!(numbers(&page).len(), 3);
    assert!(!page.contains("New: not seen"));
}

#[test]
fn each_number_has_its_change_from_the_previous_period() {
    let mut report = report();
    let (first, last) = (day("2026-10-09"), day("2026-10-31"));
    let previous = Previous { first, last, until: None, counts: counts(617, 0, 617, 5_678) };
    report.previous = Some(previous.clone());
    let page = html(&report);
    let expected = [
        "Unique visitors 1,234 +100 % from 617",
        "New 1,000 ",
        "Returning 234 19 % −62 % from 617",
        "Pageviews 5,678 ±0 % from 5,678",
        "Views per visitor 4.6 −50 % from 9.2",
    ];
    assert_eq!(numbers(&page), expected);
    assert!(text(&page).contains("Compared with 9 October 2026 to 31 October 2026."));
    let until = Some("2026-10-31T10:00:00Z".parse().unwrap());
    report.previous = Some(Previous { until, ..previous.clone() });
    assert!(text(&html(&report)).contains("Compared with 9 October 2026 to 31 October 2026, until 10:00."));
    // Without visitors in the previous period, there is no comparison.
    report.previous = Some(Previous { counts: counts(0, 0, 0, 0), ..previous });
    let page = html(&report);
    assert!(numbers(&page).iter().all(|number| !number.contains("from")) && !page.contains("Compared"));
    (report.previous, report.counting_began) = (None, Some(day("2026-10-20")));
    assert!(
        text(&html(&report)).contains(
            "Counting began on 20 October 2026. The period before is not whole, so its sums are not compared."
        )
    );
}

#[test]
fn a_change_has_the_class_of_its_direction() {
    let mut report = report();
    let (first, last) = (day("2026-10-09"), day("2026-10-31"));
    report.previous = Some(Previous { first, last, until: None, counts: counts(617, 1_000, 617, 9_999) });
    let page = html(&report);
    for change in ["class=\"up\">+100 %", "class=\"same\"", "class=\"down\""] {
        assert!(page.contains(change), "{change}");
    }
}

#[test]
fn the_title_has_the_site_and_its_number() {
    let title = |report: &Report| html(report).split_once("<title>").unwrap().1.split_once('<').unwrap().0.to_owned();
    assert_eq!(title(&report()), "example.com: 1,234 unique visitors · Footfall");
    assert_eq!(title(&report_of_a_year()), "example.com: 5,678 pageviews · Footfall");
    assert_eq!(title(&Report { all_time_pageviews: 0, excluded: [].into(), ..empty() }), "example.com · Footfall");
}

#[test]
fn an_empty_range_links_to_the_last_counted_day() {
    let report = Report { last_counted: Some(day("2015-05-18")), ..empty() };
    let page = links(&html(&report));
    assert!(
        page.contains("Last counted: <a href=\"?site=example.com&from=2015-05-18&to=2015-05-18\">18 May 2015</a>.")
    );
    assert!(!html(&empty()).contains("Last counted"));
}

#[test]
fn only_groups_with_lists_have_tabs() {
    let mut report = report();
    let tabs = |page: &str| -> Vec<String> {
        let keys = page.split("data-lists=\"").skip(1).filter_map(|rest| rest.split('"').next());
        keys.map(str::to_owned).collect()
    };
    assert_eq!(tabs(&html(&report)), ["pages", "sources"]);
    assert_eq!(tabs(&html(&with_group(&report, Group::Events))), ["pages", "sources", "events"]);
    report.unread = Dimension::lists().collect();
    assert_eq!(tabs(&html(&report)), Group::ALL.iter().map(|group| group.name()).collect::<Vec<_>>());
    report.lists.extend(Dimension::lists().map(|dimension| (dimension, vec![entry("x")])));
    for group in Group::ALL {
        let page = html(&with_group(&report, *group));
        let count = Dimension::lists().filter(|dimension| dimension.group() == *group).count();
        assert_eq!(page.matches("<table class=\"list\"").count(), count, "{group:?}");
        let current = format!(
            "&lists={}#lists\" aria-current=\"true\">{}</a>",
            group.name(),
            english().of(&format!("groups.{}", group.name()))
        );
        assert!(links(&page).contains(&current), "{group:?}");
        assert_eq!(page.contains("data-names=\"region\""), *group == Group::Locations);
        assert_eq!(page.contains("<th>Requests"), *group == Group::Robots);
    }
}

#[test]
fn links_to_other_ranges_keep_the_open_group() {
    let kept = |report: &Report| {
        let page = links(&html(report));
        let is_link = |link: &&str| {
            link.starts_with("?site=example.com&")
                && !["#lists", "page=", "referrer="].iter().any(|part| link.contains(part))
        };
        let targets: Vec<String> = page
            .split("href=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .filter(is_link)
            .map(str::to_owned)
            .collect();
        let others =
            targets.iter().filter(|link| !link.contains("by=day") && !link.ends_with("&lists=sources")).count();
        (targets.len() - others, others, page.contains("<input type=\"hidden\" name=\"lists\" value=\"sources\">"))
    };
    let (kept_links, others, form) = kept(&with_group(&report(), Group::Sources));
    assert!(kept_links > 8 && others == 0 && form, "{kept_links} {others} {form}");
    let (_, others, form) = kept(&report());
    assert!(others > 8 && !form);
}

#[test]
fn ranges_that_begin_before_the_first_stored_day_have_no_link() {
    let labels = |report: &Report| {
        let page = html(report);
        let nav = page.split_once("aria-label=\"Range\"").unwrap().1.split_once("</nav>").unwrap().0.to_owned();
        nav.lines().filter(|line| line.starts_with("<a")).map(text).collect::<Vec<_>>().join(", ")
    };
    let all = "Today, Yesterday, 7 days, 30 days, This week, Last week, This month, Last month, This year, 12 months, All time";
    assert_eq!(labels(&report()), all);
    let kept = Report { first_kept: Some(day("2026-11-10")), ..report() };
    assert_eq!(labels(&kept), "Today, Yesterday, 7 days, This week, Last week, All time");
    // The range on the page keeps its link.
    let kept = Report { range: Range::Days(30), ..kept };
    assert_eq!(labels(&kept), "Today, Yesterday, 7 days, 30 days, This week, Last week, All time");
}

#[test]
fn all_time_has_no_earlier_period() {
    let page = links(&html(&Report { range: Range::All(None), first: day("2026-10-30"), ..report() }));
    assert!(
        page.contains("<h2>All time</h2>")
            && page.contains("<p class=\"note\">30 October 2026 to 23 November 2026</p>")
    );
    assert!(page.contains("href=\"?site=example.com&period=all\" aria-current=\"true\">All time<"));
    assert!(!page.contains("rel=\"prev\""));
}

#[test]
fn tabs_keep_the_range_and_the_step_of_the_chart() {
    let report = Report { step: Step::Week, ..report() };
    assert!(links(&html(&report)).contains("href=\"?site=example.com&period=23d&by=week&lists=sources#lists\""));
}

#[test]
fn links_keep_the_chart_of_pageviews() {
    let report = with_group(&Report { step: Step::Week, ..report() }, Group::Sources);
    let of = |charted| links(&html_of_chart(&report, &["example.com"], charted));
    let page = of(Charted::Pageviews);
    for kept in [
        "period=7d&chart=pageviews&lists=sources\"",
        "<div class=\"drawn\"><dt><a href=\"?site=example.com&period=23d&by=week&chart=pageviews&lists=sources\" aria-current=\"true\">Pageviews<",
        "period=23d&chart=pageviews&lists=sources\">Days<",
        "rel=\"prev\" aria-keyshortcuts=\"ArrowLeft\" href=\"?site=example.com&from=2026-10-09&to=2026-10-31&chart=pageviews",
        "by=week&chart=pageviews&lists=pages#lists\"",
        "<input type=\"hidden\" name=\"chart\" value=\"pageviews\">",
    ] {
        assert!(page.contains(kept), "{kept}: {page}");
    }
    assert!(
        page.contains("by=week&lists=sources\">Unique visitors<")
            && page.contains("<title id=\"chart\">Pageviews by week.")
    );
    assert!(!of(Charted::Visitors).contains("chart=pageviews&lists=pages"));
    // Without visitors there is no choice.
    let unknown: Vec<_> = report.series.iter().map(|point| Point { visitors: None, ..*point }).collect();
    let report = Report { series: unknown, ..report.clone() };
    let page = html(&report);
    assert!(page.contains("<title id=\"chart\">Pageviews by week.") && !page.contains("<dt><a"));
}

#[test]
fn the_chart_offers_the_steps_that_suit_the_range() {
    let labels = |report: &Report| {
        let page = links(&html(report));
        let nav = page.split_once("Chart interval").map_or("", |(_, rest)| rest.split_once("</nav>").unwrap().0);
        nav.lines().filter(|line| line.starts_with("<a")).map(text).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(labels(&report()), "Days Weeks");
    assert_eq!(labels(&report_between("2026-11-23", "2026-11-23")), "");
    assert_eq!(labels(&report_between("2026-11-20", "2026-11-23")), "Hours Days");
    assert_eq!(labels(&report_of_a_year()), "Days Weeks Months");
    let page = links(&html(&report()));
    assert!(page.contains("href=\"?site=example.com&period=23d\" aria-current=\"true\">Days<"));
    assert!(page.contains("href=\"?site=example.com&period=23d&by=week\">Weeks<"));
}

#[test]
fn a_sum_of_days_is_never_called_unique() {
    let page = html(&report_of_a_year());
    assert_eq!(numbers(&page), ["Pageviews 5,678 ", "Sum of daily visitors 2,345 "]);
    assert!(text(&page).contains("Unique visitors are not available for a period this long"));
    assert!(!page.contains("<dt>Unique visitors"));
    // Lists have no column for unknown visitors.
    assert!(page.contains("<th>Path<th>Pageviews<") && page.contains("<bdi title=\"/about\">/about</bdi></a><td>"));
    assert_eq!(page.matches("Pageviews only: unique visitors are not available for a period this long.").count(), 1);
    // A headline number is labelled as a sum of days, too.
    let mut report = report();
    report.this_month.visitors = None;
    let page = html(&report);
    assert!(page.contains("<div data-total=\"this_month\" data-sum><dt>This month <small>(sum of days)</small>"));
    assert_eq!(page.matches("sum of days").count(), 1);
}

#[test]
fn every_chart_has_a_name_and_its_numbers_as_a_table() {
    let page = html(&report());
    assert_eq!(page.matches("role=\"img\"").count(), 1);
    assert!(page.contains("aria-labelledby=\"chart\"") && page.contains("<title id=\"chart\">Visitors by day."));
    assert!(page.contains("<tr data-days=2026-11-23><th>Mon 23 Nov (so far)<td>66<td>154<"));
    assert_eq!(page.matches("<tr data-days=").count(), 23);
}

#[test]
fn a_current_range_links_to_earlier_and_an_ended_range_also_to_later() {
    let page = links(&html(&report()));
    assert!(page.contains("<h2>Last 23 days</h2>"));
    assert!(page.contains(
        "rel=\"prev\" aria-keyshortcuts=\"ArrowLeft\" href=\"?site=example.com&from=2026-10-09&to=2026-10-31\""
    ));
    assert!(!page.contains("rel=\"next\""));
    assert!(page.contains("href=\"/api/statistics?site=example.com&period=23d\""));

    let page = links(&html(&report_between("2026-11-21", "2026-11-21")));
    assert!(page.contains("<h2>Saturday 21 November 2026</h2>"));
    assert!(page.contains(
        "rel=\"prev\" aria-keyshortcuts=\"ArrowLeft\" href=\"?site=example.com&from=2026-11-20&to=2026-11-20\""
    ));
    assert!(page.contains(
        "rel=\"next\" aria-keyshortcuts=\"ArrowRight\" href=\"?site=example.com&from=2026-11-22&to=2026-11-22\""
    ));
    assert!(page.contains("href=\"/api/statistics?site=example.com&from=2026-11-21&to=2026-11-21\""));

    // The link to a range with a name has no date, so that it stays current.
    let current = Report { range: Range::Month, ..report() };
    let page = links(&html(&current));
    assert!(page.contains("<h2>This month, November 2026</h2>"));
    assert!(page.contains("href=\"?site=example.com&period=month\" aria-current=\"true\">This month<"));
    assert!(page.contains("href=\"?site=example.com&period=yesterday\">Yesterday<"));
    // One range, one chart, one step and one group of lists are marked as current.
    assert_eq!(page.matches("aria-current=\"true\"").count(), 4);
}

#[test]
fn whole_months_link_to_whole_months_and_no_range_ends_after_today() {
    let page = links(&html(&Report { range: Range::Month, ..report() }));
    assert!(page.contains(
        "rel=\"prev\" aria-keyshortcuts=\"ArrowLeft\" href=\"?site=example.com&from=2026-10-01&to=2026-10-31\""
    ));
    let page = links(&html(&report_between("2026-10-01", "2026-10-31")));
    assert!(page.contains("<h2>October 2026</h2>"));
    assert!(page.contains(
        "rel=\"prev\" aria-keyshortcuts=\"ArrowLeft\" href=\"?site=example.com&from=2026-09-01&to=2026-09-30\""
    ));
    assert!(page.contains(
        "rel=\"next\" aria-keyshortcuts=\"ArrowRight\" href=\"?site=example.com&from=2026-11-01&to=2026-11-23\""
    ));
    // Monday is the first day of the week.
    let page = links(&html(&Report { range: Range::Week, ..report_between("2026-11-23", "2026-11-23") }));
    assert!(page.contains(
        "rel=\"prev\" aria-keyshortcuts=\"ArrowLeft\" href=\"?site=example.com&from=2026-11-16&to=2026-11-22\""
    ));
    let page = links(&html(&report_of_a_year()));
    assert!(page.contains(
        "rel=\"prev\" aria-keyshortcuts=\"ArrowLeft\" href=\"?site=example.com&from=2024-12-01&to=2025-11-30\""
    ));
    let page = links(&html(&report_between("1970-01-01", "1970-01-03")));
    assert!(!page.contains("rel=\"prev\""));
}

#[test]
fn dates_are_shown_in_the_sites_time_zone() {
    let mut report = report_between("2026-10-25", "2026-10-25");
    report.zone = TimeZone::get("Europe/Berlin").unwrap();
    let page = links(&html(&report));
    assert!(page.contains("<h2>Sunday 25 October 2026</h2>"));
    assert!(page.contains("to=2026-10-24") && page.contains("to=2026-10-26"));
    assert!(page.contains(">23 November 2026, 11:20</time> (Europe/Berlin)"));
    assert!(page.contains("name=\"from\" value=\"2026-10-25\""));
}

#[test]
fn a_day_is_shown_by_its_hours() {
    let mut report = report_between("2026-11-23", "2026-11-23");
    (report.range, report.step, report.series) = (Range::Today, Step::Hour, hours());
    let page = html(&report);
    assert_eq!(page.matches("role=\"img\"").count(), 1);
    assert!(page.contains("<h2>Today, Monday 23 November 2026</h2>") && page.contains("<tr><th>11:00<td>0<td>0<"));
}

#[test]
fn several_sites_are_listed_as_links() {
    let report = report();
    assert!(!html(&report).contains("aria-label=\"Sites\""));
    let page = html_of_sites(&report, &["counter.example", "example.com"]);
    assert!(page.contains("<a href=\"?site=counter.example\"><bdi>"));
    assert!(page.contains("<a href=\"?site=example.com\" aria-current=\"page\"><bdi>"));
}

#[test]
fn entry_pages_show_no_pageviews_and_no_numbers_in_ranges_without_unique_visitors() {
    let mut report = report();
    report.lists.insert(Dimension::EntryPage, vec![entry("/first")]);
    let page = html(&report);
    assert!(
        page.contains("<th>Path<th>Visitors<th>Share<tbody>") && page.contains("/first</bdi></a><td>30<td>2.4 %\n")
    );
    let mut report = report_of_a_year();
    report.lists.insert(Dimension::EntryPage, vec![Entry { visitors: None, ..entry("/first") }]);
    report
        .lists
        .insert(Dimension::Channel, ["search", "direct"].map(|value| Entry { visitors: None, ..entry(value) }).into());
    let page = html(&report);
    assert!(page.contains("Entry pages have unique visitors only") && !page.contains("/first"));
    // Views without a referrer are not visits from a channel.
    let sources = html(&with_group(&report, Group::Sources));
    assert!(sources.contains("Search engines</bdi></a><td>60") && !sources.contains("Direct</bdi>"));
}

#[test]
fn annotations_are_marks_on_their_bars_and_a_list_below_the_chart() {
    let annotation = |text: &str, of: &str| Annotation { day: day(of), text: text.to_owned() };
    let mut report = Report {
        annotations: vec![
            annotation("<i>", "2026-11-01"),
            annotation("Two", "2026-11-12"),
            annotation("b", "2026-11-12"),
        ],
        ..report()
    };
    let page = html(&report);
    assert_eq!(page.matches("<g class=\"mark\">").count(), 2);
    // The middles of the first and of the twelfth of 23 bars.
    assert!(page.contains("x1=\"2.17%\"") && page.contains("x1=\"50.00%\""), "{page}");
    assert!(page.contains("<title>Thu 12 Nov 2026: Two\nThu 12 Nov 2026: b</title>"), "{page}");
    assert!(
        page.contains("<details class=\"marks\" open>") && page.contains("<li>Sun 1 Nov 2026: <bdi>&lt;i&gt;</bdi>")
    );
    // Weeks and months have the mark of any of their days, and a day by hours has it at its beginning.
    for (step, first, bars, x) in [
        (Step::Month, "2026-11-01T00:00:00Z", 1, "50.00"),
        (Step::Week, "2026-11-09T00:00:00Z", 2, "25.00"),
        (Step::Hour, "2026-11-12T00:00:00Z", 24, "2.08"),
    ] {
        report.annotations = vec![annotation("One", "2026-11-12")];
        report.step = step;
        let start = |index: i64| {
            at(first) + jiff::SignedDuration::from_hours(if step == Step::Hour { index } else { 168 * index })
        };
        report.series = (0..bars).map(|index| Point { start: start(index), visitors: Some(1), pageviews: 1 }).collect();
        assert!(html(&report).contains(&format!("x1=\"{x}%\"")), "{step:?}: {}", html(&report));
    }
    report.annotations = (0..6).map(|number| annotation(&number.to_string(), "2026-11-12")).collect();
    assert!(html(&report).contains("<details class=\"marks\">"));
    report.annotations.clear();
    assert!(!html(&report).contains("class=\"mark"));
}
