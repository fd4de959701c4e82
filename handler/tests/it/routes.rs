//! The addresses of the program, and the headers that every reply has.

use std::collections::{BTreeMap, BTreeSet};

use handler::{
    config::Config,
    routes::{Endpoint, Methods, ROUTES, Route},
};
use hyper::Method;

use crate::{
    client::{Request, visitor},
    database::Database,
    host::{Host, functions, repository, triggers},
};

/// An address of each route that the Functions host forwards.
fn addresses() -> Vec<(&'static Route, String)> {
    let forwarded = ROUTES.iter().filter(|route| route.endpoint != Endpoint::Maintenance);
    let name = |route: &Route| match route.endpoint {
        Endpoint::VisitImage => "localhost.gif",
        Endpoint::Badge => "localhost.svg",
        _ => "page-0.css",
    };
    forwarded.map(|route| (route, route.path.replace("{name}", name(route)))).collect()
}

/// Paths that a client may read.
fn readable() -> Vec<String> {
    let is_read = |(route, _): &(&Route, String)| route.methods == Methods::Read;
    addresses().into_iter().filter(is_read).map(|(_, path)| path).collect()
}

#[test]
fn every_function_json_has_the_path_and_the_methods_of_the_table() {
    let mut methods = BTreeMap::<&str, BTreeSet<&str>>::new();
    for route in ROUTES.iter().filter(|route| route.endpoint != Endpoint::Maintenance) {
        methods.entry(route.function).or_default().extend(route.methods.allow().split(", "));
    }
    let functions = functions();
    assert_eq!(functions.len(), methods.len());
    for function in &functions {
        let known: BTreeSet<&str> = function.methods.iter().map(Method::as_str).collect();
        assert_eq!(Some(&known), methods.get(&*function.name), "{}", function.name);
    }
    // Each address matches the template of its function, and of no other.
    for (route, path) in addresses() {
        let matching: Vec<&str> =
            functions.iter().filter(|function| function.matches(&path)).map(|f| &*f.name).collect();
        assert_eq!(matching, [route.function], "{path}");
    }
    let names: BTreeSet<String> = triggers().into_iter().map(|(name, _)| name).collect();
    let table: BTreeSet<String> = ROUTES.iter().map(|route| route.function.to_owned()).collect();
    assert_eq!(names, table);
}

#[test]
fn the_api_documentation_lists_every_address() {
    let text = std::fs::read_to_string(repository().join("docs/api.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `/")).filter_map(|line| {
        let mut cells = line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', ""));
        Some((cells.next()?, cells.next()?, cells.next()?))
    });
    let listed: Vec<_> = rows.filter(|(_, methods, _)| ["GET, HEAD", "POST"].contains(&&**methods)).collect();
    let table =
        ROUTES.iter().map(|route| (route.path.to_owned(), route.methods.allow().to_owned(), route.function.to_owned()));
    assert_eq!(listed, table.collect::<Vec<_>>());
}

#[tokio::test]
async fn every_address_accepts_its_methods_and_rejects_others_with_405() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    for (route, path) in addresses() {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let body = if method == "POST" { r#"{"s":"localhost","p":"/"}"# } else { "" };
            let response = host.process.send(&visitor(1).method(method).to(&path).body(body)).await;
            if route.methods.contains(method) {
                let status = match route.endpoint {
                    Endpoint::Visit => 204,
                    Endpoint::SignIn => 303,
                    _ => 200,
                };
                assert_eq!(response.status, status, "{method} {path}");
            } else {
                assert_eq!(
                    (response.status, response.header("allow")),
                    (405, route.methods.allow()),
                    "{method} {path}"
                );
            }
        }
    }
}

#[test]
fn a_script_alias_cannot_hide_an_address() {
    for name in ROUTES.iter().map(Route::first_segment).filter(|name| !name.is_empty()) {
        let environment = [("DATABASE_URL", "postgres://localhost/footfall"), ("FOOTFALL_SCRIPT", name)];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let refused = Config::load(&environment.into()).err();
        assert_eq!(refused.map(|refused| refused.variable).as_deref(), Some("FOOTFALL_SCRIPT"), "{name}");
    }
}

