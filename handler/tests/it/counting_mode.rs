//! The counting mode of a database (time zone and `FOOTFALL_FORGET`), which cannot change after the first visit, and
//! counting in daily mode and without an all-time estimate.

use serde_json::{Value, json};

use crate::{
    client::{FIREFOX, Request, visitor},
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
    host.send(&visitor(1)).await;
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
    assert_eq!(database.pageviews().await, 1);
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
    assert!(!page.text().contains("All time") && !page.text().contains('≈'));
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
