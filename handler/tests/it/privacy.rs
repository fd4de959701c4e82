//! Stored and logged data never identifies a visitor.

use crate::{
    client::{FIREFOX, GOOGLEBOT, Request, SAFARI, visitor},
    database::Database,
    host::Host,
    log::combined,
    process::{Folder, HandlerCommand},
};

const ADDRESSES: [&str; 4] = ["203.0.113.77", "198.51.100.88", "2001:db8:77:88::99", "192.0.2.66"];

/// Parts of requests that must not be stored or logged.
const TRACES: [&str; 15] = [
    "203.0.113.77",
    "198.51.100.88",
    "2001:db8:77",
    "192.0.2.66",
    "Firefox/1",
    "Mozilla",
    "Safari/6",
    "Googlebot/2",
    "rv:145",
    "secret-token",
    "session=abc",
    "de-CH-1996",
    "hidden-query",
    "ImportedBrowser",
    "frank",
];

#[tokio::test]
async fn addresses_user_agents_and_raw_events_are_never_stored_or_logged() {
    let database = Database::create().await;
    let host = Host::on(&database).with("FOOTFALL_LOG", "debug").start().await;
    host.process.wait_until_ready().await;
    for address in ADDRESSES {
        for user_agent in [FIREFOX, SAFARI, GOOGLEBOT] {
            let request = Request::get("/?hidden-query=1")
                .from(address)
                .user_agent(user_agent)
                .header("Referer", "https://news.example/path?secret-token=1")
                .header("Cookie", "session=abc")
                .header("Accept-Language", "de-CH-1996");
            host.send(&request).await;
            host.send(&request.clone().method("HEAD")).await;
            host.send(&request.clone().header("Sec-GPC", "1")).await;
            host.send(&request.clone().to("/?period=bad&hidden-query=1")).await;
            host.send(&request.clone().to("/nothing/hidden-query")).await;
        }
    }
    let folder = Folder::new();
    let log = folder.write(
        "access.log",
        combined(ADDRESSES[3], "17/May/2015:12:00:00 +0000", "/imported?hidden-query=1", "ImportedBrowser/1")
            .replace("- -", "- frank"),
    );
    let import =
        HandlerCommand::on(&database).with("FOOTFALL_LOG", "debug").run(&["import", "--site", "example.com", &log]);
    assert_eq!(import.code, Some(0), "{import:?}");
    // Provoke failures: a missing salt, and then a lost connection.
    database.execute("update salt set forget_after = now() - interval '1 hour', salt = null where site = 1").await;
    host.maintain().await;
    host.send(&Request::get("/").from("203.0.113.77").user_agent("ImportedBrowser/2")).await;
    database
        .execute(
            "select pg_terminate_backend(pid) from pg_stat_activity \
             where application_name = 'footfall' and datname = current_database()",
        )
        .await;
    host.send(&Request::get("/").from("203.0.113.77").user_agent("ImportedBrowser/2")).await;

    let tables = database
        .texts(
            "select table_name::text from information_schema.tables \
             where table_schema = 'public' and table_type = 'BASE TABLE'",
        )
        .await;
    let mut stored = String::new();
    for table in &tables {
        stored += &database.texts(&format!("select t::text from \"{table}\" t")).await.join("\n");
    }
    assert!(stored.contains("news.example") && stored.contains("/imported"), "the dump contains the statistics");
    let logged = host.process.lines().concat() + &import.stdout + &import.stderr;
    for trace in TRACES {
        assert!(!stored.contains(trace), "{trace} is stored");
        assert!(!logged.contains(trace), "{trace} is logged");
    }
    for fingerprint in database.texts("select fingerprint::text from seen").await {
        assert!(!logged.contains(&fingerprint), "a fingerprint is logged");
    }
    for salt in database
        .texts("select encode(salt, 'hex') from salt where salt is not null union select encode(salt, 'hex') from site")
        .await
    {
        assert!(!logged.contains(&salt), "a salt is logged");
    }
}

