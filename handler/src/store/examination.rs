//! What `handler doctor` asks the database.

use super::{Failure, Line, connection::limited};

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
    /// Whether the server is a replica.
    pub is_read_only: bool,
    /// The server's clock, in Unix seconds.
    pub clock_seconds: f64,
}

/// Asks.
pub async fn examine(line: &Line) -> Result<Examination, Failure> {
    let mut lease = line.lease().await?;
    let outcome = limited(sqlx::query_file_as!(Examination, "queries/examine.sql").fetch_one(lease.connection())).await;
    lease.settle(outcome)
}
