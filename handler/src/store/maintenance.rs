//! The statements of maintenance. Without maintenance the database grows, but counts stay correct.
//!
//! Every step is a small transaction, so that steps do not delay other work. The next run continues after an interruption. The
//! database's clock decides when a period has ended.

use std::time::Duration;

use sqlx::AssertSqlSafe;

use super::{
    Checkout, Failure, FoldingRules, SiteId,
    cells::{find_cell_days, pack_day},
    cluster::read_cluster,
    forgetting::delete_forgotten_sites,
    lease::{Interruption, Lease, STEP_ROWS, exclusively},
    rollups::{SEARCHED_SITES, find_months, roll_up_month},
};
use crate::domain::{CountingRules, Day, Period};

/// The maximum number of sets that one run removes: more than the days of two years.
const SETS: i64 = 800;

/// How many days it stays known which notices were sent: longer than any is retried.
const NOTICE_DAYS: i32 = 60;

/// Numbers of removed rows and sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Removed {
    /// Salts of ended periods.
    pub salts_forgotten: u64,
    /// Sets of fingerprints of ended periods.
    pub sets_dropped: u64,
    /// Ids of batches that can no longer be resent.
    pub batches_deleted: u64,
    /// Views by minute older than the live view.
    pub minutes_deleted: u64,
    /// Counts of values that networks added, and keys of networks, of earlier days.
    pub additions_deleted: u64,
    /// Counters of earlier days that were added to those of slot 0.
    pub counters_merged: u64,
    /// Counters older than the retention.
    pub tallies_deleted: u64,
    /// Imported totals older than the retention.
    pub imported_deleted: u64,
    /// Registers of the all-time estimate, after it was turned off.
    pub registers_deleted: u64,
    /// Days of sites whose cells were folded and packed.
    pub days_packed: u64,
    /// Cells and packed days that were deleted, after they were turned off or by the retention.
    pub cells_deleted: u64,
}

/// Forgets expired salts and drops their sets. Packs the cells of days that are over. Deletes old batch ids, old minutes, statistics
/// before `first_kept`, and what the rules no longer store. Adds up months that ended before the previous month. Returns `None` if
/// another instance is running maintenance, or has taken over this run.
pub async fn remove(
    checkout: &mut Checkout<'_>,
    today: Day,
    first_kept: Option<Day>,
    rules: &CountingRules,
) -> Result<Option<Removed>, Failure> {
    let mut removed = Removed::default();
    let folding = folding(rules);
    let maintain = async |lease: &mut Lease<'_, '_>| {
        remove_all(lease, today, first_kept, rules.keeps_all_time, &mut removed).await?;
        if let Some(folding) = folding {
            removed.days_packed = pack_cells(lease, today, None, folding).await?;
        } else {
            removed.cells_deleted += repeat(lease, MaintenanceStep::DeleteCells(None)).await?;
            removed.cells_deleted += repeat(lease, MaintenanceStep::DeletePacks(None)).await?;
        }
        repeat(lease, MaintenanceStep::ForgetProfiles).await?;
        // A month that ended a month ago gets no more visits, however long they were on their way.
        roll_up(lease, first_kept, today.month().plus(-1).first_day()).await
    };
    Ok(exclusively(checkout, maintain).await?.map(|()| removed))
}

/// Forgets a site's salts of these periods before they expire. Drops the sets that no other site needs, unless another instance is
/// running maintenance, which drops them now or the next time.
pub async fn forget_periods(checkout: &mut Checkout<'_>, site: SiteId, periods: &[Period]) -> Result<(), Failure> {
    let numbers: Vec<i32> = periods.iter().map(|period| period.number()).collect();
    checkout
        .run(async |connection| {
            sqlx::query_file!("queries/forget_periods.sql", site.0, &numbers).execute(connection).await
        })
        .await?;
    vacuum_keys(checkout).await?;
    exclusively(checkout, async |lease| drop_sets(lease).await).await?;
    Ok(())
}

/// Packs the cells of a site's days before `today`, unless another instance is running maintenance, which packs them now or the next
/// time.
pub async fn pack_site(
    checkout: &mut Checkout<'_>,
    site: SiteId,
    today: Day,
    rules: &CountingRules,
) -> Result<(), Failure> {
    if let Some(folding) = folding(rules) {
        exclusively(checkout, async |lease| pack_cells(lease, today, Some(site), folding).await).await?;
    }
    Ok(())
}

