//! What is removed, and when. Nothing goes wrong if this never runs; the database only grows.
//!
//! Every step is small and a transaction of its own, so that none holds anybody up, and whatever is interrupted goes on the next
//! time. Ends are judged by the database's clock.

use std::time::Duration;

use sqlx::AssertSqlSafe;

use super::{Checkout, Failure};
use crate::domain::Day;

/// How many rows one step removes at most.
pub(super) const STEP_ROWS: i64 = 1000;

/// How many sets one run removes at most: as many as there are days in two years.
const SETS: i64 = 800;

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Removed {
    /// Salts of ended periods.
    pub salts_forgotten: u64,
    /// Sets of fingerprints of ended periods.
    pub sets_dropped: u64,
    /// Ids of batches whose sender did not come back.
    pub batches_deleted: u64,
    /// Views by minute that nobody shows any more.
    pub minutes_deleted: u64,
    /// Counters older than the retention.
    pub tallies_deleted: u64,
    /// The same of what was imported from other counters.
    pub imported_deleted: u64,
    /// Registers of all-time estimates that are not kept any more.
    pub registers_deleted: u64,
}

/// Forgets the salts whose time is over and drops their sets; deletes ids of batches that nobody asks for, old minutes, the tallies
/// before `first_kept`, and the all-time registers unless they are kept. `None` if another instance is at it.
pub async fn remove(
    checkout: &mut Checkout<'_>,
    first_kept: Option<Day>,
    keeps_all_time: bool,
) -> Result<Option<Removed>, Failure> {
    let is_free = checkout
        .run(async |connection| {
            sqlx::query_file_scalar!("queries/begin_maintenance.sql").fetch_optional(connection).await
        })
        .await?;
    if is_free.is_none() {
        return Ok(None);
    }
    let mut removed = Removed::default();
    let outcome = remove_all(checkout, first_kept, keeps_all_time, &mut removed).await;
    if !matches!(outcome, Err(Failure::Lost(_))) {
        checkout
            .run(async |connection| {
                sqlx::query!("update setting set maintained_until = null").execute(connection).await
            })
            .await?;
    }
    outcome.map(|()| Some(removed))
}

async fn remove_all(
    checkout: &mut Checkout<'_>,
    first_kept: Option<Day>,
    keeps_all_time: bool,
    removed: &mut Removed,
) -> Result<(), Failure> {
    // First the salts: from here on the fingerprints mean nothing.
    removed.salts_forgotten = repeat(checkout, MaintenanceStep::ForgetSalts).await?;
    if removed.salts_forgotten > 0 {
        // What was updated stays in the table until it is vacuumed, and so small a table is not by itself.
        checkout.run(async |connection| sqlx::raw_sql("vacuum salt").execute(connection).await).await?;
    }
    removed.sets_dropped = drop_sets(checkout).await?;
    removed.batches_deleted = repeat(checkout, MaintenanceStep::DeleteBatches).await?;
    removed.minutes_deleted = repeat(checkout, MaintenanceStep::DeleteMinutes).await?;
    if let Some(first_kept) = first_kept {
        let sites = checkout
            .run(async |connection| sqlx::query_scalar!("select id from site").fetch_all(connection).await)
            .await?;
        for site in sites {
            removed.tallies_deleted += repeat(checkout, MaintenanceStep::DeleteTallies(site, first_kept)).await?;
            removed.imported_deleted += repeat(checkout, MaintenanceStep::DeleteImported(site, first_kept)).await?;
        }
    }
    if !keeps_all_time {
        checkout
            .run(async |connection| {
                sqlx::query!("update site set salt = null where salt is not null").execute(connection).await
            })
            .await?;
        removed.registers_deleted = repeat(checkout, MaintenanceStep::DeleteRegisters).await?;
    }
    Ok(())
}

