//! How visits are counted and stored: the time zone of days, how long visitors can be recognised, and how long statistics are stored.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{calendar::Day, site_name::SiteName};

/// How long a returning visitor can be recognised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Forget {
    /// Until the end of the month after the visit. Any range of days within two consecutive months is exact.
    #[default]
    Monthly,
    /// Until the end of the day of the visit. Only days are exact.
    Daily,
}

/// How long a period is stored after its end, for visits that arrive before midnight and are written later.
pub const GRACE: SignedDuration = SignedDuration::from_mins(10);

/// The time for which a fingerprint identifies a visitor: a month, or a day. Each period has its own salt and its own set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Period(i32);

impl Period {
    /// The number that the database stores: the number of the month or of the day.
    pub const fn number(self) -> i32 {
        self.0
    }
}

impl Forget {
    pub const ALL: [Self; 2] = [Self::Monthly, Self::Daily];

    /// The name in configuration and database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Monthly => "monthly",
            Self::Daily => "daily",
        }
    }

    /// How many neighbouring periods, in each direction, a visitor's day is compared with.
    pub const fn reach(self) -> i32 {
        match self {
            Self::Monthly => 1,
            Self::Daily => 0,
        }
    }

    /// The period of a day.
    pub fn period(self, day: Day) -> Period {
        match self {
            Self::Monthly => Period(day.month().number()),
            Self::Daily => Period(day.number()),
        }
    }

    /// The first day of the period that lies `offset` periods after a day's own.
    pub fn first_day(self, day: Day, offset: i32) -> Day {
        match self {
            Self::Monthly => day.month().plus(offset).first_day(),
            Self::Daily => day.plus(offset),
        }
    }

    /// The time after which the salt and the set of a day's period are deleted.
    pub fn keep_until(self, day: Day, zone: &TimeZone) -> Timestamp {
        self.first_day(day, self.reach() + 1).start(zone) + GRACE
    }

    /// Whether distinct visitors of these days are known.
    pub fn is_exact(self, first: Day, last: Day) -> bool {
        match self {
            Self::Monthly => last.month() <= first.month().plus(1),
            Self::Daily => first == last,
        }
    }
}

/// How a database counts visitors. A later change would mix two ways to identify visitors. So the first visit fixes how long they are
/// recognised. The zone is fixed by the first visit to another site than the own one, or by the second visitor of the own site.
#[derive(Clone, Debug)]
pub struct CountingMode {
    /// The zone in which days begin.
    pub zone: TimeZone,
    /// How long visitors can be recognised.
    pub forget: Forget,
    /// The site of Footfall's own page.
    pub own_site: SiteName,
}

/// How visits are recorded and read.
#[derive(Clone, Debug)]
pub struct CountingRules {
    pub counting_mode: CountingMode,
    /// Whether all-time visitors are estimated.
    pub keeps_all_time: bool,
    /// How many days statistics are stored; `None` means no limit.
    pub retention_days: Option<u32>,
    /// The events that always have a place in their list.
    pub named_events: Vec<String>,
    /// How many different visitors a stored class of profiles has at least; `None`: no profiles are stored.
    pub smallest_group: Option<u32>,
}

impl CountingRules {
    /// The first day whose statistics are still stored.
    pub fn first_kept(&self, now: Timestamp) -> Option<Day> {
        let instant = now.checked_sub(SignedDuration::from_hours(24 * i64::from(self.retention_days?))).ok()?;
        Day::containing(instant, &self.counting_mode.zone).ok()
    }
}

impl CountingMode {
    /// The IANA name of the zone.
    pub fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn day(text: &str) -> Day {
        Day::of_date(text.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_period_is_deleted_when_the_next_month_ends_and_at_most_62_days_after_its_start() {
        let zone = TimeZone::get("America/New_York").unwrap();
        for month in 0..24 {
            let first = day("2027-01-01").month().plus(month).first_day();
            let until = Forget::Monthly.keep_until(first, &zone) - GRACE;
            assert_eq!(until, first.month().plus(2).first_day().start(&zone));
            assert!(until.duration_since(first.start(&zone)).as_hours() <= 62 * 24);
        }
        assert_eq!(Forget::Daily.keep_until(day("2026-11-23"), &TimeZone::UTC), at("2026-11-24T00:10Z"));
    }

    #[test]
    fn a_range_is_exact_within_two_consecutive_months() {
        let exact = |first, last| Forget::Monthly.is_exact(day(first), day(last));
        assert!(
            exact("2026-11-23", "2026-11-23") && exact("2026-11-01", "2026-12-31") && exact("2026-12-31", "2027-01-01")
        );
        assert!(!exact("2026-10-31", "2026-12-01"));
        // Thirty days, but three months.
        assert!(!exact("2027-01-31", "2027-03-01"));
        assert!(Forget::Daily.is_exact(day("2026-11-23"), day("2026-11-23")));
        assert!(!Forget::Daily.is_exact(day("2026-11-23"), day("2026-11-24")));
    }
}
