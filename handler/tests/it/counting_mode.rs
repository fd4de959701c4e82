//! The counting mode of a database (time zone and `FOOTFALL_FORGET`), and the visits that fix it. Counting in daily mode and
//! without an all-time estimate.

use serde_json::{Value, json};

use crate::{
    client::{FIREFOX, GOOGLEBOT, Request, visitor},
    database::Database,
    host::Host,
    log::{combined, long},
    process::{Folder, HandlerCommand, PORT},
};

const DAILY: (&str, &str) = ("FOOTFALL_FORGET", "daily");
const BERLIN: (&str, &str) = ("FOOTFALL_TIMEZONE", "Europe/Berlin");

async fn statistics(host: &Host, query: &str) -> Value {
    host.send(&Request::get(&format!("/api/statistics?{query}"))).await.json()
}

#[tokio::test]
async fn a_changed_time_zone_or_mode_stops_the_start_with_one_line_that_names_it() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    for number in [1, 3] {
        host.send(&visitor(number)).await;
    }
    let folder = Folder::new();
    let log = folder.write("access.log", long(10, 2));
    let import = ["import", "--site", "example.com", &log];
    for (variable, value) in [BERLIN, DAILY] {
        let changed = HandlerCommand::on(&database).with(PORT, "0").with(variable, value);
        for command in [&[][..], &["migrate"], &import] {
            let outcome = changed.run(command);
            assert_eq!(outcome.code, Some(1), "{command:?}: {outcome:?}");
            assert_eq!(outcome.stderr.lines().count(), 1, "{command:?}: {outcome:?}");
            for part in [variable, value, "has counted with"] {
                assert!(outcome.stderr.contains(part), "{command:?}: {outcome:?}");
            }
        }
    }
    assert_eq!(database.pageviews().await, 2);
    // The stored time zone is accepted, and the running process continues.
    assert_eq!(HandlerCommand::on(&database).with("FOOTFALL_TIMEZONE", "UTC").run(&import).code, Some(0));
    assert_eq!(host.send(&visitor(2)).await.status, 200);
}

#[tokio::test]
async fn before_the_first_visit_time_zone_and_mode_can_change() {
    let database = Database::create().await;
    for (variable, value) in [("FOOTFALL_TIMEZONE", "UTC"), BERLIN, DAILY, ("FOOTFALL_FORGET", "monthly")] {
        assert_eq!(HandlerCommand::on(&database).with(variable, value).run(&["migrate"]).code, Some(0), "{value}");
    }
    let host = Host::on(&database).with(BERLIN.0, BERLIN.1).with(DAILY.0, DAILY.1).start().await;
    host.process.wait_until_ready().await;
    host.send(&visitor(1)).await;
    assert_eq!(host.statistics().await["time_zone"], "Europe/Berlin");
    assert_eq!(database.texts("select time_zone || ' ' || forget from setting").await, ["Europe/Berlin daily"]);
}

/// A view of a page of example.com.
fn view(number: usize) -> Request {
    let body = r#"{"s":"example.com","p":"/"}"#;
    visitor(number).to("/v").method("POST").header("Content-Length", &body.len().to_string()).body(body)
}

