//! A database of its own for every test, on the server that `DATABASE_URL` names.

use std::{
    str::FromStr,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row, postgres::PgConnectOptions};
use tokio::sync::Mutex;

use crate::process::PATIENCE;

/// A test takes far less. One that began shortly before midnight would see its visitors twice, and rightly so.
const LONGEST_TEST_SECONDS: i64 = 100;

pub(crate) struct Database {
    name: String,
    options: PgConnectOptions,
    connection: Mutex<PgConnection>,
}

/// Who holds a lock.
pub(crate) struct Holder(PgConnection);

impl Holder {
    pub(crate) async fn release(mut self) {
        sqlx::raw_sql("commit").execute(&mut self.0).await.unwrap();
    }
}

fn server() -> PgConnectOptions {
    let url = std::env::var("DATABASE_URL").unwrap_or_default();
    assert!(!url.is_empty(), "DATABASE_URL names no PostgreSQL server to make databases on: run scripts/test");
    PgConnectOptions::from_str(&url).expect("DATABASE_URL is a URL").disable_statement_logging()
}

/// Waits for the next day if this one may end before the test does.
pub(crate) async fn not_across_midnight() {
    let seconds_left = 86_400 - Timestamp::now().as_second().rem_euclid(86_400);
    if seconds_left < LONGEST_TEST_SECONDS {
        tokio::time::sleep(Duration::from_secs(seconds_left.unsigned_abs() + 1)).await;
    }
}

