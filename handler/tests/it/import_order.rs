//! Importing in whatever order: files are sorted, months go by, what comes too late is named, and the summary is true.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    cable::Cable,
    client::{FIREFOX, Request},
    database::Database,
    host::Host,
    log::{combined, long},
    process::{Folder, HandlerCommand, PATIENCE},
};

const ARGUMENTS: [&str; 4] = ["import", "--json", "--site", "example.com"];

fn import(plain: &HandlerCommand, files: &[&str]) -> Value {
    plain.run(&[&ARGUMENTS[..], files].concat()).json()
}

/// A view by a visitor at noon of a day such as `01/Feb/2015`.
fn view(visitor: usize, day: &str) -> String {
    combined(&format!("192.0.2.{visitor}"), &format!("{day}:12:00:00 +0000"), "/", FIREFOX)
}

async fn visitors(host: &Host, first: &str, last: &str) -> Value {
    let asked = format!("/api/statistics?site=example.com&from={first}&to={last}");
    host.send(&Request::get(&asked)).await.json()["range"]["visitors"].clone()
}

async fn tallies(database: &Database) -> Vec<String> {
    database.texts("select format('%s %s %s %s %s', day, dimension, value, pageviews, visitors) from tally where pageviews > 0 order by 1").await
}

#[tokio::test]
async fn the_order_of_files_does_not_change_the_statistics() {
    let mut found = Vec::new();
    let months = ["Jan", "Feb", "Mar", "Apr"];
    for order in [[0, 1, 2, 3], [3, 1, 2, 0], [2, 3, 0, 1]] {
        let database = Database::create().await;
        let folder = Folder::new();
        let file = |month: usize| {
            let days = ["03", "04", "17", "28"].map(|day| format!("{day}/{}/2015", months[month]));
            // A line before the first time, as some tools write it, does not count for the order.
            let lines: String =
                days.iter().enumerate().map(|(place, day)| view(1, day) + &view(2 + place + month, day)).collect();
            folder.write(&format!("{}.log", months[month]), format!("# rotated\n{lines}"))
        };
        let files: Vec<String> = order.iter().map(|month| file(*month)).collect();
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let summary = import(&HandlerCommand::on(&database), &files);
        assert_eq!((&summary["pageviews"], &summary["late"]["lines"]), (&32.into(), &0.into()), "{order:?}");
        assert_eq!(summary["refused"]["malformed"]["lines"], 4);
        database.assert_sound().await;
        found.push(tallies(&database).await);
    }
    assert!(!found[0].is_empty());
    assert_eq!((&found[1], &found[2]), (&found[0], &found[0]));
}

#[tokio::test]
async fn a_log_of_fourteen_months_is_exact_in_any_two_consecutive_months() {
    let database = Database::create().await;
    let folder = Folder::new();
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    // Visitor n comes every (n + 2)th day: some daily, some every other month.
    let mut text = String::new();
    let mut came: Vec<(jiff::civil::Date, usize)> = Vec::new();
    let mut day = jiff::civil::date(2014, 11, 1);
    for number in 0..425_usize {
        for visitor in 0..40_usize {
            let every = if visitor < 35 { visitor + 1 } else { visitor * 2 };
            if number.is_multiple_of(every) {
                let month = months[usize::try_from(day.month()).unwrap() - 1];
                text += &view(visitor, &format!("{:02}/{month}/{}", day.day(), day.year()));
                came.push((day, visitor));
            }
        }
        day = day.tomorrow().unwrap();
    }
    let log = folder.write("access.log", text);
    let summary = import(&HandlerCommand::on(&database), &[&log]);
    assert_eq!((&summary["pageviews"], &summary["late"]["lines"]), (&came.len().into(), &0.into()));
    assert_eq!(database.number("select count(*) from salt").await, 14);
    database.assert_sound().await;
    let host = Host::start(&database).await;
    for (first, last) in [
        ("2014-11-01", "2014-12-31"),
        ("2014-12-15", "2015-01-14"),
        ("2015-01-31", "2015-02-01"),
        ("2015-02-10", "2015-03-31"),
        ("2015-06-07", "2015-06-07"),
        ("2015-07-01", "2015-08-31"),
        ("2015-12-02", "2015-12-29"),
    ] {
        let range = first.parse().unwrap()..=last.parse().unwrap();
        let distinct: std::collections::HashSet<usize> =
            came.iter().filter(|(day, _)| range.contains(day)).map(|(_, visitor)| *visitor).collect();
        assert_eq!(visitors(&host, first, last).await, distinct.len(), "{first} to {last}");
    }
    // The live site counts as ever.
    assert_eq!(host.send(&Request::get("/")).await.status, 200);
}

