//! Decides which visits can be placed, independently of the product. A visitor's latest two days of a month are kept, and a third one
//! if it came out of order. A month is closed when the next one has ended.

use std::collections::{BTreeSet, HashMap, HashSet};

use handler::domain::{
    Dimension, Exclusion, Uniqueness,
    dimension::{OTHER, REMEMBERED_DAYS, VALUES_A_NETWORK},
};
use jiff::tz::TimeZone;

use crate::oracle::{
    truth::{Days, SiteTruth, Truth, Value, first_day_of, month_of, start_ms},
    world::{Kind, View},
};

/// Time for which a period is kept after its end.
const GRACE_MS: i64 = 10 * 60_000;

/// Time for which a period and the previous one stay open after an import.
const IMPORT_MS: i64 = 48 * 3_600_000;

/// Site, visitor and scope: a value, or the site as a whole.
type ScopedVisitor = (usize, usize, Option<Value>);

/// A day, and the visitor's values that are counted once a day.
type Beginning = (i32, Vec<Value>);

/// Days before the latest two.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Earlier {
    None,
    Lost,
    Day(i32),
}

/// The stored days of a visitor in a period.
#[derive(Clone, Copy)]
struct Kept {
    latest: i32,
    second: Option<i32>,
    earlier: Earlier,
}

/// The outcome for a visitor's day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    New,
    /// Counted before.
    Known,
    /// Counted before. The database does not store that any more, but an instance may remember it.
    Forgotten,
    /// Too late: the neighbouring days are no longer stored.
    Late,
    /// The period is closed.
    Closed,
}

enum Period {
    /// Earliest and latest end of the period. An instance that knows the period does not extend it.
    Open(i64, i64),
    Closed,
}

/// The expected content of the database.
pub(crate) struct Rule {
    zone: TimeZone,
    kept: HashMap<(ScopedVisitor, i32), Kept>,
    placed: HashMap<ScopedVisitor, Days>,
    periods: HashMap<(usize, i32), Period>,
    /// The values that have a place, by site and day.
    listed: HashMap<(usize, i32), HashSet<Value>>,
    /// How many values a network has added to a dimension, by site and day.
    added: HashMap<(usize, i32, Dimension, usize), u8>,
    pub(crate) truth: Truth,
}

impl Rule {
    pub(crate) fn new(zone: TimeZone, is_daily: bool, origin: i32, sites: usize) -> Self {
        let sites = (0..sites).map(|_| SiteTruth::default()).collect();
        let truth = Truth { origin, is_daily, sites };
        let (kept, placed, periods) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { zone, kept, placed, periods, listed: HashMap::new(), added: HashMap::new(), truth }
    }

    fn period(&self, day: i32) -> i32 {
        if self.truth.is_daily { day } else { month_of(day) }
    }

    fn keep_until(&self, period: i32) -> i64 {
        let end = if self.truth.is_daily { period + 1 } else { first_day_of(period + 2) };
        start_ms(end, &self.zone) + GRACE_MS
    }

    /// The visitors looked up for a view: that of the site, and one for each value with visitors of its own. An event is no visit to the
    /// site and has only the latter.
    fn everybody(view: &View) -> Vec<ScopedVisitor> {
        let values = view.values.iter().filter(|(dimension, _)| dimension.uniqueness() == Uniqueness::PerValue);
        let scopes = (!view.is_event).then_some(None).into_iter().chain(values.map(|value| Some(value.clone())));
        scopes.map(|scope| (view.site, view.visitor, scope)).collect()
    }

    /// Whether a period accepts new visitors: visitors of a closed month cannot be recognised.
    fn can_open(&self, site: usize, period: i32) -> bool {
        let reach = i32::from(!self.truth.is_daily);
        (period - reach..=period + reach)
            .all(|beside| !matches!(self.periods.get(&(site, beside)), Some(Period::Closed)))
    }

    fn open(&mut self, site: usize, period: i32, now: i64, is_import: bool) -> bool {
        if !self.can_open(site, period) {
            return false;
        }
        let until = if is_import { self.keep_until(period).max(now + IMPORT_MS) } else { self.keep_until(period) };
        let before = period - i32::from(!self.truth.is_daily);
        if is_import && let Some(Period::Open(_, most)) = self.periods.get_mut(&(site, before)) {
            *most = (now + IMPORT_MS).max(*most);
        }
        match self.periods.entry((site, period)).or_insert(Period::Open(until, until)) {
            Period::Open(_, most) => *most = until.max(*most),
            Period::Closed => unreachable!(),
        }
        true
    }

