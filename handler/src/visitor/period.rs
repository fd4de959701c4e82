//! Periods: hours, days, ISO weeks and months in the site's time zone, and all time.
//!
//! A day has 23, 24 or 25 hours; whoever comes in any of them came that day. An hour is named by the instant at which it
//! starts, so the hour that a clock shows twice in autumn is two hours.

use std::ops::Range;

use jiff::{SignedDuration, Timestamp, ToSpan, Unit, civil::Date, tz::TimeZone};

/// The kinds of period that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// All time: pageviews exactly, visitors as an estimate.
    Ever = 0,
    /// A calendar month.
    Month = 1,
    /// An ISO 8601 week, which begins on Monday.
    Week = 2,
    /// A calendar day.
    Day = 3,
    /// An hour by the local clock.
    Hour = 4,
}

/// One period: a kind and which one of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Period {
    kind: Kind,
    /// Months since January of year 0; weeks since the Monday before 1970; days since 1970-01-01; quarters of an hour
    /// since 1970-01-01T00:00Z (some zones are off by 30 or 45 minutes); 0 for all time.
    number: i32,
}

/// What `bucket` puts before the number, in decimal, so that a person can read it in the database.
const KIND_FACTOR: i32 = 100_000_000;
const QUARTER_HOUR_SECONDS: i64 = 900;

/// Why a time can't be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the time lies outside the years 1970 to 9999")]
pub struct OutOfRange;

impl Period {
    /// All time.
    pub const EVER: Self = Self { kind: Kind::Ever, number: 0 };

    /// The period of `kind` that holds this civil date; for hours, the first hour of the day.
    ///
    /// # Errors
    /// If the date lies before 1970.
    pub fn of_date(kind: Kind, date: Date, zone: &TimeZone) -> Result<Self, OutOfRange> {
        let start = start_of_day(date, zone)?;
        Self::containing(kind, start, zone)
    }

    /// The period of `kind` that holds this instant.
    ///
    /// # Errors
    /// If the instant lies before 1970.
    pub fn containing(kind: Kind, instant: Timestamp, zone: &TimeZone) -> Result<Self, OutOfRange> {
        if instant.as_second() < 0 {
            return Err(OutOfRange);
        }
        let local = zone.to_datetime(instant);
        let number = match kind {
            Kind::Ever => 0,
            Kind::Month => i32::from(local.year()) * 12 + i32::from(local.month()) - 1,
            Kind::Week => (days_since_1970(local.date())? + 3).div_euclid(7),
            Kind::Day => days_since_1970(local.date())?,
            Kind::Hour => {
                let into_hour = i64::from(local.minute()) * 60 + i64::from(local.second());
                let start = instant.as_second() - into_hour;
                i32::try_from(start.div_euclid(QUARTER_HOUR_SECONDS)).map_err(|_| OutOfRange)?
            }
        };
        if number < 0 { Err(OutOfRange) } else { Ok(Self { kind, number }) }
    }

    /// The first period of its kind that has a bucket.
    pub const fn first_of(kind: Kind) -> Self {
        Self { kind, number: 0 }
    }

    /// The kind.
    pub const fn kind(self) -> Kind {
        self.kind
    }

    /// Kind and start in one integer, as the database stores it: `kind × 100,000,000 + number`.
    pub const fn bucket(self) -> i32 {
        self.kind as i32 * KIND_FACTOR + self.number
    }

    /// The period of a bucket; `None` if no period has it.
    pub fn from_bucket(bucket: i32) -> Option<Self> {
        let kind = match bucket / KIND_FACTOR {
            0 => Kind::Ever,
            1 => Kind::Month,
            2 => Kind::Week,
            3 => Kind::Day,
            4 => Kind::Hour,
            _ => return None,
        };
        (bucket >= 0).then_some(Self { kind, number: bucket % KIND_FACTOR })
    }

    /// The instant at which it starts. All time starts in 1970.
    pub fn start(self, zone: &TimeZone) -> Timestamp {
        match self.kind {
            Kind::Ever => Timestamp::UNIX_EPOCH,
            Kind::Hour => self.quarters(zone).next().unwrap_or(Timestamp::MAX),
            _ => start_of_day(self.first_day(), zone).unwrap_or(Timestamp::UNIX_EPOCH),
        }
    }

    /// The instant at which the next one starts. All time does not end.
    pub fn end(self, zone: &TimeZone) -> Timestamp {
        match self.kind {
            Kind::Ever => Timestamp::MAX,
            Kind::Hour => self
                .quarters(zone)
                .last()
                .map_or(Timestamp::MAX, |quarter| quarter + SignedDuration::from_secs(QUARTER_HOUR_SECONDS)),
            _ => self.next().start(zone),
        }
    }

    /// The quarters of this hour: four, or fewer where the clock is turned within it, which then begins late or ends early.
    fn quarters(self, zone: &TimeZone) -> impl Iterator<Item = Timestamp> {
        (i64::from(self.number)..i64::from(self.number) + 8)
            .filter_map(|quarter| Timestamp::from_second(quarter * QUARTER_HOUR_SECONDS).ok())
            .filter(move |quarter| Self::containing(Kind::Hour, *quarter, zone) == Ok(self))
    }

