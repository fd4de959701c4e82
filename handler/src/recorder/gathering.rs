//! From visits to one batch: what may be new, and which counters rise. Pure: keys and memory are arguments.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::{keys::Keys, seen::Seen};
use crate::{
    statistics::Dimension,
    store::{Batch, Checkpoint},
    visitor::{
        Client, Fingerprint, Period, Periods, Exclusion, Classification, Visit, all_time, fingerprint,
        fingerprint::{Scope, fingerprint as hash},
    },
};

/// A batch, and what may be remembered once it has been committed.
pub(super) struct Gathered {
    pub(super) batch: Batch,
    /// Fingerprints that the batch puts into the database, or finds there.
    pub(super) committed: Vec<(Period, Fingerprint)>,
    /// Site, register, rank.
    pub(super) raised: Vec<(i32, u16, u8)>,
    pub(super) pageviews: u64,
    /// How many were not counted in full, in the order of [`Exclusion::ALL`].
    pub(super) excluded: [u64; Exclusion::ALL.len()],
}

/// What visits have in common that raise the same counters.
#[derive(PartialEq, Eq, Hash)]
struct Signature<'v> {
    site: i32,
    periods: Periods,
    path: &'v str,
    referrer: Option<&'v str>,
    counts: Counts,
}

/// What a visit counts as, without who it was.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Counts {
    Visitor,
    Pageview(Exclusion),
    Excluded(Exclusion),
}

/// The kinds of fingerprint that a visit has; each is a cohort of its own within a signature.
#[derive(Clone, Copy)]
enum Cohort {
    Hour,
    Day,
    Week,
    Month,
    PageDay,
    PageWeek,
    PageMonth,
}

const COHORTS: usize = 7;

/// Gathers visits into a batch. Each comes with its periods; its keys must be in `keys`.
pub(super) fn gather<'v>(
    id: Uuid,
    visits: impl Iterator<Item = (&'v Visit, Periods)>,
    keys: &Keys,
    seen: &Seen,
    checkpoint: Option<Checkpoint>,
) -> Gathered {
    let mut signatures: HashMap<Signature<'v>, (usize, i64)> = HashMap::new();
    let mut cohort_of: HashMap<(i32, i64), usize> = HashMap::new();
    let mut ranks: BTreeMap<(i32, u16), u8> = BTreeMap::new();
    let mut excluded = [0; Exclusion::ALL.len()];
    let mut pageviews = 0;
    let mut message = Vec::with_capacity(512);
    let mut committed = Vec::new();

    for (visit, periods) in visits {
        let site = keys.site(&visit.site).expect("sites are opened before visits are gathered");
        let counts = match &visit.classification {
            Classification::Visitor(_) if !keys.are_open(&periods) => Counts::Pageview(Exclusion::Unidentified),
            Classification::Visitor(_) => Counts::Visitor,
            Classification::Pageview(reason) => Counts::Pageview(*reason),
            Classification::Excluded(reason) => Counts::Excluded(*reason),
        };
        let next = signatures.len();
        let signature =
            Signature { site: site.id, periods, path: &visit.path, referrer: visit.referrer.as_deref(), counts };
        let (number, count) = signatures.entry(signature).or_insert((next, 0));
        *count += 1;
        pageviews += u64::from(!matches!(counts, Counts::Excluded(_)));
        if let Counts::Pageview(reason) | Counts::Excluded(reason) = counts {
            excluded[reason as usize] += 1;
        }
        let (Classification::Visitor(client), Counts::Visitor) = (&visit.classification, counts) else { continue };
        let mut offer = |cohort: Cohort, period: Period, scope: Scope<'_>| {
            let salt = keys.salt(period).expect("open periods have salts");
            let fingerprint = hash(salt, &visit.site, scope, client, &mut message);
            if seen.contains(period, fingerprint) {
                return false;
            }
            let key = (period.bucket(), fingerprint.0);
            if let std::collections::hash_map::Entry::Vacant(entry) = cohort_of.entry(key) {
                entry.insert(*number * COHORTS + cohort as usize);
                committed.push((period, fingerprint));
            }
            true
        };
        let page = Scope::Page(&visit.path);
        offer(Cohort::Hour, periods.day, Scope::Hour(periods.hour));
        // Who has been seen on this page today has been seen today, this week and this month, in the same commit or
        // an earlier one: five of the seven hashes and the estimate can be spared.
        if offer(Cohort::PageDay, periods.day, page) {
            offer(Cohort::PageWeek, periods.week, page);
            offer(Cohort::PageMonth, periods.month, page);
            offer(Cohort::Day, periods.day, Scope::Site);
            offer(Cohort::Week, periods.week, Scope::Site);
            if offer(Cohort::Month, periods.month, Scope::Site) {
                observe(site, &visit.site, client, &mut message, &mut ranks);
            }
        }
    }

    let mut batch = Batch { id, checkpoint, ..Batch::default() };
    add_visitors(&mut batch, cohort_of);
    add_tallies(&mut batch, signatures);
    for ((site, register), rank) in &ranks {
        batch.register_site.push(*site);
        batch.register_index.push(i16::try_from(*register).expect("there are 4096 registers"));
        batch.register_rank.push(i16::from(*rank));
    }
    let raised = ranks.into_iter().map(|((site, register), rank)| (site, register, rank)).collect();
    Gathered { batch, committed, raised, pageviews, excluded }
}

