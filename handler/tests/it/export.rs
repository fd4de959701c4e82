//! `handler export` and `handler import --from footfall`: the same sums in another database.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

use crate::{
    client::{FIREFOX, Request, SAFARI, reported_view, visitor},
    database::Database,
    host::Host,
    log::combined,
    process::{Folder, HandlerCommand, Outcome, PATIENCE},
};

const PERIODS: [&str; 10] = [
    "from=2015-05-10&to=2015-05-12",
    "from=2015-05-01&to=2015-06-30",
    "from=2015-06-02&to=2015-06-02&by=hour",
    "from=2015-05-10&to=2015-06-20&by=week",
    "from=2015-01-01&to=2015-12-31",
    "from=2015-05-11&to=2015-05-11&page=/page-1",
    "from=2015-05-20&to=2015-06-30&browser=Firefox",
    "from=2015-06-27&to=2015-06-28&browser=Firefox&device=Desktop",
    "from=2015-05-01&to=2015-06-30&page=/page-2&operating_system=!Linux",
    "period=30d&browser=!Safari&device=Desktop",
];

/// The days of a log of seven weeks: visitors return after gaps of their own, within a month and across two.
fn log(days: impl Iterator<Item = usize>) -> String {
    let mut log = String::new();
    for day in days {
        for visitor in (1..40).filter(|visitor| day % (visitor % 11 + 1) == 0) {
            let (month, date) = if day < 22 { ("May", day + 10) } else { ("Jun", day - 21) };
            let time = format!("{date:02}/{month}/2015:{:02}:00:00 +0000", visitor % 24);
            let agent = if visitor % 3 == 0 { SAFARI } else { FIREFOX };
            let line = combined(&format!("192.0.2.{visitor}"), &time, &format!("/page-{}", visitor % 5), agent);
            log += &line.replace("\"-\"", &format!("\"https://{}.example/\"", visitor % 4));
        }
    }
    log
}

fn export(database: &Database, arguments: &[&str]) -> String {
    let outcome = HandlerCommand::on(database).run(&[&["export"], arguments].concat());
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{outcome:?}");
    outcome.stdout
}

fn import(database: &Database, site: &str, text: &str) -> Outcome {
    let arguments = ["import", "--json", "--site", site, "--from", "footfall", "-"];
    HandlerCommand::on(database).run_with_input(&arguments, text.as_bytes())
}

async fn fill(database: &Database) {
    let folder = Folder::new();
    // A day that comes late moves visitors of the following day.
    let file = folder.write("access.log", log((0..50).filter(|day| *day != 48)));
    let late = folder.write("late.log", log(48..49));
    for file in [&file, &late] {
        HandlerCommand::on(database).run(&["import", "--json", "--site", "localhost", file]).json();
        HandlerCommand::on(database).run(&["import", "--json", "--site", "other.example", file]).json();
    }
    database
        .execute("insert into imported_tally values (1, 16560, 'umami', 7, 3), (1, 16561, 'plausible', 8, 4)")
        .await;
    let host = Host::start(database).await;
    for number in [1, 2, 2, 300] {
        assert_eq!(host.send(&reported_view(number)).await.status, 204);
    }
    host.send(&visitor(7).header("Sec-GPC", "1")).await;
}

fn periods() -> impl Iterator<Item = &'static str> {
    PERIODS.into_iter().chain(["period=today", "period=30d"])
}

/// How long statistics have the same hours and the same period before: half an hour.
const COMPARED_SECONDS: i64 = 30 * 60;

/// The statistics of a site in each of two databases, without what is not exported: the all-time estimate.
async fn statistics(hosts: [&Host; 2], site: &str, period: &str) -> [Value; 2] {
    let request = Request::get(&format!("/api/statistics?site={site}&{period}"));
    loop {
        let mut read = Vec::new();
        for host in hosts {
            let mut statistics = host.send(&request).await.json();
            let as_of: jiff::Timestamp = statistics["as_of"].take().as_str().unwrap().parse().unwrap();
            statistics["visitors"].as_object_mut().unwrap().remove("all_time").unwrap();
            read.push((as_of.as_second() / COMPARED_SECONDS, statistics));
        }
        let [(one_time, one), (other_time, other)] = <[_; 2]>::try_from(read).unwrap();
        if one_time == other_time {
            return [one, other];
        }
    }
}

