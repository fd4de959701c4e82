//! How visits are counted and kept: the zone in which days begin, how long visitors are remembered, and how long statistics are kept.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{Day, Forget};

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
    /// The IANA name of the zone.
    pub fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }
}
