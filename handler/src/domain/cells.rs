//! Cells: the visitors of a day by profile, for the site as a whole and for values with visitors of their own.
//!
//! A profile is what one view shows: language, browser, channel, operating system, device and country. While a day is open, each
//! profile is distinguished. Afterwards profiles that few visitors share are folded into classes ([`Classes`]), and the cells of the
//! day are packed ([`Cells::pack`]). This module knows neither the database nor how a question is sent.

mod bytes;
mod class_table;
mod folding;
mod packed;
mod profile;
mod selection;
#[cfg(test)]
mod simulation;

use std::collections::BTreeMap;

pub use self::{
    bytes::Damaged,
    class_table::ClassTable,
    folding::{Classes, WINDOW_DAYS, add_visitors_since},
    packed::{OpenDay, PackedDay, Parts, pack_moves, read_moves, unpack_moves},
    profile::{ATTRIBUTES, Class, Condition, Fit, Profile, absent},
    selection::{NotShown, Selected, Selection},
};
use super::dimension::Dimension;

/// A value whose visitors have fingerprints of their own, or the site as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CellValue {
    /// `None`: the site as a whole.
    pub dimension: Option<Dimension>,
    /// Empty for the site as a whole.
    pub value: String,
}

/// Visitors by gap: 0 for visitors not seen before, otherwise the number of days since the visitor's previous day. A number can be
/// negative, because an earlier day that is added later moves visitors from one gap to another.
pub type VisitorsByGap = BTreeMap<u16, i64>;

/// Whether visitors of a gap count on a day that lies `days` days after the first day of a range. Each visitor counts on its first
/// day in the range.
pub fn counts_after(gap: u16, days: i32) -> bool {
    gap == 0 || i32::from(gap) > days
}

/// The cells of one day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cells(BTreeMap<CellValue, BTreeMap<Class, VisitorsByGap>>);

impl Cells {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds visitors of a gap. Removes the number if the sum is zero.
    pub fn add(&mut self, value: CellValue, class: Class, gap: u16, visitors: i64) {
        if visitors == 0 {
            return;
        }
        let classes = self.0.entry(value.clone()).or_default();
        let gaps = classes.entry(class.clone()).or_default();
        let sum = gaps.entry(gap).or_default();
        *sum += visitors;
        if *sum == 0 {
            gaps.remove(&gap);
            if gaps.is_empty() {
                classes.remove(&class);
                if classes.is_empty() {
                    self.0.remove(&value);
                }
            }
        }
    }

    /// Adds all cells of another part of the same day.
    pub fn add_all(&mut self, other: Self) {
        for (value, class, gap, visitors) in other.into_numbers() {
            self.add(value, class, gap, visitors);
        }
    }

    /// The cells with each profile or class replaced by its class.
    #[must_use]
    pub fn folded(self, classes: &Classes) -> Self {
        let mut folded = Self::default();
        for (value, class, gap, visitors) in self.into_numbers() {
            let class = classes.class_of(&class);
            folded.add(value, class, gap, visitors);
        }
        folded
    }

    /// The cells of all other values.
    #[must_use]
    pub fn without(mut self, value: &CellValue) -> Self {
        self.0.remove(value);
        self
    }

    /// The cells of the site as a whole.
    #[must_use]
    pub fn of_site(&self) -> Self {
        let site = CellValue::default();
        Self(self.0.get(&site).map(|classes| (site, classes.clone())).into_iter().collect())
    }

    /// The classes that the cells name, each at least once.
    pub fn classes(&self) -> impl Iterator<Item = &Class> {
        self.0.values().flat_map(BTreeMap::keys)
    }

    /// Every number, with its value, class and gap.
    pub fn numbers(&self) -> impl Iterator<Item = (&CellValue, &Class, u16, i64)> {
        self.0.iter().flat_map(|(value, classes)| {
            classes
                .iter()
                .flat_map(move |(class, gaps)| gaps.iter().map(move |(gap, visitors)| (value, class, *gap, *visitors)))
        })
    }

    fn into_numbers(self) -> impl Iterator<Item = (CellValue, Class, u16, i64)> {
        self.0.into_iter().flat_map(|(value, classes)| {
            classes.into_iter().flat_map(move |(class, gaps)| {
                let value = value.clone();
                gaps.into_iter().map(move |(gap, visitors)| (value.clone(), class.clone(), gap, visitors))
            })
        })
    }
}
