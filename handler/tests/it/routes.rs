//! What is there, what is not, and what every answer has in common.

use handler::config::Config;
use hyper::Method;

use crate::{
    client::{Request, visitor},
    database::Database,
    host::{Host, functions, repository, triggers},
};

/// What the program answers, as its documentation says; held against the function folders below.
const PATHS: [&str; 17] = [
    "/",
    "/api/live",
    "/api/openapi.json",
    "/api/sites",
    "/api/statistics",
    "/api/statistics.csv",
    "/assets/page-0.css",
    "/badge/localhost.svg",
    "/footfall-events.js",
    "/footfall.js",
    "/healthz",
    "/readyz",
    "/sign-in",
    "/v",
    "/v/localhost.gif",
    "/version",
    "/why",
];

fn path_of(route: &str) -> String {
    match route {
        "{ignored:maxlength(0)?}" => "/".to_owned(),
        route => format!(
            "/{}",
            route
                .replace("{pixel}", "localhost.gif")
                .replace("{file}", "localhost.svg")
                .replace("{asset}", "page-0.css")
        ),
    }
}

#[tokio::test]
async fn every_function_has_a_route_here_and_every_route_a_function() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    let functions = functions();
    let mut paths: Vec<String> = functions.iter().map(|function| path_of(&function.route)).collect();
    paths.sort();
    assert_eq!(paths, PATHS);
    for function in &functions {
        let path = path_of(&function.route);
        for method in
            [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS]
        {
            let body = if method == Method::POST { r#"{"s":"localhost","p":"/"}"# } else { "" };
            let answer = host.process.send(&visitor(1).method(method.as_str()).to(&path).body(body)).await;
            if function.methods.contains(&method) {
                let status = match &*path {
                    "/v" => 204,
                    "/sign-in" => 303,
                    _ => 200,
                };
                assert_eq!(answer.status, status, "{} {method} {path}", function.name);
            } else {
                assert_eq!(answer.status, 405, "{} {method} {path}", function.name);
                for allowed in &function.methods {
                    assert!(answer.header("allow").contains(allowed.as_str()), "{path}: {}", answer.header("allow"));
                }
            }
        }
    }
}

#[test]
fn no_name_that_is_chosen_for_the_script_hides_a_route() {
    for name in PATHS.iter().filter_map(|path| path.split('/').nth(1)).filter(|name| !name.is_empty()) {
        let environment = [("DATABASE_URL", "postgres://localhost/footfall"), ("FOOTFALL_SCRIPT", name)];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let refused = Config::load(&environment.into()).err();
        assert_eq!(refused.map(|refused| refused.variable).as_deref(), Some("FOOTFALL_SCRIPT"), "{name}");
    }
}

