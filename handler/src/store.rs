//! The database. Only this module contains SQL: statements are in `queries/`, the schema is in `migrations/`.
//!
//! Every function does one thing over a [`Checkout`] and returns a [`Failure`] if it fails. Only the recorder, the reader and
//! maintenance call these functions, from their own tasks. A statement never runs inside a request, because a client that hangs up
//! would cancel the statement half way.

mod annotations;
mod batch;
mod cells;
mod clock;
mod cluster;
mod column;
mod connection;
mod database;
mod day_cells;
mod day_sums;
#[cfg(feature = "embedded")]
mod embedded;
mod entra;
mod examination;
mod failure;
mod forgetting;
mod imported;
mod keys;
mod lease;
mod limits;
mod maintenance;
mod migration;
mod notices;
mod outage;
mod reading;
mod recording;
mod rollups;
mod set_up;
mod standings;

pub use annotations::{AddedAnnotation, add_annotation, read_annotations, remove_annotations};
pub use batch::{
    Addition, Batch, CellCounter, Checkpoint, Counter, Link, MinuteViews, Part, Register, Role, SitePeriods, Visitor,
};
pub use cells::{FoldingRules, read_cells};
pub use clock::CLOCK_TOLERANCE;
pub use cluster::{Cluster, distribute_sets, read_cluster};
pub use connection::{CONNECTION_LIFETIME, Checkout, Connection};
pub use database::Database;
pub use day_cells::{add_cells, read_day_cells};
pub use day_sums::{AddedDay, add_day, read_imported, read_next_day, read_site_names};
pub use examination::{Examination, examine, try_statements};
pub use failure::{Cause, Failure, Loss, SqlState};
pub use forgetting::{Stored, count_stored, forget_days, forget_page, forget_site};
pub use imported::{forget_imported, replace_imported};
pub use keys::{CohortId, CounterIndex, SiteId};
pub use limits::StatementLimits;
pub use maintenance::{Removed, forget_periods, pack_site, remove};
pub use notices::{NoticeId, end_notice, find_busiest_sites, hold_notice, read_hour};
pub(crate) use outage::Outage;
pub use reading::{
    CountedDays, has_fixed_zone, has_sites, read_checkpoints, read_counted_days, read_days, read_minutes,
    read_overview, read_referrals, read_site, read_tallies,
};
pub use recording::{KeyRequest, OpenedKeys, Outcome, PeriodOffer, commit, open_keys, open_site};
pub use standings::{DayList, Standing, Standings, read_standings};
