//! Citus: many servers as one database. Only the sets are distributed, because only they grow with visitors.

use std::time::Duration;

use super::{Checkout, Failure};

/// The cluster that a database belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cluster {
    /// The number of nodes that may hold a part of the sets.
    pub nodes: i64,
    /// The number of parts; 0 if the sets are on this server only.
    pub shards: i64,
    /// How often the coordinator looks for transactions that a lost worker has left open. `None`: never.
    pub recovery_interval: Option<Duration>,
}

/// Reads about the cluster. Returns `None` if the database has no extension `citus`.
pub async fn read_cluster(checkout: &mut Checkout<'_>) -> Result<Option<Cluster>, Failure> {
    let row = checkout
        .run(async |connection| sqlx::query_file!("queries/read_cluster.sql").fetch_one(connection).await)
        .await?;
    let recovery_interval = row.recovery_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    Ok(row.nodes.map(|nodes| Cluster { nodes, shards: row.shards, recovery_interval }))
}

/// Distributes the sets over the nodes, one part each, unless they are distributed already.
pub async fn distribute_sets(checkout: &mut Checkout<'_>) -> Result<(), Failure> {
    checkout
        .run(async |connection| {
            sqlx::raw_sql(include_str!("../../queries/distribute_sets.sql")).execute(connection).await.map(drop)
        })
        .await
}