#[tokio::test]
async fn the_owners_looks_do_not_fix_the_time_zone_and_the_first_visit_to_a_site_does() {
    for forget in ["monthly", "daily"] {
        let database = Database::create().await;
        let on = |zone| {
            let command = Host::on(&database).with("FOOTFALL_SITES", "example.com").with("FOOTFALL_TIMEZONE", zone);
            command.with("FOOTFALL_FORGET", forget)
        };
        // The zones are on both sides of midnight in turn.
        for (looks, zone) in [(1, "UTC"), (2, "Pacific/Kiritimati"), (3, "Pacific/Pago_Pago"), (4, "Europe/Berlin")] {
            let host = on(zone).start().await;
            host.process.wait_until_ready().await;
            let page = host.send(&visitor(1)).await;
            let note = "(FOOTFALL_TIMEZONE); fixed with the first visit to example.com.";
            let told = host.process.wait_for_event("time_zone").await[0]["message"].as_str().unwrap().to_owned();
            assert!(told.starts_with("Days begin at 00:00 ") && told.ends_with(note), "{told}");
            assert!(page.text().contains("Waiting for the first visit…") && page.text().contains(&told), "{told}");
            assert_eq!(database.texts("select time_zone from setting").await, [zone]);
            let counted = host.statistics().await;
            assert_eq!(
                (&counted["visitors"]["all_time"]["estimate"], &counted["time_zone"]),
                (&1.into(), &zone.into())
            );
            assert_eq!(counted["pageviews"]["all_time"], looks, "no look is lost");
            database.assert_sound().await;
        }
        // Without a look at it, the visit of the same visitor to a site is enough.
        let host = on("Europe/Berlin").start().await;
        host.process.wait_until_ready().await;
        assert_eq!(host.send(&view(1)).await.status, 204);
        let page = host.send(&visitor(1)).await;
        assert!(!page.text().contains("FOOTFALL_TIMEZONE") && !page.text().contains("Waiting"));
        let changed = HandlerCommand::on(&database).with("FOOTFALL_FORGET", forget).run(&["migrate"]);
        assert!(changed.code == Some(1) && changed.stderr.contains("has counted with 'Europe/Berlin'"), "{changed:?}");
    }
}

#[tokio::test]
async fn the_mode_of_forgetting_is_fixed_by_the_first_visit_even_of_the_owner() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(1)).await;
    let outcome = HandlerCommand::on(&database).with(DAILY.0, DAILY.1).run(&["migrate"]);
    assert!(outcome.code == Some(1) && outcome.stderr.contains("FOOTFALL_FORGET"), "{outcome:?}");
}

#[tokio::test]
async fn without_another_site_the_second_visitor_of_the_page_fixes_the_time_zone() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    let migrate = |zone: &str| HandlerCommand::on(&database).with("FOOTFALL_TIMEZONE", zone).run(&["migrate"]).code;
    // An opt-out and a robot are no visitors.
    for request in [visitor(1), visitor(1), visitor(2).header("DNT", "1"), visitor(3).user_agent(GOOGLEBOT)] {
        let page = host.send(&request).await;
        for part in [
            "Count a website",
            "FOOTFALL_SITES=example.com",
            "data-site=\"example.com\"",
            "fixed with the second visitor.",
        ] {
            assert!(page.text().contains(part), "{part}");
        }
        assert!(page.text().contains("data-range=\"visitors\""), "the numbers of the page itself are shown");
    }
    assert_eq!((migrate(BERLIN.1), migrate("UTC")), (Some(0), Some(0)));
    let page = host.send(&visitor(2)).await;
    assert!(!page.text().contains("Count a website") && !page.text().contains("Days begin"));
    assert_eq!((migrate(BERLIN.1), migrate("UTC")), (Some(1), Some(0)));
}

#[tokio::test]
async fn an_instance_with_an_earlier_time_zone_opens_no_site() {
    let database = Database::create().await;
    let host = Host::on(&database).with("FOOTFALL_SITES", "example.com").start().await;
    host.process.wait_until_ready().await;
    host.send(&visitor(1)).await;
    let berlin = HandlerCommand::on(&database).with(BERLIN.0, BERLIN.1);
    assert_eq!(berlin.run(&["migrate"]).code, Some(0));
    // The instance would count the visit into a day of its own zone.
    assert_eq!(host.send(&view(1)).await.status, 503);
    assert_eq!(database.texts("select name from site").await, ["localhost"]);
    // A site that is being opened is waited for.
    let opening = "select from setting for share; insert into site (name) values ('example.com')";
    let held = database.hold(opening).await;
    let utc = HandlerCommand::on(&database).spawn(&["migrate"]);
    database.wait_for_some("wait_event_type = 'Lock'").await;
    held.release().await;
    let outcome = utc.outcome();
    assert!(outcome.code == Some(1) && outcome.stderr.contains("has counted with 'Europe/Berlin'"), "{outcome:?}");
}

