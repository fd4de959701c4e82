//! What is removed, and when. Nothing goes wrong if this never runs; the database only grows.

use std::ops::Range;

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Failure, Line, connection::limited};

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Removed {
    /// Salts of ended periods.
    pub salts_forgotten: u64,
    /// Sets of fingerprints of ended periods.
    pub sets_dropped: u64,
    /// Ids of old batches.
    pub batches_deleted: u64,
    /// Counters older than the retention.
    pub tallies_deleted: u64,
}

/// Forgets the salts whose time is over and drops their sets; deletes the ids of batches made before `batches_before`, and
/// the tallies whose buckets lie in `tallies`.
pub async fn remove(
    line: &Line,
    now_seconds: i64,
    batches_before: Uuid,
    tallies: &[Range<i32>],
) -> Result<Removed, Failure> {
    let mut lease = line.lease().await?;
    let outcome = remove_all(lease.connection(), now_seconds, batches_before, tallies).await;
    lease.settle(outcome)
}

/// Each step is a transaction of its own: none of them depends on the next, and locks are held shortly.
async fn remove_all(
    connection: &mut PgConnection,
    now_seconds: i64,
    batches_before: Uuid,
    tallies: &[Range<i32>],
) -> Result<Removed, Failure> {
    let mut removed = Removed::default();
    // First the salts: from here on the fingerprints mean nothing.
    let forgotten = sqlx::query_file!("queries/forget_salts.sql", now_seconds as f64);
    removed.salts_forgotten = limited(forgotten.fetch_all(&mut *connection)).await?.len() as u64;
    let orphaned = sqlx::query_file_scalar!("queries/orphaned_sets.sql");
    for bucket in limited(orphaned.fetch_all(&mut *connection)).await? {
        limited(sqlx::query!("select close_set($1)", bucket).execute(&mut *connection)).await?;
        removed.sets_dropped += 1;
    }
    let batches = sqlx::query_file!("queries/delete_batches.sql", batches_before);
    removed.batches_deleted = limited(batches.execute(&mut *connection)).await?.rows_affected();
    for Range { start, end } in tallies {
        let old = sqlx::query_file!("queries/delete_tallies.sql", start, end);
        removed.tallies_deleted += limited(old.execute(&mut *connection)).await?.rows_affected();
    }
    Ok(removed)
}
