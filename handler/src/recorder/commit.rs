//! One attempt to commit visits. Each attempt may use another session of the connection.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use jiff::SignedDuration;
use uuid::Uuid;

use super::{
    batch_builder::{Aggregate, Known, aggregate},
    dated::Dated,
    job::{Imported, LogPrefix},
    keys::{Keys, Needed},
    places::Places,
    seen::Seen,
};
use crate::{
    domain::{CountingRules, Day, Exclusion, Minute, Moment, Visit, calendar::Calendar},
    store::{self, Checkout, Checkpoint, Connection, Failure, Outcome},
};

/// The time for which a past period and its previous period stay open after an import. More logs of the same days can be
/// imported within this time, and daily imports can continue across the end of a month.
const IMPORT_LEASE: SignedDuration = SignedDuration::from_hours(48);

/// Retries when cached keys are stale. Two are already unusual.
const MOST_STALE: usize = 5;

/// Commits batches, and caches data to save database work.
pub(super) struct Committer {
    connection: Arc<Connection>,
    rules: CountingRules,
    calendar: Calendar,
    keys: Keys,
    places: Places,
    seen: Seen,
    /// The session in which `keys`, `places` and `seen` were filled.
    generation: u64,
    /// Ids of batches whose outcome is known. The next batch deletes them from the database.
    finished: Vec<Uuid>,
    /// Whether the current attempt has sent the batch.
    has_sent: bool,
}

/// Everything that must stay the same across retries: each visit's time and each day's batch id. The database recognizes a resend
/// by these ids.
#[derive(Default)]
pub(super) struct BatchIdentity {
    upto: Option<LogPrefix>,
    /// `None` for a time outside the supported range.
    moments: Vec<Option<(Moment, Option<Minute>)>>,
    ids: BTreeMap<Day, Uuid>,
    /// Whether an attempt was lost after the batch was sent. The lost statement may have been applied, or may still reach the
    /// database after a later attempt.
    pub(super) may_arrive_late: bool,
}

impl BatchIdentity {
    /// The identity of a chunk of a log.
    pub(super) fn of_import(upto: LogPrefix) -> Self {
        Self { upto: Some(upto), ..Self::default() }
    }
}

/// The result of a successful attempt.
pub(super) struct Attempted {
    pub(super) imported: Imported,
    pub(super) visits: usize,
    pub(super) pageviews: u64,
    /// In the order of [`Exclusion::ALL`].
    pub(super) excluded: [u64; Exclusion::ALL.len()],
}

impl Committer {
    pub(super) fn new(connection: Arc<Connection>, rules: CountingRules) -> Self {
        let keys = Keys::new(rules.counting_mode.clone(), rules.keeps_all_time);
        let places = Places::new(&rules.named_events);
        Self {
            connection,
            rules,
            calendar: Calendar::default(),
            keys,
            places,
            seen: Seen::default(),
            generation: 0,
            finished: Vec::new(),
            has_sent: false,
        }
    }

