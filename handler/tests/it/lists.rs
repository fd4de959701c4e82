//! Lists: all of their values, searched, sorted and paged, and rows that add up.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    client::{Request, visitor},
    database::Database,
    host::Host,
};

const SITE: &str = "example.com";

/// A site with 204 pages, and the sum of the pages beyond the limits, on one day.
async fn host_with_pages(database: &Database) -> Host {
    database
        .execute(
            "insert into site (name) values ('example.com'); \
             insert into total (site, slot, pageviews, registers_revision) values (1, 0, 200000, 0); \
             insert into tally (site, day, dimension, value, pageviews, visitors) \
             select 1, 18262, 1, case when n % 4 = 0 then '/Blog/' else '/docs/' end || n, 1000 - n, array[1 + n] \
             from generate_series(1, 204) as n; \
             insert into tally (site, day, dimension, value, pageviews, visitors) values \
             (1, 18262, 1, 'other', 90000, '{5000}'), (1, 18262, 0, '', 200000, '{10000}'), \
             (1, 18262, 6, 'CH', 3, '{3}'), (1, 18262, 6, 'DE', 2, '{2}'), (1, 18262, 11, '/docs/1', 7, '{0}')",
        )
        .await;
    let host = Host::on(database).with("FOOTFALL_SITES", SITE).start().await;
    host.process.wait_until_ready().await;
    host
}

const DAY: &str = "site=example.com&from=2020-01-01&to=2020-01-01";

async fn statistics(host: &Host, query: &str) -> Value {
    host.send(&Request::get(&format!("/api/statistics?{DAY}&{query}"))).await.json()
}