#[tokio::test]
async fn logs_of_several_servers_for_the_same_days_are_merged_by_time() {
    let database = Database::create().await;
    let folder = Folder::new();
    // A load balancer sends a visitor to another server each day.
    let of_server =
        |server: usize| (1..=9).filter(move |day| day % 3 == server).map(|day| view(1, &format!("0{day}/May/2015")));
    let files = [0, 1, 2].map(|server| folder.write(&format!("{server}.log"), of_server(server).collect::<String>()));
    let next = folder.write("next.log", view(1, "10/May/2015"));
    let summary = import(&HandlerCommand::on(&database), &[&files[2], &next, &files[0], &files[1]]);
    assert_eq!((&summary["pageviews"], &summary["late"]["lines"]), (&10.into(), &0.into()), "{summary}");
    let gaps = "select day || ' ' || visitors::text from tally where dimension = 0 order by day";
    let gaps = database.texts(gaps).await;
    assert_eq!((gaps.len(), gaps[0].as_str()), (10, "16556 {1}"), "{gaps:?}");
    assert!(gaps[1..].iter().all(|gap| gap.ends_with("{0,1}")), "{gaps:?}");
    database.assert_sound().await;
}

#[tokio::test]
async fn an_import_retries_its_first_connection() {
    let database = Database::create().await;
    let folder = Folder::new();
    let log = folder.write("access.log", view(1, "10/May/2015"));
    for response in 1..=3 {
        let cable = Cable::to(&database).await;
        cable.lose_response(response);
        let plain = HandlerCommand::on(&database).with("DATABASE_URL", &database.url_by_port(cable.port()));
        let arguments = [&ARGUMENTS[..], &[&log]].concat();
        let import = plain.spawn(&arguments);
        let summary = tokio::task::spawn_blocking(move || import.outcome().json()).await.unwrap();
        assert_eq!(summary["lines"], 1, "{summary}");
    }
}

#[tokio::test]
async fn late_lines_count_as_pageviews_and_are_named() {
    let database = Database::create().await;
    let folder = Folder::new();
    let plain = HandlerCommand::on(&database);
    let days = ["10", "11", "12", "13"].map(|day| view(1, &format!("{day}/May/2015"))).concat();
    import(&plain, &[&folder.write("first.log", days)]);
    // The visitor's two latest days are known, and that there were others: not which. Somebody else is new.
    let late = view(1, "05/May/2015") + &view(2, "05/May/2015") + &view(1, "05/May/2015") + &view(1, "12/May/2015");
    let second = folder.write("second.log", late);
    let summary = import(&plain, &[&second]);
    assert_eq!((&summary["pageviews"], &summary["refused"]), (&4.into(), &json!({})));
    assert_eq!(summary["late"], json!({ "lines": 2, "first": [format!("{second}:1"), format!("{second}:3")] }));
    let host = Host::start(&database).await;
    let statistics =
        host.send(&Request::get("/api/statistics?site=example.com&from=2015-05-01&to=2015-05-31")).await.json();
    assert_eq!(statistics["excluded"]["late"], 2);
    let range = &statistics["range"];
    assert_eq!((&range["visitors"], &range["daily_visitors"], &range["pageviews"]), (&2.into(), &5.into(), &8.into()));
    database.assert_sound().await;
    // People are told, too.
    let third = folder.write("third.log", view(1, "06/May/2015"));
    let told = plain.run(&["import", "--site", "example.com", &third]).stdout;
    assert!(told.contains("too late for their visitors") && told.contains(":1"), "{told}");
}

