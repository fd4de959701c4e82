//! Importing with `FOOTFALL_FORGET=daily`: a day that is over is forgotten when the import has counted it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use jiff::civil::{Date, date};
use serde_json::{Value, json};

use crate::{
    client::{FIREFOX, visitor},
    database::{Database, not_across_midnight},
    host::Host,
    log::combined,
    process::{Folder, HandlerCommand, PATIENCE},
};

const DAILY: (&str, &str) = ("FOOTFALL_FORGET", "daily");
const ARGUMENTS: [&str; 4] = ["import", "--json", "--site", "example.com"];
const FIRST: Date = date(2015, 1, 1);
const SETS: &str = "select count(*) from pg_class where relkind = 'r' and relname ~ '^seen_[0-9]+$'";

fn daily(database: &Database) -> HandlerCommand {
    HandlerCommand::on(database).with(DAILY.0, DAILY.1)
}

fn import(plain: &HandlerCommand, files: &[&str]) -> Value {
    plain.run(&[&ARGUMENTS[..], files].concat()).json()
}

/// Views of a log: date, time and visitor.
#[derive(Default)]
struct Views {
    log: String,
    days: BTreeMap<Date, (BTreeSet<usize>, i64)>,
}

impl Views {
    fn add(&mut self, visitor: usize, day: Date, time: &str) {
        let at = format!("{}:{time} +0000", day.strftime("%d/%b/%Y"));
        self.log += &combined(&format!("192.0.2.{visitor}"), &at, "/", FIREFOX);
        let (visitors, views) = self.days.entry(day).or_default();
        visitors.insert(visitor);
        *views += 1;
    }

    /// A log of consecutive days. A day's last line follows the first line of the next day, as servers write them.
    fn of_days(number: usize, visitors: std::ops::Range<usize>) -> Self {
        let mut views = Self::default();
        let mut day = FIRST;
        for place in 0..number {
            if place > 0 {
                views.add(visitors.start, day, "00:00:00");
                views.add(visitors.end, day.yesterday().unwrap(), "23:59:59");
            }
            for visitor in visitors.clone().filter(|visitor| place.is_multiple_of(visitor % 7 + 1)) {
                views.add(visitor, day, "10:00:00");
                views.add(visitor, day, "18:00:00");
            }
            day = day.tomorrow().unwrap();
        }
        views
    }

    /// Visitors and views of each day, counted one by one.
    fn counted(logs: &[&Self]) -> Vec<(i64, i64)> {
        let mut days: BTreeMap<Date, (BTreeSet<usize>, i64)> = BTreeMap::new();
        for (day, (visitors, views)) in logs.iter().flat_map(|log| &log.days) {
            let counted = days.entry(*day).or_default();
            counted.0.extend(visitors);
            counted.1 += views;
        }
        days.into_values().map(|(visitors, views)| (i64::try_from(visitors.len()).unwrap(), views)).collect()
    }
}

#[tokio::test]
async fn with_daily_forgetting_an_import_forgets_the_days_that_it_has_counted() {
    not_across_midnight().await;
    let database = Database::create().await;
    let host = Host::on(&database).with(DAILY.0, DAILY.1).start().await;
    host.process.wait_until_ready().await;
    host.send(&visitor(1)).await;

    // Two servers, whose logs have the same days and share visitors.
    let (folder, plain) = (Folder::new(), daily(&database));
    let logs = [Views::of_days(80, 1..20), Views::of_days(80, 10..40)];
    let files = [folder.write("a.log", &logs[0].log), folder.write("b.log", &logs[1].log)];
    let summary = import(&plain, &[&files[0], &files[1]]);
    assert_eq!((&summary["late"]["lines"], &summary["refused"]), (&0.into(), &json!({})));
    assert_eq!(database.visitors_and_views("example.com").await, Views::counted(&[&logs[0], &logs[1]]));
    let known = database.texts("select period::text from salt where site <> 1 and salt is not null order by 1").await;
    let last = date(2015, 3, 21).since((jiff::Unit::Day, date(1970, 1, 1))).unwrap().get_days();
    assert_eq!(
        known,
        [(last - 1).to_string(), last.to_string()],
        "the newest two days stay, because the next log may continue them"
    );
    // On a busy machine a lock may delay the end of sets until maintenance.
    host.maintain().await;
    assert_eq!(database.number(SETS).await, 3, "today, and the newest two days of the log");

    // The days that are counted live are untouched.
    host.send(&visitor(1)).await;
    host.send(&visitor(2)).await;
    assert_eq!(database.visitors_today().await, 2);
    let again = import(&plain, &[&files[0], &files[1]]);
    assert_eq!((&again["pageviews"], &again["refused"]), (&0.into(), &json!({})));
    database.assert_sound().await;
}

#[tokio::test]
async fn a_line_of_a_forgotten_day_counts_as_a_late_pageview() {
    let database = Database::create().await;
    let (folder, plain) = (Folder::new(), daily(&database));
    let mut views = Views::of_days(80, 1..20);
    let mut expected = Views::counted(&[&views]);
    views.add(200, FIRST, "23:00:00");
    expected[0].1 += 1;
    let log = folder.write("access.log", &views.log);
    let summary = import(&plain, &[&log]);
    let lines = views.log.lines().count();
    assert_eq!(summary["late"], json!({ "lines": 1, "first": [format!("{log}:{lines}")] }));
    assert_eq!((&summary["refused"], &summary["pageviews"]), (&json!({}), &lines.into()));
    assert_eq!(database.visitors_and_views("example.com").await, expected);
    let late = "select sum(pageviews) from tally where value = 'late'";
    assert_eq!(database.number(late).await, 1);
    database.assert_sound().await;
}

#[tokio::test]
async fn with_daily_forgetting_a_log_can_be_continued_and_an_import_resumed() {
    let database = Database::create().await;
    let (folder, plain) = (Folder::new(), daily(&database));
    let views = Views::of_days(120, 1..40);
    // The log ended in the middle of a day.
    let lines: Vec<&str> = views.log.split_inclusive('\n').collect();
    let log = folder.write("access.log", lines[..lines.len() / 3].concat());
    import(&plain, &[&log]);
    folder.write("access.log", &views.log);
    let counted = database.pageviews().await;
    let mut killed = plain.spawn(&[&ARGUMENTS[..], &[&log]].concat());
    let began = Instant::now();
    while killed.is_running() && database.pageviews().await <= counted {
        assert!(began.elapsed() < PATIENCE);
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    killed.kill();
    let summary = import(&plain, &[&log]);
    assert_eq!((&summary["late"]["lines"], &summary["refused"]), (&0.into(), &json!({})));
    assert_eq!(database.visitors_and_views("example.com").await, Views::counted(&[&views]));
    let known = database.number("select count(*) from salt where salt is not null").await;
    assert!(known < 50, "{known} days are known, more than a killed import leaves");
    database.assert_sound().await;
}
