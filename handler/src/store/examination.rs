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

/// Fails as [`Failure::loses_statements`] if a pooler shares the sessions of the server and not the statements prepared in them.
///
/// `other` holds the session that `checkout` has used, so the same statement of `checkout` runs in another session.
pub async fn try_statements(checkout: &mut Checkout<'_>, other: &mut Checkout<'_>) -> Result<(), Failure> {
    examine(checkout).await?;
    other.run(async |connection| sqlx::raw_sql("begin").execute(connection).await).await?;
    let outcome = examine(checkout).await;
    other.run(async |connection| sqlx::raw_sql("rollback").execute(connection).await).await?;
    outcome.map(drop)
}

/// Runs the query.
pub async fn examine(checkout: &mut Checkout<'_>) -> Result<Examination, Failure> {
    checkout
        .run(async |connection| sqlx::query_file_as!(Examination, "queries/examine.sql").fetch_one(connection).await)
        .await
}
