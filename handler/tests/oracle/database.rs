//! A database of its own for every world, on the server that `DATABASE_URL` names, with a clock that the test sets.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
    sync::atomic::{AtomicU32, Ordering},
};

use handler::domain::{Dimension, Uniqueness};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::sync::Mutex;

use crate::world::World;

/// A database, and what the test itself does with it.
pub(crate) struct TestDatabase {
    name: String,
    connection: Mutex<PgConnection>,
    /// Only who made it removes it.
    is_mine: bool,
}

/// What is held up, until it is let go.
pub(crate) struct Held(PgConnection);

impl Held {
    pub(crate) async fn release(mut self) {
        sqlx::raw_sql("commit").execute(&mut self.0).await.unwrap();
    }
}

fn server() -> PgConnectOptions {
    let url = std::env::var("DATABASE_URL").unwrap_or_default();
    assert!(!url.is_empty(), "DATABASE_URL names no PostgreSQL server to make databases on: run scripts/test");
    PgConnectOptions::from_str(&url).expect("DATABASE_URL is a URL").disable_statement_logging()
}

impl TestDatabase {
    /// An empty one.
    pub(crate) async fn create() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("footfall_oracle_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut admin = PgConnection::connect_with(&server()).await.expect("the server of DATABASE_URL answers");
        // What is tested is what is counted, not what survives a power cut.
        for sql in [format!("create database {name}"), format!("alter database {name} set synchronous_commit = off")] {
            sqlx::query(AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
        }
        let mut database = Self::named(name).await;
        database.is_mine = true;
        database
    }

    /// One that another process has made.
    pub(crate) async fn named(name: String) -> Self {
        let options = server().database(&name).application_name("oracle");
        let connection = Mutex::new(PgConnection::connect_with(&options).await.unwrap());
        Self { name, connection, is_mine: false }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        server().database(&self.name)
    }

    /// The server's own address, for whoever stands in between.
    pub(crate) fn server_address(&self) -> (String, u16) {
        let options = self.options();
        (options.get_host().to_owned(), options.get_port())
    }

    /// Puts a clock into a database that has been migrated.
    pub(crate) async fn take_over_the_clock(&self) {
        self.execute(
            "create table oracle_clock (now timestamptz not null); insert into oracle_clock values (now());
             create or replace function database_clock() returns timestamptz language sql volatile
             as 'select now from oracle_clock'",
        )
        .await;
    }

    pub(crate) async fn set_clock(&self, now_ms: i64) {
        self.execute(&format!("update oracle_clock set now = to_timestamp({now_ms} / 1000.0)")).await;
    }

    pub(crate) async fn execute(&self, sql: &str) {
        let mut connection = self.connection.lock().await;
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut *connection).await;
        done.unwrap_or_else(|error| panic!("{error}: {sql}"));
    }

    /// The one number that a statement answers; null is 0.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let mut connection = self.connection.lock().await;
        let sql = format!("select coalesce(({sql})::bigint, 0)");
        let answer = sqlx::query_scalar(AssertSqlSafe(sql.clone())).fetch_one(&mut *connection).await;
        answer.unwrap_or_else(|error| panic!("{error}: {sql}"))
    }

    /// Ends one of the product's connections, in whatever it does.
    pub(crate) async fn end_a_connection(&self, which: usize) {
        self.number(&format!(
            "select count(pg_terminate_backend(pid)) from (
                 select pid from pg_stat_activity where datname = current_database() and application_name = 'footfall'
                 order by pid offset {which} limit 1) as chosen"
        ))
        .await;
    }

    /// Holds up whoever raises the total of a day, after it has written everything else.
    pub(crate) async fn hold_day(&self, day: i32) -> Held {
        self.hold(format!("select from tally where day = {day} and dimension = 0 for update")).await
    }

    /// Holds a set as `vacuum` does.
    pub(crate) async fn hold_as_vacuum_does(&self, set: &str) -> Held {
        self.hold(format!("lock table {set} in share update exclusive mode")).await
    }

    /// Holds a set as whoever reads it does.
    pub(crate) async fn hold_as_a_reader_does(&self, set: &str) -> Held {
        self.hold(format!("lock table {set} in access share mode")).await
    }

    async fn hold(&self, sql: String) -> Held {
        let mut connection = PgConnection::connect_with(&self.options().application_name("oracle")).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(format!("begin; {sql}"))).execute(&mut connection).await.unwrap();
        Held(connection)
    }

    /// The days of which the database has other numbers than are true after a step.
    pub(crate) async fn days_that_differ(&self, world: &World, step: usize) -> Vec<String> {
        let mut connection = self.connection.lock().await;
        let rows: Vec<(String, i32, i64, i64)> = sqlx::query_as(
            "select name, day, (select coalesce(sum(number), 0) from unnest(visitors) as number), tally.pageviews
             from tally join site on site.id = tally.site where dimension = 0",
        )
        .fetch_all(&mut *connection)
        .await
        .unwrap();
        let number = |name: &str| (0..world.truth.sites.len()).find(|site| World::site_name(*site) == name).unwrap();
        let found: BTreeMap<_, _> =
            rows.into_iter().map(|(name, day, visitors, views)| ((number(&name), day), (visitors, views))).collect();
        let expected = &world.steps[step].days;
        let every_day = found.keys().chain(expected.keys()).collect::<BTreeSet<_>>();
        let differs = every_day.into_iter().filter(|day| found.get(day) != expected.get(day));
        differs.map(|day| format!("{day:?}: {:?}, and {:?} is true", found.get(day), expected.get(day))).collect()
    }

    /// What must hold whatever happened: no counter is below zero, and nobody waited for each other in a circle. Of what a visitor has
    /// one of in a day, a day that came after a later one may have moved a visitor of another value than that one's from one gap to
    /// another: there, only all gaps together are not below zero.
    pub(crate) async fn problems(&self) -> Vec<String> {
        let once = Dimension::ALL.iter().filter(|dimension| dimension.uniqueness() == Uniqueness::OncePerDay);
        let once: Vec<String> = once.map(|dimension| (*dimension as i16).to_string()).collect();
        let below_zero = format!(
            "select count(*) from (
                select from tally cross join lateral unnest(visitors) with ordinality as element (visitor, gap)
                group by site, day, dimension, value, case when dimension not in ({}) then gap end
                having sum(visitor) < 0
            ) as counter",
            once.join(", ")
        );
        let mut problems = Vec::new();
        for (what, sql) in [
            ("counters with visitors below zero", below_zero.as_str()),
            ("deadlocks", "select deadlocks from pg_stat_database where datname = current_database()"),
        ] {
            let found = self.number(sql).await;
            if found > 0 {
                problems.push(format!("{what}: {found}"));
            }
        }
        problems
    }
}

impl Drop for TestDatabase {
    /// By force: connections of the product may be open.
    fn drop(&mut self) {
        if !self.is_mine {
            return;
        }
        let name = self.name.clone();
        let drop_it = async move {
            let mut admin = PgConnection::connect_with(&server()).await?;
            sqlx::query(AssertSqlSafe(format!("drop database {name} with (force)"))).execute(&mut admin).await?;
            Ok::<_, sqlx::Error>(())
        };
        // A test's own runtime cannot wait inside a drop; another thread can.
        let dropped = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(drop_it)
        });
        if let Ok(Err(error)) = dropped.join() {
            eprintln!("a test's database was left behind: {error}");
        }
    }
}
