//! The numbers of one site, for the page and the API.
//!
//! A [`Query`] becomes a [`Plan`] of the tallies to read, and the tallies become a [`Report`].

mod annotation;
mod assemble;
mod bad_query;
mod filter;
mod imported;
mod live;
mod overview;
mod query;
mod range;
mod report;
mod section;
mod visitors;

pub use self::{
    annotation::{ANNOTATIONS_A_SITE, Annotation, BadAnnotation},
    assemble::assemble,
    bad_query::BadQuery,
    filter::{Condition, Filter, Pairing},
    imported::{ImportedPoint, ImportedSum},
    live::Live,
    overview::{DailyVisitors, Overview},
    query::{Before, FEWEST_WHOLE_DAYS_BEFORE, Lists, Plan, PlannedPoint, Query, STATEMENT_DAYS, Slice},
    range::{Range, Step},
    report::{AllTimeEstimate, Counts, Entry, Point, Previous, Referrals, Report, Week},
    section::{Section, Sort},
    visitors::{Gaps, ImportedDay, ReferralTallies, Tallies, Tally, ValueTally},
};

/// Longest list of values in a report without a limit.
pub const LIST_LENGTH: i64 = 50;
