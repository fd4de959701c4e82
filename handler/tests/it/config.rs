//! Settings and commands: rejected values, exit codes, log formats, and secrets that are never printed.

use std::time::Duration;

use crate::{
    database::Database,
    host::Host,
    process::{Folder, HandlerCommand, PORT, free_port},
};

const SECRET: &str = "hunter2-kX7mQ2vR9tWc4LzN8bHs3JdF";

#[test]
fn an_invalid_value_stops_the_start_with_one_line_that_names_the_variable() {
    let secret_url = format!("mysql://user:{SECRET}@host/database");
    let secret_port = format!("postgres://user:{SECRET}@host:notaport/database");
    let secret_query = format!("postgres://user:{SECRET}@host/database?sslmode=perhaps");
    let cases = [
        (PORT, "http"),
        (PORT, "70000"),
        ("FOOTFALL_BIND", "localhost"),
        ("FOOTFALL_SITES", "https://example.com"),
        ("FOOTFALL_SITES", "example.com/path"),
        ("WEBSITE_HOSTNAME", "not a host"),
        ("FOOTFALL_TIMEZONE", "Mars/Olympus"),
        ("FOOTFALL_TRUSTED_PROXIES", "-1"),
        ("FOOTFALL_TRUSTED_PROXIES", "eleven"),
        ("FOOTFALL_DASHBOARD_TOKEN", "hunter2"),
        ("FOOTFALL_RETENTION_DAYS", "0"),
        ("FOOTFALL_RETENTION_DAYS", "a year"),
        ("FOOTFALL_DATABASE_AUTH", "kerberos"),
        ("FOOTFALL_LOG", "handler=shouting"),
        ("FOOTFALL_LOG_FORMAT", "yaml"),
        ("FOOTFALL_CONNECTIONS", "0"),
        ("FOOTFALL_CONNECTIONS", "many"),
        ("FOOTFALL_RATE_LIMIT", "-1"),
        ("FOOTFALL_RATE_LIMIT", "sometimes"),
        ("FOOTFALL_LOGS", "debug"),
        ("FOOTFALL_", "x"),
        ("DATABASE_URL", &secret_url),
        ("DATABASE_URL", &secret_port),
        ("DATABASE_URL", &secret_query),
        ("DATABASE_URL", "host=somewhere"),
    ];
    for command in [None, Some("serve"), Some("migrate"), Some("doctor")] {
        for (variable, value) in cases {
            let url = format!("postgres://footfall@127.0.0.1:{}/none", free_port());
            let plain = HandlerCommand::default().with("DATABASE_URL", &url).with(PORT, "0").with(variable, value);
            let outcome = plain.run(command.as_slice());
            assert_eq!(outcome.code, Some(1), "{variable}={value} {command:?}: {outcome:?}");
            assert_eq!(outcome.stdout, "", "{variable}={value}");
            let lines: Vec<&str> = outcome.stderr.lines().collect();
            let [line] = lines[..] else { panic!("{variable}={value} {command:?}: {}", outcome.stderr) };
            assert!(line.contains(variable), "{variable}={value}: {line}");
            assert!(!line.contains("hunter2"), "{variable}: {line}");
        }
    }
}

