//! Access to statistics: public sites, the token, sign-in and shared links.

use serde_json::json;

use crate::{
    client::{Request, Response, visitor},
    database::Database,
    host::{Host, HostCommand},
    process::{HandlerCommand, Outcome, PORT},
};

const TOKEN: &str = "kX7mQ2vR9tWc4LzN8bHs3JdF";
const OTHER_TOKEN: &str = "Zp4wG8yBn6VqT1xKc5MfR2hD";

fn private(database: &Database) -> HostCommand {
    Host::on(database).with("FOOTFALL_DASHBOARD_TOKEN", TOKEN).with("FOOTFALL_SITES", "example.com,open.example")
}

fn page(target: &str) -> Request {
    visitor(1).to(target).header("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
}

fn sign_in(form: &str) -> Request {
    page("/me/sign-in").method("POST").header("Content-Type", "application/x-www-form-urlencoded").body(form)
}

async fn statuses<const N: usize>(host: &Host, targets: [&str; N]) -> [u16; N] {
    let mut statuses = [0; N];
    for (status, target) in statuses.iter_mut().zip(targets) {
        *status = host.send(&page(target)).await.status;
    }
    statuses
}

fn cookie(response: &Response) -> &str {
    let (cookie, attributes) = response.header("set-cookie").split_once(';').unwrap();
    assert_eq!(attributes, " Path=/; Max-Age=2592000; HttpOnly; Secure; SameSite=Strict");
    cookie
}

#[tokio::test]
async fn private_statistics_require_signing_in() {
    let database = Database::create().await;
    let host = private(&database).start().await;
    host.process.wait_until_ready().await;
    let form = host.send(&page("/?site=example.com")).await;
    assert_eq!((form.status, form.header("content-type")), (401, "text/html; charset=utf-8"));
    assert!(
        form.text().contains("<form method=\"post\" action=\"/me/sign-in\">") && form.text().contains("example.com")
    );
    let wrong = host.send(&sign_in("token=a+token+that+is+wrong&site=example.com")).await;
    assert_eq!((wrong.status, wrong.header("set-cookie")), (401, ""));
    assert!(
        wrong.text().contains("Wrong token. Check that it was copied whole.")
            && wrong.text().contains("value=\"example.com\"")
    );

    let right = host.send(&sign_in("site=example.com&token=kX7mQ2vR9tWc4LzN8bHs3JdF")).await;
    assert_eq!((right.status, right.header("location")), (303, "/?site=example.com"));
    let signed_in = page("/?site=example.com").header("Cookie", &format!("theme=dark; {}", cookie(&right)));
    let shown = host.send(&signed_in).await;
    assert!(shown.status == 200 && shown.text().contains("Sign out"));
    let viewer = host.send(&page(&link(&database, TOKEN, &["--site", "example.com", "--name", "guest"]))).await;
    assert!(viewer.status == 200 && !viewer.text().contains("Sign out"));
    assert_eq!(host.send(&signed_in.clone().to("/api/statistics")).await.status, 200);

    let tampered = cookie(&right).replace('=', "=9");
    assert_eq!(host.send(&page("/").header("Cookie", &tampered)).await.status, 401);
    let out = host.send(&sign_in("token=").header("Cookie", cookie(&right))).await;
    assert!(out.status == 303 && out.header("set-cookie").contains("Max-Age=0"));
    // The form never redirects to another host.
    let foreign = host.send(&sign_in("token=kX7mQ2vR9tWc4LzN8bHs3JdF&site=//evil.example/")).await;
    assert_eq!(foreign.header("location"), "/");
}

#[tokio::test]
async fn refused_sign_ins_are_logged_at_once_and_then_summed_up() {
    let database = Database::create().await;
    let mut host = private(&database).start().await;
    for _ in 0..50 {
        assert_eq!(host.send(&sign_in("token=a+token+that+is+wrong")).await.status, 401);
    }
    let first = host.process.wait_for_event("sign_in_refused").await;
    assert_eq!((&first[0]["refused"], &first[0]["level"]), (&1.into(), &"WARN".into()));
    // The rest is logged after a minute or, at the latest, at the stop.
    host.process.terminate().await;
    let lines = host.process.events("sign_in_refused");
    let refused: u64 = lines.iter().map(|line| line["refused"].as_u64().unwrap()).sum();
    assert_eq!(refused, 50);
    assert!(lines.len() < 50, "the log repeats the line for each sign-in");
}

#[tokio::test]
async fn only_the_page_itself_signs_out() {
    let database = Database::create().await;
    let host = private(&database).start().await;
    host.process.wait_until_ready().await;
    let right = host.send(&sign_in("token=kX7mQ2vR9tWc4LzN8bHs3JdF")).await;
    let out = |form: &str| sign_in(form).header("Cookie", cookie(&right));
    for site in ["cross-site", "same-site"] {
        for form in ["", "token=", "token=kX7mQ2vR9tWc4LzN8bHs3JdF"] {
            let refused = host.send(&out(form).header("Sec-Fetch-Site", site)).await;
            assert_eq!((refused.status, refused.header("set-cookie")), (403, ""), "{site} {form}");
        }
    }
    // A form of another site comes without the cookie, also from browsers without Sec-Fetch-Site.
    let without_cookie = host.send(&sign_in("")).await;
    assert_eq!((without_cookie.status, without_cookie.header("set-cookie")), (303, ""));
    for site in ["same-origin", "none"] {
        let signed_out = host.send(&out("").header("Sec-Fetch-Site", site)).await;
        assert!(signed_out.status == 303 && signed_out.header("set-cookie").contains("Max-Age=0"), "{site}");
    }
}

#[tokio::test]
async fn signing_in_without_https_explains_that_browsers_drop_the_cookie() {
    let database = Database::create().await;
    let host = private(&database).start().await;
    host.process.wait_until_ready().await;
    let form = sign_in("site=example.com&token=kX7mQ2vR9tWc4LzN8bHs3JdF");
    let refused = host.send(&form.clone().header("Origin", "http://footfall.internal")).await;
    assert_eq!((refused.status, refused.header("set-cookie")), (400, ""));
    assert!(refused.text().contains("only over HTTPS") && refused.text().contains("value=\"example.com\""));
    for origin in ["https://footfall.internal", "http://localhost:8080"] {
        assert_eq!(host.send(&form.clone().header("Origin", origin)).await.status, 303, "{origin}");
    }
}

#[tokio::test]
async fn a_changed_token_ends_sessions_and_links() {
    let database = Database::create().await;
    let host = private(&database).start().await;
    host.process.wait_until_ready().await;
    let session = cookie(&host.send(&sign_in("token=kX7mQ2vR9tWc4LzN8bHs3JdF")).await).to_owned();
    let link = link(&database, TOKEN, &["--site", "example.com", "--name", "client"]);
    assert_eq!(host.send(&page(&link)).await.status, 200);
    drop(host);
    let host = private(&database).with("FOOTFALL_DASHBOARD_TOKEN", OTHER_TOKEN).start().await;
    host.process.wait_until_ready().await;
    assert_eq!(host.send(&page("/").header("Cookie", &session)).await.status, 401);
    assert_eq!(host.send(&page(&link)).await.status, 401);
}

fn share(database: &Database, token: &str, arguments: &[&str]) -> Outcome {
    let arguments = [&["share"], arguments].concat();
    let sites = HandlerCommand::on(database).with("FOOTFALL_SITES", "example.com,open.example");
    let sites = sites.with("WEBSITE_HOSTNAME", "footfall.example").with("FOOTFALL_REVOKED_LINKS", "former");
    sites.with("FOOTFALL_DASHBOARD_TOKEN", token).run(&arguments)
}

fn link(database: &Database, token: &str, arguments: &[&str]) -> String {
    let shared = share(database, token, arguments);
    let link = shared.stdout.trim().strip_prefix("https://footfall.example");
    link.unwrap_or_else(|| panic!("{shared:?}")).to_owned()
}

#[tokio::test]
async fn without_a_readable_token_visits_count_and_statistics_stay_closed() {
    const REFERENCE: &str = "@Microsoft.KeyVault(VaultName=kv-footfall;SecretName=dashboard-token)";
    let database = Database::create().await;
    let host = private(&database)
        .with("FOOTFALL_DASHBOARD_TOKEN", REFERENCE)
        .with("FOOTFALL_PUBLIC_SITES", "open.example")
        .start()
        .await;
    host.process.wait_until_ready().await;
    assert_eq!(host.send(&visitor(1).to("/v/example.com.gif")).await.status, 200);
    assert_eq!(database.visitors_today().await, 1);
    for target in ["/", "/?site=example.com", "/api/statistics?site=example.com"] {
        let closed = host.send(&Request::get(target).header("Authorization", &format!("Bearer {REFERENCE}"))).await;
        assert_eq!((closed.status, closed.header("retry-after")), (503, "5"), "{target}");
    }
    assert_eq!(host.send(&sign_in("token=a+token+that+is+wrong")).await.status, 503);
    assert_eq!(host.send(&Request::get("/api/statistics?site=open.example")).await.status, 200);
    let lines = host.process.log();
    assert_eq!(lines.iter().filter(|line| line["event"] == "token_unresolved").count(), 1);
}

#[tokio::test]
async fn a_shared_link_begins_with_the_public_url() {
    let database = Database::create().await;
    let command = HandlerCommand::on(&database)
        .with("WEBSITE_HOSTNAME", "func-footfall.azurewebsites.net")
        .with("FOOTFALL_PUBLIC_URL", "https://stats.example.net/")
        .with("FOOTFALL_DASHBOARD_TOKEN", TOKEN);
    let shared = command.run(&["share", "--site", "func-footfall.azurewebsites.net", "--name", "client"]);
    assert!(shared.stdout.starts_with("https://stats.example.net/?site=func-footfall"), "{shared:?}");
}

#[tokio::test]
async fn a_shared_link_shows_one_site_until_its_name_is_revoked() {
    let database = Database::create().await;
    let client = link(&database, TOKEN, &["--site", "example.com", "--name", "client"]);
    let partner = link(&database, TOKEN, &["--site", "example.com", "--name", "partner"]);
    let host = private(&database).with("FOOTFALL_REVOKED_LINKS", "former, partner").start().await;
    host.process.wait_until_ready().await;
    let statistics = client.replace("/?", "/api/statistics?");
    let other_site = client.replace("example.com", "open.example");
    let forged = format!("{client}0");
    let renamed = client.replace("share=client", "share=clients");
    assert_eq!(statuses(&host, [&client, &statistics]).await, [200, 200]);
    // A shared link does not reveal the names of other sites.
    let shared = host.send(&Request::get(&client)).await;
    assert!(shared.text().contains("example.com") && !shared.text().contains("open.example"), "{}", shared.text());
    let owner = host.send(&Request::get(&client).header("Authorization", &format!("Bearer {TOKEN}"))).await;
    assert!(owner.text().contains("open.example"), "{}", owner.text());
    assert_eq!(statuses(&host, [&partner, &other_site, &forged, &renamed]).await, [401; 4]);
    let revoked = host.send(&page(&partner)).await;
    assert_eq!((revoked.status, revoked.header("content-type")), (401, "text/html; charset=utf-8"));
    let revoked = revoked.text();
    assert!(revoked.contains("<h1>This link is no longer valid</h1>") && !revoked.contains("<form"), "{revoked}");
    // The owner can sign in instead.
    assert!(revoked.contains("href=\"/?site&#x3D;example.com\">Sign in<"), "{revoked}");
    let detail = host.send(&Request::get(&partner.replace("/?", "/api/statistics?"))).await.json()["detail"].clone();
    assert!(detail.as_str().unwrap().contains("no longer valid"), "{detail}");
    for (arguments, problem) in [
        (["--site", "unknown.example", "--name", "x"], "FOOTFALL_SITES"),
        (["--site", "example.com", "--name", "a.b"], "letters, digits and hyphens"),
        (["--site", "example.com", "--name", "former"], "FOOTFALL_REVOKED_LINKS"),
    ] {
        let refused = share(&database, TOKEN, &arguments);
        assert!(refused.code == Some(1) && refused.stderr.contains(problem), "{refused:?}");
    }
    assert!(
        share(&database, "", &["--site", "example.com", "--name", "x"]).stderr.contains("FOOTFALL_DASHBOARD_TOKEN")
    );
}

#[tokio::test]
async fn a_shared_link_names_the_listening_address_and_an_invalid_revoked_name_is_rejected() {
    let database = Database::create().await;
    let plain = HandlerCommand::on(&database).with("FOOTFALL_DASHBOARD_TOKEN", TOKEN).with(PORT, "8099");
    let share = ["share", "--site", "localhost", "--name", "x"];
    let link = plain.run(&share).stdout;
    assert!(link.starts_with("http://127.0.0.1:8099/?site=localhost&share=x."), "{link}");
    let typo = plain.with("FOOTFALL_REVOKED_LINKS", "former, a b").run(&share);
    assert!(typo.code == Some(1) && typo.stderr.contains("FOOTFALL_REVOKED_LINKS contains 'a b'"), "{typo:?}");
}

#[tokio::test]
async fn signing_in_to_public_statistics_is_rejected() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    let response = host.send(&sign_in("token=kX7mQ2vR9tWc4LzN8bHs3JdF")).await;
    assert_eq!(response.status, 400);
    assert!(response.text().contains("FOOTFALL_DASHBOARD_TOKEN is not set"), "{}", response.text());
}

