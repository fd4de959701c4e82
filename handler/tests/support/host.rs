//! The host double runs the real binary like the Azure Functions host (4.1037). It starts the binary with the host's
//! environment and sends `GET /` until it responds. It routes by the `function.json` files, forwards in either of two
//! modes, and fires the timer. Like App Service, it appends the client's address to `X-Forwarded-For`.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use hyper::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{
    cable::Cable,
    client::{self, Connection, Request, Response, visitor},
    database::Database,
    process::{HandlerCommand, PORT, Process, free_port},
};

/// The version of the host that the modes below were read from.
const HOST_PRODUCT: &str = "Azure-Functions-Host/4.1037.0";

/// The way in which the host forwards requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// `enableProxyingHttpRequest`: unchanged, with the host's invocation headers.
    Proxying,
    /// `enableForwardingHttpRequest`: older, and changes User-Agent and body.
    Forwarding,
}

pub(crate) const MODES: [Mode; 2] = [Mode::Proxying, Mode::Forwarding];

/// A function that is triggered by HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) route: String,
    pub(crate) methods: Vec<Method>,
}

impl Function {
    /// Whether the host forwards this path to the function.
    pub(crate) fn matches(&self, path: &str) -> bool {
        matches(&self.route, path)
    }
}

pub(crate) struct Host {
    pub(crate) process: Process,
    mode: Mode,
    functions: Vec<Function>,
    product: String,
}

/// The settings of a host.
#[derive(Clone)]
pub(crate) struct HostCommand {
    plain: HandlerCommand,
    mode: Mode,
    product: String,
}

impl Host {
    /// Starts a host with a cable between it and its database, and waits until it is ready.
    pub(crate) async fn through_a_cable() -> (Database, Cable, Self) {
        let database = Database::create().await;
        let cable = Cable::to(&database).await;
        let host = Self::on(&database).with("DATABASE_URL", &database.url_by_port(cable.port())).start().await;
        host.process.wait_until_ready().await;
        (database, cable, host)
    }

    /// Like `through_a_cable`, after a first visit, so that every connection is open.
    pub(crate) async fn counting_through_a_cable() -> (Database, Cable, Self) {
        let (database, cable, host) = Self::through_a_cable().await;
        host.send(&visitor(0)).await;
        (database, cable, host)
    }

    /// Starts the host on a database, and waits until the handler can use it.
    pub(crate) async fn start(database: &Database) -> Self {
        let host = Self::on(database).start().await;
        host.process.wait_until_ready().await;
        host
    }

    pub(crate) fn on(database: &Database) -> HostCommand {
        HostCommand { plain: HandlerCommand::on(database), mode: Mode::Proxying, product: HOST_PRODUCT.to_owned() }
    }

    /// Sends a request from the internet. It reaches the handler only if a function accepts it.
    pub(crate) async fn send(&self, request: &Request) -> Response {
        match self.dispatched(request) {
            Some(request) => client::send(self.process.port, &request).await,
            None => Response::not_found_at_the_host(),
        }
    }

    /// Sends a visit without waiting for its response.
    pub(crate) fn send_later(&self, request: &Request) -> JoinHandle<Response> {
        client::send_later(self.process.port, self.dispatched(request).expect("a function accepts it"))
    }

    /// Sends a request over an open connection. The error is a broken connection.
    pub(crate) async fn send_over(&self, connection: &mut Connection, request: &Request) -> Result<Response, String> {
        connection.send(&self.dispatched(request).expect("a function accepts it")).await
    }

    /// The request as the handler gets it, or `None` if no function accepts it.
    pub(crate) fn dispatched(&self, request: &Request) -> Option<Request> {
        static INVOCATION: AtomicU64 = AtomicU64::new(1);
        let path = request.target.split(['?', '#']).next().unwrap_or_default();
        let taken = |function: &&Function| function.matches(path) && function.methods.contains(&request.method);
        self.functions.iter().find(taken)?;
        let mut request = with_forwarded_for(request);
        let invocation = format!("00000000-0000-4000-8000-{:012}", INVOCATION.fetch_add(1, Ordering::Relaxed));
        let is = |name: &str, known: &str| name.eq_ignore_ascii_case(known);
        match self.mode {
            Mode::Proxying => request.headers.retain(|(name, _)| !is(name, "x-azure-functions-invocationid")),
            Mode::Forwarding => {
                match request.headers.iter_mut().find(|(name, _)| is(name, "user-agent")) {
                    Some((_, value)) => *value = format!("{value} {}", self.product),
                    None => request.headers.push(("User-Agent".to_owned(), self.product.clone())),
                }
                let has_length = request.headers.iter().any(|(name, value)| is(name, "content-length") && value != "0");
                if !has_length {
                    request.body.clear();
                }
            }
        }
        request.headers.push(("X-Azure-Functions-InvocationId".to_owned(), invocation));
        Some(request)
    }

    /// The health ping: a request line and a Host header.
    pub(crate) async fn ping(&self) -> Response {
        client::send(self.process.port, &Request::get("/").without_user_agent()).await
    }

    /// Fires a timer's function.
    pub(crate) async fn fire(&self, function: &str) -> Response {
        let body = json!({
            "Data": { "timer": { "Schedule": { "AdjustForDST": true }, "ScheduleStatus": null, "IsPastDue": false } },
            "Metadata": { "sys": { "MethodName": function, "UtcNow": "2026-11-23T10:17:00Z" } },
        });
        let request = Request::get(&format!("/{function}"))
            .method("POST")
            .without_user_agent()
            .header("Content-Type", "application/json")
            .header("X-Azure-Functions-InvocationId", "00000000-0000-4000-8000-000000000000")
            .body(&body.to_string());
        client::send(self.process.port, &request).await
    }

