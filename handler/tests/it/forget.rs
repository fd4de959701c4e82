//! `handler forget`: what goes, what stays exact, and what handlers do meanwhile.

use serde_json::Value;

use crate::{
    client::{FIREFOX, Request, visitor},
    database::Database,
    host::Host,
    log::combined,
    process::{Folder, HandlerCommand, Outcome},
};

fn forget(database: &Database, arguments: &[&str]) -> Outcome {
    HandlerCommand::on(database).run(&[&["forget", "--site", "example.com"], arguments].concat())
}

/// Imports views of a day in May 2015: visitor, day and path.
fn import(database: &Database, site: &str, views: &[(u8, u8, &str)]) {
    let folder = Folder::new();
    let line = |&(visitor, day, path): &(u8, u8, &str)| {
        combined(&format!("192.0.2.{visitor}"), &format!("{day:02}/May/2015:10:00:00 +0000"), path, FIREFOX)
    };
    let log = folder.write("access.log", views.iter().map(line).collect::<String>());
    HandlerCommand::on(database).run(&["import", "--json", "--site", site, &log]).json();
}

/// Ends the periods, so that the sets are gone and the tallies alone are compared.
async fn end_periods(database: &Database) {
    database.execute("update salt set salt = null").await;
}

async fn statistics(host: &Host, query: &str) -> Value {
    host.send(&Request::get(&format!("/api/statistics?site=example.com&{query}"))).await.json()
}

const VIEWS: [(u8, u8, &str); 6] =
    [(1, 10, "/"), (2, 10, "/users/anna"), (1, 11, "/"), (3, 11, "/users/anna"), (1, 12, "/users/anna"), (1, 12, "/")];

#[tokio::test]
async fn forgetting_without_yes_and_without_a_terminal_says_what_would_go_and_deletes_nothing() {
    let database = Database::create().await;
    import(&database, "example.com", &VIEWS);
    let stored = database.texts("select t::text from tally t order by 1").await;
    let outcome = forget(&database, &[]);
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stderr.contains("--yes"), "{outcome:?}");
    let (rows, all) = (stored.len(), &outcome.stdout);
    assert!(all.contains(&format!("{rows} rows of 3 days (2015-05-10 to 2015-05-12) with 6 pageviews")), "{all}");
    let days = forget(&database, &["--from", "2015-05-10", "--to", "2015-05-11"]).stdout;
    assert!(days.contains("of 2 days (2015-05-10 to 2015-05-11) with 4 pageviews"), "{days}");
    let page = forget(&database, &["--page", "/users/anna"]).stdout;
    assert!(page.contains("of 3 days (2015-05-10 to 2015-05-12) with 3 pageviews"), "{page}");
    for (arguments, error) in [
        (&["--from", "2015-05-10"][..], "--to"),
        (&["--from", "2015-05-11", "--to", "2015-05-10", "--yes"], "before the first"),
        (&["--page", "users", "--yes"], "begins with /"),
    ] {
        let outcome = forget(&database, arguments);
        assert!(outcome.code != Some(0) && outcome.stderr.contains(error), "{outcome:?}");
    }
    let nothing = forget(&database, &["--page", "/absent"]);
    assert!(nothing.code == Some(0) && nothing.stdout.contains("Nothing of this is stored"), "{nothing:?}");
    assert_eq!(database.texts("select t::text from tally t order by 1").await, stored);
}

#[tokio::test]
async fn a_forgotten_site_leaves_no_row_and_other_sites_keep_theirs() {
    let database = Database::create().await;
    import(&database, "other.example", &VIEWS);
    // Every table with a column `site` has the rows of both.
    let columns = "select table_name::text from information_schema.columns where column_name = 'site' \
                   and table_schema = current_schema() order by 1";
    let tables = database.texts(columns).await;
    let rows = async |site: &str| {
        let mut rows = Vec::new();
        for table in &tables {
            let of_site = format!("select t::text from {table} t where site = {site} order by 1");
            rows.push((table.clone(), database.texts(&of_site).await));
        }
        rows
    };
    import(&database, "example.com", &VIEWS);
    database
        .execute(
            "insert into rolled_month values (2, 16586, 1); insert into rollup values (2, 16586, 1, '/', 3); \
             insert into minute values (2, 1, 1, 0); insert into addition values (2, 16565, 1, 7, 1) on conflict do nothing; \
             insert into imported_tally values (2, 16565, 'umami', 3, 1); \
             insert into cell values (2, 16565, 16565, 0, '', 'open', '{1}', 0); \
             insert into annotation values (1, 16565, 'Note'), (2, 16565, 'Note'); \
             insert into notice values ('spike', 2, 16565, 1, now(), true)",
        )
        .await;
    let other = rows("1").await;
    let filled = rows("2").await;
    assert!(filled.iter().all(|(_, rows)| !rows.is_empty()), "no rows to forget: {filled:?}");
    let outcome = forget(&database, &["--yes"]);
    assert!(outcome.code == Some(0) && outcome.stdout.ends_with("Deleted.\n"), "{outcome:?}");
    for (table, rows) in rows("2").await {
        // A row without a key stays, so that no instance counts by the key in its memory.
        let expected = if table == "salt" {
            database.number("select count(*) from salt where site = 2 and salt is null").await
        } else {
            0
        };
        assert_eq!(i64::try_from(rows.len()).unwrap(), expected, "{table}: {rows:?}");
    }
    assert_eq!(rows("1").await, other);
    assert_eq!(database.texts("select name from site").await, ["other.example"]);
    database.assert_sound().await;
    // The same logs count again.
    import(&database, "example.com", &VIEWS);
    let host = Host::start(&database).await;
    let again = statistics(&host, "from=2015-05-10&to=2015-05-12").await;
    assert_eq!((&again["range"]["visitors"], &again["pageviews"]["all_time"]), (&3.into(), &6.into()));
    database.assert_sound().await;
}