/// Adds the visitor to the all-time estimate, if a register would rise.
fn observe(
    site: &super::keys::Site,
    name: &str,
    client: &Client,
    message: &mut Vec<u8>,
    ranks: &mut BTreeMap<(i32, u16), u8>,
) {
    let all_time::Observation { register, rank } =
        all_time::observe(fingerprint::fingerprint(&site.salt, name, Scope::Site, client, message));
    if rank > site.rank(register) {
        let raised = ranks.entry((site.id, register)).or_default();
        *raised = rank.max(*raised);
    }
}

/// The fingerprints, in the order in which all instances insert them.
fn add_visitors(batch: &mut Batch, cohort_of: HashMap<(i32, i64), usize>) {
    let mut visitors: Vec<_> = cohort_of.into_iter().collect();
    visitors.sort_unstable();
    for ((bucket, fingerprint), cohort) in visitors {
        batch.visitor_bucket.push(bucket);
        batch.visitor_fingerprint.push(fingerprint);
        batch.visitor_cohort.push(number(cohort));
    }
}

/// The counters, and which cohorts raise their visitors.
fn add_tallies(batch: &mut Batch, signatures: HashMap<Signature<'_>, (usize, i64)>) {
    let mut tallies = Tallies { batch, numbers: HashMap::new() };
    for (signature, (index, count)) in signatures {
        let Signature { site, periods, path, referrer, counts } = signature;
        let Periods { hour, day, week, month } = periods;
        let calendar = [
            (day, Cohort::Day, Cohort::PageDay),
            (week, Cohort::Week, Cohort::PageWeek),
            (month, Cohort::Month, Cohort::PageMonth),
        ];
        if let Counts::Pageview(reason) | Counts::Excluded(reason) = counts {
            for (period, ..) in calendar {
                tallies.raise(site, period, Dimension::Excluded, reason.name(), count, None);
            }
        }
        if let Counts::Excluded(_) = counts {
            continue;
        }
        let cohort = |cohort: Cohort| (counts == Counts::Visitor).then_some(index * COHORTS + cohort as usize);
        tallies.raise(site, Period::EVER, Dimension::Total, "", count, None);
        tallies.raise(site, hour, Dimension::Total, "", count, cohort(Cohort::Hour));
        for (period, site_cohort, page_cohort) in calendar {
            tallies.raise(site, period, Dimension::Total, "", count, cohort(site_cohort));
            tallies.raise(site, period, Dimension::Page, path, count, cohort(page_cohort));
            if let Some(referrer) = referrer {
                tallies.raise(site, period, Dimension::Referrer, referrer, count, cohort(site_cohort));
            }
        }
    }
}

/// The tallies of a batch while they are being added up.
struct Tallies<'b, 'v> {
    batch: &'b mut Batch,
    numbers: HashMap<(i32, i32, i16, &'v str), usize>,
}

impl<'v> Tallies<'_, 'v> {
    fn raise(
        &mut self,
        site: i32,
        period: Period,
        dimension: Dimension,
        value: &'v str,
        pageviews: i64,
        cohort: Option<usize>,
    ) {
        let bucket = period.bucket();
        let next = self.numbers.len();
        let index = *self.numbers.entry((site, bucket, dimension as i16, value)).or_insert(next);
        if index == next {
            self.batch.tally_site.push(site);
            self.batch.tally_bucket.push(bucket);
            self.batch.tally_dimension.push(dimension as i16);
            self.batch.tally_value.push(value.to_owned());
            self.batch.tally_pageviews.push(0);
        }
        self.batch.tally_pageviews[index] += pageviews;
        if let Some(cohort) = cohort {
            self.batch.link_cohort.push(number(cohort));
            // SQL counts from one.
            self.batch.link_tally.push(number(index + 1));
        }
    }
}

fn number(index: usize) -> i32 {
    i32::try_from(index).expect("a batch has far fewer than 2^31 rows")
}
