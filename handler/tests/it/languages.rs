//! The language of pages: `Accept-Language`, `lang`, and the caches that keep languages apart.

use crate::{
    client::{Request, Response, visitor},
    database::Database,
    host::Host,
};

fn in_language(target: &str, language: &str) -> Request {
    visitor(1).to(target).header("Accept", "text/html").header("Accept-Language", language)
}

fn is_in(page: &Response, language: &str, words: &str) -> bool {
    page.header("content-language") == language
        && page.header("vary").contains("accept-language")
        && page.text().contains(&format!("<html lang=\"{language}\">"))
        && page.text().contains(words)
}

#[tokio::test]
async fn each_page_is_in_the_language_that_the_browser_prefers() {
    let database = Database::create().await;
    let host = Host::on(&database).with("FOOTFALL_SITES", "example.com,b.example").start().await;
    host.process.wait_until_ready().await;
    for (target, status, english, german) in [
        ("/?site=example.com", 200, "Waiting for the first visit", "Warten auf den ersten Besuch"),
        ("/?embed&site=localhost", 200, "Updated <time", "Stand: <time"),
        ("/api/sites", 200, "Visitors today", "Besucher heute"),
        ("/me/why", 200, "Would this visit count?", "Würde dieser Besuch zählen?"),
        ("/no/such/page", 404, "Page not found", "Seite nicht gefunden"),
        ("/?site=example.com&period=never", 400, "This range is not valid", "Dieser Zeitraum ist nicht gültig"),
        ("/?site=unknown.example", 404, "This site is not counted", "Diese Website wird nicht gezählt"),
        ("/?site=example.com&colour=red&from=never", 400, "but must be a date", "muss aber ein Datum"),
    ] {
        for (accepted, language, words) in [
            ("de-AT,en;q=0.5", "de", german),
            ("en-GB,de;q=0.9", "en", english),
            ("fr", "en", english),
            ("fr,de;q=0.2", "de", german),
        ] {
            let page = host.process.send(&in_language(target, accepted)).await;
            assert_eq!(page.status, status, "{target}");
            assert!(is_in(&page, language, words), "{target}, {accepted}: {} {}", page.header("vary"), page.text());
        }
    }
}

#[tokio::test]
async fn one_reading_has_a_page_in_each_language() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.process.wait_until_ready().await;
    host.send(&visitor(1)).await;
    // The frame is not counted, so all of these are pages of few readings.
    let target = "/?embed&period=7d";
    for _ in 0..3 {
        for (language, words) in [("de", "Eindeutige Besucher"), ("en", "Unique visitors")] {
            let plain = host.send(&in_language(target, language)).await;
            assert!(is_in(&plain, language, words), "{}", plain.text());
            let other_chart = host.send(&in_language(&format!("{target}&chart=pageviews"), language)).await;
            assert!(is_in(&other_chart, language, words), "{}", other_chart.text());
        }
    }
}

#[tokio::test]
async fn the_parameter_lang_overrides_the_browser_and_must_be_known() {
    let database = Database::create().await;
    let host = Host::on(&database).with("FOOTFALL_SITES", "example.com,b.example").start().await;
    host.process.wait_until_ready().await;
    for target in
        ["/?site=localhost&lang=de", "/?embed&lang=DE&site=localhost", "/api/sites?lang=de", "/me/why?lang=de"]
    {
        let page = host.send(&in_language(target, "en")).await;
        assert_eq!(page.status, 200, "{target}");
        assert!(is_in(&page, "de", "Footfall"), "{target}");
    }
    let views = database.pageviews().await;
    for target in ["/?lang=xx", "/?embed&lang=xx", "/api/sites?lang=xx", "/me/why?lang=d"] {
        let page = host.send(&in_language(target, "de")).await;
        assert_eq!(page.status, 400, "{target}");
        let words = "&#x27;lang&#x27; muss einer dieser Werte sein: en, de.";
        assert!(is_in(&page, "de", words), "{target}: {}", page.text());
    }
    assert_eq!(database.pageviews().await, views, "a request with an unknown language is not counted");
}

#[tokio::test]
async fn responses_for_programs_are_english_in_every_language() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.process.wait_until_ready().await;
    let json = visitor(1).to("/api/statistics?period=never&lang=de").header("Accept-Language", "de");
    let problem = host.send(&json).await;
    assert_eq!(problem.status, 400);
    assert!(problem.json()["detail"].as_str().unwrap().starts_with("'period' must be today"), "{}", problem.text());
    for (target, words) in [
        ("/api/statistics.csv?lang=de", "pageviews"),
        ("/me/why", "\"reason\":null"),
        ("/badge/localhost.svg", "visitors"),
        ("/badge/localhost.json", "visitors"),
    ] {
        let of = async |language: &str| host.send(&visitor(1).to(target).header("Accept-Language", language)).await;
        let (english, german) = (of("en").await, of("de").await);
        assert!(german.text().contains(words), "{target}: {}", german.text());
        assert_eq!((english.status, english.header("content-language"), english.text()), (200, "", german.text()));
    }
}
