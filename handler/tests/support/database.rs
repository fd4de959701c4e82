//! A database for each test, on the server that `DATABASE_URL` names. If `CITUS_WORKERS` names workers of that server
//! (`scripts/with-citus`), each database is distributed over them.

use std::{
    io::Write,
    str::FromStr,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row, postgres::PgConnectOptions};
use tokio::sync::Mutex;

use crate::process::PATIENCE;

/// Upper bound of a test's duration. A test that runs across midnight would count its visitors twice.
const LONGEST_TEST_SECONDS: i64 = 100;

/// Lock of the server's other clients, so that only one of them makes the template.
const TEMPLATE_LOCK: i64 = 0x0F00_7FA2;

/// `scripts/test` names the tests whose database lives longer.
const SLOW: Duration = Duration::from_secs(10);

pub(crate) struct Database {
    name: String,
    connection: Mutex<PgConnection>,
    created: Instant,
    /// The name of the thread that made the database, which is the name of its test.
    test: String,
    /// Whether `drop` removes the database, which another process may have made.
    is_owned: bool,
}

/// A session that holds a lock in an open transaction.
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

/// The server, and the workers of its cluster.
fn nodes() -> Vec<PgConnectOptions> {
    let workers = std::env::var("CITUS_WORKERS").unwrap_or_default();
    let worker = |url| PgConnectOptions::from_str(url).expect("CITUS_WORKERS has URLs").disable_statement_logging();
    std::iter::once(server()).chain(workers.split_whitespace().map(worker)).collect()
}

async fn admin(node: &PgConnectOptions) -> PgConnection {
    PgConnection::connect_with(node).await.expect("the server of DATABASE_URL responds")
}

async fn execute_on(connection: &mut PgConnection, sql: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await;
    done.unwrap_or_else(|error| panic!("{error}: {sql}"));
}

/// Whether the tests run on a cluster.
pub(crate) fn is_distributed() -> bool {
    nodes().len() > 1
}

/// The database that all others are copies of, made once per server and version of the schema. Returns its name.
fn template() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| block_on(make_template).unwrap())
}

async fn make_template() -> String {
    let migrator = sqlx::migrate!();
    let checksums = migrator.iter().flat_map(|migration| migration.checksum.iter().copied());
    let number = checksums.fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let name = format!("footfall_template_{number:016x}");
    let mut admin = admin(&server()).await;
    sqlx::query("select pg_advisory_lock($1)").bind(TEMPLATE_LOCK).execute(&mut admin).await.unwrap();
    let exists = "select exists (select from pg_database where datname = $1 and datistemplate)";
    if !sqlx::query_scalar::<_, bool>(exists).bind(&name).fetch_one(&mut admin).await.unwrap() {
        make_database(&name, "").await;
        let mut connection = connect(&name).await;
        migrator.run(&mut connection).await.unwrap();
        if is_distributed() {
            make_cluster(&name, true).await;
            execute_on(&mut connection, include_str!("../../queries/distribute_sets.sql")).await;
        }
        connection.close().await.unwrap();
        // Citus's daemon is connected to each database of a cluster, and a template must have no connection.
        let end = format!("select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = '{name}'");
        for node in nodes().iter().rev() {
            let mut admin = self::admin(node).await;
            execute_on(&mut admin, &format!("alter database {name} allow_connections false")).await;
            execute_on(&mut admin, &end).await;
            execute_on(&mut admin, &format!("alter database {name} is_template true")).await;
        }
    }
    admin.close().await.unwrap();
    name
}

/// Makes a database on every server.
async fn make_database(name: &str, template: &str) {
    for node in nodes() {
        let mut admin = admin(&node).await;
        execute_on(&mut admin, &format!("drop database if exists {name}")).await;
        execute_on(&mut admin, &format!("create database {name} {template}")).await;
    }
}

/// Makes a cluster of a database that exists on every server, with or without its workers.
pub(crate) async fn make_cluster(name: &str, has_workers: bool) {
    let mut coordinator = None;
    for node in nodes() {
        let (host, port) = (node.get_host().to_owned(), node.get_port());
        let mut connection = PgConnection::connect_with(&node.database(name)).await.unwrap();
        execute_on(&mut connection, "create extension citus").await;
        match &mut coordinator {
            None => coordinator = Some(connection),
            Some(coordinator) if has_workers => add_worker(coordinator, &host, port).await,
            Some(_) => {}
        }
    }
}

