//! What all counts of a database rest on: the zone in which days begin, and for how long visitors are remembered.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use sqlx::PgConnection;

use super::Failure;
use crate::visitor::{Day, Forget};

/// What a database counts by. It can't change once something has been counted: a day's visitors would be told apart in two ways.
#[derive(Clone, Debug)]
pub struct Foundation {
    /// The zone in which days begin.
    pub zone: TimeZone,
    /// For how long visitors are remembered.
    pub forget: Forget,
}

/// How visits are recorded and read.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What the database counts by.
    pub foundation: Foundation,
    /// Whether an estimate of all-time visitors is kept.
    pub keeps_all_time: bool,
    /// For how many days statistics are kept; `None`: for ever.
    pub retention_days: Option<u32>,
}

impl Rules {
    /// The first day whose statistics are kept, at this time.
    pub fn first_kept(&self, now: Timestamp) -> Option<Day> {
        let instant = now.checked_sub(SignedDuration::from_hours(24 * i64::from(self.retention_days?))).ok()?;
        Day::containing(instant, &self.foundation.zone).ok()
    }
}

impl Foundation {
    fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }
}

/// Compares, and writes what a new database will count by. Answers the database's clock, in Unix seconds.
pub(super) async fn check(connection: &mut PgConnection, foundation: &Foundation) -> Result<f64, Failure> {
    let query = sqlx::query_file!("queries/check_foundation.sql", foundation.zone_name(), foundation.forget.name());
    let stored = query.fetch_one(connection).await.map_err(|error| Failure::of(&error))?;
    let differs = |variable: &str, stored: &str, configured: &str| {
        Failure::OtherFoundation(format!(
            "{variable} is '{configured}', but this database has counted with '{stored}': set it back, or name another database"
        ))
    };
    if stored.time_zone != foundation.zone_name() {
        return Err(differs("FOOTFALL_TIMEZONE", &stored.time_zone, foundation.zone_name()));
    }
    if stored.forget != foundation.forget.name() {
        return Err(differs("FOOTFALL_FORGET", &stored.forget, foundation.forget.name()));
    }
    Ok(stored.clock_seconds)
}
