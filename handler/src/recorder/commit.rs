//! One try to commit visits, over a connection that may be another one each time.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use uuid::Uuid;

use super::{
    Imported, LogPrefix,
    batch_builder::{Aggregate, Dated, aggregate},
    keys::Keys,
    seen::Seen,
};
use crate::{
    domain::CountingRules,
    domain::{Classification, Day, Exclusion, Minute, Moment, Visit, calendar::Calendar},
    store::{self, Checkout, Checkpoint, Connection, Failure, Outcome},
};

/// How many times keys may turn out stale within one try: two would be many.
const MOST_STALE: usize = 5;

/// Commits batches, and remembers what spares the database work.
pub(super) struct Committer {
    connection: Arc<Connection>,
    rules: CountingRules,
    calendar: Calendar,
    keys: Keys,
    seen: Seen,
    /// Over which of the connection's sessions the keys and what was seen were learnt.
    generation: u64,
    /// Ids whose outcome is known: the next batch takes them out of the database.
    finished: Vec<Uuid>,
}

/// What a batch is from its first try to its last: the moments of its visits and the ids of its days. They stay the same however
/// often it is sent, because that is how the database knows it again.
#[derive(Default)]
pub(super) struct BatchIdentity {
    upto: Option<LogPrefix>,
    /// `None`: a time outside what can be counted.
    moments: Vec<Option<(Moment, Option<Minute>)>>,
    ids: BTreeMap<Day, Uuid>,
    /// Whether it may have been lost on the way: then it may also arrive late, when it has been sent again long ago.
    may_arrive_late: bool,
}

impl BatchIdentity {
    /// Of a chunk of a log.
    pub(super) fn of_import(upto: LogPrefix) -> Self {
        Self { upto: Some(upto), ..Self::default() }
    }
}

/// What a try has done.
pub(super) struct Attempted {
    pub(super) imported: Imported,
    pub(super) visits: usize,
    pub(super) pageviews: u64,
    /// In the order of [`Exclusion::ALL`].
    pub(super) excluded: [u64; Exclusion::ALL.len()],
}

impl Committer {
    pub(super) fn new(connection: Arc<Connection>, rules: CountingRules) -> Self {
        let keys = Keys::new(rules.foundation.clone(), rules.keeps_all_time);
        Self {
            connection,
            rules,
            calendar: Calendar::default(),
            keys,
            seen: Seen::default(),
            generation: 0,
            finished: Vec::new(),
        }
    }

    /// One try to commit these visits.
    pub(super) async fn attempt<'v>(
        &mut self,
        visits: impl Iterator<Item = &'v Visit> + Clone,
        identity: &mut BatchIdentity,
    ) -> Result<Attempted, Failure> {
        let connection = self.connection.clone();
        let mut checkout = connection.checkout().await?;
        if checkout.generation() != self.generation {
            // It may be another server, which an older copy was restored to: what it holds has to be learnt again.
            self.generation = checkout.generation();
            self.keys.forget();
            self.seen = Seen::default();
        }
        if identity.ids.is_empty() {
            self.date(visits.clone(), identity);
        }
        let outcome = self.commit(&mut checkout, visits, identity).await;
        identity.may_arrive_late |= matches!(outcome, Err(Failure::Lost(_)));
        checkout.release(outcome)
    }

    /// Finds the day and hour of each visit, by the database's clock unless a log says when it was.
    fn date<'v>(&mut self, visits: impl Iterator<Item = &'v Visit>, identity: &mut BatchIdentity) {
        let zone = &self.rules.foundation.zone;
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
            // A chunk without any page has a checkpoint all the same.
            identity.ids.insert(Day::from_number(0), Uuid::new_v4());
        }
    }

    async fn commit<'v>(
        &mut self,
        checkout: &mut Checkout<'_>,
        visits: impl Iterator<Item = &'v Visit> + Clone,
        identity: &BatchIdentity,
    ) -> Result<Attempted, Failure> {
        let mut tries = 0;
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
                Ok(None) => {}
                // The set of a period is gone that was believed to be open.
                Err(failure) if failure.violates_check() && tries == 0 => {}
                Err(failure) => return Err(failure),
            }
            self.keys.forget_periods();
            tries += 1;
            if tries == MOST_STALE {
                return Err(Failure::stale_keys());
            }
        }
    }

    /// `None`: which periods are open was not known.
    async fn commit_dated<'v>(
        &mut self,
        checkout: &mut Checkout<'_>,
        mut dated: Vec<(usize, Dated<'v>)>,
        identity: &BatchIdentity,
    ) -> Result<Option<Attempted>, Failure> {
        let now = self.connection.now();
        let is_visitor = |visit: &Visit| matches!(visit.classification, Classification::Visitor(_));
        let needed = dated.iter().map(|(_, Dated { visit, moment, .. })| (*visit, moment.day, is_visitor(visit)));
        self.keys.open(checkout, now, needed, identity.upto.is_some()).await?;
        let mut imported = Imported { applied: true, ..Imported::default() };
        let mut checkpoint = None;
        if let Some(LogPrefix { site, digest, bytes }) = &identity.upto {
            let site = self.keys.open_site(checkout, site).await?;
            checkpoint = Some(Checkpoint { digest: *digest, bytes: *bytes, site });
            // Lines of a closed period are named, not counted.
            dated.retain(|(place, Dated { visit, moment, .. })| {
                let is_closed = is_visitor(visit) && self.keys.period(site, moment.day).is_none();
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
        let today = Day::containing(now, &self.rules.foundation.zone).unwrap_or(Day::from_number(0));
        let Aggregate { mut batch, fingerprints, pageviews, excluded } =
            aggregate(&dated, &ids, today, &mut self.keys, &self.seen);
        batch.checkpoint = checkpoint;
        batch.finished.clone_from(&self.finished);
        let outcome = store::commit(checkout, &batch, self.rules.foundation.forget).await?;
        // Once an answer was lost, who came too late can be told only as long as nobody has come after.
        let late_is_unknown = matches!(outcome, Outcome::AppliedBefore(_));
        let mut late = HashSet::new();
        match outcome {
            Outcome::StaleKeys => return Ok(None),
            // One who comes too late for a day may be placed on another.
            Outcome::Applied(unplaced) | Outcome::AppliedBefore(unplaced) => {
                late.extend(unplaced.into_iter().map(|(part, fingerprint)| (batch.parts[part].day, fingerprint)));
            }
            Outcome::CountedBefore => imported.applied = false,
        }
        self.finished.clear();
        if !identity.may_arrive_late {
            // Otherwise its ids stay until maintenance finds them old enough.
            self.finished.extend(batch.parts.iter().map(|part| part.id));
        }
        if imported.applied {
            for part in &batch.parts {
                for visitor in &part.visitors {
                    let may_be_late = late_is_unknown && visitor.late_views.is_some();
                    if !may_be_late && !late.contains(&(part.day, visitor.fingerprint)) {
                        self.seen.insert(visitor.fingerprint, part.day);
                    }
                }
            }
            for register in &batch.registers {
                self.keys.raise(register.site, register.register, register.rank);
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
