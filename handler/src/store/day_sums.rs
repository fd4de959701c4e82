//! The sums of days, as an export reads them and an import writes them.

use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use super::{Checkout, Failure, SiteId, column::column};
use crate::domain::{
    Day,
    export::{DayCounter, ImportedTally},
};

/// The outcome for a day that was to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddedDay {
    Added,
    /// The same counters were stored before.
    Unchanged,
    /// Other counters are stored, and none was changed.
    Refused,
}

/// Reads the names of all sites.
pub async fn read_site_names(checkout: &mut Checkout<'_>) -> Result<Vec<String>, Failure> {
    checkout
        .run(async |connection| {
            let query = sqlx::query_scalar!(
                r#"select name as "name!" from site where name is not null order by name collate "C""#
            );
            query.fetch_all(connection).await
        })
        .await
}

/// Reads the counters of a site's first day after a day, or of its first day, in the order of dimensions and values. `None` if there is
/// no such day.
pub async fn read_next_day(
    checkout: &mut Checkout<'_>,
    site: SiteId,
    after: Option<Day>,
) -> Result<Option<(Day, Vec<DayCounter>)>, Failure> {
    let after = after.map_or(-1, Day::number);
    let (day, counters) = checkout.run(async |connection| next_day(connection, site, after).await).await?;
    Ok(day.map(|day| (Day::from_number(day), counters)))
}

async fn next_day(
    connection: &mut PgConnection,
    site: SiteId,
    after: i32,
) -> sqlx::Result<(Option<i32>, Vec<DayCounter>)> {
    let rows = sqlx::query_file!("queries/export_day.sql", site.0, after).fetch_all(connection).await?;
    let day = rows.first().map(|row| row.day);
    let counters = rows.into_iter().map(|row| DayCounter {
        dimension: row.dimension,
        value: row.value,
        pageviews: row.pageviews,
        visitors: row.visitors,
    });
    Ok((day, counters.collect()))
}

/// Reads a site's totals of other counters, with the names of their sources.
pub async fn read_imported(checkout: &mut Checkout<'_>, site: SiteId) -> Result<Vec<(String, ImportedTally)>, Failure> {
    checkout
        .run(async |connection| {
            let query = sqlx::query!(
                "select source, day, pageviews, visitors from imported_tally where site = $1 order by source, day",
                site.0
            );
            let rows = query.fetch_all(connection).await?.into_iter();
            let tallies = rows.map(|row| {
                let day = Day::from_number(row.day);
                (row.source, ImportedTally { day, pageviews: row.pageviews, visitors: row.visitors })
            });
            Ok(tallies.collect())
        })
        .await
}

/// Adds the counters of a day, sorted by dimension and value, to a site. Does so only if the day has no counters.
pub async fn add_day(
    checkout: &mut Checkout<'_>,
    site: SiteId,
    day: Day,
    counters: &[DayCounter],
    pageviews: i64,
) -> Result<AddedDay, Failure> {
    let digest = *blake3::hash(Uuid::new_v4().as_bytes()).as_bytes();
    let gaps = |counter: &DayCounter| format!("{{{}}}", column(&counter.visitors, ToString::to_string).join(","));
    checkout
        .run(async |connection| {
            let mut transaction = connection.begin().await?;
            // No batch may count into the day between the comparison and the insert.
            sqlx::query!("lock table only ended_set in share row exclusive mode").execute(&mut *transaction).await?;
            let (stored_day, stored) = next_day(&mut transaction, site, day.number() - 1).await?;
            if stored_day == Some(day.number()) {
                transaction.rollback().await?;
                return Ok(if same(&stored, counters) { AddedDay::Unchanged } else { AddedDay::Refused });
            }
            sqlx::query_file!(
                "queries/import_day.sql",
                site.0,
                day.number(),
                &column(counters, |counter| counter.dimension),
                &column(counters, |counter| counter.value.as_str()) as &[&str],
                &column(counters, |counter| counter.pageviews),
                &column(counters, gaps),
                digest.as_slice(),
                pageviews
            )
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            Ok(AddedDay::Added)
        })
        .await
}

/// Whether counters are the same. Trailing zeros of visitors have no meaning.
fn same(these: &[DayCounter], those: &[DayCounter]) -> bool {
    let significant = |visitors: &[i32]| visitors.iter().rposition(|number| *number != 0).map_or(0, |last| last + 1);
    these.len() == those.len()
        && these.iter().zip(those).all(|(this, that)| {
            (this.dimension, &this.value, this.pageviews) == (that.dimension, &that.value, that.pageviews)
                && this.visitors[..significant(&this.visitors)] == that.visitors[..significant(&that.visitors)]
        })
}
