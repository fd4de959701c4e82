//! Visitors whose address belongs to a hosting provider.

use serde_json::json;

use crate::{
    client::{GOOGLEBOT, Request},
    database::Database,
    host::Host,
};

#[tokio::test]
async fn a_visitor_from_a_data_centre_counts_like_any_other_and_under_its_providers_name() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    let visit = |address: &str| Request::get("/").from(address);
    for address in ["3.5.140.7", "3.5.140.7", "2600:1f18::1", "34.80.1.2", "203.0.113.9"] {
        assert_eq!(host.send(&visit(address)).await.status, 200);
    }
    // Neither who has opted out nor a robot is a visitor.
    host.send(&visit("3.5.140.8").header("Sec-GPC", "1")).await;
    host.send(&visit("3.5.140.9").user_agent(GOOGLEBOT)).await;
    let statistics = host.statistics().await;
    let expected = json!([
        { "value": "Amazon Web Services", "visitors": 2, "pageviews": 3 },
        { "value": "Google Cloud", "visitors": 1, "pageviews": 1 },
    ]);
    assert_eq!(statistics["data_centres"], expected);
    assert_eq!((&statistics["range"]["visitors"], &statistics["range"]["pageviews"]), (&4.into(), &6.into()));
    let page = host.send(&visit("203.0.113.9")).await;
    assert!(
        page.text().contains("<h3>Data centres</h3>") && page.text().contains("many are robots that call themselves")
    );
    database.assert_sound().await;
}
