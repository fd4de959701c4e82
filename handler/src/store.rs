//! The database: the only module with SQL. What is asked stands in `queries/`, what is stored in `migrations/`.
//!
//! Every function here does one thing over a [`Line`] and says how it failed as a [`Failure`]. Only the recorder and the
//! reader call them, from tasks of their own: no statement ever runs inside a request, because a client that hangs up
//! would cancel it half way.

mod connection;
#[cfg(feature = "embedded")]
mod embedded;
mod entra;
mod examination;
mod failure;
mod maintenance;
mod reading;
mod recording;

pub use connection::{CONNECTION_LIFETIME, Database, Line};
pub use examination::{Examination, examine};
pub use failure::Failure;
pub use maintenance::{Removed, remove};
pub use reading::{Tallies, read_checkpoints, read_registers, read_site, read_tallies};
pub use recording::{Batch, Checkpoint, commit, open_period, open_site};
