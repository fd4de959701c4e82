//! Ranges that are too long for unique visitors.

use serde_json::Value;

use crate::{client::Request, database::Database, host::Host};

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