    /// The first day of a day, week or month.
    fn first_day(self) -> Date {
        let epoch = Date::constant(1970, 1, 1);
        match self.kind {
            Kind::Month => {
                let year = i16::try_from(self.number / 12).unwrap_or(i16::MAX).min(9999);
                let month = i8::try_from(self.number % 12 + 1).expect("1 to 12");
                Date::new(year, month, 1).unwrap_or(Date::MAX)
            }
            Kind::Week => epoch.saturating_add((i64::from(self.number) * 7 - 3).days()),
            Kind::Day => epoch.saturating_add(i64::from(self.number).days()),
            Kind::Ever | Kind::Hour => epoch,
        }
    }

    /// The day, week or month after this one. (Hours follow each other by instants: ask for the one that holds `end`.)
    fn next(self) -> Self {
        Self { number: self.number + 1, ..self }
    }

    /// The `count` periods up to and including this one, oldest first; fewer if 1970 comes first.
    pub fn last(self, count: usize, zone: &TimeZone) -> Vec<Self> {
        let mut periods = Vec::with_capacity(count);
        let mut period = self;
        while periods.len() < count {
            periods.push(period);
            let before = period.start(zone) - SignedDuration::from_secs(1);
            match Self::containing(period.kind, before, zone) {
                Ok(previous) if period.kind != Kind::Ever => period = previous,
                _ => break,
            }
        }
        periods.reverse();
        periods
    }
}

impl Kind {
    /// The name in answers and query parameters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ever => "ever",
            Self::Month => "month",
            Self::Week => "week",
            Self::Day => "day",
            Self::Hour => "hour",
        }
    }
}

/// The periods that hold one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Periods {
    /// Its hour.
    pub hour: Period,
    /// Its day.
    pub day: Period,
    /// Its ISO week.
    pub week: Period,
    /// Its month.
    pub month: Period,
}

impl Periods {
    /// The periods of an instant.
    ///
    /// # Errors
    /// If the instant lies before 1970.
    pub fn containing(instant: Timestamp, zone: &TimeZone) -> Result<Self, OutOfRange> {
        Ok(Self {
            hour: Period::containing(Kind::Hour, instant, zone)?,
            day: Period::containing(Kind::Day, instant, zone)?,
            week: Period::containing(Kind::Week, instant, zone)?,
            month: Period::containing(Kind::Month, instant, zone)?,
        })
    }

    /// Those that have a salt and a set of visitors of their own.
    pub const fn salted(&self) -> [Period; 3] {
        [self.day, self.week, self.month]
    }
}

/// Remembers the periods of the instant asked last: visits come thousands an hour, and calendars are slow.
#[derive(Default)]
pub struct Calendar {
    last: Option<(Range<Timestamp>, Periods)>,
}

impl Calendar {
    /// As [`Periods::containing`].
    ///
    /// # Errors
    /// If the instant lies before 1970.
    pub fn periods(&mut self, instant: Timestamp, zone: &TimeZone) -> Result<Periods, OutOfRange> {
        if let Some((hour, periods)) = &self.last
            && hour.contains(&instant)
        {
            return Ok(*periods);
        }
        let periods = Periods::containing(instant, zone)?;
        // Within a quarter of an hour no clock is turned and no day ends.
        let second = instant.as_second().div_euclid(QUARTER_HOUR_SECONDS) * QUARTER_HOUR_SECONDS;
        let start = Timestamp::from_second(second).map_err(|_| OutOfRange)?;
        self.last = Some((start..start + SignedDuration::from_mins(15), periods));
        Ok(periods)
    }
}

fn days_since_1970(date: Date) -> Result<i32, OutOfRange> {
    date.since((Unit::Day, Date::constant(1970, 1, 1))).map(|span| span.get_days()).map_err(|_| OutOfRange)
}

