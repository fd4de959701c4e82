//! The places of a day's lists: one network can add 20 new values to each, and what was listed in the last seven days keeps its place.

use handler::domain::{
    Dimension, Exclusion,
    dimension::{OTHER, REMEMBERED_DAYS, VALUES_A_NETWORK},
};
use serde_json::{Value, json};

use crate::{
    client::{Request, visitor},
    database::Database,
    host::Host,
    process::{Folder, HandlerCommand},
};

const SITE: &str = "localhost";

/// The limit as the database compares it.
const LIMIT: i64 = VALUES_A_NETWORK as i64;

const TODAY: &str = "((clock_timestamp() at time zone 'UTC')::date - date '1970-01-01')";

/// A message of the script, by the visitor with this number.
fn sent(number: usize, message: &Value) -> Request {
    let body = message.to_string();
    visitor(number).to("/v").method("POST").header("Content-Length", &body.len().to_string()).body(&body)
}

fn view(number: usize, page: &str) -> Request {
    sent(number, &json!({ "s": SITE, "p": page }))
}

fn event(number: usize, name: &str) -> Request {
    sent(number, &json!({ "s": SITE, "p": "/", "e": name }))
}

async fn counted(host: &Host, request: &Request) {
    let response = host.send(request).await;
    assert!([200, 204].contains(&response.status), "{}", response.text());
}

/// The values of a list other than `other`, and the pageviews of `other`.
async fn listed(database: &Database, dimension: Dimension) -> (i64, i64) {
    let of = format!("from tally where dimension = {}", dimension.number());
    let values = database.number(&format!("select count(*) {of} and value <> '{OTHER}'")).await;
    let other = format!("select coalesce(sum(pageviews), 0)::bigint {of} and value = '{OTHER}'");
    (values, database.number(&other).await)
}

async fn views_of(database: &Database, dimension: Dimension, value: &str) -> i64 {
    let number = dimension.number();
    let views = format!("select coalesce(sum(pageviews), 0)::bigint from tally where dimension = {number}");
    database.number(&format!("{views} and value = '{value}'")).await
}

async fn accounted(database: &Database) -> i64 {
    let name = Exclusion::TooManyValues.name();
    let views = "select coalesce(sum(pageviews), 0)::bigint from tally where dimension = 9";
    database.number(&format!("{views} and value = '{name}'")).await
}

/// Fills a list of today with as many values as it has places.
async fn fill(database: &Database, dimension: Dimension) {
    let (number, places) = (dimension.number(), dimension.values_a_day());
    let values =
        format!("select 1, {TODAY}, {number}, 'made-up-' || n, 1, '{{1}}' from generate_series(1, {places}) as n");
    database.execute(&format!("insert into tally {values}")).await;
}

#[tokio::test]
async fn one_network_adds_20_new_values_a_day_to_each_list() {
    use Dimension::{AiPage, Campaign, CampaignMedium, CampaignSource, EntryPage, Event, Page, Referral, Referrer};
    const SENT: usize = 30;
    let database = Database::create().await;
    let host = Host::start(&database).await;
    for number in 0..SENT {
        counted(&host, &event(1, &format!("event {number}"))).await;
        let message = json!({
            "s": SITE,
            "p": format!("/page-{number}"),
            "r": format!("https://site-{number}.example/"),
            "c": {
                "source": format!("source {number}"),
                "medium": format!("medium {number}"),
                "campaign": format!("campaign {number}"),
            },
        });
        counted(&host, &sent(1, &message)).await;
        // Robots share the limit of their network, and their pages have a list of their own.
        let robot = sent(1, &message).user_agent("Mozilla/5.0 (compatible; GPTBot/1.2)");
        counted(&host, &robot).await;
    }
    let beyond = i64::try_from(SENT).unwrap() - LIMIT;
    for dimension in [Page, EntryPage, Referrer, Referral, CampaignSource, CampaignMedium, Campaign, Event, AiPage] {
        assert_eq!(listed(&database, dimension).await, (LIMIT, beyond), "{dimension:?}");
    }
    // An event, a view and a robot's view, each once, however many of its values are beyond the limit.
    assert_eq!(accounted(&database).await, 3 * beyond);
    // Values with a place count for everybody, and another network has a limit of its own.
    counted(&host, &view(1, "/page-0")).await;
    counted(&host, &view(2, "/page-29")).await;
    counted(&host, &view(1, "/page-29")).await;
    assert_eq!(views_of(&database, Page, "/page-0").await, 2);
    assert_eq!(views_of(&database, Page, "/page-29").await, 2);
    assert_eq!(accounted(&database).await, 3 * beyond);
    let statistics = host.statistics().await;
    assert_eq!(statistics["excluded"][Exclusion::TooManyValues.name()], 3 * beyond);
    assert_eq!(statistics["pageviews"]["today"], i64::try_from(SENT).unwrap() + 3);
    database.assert_sound().await;
}