#[tokio::test]
async fn the_tables_have_only_the_documented_columns() {
    let database = Database::create().await;
    HandlerCommand::on(&database).run(&["migrate"]);
    let columns = database
        .texts(
            "select table_name || '.' || column_name || ' ' || data_type from information_schema.columns \
             where table_schema = 'public' and table_name not like '\\_sqlx%' \
             and table_name not like 'citus%' order by 1",
        )
        .await;
    let documented = [
        "addition.added smallint",
        "addition.day integer",
        "addition.dimension smallint",
        "addition.network bigint",
        "addition.site integer",
        "annotation.day integer",
        "annotation.site integer",
        "annotation.text text",
        "batch.committed timestamp with time zone",
        "batch.id uuid",
        "cell.day integer",
        "cell.dimension smallint",
        "cell.profile text",
        "cell.site integer",
        "cell.slot smallint",
        "cell.value text",
        "cell.visit_day integer",
        "cell.visitors ARRAY",
        "checkpoint.bytes bigint",
        "checkpoint.digest bytea",
        "checkpoint.site integer",
        "ended_set.period integer",
        "imported_tally.day integer",
        "imported_tally.pageviews bigint",
        "imported_tally.site integer",
        "imported_tally.source text",
        "imported_tally.visitors bigint",
        "minute.minute integer",
        "minute.pageviews bigint",
        "minute.site integer",
        "minute.slot smallint",
        "network_key.day integer",
        "network_key.key bytea",
        "notice.attempts smallint",
        "notice.day integer",
        "notice.delivered boolean",
        "notice.held_until timestamp with time zone",
        "notice.kind text",
        "notice.site integer",
        "pack.cells bytea",
        "pack.day integer",
        "pack.moves bytea",
        "pack.profiles bytea",
        "pack.site integer",
        "register.rank smallint",
        "register.register smallint",
        "register.site integer",
        "rolled_month.checkpoints bigint",
        "rolled_month.last_day integer",
        "rolled_month.site integer",
        "rollup.dimension smallint",
        "rollup.last_day integer",
        "rollup.pageviews bigint",
        "rollup.site integer",
        "rollup.value text",
        "salt.forget_after timestamp with time zone",
        "salt.period integer",
        "salt.salt bytea",
        "salt.site integer",
        "seen.fingerprint bigint",
        "seen.latest smallint",
        "seen.period integer",
        "seen.second smallint",
        "seen.third smallint",
        "setting.forget text",
        "setting.maintained_until timestamp with time zone",
        "setting.only_row boolean",
        "setting.time_zone text",
        "site.id integer",
        "site.name text",
        "site.salt bytea",
        "tally.day integer",
        "tally.dimension smallint",
        "tally.pageviews bigint",
        "tally.site integer",
        "tally.slot smallint",
        "tally.value text",
        "tally.visitors ARRAY",
        "total.pageviews bigint",
        "total.registers_revision bigint",
        "total.site integer",
        "total.slot smallint",
    ];
    assert_eq!(columns, documented);
}

#[tokio::test]
async fn statistics_of_the_planner_hold_no_salt_and_no_fingerprint() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    for number in 0..20 {
        assert_eq!(host.send(&visitor(number)).await.status, 200);
    }
    database.execute("analyze").await;
    assert!(database.number("select count(*) from pg_stats where tablename = 'tally'").await > 0);
    let secret = "attname in ('salt', 'fingerprint')";
    assert_eq!(
        database.texts(&format!("select tablename || '.' || attname from pg_stats where {secret}")).await,
        [""; 0]
    );
    // No column that can hold one is left out: a new set gets the setting of its table.
    let open = "attrelid in (select oid from pg_class where relkind in ('r', 'p') and relnamespace = current_schema()::regnamespace)";
    let unset =
        format!("select count(*) from pg_attribute where {secret} and {open} and attstattarget is distinct from 0");
    assert_eq!(database.number(&unset).await, 0);
}

#[tokio::test]
async fn a_visitor_has_a_different_fingerprint_in_each_period_and_on_each_site() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    host.send(&Request::get("/")).await;
    let folder = Folder::new();
    let line = |day: &str| combined("203.0.113.9", &format!("{day}/2015:12:00:00 +0000"), "/", FIREFOX);
    let log = folder.write("access.log", line("17/May") + &line("18/May") + &line("01/Jun"));
    for site in ["example.com", "example.org"] {
        HandlerCommand::on(&database).run(&["import", "--site", site, &log]);
    }
    let all = database.number("select count(*) from seen").await;
    assert_eq!(database.number("select count(distinct fingerprint) from seen").await, all);
    assert_eq!(
        database.number("select count(distinct salt) from salt").await,
        database.number("select count(*) from salt").await
    );
    // Two fingerprints (site and page) for each site and month: one live month, and two months on two sites.
    assert_eq!(all, 10);
}
