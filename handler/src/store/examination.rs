//! What `handler doctor` asks the database.

use super::{Checkout, Failure};

/// What the database says of itself and of us.
#[derive(Debug)]
pub struct Examination {
    /// Such as `17.5`.
    pub server_version: String,
    /// The role that we are logged in as.
    pub role: String,
    /// The database's name.
    pub database: String,
    /// Where our tables are.
    pub schema: String,
    /// Whether the role is a superuser or may make roles: more than it needs.
    pub is_powerful: bool,
    /// Whether the role may make tables in the schema, as migrations and new periods need.
    pub may_create: bool,
    /// Whether a commit waits until it is on disk: `on` and stronger, or `off` and `local`, which may lose what was answered.
    pub synchronous_commit: String,
    /// The server's clock, in Unix seconds.
    pub clock_seconds: f64,
}

/// Asks.
pub async fn examine(checkout: &mut Checkout<'_>) -> Result<Examination, Failure> {
    checkout
        .run(async |connection| sqlx::query_file_as!(Examination, "queries/examine.sql").fetch_one(connection).await)
        .await
}