    /// Whether the effect of maintenance at this time is certain.
    pub(crate) fn maintenance_is_certain(&self, now: i64) -> bool {
        self.periods.values().all(|period| match period {
            Period::Open(least, most) => *most < now || *least >= now,
            Period::Closed => true,
        })
    }

    pub(crate) fn maintain(&mut self, now: i64) {
        for period in self.periods.values_mut() {
            if matches!(period, Period::Open(_, most) if *most < now) {
                *period = Period::Closed;
            }
        }
    }

    fn place(&mut self, who: ScopedVisitor, day: i32) -> Placement {
        let period = self.period(day);
        let is_new = self.placed.entry(who.clone()).or_default().insert(day - self.truth.origin);
        let undo = |rule: &mut Self| {
            if is_new {
                let mut without = Days::default();
                let placed = rule.placed.get_mut(&who).unwrap();
                placed.iter().filter(|known| *known != day - rule.truth.origin).for_each(|known| {
                    without.insert(known);
                });
                *placed = without;
            }
        };
        let kept = self.kept.get(&(who.clone(), period)).copied();
        // The last day of a month shortens the gap of the first day of the next month, if that day is still stored.
        if !self.truth.is_daily && kept.is_none_or(|kept| kept.latest < day) {
            let next = self.kept.get(&(who.clone(), period + 1));
            if next.is_some_and(|next| next.earlier != Earlier::None) {
                undo(self);
                return Placement::Late;
            }
        }
        let placed = match kept {
            None => Kept { latest: day, second: None, earlier: Earlier::None },
            Some(Kept { latest, second, earlier }) => {
                let was = |second: Option<i32>| second.map_or(Earlier::None, Earlier::Day);
                if day == latest || Some(day) == second || earlier == Earlier::Day(day) {
                    return Placement::Known;
                } else if day > latest {
                    let earlier = if second.is_some() { Earlier::Lost } else { Earlier::None };
                    Kept { latest: day, second: Some(latest), earlier }
                } else if second.is_none_or(|second| day > second) {
                    Kept { latest, second: Some(day), earlier: was(second) }
                } else if earlier == Earlier::None {
                    Kept { latest, second, earlier: Earlier::Day(day) }
                } else if is_new {
                    undo(self);
                    return Placement::Late;
                } else {
                    return Placement::Forgotten;
                }
            }
        };
        self.kept.insert((who, period), placed);
        Placement::New
    }

    /// The view with the values under which it counts, and whether its network had added too many.
    fn listed(&mut self, view: &View) -> (View, bool) {
        let (site, day) = (view.site, view.day);
        let mut is_refused = false;
        let counted = view.values.iter().map(|value| {
            let lists = |back: i32| self.listed.get(&(site, day - back)).is_some_and(|list| list.contains(value));
            if !(0..=REMEMBERED_DAYS).any(lists) {
                // Two visitors share a network.
                let added = self.added.entry((site, day, value.0, view.visitor / 2)).or_default();
                if *added == VALUES_A_NETWORK {
                    is_refused = true;
                    return (value.0, OTHER.to_owned());
                }
                *added += 1;
            }
            self.listed.entry((site, day)).or_default().insert(value.clone());
            value.clone()
        });
        let values = counted.collect();
        (View { values, ..view.clone() }, is_refused)
    }