fn values(statistics: &Value, list: &str) -> Vec<String> {
    let entries = statistics[list].as_array().unwrap().iter();
    entries.map(|entry| entry["value"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_value_of_a_list_is_on_one_of_its_pages_and_other_comes_last() {
    let database = Database::create().await;
    let host = host_with_pages(&database).await;
    for (sort, first) in [("visitors", "/Blog/204"), ("pageviews", "/docs/1")] {
        let mut found = Vec::new();
        for offset in [0, 60, 120, 180, 240] {
            let query = format!("list=pages&sort={sort}&limit=60&offset={offset}");
            let statistics = statistics(&host, &query).await;
            assert!(statistics.get("entry_pages").is_none());
            if offset < 205 {
                assert_eq!(statistics["list_lengths"], json!({ "pages": 205 }));
            }
            found.extend(values(&statistics, "pages"));
        }
        assert_eq!((found.len(), found.iter().collect::<BTreeSet<_>>().len()), (205, 205));
        assert_eq!((&*found[0], &*found[204]), (first, "other"));
    }
}

#[tokio::test]
async fn a_search_finds_values_of_the_whole_list_and_codes_by_their_names() {
    let database = Database::create().await;
    let host = host_with_pages(&database).await;
    let found = statistics(&host, "list=pages&search=BLOG&limit=5").await;
    assert_eq!((&found["list_lengths"]["pages"], found["pages"].as_array().unwrap().len()), (&51.into(), 5));
    assert!(values(&found, "pages").iter().all(|value| value.starts_with("/Blog/")));
    assert_eq!(values(&statistics(&host, "list=pages&search=%25").await, "pages"), [""; 0]);
    assert_eq!(values(&statistics(&host, "list=countries&search=switz").await, "countries"), ["CH"]);
    for (query, problem) in [
        ("list=nothing", "'list' must be the name of a list"),
        ("limit=0", "'limit' must be a number from 1"),
        ("offset=x", "'offset' must be a number from 0"),
        ("sort=value", "'sort' must be visitors or pageviews"),
    ] {
        let detail = statistics(&host, query).await["detail"].as_str().unwrap().to_owned();
        assert!(detail.starts_with(problem), "{query}: {detail}");
    }
}

#[tokio::test]
async fn the_page_leads_through_the_whole_list_without_a_script() {
    let database = Database::create().await;
    let host = host_with_pages(&database).await;
    let page = async |query: &str| {
        let request = visitor(1).to(&format!("/?{DAY}&{query}")).header("Sec-Fetch-Dest", "empty");
        host.send(&request).await.text().replace("&#x3D;", "=").replace("&amp;", "&")
    };
    let first = page("").await;
    assert!(first.contains("&list=pages#lists\">All 205 pages</a>"), "{first}");
    // An entry page has no pageviews of its own, and `/docs/1` had no visitor whose day began there.
    assert_eq!(first.matches("<tr><td><svg").count(), 10);
    assert!(first.matches("<bdi title=\"other\">Other</bdi></a><td>5,000<td>90,000").count() == 1, "{first}");
    let list = page("list=pages").await;
    assert!(list.contains("1 to 50 of 205") && list.contains("&list=pages&offset=50#lists\">Next"), "{list}");
    assert!(list.contains("<th aria-sort=\"descending\">Visitors<th>Share<th>"));
    assert!(list.contains("&list=pages&sort=pageviews#lists\">Pageviews</a><th>Per visitor"));
    // 205 of 10,000 visitors, and 796 pageviews of 205 visitors.
    assert!(list.contains("/Blog/204</bdi></a><td>205<td>2.1 %<td>796<td>3.9"), "{list}");
    let last = page("list=pages&offset=200").await;
    assert!(
        last.contains("201 to 205 of 205")
            && last.contains("&offset=150#lists\">← Previous")
            && !last.contains("Next →")
    );
    assert!(last.contains("<bdi title=\"other\">Other</bdi></a><td>5,000<td>50 %"), "{last}");
    // The row of all other values does not shorten the bars.
    assert!(last.contains("<tr><td><svg aria-hidden=\"true\" width=\"100%\"></svg><a href=\"?site=example.com&from=2020-01-01&to=2020-01-01&page=/Blog/4\">"));
    let found = page("list=pages&search=blog/2").await;
    assert!(found.contains("1 to ") && found.contains("name=\"search\" value=\"blog/2\""));
    assert!(page("list=pages&search=nowhere").await.contains("No match."));
    let csv = format!("/api/statistics.csv?{DAY}&list=pages&search=blog&limit=10000");
    assert!(page("list=pages&search=blog").await.contains(&csv));
    let table = host.send(&Request::get(&csv)).await.text().to_owned();
    assert_eq!(table.lines().count(), 52);
    assert!(table.lines().skip(1).all(|line| line.starts_with("pages,/Blog/")));
}

#[tokio::test]
async fn channels_countries_and_languages_add_up_to_the_visitors() {
    let database = Database::create().await;
    let host = Host::on(&database).with("FOOTFALL_SITES", SITE).start().await;
    host.process.wait_until_ready().await;
    for (number, referrer, zone, language) in [
        (1, Some("https://www.google.de/"), Some("Europe/Zurich"), Some("de")),
        (1, Some("https://example.com/"), Some("Europe/Zurich"), Some("de")),
        (2, None, None, None),
        (3, Some("https://example.com/"), Some("UTC"), Some("xx")),
    ] {
        let body = json!({ "s": SITE, "p": "/", "r": referrer, "z": zone, "l": language }).to_string();
        let request =
            visitor(number).to("/v").method("POST").header("Content-Length", &body.len().to_string()).body(&body);
        assert_eq!(host.send(&request).await.status, 204);
    }
    let statistics = async |query: &str| {
        host.send(&Request::get(&format!("/api/statistics?site={SITE}&period=today&{query}"))).await.json()
    };
    let whole = statistics("").await;
    let rows = |list: &str| {
        let entries = whole[list].as_array().unwrap().iter();
        entries.map(|entry| (entry["value"].as_str().unwrap(), entry["visitors"].as_i64().unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(rows("channels"), [("direct", 2), ("search", 1)]);
    assert_eq!(rows("countries"), [("unknown", 2), ("CH", 1)]);
    assert_eq!(rows("languages"), [("unknown", 2), ("de", 1)]);
    for query in ["channel=direct", "country=unknown", "language=unknown"] {
        assert_eq!(statistics(query).await["range"]["visitors"], 2, "{query}");
    }
    database.assert_sound().await;
}