#[tokio::test]
async fn forgotten_days_leave_sums_that_add_up_and_other_ranges_exact() {
    let database = Database::create().await;
    import(&database, "example.com", &VIEWS);
    import(&database, "example.com", &[(4, 20, "/"), (1, 20, "/")]);
    end_periods(&database).await;
    database
        .execute(
            "insert into imported_tally values (1, 16565, 'umami', 3, 1), (1, 16567, 'umami', 3, 1); \
             insert into rolled_month values (1, 16586, 2); insert into rollup values (1, 16586, 1, '/', 99)",
        )
        .await;
    let outcome = forget(&database, &["--from", "2015-05-10", "--to", "2015-05-11", "--yes"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(database.texts("select distinct day::text from tally order by 1").await, ["16567", "16575"]);
    assert_eq!(database.texts("select day::text from imported_tally").await, ["16567"]);
    assert_eq!(database.number("select (select count(*) from rollup) + (select count(*) from rolled_month)").await, 0);
    database.assert_sound().await;
    let host = Host::start(&database).await;
    let rest = statistics(&host, "from=2015-05-12&to=2015-05-31").await;
    assert_eq!((&rest["range"]["visitors"], &rest["range"]["pageviews"]), (&2.into(), &4.into()));
    assert_eq!((&rest["range"]["exact"], &rest["pageviews"]["all_time"]), (&true.into(), &4.into()));
    // Visitors who had come on the deleted days are missing, and the numbers say so.
    let missing = "from=2015-05-10&to=2015-05-31";
    assert_eq!(statistics(&host, missing).await["range"]["exact"], false);
    // A log that has been counted does not bring the days back.
    import(&database, "example.com", &VIEWS);
    assert_eq!(database.number("select sum(pageviews)::bigint from total").await, 4);
    for (query, is_said) in [(missing, true), ("from=2015-05-12&to=2015-05-31", false)] {
        let page = host.send(&Request::get(&format!("/?site=example.com&{query}"))).await;
        assert_eq!(page.text().contains("Some days were deleted"), is_said, "{query}");
    }
}

#[tokio::test]
async fn a_forgotten_page_is_counted_as_other_and_the_totals_of_the_site_stay() {
    let database = Database::create().await;
    import(&database, "example.com", &VIEWS);
    end_periods(&database).await;
    database
        .execute(
            "insert into tally (site, day, dimension, value, slot, pageviews, visitors) \
             select 1, 16566, dimension, value, slot, pageviews, '{}' from (values \
                (2, 'news.example', 0, 5), (100, 'news.example /', 0, 2), (100, 'news.example /users/anna', 0, 3), \
                (15, '/users/anna', 0, 4), (1, '/users/anna', 3, 1), (1, 'other', 0, 1), (0, '', 3, 2), (10, '10', 3, 2) \
             ) as added (dimension, value, slot, pageviews); \
             update total set pageviews = pageviews + 2; \
             insert into rolled_month values (1, 16586, 1); insert into rollup values (1, 16586, 1, '/users/anna', 99)",
        )
        .await;
    database.assert_sound().await;
    let host = Host::start(&database).await;
    let before = statistics(&host, "from=2015-05-10&to=2015-05-12").await;
    let outcome = forget(&database, &["--page", "/users/anna", "--yes"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    for (table, condition) in [("tally", "value like '%anna%'"), ("rollup", "true"), ("rolled_month", "true")] {
        assert_eq!(database.number(&format!("select count(*) from {table} where {condition}")).await, 0, "{table}");
    }
    database.assert_sound().await;
    let other = Host::start(&database).await;
    let after = statistics(&other, "from=2015-05-10&to=2015-05-12").await;
    for number in ["range", "pageviews", "visitors", "referrers", "browsers"] {
        assert_eq!(after[number], before[number], "{number}");
    }
    let visitors = |list: &str| -> Vec<(String, i64)> {
        let entry = |entry: &Value| (entry["value"].as_str().unwrap().to_owned(), entry["visitors"].as_i64().unwrap());
        after[list].as_array().unwrap().iter().map(entry).collect()
    };
    // A visitor has one entry page a day, but can have several pages.
    assert_eq!(visitors("entry_pages"), [("/".to_owned(), 1), ("other".to_owned(), 2)]);
    assert_eq!(visitors("pages"), [("/".to_owned(), 1), ("other".to_owned(), 0)]);
    assert_eq!(after["pages"][1]["pageviews"], 5);
    assert_eq!(after["ai_pages"][0]["pageviews"], 4);
    assert_eq!(
        database.texts("select value from tally where dimension = 100 order by 1").await,
        ["news.example /", "other"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_instance_counts_a_forgotten_site_anew() {
    let database = Database::create().await;
    let hosts = [Host::start(&database).await, Host::start(&database).await];
    for (host, visitors) in hosts.iter().zip([1..=3, 2..=4]) {
        for number in visitors {
            assert_eq!(host.send(&visitor(number)).await.status, 200);
        }
    }
    assert_eq!(hosts[0].statistics().await["range"]["visitors"], 4);
    let outcome = HandlerCommand::on(&database).run(&["forget", "--site", "localhost", "--yes"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(database.number("select count(*) from tally").await, 0);
    // Every instance remembers these visitors as counted.
    for (host, visitors) in hosts.iter().zip([1..=2, 2..=2]) {
        for number in visitors {
            assert_eq!(host.send(&visitor(number)).await.status, 200);
        }
    }
    for host in &hosts {
        let statistics = host.statistics().await;
        assert_eq!((&statistics["range"]["visitors"], &statistics["pageviews"]["all_time"]), (&2.into(), &3.into()));
        assert_eq!(statistics["visitors"]["all_time"]["estimate"], 2);
    }
    assert_eq!(database.number("select count(*) from tally where site not in (select id from site)").await, 0);
    database.assert_sound().await;
    // The set holds visitors of the forgotten site, too, and the period goes on.
    hosts[0].maintain().await;
    assert_eq!(hosts[1].send(&visitor(5)).await.status, 200);
    assert_eq!(hosts[1].statistics().await["range"]["visitors"], 3);
}

#[tokio::test]
async fn a_set_of_a_forgotten_site_stays_open_for_its_next_visit() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&visitor(1)).await;
    HandlerCommand::on(&database).run(&["forget", "--site", "localhost", "--yes"]);
    assert_eq!(host.maintain().await["sets_dropped"], 0);
    host.send(&visitor(1)).await;
    assert_eq!(host.statistics().await["range"]["visitors"], 1);
    // It is dropped after its time.
    HandlerCommand::on(&database).run(&["forget", "--site", "localhost", "--yes"]);
    database.execute("update salt set forget_after = forget_after - interval '100 days'").await;
    assert_ne!(host.maintain().await["sets_dropped"], 0);
}

#[tokio::test]
async fn forgetting_waits_for_maintenance_and_maintenance_continues_it() {
    let database = Database::create().await;
    import(&database, "example.com", &VIEWS);
    database.execute("update setting set maintained_until = database_clock() + interval '1 hour'").await;
    let mut waiting = HandlerCommand::on(&database).spawn(&["forget", "--site", "example.com", "--yes"]);
    while database.number("select count(*) from site where name is not null").await > 0 {
        assert!(waiting.is_running(), "{:?}", waiting.lines());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(database.number("select count(*) from tally").await > 0);
    waiting.kill();
    drop(waiting);
    // The site has no name any more, and maintenance deletes its rows.
    let host = Host::start(&database).await;
    database.execute("update setting set maintained_until = null").await;
    host.maintain().await;
    assert_eq!(database.number("select (select count(*) from tally) + (select count(*) from site)").await, 0);

    import(&database, "example.com", &VIEWS);
    database.execute("update setting set maintained_until = database_clock() + interval '1 hour'").await;
    let waiting = HandlerCommand::on(&database).spawn(&["forget", "--site", "example.com", "--yes"]);
    while !waiting.lines().concat().contains("Waiting") {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    database.execute("update setting set maintained_until = null").await;
    let outcome = waiting.outcome();
    assert!(outcome.code == Some(0) && outcome.stdout.ends_with("Deleted.\n"), "{outcome:?}");
    assert_eq!(database.number("select count(*) from tally").await, 0);
}
