//! Ranges that are too long for unique visitors.

use serde_json::Value;

use crate::{
    client::Request,
    database::Database,
    host::Host,
    log::combined,
    process::{Folder, HandlerCommand},
};

/// The values of a list, with their visitors and pageviews.
fn entries(statistics: &Value, list: &str) -> Vec<(String, Option<i64>, i64)> {
    let entry = |entry: &Value| {
        (entry["value"].as_str().unwrap().to_owned(), entry["visitors"].as_i64(), entry["pageviews"].as_i64().unwrap())
    };
    statistics[list].as_array().unwrap().iter().map(entry).collect()
}

#[tokio::test]
async fn lists_of_ranges_without_unique_visitors_hold_the_values_with_most_pageviews() {
    let database = Database::create().await;
    database
        .execute(
            "insert into site (name) values ('localhost'); \
             insert into tally (site, day, dimension, value, pageviews, visitors) \
             select 1, 18262 + n, 1, '/many-visitors/' || n, 2, '{2}' from generate_series(1, 60) as n; \
             insert into tally (site, day, dimension, value, pageviews, visitors) values (1, 18265, 1, '/many-views', 9, '{1}')",
        )
        .await;
    let host = Host::start(&database).await;
    let pages = async |query: &str| {
        let statistics = host.send(&Request::get(&format!("/api/statistics?{query}"))).await.json();
        entries(&statistics, "pages")
    };
    let months = pages("from=2020-01-01&to=2020-04-01").await;
    assert_eq!((months.len(), months[0].clone()), (50, ("/many-views".to_owned(), None, 9)));
    let exact = pages("from=2020-01-01&to=2020-02-29").await;
    assert_eq!((exact.len(), exact[0].clone()), (50, ("/many-visitors/1".to_owned(), Some(2), 2)));
    assert!(exact.iter().all(|(value, ..)| value != "/many-views"));
}

/// Random counts of two years that ended before this one, in several slots, and the range around them.
async fn fill_two_years(database: &Database) -> String {
    database
        .execute(
            "insert into site (name) values ('localhost'); \
             insert into tally (site, day, dimension, value, slot, pageviews, visitors) \
             select 1, day, dimension, case when dimension in (0, 9) then case dimension when 0 then '' else 'bots' end \
                 when dimension = 100 then 'news.example /' || n else '/' || n end, slot, 1 + (random() * 9)::integer, '{1}' \
             from generate_series(16436, 17166) as day, unnest(array[0, 1, 2, 9, 14, 100]) as dimension, \
                 generate_series(1, 5) as n, generate_series(0, 1) as slot \
             where random() < 0.4 and (dimension not in (0, 9) or n = 1)",
        )
        .await;
    "from=2014-12-10&to=2017-02-03".to_owned()
}

async fn statistics(host: &Host, query: &str) -> Value {
    let mut statistics = host.send(&Request::get(&format!("/api/statistics?{query}"))).await.json();
    statistics.as_object_mut().unwrap().remove("as_of");
    statistics
}

#[tokio::test]
async fn lists_are_the_same_from_days_and_from_months() {
    let database = Database::create().await;
    let whole = fill_two_years(&database).await;
    let queries = [
        whole,
        "from=2015-01-01&to=2016-12-31".to_owned(),
        "from=2015-01-02&to=2016-12-30".to_owned(),
        "from=2015-03-15&to=2015-06-14".to_owned(),
        "from=2015-01-01&to=2016-12-31&referrer=news.example".to_owned(),
        "from=2015-01-01&to=2016-12-31&page=/3&lists=sources".to_owned(),
        "from=2015-02-01&to=2015-03-31".to_owned(),
    ];
    let before = Host::start(&database).await;
    let mut of_days = Vec::new();
    for query in &queries {
        of_days.push(statistics(&before, query).await);
    }
    assert!(of_days[0]["pages"].as_array().unwrap().len() == 5 && of_days[0]["excluded"]["bots"].as_i64() > Some(0));
    before.maintain().await;
    assert_eq!(database.number("select count(distinct last_day) from rollup").await, 24);
    // Another instance, because one may respond with numbers of the last second.
    let after = Host::start(&database).await;
    for (query, of_days) in queries.iter().zip(of_days) {
        assert_eq!(statistics(&after, query).await, of_days, "{query}");
    }
    // The months are read, and not their days.
    database.execute("update tally set pageviews = 0 where dimension <> 0").await;
    let of_months = statistics(&Host::start(&database).await, &queries[1]).await;
    assert_eq!(of_months["excluded"], statistics(&after, &queries[1]).await["excluded"]);
    assert!(entries(&of_months, "pages").len() == 5);
}

#[tokio::test]
async fn an_import_into_a_month_that_was_added_up_is_seen() {
    let database = Database::create().await;
    fill_two_years(&database).await;
    let host = Host::start(&database).await;
    host.maintain().await;
    let range = "from=2015-01-01&to=2016-12-31";
    let earlier = statistics(&host, range).await["excluded"]["bots"].as_i64().unwrap();
    let folder = Folder::new();
    let line = combined("192.0.2.1", "17/May/2015:12:00:00 +0000", "/", "GPTBot/1.1");
    let log = folder.write("access.log", line.repeat(7));
    HandlerCommand::on(&database).run(&["import", "--site", "localhost", &log]);
    let bots = async || statistics(&Host::start(&database).await, range).await["excluded"]["bots"].as_i64().unwrap();
    assert_eq!(bots().await, earlier + 7);
    host.maintain().await;
    assert_eq!(bots().await, earlier + 7);
    let stale = "select count(*) from rolled_month where checkpoints <> (select count(*) from checkpoint)";
    assert_eq!(database.number(stale).await, 0);
}

#[tokio::test]
async fn retention_deletes_sums_of_months_of_which_a_day_is_deleted() {
    let database = Database::create().await;
    fill_two_years(&database).await;
    Host::start(&database).await.maintain().await;
    let days = database.number("select (now() at time zone 'UTC')::date - date '2016-03-10'").await;
    let host = Host::on(&database).with("FOOTFALL_RETENTION_DAYS", &days.to_string()).start().await;
    host.process.wait_until_ready().await;
    host.maintain().await;
    let first = "(select min(last_day) from rollup) + date '1970-01-01'";
    assert_eq!(database.number(&format!("select ({first} = date '2016-04-30')::integer::bigint")).await, 1);
    assert_eq!(database.number("select count(distinct last_day) from rollup").await, 9);
}
