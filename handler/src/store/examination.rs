//! The query of `handler doctor`.

use super::{Checkout, Failure};

/// Facts about the database, the role and its rights.
#[derive(Debug)]
pub struct Examination {
    /// For example `17.5`.
    pub server_version: String,
    /// The role of the connection.
    pub role: String,
    /// The database's name.
    pub database: String,
    /// The schema of Footfall's tables.
    pub schema: String,
    /// Whether the role is a superuser or may create roles. Footfall needs neither.
    pub is_powerful: bool,
    /// Whether the role may create tables in the schema. Migrations and new periods need this right.
    pub may_create: bool,
    /// The durability of commits. `on` and stronger values wait for the disk; `off` and `local` may lose acknowledged visits.
    pub synchronous_commit: String,
    /// Whether the server's log can hold parameters of statements, among them salts and fingerprints.
    pub logs_parameters: bool,
    /// The server's clock, in Unix seconds.
    pub clock_seconds: f64,
}

/// Runs the query.
pub async fn examine(checkout: &mut Checkout<'_>) -> Result<Examination, Failure> {
    checkout
        .run(async |connection| sqlx::query_file_as!(Examination, "queries/examine.sql").fetch_one(connection).await)
        .await
}
