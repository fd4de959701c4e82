//! The oracle's own queries and faults on a test database.

use std::collections::{BTreeMap, BTreeSet};

use handler::domain::{Dimension, Uniqueness};

use crate::{
    database::{Database, Holder},
    oracle::world::World,
};

impl Database {
    /// Replaces the clock of a migrated database by a table.
    pub(crate) async fn replace_clock(&self) {
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

    /// Terminates one of the product's connections.
    pub(crate) async fn terminate_connection(&self, offset: usize) {
        self.number(&format!(
            "select count(pg_terminate_backend(pid)) from (
                 select pid from pg_stat_activity where datname = current_database() and application_name = 'footfall'
                 order by pid offset {offset} limit 1) as chosen"
        ))
        .await;
    }

    /// Stops batches at the last row that they write: the total of a day.
    pub(crate) async fn hold_day(&self, day: i32) -> Holder {
        self.hold(&format!("select from tally where day = {day} and dimension = 0 for update")).await
    }

    /// Holds a set with the lock of `vacuum`.
    pub(crate) async fn hold_as_vacuum(&self, set: &str) -> Holder {
        self.hold(&format!("lock table {set} in share update exclusive mode")).await
    }

    /// Holds a set with the lock of a query.
    pub(crate) async fn hold_as_reader(&self, set: &str) -> Holder {
        self.hold(&format!("lock table {set} in access share mode")).await
    }

    /// The days whose numbers in the database differ from the truth after a step.
    pub(crate) async fn days_that_differ(&self, world: &World, step: usize) -> Vec<String> {
        let mut connection = self.connect().await;
        let rows: Vec<(String, i32, i64, i64)> = sqlx::query_as(
            "select
                name, day, sum((select coalesce(sum(number), 0) from unnest(visitors) as number))::bigint,
                sum(tally.pageviews)::bigint
             from tally join site on site.id = tally.site where dimension = 0 group by name, day",
        )
        .fetch_all(&mut connection)
        .await
        .unwrap();
        let number = |name: &str| (0..world.truth.sites.len()).find(|site| World::site_name(*site) == name).unwrap();
        let found: BTreeMap<_, _> =
            rows.into_iter().map(|(name, day, visitors, views)| ((number(&name), day), (visitors, views))).collect();
        let expected = &world.steps[step].days;
        let every_day = found.keys().chain(expected.keys()).collect::<BTreeSet<_>>();
        let differs = every_day.into_iter().filter(|day| found.get(day) != expected.get(day));
        differs.map(|day| format!("{day:?}: {:?}, expected {:?}", found.get(day), expected.get(day))).collect()
    }

    /// Checks that no counter is below zero and that there was no deadlock.
    ///
    /// For dimensions with one value a visitor and day, a day that arrives late may move a visitor between gaps. There, only the
    /// sum over all gaps must not be below zero.
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
        for (problem, sql) in [
            ("counters with visitors below zero", below_zero.as_str()),
            ("deadlocks", "select deadlocks from pg_stat_database where datname = current_database()"),
        ] {
            let found = self.number(sql).await;
            if found > 0 {
                problems.push(format!("{problem}: {found}"));
            }
        }
        problems
    }
}
