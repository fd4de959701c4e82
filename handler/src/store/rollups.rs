//! Sums of ended months, from which long lists are read. Without them, the same numbers are read from the days.

use super::{Checkout, Failure, SiteId};
use crate::domain::{Day, TallyKey};

/// How many sites are searched for months in one statement.
pub(super) const SEARCHED_SITES: usize = 500;

/// The days of a month of a site.
pub(super) struct SiteMonth {
    site: SiteId,
    first: i32,
    last: i32,
}

/// Finds the months of these sites that ended before a day and have no valid sums.
pub(super) async fn find_months(
    checkout: &mut Checkout<'_>,
    sites: &[i32],
    first_kept: Option<Day>,
    before: Day,
) -> Result<Vec<SiteMonth>, Failure> {
    let first_kept = first_kept.map_or(0, Day::number);
    checkout
        .run(async |connection| {
            let query = sqlx::query_file!("queries/find_months.sql", sites, before.number(), first_kept);
            let months = query.fetch_all(connection).await?.into_iter();
            Ok(months.map(|row| SiteMonth { site: SiteId(row.site), first: row.first, last: row.last }).collect())
        })
        .await
}

/// Adds up the days of a month.
pub(super) async fn roll_up_month(checkout: &mut Checkout<'_>, month: &SiteMonth) -> Result<(), Failure> {
    // Totals and hours are few rows, and are shown by day.
    let left_out = [TallyKey::Total, TallyKey::Hour].map(TallyKey::number);
    checkout
        .run(async |connection| {
            sqlx::query_file!("queries/roll_up.sql", month.site.0, month.first, month.last, &left_out)
                .execute(connection)
                .await
                .map(drop)
        })
        .await
}