#[test]
fn no_function_is_a_catch_all_and_only_the_timer_has_another_trigger() {
    for (name, trigger) in triggers() {
        assert!(name.starts_with("function-"), "{name}");
        match trigger["type"].as_str().unwrap() {
            "httpTrigger" => {
                let route = trigger["route"].as_str().unwrap();
                assert!(!route.contains('*'), "{name} is a catch-all");
                let parameters = route.split('/').filter(|segment| segment.starts_with('{')).count();
                // After a literal segment, a parameter cannot match the name of a function, which is a whole path.
                let is_file = route.split_once('/').is_some_and(|(folder, file)| {
                    !folder.is_empty() && ["{name}", "{name?}", "{probe}"].contains(&file)
                });
                assert!(parameters == 0 || is_file || route == "{ignored:maxlength(0)?}", "{name}: {route}");
                assert!(!["admin", "runtime"].iter().any(|refused| route.starts_with(refused)), "{name}: {route}");
                assert_eq!(trigger["authLevel"], "anonymous", "{name}");
            }
            "timerTrigger" => {
                assert_eq!(name, "function-maintenance");
                assert_eq!(trigger["schedule"].as_str().unwrap().split(' ').count(), 6);
            }
            other => panic!("{name}: {other}"),
        }
    }
}

#[test]
fn routes_have_no_prefix() {
    let text = std::fs::read_to_string(repository().join("host.json")).unwrap();
    let host: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(host["extensions"]["http"]["routePrefix"], "");
    assert_eq!(host["customHandler"]["enableProxyingHttpRequest"], true);
}

#[tokio::test]
async fn a_client_cannot_call_the_timer_through_the_host() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    let post = |target: &str| Request::get(target).method("POST").header("Content-Type", "application/json").body("{}");
    for target in ["/function-maintenance", "/function-maintenance/", "/Function-Maintenance", "//function-maintenance"]
    {
        assert!(host.dispatched(&post(target)).is_none(), "{target}");
        assert_eq!(host.send(&post(target)).await.status, 404);
        assert_eq!(host.send(&Request::get(target)).await.status, 404);
    }
    // A request that the host forwards has a client's address, also if a route were open by mistake.
    for name in ["X-Forwarded-For", "x-forwarded-for"] {
        let forwarded = post("/function-maintenance").header(name, "203.0.113.9:51234");
        assert_eq!(host.process.send(&forwarded).await.status, 404);
    }
    for method in ["GET", "HEAD", "PUT", "DELETE"] {
        let request = Request::get("/function-maintenance").method(method).without_user_agent();
        assert_eq!(host.process.send(&request).await.status, 404, "{method}");
    }
    // Only the timer's function is called by its name.
    assert_eq!(host.fire("function-count").await.status, 404);
}

#[tokio::test]
async fn an_unknown_address_gets_problem_details() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    for path in
        ["/nothing", "/api", "/api/statistics/x", "/version/x", "/function-count", "/.env", "/%00", "/%ff", "/a%2fb"]
    {
        let response = host.process.send(&Request::get(path)).await;
        assert_eq!((response.status, response.header("content-type")), (404, "application/problem+json"), "{path}");
        let problem = response.json();
        assert_eq!((&problem["type"], &problem["status"]), (&"about:blank".into(), &404.into()));
        assert!(!problem["title"].as_str().unwrap().is_empty() && !problem["detail"].as_str().unwrap().is_empty());
        let page = host.process.send(&Request::get(path).header("Accept", "text/html,*/*;q=0.8")).await;
        assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"), "{path}");
        assert!(page.text().contains("<h1>Page not found</h1>") && page.text().contains("href=\"/\">Back to"));
        assert_eq!(page.header("x-robots-tag"), "noindex");
        let posted = host.process.send(&Request::get(path).method("POST")).await;
        assert_eq!(posted.status, 404, "{path}");
    }
    let response = host.process.send(&Request::get("/version").method("POST")).await;
    assert_eq!((response.status, response.header("content-type")), (405, "application/problem+json"));
    assert_eq!(response.header("allow"), "GET, HEAD");
}