#[tokio::test]
async fn a_public_site_needs_no_token_and_visits_to_private_sites_count() {
    let database = Database::create().await;
    let host = private(&database).with("FOOTFALL_PUBLIC_SITES", "open.example").start().await;
    host.process.wait_until_ready().await;
    for site in ["example.com", "open.example"] {
        let body = json!({ "s": site, "p": "/" }).to_string();
        let view = visitor(1).to("/v").method("POST").body(&body);
        assert_eq!(host.process.send(&view).await.status, 204);
        assert_eq!(host.send(&visitor(1).to(&format!("/v/{site}.gif"))).await.status, 200);
    }
    let open = ["/?site=open.example", "/api/statistics?site=open.example", "/badge/open.example.svg"];
    let closed = ["/", "/?site=example.com", "/api/statistics.csv?site=example.com", "/badge/example.com.svg"];
    assert_eq!(statuses(&host, open).await, [200; 3]);
    assert_eq!(statuses(&host, closed).await, [401; 4]);
    let sites = |response: Response| response.json()["sites"].as_array().map(Vec::len);
    assert_eq!(sites(host.send(&Request::get("/api/sites")).await), Some(1));
    let bearer = Request::get("/api/sites").header("Authorization", &format!("Bearer {TOKEN}"));
    assert_eq!(sites(host.send(&bearer).await), Some(3));
    let bearer = bearer.to("/api/statistics?site=example.com");
    assert_eq!(host.send(&bearer).await.json()["pageviews"]["today"], 2);
}

