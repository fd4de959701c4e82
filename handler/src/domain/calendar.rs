//! Days, months, hours and minutes in the deployment's time zone.
//!
//! A day has 23, 24 or 25 hours, numbered from its start. The hour that a clock shows twice in autumn is two hours.

use std::{fmt, ops::Range};

use jiff::{SignedDuration, Timestamp, ToSpan, Unit, civil::Date, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The time is outside the supported years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the time lies outside the years 1970 to 9999")]
pub struct OutOfRange;

const EPOCH: Date = Date::constant(1970, 1, 1);

/// A calendar day: the number of days since 1970-01-01, which the database stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(i32);

impl Day {
    /// The day of a date.
    ///
    /// # Errors
    /// If the date lies before 1970.
    pub fn of_date(date: Date) -> Result<Self, OutOfRange> {
        let days = date.since((Unit::Day, EPOCH)).map_err(|_| OutOfRange)?.get_days();
        if days < 0 { Err(OutOfRange) } else { Ok(Self(days)) }
    }

    /// The day that holds an instant.
    ///
    /// # Errors
    /// If the instant lies before 1970.
    pub fn containing(instant: Timestamp, zone: &TimeZone) -> Result<Self, OutOfRange> {
        Self::of_date(zone.to_datetime(instant).date())
    }

    /// The day of a number that the database stored.
    pub const fn from_number(number: i32) -> Self {
        Self(number)
    }

    /// The number of days since 1970-01-01.
    pub const fn number(self) -> i32 {
        self.0
    }

    pub fn date(self) -> Date {
        EPOCH.saturating_add(i64::from(self.0).days())
    }

    /// The day `days` later, or earlier if negative, but not before 1970-01-01.
    #[must_use]
    pub fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days).max(0))
    }

    pub fn month(self) -> Month {
        let date = self.date();
        Month(i32::from(date.year()) * 12 + i32::from(date.month()) - 1)
    }

    /// The Monday of its ISO 8601 week.
    #[must_use]
    pub fn monday(self) -> Self {
        self.plus(-(self.0 + 3).rem_euclid(7))
    }

    /// The start of the day. If the clock is turned at midnight, the day starts when the clock first shows its date.
    pub fn start(self, zone: &TimeZone) -> Timestamp {
        let start = self.date().at(0, 0, 0, 0).to_zoned_datetime(zone.clone()).and_then(|zoned| zoned.start_of_day());
        start.map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp())
    }

    /// The start of the next day.
    pub fn end(self, zone: &TimeZone) -> Timestamp {
        Self(self.0 + 1).start(zone)
    }

    /// The number of hours: 23 to 25. If the clock is turned by half an hour, an incomplete hour counts as one.
    pub fn hours(self, zone: &TimeZone) -> u8 {
        let minutes = self.end(zone).duration_since(self.start(zone)).as_mins();
        u8::try_from((minutes + 59).div_euclid(60)).unwrap_or(24)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date().fmt(formatter)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of_date(Date::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A calendar month: months since January of year 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Month(i32);

impl Month {
    /// The number of months since January of year 0.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// The month `months` later, or earlier if negative.
    #[must_use]
    pub const fn plus(self, months: i32) -> Self {
        Self(self.0 + months)
    }

    pub fn first_day(self) -> Day {
        let year = i16::try_from(self.0.div_euclid(12)).unwrap_or(i16::MAX).min(9999);
        let month = i8::try_from(self.0.rem_euclid(12) + 1).expect("1 to 12");
        Date::new(year, month, 1).ok().and_then(|date| Day::of_date(date).ok()).unwrap_or(Day(0))
    }

    pub fn last_day(self) -> Day {
        self.plus(1).first_day().plus(-1)
    }

    pub fn days(self) -> impl Iterator<Item = Day> {
        (self.first_day().number()..=self.last_day().number()).map(Day)
    }
}

/// The day and hour of an instant in the deployment's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Moment {
    pub day: Day,
    /// How many hours of that day had passed, 0 to 24.
    pub hour: u8,
}

impl Moment {
    /// The moment of an instant.
    ///
    /// # Errors
    /// If the instant lies before 1970.
    pub fn of(instant: Timestamp, zone: &TimeZone) -> Result<Self, OutOfRange> {
        let day = Day::containing(instant, zone)?;
        let hour = u8::try_from(instant.duration_since(day.start(zone)).as_hours()).map_err(|_| OutOfRange)?;
        Ok(Self { day, hour })
    }
}

/// A minute: minutes since 1970-01-01T00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Minute(i32);

impl Minute {
    /// The minute of an instant.
    pub fn containing(instant: Timestamp) -> Self {
        Self(i32::try_from(instant.as_second().div_euclid(60)).unwrap_or(i32::MAX))
    }

    /// The minute of a number that the database stored.
    pub const fn from_number(number: i32) -> Self {
        Self(number)
    }

    /// The number that the database stores.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// The minute `minutes` later, or earlier if negative.
    #[must_use]
    pub const fn plus(self, minutes: i32) -> Self {
        Self(self.0.saturating_add(minutes))
    }

    pub fn start(self) -> Timestamp {
        Timestamp::from_second(i64::from(self.0) * 60).expect("minutes of 32 bits lie within the calendar")
    }
}

/// Caches the last hour. Thousands of visits share an hour, and time zone arithmetic is slow.
#[derive(Default)]
pub struct Calendar {
    last: Option<(Range<Timestamp>, Moment)>,
}

impl Calendar {
    /// As [`Moment::of`].
    ///
    /// # Errors
    /// If the instant lies before 1970.
    pub fn moment(&mut self, instant: Timestamp, zone: &TimeZone) -> Result<Moment, OutOfRange> {
        if let Some((hour, moment)) = &self.last
            && hour.contains(&instant)
        {
            return Ok(*moment);
        }
        let moment = Moment::of(instant, zone)?;
        let start = moment.day.start(zone) + SignedDuration::from_hours(moment.hour.into());
        let end = moment.day.end(zone).min(start + SignedDuration::from_hours(1));
        self.last = Some((start..end, moment));
        Ok(moment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn day(text: &str) -> Day {
        Day::of_date(text.parse().unwrap()).unwrap()
    }

    #[test]
    fn days_of_23_and_25_hours_are_days() {
        let berlin = zone("Europe/Berlin");
        for (date, hours) in [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)] {
            let day = day(date);
            assert_eq!(day.end(&berlin).duration_since(day.start(&berlin)), SignedDuration::from_hours(hours));
            assert_eq!(i64::from(day.hours(&berlin)), hours);
            assert_eq!(Day::containing(day.end(&berlin) - SignedDuration::from_secs(1), &berlin), Ok(day));
            assert_eq!(Day::containing(day.start(&berlin), &berlin), Ok(day));
        }
    }

    #[test]
    fn the_hour_that_the_clock_shows_twice_is_two_hours() {
        let berlin = zone("Europe/Berlin");
        let hour = |text| Moment::of(at(text), &berlin).unwrap().hour;
        assert_eq!((hour("2026-10-25T00:30Z"), hour("2026-10-25T01:30Z")), (2, 3));
        assert_eq!(hour("2026-10-25T22:59Z"), 24);
    }

    #[test]
    fn a_day_starts_when_the_local_clock_first_shows_it() {
        assert_eq!(day("2026-03-29").start(&zone("Asia/Beirut")), at("2026-03-28T22:00Z"));
        assert_eq!(day("2026-01-01").start(&zone("Asia/Kathmandu")), at("2025-12-31T18:15Z"));
    }

    #[test]
    fn a_week_begins_on_monday_and_runs_across_the_year() {
        assert_eq!(day("2027-01-03").monday(), day("2026-12-28"));
        assert_eq!(day("2026-12-28").monday(), day("2026-12-28"));
        assert_eq!(day("2027-01-04").monday(), day("2027-01-04"));
        assert_eq!(day("1970-01-02").monday(), day("1970-01-01"));
    }

    #[test]
    fn a_month_has_its_first_and_its_last_day() {
        let february = day("2028-02-10").month();
        assert_eq!((february.first_day(), february.last_day()), (day("2028-02-01"), day("2028-02-29")));
        assert_eq!(february.plus(-2).last_day(), day("2027-12-31"));
    }

    #[test]
    fn a_stored_number_becomes_the_same_day() {
        assert_eq!(day("2026-11-23").number(), 20_780);
        assert_eq!(Day::from_number(20_780).to_string(), "2026-11-23");
    }

    #[test]
    fn times_before_1970_are_rejected() {
        assert_eq!(Day::containing(at("1969-12-31T23:59:59Z"), &TimeZone::UTC), Err(OutOfRange));
        assert_eq!(Day::of_date("1969-12-31".parse().unwrap()), Err(OutOfRange));
        assert_eq!(day("1970-01-01").plus(-1), day("1970-01-01"));
    }

    #[test]
    fn the_cached_calendar_agrees_with_uncached_moments_around_clock_changes() {
        let mut calendar = Calendar::default();
        for name in ["Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns", "Asia/Beirut"] {
            let zone = zone(name);
            calendar.last = None;
            for start in ["2026-03-28T12:00Z", "2026-04-04T12:00Z", "2026-10-24T20:00Z", "2026-12-31T00:00Z"] {
                for minute in 0..2000 {
                    let instant = at(start) + SignedDuration::from_mins(minute);
                    assert_eq!(calendar.moment(instant, &zone), Moment::of(instant, &zone));
                }
            }
        }
    }
}