#[tokio::test]
async fn in_daily_mode_only_days_have_unique_visitors() {
    let database = Database::create().await;
    let host = Host::on(&database).with(DAILY.0, DAILY.1).start().await;
    host.process.wait_until_ready().await;
    for number in [1, 2, 1] {
        host.send(&visitor(number)).await;
    }
    let range = statistics(&host, "period=today").await["range"].clone();
    assert_eq!((&range["exact"], &range["visitors"], &range["daily_visitors"]), (&true.into(), &2.into(), &2.into()));
    // Earlier visitors are forgotten, so new and returning ones are unknown.
    assert_eq!((&range["new_visitors"], &range["returning_visitors"]), (&Value::Null, &Value::Null));
    let week = statistics(&host, "period=7d").await;
    let range = &week["range"];
    assert_eq!(
        (&range["exact"], &range["visitors"], &range["daily_visitors"], &range["pageviews"]),
        (&false.into(), &Value::Null, &2.into(), &3.into())
    );
    assert_eq!(week["series"].as_array().unwrap().last().unwrap()["visitors"], 2);
    assert_eq!(week["pages"], json!([{ "value": "/", "visitors": null, "pageviews": 3 }]));
    assert_eq!(week["visitors"]["today"], 2);
    database.assert_sound().await;

    // The same visitor on two days counts twice, within a month and across its end.
    let folder = Folder::new();
    let at = |day: &str| combined("192.0.2.1", &format!("{day}/2015:12:00:00 +0000"), "/", FIREFOX);
    let log = folder.write("access.log", at("30/May") + &at("31/May") + &at("01/Jun") + &at("01/Jun"));
    let import = HandlerCommand::on(&database).with(DAILY.0, DAILY.1);
    let summary = import.run(&["import", "--json", "--site", "example.com", &log]).json();
    assert_eq!((&summary["late"]["lines"], &summary["refused"]), (&0.into(), &json!({})));
    assert_eq!(database.visitors_and_views("example.com").await, [(1, 1), (1, 1), (1, 2)]);
    let range = statistics(&host, "site=example.com&from=2015-05-30&to=2015-06-01").await["range"].clone();
    assert_eq!((&range["visitors"], &range["daily_visitors"]), (&Value::Null, &3.into()));
    let gaps = "select count(*) from tally where cardinality(visitors) > 1";
    assert_eq!(database.number(gaps).await, 0, "no visitor has an earlier day");
    assert_eq!(database.number("select count(*) from salt where site <> 1").await, 3, "one salt per day");
    // The import has forgotten the first day, and keeps the newest two.
    assert_eq!(database.number("select count(distinct fingerprint) from seen where period < 20000").await, 4);
    database.assert_sound().await;
    // Salts and sets are deleted after the end of their day.
    database.shift_clock(2).await;
    assert_eq!(host.maintain().await["salts_forgotten"], 3);
    assert_eq!(database.number("select count(*) from seen").await, 0);
}

#[tokio::test]
async fn with_all_time_off_no_estimate_is_stored_or_shown() {
    let database = Database::create().await;
    let switched_off = || Host::on(&database).with("FOOTFALL_ALL_TIME", "off");
    let host = switched_off().start().await;
    host.process.wait_until_ready().await;
    let page = host.send(&visitor(1)).await;
    assert!(!page.text().contains("data-total=\"all_time\"") && !page.text().contains('≈'));
    let statistics = host.statistics().await;
    assert_eq!(statistics["visitors"]["all_time"], Value::Null);
    assert_eq!((&statistics["visitors"]["today"], &statistics["pageviews"]["all_time"]), (&1.into(), &1.into()));
    assert_eq!(database.number("select count(*) from register").await, 0);
    assert_eq!(database.number("select count(salt) from site").await, 0);
    drop(host);

    // Switched on, the estimate begins with the next visit.
    let host = Host::start(&database).await;
    host.send(&visitor(2)).await;
    assert_eq!(host.statistics().await["visitors"]["all_time"]["estimate"], 1);
    drop(host);

    // Switched off again, maintenance deletes the stored estimate.
    let host = switched_off().start().await;
    host.process.wait_until_ready().await;
    host.send(&visitor(3)).await;
    assert_eq!(host.statistics().await["visitors"]["all_time"], Value::Null);
    assert_eq!(host.maintain().await["registers_deleted"], 1);
    assert_eq!(database.number("select count(*) from register").await, 0);
    assert_eq!(database.number("select count(salt) from site").await, 0);
    database.assert_sound().await;
}