/// The headers that keep a reply out of caches and of search engines.
fn limits(response: &Response) -> (&str, &str) {
    (response.header("cache-control"), response.header("x-robots-tag"))
}

#[tokio::test]
async fn replies_that_not_everybody_may_see_stay_out_of_caches_and_search_engines() {
    const SECRET: (&str, &str) = ("private, no-store", "noindex");
    let database = Database::create().await;
    let host = private(&database).with("FOOTFALL_PUBLIC_SITES", "open.example").start().await;
    host.process.wait_until_ready().await;
    let bearer = |target: &str| page(target).header("Authorization", &format!("Bearer {TOKEN}"));
    for target in [
        "/?site=example.com",
        "/?site=example.com&embed",
        "/api/statistics?site=example.com",
        "/api/statistics.csv?site=example.com",
        "/api/live?site=example.com",
        "/api/sites",
        "/badge/example.com.svg",
        "/badge/example.com.json",
        "/v/example.com.svg",
    ] {
        // The rejected request would be cached for the owner, too.
        let (rejected, shown) = (host.send(&page(target)).await, host.send(&bearer(target)).await);
        assert_eq!((shown.status, limits(&shown)), (200, SECRET), "{target}");
        assert_eq!(limits(&rejected), SECRET, "{target}: {}", rejected.status);
    }
    // The page of the owner lists all sites.
    assert_eq!(limits(&host.send(&bearer("/?site=open.example")).await), SECRET);
    let shared = link(&database, TOKEN, &["--site", "example.com", "--name", "client"]);
    for target in [shared.clone(), shared.replace("/?", "/api/statistics?"), format!("{shared}&embed")] {
        let shown = host.send(&page(&target)).await;
        assert_eq!((shown.status, limits(&shown)), (200, SECRET), "{target}");
    }
    let form = sign_in("site=example.com&token=kX7mQ2vR9tWc4LzN8bHs3JdF");
    for response in [host.send(&form).await, host.send(&sign_in("token=wrong")).await] {
        assert_eq!(limits(&response), SECRET, "{}", response.status);
    }
    assert_eq!(limits(&host.send(&page("/me/why")).await), SECRET);
}

