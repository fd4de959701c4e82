//! `handler migrate`: updates the database schema.

use super::print;
use crate::{
    clock::Clock,
    config::Config,
    store::{Database, StatementLimits},
};

/// Updates the schema.
///
/// # Errors
/// If the database is unavailable or rejects a statement.
pub async fn run(config: &Config) -> anyhow::Result<()> {
    let database = Database::new(&config.database, config.counting_mode(), Clock::system()).await?;
    let [connection] = database.connections([StatementLimits::FOR_IMPORTS]);
    // The first check of a connection migrates.
    connection.check().await?;
    print("the schema is up to date")?;
    Ok(())
}
