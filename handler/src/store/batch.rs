//! The data of one commit: rows in the program, columns in the statement.

use uuid::Uuid;

use crate::domain::{Day, Fingerprint, Minute};

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
    /// The sites of the visitors, and whether the previous and next periods of each site are open.
    pub sites: Vec<SitePeriods>,
    /// Visitors who may be new on that day, sorted by fingerprint, each once.
    pub visitors: Vec<Visitor>,
    /// The counters that each cohort raises.
    pub links: Vec<Link>,
    /// The counters, each once.
    pub counters: Vec<Counter>,
    /// Views by minute of arrival, sorted, each minute of a site once.
    pub minutes: Vec<MinuteViews>,
}

/// Whether the previous and the next period of a site are open. `None` if the mode does not compare periods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SitePeriods {
    /// The site.
    pub site: i32,
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
    pub cohort: i32,
    /// The same visitor under the salt of the previous period, if that period is open.
    pub previous: Option<Fingerprint>,
    /// The same visitor under the salt of the next period, if that period is open.
    pub next: Option<Fingerprint>,
    /// Views to count as late if the day can't be placed any more. `None` if the day can't be late.
    pub late_views: Option<i32>,
}

/// A counter that a cohort raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// See [`Visitor::cohort`].
    pub cohort: i32,
    /// The counter's place in [`Part::counters`], from 1.
    pub counter: i32,
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
    pub site: i32,
    /// The dimension's number.
    pub dimension: i16,
    /// The value within the dimension.
    pub value: String,
    /// Views.
    pub pageviews: i64,
}

/// Views of a site that arrived in one minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinuteViews {
    /// The site.
    pub site: i32,
    /// The minute.
    pub minute: Minute,
    /// Views.
    pub pageviews: i64,
}

/// A register of the all-time estimate and its new rank. A lower rank changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Register {
    /// The site.
    pub site: i32,
    /// The register's number.
    pub register: i16,
    /// The rank.
    pub rank: i16,
}

/// How far an imported log has been counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// BLAKE3 of the site's name and of the log from its beginning to here.
    pub digest: [u8; 32],
    /// The length of that prefix in bytes, uncompressed.
    pub bytes: u64,
    /// The site's id.
    pub site: i32,
}

/// A part as columns. Columns with only nulls are sent as empty arrays; `unnest` pads them.
pub(super) struct Columns<'b> {
    pub(super) site: Vec<i32>,
    pub(super) previous_is_open: Vec<Option<bool>>,
    pub(super) next_is_open: Vec<Option<bool>>,
    pub(super) fingerprint: Vec<i64>,
    pub(super) cohort: Vec<i32>,
    pub(super) previous: Vec<Option<i64>>,
    pub(super) next: Vec<Option<i64>>,
    pub(super) late_views: Vec<Option<i32>>,
    pub(super) link_cohort: Vec<i32>,
    pub(super) link_counter: Vec<i32>,
    pub(super) link_role: Vec<i16>,
    pub(super) counter_site: Vec<i32>,
    pub(super) counter_dimension: Vec<i16>,
    pub(super) counter_value: Vec<&'b str>,
    pub(super) counter_pageviews: Vec<i64>,
    pub(super) register_site: Vec<i32>,
    pub(super) register: Vec<i16>,
    pub(super) register_rank: Vec<i16>,
    pub(super) checkpoint_site: Vec<i32>,
    pub(super) checkpoint_digest: Vec<&'b [u8]>,
    pub(super) checkpoint_bytes: Vec<i64>,
    pub(super) minute_site: Vec<i32>,
    pub(super) minute: Vec<i32>,
    pub(super) minute_pageviews: Vec<i64>,
}

impl<'b> Columns<'b> {
    pub(super) fn of(part: &'b Part, registers: &[Register], checkpoint: Option<&'b Checkpoint>) -> Self {
        let Part { sites, visitors, links, counters, minutes, .. } = part;
        Self {
            site: column(sites, |site| site.site),
            previous_is_open: sparse_column(sites, |site| site.previous_is_open),
            next_is_open: sparse_column(sites, |site| site.next_is_open),
            fingerprint: column(visitors, |visitor| visitor.fingerprint.0),
            cohort: column(visitors, |visitor| visitor.cohort),
            previous: sparse_column(visitors, |visitor| visitor.previous.map(|fingerprint| fingerprint.0)),
            next: sparse_column(visitors, |visitor| visitor.next.map(|fingerprint| fingerprint.0)),
            late_views: sparse_column(visitors, |visitor| visitor.late_views),
            link_cohort: column(links, |link| link.cohort),
            link_counter: column(links, |link| link.counter),
            link_role: column(links, |link| link.role as i16),
            counter_site: column(counters, |counter| counter.site),
            counter_dimension: column(counters, |counter| counter.dimension),
            counter_value: column(counters, |counter| counter.value.as_str()),
            counter_pageviews: column(counters, |counter| counter.pageviews),
            register_site: column(registers, |register| register.site),
            register: column(registers, |register| register.register),
            register_rank: column(registers, |register| register.rank),
            checkpoint_site: column(checkpoint, |checkpoint| checkpoint.site),
            checkpoint_digest: column(checkpoint, |checkpoint| checkpoint.digest.as_slice()),
            checkpoint_bytes: column(checkpoint, |checkpoint| i64::try_from(checkpoint.bytes).unwrap_or(i64::MAX)),
            minute_site: column(minutes, |views| views.site),
            minute: column(minutes, |views| views.minute.number()),
            minute_pageviews: column(minutes, |views| views.pageviews),
        }
    }
}

fn column<'r, R: 'r, T>(rows: impl IntoIterator<Item = &'r R>, value: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.into_iter().map(value).collect()
}

fn sparse_column<R, T>(rows: &[R], value: impl Fn(&R) -> Option<T>) -> Vec<Option<T>> {
    if rows.iter().any(|row| value(row).is_some()) { rows.iter().map(value).collect() } else { Vec::new() }
}
