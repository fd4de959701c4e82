//! Importing again: the same log, a grown one, an interrupted one, two at once. Each line counts once.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::Value;

use crate::{
    client::FIREFOX,
    database::Database,
    log::{combined, common, long},
    process::{Folder, HandlerCommand, PATIENCE},
};

const ARGUMENTS: [&str; 4] = ["import", "--json", "--site", "example.com"];

fn import(plain: &HandlerCommand, file: &str) -> Value {
    plain.run(&[&ARGUMENTS[..], &[file]].concat()).json()
}

async fn everything(database: &Database) -> Vec<String> {
    database.texts("select t::text from tally t union all select s::text from seen s union all select r::text from register r order by 1").await
}

async fn assert_day(database: &Database, visitors: i64, pageviews: i64) {
    let days = database.days("example.com").await;
    let [(_, found, views)] = days[..] else { panic!("{days:?}") };
    assert_eq!((found, views), (visitors, pageviews));
    database.assert_sound().await;
}

fn gzipped(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn importing_a_log_again_renamed_compressed_or_piped_changes_nothing() {
    let database = Database::create().await;
    let folder = Folder::new();
    let plain = HandlerCommand::on(&database);
    let text = long(1000, 700);
    let summary = import(&plain, &folder.write("access.log", &text));
    assert_eq!((&summary["pageviews"], &summary["visitors"]), (&1000.into(), &700.into()));
    assert_day(&database, 700, 1000).await;
    let before = everything(&database).await;
    let packed = folder.write("access.log.1.gz", gzipped(&text));
    // Two members, as rotation tools leave them.
    let (head, tail) = text.split_at(text.len() / 3);
    let members = folder.write("access.log.2.gz", [gzipped(head), gzipped(tail)].concat());
    for file in [folder.write("access.log.1", &text), packed, members] {
        let again = import(&plain, &file);
        assert_eq!((&again["pageviews"], &again["lines_counted_before"]), (&0.into(), &1000.into()), "{file}");
    }
    let piped = plain.run_with_input(&[&ARGUMENTS[..], &["-"]].concat(), text.as_bytes()).json();
    assert_eq!(piped["pageviews"], 0);
    assert_eq!(everything(&database).await, before);
}

#[tokio::test]
async fn standard_input_may_be_compressed() {
    let database = Database::create().await;
    let packed = gzipped(&long(500, 20));
    let summary = HandlerCommand::on(&database).run_with_input(&[&ARGUMENTS[..], &["-"]].concat(), &packed).json();
    assert_eq!((&summary["lines"], &summary["pageviews"]), (&500.into(), &500.into()));
    assert_day(&database, 20, 500).await;
}

#[tokio::test]
async fn a_log_counts_for_each_site_that_it_is_imported_into() {
    let database = Database::create().await;
    let folder = Folder::new();
    let log = folder.write("access.log", long(100, 10));
    for site in ["example.com", "example.org"] {
        let summary = HandlerCommand::on(&database).run(&["import", "--json", "--site", site, &log]).json();
        assert_eq!(summary["pageviews"], 100);
    }
    for site in ["example.com", "example.org"] {
        assert_eq!(database.days(site).await.iter().map(|day| (day.1, day.2)).collect::<Vec<_>>(), [(10, 100)]);
    }
}

#[tokio::test]
async fn only_the_new_lines_of_a_grown_log_count() {
    let database = Database::create().await;
    let folder = Folder::new();
    let plain = HandlerCommand::on(&database);
    let text = long(5000, 300);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut counted = 0;
    for upto in [1, 4000, 4001, 4096, 5000] {
        let summary = import(&plain, &folder.write("access.log", lines[..upto].concat()));
        assert_eq!(
            (&summary["pageviews"], &summary["lines_counted_before"]),
            (&(upto - counted).into(), &counted.into())
        );
        counted = upto;
    }
    assert_day(&database, 300, 5000).await;
}

#[tokio::test]
async fn an_unfinished_line_counts_when_it_is_complete() {
    let database = Database::create().await;
    let folder = Folder::new();
    let plain = HandlerCommand::on(&database);
    let text = long(10, 10);
    // Cut within the last line, so that it is none.
    let cut = &text[..text.len() - 20];
    let summary = import(&plain, &folder.write("access.log", cut));
    assert_eq!((&summary["pageviews"], &summary["refused"]["malformed"]["lines"]), (&9.into(), &1.into()));
    assert_eq!(import(&plain, &folder.write("access.log", cut))["pageviews"], 0);
    assert_eq!(import(&plain, &folder.write("access.log", &text))["pageviews"], 1);
    assert_day(&database, 10, 10).await;
}

#[tokio::test]
async fn a_last_line_without_a_newline_counts_once() {
    let database = Database::create().await;
    let folder = Folder::new();
    let plain = HandlerCommand::on(&database);
    let text = long(10, 10);
    assert_eq!(import(&plain, &folder.write("access.log", text.trim_end()))["pageviews"], 10);
    assert_eq!(import(&plain, &folder.write("access.log", text.trim_end()))["pageviews"], 0);
    let grown = long(11, 11);
    assert_eq!(import(&plain, &folder.write("access.log", grown))["pageviews"], 1);
    assert_day(&database, 11, 11).await;
}

#[tokio::test]
async fn a_valid_but_truncated_last_line_does_not_count_earlier_lines_again() {
    let database = Database::create().await;
    let folder = Folder::new();
    let plain = HandlerCommand::on(&database);
    let noon = "17/May/2015:12:00:00 +0000";
    let text: String = (0..10).map(|last| common(&format!("192.0.2.{last}"), noon, "/")).collect();
    let import = |content: &str| {
        let file = folder.write("access.log", content);
        plain.run(&[&ARGUMENTS[..], &["--format", "common", &file]].concat()).json()
    };
    // "200 12" instead of "200 1234": a line like any other.
    let cut = text.trim_end().strip_suffix("34").unwrap();
    assert_eq!(import(cut)["pageviews"], 10);
    // The last line has changed, so it counts. The nine lines before it do not count again.
    assert_eq!(import(&text)["pageviews"], 1);
    assert_day(&database, 10, 11).await;
}

#[tokio::test]
async fn a_killed_import_continues_after_its_last_commit() {
    // Three chunks, of which each process commits at least one.
    const LINES: usize = 10_000;
    let database = Database::create().await;
    let folder = Folder::new();
    let plain = HandlerCommand::on(&database);
    let log = folder.write("access.log", long(LINES, 1000));
    let mut counted = 0;
    for _ in 0..2 {
        let mut import = plain.spawn(&[&ARGUMENTS[..], &[&log]].concat());
        let began = Instant::now();
        // The process is killed after its next commit.
        while import.is_running() && imported(&database).await <= counted {
            assert!(began.elapsed() < PATIENCE);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        import.kill();
        counted = imported(&database).await;
    }
    assert!(0 < counted, "it had begun");
    let rest = import(&plain, &log);
    let before = rest["lines_counted_before"].as_i64().unwrap();
    assert_eq!((before + rest["pageviews"].as_i64().unwrap(), &rest["lines"]), (10_000, &LINES.into()));
    assert_day(&database, 1000, 10_000).await;
    assert_eq!(import(&plain, &log)["pageviews"], 0);
}

/// Pageviews of all sites; none before the schema is there.
async fn imported(database: &Database) -> i64 {
    let exists = database.number("select count(*) from pg_class where relname = 'tally'").await == 1;
    if exists { database.pageviews().await } else { 0 }
}

#[tokio::test]
async fn concurrent_imports_of_a_log_count_it_once() {
    let database = Database::create().await;
    let folder = Folder::new();
    let plain = HandlerCommand::on(&database);
    let log = folder.write("access.log", long(5000, 1000));
    let arguments = [&ARGUMENTS[..], &[&log]].concat();
    let running = [plain.spawn(&arguments), plain.spawn(&arguments), plain.spawn(&arguments)];
    let counted: i64 = running.map(|import| import.outcome().json()["pageviews"].as_i64().unwrap()).iter().sum();
    assert_eq!(counted, 5000);
    assert_day(&database, 1000, 5000).await;
}

#[tokio::test]
async fn logs_of_the_same_day_share_its_visitors() {
    let database = Database::create().await;
    let folder = Folder::new();
    let plain = HandlerCommand::on(&database);
    let text = long(100, 10);
    let other = combined("10.0.0.3", "17/May/2015:23:00:00 +0000", "/other", FIREFOX);
    let files = [folder.write("a.log", text), folder.write("b.log", other)];
    let summary = plain.run(&[&ARGUMENTS[..], &[&files[0], &files[1]]].concat()).json();
    assert_eq!((&summary["visitors"], &summary["pageviews"]), (&10.into(), &101.into()));
    assert_day(&database, 10, 101).await;
}
