//! The truth: every acknowledged visit, with distinct visitors counted one by one. Independent of gaps, tallies and SQL.

use std::collections::BTreeMap;

use handler::domain::{
    Dimension, Exclusion, Uniqueness,
    cells::{Condition, absent},
};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};

/// A set of days after the world's origin.
#[derive(Clone, Copy, Default)]
pub(crate) struct Days([u64; 4]);

/// Largest number of days in a set.
pub(crate) const MOST_DAYS: i32 = 256;

impl Days {
    pub(crate) fn insert(&mut self, place: i32) -> bool {
        let (word, bit) = Self::position(place);
        let is_new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        is_new
    }

    pub(crate) fn contains(&self, place: i32) -> bool {
        let (word, bit) = Self::position(place);
        self.0[word] & bit != 0
    }

    pub(crate) fn any(&self, first: i32, last: i32) -> bool {
        self.first(first, last).is_some()
    }

    /// The first day of the set in a range.
    pub(crate) fn first(&self, first: i32, last: i32) -> Option<i32> {
        let mut place = first.max(0);
        while place <= last.min(MOST_DAYS - 1) {
            let (word, _) = Self::position(place);
            let rest = self.0[word] >> (place % 64);
            if rest == 0 {
                place = (place / 64 + 1) * 64;
            } else {
                let found = place + i32::try_from(rest.trailing_zeros()).unwrap();
                return (found <= last).then_some(found);
            }
        }
        None
    }

    /// Number of days of the set in a range.
    pub(crate) fn count(&self, first: i32, last: i32) -> i64 {
        let (mut count, mut from) = (0, first.max(0));
        while let Some(found) = self.first(from, last) {
            (count, from) = (count + 1, found + 1);
        }
        count
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = i32> + '_ {
        (0..MOST_DAYS).filter(|place| self.contains(*place))
    }

    fn position(place: i32) -> (usize, u64) {
        assert!((0..MOST_DAYS).contains(&place), "the world is too long");
        (usize::try_from(place / 64).unwrap(), 1 << (place % 64))
    }
}

/// The day of a date, as the database numbers it.
pub(crate) fn day_number(date: Date) -> i32 {
    (date - Date::constant(1970, 1, 1)).get_days()
}

pub(crate) fn date_of(day: i32) -> Date {
    Date::constant(1970, 1, 1) + day.days()
}

/// Months since January of year 0.
pub(crate) fn month_of(day: i32) -> i32 {
    let date = date_of(day);
    i32::from(date.year()) * 12 + i32::from(date.month()) - 1
}

pub(crate) fn first_day_of(month: i32) -> i32 {
    let year = i16::try_from(month.div_euclid(12)).unwrap();
    day_number(Date::constant(year, i8::try_from(month.rem_euclid(12) + 1).unwrap(), 1))
}

pub(crate) fn start_ms(day: i32, zone: &TimeZone) -> i64 {
    date_of(day).at(0, 0, 0, 0).to_zoned_datetime(zone.clone()).unwrap().timestamp().as_millisecond()
}

/// The day and the number of its hours that had passed.
pub(crate) fn day_and_hour(at_ms: i64, zone: &TimeZone) -> (i32, u8) {
    let day = day_number(zone.to_datetime(Timestamp::from_millisecond(at_ms).unwrap()).date());
    (day, u8::try_from((at_ms - start_ms(day, zone)) / 3_600_000).unwrap())
}

/// Views by day.
pub(crate) type Views = BTreeMap<i32, i64>;

/// A value of a dimension.
pub(crate) type Value = (Dimension, String);

/// The events of one site.
#[derive(Default)]
pub(crate) struct SiteTruth {
    /// Days on which each visitor came, as offsets from the origin.
    pub(crate) came: BTreeMap<usize, Days>,
    /// Days on which each visitor came with a value.
    pub(crate) came_with: BTreeMap<Value, BTreeMap<usize, Days>>,
    /// Days that came after a later one, with the next day known at that time.
    pub(crate) followed: BTreeMap<(usize, i32), i32>,
    pub(crate) views: Views,
    pub(crate) views_by_hour: BTreeMap<(i32, u8), i64>,
    pub(crate) views_with: BTreeMap<Value, Views>,
    /// Smallest and largest valid count: an instance may or may not remember a repeated visit.
    pub(crate) excluded: BTreeMap<(i32, Exclusion), (i64, i64)>,
}

