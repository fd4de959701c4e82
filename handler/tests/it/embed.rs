//! `/?embed`: the page for a frame. Allowed origins, access to private statistics, and requests that are not counted.

use crate::{
    client::{Response, visitor},
    database::Database,
    host::{Host, HostCommand},
    process::HandlerCommand,
};

const TOKEN: &str = "kX7mQ2vR9tWc4LzN8bHs3JdF";
const EMBEDDERS: &str = "https://Blog.example, http://localhost:3000";

fn embeddable(database: &Database) -> HostCommand {
    Host::on(database).with("FOOTFALL_EMBED", EMBEDDERS).with("FOOTFALL_SITES", "example.com")
}

fn frame_ancestors(response: &Response) -> &str {
    response.header("content-security-policy").rsplit_once("frame-ancestors ").unwrap().1
}

#[tokio::test]
async fn only_the_embedded_page_may_be_framed_and_only_by_configured_origins() {
    let database = Database::create().await;
    let host = embeddable(&database).start().await;
    host.process.wait_until_ready().await;
    for target in ["/?embed", "/?site=example.com&embed=1&period=7d", "/?embed&site=unknown.example"] {
        let response = host.send(&visitor(1).to(target)).await;
        assert_eq!(frame_ancestors(&response), "https://blog.example http://localhost:3000", "{target}");
        assert!(response.header("content-security-policy").starts_with("default-src 'none'; "), "{target}");
        assert_eq!(response.header("x-frame-options"), "", "{target}");
    }
    for target in ["/", "/?site=example.com", "/api/statistics?embed", "/me/why?embed", "/nothing?embed"] {
        let response = host.process.send(&visitor(1).to(target)).await;
        assert_eq!(frame_ancestors(&response), "'none'", "{target}");
    }
    let database = Database::create().await;
    let host = Host::start(&database).await;
    let response = host.send(&visitor(1).to("/?embed")).await;
    assert_eq!((response.status, frame_ancestors(&response)), (200, "'none'"));
}

#[tokio::test]
async fn opening_the_embedded_page_is_not_counted() {
    let database = Database::create().await;
    let host = embeddable(&database).start().await;
    host.process.wait_until_ready().await;
    host.send(&visitor(1)).await;
    let rows = database.number("select count(*) from tally").await;
    for target in ["/?embed", "/?embed&site=example.com", "/?embed&own"] {
        let response = host.send(&visitor(2).to(target).header("Referer", "https://blog.example/")).await;
        assert_eq!((response.status, response.header("content-type")), (200, "text/html; charset=utf-8"), "{target}");
        assert!(response.text().contains("<body class=\"embedded\">"), "{target}");
    }
    assert_eq!(database.number("select count(*) from tally").await, rows);
    assert_eq!((database.visitors_today().await, database.pageviews().await), (1, 1));
}

#[tokio::test]
async fn private_statistics_are_framed_with_a_shared_link_and_the_sign_in_form_never_is() {
    let database = Database::create().await;
    let with = |starter: HostCommand| starter.with("FOOTFALL_DASHBOARD_TOKEN", TOKEN);
    let host = with(embeddable(&database)).start().await;
    host.process.wait_until_ready().await;
    let page = |target: &str| visitor(1).to(target).header("Accept", "text/html");
    let form = host.send(&page("/?embed&site=example.com")).await;
    assert!(form.status == 401 && form.text().contains("action=\"/me/sign-in\""));
    assert_eq!(frame_ancestors(&form), "'none'");
    let plain = HandlerCommand::on(&database)
        .with("FOOTFALL_SITES", "example.com")
        .with("WEBSITE_HOSTNAME", "footfall.example");
    let shared =
        plain.with("FOOTFALL_DASHBOARD_TOKEN", TOKEN).run(&["share", "--site", "example.com", "--name", "blog"]);
    let link = shared.stdout.trim().strip_prefix("https://footfall.example").unwrap();
    let framed = host.send(&page(&format!("{link}&embed"))).await;
    assert!(framed.status == 200 && framed.text().contains("<h1><bdi>example.com</bdi></h1>"));
    assert_eq!(frame_ancestors(&framed), "https://blog.example http://localhost:3000");
}

#[tokio::test]
async fn the_embedded_page_reports_an_unavailable_database() {
    let (_database, cable, host) = Host::through_a_cable().await;
    assert_eq!(host.send(&visitor(1).to("/?embed")).await.status, 200);
    cable.cut();
    let mut stale = host.send(&visitor(1).to("/?embed")).await;
    // A reading is reused for a second.
    while !stale.text().contains("These numbers are out of date.") {
        assert_eq!(stale.status, 200);
        stale = host.send(&visitor(1).to("/?embed")).await;
    }
    let unknown = host.send(&visitor(1).to("/?embed&period=7d")).await;
    assert_eq!((unknown.status, unknown.header("content-type")), (503, "text/html; charset=utf-8"));
    assert!(unknown.text().contains("The database is unavailable. Try again"));
}
