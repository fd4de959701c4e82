//! Compares the counting mode of the database with the configured mode.

use sqlx::PgConnection;

use super::Failure;
use crate::domain::CountingMode;

/// Compares the modes, and stores the mode of a new database. Returns the database's clock, in Unix seconds.
pub(super) async fn check(connection: &mut PgConnection, counting_mode: &CountingMode) -> Result<f64, Failure> {
    let query =
        sqlx::query_file!("queries/check_counting_mode.sql", counting_mode.zone_name(), counting_mode.forget.name());
    let stored = query.fetch_one(connection).await.map_err(|error| Failure::of(&error))?;
    let differs = |variable: &str, stored: &str, configured: &str| {
        Failure::ModeMismatch(format!(
            "{variable} is '{configured}', but this database has counted with '{stored}': set it back, or use another database"
        ))
    };
    if stored.time_zone != counting_mode.zone_name() {
        return Err(differs("FOOTFALL_TIMEZONE", &stored.time_zone, counting_mode.zone_name()));
    }
    if stored.forget != counting_mode.forget.name() {
        return Err(differs("FOOTFALL_FORGET", &stored.forget, counting_mode.forget.name()));
    }
    Ok(stored.clock_seconds)
}