    /// Fires the maintenance timer, checks the format that the host expects, and returns the report of the function.
    pub(crate) async fn maintain(&self) -> Value {
        let answer = self.fire("function-maintenance").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let answer = answer.json();
        assert_eq!((&answer["Outputs"], &answer["ReturnValue"]), (&json!({}), &Value::Null));
        serde_json::from_str(answer["Logs"][0].as_str().unwrap()).unwrap()
    }

    pub(crate) async fn statistics(&self) -> Value {
        self.send(&Request::get("/api/statistics")).await.json()
    }
}

impl HostCommand {
    pub(crate) fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.plain = self.plain.with(name, value);
        self
    }

    /// Another version of the host.
    pub(crate) fn product(mut self, product: &str) -> Self {
        product.clone_into(&mut self.product);
        self
    }

    /// Starts the process and sends `GET /` until it responds.
    pub(crate) async fn start(&self) -> Host {
        let host_json = read_json(&repository().join("host.json"));
        assert_eq!(host_json["customHandler"]["description"]["defaultExecutablePath"], "handler");
        let port = free_port().to_string();
        let process = self
            .plain
            .clone()
            .with(PORT, &port)
            .with("FUNCTIONS_HTTPWORKER_PORT", &port)
            .with("FUNCTIONS_CUSTOMHANDLER_WORKER_ID", "8f5e2a0c-3a44-4d6b-9a57-0f5bb3c5e0a1")
            .with("FUNCTIONS_APP_ROOT_PATH", repository().to_str().unwrap())
            .spawn(&[]);
        assert_eq!(process.wait_until_answers("/").await.status, 200);
        Host { process, mode: self.mode, functions: functions(), product: self.product.clone() }
    }
}

/// Appends the visitor's address with a port to the client's `X-Forwarded-For`, like App Service.
fn with_forwarded_for(request: &Request) -> Request {
    let mut request = request.clone();
    let is_claim = |(name, _): &&(String, String)| name.eq_ignore_ascii_case("x-forwarded-for");
    let mut hops: Vec<String> = request.headers.iter().filter(is_claim).map(|(_, value)| value.clone()).collect();
    let bracketed =
        if request.address.contains(':') { format!("[{}]", request.address) } else { request.address.clone() };
    hops.push(format!("{bracketed}:51234"));
    request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("x-forwarded-for"));
    request.headers.push(("X-Forwarded-For".to_owned(), hops.join(", ")));
    request
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read_json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every function folder of the repository with its trigger.
pub(crate) fn triggers() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(repository()).unwrap() {
        let path = entry.unwrap().path();
        if path.join("function.json").is_file() {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let bindings = read_json(&path.join("function.json"))["bindings"].as_array().unwrap().clone();
            let is_trigger = |binding: &Value| binding["type"].as_str().unwrap().ends_with("Trigger");
            let trigger = bindings.into_iter().find(is_trigger).unwrap_or_else(|| panic!("{name} has no trigger"));
            found.push((name, trigger));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// The functions that HTTP requests can reach.
pub(crate) fn functions() -> Vec<Function> {
    let prefix = read_json(&repository().join("host.json"))["extensions"]["http"]["routePrefix"]
        .as_str()
        .map_or("api/".to_owned(), |prefix| if prefix.is_empty() { String::new() } else { format!("{prefix}/") });
    let triggers = triggers().into_iter().filter(|(_, trigger)| trigger["type"] == "httpTrigger");
    triggers
        .map(|(name, trigger)| {
            // An empty route falls back to the function's name.
            let route = trigger["route"].as_str().filter(|route| !route.is_empty()).unwrap_or(&name);
            let methods = trigger["methods"].as_array().expect("methods are named");
            let methods = methods.iter().map(|method| method.as_str().unwrap().to_uppercase().parse().unwrap());
            Function { route: format!("{prefix}{route}"), methods: methods.collect(), name }
        })
        .collect()
}

/// Whether a path is one of a route template's (ASP.NET): literals in any case, `{name}`, `{name?}`,
/// `{name:maxlength(n)?}`, `{*rest}`.
fn matches(route: &str, path: &str) -> bool {
    let mut segments = path.trim_matches('/').split('/').filter(|segment| !segment.is_empty());
    for template in route.split('/') {
        let Some(parameter) = template.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            if !segments.next().is_some_and(|segment| segment.eq_ignore_ascii_case(template)) {
                return false;
            }
            continue;
        };
        if parameter.starts_with('*') {
            return true;
        }
        let (parameter, is_optional) = parameter.strip_suffix('?').map_or((parameter, false), |name| (name, true));
        let longest = parameter.split_once(':').map_or(usize::MAX, |(_, constraint)| {
            let number = constraint.strip_prefix("maxlength(").and_then(|rest| rest.strip_suffix(')'));
            number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("unknown constraint {constraint}"))
        });
        match segments.next() {
            None if is_optional => {}
            Some(segment) if segment.len() <= longest => {}
            _ => return false,
        }
    }
    segments.next().is_none()
}

#[test]
fn route_templates_match_as_they_do_in_the_host() {
    assert!(matches("{ignored:maxlength(0)?}", "/") && !matches("{ignored:maxlength(0)?}", "/a"));
    assert!(matches("api/statistics", "/API/statistics") && !matches("api/statistics", "/api"));
    assert!(matches("badge/{site}", "/badge/x") && !matches("badge/{site}", "/badge/x/y"));
    assert!(matches("{*rest}", "/function-maintenance"));
}