    /// Attempts once to commit these visits.
    pub(super) async fn attempt<'v>(
        &mut self,
        visits: impl Iterator<Item = &'v Visit> + Clone,
        identity: &mut BatchIdentity,
    ) -> Result<Attempted, Failure> {
        self.has_sent = false;
        let connection = self.connection.clone();
        let mut checkout = connection.checkout().await?;
        if checkout.generation() != self.generation {
            // The server may be another one, with an older copy of the data: clear the caches.
            self.generation = checkout.generation();
            self.keys.forget();
            self.places.forget();
            self.seen = Seen::default();
        }
        if identity.ids.is_empty() {
            self.date(visits.clone(), identity);
        }
        let outcome = self.commit(&mut checkout, visits, identity).await;
        identity.may_arrive_late |= self.has_sent && matches!(outcome, Err(Failure::Lost(_)));
        checkout.release(outcome)
    }

    /// Finds the day and hour of each visit: by the log's time for an import, and by the database's clock otherwise.
    fn date<'v>(&mut self, visits: impl Iterator<Item = &'v Visit>, identity: &mut BatchIdentity) {
        let zone = &self.rules.counting_mode.zone;
        for visit in visits {
            let at = if identity.upto.is_some() { visit.at } else { self.connection.correct(visit.at) };
            let moment = self.calendar.moment(at, zone).ok();
            let minute = identity.upto.is_none().then(|| Minute::containing(at));
            identity.moments.push(moment.map(|moment| (moment, minute)));
            if let Some(moment) = moment {
                identity.ids.entry(moment.day).or_insert_with(Uuid::new_v4);
            }
        }
        if identity.upto.is_some() && identity.ids.is_empty() {
            // A chunk without visits still needs a checkpoint.
            identity.ids.insert(Day::from_number(0), Uuid::new_v4());
        }
    }

    async fn commit<'v>(
        &mut self,
        checkout: &mut Checkout<'_>,
        visits: impl Iterator<Item = &'v Visit> + Clone,
        identity: &BatchIdentity,
    ) -> Result<Attempted, Failure> {
        let mut attempts = 0;
        loop {
            let dated: Vec<(usize, Dated<'v>)> = visits
                .clone()
                .zip(&identity.moments)
                .enumerate()
                .filter_map(|(place, (visit, moment))| {
                    let (moment, minute) = (*moment)?;
                    Some((place, Dated { visit, moment, minute }))
                })
                .collect();
            match self.commit_dated(checkout, dated, identity).await {
                Ok(Some(attempted)) => return Ok(attempted),
                Ok(None) | Err(Failure::StaleKeys) => {}
                Err(failure) => return Err(failure),
            }
            self.keys.forget();
            attempts += 1;
            if attempts == MOST_STALE {
                return Err(Failure::StaleKeys);
            }
        }
    }

    /// Returns `None` if the cached keys were stale.
    async fn commit_dated<'v>(
        &mut self,
        checkout: &mut Checkout<'_>,
        mut dated: Vec<(usize, Dated<'v>)>,
        identity: &BatchIdentity,
    ) -> Result<Option<Attempted>, Failure> {
        let now = self.connection.now();
        let of_visits = dated.iter().map(|(_, Dated { visit, moment, .. })| Needed {
            site: &visit.site,
            day: Some(moment.day),
            has_visitor: visit.has_visitor(),
        });
        let of_checkpoint = identity.upto.iter().map(|upto| Needed { site: &upto.site, day: None, has_visitor: false });
        let lease_until = identity.upto.is_some().then(|| now + IMPORT_LEASE);
        self.keys.open(checkout, now, of_visits.chain(of_checkpoint), lease_until).await?;
        let mut imported = Imported { applied: true, ..Imported::default() };
        let mut checkpoint = None;
        if let Some(LogPrefix { site, digest, bytes }) = &identity.upto {
            let site = self.keys.site(site).expect("its keys are open").id;
            let bytes = i64::try_from(*bytes).unwrap_or(i64::MAX);
            checkpoint = Some(Checkpoint { site, digest: *digest, bytes });
            // Report the lines of a closed period instead of counting them.
            dated.retain(|(place, Dated { visit, moment, .. })| {
                let is_closed = visit.has_visitor() && self.keys.period(site, moment.day).is_none();
                if is_closed {
                    imported.closed.push(*place);
                }
                !is_closed
            });
        }
        let (places, dated): (Vec<usize>, Vec<Dated<'v>>) = dated.into_iter().unzip();
        let mut ids = identity.ids.clone();
        ids.retain(|day, _| dated.iter().any(|dated| dated.moment.day == *day));
        if ids.is_empty() {
            if checkpoint.is_none() {
                return Ok(Some(Attempted { imported, visits: 0, pageviews: 0, excluded: Default::default() }));
            }
            ids.extend(identity.ids.first_key_value().map(|(day, id)| (*day, *id)));
        }
        let today = Day::containing(now, &self.rules.counting_mode.zone).unwrap_or(Day::from_number(0));
        let admissions = self.places.admit(checkout, &self.keys, &dated).await?;
        let with_cells = self.rules.smallest_group.is_some();
        let known =
            Known { keys: &self.keys, places: &self.places, admissions: &admissions, seen: &self.seen, with_cells };
        let Aggregate { mut batch, fingerprints, pageviews, excluded } = aggregate(&dated, &ids, today, known);
        batch.checkpoint = checkpoint;
        batch.finished.clone_from(&self.finished);
        self.has_sent = true;
        let outcome = store::commit(checkout, &batch, self.rules.counting_mode.forget).await?;
        // After a lost response, later commits may hide whether a visit was late.
        let late_is_unknown = matches!(outcome, Outcome::AppliedBefore(_));
        let mut late = HashSet::new();
        match outcome {
            Outcome::StaleKeys => return Ok(None),
            // A visitor may be late for one day and not for another, so keep the day too.
            Outcome::Applied(unplaced) | Outcome::AppliedBefore(unplaced) => {
                late.extend(unplaced.into_iter().map(|(part, fingerprint)| (batch.parts[part].day, fingerprint)));
            }
            Outcome::CountedBefore => imported.applied = false,
        }
        self.finished.clear();
        if !identity.may_arrive_late {
            // The ids of a lost batch stay until maintenance deletes them by age.
            self.finished.extend(batch.parts.iter().map(|part| part.id));
        }
        if imported.applied {
            self.places.keep();
            for part in &batch.parts {
                for visitor in &part.visitors {
                    let may_be_late = late_is_unknown && part.may_be_late;
                    if !may_be_late && !late.contains(&(part.day, visitor.fingerprint)) {
                        self.seen.insert(visitor.fingerprint, part.day);
                    }
                }
            }
            if !late.is_empty() {
                let is_late =
                    |(place, fingerprint): &(usize, _)| late.contains(&(dated[*place].moment.day, *fingerprint));
                imported.late =
                    fingerprints.iter().filter(|visit| is_late(visit)).map(|(place, _)| places[*place]).collect();
            }
        }
        Ok(Some(Attempted { imported, visits: dated.len(), pageviews, excluded }))
    }
}