fn folding(rules: &CountingRules) -> Option<FoldingRules> {
    let forget = rules.counting_mode.forget;
    rules.smallest_group.map(|smallest| FoldingRules { smallest, forget })
}

/// Packs the cells of days before `today`, oldest first, because the profiles of a day also decide about the days after it. Each
/// transaction packs one day of one site.
async fn pack_cells(
    lease: &mut Lease<'_, '_>,
    today: Day,
    site: Option<SiteId>,
    folding: FoldingRules,
) -> Result<u64, Interruption> {
    let mut packed = 0;
    loop {
        let days = find_cell_days(lease.next().await?, today, site).await?;
        if days.is_empty() {
            return Ok(packed);
        }
        for day in days {
            while !pack_day(lease.next().await?, day, folding).await? {}
            packed += 1;
        }
    }
}

async fn read_sites(lease: &mut Lease<'_, '_>) -> Result<Vec<i32>, Interruption> {
    let checkout = lease.next().await?;
    Ok(checkout.run(async |connection| sqlx::query_scalar!("select id from site").fetch_all(connection).await).await?)
}

/// Adds up the months of all sites that ended before a day, unless their sums are valid. Months that begin before `first_kept` are
/// skipped, because some of their days may be deleted. Each month is a statement of its own.
async fn roll_up(lease: &mut Lease<'_, '_>, first_kept: Option<Day>, before: Day) -> Result<(), Interruption> {
    for sites in read_sites(lease).await?.chunks(SEARCHED_SITES) {
        for month in find_months(lease.next().await?, sites, first_kept, before).await? {
            roll_up_month(lease.next().await?, &month).await?;
        }
    }
    Ok(())
}

async fn remove_all(
    lease: &mut Lease<'_, '_>,
    today: Day,
    first_kept: Option<Day>,
    keeps_all_time: bool,
    removed: &mut Removed,
) -> Result<(), Interruption> {
    // Forget salts first: without them the fingerprints can't be compared any more.
    removed.salts_forgotten = repeat(lease, MaintenanceStep::ForgetSalts).await?;
    removed.additions_deleted = repeat(lease, MaintenanceStep::DeleteNetworkKeys).await?;
    if removed.salts_forgotten > 0 || removed.additions_deleted > 0 {
        vacuum_keys(lease.next().await?).await?;
    }
    delete_forgotten_sites(lease).await?;
    removed.sets_dropped = drop_sets(lease).await?;
    removed.batches_deleted = repeat(lease, MaintenanceStep::DeleteBatches).await?;
    removed.minutes_deleted = repeat(lease, MaintenanceStep::DeleteMinutes).await?;
    removed.additions_deleted += repeat(lease, MaintenanceStep::DeleteAdditions).await?;
    removed.counters_merged = repeat(lease, MaintenanceStep::MergeSlots).await?;
    repeat(lease, MaintenanceStep::DeleteNotices(today.plus(-NOTICE_DAYS))).await?;
    if let Some(first_kept) = first_kept {
        repeat(lease, MaintenanceStep::EmptyPacks(first_kept)).await?;
        removed.cells_deleted += repeat(lease, MaintenanceStep::DeletePacks(Some(first_kept))).await?;
        removed.cells_deleted += repeat(lease, MaintenanceStep::DeleteCells(Some(first_kept))).await?;
        let whole = i32::from(first_kept != first_kept.month().first_day());
        let first_month_end = first_kept.month().plus(whole).last_day();
        for site in read_sites(lease).await?.into_iter().map(SiteId) {
            repeat(lease, MaintenanceStep::DeleteRollups(site, first_month_end)).await?;
            removed.tallies_deleted += repeat(lease, MaintenanceStep::DeleteTallies(site, first_kept)).await?;
            repeat(lease, MaintenanceStep::DeleteAnnotations(site, first_kept)).await?;
            removed.imported_deleted += repeat(lease, MaintenanceStep::DeleteImported(site, first_kept)).await?;
        }
    }
    if !keeps_all_time {
        lease
            .next()
            .await?
            .run(async |connection| {
                sqlx::query!("update site set salt = null where salt is not null").execute(connection).await
            })
            .await?;
        removed.registers_deleted = repeat(lease, MaintenanceStep::DeleteRegisters).await?;
    }
    Ok(())
}

/// Removes the old row versions with forgotten salts and keys of networks. Autovacuum skips such small tables.
async fn vacuum_keys(checkout: &mut Checkout<'_>) -> Result<(), Failure> {
    checkout
        .run(async |connection| sqlx::raw_sql("vacuum salt, network_key").execute(connection).await.map(|_| ()))
        .await
}

