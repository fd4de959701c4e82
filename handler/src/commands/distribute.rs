//! `handler distribute`: spreads the sets over the workers of a Citus cluster.

use std::time::Duration;

use anyhow::bail;

use super::{counted, print};
use crate::{
    clock::Clock,
    config::{Config, DatabaseConfig},
    store::{self, Cluster, Database, StatementLimits},
};

/// A worker that comes back holds the rows of its open transactions for this long, and their visitors wait.
const LONGEST_RECOVERY_INTERVAL: Duration = Duration::from_secs(10);

/// How to name the workers. `run` and the tests of Compose use the same statement.
const ADD_A_NODE: &str = "select citus_add_node('host', 5432)";

/// Distributes the sets of fingerprints, and moves existing rows. Distributed sets stay as they are.
///
/// # Errors
/// If the database is not a cluster or is unavailable.
pub async fn run(config: &Config) -> anyhow::Result<()> {
    if matches!(config.database, DatabaseConfig::Embedded(_)) {
        bail!("the embedded PostgreSQL is one server: name a cluster's coordinator in DATABASE_URL");
    }
    let database = Database::new(&config.database, config.counting_mode(), Clock::system()).await?;
    let [connection] = database.connections([StatementLimits::FOR_DISTRIBUTING]);
    let mut checkout = connection.checkout().await?;
    let Some(cluster) = store::read_cluster(&mut checkout).await? else {
        bail!("the database has no extension citus: as an administrator, run on each server: create extension citus");
    };
    if cluster.nodes == 0 {
        bail!("the cluster has no worker: as an administrator, run for each worker: {ADD_A_NODE}");
    }
    if cluster.shards == 0 {
        store::distribute_sets(&mut checkout).await?;
        print(format!("the sets are distributed now, over {}", counted(cluster.nodes, "server")))?;
    } else {
        print(format!("the sets are distributed already, over {}", counted(cluster.shards, "server")))?;
    }
    if let Some((problem, remedy)) = slow_recovery(&cluster) {
        print(format!("{problem}: {remedy}"))?;
    }
    Ok(())
}

/// The problem and its remedy if visitors wait long after the loss of a worker.
pub(super) fn slow_recovery(cluster: &Cluster) -> Option<(String, &'static str)> {
    let wait = match cluster.recovery_interval {
        Some(interval) if interval <= LONGEST_RECOVERY_INTERVAL => return None,
        Some(interval) => format!("for up to {} s", interval.as_secs()),
        None => "for ever".to_owned(),
    };
    let problem = format!("after the loss of a worker, the visitors of its open transactions wait {wait}");
    Some((problem, "set citus.recover_2pc_interval to 5s on each server"))
}
