//! Deletes what is stored for a site: everything, some days, or a page. This happens while no instance does maintenance, because
//! maintenance adds up the same counters. Handlers may count meanwhile.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::{
    Checkout, Failure, SiteId,
    cells::forget_packed_cells,
    lease::{Interruption, Lease, STEP_ROWS, exclusively},
};
use crate::domain::{Day, Dimension, Minute, SiteName, TallyKey, dimension::OTHER};

/// The tables with rows of a site. `salt` is missing: the rows of a forgotten site stay without their salts, so that no instance
/// counts by a salt that it has in memory.
const TABLES: [&str; 13] = [
    "rolled_month",
    "rollup",
    "tally",
    "cell",
    "pack",
    "register",
    "total",
    "minute",
    "addition",
    "checkpoint",
    "imported_tally",
    "annotation",
    "notice",
];

/// Dimensions whose values are pages.
const PAGES: [Dimension; 3] = [Dimension::Page, Dimension::EntryPage, Dimension::AiPage];

/// The number of stored rows of a site on some days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Rows of `tally`.
    pub counters: i64,
    /// Days with counters.
    pub days: i64,
    /// The first and the last of these days.
    pub range: Option<(Day, Day)>,
    /// Views of the site or of the page.
    pub pageviews: i64,
    /// Daily totals of other counters.
    pub imported: i64,
    pub annotations: i64,
}

/// Counts what is stored for a site, or a page of it, from the first to the last day.
pub async fn count_stored(
    checkout: &mut Checkout<'_>,
    site: SiteId,
    (first, last): (Day, Day),
    page: Option<&str>,
) -> Result<Stored, Failure> {
    let viewed = page.map_or(TallyKey::Total, |_| TallyKey::Of(Dimension::Page));
    checkout
        .run(async |connection| {
            let row = sqlx::query_file!(
                "queries/count_stored.sql",
                site.0,
                first.number(),
                last.number(),
                &PAGES.map(Dimension::number),
                page,
                Dimension::Referral.number(),
                viewed.number()
            )
            .fetch_one(connection)
            .await?;
            Ok(Stored {
                counters: row.counters,
                days: row.days,
                range: row.first.zip(row.last).map(|(first, last)| (Day::from_number(first), Day::from_number(last))),
                pageviews: row.pageviews,
                imported: row.imported,
                annotations: row.annotations,
            })
        })
        .await
}

/// Forgets a site: its name and its salts at once, and then all its rows. A later visit creates the site anew. Returns `None` if another
/// instance does maintenance, which also deletes the rows of a forgotten site.
pub async fn forget_site(checkout: &mut Checkout<'_>, site: SiteId, name: &SiteName) -> Result<Option<()>, Failure> {
    checkout
        .run(async |connection| {
            let mut transaction = connection.begin().await?;
            sqlx::query!("update site set name = null, salt = null where id = $1 and name = $2", site.0, &**name)
                .execute(&mut *transaction)
                .await?;
            sqlx::query!("update salt set salt = null where site = $1 and salt is not null", site.0)
                .execute(&mut *transaction)
                .await?;
            // Batches that run now end first. Later batches find the site without a name.
            sqlx::query!("lock table only ended_set in share row exclusive mode").execute(&mut *transaction).await?;
            transaction.commit().await
        })
        .await?;
    exclusively(checkout, async |lease| {
        delete_forgotten_sites(lease).await?;
        vacuum_site(lease).await
    })
    .await
}

/// Deletes all rows of forgotten sites.
pub(super) async fn delete_forgotten_sites(lease: &mut Lease<'_, '_>) -> Result<(), Interruption> {
    let checkout = lease.next().await?;
    let forgotten = checkout
        .run(async |connection| {
            sqlx::query_scalar!("select id from site where name is null order by id").fetch_all(connection).await
        })
        .await?;
    for id in forgotten {
        for table in TABLES {
            delete_all(lease, table, &format!("site = {id}")).await?;
        }
        // Last, so that the next run continues after an interruption.
        lease
            .next()
            .await?
            .run(async |connection| sqlx::query!("delete from site where id = $1", id).execute(connection).await)
            .await?;
    }
    Ok(())
}

/// Removes the old row versions with forgotten salts.
async fn vacuum_site(lease: &mut Lease<'_, '_>) -> Result<(), Interruption> {
    let checkout = lease.next().await?;
    let vacuum = async |connection: &mut _| sqlx::raw_sql("vacuum salt, site").execute(connection).await.map(drop);
    Ok(checkout.run(vacuum).await?)
}