/// Adds a worker to a cluster. The coordinator's first connection to it can fail. Adding it again changes nothing.
async fn add_worker(coordinator: &mut PgConnection, host: &str, port: u16) {
    let (began, add) = (Instant::now(), format!("select citus_add_node('{host}', {port})"));
    while let Err(error) = sqlx::raw_sql(AssertSqlSafe(add.clone())).execute(&mut *coordinator).await {
        let code = error.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
        let is_of_connection = code.is_some_and(|code| code.starts_with("08"));
        assert!(is_of_connection && began.elapsed() < PATIENCE, "{error}: {add}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The number that a query returns on each worker. The query sees the shards, which Citus hides otherwise.
pub(crate) async fn on_each_worker(database: &Database, sql: &str) -> Vec<i64> {
    let mut numbers = Vec::new();
    for worker in nodes().split_off(1) {
        let mut connection = PgConnection::connect_with(&worker.database(&database.name)).await.unwrap();
        execute_on(&mut connection, "set citus.override_table_visibility = off").await;
        numbers.push(sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.unwrap());
    }
    numbers
}

/// Runs a future on a thread and a runtime of its own, for callers that are not async but run inside a runtime.
fn block_on<F: Future>(start: impl FnOnce() -> F + Send + 'static) -> std::thread::Result<F::Output>
where
    F::Output: Send + 'static,
{
    let run = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(start());
    std::thread::spawn(run).join()
}

/// Waits for the next day if this day may end before the test does.
pub(crate) async fn not_across_midnight() {
    let seconds_left = 86_400 - Timestamp::now().as_second().rem_euclid(86_400);
    if seconds_left < LONGEST_TEST_SECONDS {
        tokio::time::sleep(Duration::from_secs(seconds_left.unsigned_abs() + 1)).await;
    }
}

fn current_test() -> String {
    std::thread::current().name().unwrap_or_default().to_owned()
}

async fn connect(name: &str) -> PgConnection {
    try_connect(name).await.unwrap()
}

async fn try_connect(name: &str) -> sqlx::Result<PgConnection> {
    // Without statistics PostgreSQL expects large tables, and would spend a second on compiling each query.
    let options = server().database(name).application_name("test").options([("jit", "off")]);
    PgConnection::connect_with(&options).await
}

impl Database {
    /// A database with the current schema and no rows.
    pub(crate) async fn create() -> Self {
        Self::create_by(&format!("template {}", template())).await
    }

    /// A database without a schema.
    pub(crate) async fn create_without_schema() -> Self {
        Self::create_by("").await
    }

    async fn create_by(template: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        not_across_midnight().await;
        let (created, test) = (Instant::now(), current_test());
        let name = format!("footfall_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        make_database(&name, template).await;
        Self { connection: Mutex::new(connect(&name).await), name, created, test, is_owned: true }
    }

    /// A database that another process has made and will remove.
    pub(crate) async fn named(name: String) -> Self {
        let (created, test) = (Instant::now(), current_test());
        Self { connection: Mutex::new(connect(&name).await), name, created, test, is_owned: false }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How the product reaches the database.
    pub(crate) fn options(&self) -> PgConnectOptions {
        server().database(&self.name)
    }

    /// How to reach the database on a node of the cluster. The coordinator is the first node.
    pub(crate) fn options_on(&self, node: usize) -> PgConnectOptions {
        nodes().swap_remove(node).database(&self.name)
    }

    /// The `DATABASE_URL` of a handler.
    pub(crate) fn url(&self) -> String {
        self.url_by_port(self.options().get_port())
    }

    /// The same database through another port of this machine.
    pub(crate) fn url_by_port(&self, port: u16) -> String {
        let url = std::env::var("DATABASE_URL").unwrap();
        let (scheme, rest) = url.split_once("://").unwrap();
        let authority = rest.split(['/', '?']).next().unwrap();
        let user = authority.rsplit_once('@').map_or(String::new(), |(user, _)| format!("{user}@"));
        format!("{scheme}://{user}{}:{port}/{}", self.options().get_host(), self.name)
    }

    /// The server's own address.
    pub(crate) fn server_address(&self) -> (String, u16) {
        let options = self.options();
        (options.get_host().to_owned(), options.get_port())
    }

    /// Opens another session.
    pub(crate) async fn connect(&self) -> PgConnection {
        connect(&self.name).await
    }

    /// Opens another session if the server accepts it.
    pub(crate) async fn try_connect(&self) -> sqlx::Result<PgConnection> {
        try_connect(&self.name).await
    }

    /// The same database with a session of its own. The server may have ended the first one.
    pub(crate) async fn fresh(&self) -> Self {
        Self::named(self.name.clone()).await
    }

    /// Takes a lock in another session's transaction, until the holder releases it.
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

    /// The number that a query returns. Null is 0.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let mut connection = self.connection.lock().await;
        let sql = format!("select coalesce(({sql})::bigint, 0)");
        sqlx::query_scalar(AssertSqlSafe(sql.clone()))
            .fetch_one(&mut *connection)
            .await
            .unwrap_or_else(|error| panic!("{error}: {sql}"))
    }

    /// The first column of a query's rows.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        let mut connection = self.connection.lock().await;
        let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut *connection).await;
        rows.unwrap_or_else(|error| panic!("{error}: {sql}")).iter().map(|row| row.get(0)).collect()
    }

    /// The number of handlers' connections that match a condition.
    pub(crate) async fn connections(&self, condition: &str) -> i64 {
        let of_handlers = "datname = current_database() and application_name = 'footfall'";
        self.number(&format!("select count(*) from pg_stat_activity where {of_handlers} and {condition}")).await
    }

    /// Visitors and views of each of a site's days.
    pub(crate) async fn visitors_and_views(&self, site: &str) -> Vec<(i64, i64)> {
        self.days(site).await.into_iter().map(|(_, visitors, views)| (visitors, views)).collect()
    }

    /// Moves the database's clock, which decides when a period has ended.
    pub(crate) async fn shift_clock(&self, days: i32) {
        let clock = format!("select clock_timestamp() + interval ''{days} days''");
        let replace = "create or replace function database_clock() returns timestamptz language sql volatile";
        self.execute(&format!("{replace} as '{clock}'")).await;
    }

    /// Makes the server look restarted, or like another one, to new sessions.
    pub(crate) async fn change_server(&self) {
        let start_time = format!(
            "alter database {} set search_path = public, pg_catalog; \
             create or replace function public.pg_postmaster_start_time() returns timestamptz language sql \
             as $$ select '{}'::timestamptz $$",
            self.name,
            Timestamp::now()
        );
        self.execute(&start_time).await;
    }

    /// Ends the connections of all handlers.
    pub(crate) async fn disconnect(&self) {
        self.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity \
             where datname = current_database() and application_name = 'footfall'",
        )
        .await;
    }

    /// The process ids of handlers' connections.
    pub(crate) async fn backends(&self) -> Vec<String> {
        self.texts(
            "select pid::text from pg_stat_activity \
             where datname = current_database() and application_name = 'footfall'",
        )
        .await
    }

    /// Visitors of the latest day in the tallies.
    pub(crate) async fn visitors_today(&self) -> i64 {
        let visitors = "select sum(visitor) from unnest(visitors) as visitor";
        self.number(&format!(
            "select sum(({visitors})) from tally where dimension = 0 group by day order by day desc limit 1"
        ))
        .await
    }

    /// Pageviews of all sites and days.
    pub(crate) async fn pageviews(&self) -> i64 {
        self.number("select sum(pageviews)::bigint from total").await
    }

    /// The days of a site: days since 1970, visitors, pageviews.
    pub(crate) async fn days(&self, site: &str) -> Vec<(i64, i64, i64)> {
        let mut connection = self.connection.lock().await;
        sqlx::query_as(
            "select day::bigint, sum((select sum(visitor) from unnest(visitors) as visitor))::bigint, \
             sum(tally.pageviews)::bigint \
             from tally join site on site.id = tally.site where name = $1 and dimension = 0 group by day order by day",
        )
        .bind(site)
        .fetch_all(&mut *connection)
        .await
        .unwrap()
    }

    /// The violated invariants of sets and tallies.
    pub(crate) async fn contradictions(&self) -> Vec<String> {
        if is_distributed() {
            // Citus does not plan the statement with a distributed table, so it reads a copy under the same name.
            self.execute("create temporary table seen as select * from seen").await;
        }
        let problems = self.texts(include_str!("unsound.sql")).await;
        if is_distributed() {
            self.execute("drop table pg_temp.seen").await;
        }
        problems
    }

    /// Checks the invariants of a database: sets and tallies match, salts are distinct, and no transaction is open.
    /// `drop` checks that there was no deadlock.
    pub(crate) async fn assert_sound(&self) {
        assert_eq!(self.contradictions().await, [""; 0], "sets and tallies contradict each other");
        let salts = "select count(salt) - count(distinct salt) from salt";
        assert_eq!(self.number(salts).await, 0, "periods or sites with the same salt");
        self.wait_for_none("state like 'idle in transaction%'").await;
    }

    /// Waits until a handler's connection matches a condition.
    pub(crate) async fn wait_for_some(&self, condition: &str) {
        self.wait_for_connections(1, condition).await;
    }

    /// Waits until this many connections satisfy a condition on `pg_stat_activity`.
    pub(crate) async fn wait_for_connections(&self, count: i64, condition: &str) {
        let what = format!("{count} connections where {condition}");
        self.wait_until(&what, async || self.connections(condition).await >= count).await;
    }

    /// Waits until the sites have this many pageviews.
    pub(crate) async fn wait_for_pageviews(&self, pageviews: i64) {
        self.wait_until(&format!("{pageviews} pageviews"), async || self.pageviews().await >= pageviews).await;
    }

    async fn wait_until(&self, what: &str, is_true: impl AsyncFn() -> bool) {
        let began = Instant::now();
        while !is_true().await {
            assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until the server has closed the connections of killed handlers. Until then it may commit what they sent. The
    /// workers of a cluster may have prepared transactions, which the coordinator commits or rolls back.
    pub(crate) async fn wait_until_alone(&self) {
        self.wait_for_none("true").await;
        for worker in nodes().split_off(1) {
            let mut connection = PgConnection::connect_with(&worker.database(&self.name)).await.unwrap();
            let (began, mut prepared) = (Instant::now(), 1_i64);
            while prepared > 0 {
                assert!(began.elapsed() < PATIENCE, "a worker has {prepared} open transactions");
                tokio::time::sleep(Duration::from_millis(5)).await;
                let count = "select count(*) from pg_prepared_xacts where database = current_database()";
                prepared = sqlx::query_scalar(count).fetch_one(&mut connection).await.unwrap();
            }
        }
    }

    /// Waits until no handler's connection matches a condition.
    pub(crate) async fn wait_for_none(&self, condition: &str) {
        self.wait_until(&format!("no connection where {condition}"), async || self.connections(condition).await == 0)
            .await;
    }
}

impl Drop for Database {
    /// Drops by force, because a killed handler may still be connected. Sessions report deadlocks when they end.
    fn drop(&mut self) {
        if !self.is_owned {
            return;
        }
        if self.created.elapsed() > SLOW {
            // Not by a macro, whose output the test harness would capture.
            let _ = writeln!(std::io::stderr(), "slow: {:.0?} {}", self.created.elapsed(), self.test);
        }
        let name = self.name.clone();
        let drop_it = async move {
            let mut deadlocks = 0;
            for node in nodes() {
                let mut admin = PgConnection::connect_with(&node).await?;
                let of_node = "select deadlocks from pg_stat_database where datname = $1";
                deadlocks += sqlx::query_scalar::<_, i64>(of_node).bind(&name).fetch_one(&mut admin).await?;
                sqlx::query(AssertSqlSafe(format!("drop database {name} with (force)"))).execute(&mut admin).await?;
            }
            Ok::<_, sqlx::Error>(deadlocks)
        };
        match block_on(|| drop_it) {
            Ok(Ok(deadlocks)) => assert!(deadlocks == 0 || std::thread::panicking(), "{deadlocks} deadlocks"),
            Ok(Err(error)) => eprintln!("a test's database was left behind: {error}"),
            Err(_) => {}
        }
    }
}
