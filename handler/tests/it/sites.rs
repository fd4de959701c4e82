//! The choice among sites, the site that `/` shows, and the overview of all sites.

use crate::{
    cable::Cable,
    client::{Request, Response, visitor},
    database::Database,
    host::Host,
    process::HandlerCommand,
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
        .with("FOOTFALL_DASHBOARD_TOKEN", TOKEN)
        .with("FOOTFALL_PUBLIC_SITES", "localhost")
        .start()
        .await;
    host.process.wait_until_ready().await;
    let status = async |target: &str| host.send(&visitor(1).to(target)).await.status;
    assert_eq!((status("/").await, status("/?embed").await, status("/?site=localhost").await), (401, 401, 200));
    let signed_in = visitor(1).header("Authorization", &format!("Bearer {TOKEN}"));
    assert_eq!(host.send(&signed_in).await.status, 200);
}

const TOKEN: &str = "kX7mQ2vR9tWc4LzN8bHs3JdF";

fn view(number: usize, site: &str) -> Request {
    let body = format!(r#"{{"s":"{site}","p":"/"}}"#);
    visitor(number).to("/v").method("POST").header("Content-Length", &body.len().to_string()).body(&body)
}

/// The rows of the overview: name, visitors today, and the visitors of each day.
fn rows(page: &Response) -> Vec<[String; 3]> {
    let between = |text: &str, before: &str, after: &str| {
        text.split_once(before).and_then(|(_, rest)| rest.split_once(after)).map_or("", |(part, _)| part).to_owned()
    };
    let row = |row: &str| {
        [between(row, "<bdi>", "</bdi>"), between(row, "</a><td>", "<td>"), between(row, "by day: ", "</title>")]
    };
    page.text().split("<tr><td>").skip(1).map(row).collect()
}

#[tokio::test]
async fn the_overview_shows_today_and_the_last_days_of_the_sites_that_the_reader_may_see() {
    let database = Database::create().await;
    let host = Host::on(&database)
        .with("FOOTFALL_SITES", "example.com,open.example,empty.example")
        .with("FOOTFALL_DASHBOARD_TOKEN", TOKEN)
        .with("FOOTFALL_PUBLIC_SITES", "open.example")
        .start()
        .await;
    host.process.wait_until_ready().await;
    for (number, site) in [(1, "example.com"), (2, "example.com"), (1, "example.com"), (1, "open.example")] {
        assert_eq!(host.send(&view(number, site)).await.status, 204);
    }
    // An earlier day within the week, one on two slots, and a day before the week.
    database
        .execute(
            "insert into tally (site, day, dimension, value, pageviews, visitors, slot) \
             select site.id, today - ago, 0, '', 9, visitors, slot \
             from site, (select max(day) from tally) as counted (today), \
                (values (6, '{3}'::integer[], 0), (2, '{4,1}', 0), (2, '{2,-1}', 1), (7, '{8}', 0)) as earlier (ago, visitors, slot) \
             where name = 'example.com'",
        )
        .await;
    let overview = Request::get("/api/sites").header("Accept", "text/html");
    let rows_of = |rows: &[[&str; 3]]| rows.iter().map(|row| row.map(str::to_owned)).collect::<Vec<_>>();
    let public = host.send(&overview).await;
    assert_eq!(rows(&public), rows_of(&[["open.example", "1", "0, 0, 0, 0, 0, 0, 1"]]), "{}", public.text());
    assert!(!public.text().contains("example.com"), "{}", public.text());
    let signed_in = overview.clone().header("Authorization", &format!("Bearer {TOKEN}"));
    let none = "0, 0, 0, 0, 0, 0, 0";
    let all = [
        ["example.com", "2", "3, 0, 0, 0, 6, 0, 2"],
        ["open.example", "1", "0, 0, 0, 0, 0, 0, 1"],
        ["empty.example", "0", none],
        ["localhost", "0", none],
    ];
    assert_eq!(rows(&host.send(&signed_in).await), rows_of(&all));
    assert_eq!(rows(&host.send(&signed_in.clone().to("/api/sites?q=EXAMPLE&offset=1")).await), rows_of(&all[1..3]));
    assert_eq!(
        database.number("select count(*) from site where name = 'localhost'").await,
        0,
        "the overview counts no visit"
    );
    // The name of the program leads to the overview, for readers who may see all sites.
    for (request, links) in [(visitor(1).to("/?site=open.example"), 0), (signed_in.to("/?site=open.example"), 1)] {
        let page = host.send(&request.header("Sec-Fetch-Dest", "empty")).await;
        assert_eq!(page.text().matches("<a href=\"/api/sites\"").count(), links, "{}", page.text());
    }
}

#[tokio::test]
async fn a_shared_link_shows_only_its_site_in_the_overview() {
    let database = Database::create().await;
    let settings = [("FOOTFALL_SITES", "example.com,shop.example"), ("FOOTFALL_DASHBOARD_TOKEN", TOKEN)];
    let with =
        |command: HandlerCommand| settings.iter().fold(command, |command, (name, value)| command.with(name, value));
    let shared = with(HandlerCommand::on(&database)).run(&["share", "--site", "shop.example", "--name", "guest"]);
    let (_, share) = shared.stdout.trim().rsplit_once("share=").unwrap();
    let host = Host::on(&database).with(settings[0].0, settings[0].1).with(settings[1].0, settings[1].1).start().await;
    host.process.wait_until_ready().await;
    let overview = |query: &str| Request::get(&format!("/api/sites{query}")).header("Accept", "text/html");
    assert_eq!(host.send(&overview("")).await.status, 401);
    let found = host.send(&overview(&format!("?share={share}"))).await;
    assert_eq!(rows(&found).into_iter().map(|[name, ..]| name).collect::<Vec<_>>(), ["shop.example"]);
}

#[tokio::test]
async fn the_overview_reads_all_its_sites_with_one_statement_and_lists_them_without_the_database() {
    let database = Database::create().await;
    let cable = Cable::to(&database).await;
    let names: Vec<String> = (0..200).map(|number| format!("s{number}.dev")).collect();
    let host = Host::on(&database)
        .with("DATABASE_URL", &database.url_by_port(cable.port()))
        .with("FOOTFALL_SITES", &names.join(","))
        .start()
        .await;
    host.process.wait_until_ready().await;
    let overview = |query: &str| Request::get(&format!("/api/sites{query}")).header("Accept", "text/html");
    // The driver prepares the statement once.
    assert_eq!(rows(&host.send(&overview("?offset=1")).await).len(), 100);
    let before: u32 = cable.round_trips().iter().sum();
    assert_eq!(rows(&host.send(&overview("?offset=2")).await).len(), 100);
    assert_eq!(cable.round_trips().iter().sum::<u32>(), before + 1);
    cable.cut();
    let page = host.send(&overview("?offset=3")).await;
    assert_eq!((page.status, rows(&page).len()), (503, 100));
    assert!(page.text().contains("The numbers are not available.") && !page.header("retry-after").is_empty());
    // Programs get the names, which need no database.
    assert_eq!(host.send(&Request::get("/api/sites?limit=2")).await.json()["sites"].as_array().unwrap().len(), 2);
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
        assert_eq!(list.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(list.header("vary"), "accept-language, accept-encoding, accept");
        assert!(
            list.text().contains("11 sites") && list.text().contains("href=\"/?site=s1234.dev\""),
            "{}",
            list.text()
        );
        let all = host.send(&Request::get("/api/sites").header("Accept", "text/html")).await;
        assert!(all.text().contains("Sites 1 to 100 of 10,001") && all.text().len() < 40_000);
        let last = host.send(&Request::get("/api/sites?offset=9999").header("Accept", "text/html")).await;
        assert!(last.text().contains("Sites 10,000 to 10,001 of 10,001") && last.text().contains("localhost"));
        assert_eq!((count("?offset=9999").await, count("?q=99.dev&offset=98").await), (2, 2));
        assert_eq!(found("?offset=-1").await.status, 400);
    }
    assert!(sizes[1] * 5 <= sizes[0] * 6, "{sizes:?}");
}
