//! The data of one commit.

use uuid::Uuid;

use super::{CohortId, CounterIndex, SiteId};
use crate::domain::{Day, Fingerprint, Minute, TallyKey};

/// Visits that are committed together, or not at all.
#[derive(Default)]
pub struct Batch {
    /// Ids of earlier batches whose outcome is known. The commit deletes them.
    pub finished: Vec<Uuid>,
    /// One for each day.
    pub parts: Vec<Part>,
    /// All-time registers that may rise, sorted, each once.
    pub registers: Vec<Register>,
    /// How far a log has been counted with this batch.
    pub checkpoint: Option<Checkpoint>,
}

/// The visits of one day.
pub struct Part {
    /// The statement claims this id, so that a resent part is applied once.
    pub id: Uuid,
    /// The day.
    pub day: Day,
    /// Whether the day is so old that it may be too late to be placed among the days of its visitors.
    pub may_be_late: bool,
    /// The sites of the visitors, and whether the previous and next periods of each site are open.
    pub sites: Vec<SitePeriods>,
    /// Visitors who may be new on that day, sorted by fingerprint, each once.
    pub visitors: Vec<Visitor>,
    /// The counters that each cohort raises.
    pub links: Vec<Link>,
    /// The counters, each once.
    pub counters: Vec<Counter>,
    /// The cells that the visitors raise, each once.
    pub cells: Vec<CellCounter>,
    /// Views by minute of arrival, sorted, each minute of a site once.
    pub minutes: Vec<MinuteViews>,
    /// The values that networks added to lists, sorted, each list and network once.
    pub additions: Vec<Addition>,
}

/// Whether the previous and the next period of a site are open. `None` if the mode does not compare periods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SitePeriods {
    /// The site.
    pub site: SiteId,
    /// The period before.
    pub previous_is_open: Option<bool>,
    /// The period after.
    pub next_is_open: Option<bool>,
}

/// A fingerprint that may be new on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Visitor {
    /// Under the salt of the day's period.
    pub fingerprint: Fingerprint,
    /// Visitors of one cohort raise the same counters.
    pub cohort: CohortId,
    /// The same visitor under the salt of the previous period, if that period is open.
    pub previous: Option<Fingerprint>,
    /// The same visitor under the salt of the next period, if that period is open.
    pub next: Option<Fingerprint>,
    /// Views to count as late if the day can't be placed any more.
    pub views: i32,
}

/// A counter that a cohort raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// See [`Visitor::cohort`].
    pub cohort: CohortId,
    /// The counter.
    pub counter: CounterIndex,
    /// The way in which the cohort raises the counter.
    pub role: Role,
}

/// The way in which a cohort raises a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i16)]
pub enum Role {
    /// Add new visitors under their gaps. A gap changes if a day in between is added later.
    Visitors = 0,
    /// Add new visitors under gaps that never change.
    VisitorsOfTheHour = 1,
    /// Add the views of late visitors.
    LateViews = 2,
}

/// A counter and its additional pageviews.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    /// The site.
    pub site: SiteId,
    /// The kind of thing that the counter counts.
    pub key: TallyKey,
    /// The value within the key.
    pub value: String,
    /// Views.
    pub pageviews: i64,
}

/// A counter of visitors with one profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellCounter {
    /// The site.
    pub site: SiteId,
    /// The site as a whole, or the dimension of the value.
    pub key: TallyKey,
    /// The value within the key.
    pub value: String,
    /// The profile in its stored form.
    pub profile: String,
}

/// Views of a site that arrived in one minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinuteViews {
    /// The site.
    pub site: SiteId,
    /// The minute.
    pub minute: Minute,
    /// Views.
    pub pageviews: i64,
}

/// How many values a network added to the list of a dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Addition {
    /// The site.
    pub site: SiteId,
    /// The dimension.
    pub dimension: TallyKey,
    /// The network, under the key of the day.
    pub network: Fingerprint,
    /// The number of values.
    pub added: i16,
}

/// A register of the all-time estimate and its new rank. A lower rank changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Register {
    /// The site.
    pub site: SiteId,
    /// The register's number.
    pub register: i16,
    /// The rank.
    pub rank: i16,
}

/// How far an imported log has been counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The site.
    pub site: SiteId,
    /// BLAKE3 of the site's name and of the log from its beginning to here.
    pub digest: [u8; 32],
    /// The length of that prefix in bytes, uncompressed.
    pub bytes: i64,
}