impl SiteTruth {
    /// Whether a visitor counts under a value with which it came on these days. All days are offsets from the origin.
    fn counts_under(&self, value: &Value, visitor: usize, days: &Days, first: i32, last: i32) -> bool {
        match self.came.get(&visitor) {
            Some(came) if value.0.uniqueness() == Uniqueness::OncePerDay => {
                came.first(first, last).is_some_and(|mut day| {
                    while let Some(next) = self.followed.get(&(visitor, day)).filter(|next| **next <= last) {
                        day = *next;
                    }
                    days.contains(day)
                })
            }
            _ => days.any(first, last),
        }
    }
}

/// All events.
pub(crate) struct Truth {
    /// The day from which sets of days count.
    pub(crate) origin: i32,
    pub(crate) is_daily: bool,
    pub(crate) sites: Vec<SiteTruth>,
}

/// The numbers of a range, counted one by one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) visitors: Option<i64>,
    pub(crate) new_visitors: Option<i64>,
    pub(crate) daily_visitors: i64,
    pub(crate) pageviews: i64,
}

impl Truth {
    /// Visitors and views of each day of each site.
    pub(crate) fn days(&self) -> BTreeMap<(usize, i32), (i64, i64)> {
        let mut days = BTreeMap::new();
        for (number, site) in self.sites.iter().enumerate() {
            for (day, views) in &site.views {
                let came = site.came.values().filter(|days| days.contains(day - self.origin)).count();
                days.insert((number, *day), (i64::try_from(came).unwrap(), *views));
            }
        }
        days
    }

    pub(crate) fn is_exact(&self, first: i32, last: i32) -> bool {
        if self.is_daily { first == last } else { month_of(last) - month_of(first) <= 1 }
    }

    pub(crate) fn numbers(&self, site: usize, first: i32, last: i32) -> Numbers {
        let site = &self.sites[site];
        let (mut visitors, mut new_visitors, mut daily_visitors) = (0, 0, 0);
        for days in site.came.values() {
            if let Some(came) = days.first(first - self.origin, last - self.origin) {
                visitors += 1;
                let remembered = first_day_of(month_of(came + self.origin) - 1) - self.origin;
                new_visitors += i64::from(!days.any(remembered, came - 1));
                daily_visitors += days.count(first - self.origin, last - self.origin);
            }
        }
        let is_exact = self.is_exact(first, last);
        Numbers {
            visitors: is_exact.then_some(visitors),
            new_visitors: (is_exact && !self.is_daily).then_some(new_visitors),
            daily_visitors,
            pageviews: site.views.range(first..=last).map(|(_, views)| views).sum(),
        }
    }

    /// The numbers of one value in a range. New visitors are undecided if the days of a visitor with the value came out of order: then the
    /// value of one of them may have been new.
    pub(crate) fn numbers_of(&self, site: usize, value: &Value, first: i32, last: i32) -> (Numbers, bool) {
        let is_exact = self.is_exact(first, last);
        let is_once = value.0.uniqueness() == Uniqueness::OncePerDay;
        let site = &self.sites[site];
        let (from, to) = (first - self.origin, last - self.origin);
        let (mut visitors, mut new_visitors, mut daily_visitors, mut is_in_order) = (0, 0, 0, true);
        for (visitor, days) in site.came_with.get(value).into_iter().flatten() {
            daily_visitors += days.count(from, to);
            // The days that decide who is new: those of the site, or those with the value.
            let known = if is_once { &site.came[visitor] } else { days };
            let mut followed = site.followed.range((*visitor, i32::MIN)..=(*visitor, i32::MAX));
            let is_within = |day: &i32| (from..=to).contains(day);
            is_in_order &= !is_once || !followed.any(|((_, day), next)| is_within(day) || is_within(next));
            if site.counts_under(value, *visitor, days, from, to) {
                let came = known.first(from, to).unwrap();
                let remembered = first_day_of(month_of(came + self.origin) - 1) - self.origin;
                visitors += 1;
                new_visitors += i64::from(!known.any(remembered, came - 1));
            }
        }
        let views = site.views_with.get(value).into_iter().flat_map(|views| views.range(first..=last));
        let numbers = Numbers {
            visitors: is_exact.then_some(visitors),
            new_visitors: (is_exact && !self.is_daily).then_some(new_visitors),
            daily_visitors,
            pageviews: views.map(|(_, views)| views).sum(),
        };
        (numbers, is_in_order)
    }

