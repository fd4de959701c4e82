//! `handler check`: a correct site, one seeded fault after the other, and hostile sites.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

use crate::{
    database::Database,
    process::{HandlerCommand, Outcome, free_port},
};

/// Paths with their responses: status line, headers and body.
type Responses = Vec<(&'static str, String)>;

/// A web server with fixed responses that logs requests.
struct Site {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Site {
    async fn start(responses: impl FnOnce(u16) -> Responses) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (responses, requests) = (Arc::new(responses(port)), Arc::new(Mutex::new(Vec::new())));
        let log = requests.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(respond(stream, responses.clone(), log.clone()));
            }
        });
        Self { port, requests }
    }

    fn url(&self) -> String {
        format!("http://localhost:{}/", self.port)
    }

    fn request_lines(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests.iter().map(|head| head.lines().next().unwrap().to_owned()).collect()
    }
}

async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

async fn respond(mut stream: TcpStream, responses: Arc<Responses>, log: Arc<Mutex<Vec<String>>>) {
    let head = head(&mut stream).await;
    let Some(path) = head.split(' ').nth(1).map(str::to_owned) else { return };
    log.lock().unwrap().push(head);
    let response = responses.iter().find(|(known, _)| *known == path.split('?').next().unwrap());
    let response = response.map_or("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", |(_, response)| response);
    let _ = stream.write_all(response.as_bytes()).await;
    if response.contains("X-Test: endless") {
        while stream.write_all(&[b' '; 8_192]).await.is_ok() {}
    } else if response.contains("X-Test: slow") {
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
}

fn ok(content_type: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n{headers}Content-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
}

fn html(headers: &str, body: &str) -> String {
    ok("text/html; charset=utf-8", headers, &format!("<!doctype html><html><head><title>Test</title>{body}"))
}

/// A double of Footfall that counts `localhost`.
async fn footfall() -> Site {
    Site::start(|_| {
        vec![
            ("/footfall.js", ok("text/javascript; charset=utf-8", "", include_str!("../../assets/footfall.min.js"))),
            ("/hello.js", ok("text/javascript", "", include_str!("../../assets/footfall.min.js"))),
            (
                "/v/localhost.gif",
                "HTTP/1.1 200 OK\r\nContent-Type: image/gif\r\nContent-Length: 35\r\nConnection: close\r\n\r\n"
                    .to_owned(),
            ),
            ("/spa/footfall.js", html("", "<div id=app>")),
            ("/old/footfall.js", ok("image/png", "", "x")),
        ]
    })
    .await
}

async fn run(url: &str, more: &[&str]) -> Outcome {
    let arguments: Vec<String> = ["check", url].iter().chain(more).map(|&argument| argument.to_owned()).collect();
    let run = move || HandlerCommand::default().run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// Checks a page and returns the report.
async fn check(url: &str, more: &[&str]) -> (Outcome, Value) {
    let outcome = run(url, &[&["--json"], more].concat()).await;
    assert_eq!(outcome.stderr, "", "{outcome:?}");
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(report["ok"], outcome.code == Some(0), "{outcome:?}");
    (outcome, report)
}

fn names(report: &Value, state: &str) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    let names = findings.filter(|finding| finding["state"] == state).map(|finding| finding["name"].as_str().unwrap());
    names.map(str::to_owned).collect()
}

/// The finding with a name.
fn finding<'r>(report: &'r Value, name: &str) -> &'r Value {
    report["findings"].as_array().unwrap().iter().find(|finding| finding["name"] == name).unwrap()
}

/// Checks a page with these headers and this HTML. FOOTFALL in them is replaced by the double's address.
async fn check_page(headers: &str, body: &str) -> (Outcome, Value) {
    let footfall = footfall().await;
    let origin = format!("http://localhost:{}", footfall.port);
    let page = html(&headers.replace("FOOTFALL", &origin), &body.replace("FOOTFALL", &origin));
    let site = Site::start(|_| vec![("/", page)]).await;
    check(&site.url(), &[]).await
}

