//! A visit with its place in the calendar.

use crate::domain::{Minute, Moment, Visit};

/// A visit with its day, hour and minute.
#[derive(Clone, Copy)]
pub(super) struct Dated<'v> {
    pub(super) visit: &'v Visit,
    pub(super) moment: Moment,
    /// The minute of arrival; `None` for a visit from a log.
    pub(super) minute: Option<Minute>,
}