/// A statement that removes a limited number of rows, repeated until no rows are left.
#[derive(Clone, Copy)]
enum MaintenanceStep {
    ForgetSalts,
    DeleteBatches,
    DeleteMinutes,
    DeleteAdditions,
    DeleteNetworkKeys,
    MergeSlots,
    /// The site, and the first day to keep.
    DeleteTallies(SiteId, Day),
    /// The site, and the last day of the first month to keep.
    DeleteRollups(SiteId, Day),
    /// The first day to keep.
    DeleteNotices(Day),
    /// The site, and the first day to keep.
    DeleteAnnotations(SiteId, Day),
    /// The site, and the first day to keep (imported totals).
    DeleteImported(SiteId, Day),
    DeleteRegisters,
    /// Profiles of sites as a whole, whose period is closed.
    ForgetProfiles,
    /// The first day to keep; `None` deletes all.
    DeleteCells(Option<Day>),
    /// The first day to keep; `None` deletes all.
    DeletePacks(Option<Day>),
    /// The first day to keep.
    EmptyPacks(Day),
}

/// Repeats a step until it removes fewer rows than its limit. Returns the total number of removed rows.
async fn repeat(lease: &mut Lease<'_, '_>, step: MaintenanceStep) -> Result<u64, Interruption> {
    let mut removed = 0;
    loop {
        let done = lease
            .next()
            .await?
            .run(async |connection| match step {
                MaintenanceStep::ForgetSalts => {
                    sqlx::query_file!("queries/forget_salts.sql", STEP_ROWS).execute(connection).await
                }
                MaintenanceStep::DeleteBatches => {
                    sqlx::query_file!("queries/delete_batches.sql", STEP_ROWS).execute(connection).await
                }
                MaintenanceStep::DeleteMinutes => {
                    sqlx::query_file!("queries/delete_minutes.sql", STEP_ROWS).execute(connection).await
                }
                MaintenanceStep::DeleteAdditions => {
                    sqlx::query_file!("queries/delete_additions.sql", STEP_ROWS).execute(connection).await
                }
                MaintenanceStep::DeleteNetworkKeys => {
                    sqlx::query_file!("queries/delete_network_keys.sql", STEP_ROWS).execute(connection).await
                }
                MaintenanceStep::MergeSlots => {
                    sqlx::query_file!("queries/merge_slots.sql", STEP_ROWS).execute(connection).await
                }
                MaintenanceStep::DeleteTallies(site, day) => {
                    let query = sqlx::query_file!("queries/delete_tallies.sql", site.0, day.number(), STEP_ROWS);
                    query.execute(connection).await
                }
                MaintenanceStep::DeleteRollups(site, day) => {
                    let query = sqlx::query_file!("queries/delete_rollups.sql", site.0, day.number(), STEP_ROWS);
                    query.execute(connection).await
                }
                MaintenanceStep::DeleteNotices(day) => {
                    sqlx::query_file!("queries/delete_notices.sql", day.number(), STEP_ROWS).execute(connection).await
                }
                MaintenanceStep::DeleteAnnotations(site, day) => {
                    let query = sqlx::query_file!("queries/delete_annotations.sql", site.0, day.number(), STEP_ROWS);
                    query.execute(connection).await
                }
                MaintenanceStep::DeleteImported(site, day) => {
                    let query = sqlx::query_file!("queries/delete_imported.sql", site.0, day.number(), STEP_ROWS);
                    query.execute(connection).await
                }
                MaintenanceStep::DeleteRegisters => {
                    sqlx::query_file!("queries/delete_registers.sql", STEP_ROWS).execute(connection).await
                }
                MaintenanceStep::ForgetProfiles => {
                    sqlx::query_file!("queries/forget_profiles.sql", STEP_ROWS).execute(connection).await
                }
                MaintenanceStep::DeleteCells(before) => {
                    let query = sqlx::query_file!("queries/delete_cells.sql", before.map(Day::number), STEP_ROWS);
                    query.execute(connection).await
                }
                MaintenanceStep::DeletePacks(before) => {
                    let query = sqlx::query_file!("queries/delete_packs.sql", before.map(Day::number), STEP_ROWS);
                    query.execute(connection).await
                }
                MaintenanceStep::EmptyPacks(before) => {
                    sqlx::query_file!("queries/empty_packs.sql", before.number(), STEP_ROWS).execute(connection).await
                }
            })
            .await?;
        removed += done.rows_affected();
        if done.rows_affected() < STEP_ROWS.unsigned_abs() {
            return Ok(removed);
        }
    }
}

