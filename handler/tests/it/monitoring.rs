//! Compares the queries of operators with the log of a real run: the log must have every event and field of a query.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use handler::domain::Exclusion;

use crate::{
    cable::Cable,
    client::{Connection, Request, visitor},
    database::Database,
    host::{Host, repository},
    process::HandlerCommand,
};

/// An event that only an internal error causes. Other events have all fields of its queries, too.
const NOT_PROVOKED: &str = "page_failed";

/// The events and fields of log lines that one query reads.
#[derive(Debug)]
struct Reading {
    source: String,
    events: Vec<String>,
    fields: BTreeSet<String>,
}

/// The quoted names in the list or comparison after each use of the event.
fn events(segment: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in segment.split("tostring(line.event) ").skip(1) {
        let list = if part.starts_with("in (") { part.split(')').next() } else { part.lines().next() };
        found.extend(list.unwrap_or_default().split('"').skip(1).step_by(2).map(str::to_owned));
    }
    found
}

fn fields(segment: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let names = segment.split("line.").skip(1).map(|rest| rest.chars().take_while(|c| is_part(*c)).collect::<String>());
    names.filter(|name| !name.is_empty()).collect()
}

/// The readings of `terraform/queries/*.kql` and of each block of KQL in `docs/monitoring.md`.
fn readings() -> Vec<Reading> {
    let mut sources = BTreeMap::new();
    for entry in std::fs::read_dir(repository().join("terraform/queries")).unwrap() {
        let path = entry.unwrap().path();
        sources.insert(path.display().to_string(), std::fs::read_to_string(&path).unwrap());
    }
    let documentation = std::fs::read_to_string(repository().join("docs/monitoring.md")).unwrap();
    for (number, block) in documentation.split("```kusto\n").skip(1).enumerate() {
        let query = block.split("```").next().unwrap();
        sources.insert(format!("docs/monitoring.md, query {}", number + 1), query.to_owned());
    }
    let mut readings = Vec::new();
    for (source, text) in sources {
        // The part before the first of these does not read log lines.
        for segment in text.split("extend line = parse_json").skip(1) {
            readings.push(Reading { source: source.clone(), events: events(segment), fields: fields(segment) });
        }
    }
    readings
}

/// A run that logs every event except [`NOT_PROVOKED`].
async fn eventful_run() -> BTreeMap<String, BTreeSet<String>> {
    let database = Database::create().await;
    let cable = Cable::to(&database).await;
    let mut host = Host::on(&database).with("DATABASE_URL", &database.url_by_port(cable.port())).start().await;
    host.process.wait_until_ready().await;
    host.send(&visitor(1)).await;
    host.maintain().await;
    cable.cut();
    let traced = visitor(2).header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assert_eq!(host.send(&traced).await.status, 503);
    assert_eq!(host.fire("function-maintenance").await.status, 503);
    cable.mend();
    while host.send(&Request::get("/health/ready")).await.status != 200 {}
    // The last minute is logged at the stop.
    host.process.terminate().await;
    let crowded = HandlerCommand::on(&database).with("FOOTFALL_CONNECTIONS", "1").start().await;
    let mut connections = Vec::new();
    while !crowded.lines().concat().contains("connections_refused") {
        connections.push(Connection::open(crowded.port).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let reference = "@Microsoft.KeyVault(VaultName=kv-footfall;SecretName=dashboard-token)";
    let closed = Host::on(&database).with("FOOTFALL_DASHBOARD_TOKEN", reference).start().await;
    closed.process.wait_until_ready().await;
    let mut logged: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in host.process.log().into_iter().chain(crowded.log()).chain(closed.process.log()) {
        let fields = line.as_object().unwrap().keys().cloned();
        logged.entry(line["event"].as_str().unwrap().to_owned()).or_default().extend(fields);
    }
    logged
}

#[tokio::test]
async fn every_field_in_an_operators_query_is_logged_by_a_real_run() {
    let logged = eventful_run().await;
    let readings = readings();
    assert!(readings.len() >= 10, "found too few queries: {readings:?}");
    for Reading { source, events, fields } in readings {
        assert!(!events.is_empty(), "{source} names no event");
        for event in events.iter().filter(|event| *event != NOT_PROVOKED) {
            assert!(logged.contains_key(event), "{source}: {event} is never logged; logged: {:?}", logged.keys());
        }
        let known: BTreeSet<&String> = events.iter().filter_map(|event| logged.get(event)).flatten().collect();
        let unknown: Vec<_> = fields.iter().filter(|field| !known.contains(field)).collect();
        assert!(unknown.is_empty(), "{source}: {unknown:?} are not fields of {events:?}");
    }
}

/// The names that follow `excluded_` in a text.
fn exclusions_in(text: &str) -> BTreeSet<&str> {
    let end = |rest: &str| rest.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(rest.len());
    text.split("excluded_").skip(1).map(|rest| &rest[..end(rest)]).filter(|name| !name.is_empty()).collect()
}

#[test]
fn log_queries_and_documentation_name_every_exclusion_and_no_other() {
    let all: BTreeSet<&str> = Exclusion::ALL.iter().map(|exclusion| exclusion.name()).collect();
    for file in ["handler/src/recorder/metrics.rs", "terraform/queries/exclusions.kql", "docs/monitoring.md"] {
        let text = std::fs::read_to_string(repository().join(file)).unwrap();
        assert_eq!(exclusions_in(&text), all, "{file}");
    }
}

#[test]
fn each_documented_query_equals_its_file() {
    let documentation = std::fs::read_to_string(repository().join("docs/monitoring.md")).unwrap();
    let mut compared = 0;
    for part in documentation.split("[`terraform/queries/").skip(1) {
        let (name, rest) = part.split_once('`').unwrap();
        let Some(block) = rest.split_once("):\n\n```kusto\n").filter(|(link, _)| !link.contains('\n')) else {
            continue;
        };
        let query = block.1.split("```").next().unwrap();
        let file = std::fs::read_to_string(repository().join("terraform/queries").join(name)).unwrap();
        assert_eq!(query, file, "{name}");
        compared += 1;
    }
    assert!(compared >= 5, "found only {compared} queries");
}