/// A statement that removes some rows, and is repeated until there are no more.
#[derive(Clone, Copy)]
enum MaintenanceStep {
    ForgetSalts,
    DeleteBatches,
    DeleteMinutes,
    /// Of a site, before a day.
    DeleteTallies(i32, Day),
    /// The same.
    DeleteImported(i32, Day),
    DeleteRegisters,
}

/// Repeats a step until it removes less than it may; answers how much all of them removed.
async fn repeat(checkout: &mut Checkout<'_>, step: MaintenanceStep) -> Result<u64, Failure> {
    let mut removed = 0;
    loop {
        let done = checkout
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
                MaintenanceStep::DeleteTallies(site, day) => {
                    let query = sqlx::query_file!("queries/delete_tallies.sql", site, day.number(), STEP_ROWS);
                    query.execute(connection).await
                }
                MaintenanceStep::DeleteImported(site, day) => {
                    let query = sqlx::query_file!("queries/delete_imported.sql", site, day.number(), STEP_ROWS);
                    query.execute(connection).await
                }
                MaintenanceStep::DeleteRegisters => {
                    sqlx::query_file!("queries/delete_registers.sql", STEP_ROWS).execute(connection).await
                }
            })
            .await?;
        removed += done.rows_affected();
        if done.rows_affected() < STEP_ROWS.unsigned_abs() {
            return Ok(removed);
        }
    }
}

/// Drops the sets that no salt belongs to. Detaching one first, concurrently, takes no lock that counting or a backup waits for;
/// where a reader holds the set itself, it stays until the next time, and so do those that would have to be detached after it:
/// PostgreSQL detaches one at a time, and goes on with that one first.
async fn drop_sets(checkout: &mut Checkout<'_>) -> Result<u64, Failure> {
    let ended = checkout
        .run(async |connection| sqlx::query_file!("queries/ended_sets.sql", SETS).fetch_all(connection).await)
        .await?;
    let (mut dropped, mut may_detach) = (0, true);
    for set in ended {
        // The name is `seen_` and digits: the query asks for no other.
        let (name, period) = (set.name, set.period);
        if !end_set(checkout, period).await? {
            continue;
        }
        if let Some(is_pending) = set.detach_is_pending {
            if !may_detach {
                continue;
            }
            let how = if is_pending { "finalize" } else { "concurrently" };
            if !execute_unless_held(checkout, format!("alter table seen detach partition {name} {how}")).await? {
                may_detach = false;
                continue;
            }
        }
        if execute_unless_held(checkout, format!("drop table {name}")).await? {
            checkout
                .run(async |connection| {
                    sqlx::query!("delete from ended_set where period = $1", period).execute(connection).await
                })
                .await?;
            dropped += 1;
        }
    }
    Ok(dropped)
}

/// How many times to ask for the lock that keeps counting waiting, and how long to let it go on in between.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// Marks a set as one that nobody may count into any more. Not if a site has opened its period meanwhile; nor while batches follow
/// each other so closely that no place is left between them.
async fn end_set(checkout: &mut Checkout<'_>, period: i32) -> Result<bool, Failure> {
    for _ in 0..LOCK_TRIES {
        let outcome = checkout
            .run(async |connection| {
                sqlx::query_scalar!(r#"select end_set($1) as "has_ended!""#, period).fetch_one(connection).await
            })
            .await;
        match outcome {
            Err(Failure::TimedOut(_)) => tokio::time::sleep(LOCK_PAUSE).await,
            outcome => return outcome,
        }
    }
    Ok(false)
}

/// Answers whether it was done: not if a reader holds what it needs.
async fn execute_unless_held(checkout: &mut Checkout<'_>, statement: String) -> Result<bool, Failure> {
    let outcome = checkout
        .run(async |connection| sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.map(|_| ()))
        .await;
    match outcome {
        Ok(()) => Ok(true),
        Err(Failure::TimedOut(code)) => {
            tracing::info!(
                event = "set_kept",
                sqlstate = code,
                "a reader holds an ended set: it is dropped the next time"
            );
            Ok(false)
        }
        Err(failure) => Err(failure),
    }
}