#[tokio::test]
async fn only_the_page_of_a_public_site_may_be_indexed() {
    let database = Database::create().await;
    let host = private(&database).with("FOOTFALL_PUBLIC_SITES", "open.example").start().await;
    host.process.wait_until_ready().await;
    for (target, expected) in [
        ("/?site=open.example", ("no-store", "")),
        ("/?site=open.example&period=7d", ("no-store", "")),
        ("/?site=open.example&share=client.0", ("no-store", "noindex")),
        ("/?site=open.example&embed", ("no-store", "noindex")),
        ("/badge/open.example.svg", ("public, max-age=300", "noindex")),
        ("/v/open.example.svg", ("no-store", "noindex")),
        ("/api/statistics?site=open.example", ("no-cache", "noindex")),
        ("/api/live?site=open.example", ("no-cache", "noindex")),
    ] {
        let response = host.send(&page(target)).await;
        assert_eq!((response.status, limits(&response)), (200, expected), "{target}");
    }
}

#[tokio::test]
async fn a_badge_shows_a_number_and_is_not_counted() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    for number in [1, 1, 2] {
        host.send(&visitor(number)).await;
    }
    let badge = host.send(&Request::get("/badge/localhost.svg?period=today")).await;
    assert_eq!((badge.status, badge.header("content-type")), (200, "image/svg+xml; charset=utf-8"));
    assert!(badge.text().contains("<title>visitors: 2</title>"), "{}", badge.text());
    assert_eq!(badge.header("cache-control"), "public, max-age=300");
    let shield = host.send(&Request::get("/badge/localhost.json?period=7d")).await.json();
    assert_eq!(
        (&shield["schemaVersion"], &shield["label"], &shield["message"]),
        (&1.into(), &"visitors".into(), &"2".into())
    );
    // A year has no unique number, so the badge does not claim one.
    let year = host.send(&Request::get("/badge/localhost.json?period=12m")).await.json();
    assert_eq!((&year["label"], &year["message"]), (&"views".into(), &"3".into()));
    for (target, status) in
        [("/badge/unknown.example.svg", 404), ("/badge/localhost.png", 404), ("/badge/localhost.svg?period=bad", 400)]
    {
        assert_eq!(host.send(&Request::get(target)).await.status, status, "{target}");
    }
    assert_eq!(host.statistics().await["pageviews"]["today"], 3);
}

