//! `handler annotate`, and where annotations are read: the API, the page, an export.

use serde_json::{Value, json};

use crate::{
    client::{FIREFOX, Request},
    database::Database,
    host::Host,
    log::combined,
    process::{Folder, HandlerCommand, Outcome},
};

fn annotate(database: &Database, arguments: &[&str]) -> Outcome {
    HandlerCommand::on(database).run(&[&["annotate", "--site", "example.com"], arguments].concat())
}

/// A site with a view of 16 May 2015.
async fn counted() -> Database {
    let database = Database::create().await;
    let folder = Folder::new();
    let log = folder.write("access.log", combined("192.0.2.1", "16/May/2015:10:00:00 +0000", "/", FIREFOX));
    HandlerCommand::on(&database).run(&["import", "--json", "--site", "example.com", &log]).json();
    database
}

async fn statistics(host: &Host, query: &str) -> Value {
    host.send(&Request::get(&format!("/api/statistics?site=example.com&{query}"))).await.json()
}

const MAY: &str = "from=2015-05-01&to=2015-05-31";

#[tokio::test]
async fn annotations_are_added_listed_and_removed() {
    let database = counted().await;
    assert_eq!(annotate(&database, &[]).stdout, "example.com has no annotations.\n");
    for (day, text) in [("2015-05-16", "New prices"), ("2015-05-02", " Launched "), ("2015-05-16", "Newsletter")] {
        let outcome = annotate(&database, &["--date", day, text]);
        assert!(outcome.code == Some(0) && outcome.stdout.starts_with("Added to example.com: "), "{outcome:?}");
    }
    let all = "2015-05-02  Launched\n2015-05-16  New prices\n2015-05-16  Newsletter\n";
    let again = annotate(&database, &["--date", "2015-05-16", "New prices"]);
    assert!(again.code == Some(0) && again.stdout.contains("already"), "{again:?}");
    assert_eq!(annotate(&database, &[]).stdout, all);
    assert_eq!(annotate(&database, &["--date", "2015-05-02"]).stdout, "2015-05-02  Launched\n");
    assert_eq!(annotate(&database, &["--date", "2015-05-16", "--remove", "New prices"]).code, Some(0));
    assert_eq!(annotate(&database, &[]).stdout, all.replace("2015-05-16  New prices\n", ""));
    assert!(annotate(&database, &["--date", "2015-05-16", "--remove"]).stdout.ends_with(": 1\n"));
    let absent = annotate(&database, &["--date", "2015-05-16", "--remove"]);
    assert!(absent.code == Some(1) && absent.stderr.contains("no such annotation"), "{absent:?}");
    assert_eq!(annotate(&database, &[]).stdout, "2015-05-02  Launched\n");
}

#[tokio::test]
async fn number_and_length_of_annotations_are_bounded() {
    let database = counted().await;
    for (arguments, error) in [
        (&["--date", "2015-05-16", " "][..], "empty"),
        (&["--date", "2015-05-16", "a\nb"], "one line"),
        (&["--date", "2015-05-16", &"a".repeat(201)], "200 bytes"),
        (&["Launched"], "--date"),
        (&["--remove"], "--date"),
    ] {
        let outcome = annotate(&database, arguments);
        assert!(outcome.code != Some(0) && outcome.stderr.contains(error), "{outcome:?}");
    }
    let full = "insert into annotation select 1, 16571 + n, 'Note' from generate_series(1, 500) as n";
    database.execute(full).await;
    let outcome = annotate(&database, &["--date", "2015-05-16", "One more"]);
    assert!(outcome.code == Some(1) && outcome.stderr.contains("500 annotations"), "{outcome:?}");
    // A text that is stored already needs no place.
    assert_eq!(annotate(&database, &["--date", "2015-05-17", "Note"]).code, Some(0));
    assert_eq!(database.number("select count(*) from annotation").await, 500);
    let unknown = HandlerCommand::on(&database).run(&["annotate", "--site", "other.example"]);
    assert!(unknown.code == Some(1) && unknown.stderr.contains("nothing is counted for other.example"), "{unknown:?}");
}

