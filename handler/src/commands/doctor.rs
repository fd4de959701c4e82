//! `handler doctor`: checks the configuration and the database, and suggests corrections.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::ExitCode,
};

use jiff::Timestamp;

use super::{
    counted,
    distribute::slow_recovery,
    findings::{Findings, Report},
    serve::public_address,
};
use crate::{
    clock::Clock,
    config::{Config, DatabaseConfig, Host},
    http::describe_client,
    notices,
    store::{self, CLOCK_TOLERANCE, Cluster, Database, Examination, Failure, StatementLimits},
};

/// The options of the command.
#[derive(clap::Args)]
pub struct DoctorArguments {
    /// X-Forwarded-For header for which to show the client's address
    #[arg(long, value_name = "HEADER", default_value = "198.51.100.1, 203.0.113.9:54321")]
    forwarded_for: String,
    /// User-Agent to classify
    #[arg(
        long,
        value_name = "HEADER",
        default_value = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
    )]
    user_agent: String,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Prints the findings. The exit code is 0 if none failed.
///
/// # Errors
/// If the findings can't be printed.
pub async fn run(config: &Config, arguments: DoctorArguments, allows_colour: bool) -> anyhow::Result<ExitCode> {
    let findings = examine(config, &arguments.forwarded_for, &arguments.user_agent).await;
    let result = if findings.ok { "Footfall can count." } else { "Footfall can't count yet." };
    let report = Report {
        url: public_address(config, SocketAddr::new(config.bind, config.port)),
        site: Some(config.own_site.to_string()),
        findings,
        result: result.to_owned(),
    };
    report.print(arguments.json, allows_colour)
}

async fn examine(config: &Config, forwarded_for: &str, user_agent: &str) -> Findings {
    let mut findings = Findings::new();
    examine_configuration(&mut findings, config, forwarded_for, user_agent);
    examine_webhook(&mut findings, config).await;
    match read_database(config).await {
        Ok((found, cluster, tried)) => {
            examine_database(&mut findings, &found, matches!(config.database, DatabaseConfig::Embedded(_)));
            examine_cluster(&mut findings, cluster.filter(|cluster| cluster.nodes > 0));
            match tried {
                Err(failure) if failure.loses_statements() => report_pooler(&mut findings, config),
                Err(failure) if failure.is_of_pooler() => findings.fail(
                    "pooler",
                    format!("{failure}: a pooler, such as PgBouncer, allows no transactions"),
                    "set pool_mode = transaction or pool_mode = session, or connect to the server itself",
                ),
                // Other failures, such as the limit of connections, do not concern a pooler.
                _ => {}
            }
        }
        // Opening a connection migrates the schema, which a replica rejects (read_only_sql_transaction).
        Err(error) if error.downcast_ref().is_some_and(Failure::is_read_only) => {
            findings.fail("database", "the server is a read-only replica", "name the primary server");
        }
        Err(error) => match error.downcast_ref::<Failure>() {
            Some(failure) if failure.loses_statements() => report_pooler(&mut findings, config),
            Some(failure) if failure.is_of_pooler() => findings.fail(
                "pooler",
                format!("{error:#}: a pooler, such as PgBouncer, rejected the login"),
                "correct the reason that the pooler's log has",
            ),
            _ => findings.fail_with("database", format!("{error:#}")),
        },
    }
    findings
}

fn report_pooler(findings: &mut Findings, config: &Config) {
    let place = config.database.place();
    findings.fail(
        "pooler",
        format!("the pooler (such as PgBouncer) of the database {place} loses prepared statements between transactions"),
        "set max_prepared_statements above 0 (PgBouncer 1.21 or newer) or pool_mode = session, or connect to the server itself",
    );
}

fn examine_configuration(findings: &mut Findings, config: &Config, forwarded_for: &str, user_agent: &str) {
    findings.pass("configuration", "valid");
    findings.pass("sites", config.sites.iter().map(|site| &**site).collect::<Vec<_>>().join(", "));
    let zone = config.zone.iana_name().unwrap_or("UTC");
    let local_time = config.zone.to_datetime(Timestamp::now()).strftime("%F %R").to_string();
    findings.pass("time-zone", format!("{zone}, local time {local_time}"));
    let statistics = match config.dashboard_token {
        Some(_) if config.is_token_unresolved => {
            "closed: FOOTFALL_DASHBOARD_TOKEN is an unresolved Key Vault reference"
        }
        Some(_) => "private: FOOTFALL_DASHBOARD_TOKEN is set",
        None => "public: FOOTFALL_DASHBOARD_TOKEN is not set",
    };
    findings.pass("statistics", statistics);
    let proxies = config.trusted_proxies;
    let client = describe_client(forwarded_for, user_agent, Ipv4Addr::LOCALHOST.into(), proxies);
    let address = format!("X-Forwarded-For '{forwarded_for}' with FOOTFALL_TRUSTED_PROXIES={proxies}: {client}");
    if config.host == Host::Functions && proxies == 0 {
        findings.warn("address", address, "set FOOTFALL_TRUSTED_PROXIES=1: the Functions host is a proxy");
    } else {
        findings.pass("address", address);
    }
    if let DatabaseConfig::Embedded(folder) = &config.database {
        findings.warn(
            "database",
            format!("embedded, in {}/: a power failure may lose the last seconds", folder.display()),
            "for more than one process, or for durability, name a server in DATABASE_URL",
        );
    }
}

