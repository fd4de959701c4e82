//! The choice among sites, and the site that `/` shows.

use crate::{
    client::{Request, visitor},
    database::Database,
    host::Host,
};

#[tokio::test]
async fn the_page_shows_the_first_listed_site_and_counts_its_own_visit_for_the_own_page() {
    let database = Database::create().await;
    let host = Host::on(&database).with("FOOTFALL_SITES", "example.com,shop.example").start().await;
    host.process.wait_until_ready().await;
    let page = host.send(&visitor(1)).await;
    assert!(page.text().contains("<h1><bdi>example.com</bdi></h1>"), "{}", page.text());
    assert!(host.send(&visitor(1).to("/?embed")).await.text().contains("<h1><bdi>example.com</bdi></h1>"));
    let links = page.text().split("<nav aria-label=\"Sites\">").nth(1).unwrap().split("</nav>").next().unwrap();
    let names: Vec<_> = links.split("<bdi>").skip(1).map(|link| link.split("</bdi>").next().unwrap()).collect();
    assert_eq!(names, ["example.com", "shop.example", "localhost"]);
    let statistics = host.statistics().await;
    assert_eq!((&statistics["site"], &statistics["pageviews"]["all_time"]), (&"localhost".into(), &1.into()));
    assert_eq!(database.visitors_and_views("example.com").await, []);
}

#[tokio::test]
async fn the_page_requires_access_to_the_first_listed_site() {
    let database = Database::create().await;
    let host = Host::on(&database)
        .with("FOOTFALL_SITES", "example.com")
        .with("FOOTFALL_DASHBOARD_TOKEN", "kX7mQ2vR9tWc4LzN8bHs3JdF")
        .with("FOOTFALL_PUBLIC_SITES", "localhost")
        .start()
        .await;
    host.process.wait_until_ready().await;
    let status = async |target: &str| host.send(&visitor(1).to(target)).await.status;
    assert_eq!((status("/").await, status("/?embed").await, status("/?site=localhost").await), (401, 401, 200));
    let signed_in = visitor(1).header("Authorization", "Bearer kX7mQ2vR9tWc4LzN8bHs3JdF");
    assert_eq!(host.send(&signed_in).await.status, 200);
}

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