#[tokio::test]
async fn statistics_are_available_as_csv() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(1).header("Referer", "https://news.example/")).await;
    let csv = host.send(&Request::get("/api/statistics.csv?period=today")).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(csv.header("access-control-allow-origin"), "*");
    let today = host.statistics().await["range"]["to"].as_str().unwrap().to_owned();
    let file = |list: &str, first: &str| format!("attachment; filename=\"localhost-{list}-{first}-{today}.csv\"");
    assert_eq!(csv.header("content-disposition"), file("statistics", &today));
    let list = host.send(&Request::get("/api/statistics.csv?from=2026-11-01&list=pages")).await;
    assert_eq!(list.header("content-disposition"), file("pages", "2026-11-01"));
    assert!(csv.text().starts_with("\u{feff}about,value,visitors,pageviews\r\nrange,"), "{}", csv.text());
    for row in ["\r\npages,/,1,1\r\n", "\r\nreferrers,news.example,1,1\r\n", "\r\nexcluded,bots,,0\r\n"] {
        assert!(csv.text().contains(row), "{row:?} in {}", csv.text());
    }
    for (accept, content_type) in [
        ("text/csv", "text/csv; charset=utf-8; header=present"),
        ("text/csv, application/json;q=0.5", "text/csv; charset=utf-8; header=present"),
        ("application/json, text/csv", "application/json"),
        ("*/*", "application/json"),
    ] {
        let response = host.send(&Request::get("/api/statistics").header("Accept", accept)).await;
        assert_eq!((response.status, response.header("content-type")), (200, content_type), "{accept}");
        assert_eq!(response.header("vary"), "accept, accept-encoding");
    }
}

#[tokio::test]
async fn a_command_succeeds_when_the_reader_of_its_output_has_exited() {
    let handler = env!("CARGO_BIN_EXE_handler");
    let command = format!("{{ sleep 0.2; {handler} share --site example.com --name x; echo \"code $?\" >&2; }} | true");
    let outcome = std::process::Command::new("sh")
        .args(["-c", &command])
        // The tests set FOOTFALL_ variables that the handler rejects as unknown.
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("FOOTFALL_SITES", "example.com")
        .env("FOOTFALL_DASHBOARD_TOKEN", TOKEN)
        .env("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&outcome.stderr), "code 0\n");
}
