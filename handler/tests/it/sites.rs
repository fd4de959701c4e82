//! The choice among many sites.

use crate::{
    client::{Request, visitor},
    database::Database,
    host::Host,
};

#[tokio::test]
async fn a_page_of_ten_thousand_sites_is_as_large_as_a_page_of_one() {
    let names: Vec<String> = (0..10_000).map(|number| format!("s{number}.dev")).collect();
    let mut sizes = Vec::new();
    for sites in ["example.com".to_owned(), names.join(",")] {
        let database = Database::create().await;
        let host = Host::on(&database).with("FOOTFALL_SITES", &sites).start().await;
        host.process.wait_until_ready().await;
        let page = host.send(&visitor(1).to("/").header("Accept", "text/html")).await;
        assert_eq!(page.status, 200);
        sizes.push(page.text().len());
        if sizes.len() == 1 {
            continue;
        }
        assert!(page.text().contains("Search 10,001 sites"));
        let found = async |query: &str| host.send(&Request::get(&format!("/api/sites{query}"))).await;
        let count = async |query: &str| found(query).await.json()["sites"].as_array().unwrap().len();
        assert_eq!((count("").await, count("?limit=7").await), (10_001, 7));
        assert_eq!((count("?q=S99.").await, count("?q=99.dev&limit=20").await, count("?q=nothing").await), (1, 20, 0));
        for limit in ["0", "-1", "many"] {
            assert_eq!(found(&format!("?limit={limit}")).await.status, 400, "{limit}");
        }
        let list = host.send(&Request::get("/api/sites?q=s123").header("Accept", "text/html")).await;
        assert_eq!((list.header("content-type"), list.header("vary")), ("text/html; charset=utf-8", "accept"));
        assert!(
            list.text().contains("11 sites") && list.text().contains("href=\"/?site=s1234.dev\""),
            "{}",
            list.text()
        );
        let all = host.send(&Request::get("/api/sites").header("Accept", "text/html")).await;
        assert!(all.text().contains("The first 100 of 10,001 sites") && all.text().len() < 20_000);
    }
    assert!(sizes[1] * 5 <= sizes[0] * 6, "{sizes:?}");
}
