//! What is shown: the numbers of one site, as the page and the JSON answer have them.
//!
//! This module is pure: it says which tallies a question needs, and makes a report of them. It knows no HTTP, SQL or clock.

mod assemble;
mod bad_query;
mod breakdown;
mod imported;
mod live;
mod query;
mod range;
mod report;
mod visitors;

pub use self::{
    assemble::assemble,
    bad_query::BadQuery,
    breakdown::Breakdown,
    imported::{ImportedPoint, ImportedSum},
    live::Live,
    query::{Before, Plan, Query, Slot},
    range::{Range, Step},
    report::{Counts, Entry, Estimate, Point, Previous, Referrals, Report, Week},
    visitors::{Gaps, ImportedDay, Tallies, Tally, ValueTally},
};

/// How many values of each dimension are shown.
pub const LIST_LENGTH: i64 = 50;
