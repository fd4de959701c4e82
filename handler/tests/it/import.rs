//! `handler import`: what counts in a log, on which day, and what the summary says.

use std::{io::Write, path::Path};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use crate::{
    client::{FIREFOX, GOOGLEBOT, Request, SAFARI},
    database::Database,
    host::{Host, repository},
    log::{combined, common},
    process::{Folder, HandlerCommand},
};

const SITE: [&str; 3] = ["--json", "--site", "example.com"];

fn import(plain: &HandlerCommand, file: &str) -> Value {
    plain.run(&[&["import"], &SITE[..], &[file]].concat()).json()
}

fn visitors_and_views(days: &[(i64, i64, i64)]) -> Vec<(i64, i64)> {
    days.iter().map(|(_, visitors, pageviews)| (*visitors, *pageviews)).collect()
}

#[tokio::test]
async fn the_summary_accounts_for_every_line() {
    let database = Database::create().await;
    let folder = Folder::new();
    let noon = "17/May/2015:12:00:00 +0000";
    let lines = [
        combined("192.0.2.1", noon, "/", FIREFOX),
        combined("192.0.2.1", noon, "/about?x=1", FIREFOX),
        combined("192.0.2.2", noon, "/", SAFARI),
        "garbage\n".to_owned(),
        combined("192.0.2.3", noon, "/", GOOGLEBOT),
        combined("192.0.2.3", noon, "/", "-"),
        combined("not-an-address", noon, "/", FIREFOX),
        combined("192.0.2.4", noon, "/style.css", FIREFOX),
        combined("192.0.2.4", noon, "/", FIREFOX).replace("GET", "POST"),
        combined("192.0.2.4", noon, "/", FIREFOX).replace(" 200 ", " 404 "),
        combined("192.0.2.4", "17/May/1965:12:00:00 +0000", "/", FIREFOX),
        combined("192.0.2.4", "17/May/2999:12:00:00 +0000", "/", FIREFOX),
        "\n".to_owned(),
        "more \u{fffd} garbage\n".to_owned(),
    ];
    let log = folder.write("access.log", lines.concat());
    let plain = HandlerCommand::on(&database);
    let summary = import(&plain, &log);
    assert_eq!((&summary["site"], &summary["lines"]), (&"example.com".into(), &14.into()));
    assert_eq!((&summary["pageviews"], &summary["visitors"]), (&4.into(), &2.into()));
    assert_eq!(summary["lines_counted_before"], 0);
    assert_eq!(summary["not_pages"], json!({ "asset": 1, "other_method": 1, "other_status": 1 }));
    assert_eq!(summary["excluded"], json!({ "bots": 2, "unidentified": 1 }));
    let places = |numbers: &[u32]| numbers.iter().map(|number| format!("{log}:{number}")).collect::<Vec<_>>();
    assert_eq!(summary["refused"]["malformed"], json!({ "lines": 3, "first": places(&[4, 13, 14]) }));
    assert_eq!(summary["refused"]["bad_time"], json!({ "lines": 2, "first": places(&[11, 12]) }));
    assert_eq!(summary["days"], json!([{ "date": "2015-05-17", "visitors": 2, "pageviews": 4 }]));
    assert_eq!(visitors_and_views(&database.days("example.com").await), [(2, 4)]);
    // The page shows the same, although the site is not configured.
    let host = Host::start(&database).await;
    let asked = "/api/statistics?site=example.com&by=day&from=2015-05-17&to=2015-05-17";
    let statistics = host.send(&Request::get(asked)).await.json();
    assert_eq!(statistics["series"], json!([{ "start": "2015-05-17T00:00:00Z", "visitors": 2, "pageviews": 4 }]));
    assert_eq!(statistics["pages"][0], json!({ "value": "/", "visitors": 2, "pageviews": 3 }));
    assert_eq!((&statistics["excluded"]["bots"], &statistics["excluded"]["unidentified"]), (&2.into(), &1.into()));
    database.assert_sound().await;
}

