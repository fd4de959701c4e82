//! Totals imported from other counters, stored separately from Footfall's own counts.

use sqlx::Connection as _;

use super::{Checkout, Failure, maintenance::STEP_ROWS};
use crate::domain::Day;

/// The maximum number of rows per statement.
const ROWS: usize = 4096;

/// The maximum number of rows per transaction, unless a single day has more.
const TRANSACTION_ROWS: usize = 5 * ROWS;

/// Another counter's totals of one day for a value of a dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedTally {
    /// A dimension's number; 0 is the whole site.
    pub dimension: i16,
    /// The day.
    pub day: Day,
    /// The value; empty for the whole site.
    pub value: String,
    /// Views.
    pub pageviews: i64,
    /// Visitors, by that counter's definition.
    pub visitors: i64,
}

/// Replaces the imported totals of a source on the days of `tallies`, which must be sorted by day. A long export takes several
/// transactions, so that each stays within the time limit. A day is never divided between transactions.
pub async fn replace_imported(
    checkout: &mut Checkout<'_>,
    site: i32,
    source: &str,
    tallies: &[ImportedTally],
) -> Result<(), Failure> {
    let mut rest = tallies;
    while !rest.is_empty() {
        let (days, later) = rest.split_at(whole_days(rest));
        replace_days(checkout, site, source, days).await?;
        rest = later;
    }
    Ok(())
}

/// Returns the number of leading rows that form whole days and fit into one transaction. Always includes at least one day.
fn whole_days(tallies: &[ImportedTally]) -> usize {
    let mut whole = 0;
    for day in tallies.chunk_by(|a, b| a.day == b.day) {
        if whole > 0 && whole + day.len() > TRANSACTION_ROWS {
            break;
        }
        whole += day.len();
    }
    whole
}

async fn replace_days(
    checkout: &mut Checkout<'_>,
    site: i32,
    source: &str,
    tallies: &[ImportedTally],
) -> Result<(), Failure> {
    let mut days: Vec<i32> = tallies.iter().map(|tally| tally.day.number()).collect();
    days.dedup();
    checkout
        .run(async |connection| {
            let mut transaction = connection.begin().await?;
            sqlx::query_file!("queries/replace_imported.sql", site, source, &days).execute(&mut *transaction).await?;
            for rows in tallies.chunks(ROWS) {
                let values: Vec<String> = rows.iter().map(|row| row.value.clone()).collect();
                sqlx::query_file!(
                    "queries/add_imported.sql",
                    site,
                    source,
                    &rows.iter().map(|row| row.dimension).collect::<Vec<_>>(),
                    &rows.iter().map(|row| row.day.number()).collect::<Vec<_>>(),
                    &values,
                    &rows.iter().map(|row| row.pageviews).collect::<Vec<_>>(),
                    &rows.iter().map(|row| row.visitors).collect::<Vec<_>>()
                )
                .execute(&mut *transaction)
                .await?;
            }
            transaction.commit().await
        })
        .await
}

/// Removes the totals imported from a source for a site. Returns the number of removed rows.
pub async fn forget_imported(checkout: &mut Checkout<'_>, site: i32, source: &str) -> Result<u64, Failure> {
    let mut removed = 0;
    loop {
        let done = checkout
            .run(async |connection| {
                sqlx::query_file!("queries/forget_imported.sql", site, source, STEP_ROWS).execute(connection).await
            })
            .await?;
        removed += done.rows_affected();
        if done.rows_affected() < STEP_ROWS.unsigned_abs() {
            return Ok(removed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_replaces_whole_days() {
        let days = |rows: &[(i32, usize)]| -> Vec<ImportedTally> {
            let tally = |day| ImportedTally {
                dimension: 1,
                day: Day::from_number(day),
                value: String::new(),
                pageviews: 1,
                visitors: 1,
            };
            rows.iter().flat_map(|(day, count)| (0..*count).map(move |_| tally(*day))).collect()
        };
        assert_eq!(whole_days(&days(&[(1, 10), (2, 20)])), 30);
        assert_eq!(whole_days(&days(&[(1, 10), (2, TRANSACTION_ROWS - 10), (3, 1)])), TRANSACTION_ROWS);
        assert_eq!(whole_days(&days(&[(1, 10), (2, TRANSACTION_ROWS)])), 10);
        assert_eq!(whole_days(&days(&[(1, TRANSACTION_ROWS + 5), (2, 1)])), TRANSACTION_ROWS + 5);
    }
}