#[test]
fn with_pghost_an_invalid_pg_variable_is_rejected_by_name() {
    for (variable, value) in [("PGPORT", "x"), ("PGSSLMODE", "perhaps"), ("PGUSER", "")] {
        let plain =
            HandlerCommand::default().with("PGHOST", "127.0.0.1").with("PGUSER", "u").with("PGPASSWORD", SECRET);
        let outcome = plain.with(variable, value).run(&["migrate"]);
        assert_eq!(outcome.code, Some(1));
        assert!(outcome.stderr.contains(variable) && !outcome.stderr.contains(SECRET), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_port_in_use_is_reported() {
    let database = Database::create().await;
    let first = HandlerCommand::on(&database).start().await;
    let second = HandlerCommand::on(&database).with(PORT, &first.port.to_string()).run(&[]);
    assert_eq!(second.code, Some(1));
    assert!(second.stderr.contains(&first.port.to_string()) && second.stderr.contains(PORT), "{second:?}");
}

#[test]
fn help_and_version_need_no_configuration() {
    for argument in ["--help", "--version", "help"] {
        let outcome = HandlerCommand::default().with("FOOTFALL_TIMEZONE", "Mars/Olympus").run(&[argument]);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{argument}");
    }
    let help = HandlerCommand::default().run(&["--help"]).stdout;
    for word in ["serve", "migrate", "doctor", "check", "import", "DATABASE_URL"] {
        assert!(help.contains(word), "{word}");
    }
    assert_eq!(HandlerCommand::default().run(&["fly"]).code, Some(2));
}

/// The examples in a help text: each with its variables and its words after `handler`.
fn examples(help: &str) -> Vec<(Vec<&str>, Vec<&str>)> {
    let (_, block) = help.split_once("\nExamples:\n").unwrap_or_else(|| panic!("no examples in {help}"));
    let lines = block.lines().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
    let parts = lines.map(|line| line.split_once("handler").unwrap_or_else(|| panic!("{line}")));
    parts.map(|(before, after)| (before.split_whitespace().collect(), after.split_whitespace().collect())).collect()
}

#[test]
fn the_help_of_each_command_has_examples_that_work_and_the_settings_that_matter() {
    let plain = HandlerCommand::default();
    let all = plain.run(&["--help"]).stdout;
    let is_setting = |name: &str| all.contains(&format!("\n  {name}\n"));
    for (command, settings) in [
        (None, &["FOOTFALL_LOG", "PGSSLROOTCERT"][..]),
        (Some("serve"), &["FOOTFALL_BIND", "DATABASE_URL"]),
        (Some("migrate"), &["DATABASE_URL", "FOOTFALL_TIMEZONE"]),
        (Some("distribute"), &["DATABASE_URL", "PGHOST"]),
        (Some("doctor"), &["DATABASE_URL", "FOOTFALL_TRUSTED_PROXIES"]),
        (Some("check"), &["NO_COLOR"]),
        (Some("import"), &["DATABASE_URL", "FOOTFALL_DATA", "FOOTFALL_SITES", "FOOTFALL_PUBLIC_URL"]),
        (Some("share"), &["FOOTFALL_DASHBOARD_TOKEN", "FOOTFALL_REVOKED_LINKS"]),
    ] {
        let help = plain.run(&[command.as_slice(), &["--help"]].concat()).stdout;
        let short = plain.run(&[command.as_slice(), &["-h"]].concat()).stdout;
        let examples = examples(&help);
        assert!((2..=4).contains(&examples.len()), "{command:?}: {help}");
        for (variables, words) in examples {
            assert!(short.contains(&words.join(" ")), "{command:?}: {short}");
            for variable in variables.iter().filter(|word| !["zcat", "logs/*.gz", "|"].contains(word)) {
                assert!(is_setting(variable.split_once('=').unwrap().0), "{variable}");
            }
            // The help of an example is shown only if the words before it are valid.
            if words.first() != Some(&"help") {
                let outcome = plain.run(&[&words, &["--help"][..]].concat());
                assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{words:?}");
            }
        }
        for setting in settings {
            assert!(help.contains(&format!("\n  {setting}\n")), "{command:?}: {setting}");
        }
        let (_, end) = help.split_once("\nExamples:\n").unwrap();
        for line in end.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}

#[tokio::test]
async fn a_second_migration_changes_nothing() {
    let database = Database::create_without_schema().await;
    for _ in 0..2 {
        let outcome = HandlerCommand::on(&database).run(&["migrate"]);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
    }
    assert_eq!(database.number("select count(*) from _sqlx_migrations").await, 1);
    let unavailable =
        HandlerCommand::default().with("DATABASE_URL", &format!("postgres://u:{SECRET}@127.0.0.1:{}/d", free_port()));
    let outcome = unavailable.run(&["migrate"]);
    assert_eq!((outcome.code, outcome.stderr.lines().count()), (Some(1), 1), "{outcome:?}");
    assert!(!outcome.stderr.contains(SECRET));
}

/// A server that no command can reach, and how it is named.
struct Unreachable {
    handler: HandlerCommand,
    place: String,
}

/// A server by URL, a server by `PGHOST`, and a folder without a socket by both.
fn unreachable_servers(folder: &Folder) -> Vec<Unreachable> {
    let (port, folder) = (free_port(), folder.path().display());
    let url = |url: String| HandlerCommand::default().with("DATABASE_URL", &url);
    let pghost = |host: &str| {
        let role = HandlerCommand::default().with("PGUSER", "hunter2").with("PGPASSWORD", SECRET);
        role.with("PGHOST", host).with("PGPORT", &port.to_string())
    };
    let (user, encoded) = (format!("hunter2:{SECRET}"), folder.to_string().replace('/', "%2F"));
    let server = |handler, place| Unreachable { handler, place };
    vec![
        server(url(format!("postgres://{user}@127.0.0.1:{port}/counts")), format!("counts at 127.0.0.1:{port}")),
        server(url(format!("postgres://{user}@127.0.0.1:{port}")), format!("database at 127.0.0.1:{port}")),
        server(url(format!("postgres://{user}@[::1]:{port}/counts")), format!("counts at [::1]:{port}")),
        server(url(format!("postgres://{user}@{encoded}/counts")), format!("counts at {folder}")),
        server(pghost("127.0.0.1"), format!("footfall at 127.0.0.1:{port}")),
        server(pghost(&folder.to_string()), format!("footfall at {folder}")),
    ]
}

#[test]
fn every_command_names_a_database_that_it_cannot_reach_and_no_secret() {
    let folder = Folder::new();
    let log = folder.write("access.log", "");
    let servers = unreachable_servers(&folder);
    let commands = [
        "migrate".to_owned(),
        "distribute".to_owned(),
        "doctor".to_owned(),
        "doctor --json".to_owned(),
        format!("import --site example.com {log}"),
        format!("import --site example.com --from plausible {log}"),
        "import --site example.com --forget-imported umami".to_owned(),
    ];
    std::thread::scope(|scope| {
        for Unreachable { handler, place } in &servers {
            for command in &commands {
                scope.spawn(move || {
                    let arguments: Vec<&str> = command.split(' ').collect();
                    let outcome = handler.run(&arguments);
                    assert_eq!(outcome.code, Some(1), "{command}: {outcome:?}");
                    let text = format!("{}{}", outcome.stdout, outcome.stderr);
                    assert!(text.contains(place) && !text.contains("hunter2"), "{command}: {text}");
                });
            }
        }
    });
}

#[tokio::test]
async fn the_log_names_a_database_that_is_unavailable_and_no_secret() {
    let folder = Folder::new();
    for Unreachable { handler, place } in unreachable_servers(&folder) {
        let process = handler.start().await;
        process.wait_for_event("database_lost").await;
        let log = process.lines().concat();
        assert!(log.contains(&place) && !log.contains("hunter2"), "{log}");
    }
}

#[test]
fn a_url_whose_password_is_not_encoded_is_rejected_without_a_part_of_it() {
    for special in ["/", "?", "#"] {
        let url = format!("postgres://user:5432{special}hunter2@127.0.0.1/database");
        let outcome = HandlerCommand::default().with("DATABASE_URL", &url).run(&["migrate"]);
        assert!(outcome.stderr.contains("DATABASE_URL must have %2F"), "{outcome:?}");
        assert!(!outcome.stderr.contains("5432"), "{outcome:?}");
    }
}

#[tokio::test]
async fn doctor_exits_with_1_if_a_check_failed_and_prints_no_secret() {
    let database = Database::create().await;
    let good = HandlerCommand::on(&database).with("FOOTFALL_DASHBOARD_TOKEN", SECRET);
    for arguments in [&["doctor"][..], &["doctor", "--json"]] {
        let outcome = good.run(arguments);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
        assert!(!outcome.stdout.contains(SECRET));
        assert!(outcome.stdout.contains("PostgreSQL"), "{outcome:?}");
    }
    let report = good.run(&["doctor", "--json"]).json();
    assert!(report["findings"].as_array().unwrap().iter().all(|finding| finding["state"] != "failed"));
    let hop = good.clone().with("FOOTFALL_TRUSTED_PROXIES", "1");
    let outcome = hop.run(&["doctor", "--forwarded-for", "192.0.2.1, 198.51.100.77:1234"]);
    assert!(outcome.stdout.contains("the visitor is 198.51.100.77"), "{outcome:?}");

    let unavailable = format!("postgres://user:{SECRET}@127.0.0.1:{}/none", free_port());
    let failed = HandlerCommand::default().with("DATABASE_URL", &unavailable).run(&["doctor"]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.stdout.contains("✗ database"), "{failed:?}");
    assert!(!format!("{failed:?}").contains(SECRET), "{failed:?}");
}

#[tokio::test]
async fn doctor_warns_of_a_server_that_logs_salts() {
    let database = Database::create().await;
    let doctor = || HandlerCommand::on(&database).run(&["doctor"]);
    assert!(!doctor().stdout.contains("salts"), "{:?}", doctor());
    let name = database.name();
    for setting in ["log_statement = 'all'", "log_min_duration_statement = 100"] {
        database.execute(&format!("alter database {name} set {setting}")).await;
        let outcome = doctor();
        assert!(outcome.code == Some(0) && outcome.stdout.contains("hold salts and fingerprints"), "{outcome:?}");
        database.execute(&format!("alter database {name} set log_parameter_max_length = 0")).await;
        assert!(!doctor().stdout.contains("salts"), "{:?}", doctor());
        database.execute(&format!("alter database {name} reset all")).await;
    }
}

#[tokio::test]
async fn doctor_reports_a_database_that_is_not_unicode() {
    let database = Database::create().await;
    let name = format!("{}_latin", database.name());
    let latin = "encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0";
    database.execute(&format!("create database {name} {latin}")).await;
    let url = database.url().replace(database.name(), &name);
    let outcome = HandlerCommand::default().with("DATABASE_URL", &url).run(&["doctor"]);
    database.execute(&format!("drop database {name} with (force)")).await;
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stdout.contains("its encoding is not UTF8"), "{outcome:?}");
}

#[tokio::test]
async fn doctor_reports_a_role_that_cannot_create_tables() {
    let database = Database::create().await;
    HandlerCommand::on(&database).run(&["migrate"]);
    let role = format!("reader_{}", database.url().rsplit('/').next().unwrap());
    database.execute(&format!("create role {role} login; grant usage on schema public to {role}")).await;
    database.execute(&format!("grant select on all tables in schema public to {role}")).await;
    let url = database.url().replacen("footfall@", &format!("{role}@"), 1);
    let outcome = HandlerCommand::default().with("DATABASE_URL", &url).run(&["doctor"]);
    database.execute(&format!("drop owned by {role}; drop role {role}")).await;
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
}

#[tokio::test]
async fn the_log_reports_start_and_stop_as_json_lines() {
    let database = Database::create().await;
    let mut process = HandlerCommand::on(&database).start().await;
    while !process.lines().concat().contains("database_ready") {
        assert!(process.is_running());
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(process.terminate().await, Some(0));
    let log = process.log();
    let events: Vec<&str> = log.iter().filter_map(|line| line["event"].as_str()).collect();
    assert!(events.contains(&"started") && events.contains(&"database_ready"), "{events:?}");
    assert_eq!(events.last(), Some(&"stopped"));
    for line in &log {
        assert!(line["level"].is_string() && line["timestamp"].is_string(), "{line}");
    }
}

#[tokio::test]
async fn the_text_log_ends_with_the_address_of_the_page() {
    let database = Database::create().await;
    let mut process = HandlerCommand::on(&database).with("FOOTFALL_LOG_FORMAT", "text").start().await;
    process.wait_until_ready().await;
    while !process.lines().concat().contains("database is ready") {
        assert!(process.is_running());
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let lines = process.lines();
    let last = lines.last().unwrap();
    assert!(last.trim_end().ends_with(&format!("http://127.0.0.1:{}/", process.port)), "{lines:?}");
    for line in &lines {
        assert!(line.len() < 120 && !line.contains(['{', '\u{1b}']), "{line}");
    }
    assert_eq!(process.terminate().await, Some(0));
}

#[tokio::test]
async fn under_the_functions_host_the_log_is_json_without_a_page_address() {
    let database = Database::create().await;
    let mut host = Host::start(&database).await;
    while !host.process.lines().concat().contains("database_ready") {
        assert!(host.process.is_running());
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let log = host.process.log();
    let ready = log.iter().find(|line| line["event"] == "database_ready").unwrap();
    assert!(!ready["message"].as_str().unwrap().contains("http"), "{ready}");
}