    /// Counts an acknowledged view. Views of one visitor must come in the order in which they are applied.
    pub(crate) fn apply(&mut self, view: &View, now: i64, is_import: bool) -> Placement {
        let mut placement = Placement::Known;
        if view.kind == Kind::Visitor {
            let period = self.period(view.day);
            if !self.open(view.site, period, now, is_import) {
                placement = Placement::Closed;
                if is_import {
                    return placement;
                }
            }
        }
        let (view, is_refused) = if view.kind.is_viewed() { self.listed(view) } else { (view.clone(), false) };
        let View { site, visitor, day, hour, kind, is_event, values, .. } = &view;
        let mut exclusion = kind.exclusion().map(|exclusion| (exclusion, 1));
        if *kind == Kind::Visitor && placement != Placement::Closed {
            for who in Self::everybody(&view) {
                let of_scope = self.place(who.clone(), *day);
                let place = *day - self.truth.origin;
                let truth = &mut self.truth.sites[*site];
                let mut came = |value: &Value| {
                    truth.came_with.entry(value.clone()).or_default().entry(*visitor).or_default().insert(place);
                };
                match (&who.2, of_scope) {
                    (Some(value), Placement::New) => came(value),
                    (None, Placement::New) => {
                        let once = |value: &&Value| value.0.uniqueness() == Uniqueness::OncePerDay;
                        values.iter().filter(once).for_each(came);
                        let days = truth.came.entry(*visitor).or_default();
                        days.insert(place);
                        if let Some(next) = days.first(place + 1, i32::MAX) {
                            truth.followed.insert((*visitor, place), next);
                        }
                    }
                    _ => {}
                }
                if who.2.is_none() {
                    placement = of_scope;
                }
            }
        }
        let truth = &mut self.truth.sites[*site];
        match placement {
            Placement::Late | Placement::Closed => exclusion = Some((Exclusion::Late, 1)),
            Placement::Forgotten => exclusion = Some((Exclusion::Late, 0)),
            Placement::New | Placement::Known => {}
        }
        if is_refused {
            let sum = truth.excluded.entry((*day, Exclusion::TooManyValues)).or_default();
            *sum = (sum.0 + 1, sum.1 + 1);
        }
        // Only views are accounted.
        if let Some((exclusion, least)) = exclusion.filter(|_| !is_event) {
            let sum = truth.excluded.entry((*day, exclusion)).or_default();
            *sum = (sum.0 + least, sum.1 + 1);
        }
        if kind.is_viewed() && !is_event {
            *truth.views.entry(*day).or_default() += 1;
            *truth.views_by_hour.entry((*day, *hour)).or_default() += 1;
        }
        if kind.is_viewed() {
            for value in values.iter() {
                *truth.views_with.entry(value.clone()).or_default().entry(*day).or_default() += 1;
            }
        }
        placement
    }

    /// Values counted once a day belong to the visitor's first view of the day, and across days to the day written first. The order of
    /// two concurrent views is unknown.
    fn is_undecided(&self, together: &Together, view: &View) -> bool {
        let (who, once) = ((view.site, view.visitor, None), Together::once_a_day(view));
        let has_come = |day: i32| self.placed.get(&who).is_some_and(|days| days.contains(day - self.truth.origin));
        let others = together.firsts.get(&(view.site, view.visitor)).into_iter().flatten();
        let is_other = |(day, first): &Beginning| !has_come(*day) && *first != once;
        !view.is_event && !has_come(view.day) && others.into_iter().any(is_other)
    }

    /// Whether concurrent views can all be placed, in any order. `together` are the views chosen before.
    pub(crate) fn can_join(&self, together: &Together, view: &View) -> bool {
        if view.kind != Kind::Visitor {
            return true;
        }
        let period = self.period(view.day);
        if !self.can_open(view.site, period) || self.is_undecided(together, view) {
            return false;
        }
        Self::everybody(view).into_iter().all(|who| {
            let mut joining: BTreeSet<i32> = together.days.get(&who).cloned().unwrap_or_default();
            joining.insert(view.day);
            let placed = self.placed.get(&who).copied().unwrap_or_default();
            let before: BTreeSet<i32> = placed.iter().map(|place| place + self.truth.origin).collect();
            let all: BTreeSet<i32> = before.union(&joining).copied().collect();
            joining.iter().all(|day| {
                let of = |period: i32| all.iter().filter(move |day| self.period(**day) == period);
                let later = of(self.period(*day)).filter(|other| *other > day).count();
                let latest_before = before.iter().filter(|known| self.period(**known) == self.period(*day)).max();
                let is_last = latest_before.is_none_or(|latest| latest < day);
                later <= 1 && (self.truth.is_daily || !is_last || of(self.period(*day) + 1).count() <= 2)
            })
        })
    }
}

/// The days of concurrent views.
#[derive(Default)]
pub(crate) struct Together {
    days: HashMap<ScopedVisitor, BTreeSet<i32>>,
    /// Values counted once a day, by day, for each visitor of a site.
    firsts: HashMap<(usize, usize), Vec<Beginning>>,
}

impl Together {
    pub(crate) fn add(&mut self, view: &View) {
        for who in Rule::everybody(view) {
            self.days.entry(who).or_default().insert(view.day);
        }
        if view.kind == Kind::Visitor && !view.is_event {
            self.firsts.entry((view.site, view.visitor)).or_default().push((view.day, Self::once_a_day(view)));
        }
    }

    fn once_a_day(view: &View) -> Vec<Value> {
        let is_once = |value: &&Value| value.0.uniqueness() == Uniqueness::OncePerDay;
        view.values.iter().filter(is_once).cloned().collect()
    }
}
