//! What the reader and the import read.

use super::{Failure, Line, connection::limited};
use crate::statistics::{LIST_LENGTH, Tally};

/// Finds the id of a site by its name; `None` if nothing has been counted for it.
pub async fn read_site(line: &Line, name: &str) -> Result<Option<i32>, Failure> {
    let mut lease = line.lease().await?;
    let outcome =
        limited(sqlx::query_file_scalar!("queries/read_site.sql", name).fetch_optional(lease.connection())).await;
    lease.settle(outcome)
}

/// The counters of a site.
pub struct Tallies {
    /// The totals and lists that were asked for.
    pub rows: Vec<Tally>,
    /// Rises whenever the site's all-time registers do.
    pub registers_revision: i64,
}

/// As which dimension the query answers the revision of the registers.
const REVISION: i16 = -1;

/// Reads the totals of `buckets` and the largest values of every dimension in `listed`.
pub async fn read_tallies(line: &Line, site: i32, buckets: &[i32], listed: i32) -> Result<Tallies, Failure> {
    let mut lease = line.lease().await?;
    let query = sqlx::query_file_as!(Tally, "queries/read_tallies.sql", site, buckets, listed, LIST_LENGTH);
    let outcome = limited(query.fetch_all(lease.connection())).await;
    let mut rows = lease.settle(outcome)?;
    let revision = rows.iter().position(|row| row.dimension == REVISION).map(|place| rows.swap_remove(place));
    Ok(Tallies { rows, registers_revision: revision.map_or(0, |row| row.visitors) })
}

/// Reads a site's all-time registers: pairs of register and rank. Registers that never rose are left out.
pub async fn read_registers(line: &Line, site: i32) -> Result<Vec<(i16, i16)>, Failure> {
    let mut lease = line.lease().await?;
    let outcome = limited(async {
        let rows = sqlx::query_file!("queries/read_registers.sql", site).fetch_all(lease.connection()).await?;
        Ok(rows.into_iter().map(|row| (row.register, row.rank)).collect())
    })
    .await;
    lease.settle(outcome)
}

/// Reads how far logs have been imported for a site: pairs of digest and length in bytes.
pub async fn read_checkpoints(line: &Line, site: i32) -> Result<Vec<(Vec<u8>, i64)>, Failure> {
    let mut lease = line.lease().await?;
    let outcome = limited(async {
        let rows = sqlx::query_file!("queries/read_checkpoints.sql", site).fetch_all(lease.connection()).await?;
        Ok(rows.into_iter().map(|row| (row.digest, row.bytes)).collect())
    })
    .await;
    lease.settle(outcome)
}