impl Database {
    pub(crate) async fn create() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        not_across_midnight().await;
        let name = format!("footfall_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut admin = PgConnection::connect_with(&server()).await.expect("the server of DATABASE_URL answers");
        sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&mut admin).await.unwrap();
        // Of tables without statistics PostgreSQL expects much, and would compile each question about them, for a second.
        let options = server().database(&name).application_name("test").options([("jit", "off")]);
        let connection = Mutex::new(PgConnection::connect_with(&options).await.unwrap());
        Self { name, options, connection }
    }

    /// What a handler is told to use.
    pub(crate) fn url(&self) -> String {
        self.url_by_port(self.options.get_port())
    }

    /// The same database, reached through another port of this machine.
    pub(crate) fn url_by_port(&self, port: u16) -> String {
        let url = std::env::var("DATABASE_URL").unwrap();
        let (scheme, rest) = url.split_once("://").unwrap();
        let authority = rest.split(['/', '?']).next().unwrap();
        let user = authority.rsplit_once('@').map_or(String::new(), |(user, _)| format!("{user}@"));
        format!("{scheme}://{user}{}:{port}/{}", self.options.get_host(), self.name)
    }

    /// The server's own address, for whoever stands in between.
    pub(crate) fn server_address(&self) -> (String, u16) {
        (self.options.get_host().to_owned(), self.options.get_port())
    }

    /// Another session.
    pub(crate) async fn connect(&self) -> PgConnection {
        PgConnection::connect_with(&self.options).await.unwrap()
    }

    /// Takes a lock in another session's transaction, and holds it until it is released.
    pub(crate) async fn hold(&self, lock: &str) -> Holder {
        let mut session = self.connect().await;
        sqlx::raw_sql(AssertSqlSafe(format!("begin; {lock}"))).execute(&mut session).await.unwrap();
        Holder(session)
    }

    pub(crate) async fn execute(&self, sql: &str) -> u64 {
        let mut connection = self.connection.lock().await;
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut *connection).await;
        done.unwrap_or_else(|error| panic!("{error}: {sql}")).rows_affected()
    }

    /// The one number that a statement answers; null is 0.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let mut connection = self.connection.lock().await;
        let sql = format!("select coalesce(({sql})::bigint, 0)");
        sqlx::query_scalar(AssertSqlSafe(sql.clone()))
            .fetch_one(&mut *connection)
            .await
            .unwrap_or_else(|error| panic!("{error}: {sql}"))
    }

    /// The first column of what a statement answers, as text.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        let mut connection = self.connection.lock().await;
        let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut *connection).await;
        rows.unwrap_or_else(|error| panic!("{error}: {sql}")).iter().map(|row| row.get(0)).collect()
    }

    /// How many connections handlers have, of which this holds.
    pub(crate) async fn connections(&self, condition: &str) -> i64 {
        let of_handlers = "datname = current_database() and application_name = 'footfall'";
        self.number(&format!("select count(*) from pg_stat_activity where {of_handlers} and {condition}")).await
    }

    /// Visitors and views of each of a site's days.
    pub(crate) async fn visitors_and_views(&self, site: &str) -> Vec<(i64, i64)> {
        self.days(site).await.into_iter().map(|(_, visitors, views)| (visitors, views)).collect()
    }

    /// Puts the database's clock forward by so many days, or back: the one clock that says when a period has ended.
    pub(crate) async fn shift_clock(&self, days: i32) {
        let clock = format!("select clock_timestamp() + interval ''{days} days''");
        let replace = "create or replace function database_clock() returns timestamptz language sql volatile";
        self.execute(&format!("{replace} as '{clock}'")).await;
    }

    /// Visitors of the latest day in the tallies; a test never sees two.
    pub(crate) async fn visitors_today(&self) -> i64 {
        let visitors = "select sum(visitor) from unnest(visitors) as visitor";
        self.number(&format!("select ({visitors}) from tally where dimension = 0 order by day desc limit 1")).await
    }

    /// All pageviews that were ever counted.
    pub(crate) async fn pageviews(&self) -> i64 {
        self.number("select sum(pageviews) from site").await
    }

    /// The days of a site: the number of days since 1970, visitors and pageviews.
    pub(crate) async fn days(&self, site: &str) -> Vec<(i64, i64, i64)> {
        let mut connection = self.connection.lock().await;
        sqlx::query_as(
            "select day::bigint, (select sum(visitor) from unnest(visitors) as visitor)::bigint, tally.pageviews \
             from tally join site on site.id = tally.site where name = $1 and dimension = 0 order by day",
        )
        .bind(site)
        .fetch_all(&mut *connection)
        .await
        .unwrap()
    }

    /// What must hold whatever happened: sets and tallies say the same of each other, no two keys are the same. (Whether
    /// sessions waited for each other in a circle is asked at the end, see `drop`.)
    pub(crate) async fn assert_sound(&self) {
        assert_eq!(self.texts(include_str!("unsound.sql")).await, [""; 0], "sets and tallies contradict each other");
        let salts = "select count(salt) - count(distinct salt) from salt";
        assert_eq!(self.number(salts).await, 0, "periods or sites with the same salt");
        self.wait_for_none("state like 'idle in transaction%'", "transactions left open").await;
    }

    /// Waits until a connection of a handler is in this condition.
    pub(crate) async fn wait_for_some(&self, condition: &str) {
        let began = Instant::now();
        while self.connections(condition).await == 0 {
            assert!(began.elapsed() < PATIENCE, "no connection where {condition}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until the server has noticed that nobody is connected who was killed: what they sent may be committed until then.
    pub(crate) async fn wait_until_alone(&self) {
        self.wait_for_none("true", "connections left open").await;
    }

    async fn wait_for_none(&self, condition: &str, what: &str) {
        let began = Instant::now();
        while self.connections(condition).await > 0 {
            assert!(began.elapsed() < PATIENCE, "{what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Database {
    /// By force: a handler that was killed may still be connected. Sessions that have ended have said whether they waited in a circle.
    fn drop(&mut self) {
        let name = self.name.clone();
        let drop_it = async move {
            let mut admin = PgConnection::connect_with(&server()).await?;
            let deadlocks = "select deadlocks from pg_stat_database where datname = $1";
            let deadlocks: i64 = sqlx::query_scalar(deadlocks).bind(&name).fetch_one(&mut admin).await?;
            sqlx::query(AssertSqlSafe(format!("drop database {name} with (force)"))).execute(&mut admin).await?;
            Ok::<_, sqlx::Error>(deadlocks)
        };
        // A test's own runtime cannot wait inside a drop; another thread can.
        let dropped = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(drop_it)
        });
        match dropped.join() {
            Ok(Ok(deadlocks)) => assert!(deadlocks == 0 || std::thread::panicking(), "{deadlocks} deadlocks"),
            Ok(Err(error)) => eprintln!("a test's database was left behind: {error}"),
            Err(_) => {}
        }
    }
}
