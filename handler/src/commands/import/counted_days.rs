//! The days that an import has counted. With `FOOTFALL_FORGET=daily` each day has a set, and a log of ten years would leave 3,652
//! sets, which slow down every new connection. So the import forgets a day when it has counted the day and the day is over.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::{
    domain::{Classification, CountingMode, Day, Exclusion, Forget, Period, Visit},
    recorder::Imported,
};

/// How many days are forgotten together, because each time takes locks that delay counting.
const FORGOTTEN_TOGETHER: usize = 31;

/// The days of the visitors that an import has counted.
pub(super) struct CountedDays {
    mode: CountingMode,
    /// Days whose visitors are known.
    known: BTreeSet<Day>,
    forgotten: BTreeSet<Day>,
}

impl CountedDays {
    pub(super) fn new(mode: CountingMode) -> Self {
        Self { mode, known: BTreeSet::new(), forgotten: BTreeSet::new() }
    }

    /// Adds the days of a committed chunk.
    pub(super) fn add(&mut self, visits: &[Visit], imported: &Imported) {
        if self.mode.forget != Forget::Daily {
            return;
        }
        for (index, visit) in visits.iter().enumerate() {
            if visit.has_visitor()
                && !imported.closed.contains(&index)
                && let Some(day) = self.day(visit.at)
                && !self.forgotten.contains(&day)
            {
                self.known.insert(day);
            }
        }
    }

    /// Turns visits of forgotten days into late pageviews, and returns their indexes.
    pub(super) fn exclude_late(&self, visits: &mut [Visit]) -> Vec<usize> {
        let mut late = Vec::new();
        if self.forgotten.is_empty() {
            return late;
        }
        for (index, visit) in visits.iter_mut().enumerate() {
            if visit.has_visitor() && self.day(visit.at).is_some_and(|day| self.forgotten.contains(&day)) {
                visit.classification = Classification::Pageview(Exclusion::Late);
                late.push(index);
            }
        }
        late
    }

    /// The days to forget now. `next` is the earliest time of the lines to come, or `None` at the end of the import. The newest two
    /// days stay, because lines around midnight are out of order, and the next log may continue the last day. Today and yesterday
    /// stay, too, because they are counted live.
    pub(super) fn to_forget(&self, next: Option<Timestamp>, now: Timestamp) -> Vec<Day> {
        let newest = [next, Some(now)].into_iter().flatten().filter_map(|at| self.day(at));
        let Some(newest) = newest.chain(self.known.last().copied()).min() else { return Vec::new() };
        let ended: Vec<Day> = self.known.range(..newest.plus(-1)).copied().collect();
        if next.is_some() && ended.len() < FORGOTTEN_TOGETHER { Vec::new() } else { ended }
    }

    /// The periods of these days.
    pub(super) fn periods(&self, days: &[Day]) -> Vec<Period> {
        days.iter().map(|day| self.mode.forget.period(*day)).collect()
    }

    /// Call this when the salts of these days are forgotten.
    pub(super) fn forget(&mut self, days: &[Day]) {
        self.known.retain(|day| !days.contains(day));
        self.forgotten.extend(days);
    }

    fn day(&self, at: Timestamp) -> Option<Day> {
        Day::containing(at, &self.mode.zone).ok()
    }
}