#[tokio::test]
async fn an_unexpected_body_is_ignored() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    let body = "x".repeat(200_000);
    let response = host.process.send(&Request::get("/version").body(&body)).await;
    assert_eq!(response.status, 200);
    assert_eq!(host.process.send(&Request::get("/").method("POST").body(&body)).await.status, 405);
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    for path in readable() {
        let get = host.send(&visitor(1).to(&path)).await;
        let head = host.send(&visitor(1).to(&path).method("HEAD")).await;
        assert_eq!((get.status, head.status), (200, 200), "{path}");
        assert!(!get.body.is_empty() && head.body.is_empty(), "{path}");
        for name in ["content-type", "cache-control", "content-security-policy", "x-content-type-options"] {
            assert_eq!(get.header(name), head.header(name), "{path} {name}");
        }
        // The length of an export is known at its end.
        assert!(!head.header("content-length").is_empty() || path == "/api/export", "{path}");
    }
}

#[tokio::test]
async fn every_reply_limits_caching_and_loads_nothing_from_other_origins() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    let refused = ["/nothing", "/api/statistics?period=bad", "/?site=unknown.example"];
    let paths: Vec<String> = addresses().into_iter().map(|(_, path)| path).collect();
    for path in paths.iter().map(|path| &**path).chain(refused) {
        let response = host.process.send(&visitor(1).to(path)).await;
        let caching = response.header("cache-control");
        // Files are the same for every client.
        let is_kept = ["/footfall.js", "/badge/localhost.svg", "/api/openapi.json"].contains(&path)
            && caching.starts_with("public, max-age=");
        assert!(is_kept || ["private, no-store", "no-store", "no-cache"].contains(&caching), "{path}: {caching}");
        let policy = response.header("content-security-policy");
        for wanted in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"] {
            assert!(policy.contains(wanted), "{path}: {policy}");
        }
        for unwanted in ["unsafe-inline", "unsafe-eval", "http:", "https:", "*"] {
            assert!(!policy.contains(unwanted), "{path}: {policy}");
        }
        assert_eq!(response.header("x-content-type-options"), "nosniff", "{path}");
        assert!(!response.header("referrer-policy").is_empty(), "{path}");
        for unwanted in ["set-cookie", "server", "x-powered-by", "access-control-allow-credentials"] {
            assert_eq!(response.header(unwanted), "", "{path} {unwanted}");
        }
        let is_read_anywhere =
            path == "/footfall.js" || path.starts_with("/api/") && path != "/api/sites" && response.status == 200;
        assert_eq!(response.header("access-control-allow-origin"), if is_read_anywhere { "*" } else { "" }, "{path}");
    }
    let page = host.send(&visitor(1)).await;
    assert_eq!((page.header("content-type"), page.header("cache-control")), ("text/html; charset=utf-8", "no-store"));
}

#[tokio::test]
async fn page_assets_are_immutable_under_their_current_name_only() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    let page = host.send(&visitor(1)).await.text().to_owned();
    let assets: Vec<&str> = page.split('"').filter(|value| value.starts_with("/assets/")).collect();
    assert_eq!(assets.len(), 2, "{assets:?}");
    for asset in assets {
        let response = host.send(&visitor(1).to(asset)).await;
        assert_eq!(
            (response.status, response.header("cache-control")),
            (200, "public, max-age=31536000, immutable"),
            "{asset}"
        );
        let extension = asset.rsplit_once('.').unwrap().1;
        // The name that a page of another version would use.
        let other = host.send(&visitor(1).to(&format!("/assets/page-0.{extension}"))).await;
        assert_eq!((other.status, other.header("cache-control")), (200, "no-store"), "{asset}");
        assert_eq!(other.body, response.body);
    }
    for unknown in ["/assets/page.css", "/assets/page-.txt", "/assets/other-0.css", "/assets/"] {
        assert_eq!(host.send(&visitor(1).to(unknown)).await.status, 404, "{unknown}");
    }
}
