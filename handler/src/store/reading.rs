//! The statements of the reader and of imports.

use std::collections::BTreeMap;

use super::{Checkout, Failure};
use crate::{
    domain::statistics::{Breakdown, Gaps, ImportedDay, LIST_LENGTH, Plan, Tallies, Tally, ValueTally},
    domain::{Day, Dimension, Exclusion, Minute, SiteName},
};

/// Reads the id of a site, if the site has been counted.
pub async fn read_site(checkout: &mut Checkout<'_>, name: &SiteName) -> Result<Option<i32>, Failure> {
    checkout
        .run(async |connection| {
            sqlx::query_file_scalar!("queries/read_site.sql", &**name).fetch_optional(connection).await
        })
        .await
}

/// Reads the tallies of a plan.
pub async fn read_tallies(checkout: &mut Checkout<'_>, site: i32, plan: &Plan) -> Result<Tallies, Failure> {
    checkout
        .run(async |connection| {
            let rows = sqlx::query_file!(
                "queries/read_tallies.sql",
                site,
                &plan.days(),
                &plan.days_by_hour(),
                plan.first.number(),
                plan.last.number(),
                LIST_LENGTH
            )
            .fetch_all(connection)
            .await?;
            let mut tallies = Tallies::default();
            for row in rows {
                let (pageviews, visitors) = (row.pageviews, row.visitors);
                match (row.dimension, row.day, row.value) {
                    (None, Some(day), None) => {
                        let tally = Tally { pageviews, visitors: Gaps(visitors) };
                        tallies.days.insert(Day::from_number(day), tally);
                    }
                    (None, Some(day), Some(hour)) => {
                        if let Ok(hour) = hour.parse() {
                            let tally = Tally { pageviews, visitors: Gaps(visitors) };
                            tallies.hours.insert((Day::from_number(day), hour), tally);
                        }
                    }
                    (Some(-1), Some(day), Some(source)) => {
                        let (day, visitors) = (Day::from_number(day), visitors.first().copied().unwrap_or_default());
                        tallies.imported.push(ImportedDay { source, day, pageviews, visitors });
                    }
                    (Some(number), _, Some(value)) => {
                        if let Some(dimension) = Dimension::from_number(number) {
                            let visitors = visitors.first().copied().unwrap_or_default();
                            tallies.values.push(ValueTally { dimension, value, pageviews, visitors });
                        } else if let Some(exclusion) = Exclusion::from_name(&value) {
                            tallies.excluded.insert(exclusion, pageviews);
                        }
                    }
                    _ => {
                        tallies.pageviews = pageviews;
                        tallies.registers_revision = visitors.first().copied().unwrap_or_default();
                    }
                }
            }
            Ok(tallies)
        })
        .await
}

/// Reads the breakdown of a page or a referring host: values with their views. A row without a value sums the remaining views.
pub async fn read_referrals(
    checkout: &mut Checkout<'_>,
    site: i32,
    plan: &Plan,
    breakdown: &Breakdown,
) -> Result<Vec<(Option<String>, i64)>, Failure> {
    let (page, host) = match breakdown {
        Breakdown::Page(page) => (Some(page.as_str()), None),
        Breakdown::Referrer(host) => (None, Some(host.as_str())),
    };
    let (first, last) = (plan.first.number(), plan.last.number());
    checkout
        .run(async |connection| {
            // One additional row, for the row without a value.
            let most = LIST_LENGTH + 1;
            let query = sqlx::query_file!("queries/read_referrals.sql", site, first, last, page, host, most);
            Ok(query.fetch_all(connection).await?.into_iter().map(|row| (row.value, row.pageviews)).collect())
        })
        .await
}

/// Reads some days of a site: pairs of the day and its counters. Skips days without visits.
pub async fn read_days(checkout: &mut Checkout<'_>, site: i32, days: &[Day]) -> Result<Vec<(Day, Tally)>, Failure> {
    let numbers: Vec<i32> = days.iter().map(|day| day.number()).collect();
    checkout
        .run(async |connection| {
            let rows = sqlx::query_file!("queries/read_days.sql", site, &numbers).fetch_all(connection).await?;
            let tally = |pageviews, visitors| Tally { pageviews, visitors: Gaps(visitors) };
            Ok(rows.into_iter().map(|row| (Day::from_number(row.day), tally(row.pageviews, row.visitors))).collect())
        })
        .await
}

/// Reads a site's views by minute, from the first to the last minute. Skips minutes without views.
pub async fn read_minutes(
    checkout: &mut Checkout<'_>,
    site: i32,
    first: Minute,
    last: Minute,
) -> Result<BTreeMap<Minute, i64>, Failure> {
    checkout
        .run(async |connection| {
            let query = sqlx::query_file!("queries/read_minutes.sql", site, first.number(), last.number());
            let rows = query.fetch_all(connection).await?;
            Ok(rows.into_iter().map(|row| (Minute::from_number(row.minute), row.pageviews)).collect())
        })
        .await
}

/// Reads a site's all-time registers: pairs of register and rank. Skips registers of rank 0.
pub async fn read_registers(checkout: &mut Checkout<'_>, site: i32) -> Result<Vec<(i16, i16)>, Failure> {
    checkout
        .run(async |connection| {
            let rows = sqlx::query_file!("queries/read_registers.sql", site).fetch_all(connection).await?;
            Ok(rows.into_iter().map(|row| (row.register, row.rank)).collect())
        })
        .await
}

/// Reads the values that are counted separately on a site's day: pairs of the dimension's number and the value.
pub async fn read_values(checkout: &mut Checkout<'_>, site: i32, day: Day) -> Result<Vec<(i16, String)>, Failure> {
    checkout
        .run(async |connection| {
            let rows = sqlx::query_file!("queries/read_values.sql", site, day.number()).fetch_all(connection).await?;
            Ok(rows.into_iter().map(|row| (row.dimension, row.value)).collect())
        })
        .await
}

/// Reads the checkpoints of a site's imported logs: pairs of digest and length in bytes.
pub async fn read_checkpoints(checkout: &mut Checkout<'_>, site: i32) -> Result<Vec<(Vec<u8>, i64)>, Failure> {
    checkout
        .run(async |connection| {
            let rows = sqlx::query_file!("queries/read_checkpoints.sql", site).fetch_all(connection).await?;
            Ok(rows.into_iter().map(|row| (row.digest, row.bytes)).collect())
        })
        .await
}