#[tokio::test]
async fn the_summary_is_a_table_or_json() {
    let database = Database::create().await;
    let folder = Folder::new();
    let log =
        folder.write("access.log", combined("192.0.2.1", "17/May/2015:12:00:00 +0000", "/", FIREFOX) + "garbage\n");
    let outcome = HandlerCommand::on(&database).run(&["import", "--site", "example.com", &log]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
    for part in ["Import into example.com", "2015-05-17", "lines read", ":2"] {
        assert!(outcome.stdout.contains(part), "{part}: {}", outcome.stdout);
    }
}

#[tokio::test]
async fn an_import_names_its_database_and_a_site_that_is_not_configured_before_it_counts() {
    let database = Database::create().await;
    let folder = Folder::new();
    let log = folder.write("access.log", combined("192.0.2.1", "17/May/2015:12:00:00 +0000", "/", FIREFOX));
    let garbage = folder.write("garbage.log", "garbage\n");
    let (host, port) = database.server_address();
    let place = format!("{} at {host}:{port}", database.name());
    let plain = HandlerCommand::on(&database);
    let configured = plain.clone().with("FOOTFALL_SITES", "shop.example, example.com");
    let run =
        |handler: &HandlerCommand, more: &[&str]| handler.run(&[&["import", "--site", "example.com"], more].concat());

    // Nothing of this file counts, and the output begins with the same lines.
    let failed = run(&plain.clone().with("FOOTFALL_SITES", "shop.example"), &[&garbage]);
    let new = format!("Database: {place} (new: nothing has been counted in it)\n");
    assert!(failed.code == Some(1) && failed.stdout.starts_with(&new), "{failed:?}");
    assert!(failed.stdout.contains("example.com is not in FOOTFALL_SITES"), "{failed:?}");
    assert!(failed.stdout.ends_with("FOOTFALL_SITES=shop.example,example.com\n"), "{failed:?}");

    assert!(run(&configured, &[&log]).stdout.starts_with(&format!("{new}Import into example.com")));
    for more in [&[&*log][..], &["--forget-imported", "umami"]] {
        let text = run(&configured, more).stdout;
        assert!(text.starts_with(&format!("Database: {place}\n")) && !text.contains("not in"), "{text}");
        let text = run(&plain, more).stdout;
        assert!(text.starts_with(&format!("Database: {place}\nexample.com is not in FOOTFALL_SITES")), "{text}");
        let object = run(&configured, &[&["--json"], more].concat()).json();
        assert_eq!(object["database"], place, "{object}");
        assert_eq!((&object["new_database"], &object["configured"]), (&false.into(), &true.into()), "{object}");
    }
}

#[tokio::test]
async fn the_link_of_an_import_begins_with_the_public_origin() {
    let database = Database::create().await;
    let folder = Folder::new();
    for (variable, value, origin) in [
        ("FOOTFALL_PUBLIC_URL", "https://stats.example.com/", "https://stats.example.com"),
        ("WEBSITE_HOSTNAME", "app.example", "https://app.example"),
        ("FUNCTIONS_CUSTOMHANDLER_PORT", "8081", "http://127.0.0.1:8081"),
    ] {
        let page = format!("/{variable}");
        let log = folder.write(variable, combined("192.0.2.1", "17/May/2015:12:00:00 +0000", &page, FIREFOX));
        let summary = import(&HandlerCommand::on(&database).with(variable, value), &log);
        assert_eq!(summary["link"], format!("{origin}/?site=example.com&from=2015-05-17&to=2015-05-17"));
    }
}

#[tokio::test]
async fn the_summary_has_the_exact_visitors_of_whole_months() {
    let database = Database::create().await;
    let folder = Folder::new();
    let days = |days: &[(&str, &str)]| {
        let line =
            |(address, day): &(&str, &str)| combined(address, &format!("{day}/2015:12:00:00 +0000"), "/", FIREFOX);
        days.iter().map(line).collect::<String>()
    };
    let (first, second) = ("192.0.2.1", "192.0.2.2");
    let earlier = folder.write("a.log", days(&[(first, "10/May"), (second, "30/May")]));
    let later =
        folder.write("b.log", days(&[(first, "31/May"), (first, "01/Jun"), (second, "02/Jun"), (first, "03/Jun")]));
    let plain = HandlerCommand::on(&database);
    import(&plain, &earlier);
    let summary = import(&plain, &later);
    // May has a day that only the first import counted.
    let months = json!([
        { "month": "2015-05", "visitors": 2, "pageviews": 3 },
        { "month": "2015-06", "visitors": 2, "pageviews": 3 },
    ]);
    assert_eq!(summary["months"], months);
    assert_eq!(summary["days"].as_array().unwrap().len(), 4);
    let host = Host::start(&database).await;
    for month in months.as_array().unwrap() {
        let month_name = month["month"].as_str().unwrap();
        let last = if month_name == "2015-05" { 31 } else { 30 };
        let query = format!("/api/statistics?site=example.com&from={month_name}-01&to={month_name}-{last}");
        let range = &host.send(&Request::get(&query)).await.json()["range"];
        assert_eq!((&range["visitors"], &range["pageviews"]), (&month["visitors"], &month["pageviews"]));
    }
    // With daily forgetting, a visitor of two days counts twice, so a month has no unique number.
    let daily = Database::create().await;
    let summary = import(&HandlerCommand::on(&daily).with("FOOTFALL_FORGET", "daily"), &later);
    assert_eq!(summary["months"], json!([]));
}

#[tokio::test]
async fn the_summary_of_a_log_of_bots_links_to_their_page() {
    let database = Database::create().await;
    let folder = Folder::new();
    let lines =
        ["17", "18"].map(|day| combined("192.0.2.3", &format!("{day}/May/2015:12:00:00 +0000"), "/", GOOGLEBOT));
    let log = folder.write("access.log", lines.concat());
    let plain = HandlerCommand::on(&database);
    let said = plain.run(&["import", "--site", "example.com", &log]).stdout;
    let shown = "/?site=example.com&from=2015-05-17&to=2015-05-18&lists=robots";
    let link = format!("http://127.0.0.1:8080{shown}#lists");
    assert!(said.contains(&format!("The page shows them, and robots by name: {link}\n")), "{said}");
    let again = import(&plain, &log);
    assert_eq!((&again["range"], &again["days"]), (&Value::Null, &json!([])));
    let host = Host::start(&database).await;
    let page = host.send(&Request::get(shown)).await;
    assert!(
        page.text().contains("Waiting for the first visit…") && page.text().contains("Googlebot"),
        "{}",
        page.text()
    );
}

#[tokio::test]
async fn days_follow_the_sites_time_zone_and_its_summer_time() {
    let database = Database::create().await;
    let folder = Folder::new();
    let at = |time: &str| combined("192.0.2.1", time, "/", FIREFOX);
    let lines = [
        // Around midnight in Berlin, 22:00 UTC in summer; written in whatever zone the web server has.
        at("16/May/2015:23:59:59 +0200"),
        at("17/May/2015:00:00:00 +0200"),
        at("17/May/2015:21:59:59 +0000"),
        at("17/May/2015:22:00:00 +0000"),
        // The day of 23 hours, and its neighbours.
        at("28/Mar/2015:22:59:59 +0000"),
        at("28/Mar/2015:23:00:00 +0000"),
        at("29/Mar/2015:21:59:59 +0000"),
        at("29/Mar/2015:22:00:00 +0000"),
        // The day of 25 hours: both hours that the clock calls two are on it.
        at("24/Oct/2015:21:59:59 +0000"),
        at("24/Oct/2015:22:00:00 +0000"),
        at("25/Oct/2015:02:30:00 +0200"),
        at("25/Oct/2015:02:30:00 +0100"),
        at("25/Oct/2015:22:59:59 +0000"),
        at("25/Oct/2015:23:00:00 +0000"),
    ];
    let log = folder.write("access.log", lines.concat());
    let summary = import(&HandlerCommand::on(&database).with("FOOTFALL_TIMEZONE", "Europe/Berlin"), &log);
    let day = |date: &str, pageviews: u32| json!({ "date": date, "visitors": 1, "pageviews": pageviews });
    let expected = json!([
        day("2015-03-28", 1),
        day("2015-03-29", 2),
        day("2015-03-30", 1),
        day("2015-05-16", 1),
        day("2015-05-17", 2),
        day("2015-05-18", 1),
        day("2015-10-24", 1),
        day("2015-10-25", 4),
        day("2015-10-26", 1),
    ]);
    assert_eq!(summary["days"], expected);
    let host = Host::on(&database).with("FOOTFALL_TIMEZONE", "Europe/Berlin").start().await;
    host.process.wait_until_ready().await;
    let asked = "/api/statistics?site=example.com&by=hour&from=2015-10-25&to=2015-10-25";
    let hours = host.send(&Request::get(asked)).await.json()["series"].as_array().unwrap().clone();
    let views = |start: &str| hours.iter().find(|hour| hour["start"] == start).unwrap()["pageviews"].clone();
    assert_eq!(hours.len(), 25);
    assert_eq!((views("2015-10-25T02:00:00+02:00"), views("2015-10-25T02:00:00+01:00")), (1.into(), 1.into()));
}

#[tokio::test]
async fn each_visitor_counts_once_in_any_range_of_days() {
    let database = Database::create().await;
    let folder = Folder::new();
    let at = |address: &str, day: &str| combined(address, &format!("{day}:12:00:00 +0000"), "/", FIREFOX);
    // 2015-12-28 to 2016-01-03 is one ISO week; it lies in two months and two years.
    let lines = at("192.0.2.1", "31/Dec/2015")
        + &at("192.0.2.1", "01/Jan/2016")
        + &at("192.0.2.2", "03/Jan/2016")
        + &at("192.0.2.1", "04/Jan/2016")
        + &at("192.0.2.2", "02/Feb/2016");
    import(&HandlerCommand::on(&database), &folder.write("access.log", lines));
    let host = Host::start(&database).await;
    for (first, last, visitors, new, pageviews) in [
        ("2015-12-28", "2016-01-03", Some(2), Some(2), 3),
        ("2015-12-01", "2015-12-31", Some(1), Some(1), 1),
        ("2016-01-01", "2016-01-31", Some(2), Some(1), 3),
        ("2015-12-31", "2016-01-04", Some(2), Some(2), 4),
        ("2016-01-02", "2016-01-03", Some(1), Some(1), 1),
        ("2016-01-04", "2016-02-29", Some(2), Some(0), 2),
        ("2016-02-03", "2016-02-29", Some(0), Some(0), 0),
        // Three months: a sum of days, and no unique number.
        ("2015-12-31", "2016-02-01", None, None, 4),
    ] {
        let asked = format!("/api/statistics?site=example.com&from={first}&to={last}");
        let mut statistics = host.send(&Request::get(&asked)).await.json();
        for comparison in ["previous", "counting_began"] {
            statistics["range"].as_object_mut().unwrap().remove(comparison);
        }
        let expected = json!({
            "period": null, "from": first, "to": last, "exact": visitors.is_some(),
            "visitors": visitors, "new_visitors": new,
            "returning_visitors": visitors.zip(new).map(|(visitors, new)| visitors - new),
            "daily_visitors": pageviews, "pageviews": pageviews,
        });
        assert_eq!(statistics["range"], expected);
        if pageviews > 0 {
            let page = json!({ "value": "/", "visitors": visitors, "pageviews": pageviews });
            assert_eq!(statistics["pages"], json!([page]), "{first} to {last}");
        }
    }
    database.assert_sound().await;
}

#[tokio::test]
async fn visitors_of_the_common_format_are_distinguished_by_address() {
    let database = Database::create().await;
    let folder = Folder::new();
    let noon = "17/May/2015:12:00:00 +0000";
    let lines = common("192.0.2.1", noon, "/")
        + &common("192.0.2.1", noon, "/a")
        + &common("2001:db8::1", noon, "/")
        + &common("2001:db8::2", noon, "/");
    let log = folder.write("access.log", &lines);
    let plain = HandlerCommand::on(&database);
    let summary = plain.run(&[&["import", "--format", "common"], &SITE[..], &[&log]].concat()).json();
    assert_eq!(summary["days"], json!([{ "date": "2015-05-17", "visitors": 2, "pageviews": 4 }]));
    // Without `--format` it is recognised.
    let unnamed = folder.write("unnamed.log", lines.replace("/a", "/c"));
    assert_eq!(import(&plain, &unnamed)["pageviews"], 4);
}

#[tokio::test]
async fn an_unreadable_log_is_named_and_its_readable_part_counts() {
    let database = Database::create().await;
    let folder = Folder::new();
    let plain = HandlerCommand::on(&database);
    let missing = folder.path().join("missing.log");
    let missing = missing.to_str().unwrap();
    let outcome = plain.run(&["import", "--site", "example.com", missing]);
    assert_eq!((outcome.code, outcome.stderr.lines().count()), (Some(1), 1), "{outcome:?}");
    assert!(outcome.stderr.contains("missing.log"));
    let outcome = plain.run(&["import", "--site", "https://example.com", missing]);
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stderr.contains("--site"), "{outcome:?}");
    // The complete part of a truncated archive counts, and the error names the rest.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(crate::log::long(5000, 50).as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    let cut = folder.write("cut.log.gz", &packed[..packed.len() / 10 * 9]);
    let outcome = plain.run(&["import", "--site", "example.com", &cut]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("cut.log.gz"), "{outcome:?}");
    let counted: i64 = database.days("example.com").await.iter().map(|(_, _, views)| views).sum();
    assert!(counted > 0);
    assert!(outcome.stderr.contains(&format!("before, {counted} pageviews, is counted")), "{outcome:?}");
    // The complete log counts the rest, and nothing twice.
    import(&plain, &folder.write("whole.log.gz", &packed));
    assert_eq!(visitors_and_views(&database.days("example.com").await), [(50, 5000)]);
}

