//! The limit of values per dimension and day. Views with additional values are counted as `other`.

use serde_json::Value;

use crate::{
    client::{FIREFOX, Request, visitor},
    database::Database,
    host::Host,
    log::combined,
    process::{Folder, HandlerCommand},
};

/// The number of values of a dimension that one day lists.
const VALUES_A_DAY: i64 = 500;

/// `lines` views by 50 visitors, each with its own page and referrer.
fn log_of_many_pages(lines: usize, first: usize) -> String {
    let mut log = String::new();
    for line in first..first + lines {
        let (hour, minute, second) = (line / 3600 % 24, line / 60 % 60, line % 60);
        let time = format!("17/May/2015:{hour:02}:{minute:02}:{second:02} +0000");
        let view = combined(&format!("10.0.0.{}", line % 50), &time, &format!("/page-{line}"), FIREFOX);
        log += &view.replace("\"-\"", &format!("\"https://site-{line}.example/\""));
    }
    log
}

/// The values of a dimension: their number, their pageviews, and the pageviews of `other`.
async fn values(database: &Database, dimension: i16) -> (i64, i64, i64) {
    let select = |expression: &str| format!("select {expression} from tally where dimension = {dimension}");
    (
        database.number(&select("count(*)")).await,
        database.number(&select("sum(pageviews)")).await,
        database.number(&format!("{} and value = 'other'", select("sum(pageviews)"))).await,
    )
}

fn sum(list: &Value, field: &str) -> i64 {
    list.as_array().unwrap().iter().map(|entry| entry[field].as_i64().unwrap()).sum()
}

#[tokio::test]
async fn values_beyond_500_a_day_are_counted_as_other() {
    let database = Database::create().await;
    let folder = Folder::new();
    let plain = HandlerCommand::on(&database);
    for (file, first) in [("a.log", 0), ("b.log", 2000)] {
        let log = folder.write(file, log_of_many_pages(2000, first));
        let summary = plain.run(&["import", "--json", "--site", "localhost", &log]).json();
        assert_eq!(summary["pageviews"], 2000);
        let counted = i64::try_from(first).unwrap() + 2000;
        for dimension in [1, 2] {
            let expected = (VALUES_A_DAY + 1, counted, counted - VALUES_A_DAY);
            assert_eq!(values(&database, dimension).await, expected, "dimension {dimension}, {file}");
        }
    }
    database.assert_sound().await;
    let host = Host::start(&database).await;
    let target = "/api/statistics?from=2015-05-17&to=2015-05-17";
    let statistics = host.send(&Request::get(target)).await.json();
    assert_eq!((&statistics["range"]["visitors"], &statistics["range"]["pageviews"]), (&50.into(), &4000.into()));
    for list in ["pages", "referrers"] {
        assert_eq!(statistics[list].as_array().unwrap().len(), 50, "{list}");
        // The visitors of `other` are unique, too.
        let other = serde_json::json!({ "value": "other", "visitors": 50, "pageviews": 3500 });
        assert_eq!(statistics[list][49], other, "{list}");
    }
    // Four limited dimensions (pages, entry pages, referrers, pairs), the total, 24 hours, and a few other values.
    let rows = database.number("select count(*) from tally").await;
    assert!(rows <= 4 * (VALUES_A_DAY + 1) + 1 + 24 + 10, "{rows} rows");
}

#[tokio::test]
async fn several_instances_share_the_limit_of_values_a_day() {
    let database = Database::create().await;
    let hosts = [Host::start(&database).await, Host::start(&database).await];
    // Most of the day's referrers are stored already.
    database.execute("insert into site (name) values ('localhost')").await;
    let today = "(clock_timestamp() at time zone 'UTC')::date - date '1970-01-01'";
    let known =
        format!("select 1, {today}, 2, 'known-' || n || '.example', 1, '{{1}}' from generate_series(1, 480) as n");
    database.execute(&format!("insert into tally {known}")).await;
    for number in 0..60 {
        let referrer = format!("https://new-{number}.example/");
        let response = hosts[number % 2].send(&visitor(number).header("Referer", &referrer)).await;
        assert_eq!(response.status, 200);
    }
    let (rows, views, other) = values(&database, 2).await;
    assert_eq!(views, 480 + 60);
    // Visits come one after the other, so both instances know what the list has.
    assert_eq!(rows, VALUES_A_DAY + 1);
    assert!(other >= 20, "{other}");
    let statistics = hosts[0].send(&Request::get("/api/statistics?period=today")).await.json();
    assert!(sum(&statistics["referrers"], "pageviews") <= 540);
}