#[test]
fn no_function_takes_whatever_comes_and_only_the_timer_is_no_http() {
    for (name, trigger) in triggers() {
        assert!(name.starts_with("function-"), "{name}");
        match trigger["type"].as_str().unwrap() {
            "httpTrigger" => {
                let route = trigger["route"].as_str().unwrap();
                assert!(!route.contains('*'), "{name} is a catch-all");
                let parameters = route.split('/').filter(|segment| segment.starts_with('{')).count();
                // One at the end of a path of ours can't hold a function's name: that would be the whole path.
                let is_file = route.split_once('/').is_some_and(|(folder, file)| {
                    !folder.is_empty() && ["{pixel}", "{file}", "{asset}"].contains(&file)
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
fn routes_stand_at_the_root() {
    let text = std::fs::read_to_string(repository().join("host.json")).unwrap();
    let host: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(host["extensions"]["http"]["routePrefix"], "");
    assert_eq!(host["customHandler"]["enableProxyingHttpRequest"], true);
}

#[tokio::test]
async fn whoever_comes_through_the_front_door_cannot_reach_the_timer() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    let post = |target: &str| Request::get(target).method("POST").header("Content-Type", "application/json").body("{}");
    for target in ["/function-maintenance", "/function-maintenance/", "/Function-Maintenance", "//function-maintenance"]
    {
        assert!(host.dispatched(&post(target)).is_none(), "{target}");
        assert_eq!(host.send(&post(target)).await.status, 404);
        assert_eq!(host.send(&Request::get(target)).await.status, 404);
    }
    // And if a route were left open by mistake, the handler would still know whom the host forwards.
    for name in ["X-Forwarded-For", "x-forwarded-for"] {
        let forwarded = post("/function-maintenance").header(name, "203.0.113.9:51234");
        assert_eq!(host.process.send(&forwarded).await.status, 404);
    }
    for method in ["GET", "HEAD", "PUT", "DELETE"] {
        let request = Request::get("/function-maintenance").method(method).without_user_agent();
        assert_eq!(host.process.send(&request).await.status, 404, "{method}");
    }
    // A function of another name is nobody's.
    assert_eq!(host.fire("function-count").await.status, 404);
}

#[tokio::test]
async fn what_is_not_there_is_told_as_a_problem() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    for path in
        ["/nothing", "/api", "/api/statistics/x", "/version/x", "/function-count", "/.env", "/%00", "/%ff", "/a%2fb"]
    {
        let answer = host.process.send(&Request::get(path)).await;
        assert_eq!((answer.status, answer.header("content-type")), (404, "application/problem+json"), "{path}");
        let problem = answer.json();
        assert_eq!((&problem["type"], &problem["status"]), (&"about:blank".into(), &404.into()));
        assert!(!problem["title"].as_str().unwrap().is_empty() && !problem["detail"].as_str().unwrap().is_empty());
    }
    let answer = host.process.send(&Request::get("/version").method("POST")).await;
    assert_eq!((answer.status, answer.header("content-type")), (405, "application/problem+json"));
    assert_eq!(answer.header("allow"), "GET, HEAD");
}

#[tokio::test]
async fn a_body_where_none_is_wanted_does_no_harm() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    let body = "x".repeat(200_000);
    let answer = host.process.send(&Request::get("/version").body(&body)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(host.process.send(&Request::get("/").method("POST").body(&body)).await.status, 405);
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    for path in PATHS.into_iter().filter(|path| !["/v", "/sign-in"].contains(path)) {
        let get = host.send(&visitor(1).to(path)).await;
        let head = host.send(&visitor(1).to(path).method("HEAD")).await;
        assert_eq!((get.status, head.status), (200, 200), "{path}");
        assert!(!get.body.is_empty() && head.body.is_empty(), "{path}");
        for name in ["content-type", "cache-control", "content-security-policy", "x-content-type-options"] {
            assert_eq!(get.header(name), head.header(name), "{path} {name}");
        }
        assert!(!head.header("content-length").is_empty(), "{path}");
    }
}

#[tokio::test]
async fn every_answer_is_kept_by_nobody_unasked_and_may_load_nothing_from_elsewhere() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    let refused = ["/nothing", "/api/statistics?period=bad", "/?site=unknown.example"];
    for path in PATHS.iter().chain(&refused) {
        let answer = host.process.send(&visitor(1).to(path)).await;
        let caching = answer.header("cache-control");
        // The script is the same for everybody, and says nothing of anybody.
        let is_kept = ["/footfall.js", "/footfall-events.js", "/badge/localhost.svg", "/api/openapi.json"]
            .contains(path)
            && caching.starts_with("public, max-age=");
        assert!(is_kept || ["no-store", "no-cache"].contains(&caching), "{path}: {caching}");
        let policy = answer.header("content-security-policy");
        for wanted in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"] {
            assert!(policy.contains(wanted), "{path}: {policy}");
        }
        for unwanted in ["unsafe-inline", "unsafe-eval", "http:", "https:", "*"] {
            assert!(!policy.contains(unwanted), "{path}: {policy}");
        }
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(!answer.header("referrer-policy").is_empty(), "{path}");
        for unwanted in ["set-cookie", "server", "x-powered-by", "access-control-allow-credentials"] {
            assert_eq!(answer.header(unwanted), "", "{path} {unwanted}");
        }
        let is_read_anywhere = path.starts_with("/api/") && *path != "/api/sites" && answer.status == 200;
        assert_eq!(answer.header("access-control-allow-origin"), if is_read_anywhere { "*" } else { "" }, "{path}");
    }
    let page = host.send(&visitor(1)).await;
    assert_eq!((page.header("content-type"), page.header("cache-control")), ("text/html; charset=utf-8", "no-store"));
}

#[tokio::test]
async fn what_the_page_loads_is_kept_for_ever_under_its_name_and_never_under_another() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    let page = host.send(&visitor(1)).await.text().to_owned();
    let assets: Vec<&str> = page.split('"').filter(|value| value.starts_with("/assets/")).collect();
    assert_eq!(assets.len(), 2, "{assets:?}");
    for asset in assets {
        let answer = host.send(&visitor(1).to(asset)).await;
        assert_eq!(
            (answer.status, answer.header("cache-control")),
            (200, "public, max-age=31536000, immutable"),
            "{asset}"
        );
        let extension = asset.rsplit_once('.').unwrap().1;
        // As a page of the version before or after this one asks.
        let other = host.send(&visitor(1).to(&format!("/assets/page-0.{extension}"))).await;
        assert_eq!((other.status, other.header("cache-control")), (200, "no-store"), "{asset}");
        assert_eq!(other.body, answer.body);
    }
    for unknown in ["/assets/page.css", "/assets/page-.txt", "/assets/other-0.css", "/assets/"] {
        assert_eq!(host.send(&visitor(1).to(unknown)).await.status, 404, "{unknown}");
    }
}