/// Compares the days of the real log in `FOOTFALL_SAMPLE_LOG` with a count by awk.
#[tokio::test]
async fn the_days_of_a_real_log_equal_a_count_by_awk() {
    let Some(log) = std::env::var("FOOTFALL_SAMPLE_LOG").ok().filter(|path| !path.is_empty()) else {
        println!("skipped: FOOTFALL_SAMPLE_LOG names no access log of the combined format");
        return;
    };
    // Built with the tests, unless only one test program is.
    let robots = Path::new(env!("CARGO_BIN_EXE_handler")).with_file_name("examples").join("robots");
    assert!(robots.exists(), "{} is missing: cargo build --example robots", robots.display());
    let awk = std::process::Command::new(repository().join("handler/tests/daily-visitors"))
        .arg(&log)
        .env("ROBOTS", robots)
        .output()
        .unwrap();
    assert!(awk.status.success(), "{awk:?}");
    let mut expected: Vec<(String, i64, i64)> = String::from_utf8(awk.stdout).unwrap().lines().map(awk_day).collect();
    expected.sort();
    assert!(!expected.is_empty());

    let database = Database::create().await;
    let plain = HandlerCommand::on(&database);
    let summary = import(&plain, &log);
    let found: Vec<(String, i64, i64)> = summary["days"]
        .as_array()
        .unwrap()
        .iter()
        .map(|day| {
            (
                day["date"].as_str().unwrap().to_owned(),
                day["visitors"].as_i64().unwrap(),
                day["pageviews"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(found, expected);
    let before = database.texts("select t::text from tally t order by 1").await;
    let again = import(&plain, &log);
    assert_eq!((&again["pageviews"], &again["lines_counted_before"]), (&0.into(), &summary["lines"]));
    assert_eq!(database.texts("select t::text from tally t order by 1").await, before);

    let host = Host::start(&database).await;
    let statistics = host.send(&Request::get("/api/statistics?site=example.com")).await.json();
    let all_time = &statistics["visitors"]["all_time"];
    let (estimate, error) = (all_time["estimate"].as_f64().unwrap(), all_time["standard_error"].as_f64().unwrap());
    let distinct = summary["visitors"].as_f64().unwrap();
    assert!((estimate - distinct).abs() <= 3.0 * error * distinct, "about {estimate} of {distinct}");
    database.assert_sound().await;
}

/// `17/May/2015 visitors pageviews`, as the script prints it.
fn awk_day(line: &str) -> (String, i64, i64) {
    let [day, visitors, pageviews] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
    let date = jiff::civil::Date::strptime("%d/%b/%Y", day).unwrap();
    (date.to_string(), visitors.parse().unwrap(), pageviews.parse().unwrap())
}