const SCRIPT: &str = "<script defer data-site=localhost src=FOOTFALL/footfall.js></script>";
const PIXEL: &str = "<img src=FOOTFALL/v/localhost.gif referrerpolicy=no-referrer-when-downgrade>";

#[tokio::test]
async fn a_correct_page_passes_and_no_visit_is_counted() {
    let footfall = footfall().await;
    let origin = format!("http://localhost:{}", footfall.port);
    let at = |text: &str| text.replace("FOOTFALL", &origin);
    let page = html("", &at(&format!("{SCRIPT}<noscript>{PIXEL}</noscript>")));
    let site = Site::start(|_| vec![("/", page)]).await;
    let outcome = run(&site.url(), &[]).await;
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    let (last, findings) = lines.split_last().unwrap();
    assert_eq!(*last, format!("Visits to {} will count for localhost.", site.url()));
    assert!(findings.iter().all(|line| line.starts_with("✓ ")), "{outcome:?}");
    assert_eq!(site.request_lines(), ["GET / HTTP/1.1"]);
    assert_eq!(footfall.request_lines(), ["GET /footfall.js HTTP/1.1", "HEAD /v/localhost.gif HTTP/1.1"]);
    let heads = footfall.requests.lock().unwrap().join("").to_ascii_lowercase();
    assert!(
        heads.contains("user-agent: footfall-check/") && heads.contains(&format!("referer: {}", site.url())),
        "{heads}"
    );
}

/// The keys of an object with the kinds of their values. A list has the keys of all its objects.
fn shape(value: &Value) -> BTreeMap<String, String> {
    let kind = |value: &Value| match value {
        Value::Array(items) => format!("{:?}", items.iter().flat_map(shape).collect::<BTreeMap<_, _>>()),
        Value::Bool(_) => "bool".to_owned(),
        Value::String(_) => "text".to_owned(),
        other => format!("{other}"),
    };
    value.as_object().unwrap().iter().map(|(key, value)| (key.clone(), kind(value))).collect()
}

/// Checks that each line is a finding of the JSON, and the last line its result. Texts may contain the time.
fn assert_same(outcome: &Outcome, report: &Value) {
    assert_eq!(report["ok"], outcome.code == Some(0), "{outcome:?}");
    let (lines, result) = outcome.stdout.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(result, report["result"], "{outcome:?}");
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(lines.lines().count(), findings.len(), "{outcome:?}");
    for (line, finding) in lines.lines().zip(findings) {
        let mark = match finding["state"].as_str().unwrap() {
            "ok" => '✓',
            "warning" => '•',
            _ => '✗',
        };
        let end = finding["suggestion"].as_str().map_or(String::new(), |suggestion| format!(" → {suggestion}"));
        let begin = format!("{mark} {:<22} ", finding["name"].as_str().unwrap());
        assert!(line.starts_with(&begin) && line.ends_with(&end), "{line}");
    }
}

#[tokio::test]
async fn doctor_and_check_report_in_one_form() {
    let footfall = footfall().await;
    let script = SCRIPT.replace("FOOTFALL", &format!("http://localhost:{}", footfall.port));
    // The policy is a warning. The other page has no script.
    let pages = vec![("/", html("Content-Security-Policy: x\r\n", &script)), ("/none", html("", ""))];
    let site = Site::start(|_| pages).await;
    let mut reports = Vec::new();
    for page in ["", "none"] {
        let url = format!("{}{page}", site.url());
        let (_, report) = check(&url, &[]).await;
        assert_same(&run(&url, &[]).await, &report);
        reports.push(report);
    }
    let database = Database::create().await;
    let nowhere = HandlerCommand::default().with("DATABASE_URL", &database.url_by_port(free_port()));
    for handler in [HandlerCommand::on(&database), nowhere] {
        let report = serde_json::from_str(&handler.run(&["doctor", "--json"]).stdout).unwrap();
        assert_same(&handler.run(&["doctor"]), &report);
        reports.push(report);
    }
    assert_eq!(reports.iter().map(|report| &report["ok"]).collect::<Vec<_>>(), [true, false, true, false]);
    // A page without a script has no site, and a failure may have no suggestion.
    assert_eq!(shape(&reports[0]), shape(&reports[2]));
    let keys = |report: &Value| report.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for report in &reports {
        assert_eq!(keys(report), keys(&reports[0]));
    }
}

