//! `handler export` and `handler import --from footfall`: the same sums in another database.

use serde_json::Value;

use crate::{
    client::{FIREFOX, Request, SAFARI, reported_view, visitor},
    database::Database,
    host::Host,
    log::combined,
    process::{Folder, HandlerCommand, Outcome},
};

const PERIODS: [&str; 6] = [
    "from=2015-05-10&to=2015-05-12",
    "from=2015-05-01&to=2015-06-30",
    "from=2015-06-02&to=2015-06-02&by=hour",
    "from=2015-05-10&to=2015-06-20&by=week",
    "from=2015-01-01&to=2015-12-31",
    "from=2015-05-11&to=2015-05-11&page=/page-1",
];

/// A log of seven weeks: visitors return after gaps of their own, within a month and across two.
fn log() -> String {
    let mut log = String::new();
    for day in 0..50 {
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
    let file = folder.write("access.log", log());
    HandlerCommand::on(database).run(&["import", "--json", "--site", "localhost", &file]).json();
    HandlerCommand::on(database).run(&["import", "--json", "--site", "other.example", &file]).json();
    database
        .execute("insert into imported_tally values (1, 16560, 'umami', 7, 3), (1, 16561, 'plausible', 8, 4)")
        .await;
    let host = Host::start(database).await;
    for number in [1, 2, 2, 300] {
        assert_eq!(host.send(&reported_view(number)).await.status, 204);
    }
    host.send(&visitor(7).header("Sec-GPC", "1")).await;
}

/// All statistics of a site, without what is not exported: the all-time estimate.
async fn everything(database: &Database, site: &str) -> Vec<Value> {
    let host = Host::start(database).await;
    let mut all = Vec::new();
    for period in PERIODS.iter().chain(&["period=today", "period=30d"]) {
        let request = Request::get(&format!("/api/statistics?site={site}&{period}"));
        let mut statistics = host.send(&request).await.json();
        statistics.as_object_mut().unwrap().remove("as_of").unwrap();
        statistics["visitors"].as_object_mut().unwrap().remove("all_time").unwrap();
        all.push(statistics);
    }
    all
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
    assert_eq!(i64::try_from(text.lines().count()).unwrap(), counters + 2 + 2, "header, end and two imported totals");
    for site in ["localhost", "other.example"] {
        let summary = import(&to, site, &text).json();
        assert_eq!((&summary["refused"]["days"], &summary["unchanged"]), (&0.into(), &0.into()), "{summary}");
        assert_eq!(everything(&to, site).await, everything(&from, site).await, "{site}");
    }
    // An export of the copy has the same lines, and one of a site only its own.
    assert_eq!(export(&to, &[]), text);
    let other = export(&from, &["--site", "other.example"]);
    assert!(other.contains("other.example") && !other.contains("localhost"));
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
                    union all select concat_ws(' ', 'imported', day, source, pageviews) from imported_tally order by 1";
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