/// Connects to the address for notices, and sends nothing. The address is a secret, so no text has it.
async fn examine_webhook(findings: &mut Findings, config: &Config) {
    if config.is_webhook_unresolved {
        findings.fail(
            "webhook",
            "FOOTFALL_WEBHOOK is an unresolved Key Vault reference, so no notice is sent",
            "allow the app's identity to read the secret, and restart",
        );
    }
    let Some(webhook) = &config.webhook else { return };
    match notices::probe(webhook).await {
        Ok(()) => {
            let format = webhook.format.name();
            findings.pass("webhook", format!("FOOTFALL_WEBHOOK accepts connections; messages have the form {format}"));
        }
        Err(problem) => findings.fail(
            "webhook",
            format!("FOOTFALL_WEBHOOK: {problem}"),
            "check the address, and that this machine may connect to it",
        ),
    }
}

/// Examines the database and its cluster, and tries whether a pooler keeps prepared statements and transactions.
async fn read_database(config: &Config) -> anyhow::Result<(Examination, Option<Cluster>, Result<(), Failure>)> {
    let database = Database::new(&config.database, config.counting_mode(), Clock::system()).await?;
    let [connection, other] = database.connections([StatementLimits::FOR_REQUESTS; 2]);
    let mut checkout = connection.checkout().await?;
    let found = store::examine(&mut checkout).await?;
    let cluster = store::read_cluster(&mut checkout).await?;
    // The embedded database has one connection.
    if matches!(config.database, DatabaseConfig::Embedded(_)) {
        return Ok((found, cluster, Ok(())));
    }
    let tried = async { store::try_statements(&mut checkout, &mut other.checkout().await?).await };
    let tried = tried.await;
    Ok((found, cluster, tried))
}

/// The embedded database has only one role, so its rights are not reported.
fn examine_database(findings: &mut Findings, found: &Examination, is_embedded: bool) {
    let Examination { server_version, role, database, schema, synchronous_commit, .. } = found;
    findings.pass(
        "database",
        format!("PostgreSQL {server_version}, database {database}, schema {schema}, schema is up to date"),
    );
    if ["off", "local"].contains(&synchronous_commit.as_str()) {
        findings.warn(
            "database",
            format!("synchronous_commit is {synchronous_commit}: a crash or a failover may lose confirmed visits"),
            "set it to on",
        );
    }
    if found.logs_parameters {
        findings.warn(
            "database",
            "the server's log can hold salts and fingerprints, which then outlive their deletion",
            "set log_statement to none or ddl and log_min_duration_statement to -1, or log_parameter_max_length to 0",
        );
    }
    if !found.may_create {
        findings.fail(
            "role",
            format!("role {role} can't create tables in schema {schema}"),
            format!("grant create on schema {schema} to {role}"),
        );
    } else if found.is_powerful && !is_embedded {
        findings.warn(
            "role",
            format!("role {role} has more rights than it needs"),
            "use a role that owns its schema and nothing else",
        );
    } else {
        findings.pass("role", format!("role {role} has the required rights"));
    }
    examine_clock(findings, Timestamp::now().as_duration().as_secs_f64() - found.clock_seconds);
}

fn examine_cluster(findings: &mut Findings, cluster: Option<Cluster>) {
    let Some(cluster) = cluster else { return };
    if cluster.shards == 0 {
        let text = format!("the coordinator holds all sets, and {} can share them", counted(cluster.nodes, "server"));
        findings.warn("cluster", text, "run handler distribute");
        return;
    }
    findings.pass("cluster", format!("the sets are distributed over {}", counted(cluster.shards, "server")));
    if let Some((problem, remedy)) = slow_recovery(&cluster) {
        findings.warn("cluster", problem, remedy);
    }
}

fn examine_clock(findings: &mut Findings, ahead_seconds: f64) {
    let direction = if ahead_seconds < 0.0 { "behind" } else { "ahead of" };
    let text = format!("{:.1} s {direction} the database's clock", ahead_seconds.abs());
    if ahead_seconds.abs() <= CLOCK_TOLERANCE.as_secs_f64() {
        findings.pass("clock", text);
    } else {
        findings.warn("clock", text + ", which decides when a day begins", "set this machine's clock");
    }
}