#[tokio::test]
async fn the_limit_of_a_network_holds_over_instances_and_restarts() {
    let database = Database::create().await;
    let hosts = [Host::start(&database).await, Host::start(&database).await, Host::start(&database).await];
    let mut sending = Vec::new();
    for number in 0..90 {
        sending.push(hosts[number % 3].send_later(&view(1, &format!("/page-{number}"))));
    }
    for response in sending {
        assert_eq!(response.await.unwrap().status, 204);
    }
    let restarted = Host::start(&database).await;
    for number in 90..95 {
        counted(&restarted, &view(1, &format!("/page-{number}"))).await;
    }
    assert_eq!(listed(&database, Dimension::Page).await, (LIMIT, 95 - LIMIT));
    assert_eq!(accounted(&database).await, 95 - LIMIT);
    assert_eq!(database.pageviews().await, 95);
    database.assert_sound().await;
}

#[tokio::test]
async fn the_households_of_one_provider_network_share_the_limit() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    for number in 0..30 {
        let page = format!("/page-{number}");
        counted(&host, &view(1, &page).from(&format!("2001:db8:0:{number:02x}::1"))).await;
    }
    assert_eq!(listed(&database, Dimension::Page).await, (LIMIT, 30 - LIMIT));
}

#[tokio::test]
async fn a_value_of_the_last_seven_days_has_a_place_and_adds_nothing() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    counted(&host, &visitor(1)).await;
    let page = Dimension::Page;
    for (value, back) in [("/known", 1), ("/rare", REMEMBERED_DAYS), ("/old", REMEMBERED_DAYS + 1)] {
        let row = format!("(1, {TODAY} - {back}, {}, '{value}', 1, '{{1}}')", page.number());
        database.execute(&format!("insert into tally values {row}")).await;
    }
    for list in [page, Dimension::EntryPage] {
        let values = "'/' || n, 1, '{1}' from generate_series(1, 30) as n";
        database.execute(&format!("insert into tally select 1, {TODAY} - 2, {}, {values}", list.number())).await;
    }
    // A network whose office reads many known pages can still add new ones.
    for number in 1..=30 {
        counted(&host, &view(2, &format!("/{number}"))).await;
    }
    for number in 0..20 {
        counted(&host, &view(2, &format!("/new-{number}"))).await;
    }
    assert_eq!(accounted(&database).await, 0);
    fill(&database, page).await;
    for value in ["/known", "/rare", "/old", "/unknown"] {
        counted(&host, &view(3, value)).await;
    }
    for (value, views) in [("/known", 2), ("/rare", 2), ("/old", 1), ("/unknown", 0)] {
        assert_eq!(views_of(&database, page, value).await, views, "{value}");
    }
    assert_eq!(views_of(&database, page, OTHER).await, 2);
}

#[tokio::test]
async fn events_that_the_owner_names_always_have_a_place() {
    let database = Database::create().await;
    let host = Host::on(&database).with("FOOTFALL_EVENTS", "signup, Newsletter é").start().await;
    host.process.wait_until_ready().await;
    counted(&host, &visitor(1)).await;
    fill(&database, Dimension::Event).await;
    for name in ["signup", " Newsletter é ", "Signup"] {
        counted(&host, &event(2, name)).await;
    }
    for (name, views) in [("signup", 1), ("Newsletter é", 1), ("Signup", 0), (OTHER, 1)] {
        assert_eq!(views_of(&database, Dimension::Event, name).await, views, "{name}");
    }
    // The page shows fewer values than a list has places, and the named events among them.
    let statistics = host.send(&Request::get("/api/statistics?period=today")).await.json();
    let shown: Vec<&str> =
        statistics["events"].as_array().unwrap().iter().map(|entry| entry["value"].as_str().unwrap()).collect();
    assert!(shown.contains(&"signup") && shown.contains(&"Newsletter é"), "{shown:?}");
    let wrong = "x".repeat(65);
    let failed = HandlerCommand::on(&database).with("FOOTFALL_EVENTS", &wrong).run(&["doctor"]);
    assert!(failed.stderr.contains("FOOTFALL_EVENTS contains 'xxx"), "{failed:?}");
}

#[tokio::test]
async fn a_log_is_limited_by_network_and_day_like_live_visits() {
    let database = Database::create().await;
    let folder = Folder::new();
    let mut log = String::new();
    for (day, pages) in [(17, 0..30), (18, 0..60), (19, 10..45)] {
        for page in pages {
            let time = format!("{day}/May/2015:12:{page:02}:00 +0000");
            log += &crate::log::combined("192.0.2.1", &time, &format!("/page-{page}"), "Firefox/1");
        }
    }
    let log = folder.write("access.log", log);
    let summary = HandlerCommand::on(&database).run(&["import", "--json", "--site", SITE, &log]).json();
    assert_eq!(summary["pageviews"], 125);
    let values = async |day: u8| {
        let day = format!("date '2015-05-{day}' - date '1970-01-01'");
        database
            .number(&format!("select count(*) from tally where dimension = 1 and day = {day} and value <> 'other'"))
            .await
    };
    // Pages 0 to 19 are new; then they are remembered, and 20 to 39 are new; then all but the last five are.
    assert_eq!((values(17).await, values(18).await, values(19).await), (20, 40, 35));
    assert_eq!(accounted(&database).await, 10 + 20);
    database.assert_sound().await;
}