/// Drops the sets without a salt. Each set is first detached concurrently, so that counting and backups do not wait for a lock.
/// If a reader holds a set, the set stays until the next run. Sets that are still attached stay too, because PostgreSQL must
/// finish a pending detach before the next one. Citus can't detach concurrently, so there an attached set is dropped at once.
async fn drop_sets(lease: &mut Lease<'_, '_>) -> Result<u64, Interruption> {
    let is_distributed = read_cluster(lease.next().await?).await?.is_some_and(|cluster| cluster.shards > 0);
    let ended = lease
        .next()
        .await?
        .run(async |connection| sqlx::query_file!("queries/ended_sets.sql", SETS).fetch_all(connection).await)
        .await?;
    let (mut dropped, mut is_held) = (0, false);
    for set in ended {
        // The query returns only names of the form `seen_` and digits.
        let (name, period) = (set.name, set.period);
        if !end_set(lease, period).await? {
            continue;
        }
        if let Some(is_pending) = set.detach_is_pending {
            if !is_held && !is_distributed {
                is_held = !detach_set(lease, &name, is_pending).await?;
            }
            if is_held {
                continue;
            }
        }
        if drop_set(lease, period).await? {
            lease
                .next()
                .await?
                .run(async |connection| {
                    sqlx::query!("delete from ended_set where period = $1", period).execute(connection).await
                })
                .await?;
            dropped += 1;
        } else {
            is_held |= is_distributed;
        }
    }
    Ok(dropped)
}

/// Attempts to get a lock that batches or readers hold, and the pause between attempts.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// A function of the database that waits only shortly for its lock, because new batches wait behind its request.
#[derive(Clone, Copy)]
enum SetStep {
    /// Closes a set for new visits. Returns false if a site has opened the period meanwhile.
    End,
    Drop,
}

/// Calls the function until it gets its lock, at most [`LOCK_TRIES`] times.
async fn try_often(lease: &mut Lease<'_, '_>, step: SetStep, period: i32) -> Result<bool, Interruption> {
    let mut tries = 1;
    loop {
        let outcome = lease
            .next()
            .await?
            .run(async |connection| match step {
                SetStep::End => {
                    sqlx::query_scalar!(r#"select end_set($1) as "done!""#, period).fetch_one(connection).await
                }
                SetStep::Drop => {
                    sqlx::query_scalar!(r#"select true as "done!" from drop_set($1)"#, period)
                        .fetch_one(connection)
                        .await
                }
            })
            .await;
        match outcome {
            Err(Failure::TimedOut(_)) if tries < LOCK_TRIES => tokio::time::sleep(LOCK_PAUSE).await,
            outcome => return Ok(outcome?),
        }
        tries += 1;
    }
}

/// Closes a set for new visits. Returns false if a site has opened the period meanwhile, or if batches follow each other without a
/// gap.
async fn end_set(lease: &mut Lease<'_, '_>, period: i32) -> Result<bool, Interruption> {
    match try_often(lease, SetStep::End, period).await {
        Err(Interruption::Failed(Failure::TimedOut(_))) => Ok(false),
        outcome => outcome,
    }
}

/// Detaches a set. Returns false if a reader holds a lock that the statement needs.
async fn detach_set(lease: &mut Lease<'_, '_>, name: &str, is_pending: bool) -> Result<bool, Interruption> {
    let how = if is_pending { "finalize" } else { "concurrently" };
    let statement = AssertSqlSafe(format!("alter table seen detach partition {name} {how}"));
    let outcome = lease.next().await?.run(async |connection| sqlx::raw_sql(statement).execute(connection).await).await;
    unless_held(outcome.map(|_| true).map_err(Interruption::from))
}

/// Drops a set. Returns false if a reader holds it.
async fn drop_set(lease: &mut Lease<'_, '_>, period: i32) -> Result<bool, Interruption> {
    unless_held(try_often(lease, SetStep::Drop, period).await)
}

/// Returns false, and logs, if the statement could not get its lock.
fn unless_held(outcome: Result<bool, Interruption>) -> Result<bool, Interruption> {
    match outcome {
        Err(Interruption::Failed(Failure::TimedOut(code))) => {
            tracing::info!(
                event = "set_kept",
                sqlstate = %code,
                "could not drop an expired set, a reader holds it; will retry"
            );
            Ok(false)
        }
        outcome => outcome,
    }
}