#[tokio::test]
async fn the_api_and_the_page_show_the_annotations_of_the_range() {
    let database = counted().await;
    for (day, text) in [("2015-05-16", "Prices <b>"), ("2015-05-03", "Launched"), ("2015-06-01", "Outside")] {
        annotate(&database, &["--date", day, text]);
    }
    let host = Host::start(&database).await;
    let expected = json!([{ "day": "2015-05-03", "text": "Launched" }, { "day": "2015-05-16", "text": "Prices <b>" }]);
    assert_eq!(statistics(&host, MAY).await["annotations"], expected);
    // Also with one value, and without lists.
    assert_eq!(statistics(&host, &format!("{MAY}&page=/")).await["annotations"], expected);
    assert_eq!(statistics(&host, &format!("{MAY}&lists=none")).await["annotations"], expected);
    assert_eq!(statistics(&host, "from=2015-05-04&to=2015-05-05").await["annotations"], json!([]));
    for page in ["/?", "/?embed&"] {
        let target = format!("{page}site=example.com&{MAY}");
        let page = host.send(&Request::get(&target).header("Accept", "text/html")).await;
        let page = page.text();
        // The middle of the 16th of 31 bars.
        assert!(page.contains("x1=\"50.00%\"") && page.matches("class=\"mark\"").count() == 2, "{page}");
        assert!(
            page.contains("<li>Sat 16 May 2015: <bdi>Prices &lt;b&gt;</bdi>") && !page.contains("Outside"),
            "{page}"
        );
    }
}

#[tokio::test]
async fn an_export_holds_annotations_and_an_import_adds_them_once() {
    let (from, to) = (counted().await, Database::create().await);
    annotate(&from, &["--date", "2015-05-16", "New prices"]);
    annotate(&from, &["--date", "2015-05-17", "Launched"]);
    let text = HandlerCommand::on(&from).run(&["export"]).stdout;
    let line = r#"{"kind":"annotation","site":"example.com","day":"2015-05-16","text":"New prices"}"#;
    assert!(text.contains(line), "{text}");
    let import = |text: &str| {
        let arguments = ["import", "--json", "--site", "example.com", "--from", "footfall", "-"];
        HandlerCommand::on(&to).run_with_input(&arguments, text.as_bytes())
    };
    assert_eq!(import(&text).json()["annotations"], 2);
    assert_eq!(import(&text).json()["annotations"], 0);
    assert_eq!(annotate(&to, &[]).stdout, annotate(&from, &[]).stdout);
    let unprintable = import(&text.replace("New prices", "New\\u0000prices"));
    assert!(unprintable.code == Some(1) && unprintable.stderr.contains("one line"), "{unprintable:?}");
}

#[tokio::test]
async fn annotations_are_forgotten_with_their_days_and_after_the_retention() {
    let database = counted().await;
    for day in ["2015-05-01", "2015-05-16", "2015-05-17"] {
        annotate(&database, &["--date", day, "Note"]);
    }
    let forget = |arguments: &[&str]| {
        HandlerCommand::on(&database).run(&[&["forget", "--site", "example.com", "--yes"], arguments].concat())
    };
    let outcome = forget(&["--from", "2015-05-17", "--to", "2015-05-17"]);
    assert!(outcome.stdout.contains("0 pageviews, and 1 annotation.") && outcome.code == Some(0), "{outcome:?}");
    assert_eq!(annotate(&database, &[]).stdout, "2015-05-01  Note\n2015-05-16  Note\n");
    // The page's annotations are those of the site.
    assert_eq!(forget(&["--page", "/"]).code, Some(0));
    assert_eq!(database.number("select count(*) from annotation").await, 2);
    let host = Host::on(&database).with("FOOTFALL_RETENTION_DAYS", "400").start().await;
    host.process.wait_until_ready().await;
    host.maintain().await;
    assert_eq!(database.number("select count(*) from annotation").await, 0);
    drop(host);
    annotate(&database, &["--date", "2015-05-17", "Note"]);
    assert_eq!(forget(&[]).code, Some(0));
    assert_eq!(database.number("select count(*) from annotation").await, 0);
}