/// Forgets some days of a site. The sum of all time loses their pageviews; the all-time estimate stays. The minutes are those of the
/// days. Returns `None` if another instance does maintenance.
pub async fn forget_days(
    checkout: &mut Checkout<'_>,
    site: SiteId,
    days: (Day, Day),
    minutes: (Minute, Minute),
) -> Result<Option<()>, Failure> {
    let (first, last) = (days.0.number(), days.1.number());
    exclusively(checkout, async |lease| {
        forget_rollups(lease, site, days).await?;
        repeat(lease, async |connection| {
            let query = sqlx::query_file_scalar!("queries/forget_tallies.sql", site.0, first, last, STEP_ROWS);
            query.fetch_one(connection).await.map(i64::unsigned_abs)
        })
        .await?;
        forget_cells(lease, site, days, None).await?;
        for table in ["imported_tally", "annotation", "addition"] {
            delete_all(lease, table, &format!("site = {} and day between {first} and {last}", site.0)).await?;
        }
        let (first, last) = (minutes.0.number(), minutes.1.number());
        delete_all(lease, "minute", &format!("site = {} and minute between {first} and {last}", site.0)).await
    })
    .await
}

/// Counts a page as [`OTHER`] on some days, so that the sums of the site stay. Returns `None` if another instance does maintenance.
pub async fn forget_page(
    checkout: &mut Checkout<'_>,
    site: SiteId,
    days: (Day, Day),
    page: &str,
) -> Result<Option<()>, Failure> {
    let (first, last) = (days.0.number(), days.1.number());
    exclusively(checkout, async |lease| {
        forget_rollups(lease, site, days).await?;
        repeat(lease, async |connection| {
            let query = sqlx::query_file_scalar!(
                "queries/forget_page.sql",
                site.0,
                first,
                last,
                &PAGES.map(Dimension::number),
                page,
                Dimension::Referral.number(),
                OTHER,
                STEP_ROWS,
                Dimension::EntryPage.number()
            );
            query.fetch_one(connection).await.map(i64::unsigned_abs)
        })
        .await?;
        forget_cells(lease, site, days, Some(page)).await
    })
    .await
}

/// Deletes the cells of some days, or those of a page. First those that are not packed: an import could pack them meanwhile.
async fn forget_cells(
    lease: &mut Lease<'_, '_>,
    site: SiteId,
    days: (Day, Day),
    page: Option<&str>,
) -> Result<(), Interruption> {
    let (first, last) = (days.0.number(), days.1.number());
    let dimension = Dimension::Page.number();
    repeat(lease, async |connection| {
        let query = sqlx::query_file!("queries/forget_cells.sql", site.0, first, last, dimension, page, STEP_ROWS);
        query.execute(connection).await.map(|done| done.rows_affected())
    })
    .await?;
    let mut next = None;
    loop {
        next = forget_packed_cells(lease.next().await?, site, days, page, next).await?;
        if next.is_none() {
            return Ok(());
        }
    }
}

/// Deletes the sums of the months of some days. Maintenance adds them up again.
async fn forget_rollups(lease: &mut Lease<'_, '_>, site: SiteId, days: (Day, Day)) -> Result<(), Interruption> {
    let (first, last) = (days.0.number(), days.1.month().last_day().number());
    repeat(lease, async |connection| {
        let query = sqlx::query_file!("queries/forget_rollups.sql", site.0, first, last, STEP_ROWS);
        query.execute(connection).await.map(|done| done.rows_affected())
    })
    .await?;
    Ok(())
}

/// Repeats a step until it changes fewer rows than [`STEP_ROWS`], its limit.
async fn repeat(
    lease: &mut Lease<'_, '_>,
    step: impl AsyncFn(&mut PgConnection) -> sqlx::Result<u64>,
) -> Result<(), Interruption> {
    while lease.next().await?.run(&step).await? >= STEP_ROWS.unsigned_abs() {}
    Ok(())
}

/// Deletes the rows of a table under a condition, in steps. Skips rows that a batch holds, because its rows have another order.
async fn delete_all(lease: &mut Lease<'_, '_>, table: &str, condition: &str) -> Result<(), Interruption> {
    let delete = async |checkout: &mut Checkout<'_>| {
        let statement = AssertSqlSafe(format!(
            "delete from {table} where ctid = any(array(\
                select ctid from {table} where {condition} limit {STEP_ROWS} for update skip locked\
            ))"
        ));
        checkout
            .run(async |connection| sqlx::raw_sql(statement).execute(connection).await.map(|done| done.rows_affected()))
            .await
    };
    while delete(lease.next().await?).await? > 0 {}
    Ok(())
}
