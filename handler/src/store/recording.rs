//! What the recorder writes.

use uuid::Uuid;

use super::{Failure, Line, connection::limited};
use crate::visitor::{Period, Salt};

/// One batch of visits, as columns: what `queries/commit_batch.sql` takes. Rows of a group have the same index.
#[derive(Default)]
pub struct Batch {
    /// Claimed by the statement: the same batch sent twice is applied once.
    pub id: Uuid,
    /// Fingerprints that may be new, sorted by bucket and fingerprint, each once.
    pub visitor_bucket: Vec<i32>,
    /// See [`Batch::visitor_bucket`].
    pub visitor_fingerprint: Vec<i64>,
    /// Fingerprints of one cohort raise the same tallies if they are new.
    pub visitor_cohort: Vec<i32>,
    /// Which cohort …
    pub link_cohort: Vec<i32>,
    /// … raises which tally (1 is the first).
    pub link_tally: Vec<i32>,
    /// The site of a tally.
    pub tally_site: Vec<i32>,
    /// The bucket of a tally.
    pub tally_bucket: Vec<i32>,
    /// The dimension of a tally.
    pub tally_dimension: Vec<i16>,
    /// The value of a tally.
    pub tally_value: Vec<String>,
    /// By how much its pageviews rise.
    pub tally_pageviews: Vec<i64>,
    /// The site of a register that may rise, sorted by site and register, each once.
    pub register_site: Vec<i32>,
    /// See [`Batch::register_site`].
    pub register_index: Vec<i16>,
    /// The rank that it may rise to.
    pub register_rank: Vec<i16>,
    /// How far a log has been counted with this batch.
    pub checkpoint: Option<Checkpoint>,
}

/// How far an imported log has been counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Checkpoint {
    /// BLAKE3 of the site's name and of the log from its beginning to here.
    pub digest: [u8; 32],
    /// How many bytes that is, uncompressed.
    pub bytes: u64,
    /// The site's id.
    pub site: i32,
}

/// Commits a batch. When this returns, it is durable. Answers whether it was applied now; if not, it had been before.
pub async fn commit(line: &Line, batch: &Batch) -> Result<bool, Failure> {
    let (site, digest, bytes) = match &batch.checkpoint {
        Some(checkpoint) => (
            vec![checkpoint.site],
            vec![checkpoint.digest.to_vec()],
            vec![i64::try_from(checkpoint.bytes).unwrap_or(i64::MAX)],
        ),
        None => Default::default(),
    };
    let mut lease = line.lease().await?;
    let outcome = limited(async {
        sqlx::query_file_scalar!(
            "queries/commit_batch.sql",
            batch.id,
            &batch.visitor_bucket,
            &batch.visitor_fingerprint,
            &batch.visitor_cohort,
            &batch.link_cohort,
            &batch.link_tally,
            &batch.tally_site,
            &batch.tally_bucket,
            &batch.tally_dimension,
            &batch.tally_value,
            &batch.tally_pageviews,
            &batch.register_site,
            &batch.register_index,
            &batch.register_rank,
            &site,
            &digest,
            &bytes,
        )
        .fetch_one(lease.connection())
        .await
    })
    .await;
    lease.settle(outcome)
}

/// Opens a period for counting: answers the salt that holds for all instances, and makes the set. `None` if the period
/// has been closed: its salt is forgotten, and nobody new can be told from those counted before.
pub async fn open_period(
    line: &Line,
    period: Period,
    offered: Salt,
    forget_after_seconds: i64,
) -> Result<Option<Salt>, Failure> {
    let bucket = period.bucket();
    let mut lease = line.lease().await?;
    let outcome = limited(async {
        let mut transaction = sqlx::Connection::begin(lease.connection()).await?;
        let salt = sqlx::query_file_scalar!(
            "queries/open_period.sql",
            bucket,
            offered.0.as_slice(),
            forget_after_seconds as f64
        )
        .fetch_one(&mut *transaction)
        .await?;
        if salt.is_some() {
            sqlx::query!("select open_set($1)", bucket).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(salt.and_then(|bytes| bytes.try_into().ok()).map(Salt))
    })
    .await;
    lease.settle(outcome)
}

/// Finds a site by its name, or makes it. Answers its id and the salt of its all-time estimate.
pub async fn open_site(line: &Line, name: &str, offered: Salt) -> Result<(i32, Salt), Failure> {
    let mut lease = line.lease().await?;
    let outcome = limited(async {
        let row = sqlx::query_file!("queries/open_site.sql", name, offered.0.as_slice())
            .fetch_one(lease.connection())
            .await?;
        let salt = row.salt.try_into().map_err(|_| sqlx::Error::Decode("a salt has 32 bytes".into()))?;
        Ok((row.id, Salt(salt)))
    })
    .await;
    lease.settle(outcome)
}
