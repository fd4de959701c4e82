//! The database: the only module with SQL. What is asked stands in `queries/`, what is stored in `migrations/`.
//!
//! Every function here does one thing over a [`Checkout`] and says how it failed as a [`Failure`]. Only the recorder, the reader
//! and maintenance call them, from tasks of their own: no statement ever runs inside a request, because a client that hangs up
//! would cancel it half way.

mod batch;
mod connection;
#[cfg(feature = "embedded")]
mod embedded;
mod entra;
mod examination;
mod failure;
mod foundation;
mod imported;
mod maintenance;
mod outage;
mod reading;
mod recording;

pub use batch::{Batch, Checkpoint, Counter, Link, MinuteViews, Part, Register, Role, SitePeriods, Visitor};
pub use connection::{CLOCK_TOLERANCE, CONNECTION_LIFETIME, Checkout, Connection, Database, StatementLimits};
pub use examination::{Examination, examine};
pub use failure::Failure;
pub use imported::{ImportedTally, forget_imported, replace_imported};
pub use maintenance::{Removed, remove};
pub(crate) use outage::Outage;
pub use reading::{
    read_checkpoints, read_days, read_minutes, read_referrals, read_registers, read_site, read_tallies, read_values,
};
pub use recording::{OpenedSite, Outcome, commit, open_period, open_site, read_period};
