//! Keys of rows as types of their own.

/// The id of a counted site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SiteId(pub(super) i32);

/// Visitors of one part who raise the same counters. The number is valid within the part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CohortId(pub(super) i32);

impl CohortId {
    /// The cohort of this number. The first is 1.
    pub const fn new(number: i32) -> Self {
        Self(number)
    }
}

/// The place of a counter in [`Part::counters`](super::Part::counters), from 1, or of a cell in
/// [`Part::cells`](super::Part::cells), from -1 downwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CounterIndex(pub(super) i32);

impl CounterIndex {
    /// The index of the last of `length` counters.
    ///
    /// # Panics
    /// If there is no counter, or there are more than 2³¹.
    pub fn last_of(length: usize) -> Self {
        assert!(length > 0, "a list without counters has no last counter");
        Self(i32::try_from(length).expect("a batch has far fewer than 2^31 counters"))
    }

    /// The index of the last of `length` cells.
    ///
    /// # Panics
    /// If there is no cell, or there are more than 2³¹.
    pub fn last_cell_of(length: usize) -> Self {
        Self(-Self::last_of(length).0)
    }

    /// The index of the counter in a slice, from 0.
    pub fn offset(self) -> usize {
        usize::try_from(self.0 - 1).expect("the first counter is 1")
    }
}