#[tokio::test]
async fn each_seeded_fault_is_reported_and_no_other() {
    let script = |from: &str, to: &str| SCRIPT.replace(from, to);
    let faults: Vec<(&str, String, String)> = vec![
        ("not-embedded", String::new(), "<p>Hello".to_owned()),
        ("not-active", String::new(), format!("<!-- {SCRIPT} -->")),
        ("not-run", String::new(), script("defer", "type=text/plain")),
        ("site-missing", String::new(), script("data-site=localhost", "")),
        ("site-not-counted", String::new(), script("src", "data-to=w src")),
        ("script-unreachable", String::new(), script("/footfall.js", "/nowhere/footfall.js")),
        ("script-not-javascript", String::new(), script("/footfall.js", "/spa/footfall.js")),
        ("script-type", String::new(), script("/footfall.js", "/old/footfall.js")),
        ("twice", String::new(), format!("{SCRIPT}{PIXEL}")),
    ];
    for (name, headers, body) in faults {
        let (outcome, report) = check_page(&headers, &body).await;
        assert_eq!((names(&report, "failed"), outcome.code), (vec![name.to_owned()], Some(1)), "{report:#}");
        let fault = finding(&report, name);
        assert!(!fault["text"].as_str().unwrap().is_empty() && !fault["suggestion"].as_str().unwrap().is_empty());
    }
    // For a wrong name, the suggested one is queried.
    let (_, report) = check_page("", &script("data-site=localhost", "data-site=example.org")).await;
    assert_eq!(names(&report, "failed"), ["site-differs"], "{report:#}");
    assert!(finding(&report, "site-counted")["text"].as_str().unwrap().ends_with(" counts localhost"), "{report:#}");
}

#[tokio::test]
async fn a_warning_does_not_fail_the_check() {
    let policy = "Content-Security-Policy: script-src 'self'\r\n";
    for (name, headers, body) in [
        ("twice", "", format!("{SCRIPT}{SCRIPT}")),
        ("integrity", "", SCRIPT.replace("defer", "integrity=sha256-x=")),
        ("policy", policy, SCRIPT.to_owned()),
    ] {
        let (outcome, report) = check_page(headers, &body).await;
        assert_eq!((names(&report, "warning"), outcome.code), (vec![name.to_owned()], Some(0)), "{report:#}");
    }
}

#[tokio::test]
async fn a_suggested_site_that_is_not_counted_is_reported() {
    let (outcome, report) = {
        let footfall = footfall().await;
        let body = SCRIPT.replace("FOOTFALL", &format!("http://localhost:{}", footfall.port));
        let site = Site::start(|_| vec![("/", html("", &body))]).await;
        check(&site.url(), &["--site", "example.com"]).await
    };
    assert_eq!(
        (names(&report, "failed"), outcome.code),
        (["site-differs", "site-not-counted"].map(str::to_owned).to_vec(), Some(1)),
        "{report:#}"
    );
}

#[tokio::test]
async fn a_script_with_another_name_is_checked_before_and_after_it_is_embedded() {
    let footfall = footfall().await;
    let script = format!("http://localhost:{}/hello.js", footfall.port);
    let site = Site::start(|_| {
        vec![("/", html("", &format!("<script src={script} data-site=localhost></script>"))), ("/bare", html("", ""))]
    })
    .await;
    let (outcome, report) = check(&site.url(), &["--script", &script]).await;
    assert_eq!(outcome.code, Some(0), "{report:#}");
    let (_, report) = check(&format!("{}bare", site.url()), &["--script", &script]).await;
    assert_eq!(names(&report, "failed"), ["not-embedded"], "{report:#}");
    assert!(names(&report, "ok").contains(&"script".to_owned()), "{report:#}");
    assert!(report.to_string().contains(&format!("src=\\\"{script}\\\"")), "the line to add: {report:#}");
}