#[tokio::test]
async fn the_counts_by_network_and_their_key_are_deleted_after_the_day() {
    let database = Database::create().await;
    let host = Host::start(&database).await;
    for number in 1..=3 {
        counted(&host, &view(number, &format!("/page-{number}"))).await;
    }
    let stored = "select (select count(*) from addition) + (select count(*) from network_key)";
    assert!(database.number(stored).await > 3);
    assert_eq!(host.maintain().await["additions_deleted"], 0);
    database.execute("update addition set day = day - 3; update network_key set day = day - 3").await;
    host.maintain().await;
    assert_eq!(database.number(stored).await, 0);
}

#[tokio::test]
async fn the_database_has_the_limit_of_the_program() {
    let database = Database::create().await;
    for (added, accepted) in [(LIMIT, true), (LIMIT + 1, false)] {
        let insert = format!("insert into addition values (1, 1, 1, {added}, {added})");
        let outcome = sqlx::raw_sql(sqlx::AssertSqlSafe(insert)).execute(&mut database.connect().await).await;
        assert_eq!(outcome.is_ok(), accepted, "{added}");
    }
}

/// The rows that the scans of a plan have read, and the plan.
fn rows_read(plan: &Value) -> f64 {
    let children = plan["Plans"].as_array().into_iter().flatten().map(rows_read).sum::<f64>();
    let is_table = plan["Relation Name"].is_string();
    let read = |field: &str| plan[field].as_f64().unwrap_or_default();
    let removed = read("Rows Removed by Filter") + read("Rows Removed by Join Filter");
    let of_node = (read("Actual Rows") + removed) * read("Actual Loops");
    children + if is_table || removed > 0.0 { of_node } else { 0.0 }
}

#[tokio::test]
async fn a_value_without_a_place_in_a_full_list_is_looked_up_once() {
    let (database, cable, host) = Host::counting_through_a_cable().await;
    fill(&database, Dimension::Page).await;
    let round_trips = || cable.round_trips().iter().sum::<u32>();
    let mut before = round_trips();
    let mut needed = Vec::new();
    for number in 1..=3 {
        counted(&host, &view(number, "/one-too-many")).await;
        needed.push(round_trips() - before);
        before += needed[number - 1];
    }
    // The look-up and the commit, and then the commit alone.
    assert_eq!(needed, [2, 1, 1]);
    let (_, others) = listed(&database, Dimension::Page).await;
    assert_eq!(others, 3);
}

#[tokio::test]
async fn a_value_is_looked_up_without_the_history_of_its_site() {
    let database = Database::create().await;
    let connection = &mut database.connect().await;
    let query = std::fs::read_to_string(crate::host::repository().join("handler/queries/read_standings.sql")).unwrap();
    let types = "integer[], integer[], smallint[], text[], integer[], integer[], smallint[], bigint[], text, integer";
    // Plans are made once, when tables are small, as the handler makes them.
    let prepare = format!(
        "set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set jit = off; \
         insert into site (name) values ('localhost'); prepare standings ({types}) as {query}; \
         execute standings('{{1}}', '{{1}}', '{{1}}', '{{/}}', '{{1}}', '{{1}}', '{{1}}', '{{1}}', 'other', 7)"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(prepare)).execute(&mut *connection).await.unwrap();
    let history = "insert into tally select 1, day, 1, '/' || n, 1, '{1}' \
                   from generate_series(1, 200) as day, generate_series(1, 100) as n";
    let additions = "insert into addition select 1, 200, 1, n, 1 from generate_series(1, 1000) as n";
    for rows in [history, additions] {
        sqlx::raw_sql(rows).execute(&mut *connection).await.unwrap();
    }
    let explain = "explain (analyze, format json) execute standings(\
        '{1,1}', '{200,200}', '{1,1}', '{/7,/new}', '{1}', '{200}', '{1}', '{7}', 'other', 7)";
    let [plan]: [Value; 1] = sqlx::query_scalar::<_, sqlx::types::Json<Vec<Value>>>(explain)
        .persistent(false)
        .fetch_one(&mut *connection)
        .await
        .unwrap()
        .0
        .try_into()
        .unwrap();
    // The value of today, and the 100 values of the list, which are counted.
    let read = rows_read(&plan["Plan"]);
    assert!(read <= 120.0, "{read} rows: {plan:#}");
}
