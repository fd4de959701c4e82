//! Rules of the page in other languages than English.

use super::*;
use crate::{
    domain::{statistics::Week, visit::robot},
    texts::next_placeholder,
};

/// The longest part of a text without placeholders.
fn longest_part(text: &str) -> &str {
    let (mut longest, mut rest) = ("", text);
    loop {
        let (part, after) = next_placeholder(rest).map_or((rest, None), |(before, _, after)| (before, Some(after)));
        longest = if part.len() > longest.len() { part } else { longest };
        match after {
            Some(after) => rest = after,
            None => return longest.trim(),
        }
    }
}

/// A report in which most parts of the page are shown.
fn full_report() -> Report {
    let (first, last) = (day("2026-10-09"), day("2026-10-31"));
    let mut report = Report {
        previous: Some(Previous { first, last, until: None, counts: counts(617, 300, 317, 5_678) }),
        annotations: vec![Annotation { day: day("2026-11-03"), text: "2026".to_owned() }],
        excluded: Exclusion::ALL.iter().copied().zip(1..).collect(),
        returning: vec![Week {
            first: day("2026-11-16"),
            last: day("2026-11-22"),
            visitors: 10,
            new_visitors: 4,
            from_week_before: 3,
        }],
        ..report()
    };
    report.lists.extend(Dimension::lists().map(|dimension| (dimension, vec![entry("x")])));
    for (dimension, value) in [
        (Dimension::Channel, "search"),
        (Dimension::Device, "Phone"),
        (Dimension::Robot, "GPTBot"),
        (Dimension::Browser, "Other"),
    ] {
        report.lists.insert(dimension, vec![entry(value), entry("unknown")]);
    }
    report.lengths = Dimension::lists().map(|dimension| (dimension, 1_204)).collect();
    report
}

#[test]
fn a_page_in_another_language_has_no_english_text() {
    let german = of_language("de").unwrap();
    let full = full_report();
    let mut pages: Vec<String> = Group::ALL
        .iter()
        .map(|group| html_in(german, &with_group(&full, *group), &["example.com", "b.example"], Charted::Visitors))
        .collect();
    let waiting = Report { all_time_pageviews: 0, ..empty() };
    for report in [&report_of_a_year(), &empty(), &waiting, &Report { stale: true, ..report() }] {
        pages.push(html_in(german, report, &["example.com"], Charted::Pageviews));
    }
    let verdict =
        |exclusion, name| Verdict { pageview: false, visitor: false, exclusion, robot: robot::identify(name) };
    pages.push(render_why(german, &verdict(Some(Exclusion::Bots), "GPTBot/1.1")).unwrap());
    pages.push(render_why(german, &verdict(None, "")).unwrap());
    pages.push(render_unavailable(german, PageKind::Whole, "0", "0").unwrap());
    pages.push(render_sign_in(german, None, None).unwrap());
    let found = FoundSites { search: "", sites: &[], overview: None, offset: 0, found: 0, all: 9 };
    pages.push(render_sites(german, &found).unwrap());
    let problem = Problem { heading: "", detail: "", way_back: WayBack::Start };
    pages.push(render_problem(german, &problem).unwrap());
    let all_german: Vec<&str> = german.all().map(|(_, text)| text).collect();
    let all_german = all_german.join("\n");
    let mut compared = 0;
    for page in &pages {
        assert!(page.contains("<html lang=\"de\">"));
        let attributes: Vec<String> = attributes(page)
            .into_iter()
            .filter(|(name, _)| ["title", "aria-label", "placeholder"].contains(&&**name))
            .map(|(_, value)| value)
            .collect();
        let shown = format!("{}\n{}", text(page), attributes.join("\n"));
        for (key, english) in english().all() {
            let english = longest_part(english);
            // Short words can be parts of German ones, and some words are equal.
            if english.len() > 5 && !all_german.contains(english) && !key.starts_with("script.") {
                let is_word = |at: usize| {
                    let (before, after) = (&shown[..at], &shown[at + english.len()..]);
                    !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric)
                };
                let mut places = shown.match_indices(english).filter(|(at, _)| is_word(*at));
                assert!(places.next().is_none(), "{shown}\n{key}: '{english}'");
                compared += 1;
            }
        }
    }
    assert!(compared > 2_000, "{compared}");
    let page = links(&pages[0]);
    for part in [
        "1.234",
        "1.000",
        "+100 %",
        "4,6",
        "Vergleich: 9. Oktober 2026 bis 31. Oktober 2026.",
        "Stand: <time",
        "Alle 1.204 Seiten",
        "± 1,6 %",
        ">30 Tage<",
        "So, 1. Nov.",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[test]
fn the_script_of_a_page_has_the_texts_of_its_language() {
    let mut names = std::collections::BTreeSet::new();
    for (texts, script) in languages().iter().zip(SCRIPTS.iter()) {
        assert!(script.text.contains(texts.of("script.copied")) && names.insert(&script.name));
        let page = html_in(texts, &report(), &["example.com"], Charted::Visitors);
        assert!(page.contains(&script.name), "{}", texts.tag);
    }
}

#[test]
fn only_pages_in_other_languages_need_the_script_for_names_in_sentences() {
    use crate::domain::{
        cells::NotShown,
        statistics::{Condition, Filter},
    };
    let filter = Filter::parse([("country", "DE"), ("device", "Phone")]).unwrap();
    let known = vec![Condition::parse(Dimension::Country, "DE").unwrap()];
    let report = Report { filter, not_shown: Some(vec![NotShown { known, visitors: 2 }]), ..report() };
    let page = html(&report);
    assert!(page.contains("Their groups are too small to show: 2 with the country Germany."), "{page}");
    let page = html_in(of_language("de").unwrap(), &report, &["example.com"], Charted::Visitors);
    let name = "2 mit Land <bdi data-names=\"region\" data-code=\"DE\">Germany</bdi>.";
    assert!(page.contains(name), "{page}");
}