#[tokio::test]
async fn a_page_that_cannot_be_fetched_is_reported_with_the_reason() {
    let site = Site::start(|port| {
        vec![
            (
                "/loop",
                format!("HTTP/1.1 302 Found\r\nLocation: http://localhost:{port}/loop\r\nContent-Length: 0\r\n\r\n"),
            ),
            ("/out", "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n".to_owned()),
            ("/text", ok("text/plain", "", "Hello")),
            ("/garbage", "HELO\r\n\r\n".to_owned()),
        ]
    })
    .await;
    for (path, name, word) in [
        ("missing", "page-unreachable", "returns status 404"),
        ("loop", "page-unreachable", "more than 5 times"),
        ("out", "page-unreachable", "not http or https"),
        ("garbage", "page-unreachable", "HTTP/1.1"),
        ("text", "page-not-html", "text/plain"),
    ] {
        let (_, report) = check(&format!("{}{path}", site.url()), &[]).await;
        assert_eq!(names(&report, "failed"), [name], "{report:#}");
        assert!(report.to_string().contains(word), "{path}: {report:#}");
    }
    assert_eq!(site.request_lines().iter().filter(|line| line.contains("/loop")).count(), 6);
    let (_, report) = check("http://unknown.invalid/", &[]).await;
    assert!(report.to_string().contains("has no address"), "{report:#}");
    let (_, report) = check(&format!("http://127.0.0.1:{}/", free_port()), &[]).await;
    assert!(report.to_string().contains("can't connect to"), "{report:#}");
}

#[tokio::test]
async fn a_page_with_an_untrusted_certificate_is_not_fetched() {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                greet(&mut stream).await;
            }
        }
    });
    let (_, report) = check(&format!("https://localhost:{port}/"), &[]).await;
    assert_eq!(names(&report, "failed"), ["page-unreachable"], "{report:#}");
    assert!(report.to_string().contains("certificate"), "{report:#}");
}

async fn greet(stream: &mut (impl AsyncWrite + AsyncRead + Unpin)) {
    head(stream).await;
    let _ = stream.write_all(html("", "Hello").as_bytes()).await;
}

#[tokio::test]
async fn an_endless_or_slow_page_is_read_within_limits() {
    let footfall = footfall().await;
    let origin = format!("http://localhost:{}", footfall.port);
    let script = SCRIPT.replace("FOOTFALL", &origin);
    let begin = |kind: &str| format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Test: {kind}\r\n\r\n{script}");
    let site = Site::start(|_| vec![("/endless", begin("endless")), ("/slow", begin("slow"))]).await;
    let (outcome, report) = check(&format!("{}endless", site.url()), &[]).await;
    assert_eq!((names(&report, "warning"), outcome.code), (vec!["page-large".to_owned()], Some(0)), "{report:#}");
    let (_, report) = check(&format!("{}slow", site.url()), &["--timeout", "1"]).await;
    assert_eq!(names(&report, "failed"), ["page-unreachable"], "{report:#}");
    assert!(report.to_string().contains("within 1 s"), "{report:#}");
}

#[tokio::test]
async fn secrets_and_control_characters_are_never_printed() {
    let headers = "Set-Cookie: session=hunter2\r\nContent-Security-Policy: script-src 'nonce-hunter2'\r\n";
    let body = "<script src='FOOTFALL/footfall.js?key=hunter2' data-site='a\u{1b}[2Jb'></script>";
    let page = html(headers, &body.replace("FOOTFALL", "http://user:hunter2@localhost:9"));
    let site = Site::start(|_| vec![("/", page)]).await;
    for more in [&[][..], &["--json"]] {
        let outcome = run(&format!("{}?token=hunter2", site.url()), more).await;
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(!format!("{outcome:?}").contains("hunter2"), "{outcome:?}");
        assert!(!outcome.stdout.contains('\u{1b}'), "{outcome:?}");
    }
    let outcome = run("https://user:hunter2@example.com/", &[]).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""), "{outcome:?}");
    assert!(!outcome.stderr.contains("hunter2") && outcome.stderr.lines().count() == 1, "{outcome:?}");
}