    /// Visitors and views of every value in a range. For dimensions with one value a day, a visitor counts under the value of its first
    /// day in the range, or of the day that was written first. So these values add up to the visitors.
    pub(crate) fn values(&self, site: usize, first: i32, last: i32) -> BTreeMap<Value, (Option<i64>, i64)> {
        let is_exact = self.is_exact(first, last);
        let site = &self.sites[site];
        let mut values = BTreeMap::new();
        for (value, views) in &site.views_with {
            let views: i64 = views.range(first..=last).map(|(_, views)| views).sum();
            if views > 0 {
                let (first, last) = (first - self.origin, last - self.origin);
                let came = site.came_with.get(value).into_iter().flatten();
                let counts = |(visitor, days): &(&usize, &Days)| site.counts_under(value, **visitor, days, first, last);
                let visitors = came.filter(counts).count();
                values.insert(value.clone(), (is_exact.then_some(i64::try_from(visitors).unwrap()), views));
            }
        }
        values
    }

    /// The visitors of a range, of the site or of a value, who fulfil all conditions on the attributes of a profile. Those of the site
    /// count as in [`Self::values`]; for those of a value, the attributes are those that the visitor always has.
    pub(crate) fn filtered(
        &self,
        site: usize,
        value: Option<&Value>,
        conditions: &[Condition],
        first: i32,
        last: i32,
    ) -> i64 {
        let site = &self.sites[site];
        let (first, last) = (first - self.origin, last - self.origin);
        let came = match value {
            None => Some(&site.came),
            Some(value) => site.came_with.get(value),
        };
        // Whether a visitor had an attribute on a day, or ever for a value.
        let has = |visitor: usize, day: i32, attribute: &Value| {
            let days = site.came_with.get(attribute).and_then(|came| came.get(&visitor));
            days.is_some_and(|days| value.is_some() || days.contains(day))
        };
        let fulfils = |visitor: usize, day: i32, condition: &Condition| {
            let Condition { dimension, value, is_negated } = condition;
            let other = |(known, other): &&Value| known == dimension && other != value;
            // Tallies do not have the absent value of each attribute.
            let holds = has(visitor, day, &(*dimension, value.clone()))
                || value == absent(*dimension)
                    && !site.came_with.keys().filter(other).any(|attribute| has(visitor, day, attribute));
            holds != *is_negated
        };
        let counts = |(visitor, days): &(&usize, &Days)| {
            days.first(first, last).is_some_and(|mut day| {
                while let Some(next) =
                    site.followed.get(&(**visitor, day)).filter(|next| value.is_none() && **next <= last)
                {
                    day = *next;
                }
                conditions.iter().all(|condition| fulfils(**visitor, day, condition))
            })
        };
        i64::try_from(came.into_iter().flatten().filter(counts).count()).unwrap()
    }

    /// Exclusions in a range: smallest and largest valid count.
    pub(crate) fn excluded(&self, site: usize, first: i32, last: i32) -> BTreeMap<Exclusion, (i64, i64)> {
        let mut excluded: BTreeMap<Exclusion, (i64, i64)> = BTreeMap::new();
        for ((day, exclusion), (least, most)) in &self.sites[site].excluded {
            if (first..=last).contains(day) {
                let sum = excluded.entry(*exclusion).or_default();
                *sum = (sum.0 + least, sum.1 + most);
            }
        }
        excluded
    }
}