#[tokio::test]
async fn an_exported_site_has_the_same_statistics_in_another_database() {
    let (from, to) = (Database::create().await, Database::create().await);
    fill(&from).await;
    // Sums of months that are valid before the import must not stay valid.
    to.execute(
        "insert into site (name) values ('localhost'); insert into rolled_month values (1, 16586, 0); \
         insert into rollup values (1, 16586, 1, '/wrong', 99)",
    )
    .await;
    let text = export(&from, &[]);
    let counters = from.number("select count(distinct (site, day, dimension, value)) from tally").await;
    let cells = text.lines().filter(|line| line.contains(r#""kind":"cells""#)).count();
    let packed = from.number("select count(*) from pack where cells is not null").await;
    assert_eq!(i64::try_from(cells).unwrap(), packed + 2 + 1, "packed days, two late ones and today");
    assert!(from.number("select count(*) from pack where moves is not null").await == 2);
    let others = i64::try_from(text.lines().count() - cells).unwrap();
    assert_eq!(others, counters + 2 + 2, "header, end and two imported totals");
    for site in ["localhost", "other.example"] {
        let summary = import(&to, site, &text).json();
        assert_eq!((&summary["refused"]["days"], &summary["unchanged"]), (&0.into(), &0.into()), "{summary}");
    }
    // An export of the copy has the same lines, and one of a site only its own.
    assert_eq!(export(&to, &[]), text);
    let other = export(&from, &["--site", "other.example"]);
    assert!(other.contains("other.example") && !other.contains("localhost"));
    let hosts = [&Host::start(&to).await, &Host::start(&from).await];
    for maintenance in ["before", "after"] {
        for site in ["localhost", "other.example"] {
            for period in periods() {
                let [copied, original] = statistics(hosts, site, period).await;
                assert_eq!(copied, original, "{maintenance} maintenance: {site} {period}");
            }
        }
        for host in hosts {
            host.maintain().await;
        }
    }
    to.assert_sound().await;
    // The copy counts on.
    let host = Host::start(&to).await;
    assert_eq!(host.send(&reported_view(301)).await.status, 204);
    // The sets of the visitors are not exported, so compare the tallies alone.
    to.execute("update salt set salt = null").await;
    to.assert_sound().await;
}

#[tokio::test]
async fn importing_an_export_again_changes_nothing_and_other_counts_of_a_day_are_kept() {
    let (from, to) = (Database::create().await, Database::create().await);
    fill(&from).await;
    let text = export(&from, &["--site", "localhost"]);
    import(&to, "localhost", &text).json();
    let stored = async || {
        let rows = "select concat_ws(' ', day, dimension, value, pageviews, visitors) from tally \
                    union all select concat_ws(' ', 'total', pageviews) from total \
                    union all select concat_ws(' ', 'imported', day, source, pageviews) from imported_tally \
                    union all select concat_ws(' ', 'pack', day, cells, moves) from pack \
                    union all select concat_ws(' ', 'cell', visit_day, day, dimension, value, profile, visitors) from cell \
                    order by 1";
        to.texts(rows).await
    };
    let once = stored().await;
    let again = import(&to, "localhost", &text).json();
    assert_eq!((&again["days"], &again["refused"]["days"]), (&0.into(), &0.into()), "{again}");
    assert!(again["unchanged"].as_u64().unwrap() > 40, "{again}");
    assert_eq!(stored().await, once);
    // A day with other counts stays as it is, and the missing day is added.
    to.execute(
        "delete from tally where day = 16566; update total set pageviews = pageviews - 1; \
                update tally set pageviews = pageviews + 1 where day = 16565 and dimension = 1 and value = '/page-1'",
    )
    .await;
    let kept = to.texts("select t::text from tally t where day = 16565 order by 1").await;
    let outcome = import(&to, "localhost", &text);
    assert!(outcome.code == Some(1) && outcome.stderr.contains("1 days of the export were refused"), "{outcome:?}");
    let summary: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!((&summary["days"], &summary["refused"]["first"][0]), (&1.into(), &"2015-05-10".into()), "{summary}");
    assert_eq!(to.texts("select t::text from tally t where day = 16565 order by 1").await, kept);
    assert!(to.number("select count(*) from tally where day = 16566").await > 0);
}

#[tokio::test]
async fn an_import_stores_no_smaller_groups_than_its_database_allows() {
    let from = Database::create().await;
    fill(&from).await;
    let text = export(&from, &["--site", "localhost"]);
    for (smallest, has_cells) in [("5", true), ("10", true), ("11", false), ("off", false)] {
        let to = Database::create().await;
        let command = HandlerCommand::on(&to).with("FOOTFALL_SMALLEST_GROUP", smallest);
        let arguments = ["import", "--json", "--site", "localhost", "--from", "footfall", "-"];
        command.run_with_input(&arguments, text.as_bytes()).json();
        let (cells, packs) =
            (to.number("select count(*) from cell").await, to.number("select count(*) from pack").await);
        assert_eq!((cells > 0, packs > 0), (has_cells, has_cells), "{smallest}");
    }
}

#[tokio::test]
async fn a_faulty_export_is_refused_and_no_day_is_imported_in_part() {
    let (from, to) = (Database::create().await, Database::create().await);
    fill(&from).await;
    let text = export(&from, &["--site", "localhost"]);
    let lines: Vec<&str> = text.lines().collect();
    // The first day is whole, and the second is cut in the middle.
    let second = lines.iter().position(|line| line.contains("2015-05-11")).unwrap();
    let cut = lines[..second + 2].join("\n");
    let outcome = import(&to, "localhost", &cut);
    assert!(outcome.code == Some(1) && outcome.stderr.contains("cut off"), "{outcome:?}");
    assert_eq!(to.texts("select distinct day::text from tally").await, ["16565"]);
    let first = lines[1].to_owned();
    let broken = |from: &str, to: &str| text.replacen(from, to, 1);
    for (faulty, error) in [
        (broken("footfall-export", "other"), "the first line is not of an export"),
        (broken("\"version\":1", "\"version\":2"), "version 2"),
        (broken("\"UTC\"", "\"Europe/Berlin\""), "FOOTFALL_TIMEZONE"),
        (broken("monthly", "daily"), "FOOTFALL_FORGET=daily"),
        (broken("\"pageviews\":", "\"pageviews\":-"), "line 2: numbers are not valid"),
        (broken("\"dimension\":\"", "\"dimension\":\"un"), "line 2"),
        (broken(&first, &format!("{first}\n{first}")), "listed twice"),
        (broken("\"folded\":\"", "\"folded\":\"AAAA"), "not the packed cells of a day"),
        (broken("\"visit_day\":\"2015-05-1", "\"visit_day\":\"2015-06-1"), "cells are not valid"),
        (broken(&format!("{}\n", lines[second]), ""), "are left"),
        (text.clone() + &first, "lines follow the last line"),
        (String::new(), "empty"),
    ] {
        let fresh = Database::create().await;
        let outcome = import(&fresh, "localhost", &faulty);
        assert!(outcome.code == Some(1) && outcome.stderr.contains(error), "{error}: {outcome:?}");
    }
    let outcome = import(&to, "absent.example", &text);
    assert!(outcome.code == Some(1) && outcome.stderr.contains("no rows of absent.example"), "{outcome:?}");
    let absent = HandlerCommand::on(&from).run(&["export", "--site", "absent.example"]);
    assert!(absent.code == Some(1) && absent.stderr.contains("nothing is stored"), "{absent:?}");
}

#[tokio::test]
async fn the_export_over_http_has_the_lines_of_the_command() {
    let database = Database::create().await;
    fill(&database).await;
    let annotated = ["annotate", "--site", "localhost", "--date", "2015-05-11", "Launched"];
    HandlerCommand::on(&database).run(&annotated);
    let host = Host::on(&database).with("FOOTFALL_SITES", "new.example").start().await;
    host.process.wait_until_ready().await;
    for site in ["localhost", "other.example"] {
        let response = host.send(&Request::get(&format!("/api/export?site={site}"))).await;
        assert_eq!((response.status, response.header("content-type")), (200, "application/x-ndjson"));
        let file = format!("attachment; filename=\"{site}.ndjson\"");
        assert_eq!(response.header("content-disposition"), file);
        assert_eq!(response.text(), export(&database, &["--site", site]), "{site}");
    }
    // A configured site has an export before its first visit.
    let empty = host.send(&Request::get("/api/export?site=new.example")).await;
    assert_eq!(empty.text().lines().count(), 2, "{}", empty.text());
    for (target, status) in [
        ("/api/export?site=absent.example", 404),
        ("/api/export?site=a%20b", 400),
        ("/api/export?site=localhost&page=/", 400),
        ("/api/export?site=localhost&from=2015-05-11", 400),
    ] {
        let refused = host.send(&Request::get(target)).await;
        assert_eq!((refused.status, refused.header("content-type")), (status, "application/problem+json"), "{target}");
    }
}

#[tokio::test]
async fn an_export_over_http_is_for_readers_of_the_site() {
    let database = Database::create().await;
    fill(&database).await;
    let token = "mLpO7mKcQ3tZ9wXy2RbVfA4sNdHgEuJ1";
    let settings = HandlerCommand::on(&database).with("FOOTFALL_DASHBOARD_TOKEN", token);
    let settings = settings.with("FOOTFALL_SITES", "other.example");
    let link = settings.run(&["share", "--site", "localhost", "--name", "anna"]).stdout;
    let share = link.trim().rsplit_once("&share=").unwrap().1.to_owned();
    let host = Host::on(&database)
        .with("FOOTFALL_DASHBOARD_TOKEN", token)
        .with("FOOTFALL_SITES", "other.example")
        .start()
        .await;
    host.process.wait_until_ready().await;
    let of = |site: &str, more: &str| Request::get(&format!("/api/export?site={site}{more}"));
    assert_eq!(host.send(&of("localhost", "")).await.status, 401);
    assert_eq!(host.send(&of("other.example", &format!("&share={share}"))).await.status, 401);
    let bearer = format!("Bearer {token}");
    for request in [of("localhost", &format!("&share={share}")), of("localhost", "").header("Authorization", &bearer)] {
        let response = host.send(&request).await;
        assert_eq!((response.status, response.header("cache-control")), (200, "private, no-store"));
        assert!(response.text().contains("\"kind\":\"end\""));
    }
}

const LARGE_EXPORT: &str =
    "GET /api/export?site=large.example HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Firefox/1\r\n\r\n";

/// A site whose export is larger than all buffers between the program and a client: 60 MB.
async fn with_large_site() -> (Database, Host) {
    let database = Database::create().await;
    database
        .execute(
            "insert into site (name) values ('large.example'); \
             insert into tally (site, day, dimension, value, pageviews, visitors) \
             select 1, 16000 + day, 1, repeat('/page', 40) || value, 1, '{1}' \
             from generate_series(1, 400) as day, generate_series(1, 500) as value",
        )
        .await;
    let host = Host::start(&database).await;
    (database, host)
}

#[tokio::test]
async fn an_export_waits_for_its_client_and_breaks_off_if_the_site_is_forgotten() {
    let (database, host) = with_large_site().await;
    let mut stream = TcpStream::connect(("127.0.0.1", host.process.port)).await.unwrap();
    stream.write_all(LARGE_EXPORT.as_bytes()).await.unwrap();
    let mut received = vec![0; 1024];
    stream.read_exact(&mut received).await.unwrap();
    assert!(received.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&received));
    // Other queries have their turns meanwhile.
    assert_eq!(host.send(&Request::get("/api/statistics?site=large.example")).await.status, 200);
    database.execute("update site set name = null").await;
    // An end without the last chunk may be a reset.
    let _ = stream.read_to_end(&mut received).await;
    let text = String::from_utf8_lossy(&received);
    assert!(text.contains("\"kind\":\"tally\"") && received.len() < 50_000_000, "{} bytes", received.len());
    // Neither the last line nor the last chunk.
    assert!(!text.contains("\"kind\":\"end\"") && !text.ends_with("0\r\n\r\n"));
}

#[tokio::test]
async fn an_instance_sends_a_limited_number_of_exports_at_a_time() {
    let (_database, host) = with_large_site().await;
    let mut streams = Vec::new();
    for _ in 0..8 {
        let mut stream = TcpStream::connect(("127.0.0.1", host.process.port)).await.unwrap();
        stream.write_all(LARGE_EXPORT.as_bytes()).await.unwrap();
        let mut received = [0; 13];
        stream.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"HTTP/1.1 200 ");
        streams.push(stream);
    }
    let another = host.send(&Request::get("/api/export?site=large.example")).await;
    assert_eq!((another.status, another.header("retry-after").is_empty()), (429, false));
    // A client that hangs up gives its place back.
    streams.pop();
    let began = Instant::now();
    while host.send(&Request::get("/api/export?site=localhost")).await.status != 200 {
        assert!(began.elapsed() < PATIENCE, "no export ends");
        sleep(Duration::from_millis(50)).await;
    }
}