#[tokio::test]
async fn an_imported_day_between_two_known_days_gets_correct_gaps() {
    let database = Database::create().await;
    let folder = Folder::new();
    let plain = HandlerCommand::on(&database);
    import(&plain, &[&folder.write("first.log", view(1, "10/May/2015") + &view(1, "20/May/2015"))]);
    let summary = import(&plain, &[&folder.write("second.log", view(1, "15/May/2015"))]);
    assert_eq!(summary["late"]["lines"], 0);
    let host = Host::start(&database).await;
    for (first, last) in [("2015-05-10", "2015-05-20"), ("2015-05-11", "2015-05-19"), ("2015-05-16", "2015-05-20")] {
        assert_eq!(visitors(&host, first, last).await, 1, "{first} to {last}");
    }
    assert_eq!(visitors(&host, "2015-05-16", "2015-05-19").await, 0);
    database.assert_sound().await;
}

/// The answer to a commit is lost, and its connection with it: the import asks again, and tells what has happened.
async fn import_with_a_lost_response(database: &Database, file: &str, before: i64) -> Value {
    let cable = Cable::to(database).await;
    let plain = HandlerCommand::on(database).with("DATABASE_URL", &database.url_by_port(cable.port()));
    // Held up, until it is sure that this is the chunk of the log: the schema is brought up to date by a transaction,
    // too.
    let trigger = "create function hold_up() returns trigger language plpgsql as \
                   $$ begin perform pg_advisory_xact_lock_shared(1); return new; end $$; \
                   create trigger hold_up before insert on checkpoint for each row execute function hold_up()";
    database.execute(trigger).await;
    let holder = database.hold("select pg_advisory_xact_lock(1)").await;
    let import = plain.spawn(&[&ARGUMENTS[..], &[file]].concat());
    let began = Instant::now();
    database.wait_for_some("wait_event = 'advisory'").await;
    cable.drop_responses_after_commit();
    holder.release().await;
    while database.pageviews().await <= before {
        assert!(began.elapsed() < PATIENCE, "it was not committed");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    cable.break_connections();
    tokio::task::spawn_blocking(move || import.outcome().json()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_lost_response_the_summary_is_correct() {
    let database = Database::create().await;
    HandlerCommand::on(&database).run(&["migrate"]);
    let folder = Folder::new();
    let log = folder.write("access.log", long(5000, 700));
    let summary = import_with_a_lost_response(&database, &log, 0).await;
    assert_eq!((&summary["pageviews"], &summary["visitors"]), (&5000.into(), &700.into()));
    assert_eq!((&summary["lines"], &summary["lines_counted_before"]), (&5000.into(), &0.into()));
    assert_eq!(summary["days"], json!([{ "date": "2015-05-17", "visitors": 700, "pageviews": 5000 }]));
    assert_eq!(database.visitors_and_views("example.com").await, [(700, 5000)]);
    database.assert_sound().await;
    assert_eq!(import(&HandlerCommand::on(&database), &[&log])["lines_counted_before"], 5000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_lost_response_late_lines_are_named() {
    let database = Database::create().await;
    let folder = Folder::new();
    let plain = HandlerCommand::on(&database);
    let days = ["10", "11", "12", "13"].map(|day| view(1, &format!("{day}/May/2015"))).concat();
    import(&plain, &[&folder.write("first.log", days)]);
    let second = folder.write("second.log", view(1, "05/May/2015") + &view(2, "05/May/2015"));
    let summary = import_with_a_lost_response(&database, &second, 4).await;
    assert_eq!(summary["pageviews"], 2);
    assert_eq!(summary["late"], json!({ "lines": 1, "first": [format!("{second}:1")] }));
    database.assert_sound().await;
}