fn start_of_day(date: Date, zone: &TimeZone) -> Result<Timestamp, OutOfRange> {
    let start = date.at(0, 0, 0, 0).to_zoned_datetime(zone.clone()).map_err(|_| OutOfRange)?;
    // Where the clock is turned at midnight, the day starts when it first shows the date.
    start.start_of_day().map(|zoned| zoned.timestamp()).map_err(|_| OutOfRange)
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

    fn period(kind: Kind, text: &str, zone_name: &str) -> Period {
        Period::containing(kind, at(text), &zone(zone_name)).unwrap()
    }

    #[test]
    fn days_of_23_and_25_hours_are_days() {
        let berlin = zone("Europe/Berlin");
        for (noon, hours) in [("2026-03-29T10:00Z", 23), ("2026-10-25T11:00Z", 25), ("2026-06-01T10:00Z", 24)] {
            let day = Period::containing(Kind::Day, at(noon), &berlin).unwrap();
            assert_eq!(day.end(&berlin).duration_since(day.start(&berlin)), SignedDuration::from_hours(hours));
            let within =
                Period::containing(Kind::Day, day.end(&berlin) - SignedDuration::from_secs(1), &berlin).unwrap();
            assert_eq!(within, day);
        }
    }

    #[test]
    fn the_hour_that_the_clock_shows_twice_is_two_hours() {
        let first = period(Kind::Hour, "2026-10-25T00:30Z", "Europe/Berlin");
        let second = period(Kind::Hour, "2026-10-25T01:30Z", "Europe/Berlin");
        assert_ne!(first, second);
        assert_eq!(first.end(&zone("Europe/Berlin")), at("2026-10-25T01:00Z"));
    }

    #[test]
    fn hours_start_when_the_local_clock_says_so_even_in_zones_off_by_45_minutes() {
        let kathmandu = zone("Asia/Kathmandu");
        let hour = Period::containing(Kind::Hour, at("2026-01-01T00:20Z"), &kathmandu).unwrap();
        assert_eq!(hour.start(&kathmandu), at("2026-01-01T00:15Z"));
        assert_eq!(hour.end(&kathmandu), at("2026-01-01T01:15Z"));
    }

    #[test]
    fn hours_of_a_zone_that_turns_its_clock_by_half_an_hour_tile_the_day() {
        let lord_howe = zone("Australia/Lord_Howe");
        let mut instant = at("2026-04-04T10:00Z");
        while instant < at("2026-04-05T10:00Z") {
            let hour = Period::containing(Kind::Hour, instant, &lord_howe).unwrap();
            let end = hour.end(&lord_howe);
            assert!(end > instant && end <= instant + SignedDuration::from_hours(2), "{instant}");
            instant = end;
        }
    }

    #[test]
    fn a_week_begins_on_monday_and_runs_across_the_year() {
        let sunday = period(Kind::Week, "2027-01-03T23:59Z", "UTC");
        assert_eq!(sunday, period(Kind::Week, "2026-12-28T00:00Z", "UTC"));
        assert_ne!(sunday, period(Kind::Week, "2027-01-04T00:00Z", "UTC"));
        assert_eq!(sunday.start(&TimeZone::UTC), at("2026-12-28T00:00Z"));
        assert_eq!(sunday.end(&TimeZone::UTC), at("2027-01-04T00:00Z"));
        assert_eq!(period(Kind::Week, "1970-01-01T00:00Z", "UTC").bucket(), 200_000_000);
    }

    #[test]
    fn a_month_is_a_calendar_month_in_the_sites_zone() {
        let new_york = zone("America/New_York");
        let november = Period::containing(Kind::Month, at("2026-12-01T04:59Z"), &new_york).unwrap();
        assert_eq!(november.start(&new_york), at("2026-11-01T04:00Z"));
        assert_eq!(november.end(&new_york), at("2026-12-01T05:00Z"));
    }

    #[test]
    fn a_day_whose_midnight_does_not_exist_starts_when_the_clock_first_shows_it() {
        let beirut = zone("Asia/Beirut");
        let day = Period::containing(Kind::Day, at("2026-03-29T12:00Z"), &beirut).unwrap();
        assert_eq!(day.start(&beirut), at("2026-03-28T22:00Z"));
    }

    #[test]
    fn a_bucket_says_which_period_it_is() {
        for kind in [Kind::Ever, Kind::Month, Kind::Week, Kind::Day, Kind::Hour] {
            let period = period(kind, "2026-11-23T10:20:30Z", "Europe/Berlin");
            assert_eq!(Period::from_bucket(period.bucket()), Some(period));
        }
        assert_eq!(period(Kind::Day, "2026-11-23T10:00Z", "UTC").bucket(), 300_020_780);
        assert_eq!(Period::from_bucket(-1), None);
        assert_eq!(Period::from_bucket(999_999_999), None);
    }

    #[test]
    fn the_last_periods_follow_each_other_without_gaps() {
        for (kind, count) in [(Kind::Hour, 30), (Kind::Day, 40), (Kind::Week, 60), (Kind::Month, 30)] {
            let berlin = zone("Europe/Berlin");
            let periods = period(kind, "2026-10-25T12:00Z", "Europe/Berlin").last(count, &berlin);
            assert_eq!(periods.len(), count);
            for pair in periods.windows(2) {
                assert_eq!(pair[0].end(&berlin), pair[1].start(&berlin), "{kind:?}");
            }
        }
        assert_eq!(period(Kind::Day, "1970-01-02T00:00Z", "UTC").last(9, &TimeZone::UTC).len(), 2);
    }

    #[test]
    fn times_before_1970_are_refused() {
        assert_eq!(Period::containing(Kind::Day, at("1969-12-31T23:59:59Z"), &TimeZone::UTC), Err(OutOfRange));
    }

    #[test]
    fn the_calendar_agrees_with_the_periods_at_every_minute_around_a_turned_clock() {
        let mut calendar = Calendar::default();
        for name in ["Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns"] {
            let zone = zone(name);
            calendar.last = None;
            for start in ["2026-04-04T12:00Z", "2026-10-24T20:00Z", "2026-12-31T00:00Z"] {
                for minute in 0..2000 {
                    let instant = at(start) + SignedDuration::from_mins(minute);
                    assert_eq!(calendar.periods(instant, &zone), Periods::containing(instant, &zone));
                }
            }
        }
    }
}
