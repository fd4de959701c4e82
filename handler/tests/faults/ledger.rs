//! The ledger of the clients: for each view, how often it was sent and acknowledged.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::faults::view::View;

/// How often a view was sent and acknowledged.
#[derive(Clone, Copy, Default)]
struct Tries {
    sent: u32,
    acknowledged: u32,
}

/// A list of a site: its total, or one value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct List {
    pub(crate) site: String,
    pub(crate) dimension: i16,
    pub(crate) value: String,
}

impl std::fmt::Display for List {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}, dimension {} '{}'", self.site, self.dimension, self.value)
    }
}

/// The least and the most that may be counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) acknowledged: u64,
    pub(crate) sent: u64,
}

/// The days of a visitor, a bit for each day.
#[derive(Clone, Copy, Default)]
struct Days {
    sent: u32,
    acknowledged: u32,
}

/// The truth about one list, by day of the ledger.
#[derive(Default)]
pub(crate) struct Known {
    views: BTreeMap<usize, Bounds>,
    visitors: HashMap<u32, Days>,
}

impl Known {
    pub(crate) fn views(&self, day: usize) -> Bounds {
        self.views.get(&day).copied().unwrap_or_default()
    }

    /// Unique visitors of the days from `first` to `last`.
    pub(crate) fn visitors(&self, first: usize, last: usize) -> Bounds {
        let range = (first..=last).fold(0, |range, day| range | 1_u32 << day);
        let mut bounds = Bounds::default();
        for days in self.visitors.values() {
            bounds.acknowledged += u64::from(days.acknowledged & range != 0);
            bounds.sent += u64::from(days.sent & range != 0);
        }
        bounds
    }
}

#[derive(Default)]
pub(crate) struct Ledger {
    tries: Mutex<HashMap<(usize, View), Tries>>,
    sent: AtomicU64,
    acknowledged: AtomicU64,
    given_up: AtomicU64,
}

impl Ledger {
    /// Records a view before it is sent.
    pub(crate) fn sent(&self, day: usize, view: View) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.tries.lock().unwrap().entry((day, view)).or_default().sent += 1;
    }

    /// Records a view after its 2xx response.
    pub(crate) fn acknowledged(&self, day: usize, view: View) {
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
        self.tries.lock().unwrap().entry((day, view)).or_default().acknowledged += 1;
    }

    /// Records a view without a 2xx response. It may be counted.
    pub(crate) fn given_up(&self) {
        self.given_up.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn all_given_up(&self) -> u64 {
        self.given_up.load(Ordering::Relaxed)
    }

    pub(crate) fn all_sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub(crate) fn all_acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    pub(crate) fn lists(&self) -> BTreeMap<List, Known> {
        let mut lists: BTreeMap<List, Known> = BTreeMap::new();
        for ((day, view), tries) in self.tries.lock().unwrap().iter() {
            for value in view.values() {
                let list = List { site: view.site().to_owned(), dimension: value.dimension, value: value.value };
                let known = lists.entry(list).or_default();
                let bounds = known.views.entry(*day).or_default();
                bounds.sent += u64::from(tries.sent);
                bounds.acknowledged += u64::from(tries.acknowledged);
                if value.has_visitors {
                    let days = known.visitors.entry(view.visitor()).or_default();
                    days.sent |= 1 << day;
                    days.acknowledged |= u32::from(tries.acknowledged > 0) << day;
                }
            }
        }
        lists
    }
}
