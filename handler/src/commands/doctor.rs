//! `handler doctor`: checks what an operator can get wrong, and says what would be right.

use std::{fmt, net::Ipv4Addr};

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    clock::Clock,
    config::{Config, DatabaseConfig, Host},
    http::describe_client,
    store::{self, Database, Examination, Failure, Limits},
};

/// By how many seconds our clock and the database's may differ before days end at different times.
const CLOCK_TOLERANCE_SECONDS: f64 = 5.0;

/// All findings.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// In the order in which they were made.
    pub findings: Vec<Finding>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub subject: &'static str,
    /// How it is.
    pub state: State,
    /// What was found, and what would be right.
    pub text: String,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Well,
    /// It works, but should be different.
    Warning,
    /// It does not work.
    Broken,
}

impl Report {
    /// Whether nothing is broken.
    pub fn is_well(&self) -> bool {
        self.findings.iter().all(|finding| finding.state != State::Broken)
    }

    fn add(&mut self, subject: &'static str, state: State, text: impl Into<String>) {
        self.findings.push(Finding { subject, state, text: text.into() });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { subject, state, text } in &self.findings {
            let mark = match state {
                State::Well => "ok  ",
                State::Warning => "warn",
                State::Broken => "FAIL",
            };
            writeln!(f, "{mark}  {subject:<14} {text}")?;
        }
        write!(f, "{}", if self.is_well() { "Footfall can count." } else { "Footfall can't count yet." })
    }
}

/// Looks at everything. The configuration has been read, or there would be no report.
pub async fn examine(config: &Config, forwarded_for: &str, user_agent: &str) -> Report {
    let mut report = Report::default();
    report.add("configuration", State::Well, "every variable can be right");
    report.add("sites", State::Well, config.sites.iter().map(|site| &**site).collect::<Vec<_>>().join(", "));
    let zone = config.zone.iana_name().unwrap_or("UTC");
    report.add(
        "time zone",
        State::Well,
        format!("{zone}, where it is {}", config.zone.to_datetime(Timestamp::now()).strftime("%F %R")),
    );
    let (state, statistics) = match config.dashboard_token {
        Some(_) => (State::Well, "private: FOOTFALL_DASHBOARD_TOKEN is set"),
        None => (State::Well, "public: FOOTFALL_DASHBOARD_TOKEN is not set"),
    };
    report.add("statistics", state, statistics);
    let client = describe_client(forwarded_for, user_agent, Ipv4Addr::LOCALHOST.into(), config.trusted_proxies);
    let state =
        if config.host == Host::Functions && config.trusted_proxies == 0 { State::Warning } else { State::Well };
    report.add(
        "address",
        state,
        format!(
            "of 'X-Forwarded-For: {forwarded_for}' with FOOTFALL_TRUSTED_PROXIES={}: {client}",
            config.trusted_proxies
        ),
    );
    match &config.database {
        DatabaseConfig::Embedded(folder) => report.add(
            "database",
            State::Warning,
            format!("embedded, in {}/: one process, and a power cut may lose the last moments", folder.display()),
        ),
        DatabaseConfig::Server(_) | DatabaseConfig::Entra(..) => {}
    }
    match examine_database(config).await {
        Ok(found) => {
            add_database(&mut report, &found, matches!(config.database, DatabaseConfig::Embedded(_)));
        }
        // Whoever opens a connection brings the schema up to date first, which a replica refuses (read_only_sql_transaction).
        Err(error) if matches!(error.downcast_ref(), Some(Failure::Lost(code)) if code == "25006") => {
            report.add("database", State::Broken, "the server is a read-only replica: name the primary");
        }
        Err(error) => report.add("database", State::Broken, format!("{error:#}")),
    }
    report
}

async fn examine_database(config: &Config) -> anyhow::Result<Examination> {
    let database = Database::new(&config.database, config.foundation(), Clock::system()).await?;
    let [connection] = database.connections([Limits::FOR_REQUESTS]);
    let mut checkout = connection.checkout().await?;
    let found = store::examine(&mut checkout).await;
    Ok(checkout.release(found)?)
}

/// The embedded database has one role, which may do everything: nobody can choose another.
fn add_database(report: &mut Report, found: &Examination, is_embedded: bool) {
    let Examination { server_version, role, database, schema, .. } = found;
    report.add(
        "database",
        State::Well,
        format!("PostgreSQL {server_version}, database {database}, schema {schema}, up to date"),
    );
    if ["off", "local"].contains(&found.synchronous_commit.as_str()) {
        report.add(
            "database",
            State::Warning,
            format!(
                "synchronous_commit is {}: a crash or a failover of the server may lose visits that were answered; set it to on",
                found.synchronous_commit
            ),
        );
    }
    match (found.may_create, found.is_powerful && !is_embedded) {
        (false, _) => report.add(
            "role",
            State::Broken,
            format!("{role} may not make tables in schema {schema}: grant it create there"),
        ),
        (true, true) => report.add(
            "role",
            State::Warning,
            format!("{role} may do more than it needs: use a role that owns its schema and nothing else"),
        ),
        (true, false) => report.add("role", State::Well, format!("{role} may do what it needs")),
    }
    let skew = Timestamp::now().as_duration().as_secs_f64() - found.clock_seconds;
    let text = format!("{:.1} s {} the database's", skew.abs(), if skew < 0.0 { "behind" } else { "ahead of" });
    if skew.abs() <= CLOCK_TOLERANCE_SECONDS {
        report.add("clock", State::Well, text);
    } else {
        let text = format!("{text}, which decides when a day begins: set this machine's clock");
        report.add("clock", State::Warning, text);
    }
}
