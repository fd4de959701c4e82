//! Totals imported from other counters, stored separately from Footfall's own counts.

use super::{Checkout, Failure, SiteId, column::column, lease::STEP_ROWS};
use crate::domain::export::ImportedTally;

/// The maximum number of days per statement.
const ROWS: usize = 4096;

/// Replaces the imported totals of a source on the days of `tallies`, each day once. Each statement stays within the time limit.
pub async fn replace_imported(
    checkout: &mut Checkout<'_>,
    site: SiteId,
    source: &str,
    tallies: &[ImportedTally],
) -> Result<(), Failure> {
    for days in tallies.chunks(ROWS) {
        checkout
            .run(async |connection| {
                sqlx::query_file!(
                    "queries/replace_imported.sql",
                    site.0,
                    source,
                    &column(days, |tally| tally.day.number()),
                    &column(days, |tally| tally.pageviews),
                    &column(days, |tally| tally.visitors)
                )
                .execute(connection)
                .await
            })
            .await?;
    }
    Ok(())
}

/// Removes the totals imported from a source for a site. Returns the number of removed rows.
pub async fn forget_imported(checkout: &mut Checkout<'_>, site: SiteId, source: &str) -> Result<u64, Failure> {
    let mut removed = 0;
    loop {
        let done = checkout
            .run(async |connection| {
                sqlx::query_file!("queries/forget_imported.sql", site.0, source, STEP_ROWS).execute(connection).await
            })
            .await?;
        removed += done.rows_affected();
        if done.rows_affected() < STEP_ROWS.unsigned_abs() {
            return Ok(removed);
        }
    }
}
