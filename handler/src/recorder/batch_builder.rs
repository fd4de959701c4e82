//! Builds a batch from visits: the visitors who may be new, and the counters to raise. Pure functions: keys and seen fingerprints
//! are arguments.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, hash_map::Entry},
};

use uuid::Uuid;

use super::{
    dated::Dated,
    generations::KeyHasher,
    keys::{Keys, OpenPeriod, Site},
    places::{Admissions, Places},
    seen::Seen,
};
use crate::{
    domain::{
        Classification, Day, Dimension, Exclusion, Fingerprint, Minute, Moment, TallyKey, Uniqueness, VisitKind,
        VisitorKey,
        cells::Profile,
        identity::all_time,
        identity::fingerprint::{Scope, fingerprint},
    },
    store::{
        Batch, CellCounter, CohortId, Counter, CounterIndex, Link, MinuteViews, Part, Register, Role, SiteId,
        SitePeriods, Visitor,
    },
};

/// A batch, and facts about its visits that the committer needs after the commit.
pub(super) struct Aggregate {
    pub(super) batch: Batch,
    /// The index and site-wide fingerprint of visits, to report late visits of an import.
    pub(super) fingerprints: Vec<(usize, Fingerprint)>,
    pub(super) pageviews: u64,
    /// The number of views not counted in full, in the order of [`Exclusion::ALL`].
    pub(super) excluded: [u64; Exclusion::ALL.len()],
}

/// The effect of a visit on counters, independent of the visitor.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Effect {
    Visitor,
    Pageview(Exclusion),
    Excluded(Exclusion),
}

/// The properties of a visit that determine its counters.
#[derive(PartialEq, Eq, Hash)]
struct Signature<'v> {
    site: SiteId,
    hour: u8,
    kind: VisitKind,
    effect: Effect,
    values: &'v [(Dimension, Cow<'static, str>)],
    /// `None` if no cells are counted.
    profile: Option<&'v Profile>,
}

/// The visits of one signature.
struct SignatureVisits<'v> {
    visits: i64,
    /// The cohort of visitors who are new to the site on this day.
    site_cohort: CohortId,
    /// The values with their own visitors: dimension, counted value and cohort.
    values: Vec<(Dimension, &'v str, CohortId)>,
}

/// The facts about the visits of a batch that the recorder has collected.
#[derive(Clone, Copy)]
pub(super) struct Known<'v> {
    /// The keys of all sites and days.
    pub(super) keys: &'v Keys,
    pub(super) places: &'v Places,
    pub(super) admissions: &'v Admissions,
    pub(super) seen: &'v Seen,
    /// Whether visitors are also counted by profile.
    pub(super) with_cells: bool,
}

/// Aggregates visits into a batch. `ids` are the ids of the days' parts. A day before `today` may be
/// late.
pub(super) fn aggregate<'v>(
    visits: &[Dated<'v>],
    ids: &BTreeMap<Day, Uuid>,
    today: Day,
    known: Known<'v>,
) -> Aggregate {
    let mut aggregate =
        Aggregate { batch: Batch::default(), fingerprints: Vec::new(), pageviews: 0, excluded: Default::default() };
    let mut ranks: BTreeMap<(SiteId, u16), u8> = BTreeMap::new();
    for (day, id) in ids {
        let mut part = PartBuilder::new(*id, *day, *day < today, known);
        for (place, dated) in visits.iter().enumerate() {
            if dated.moment.day == *day {
                part.add(place, dated, &mut ranks, &mut aggregate);
            }
        }
        aggregate.batch.parts.push(part.finish());
    }
    let register = |((site, register), rank): ((SiteId, u16), u8)| Register {
        site,
        register: i16::try_from(register).expect("there are 4096 registers"),
        rank: rank.into(),
    };
    aggregate.batch.registers = ranks.into_iter().map(register).collect();
    aggregate
}

type Visitors = HashMap<Fingerprint, Visitor, std::hash::BuildHasherDefault<KeyHasher>>;

/// Builds the part of one day.
struct PartBuilder<'v> {
    part: Part,
    known: Known<'v>,
    groups: HashMap<Signature<'v>, SignatureVisits<'v>>,
    visitors: Visitors,
    counters: HashMap<(SiteId, TallyKey, Cow<'v, str>), CounterIndex>,
    minutes: BTreeMap<(SiteId, Minute), i64>,
    /// The cohort of each counter with its own visitors, and of each profile.
    value_cohorts: HashMap<(CounterIndex, Option<&'v Profile>), CohortId>,
    /// The cell of each counter and profile.
    cells: HashMap<(CounterIndex, &'v Profile), CounterIndex>,
    /// The number of cohorts.
    cohorts: i32,
    message: Vec<u8>,
}

impl<'v> PartBuilder<'v> {
    fn new(id: Uuid, day: Day, may_be_late: bool, known: Known<'v>) -> Self {
        let part = Part {
            id,
            day,
            may_be_late,
            sites: vec![],
            visitors: vec![],
            links: vec![],
            counters: vec![],
            cells: vec![],
            minutes: vec![],
            additions: known.admissions.on(day),
        };
        Self {
            part,
            known,
            groups: HashMap::new(),
            visitors: Visitors::default(),
            counters: HashMap::new(),
            minutes: BTreeMap::new(),
            value_cohorts: HashMap::new(),
            cells: HashMap::new(),
            cohorts: 0,
            message: Vec::with_capacity(512),
        }
    }

    fn add(
        &mut self,
        place: usize,
        dated: &Dated<'v>,
        ranks: &mut BTreeMap<(SiteId, u16), u8>,
        aggregate: &mut Aggregate,
    ) {
        let Dated { visit, moment: Moment { hour, .. }, minute } = *dated;
        let site = self.known.keys.site(&visit.site).expect("sites are opened before visits are aggregated");
        let period = self.known.keys.period(site.id, self.part.day);
        let effect = match &visit.classification {
            Classification::Visitor(_) if period.is_none() => Effect::Pageview(Exclusion::Late),
            Classification::Visitor(_) => Effect::Visitor,
            Classification::Pageview(exclusion) => Effect::Pageview(*exclusion),
            Classification::Excluded(exclusion) => Effect::Excluded(*exclusion),
        };
        if visit.kind == VisitKind::View && !matches!(effect, Effect::Excluded(_)) {
            aggregate.pageviews += 1;
            if let Some(minute) = minute {
                *self.minutes.entry((site.id, minute)).or_default() += 1;
            }
        }
        if visit.kind == VisitKind::View
            && let Effect::Pageview(exclusion) | Effect::Excluded(exclusion) = effect
        {
            aggregate.excluded[exclusion as usize] += 1;
        }
        if self.known.admissions.refused.contains(&place) {
            self.raise(site.id, TallyKey::Exclusion, Cow::Borrowed(Exclusion::TooManyValues.name()), 1);
            aggregate.excluded[Exclusion::TooManyValues as usize] += 1;
        }
        let profile = self.known.with_cells.then_some(&visit.profile);
        let signature = Signature { site: site.id, hour, kind: visit.kind, effect, values: &visit.values, profile };
        // Two look-ups, because `open_group` borrows the whole builder.
        if !self.groups.contains_key(&signature) {
            let group = self.open_group(&signature);
            self.groups.insert(Signature { ..signature }, group);
        }
        let group = self.groups.get_mut(&signature).expect("it was just made");
        group.visits += 1;
        let (Classification::Visitor(client), Effect::Visitor, Some(period)) = (&visit.classification, effect, period)
        else {
            return;
        };
        let visitor = PeriodVisitor { name: &visit.site, client, period };
        let mut candidates = Candidates {
            day: self.part.day,
            seen: self.known.seen,
            visitors: &mut self.visitors,
            message: &mut self.message,
        };
        let mut is_new_somewhere = group.values.is_empty();
        for (dimension, value, cohort) in &group.values {
            let scope = Scope::Value(*dimension, value);
            is_new_somewhere |= visitor.add_candidate(scope, *cohort, 0, &mut candidates).1;
        }
        if visit.kind == VisitKind::Event {
            return;
        }
        // A visitor seen on this page today was seen on the site today, in the same commit or an earlier one.
        if !is_new_somewhere && !self.part.may_be_late {
            return;
        }
        let (hash, is_new) = visitor.add_candidate(Scope::Site, group.site_cohort, 1, &mut candidates);
        aggregate.fingerprints.push((place, hash));
        if is_new {
            observe(&site, &visit.site, client, &mut self.message, ranks);
        }
    }

    /// Creates the group of a signature, with its cohorts and the counters that the cohorts raise.
    fn open_group(&mut self, signature: &Signature<'v>) -> SignatureVisits<'v> {
        let Signature { site, hour, kind, effect, values, profile } = *signature;
        let mut group = SignatureVisits { visits: 0, site_cohort: CohortId::new(0), values: Vec::new() };
        if effect != Effect::Visitor {
            return group;
        }
        if kind == VisitKind::View {
            group.site_cohort = self.new_cohort();
            let total = self.counter(site, TallyKey::Total, Cow::Borrowed(""));
            self.link(group.site_cohort, total, Role::Visitors);
            self.link_cell(group.site_cohort, total, profile);
            let hour = self.counter(site, TallyKey::Hour, hour_name(hour));
            self.link(group.site_cohort, hour, Role::VisitorsOfTheHour);
            if self.part.may_be_late {
                let late = self.counter(site, TallyKey::Exclusion, Cow::Borrowed(Exclusion::Late.name()));
                self.link(group.site_cohort, late, Role::LateViews);
            }
        }
        for (dimension, value) in values {
            let value = self.known.places.counted_as(site, self.part.day, *dimension, value);
            let counter = self.counter(site, TallyKey::Of(*dimension), Cow::Borrowed(value));
            match dimension.uniqueness() {
                Uniqueness::OncePerDay => self.link(group.site_cohort, counter, Role::Visitors),
                Uniqueness::RequestsOnly | Uniqueness::ViewsOnly => {}
                Uniqueness::PerValue => {
                    let cohort = self.value_cohort(counter, profile);
                    group.values.push((*dimension, value, cohort));
                }
            }
        }
        group
    }

    fn value_cohort(&mut self, counter: CounterIndex, profile: Option<&'v Profile>) -> CohortId {
        if let Some(cohort) = self.value_cohorts.get(&(counter, profile)) {
            return *cohort;
        }
        let cohort = self.new_cohort();
        self.value_cohorts.insert((counter, profile), cohort);
        self.link(cohort, counter, Role::Visitors);
        self.link_cell(cohort, counter, profile);
        cohort
    }

    /// Lets a cohort also raise the cell of a counter and the cohort's profile.
    fn link_cell(&mut self, cohort: CohortId, counter: CounterIndex, profile: Option<&'v Profile>) {
        let Some(profile) = profile else { return };
        let cell = match self.cells.entry((counter, profile)) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let Counter { site, key, ref value, .. } = self.part.counters[counter.offset()];
                self.part.cells.push(CellCounter { site, key, value: value.clone(), profile: profile.text() });
                *entry.insert(CounterIndex::last_cell_of(self.part.cells.len()))
            }
        };
        self.link(cohort, cell, Role::Visitors);
    }

    fn new_cohort(&mut self) -> CohortId {
        self.cohorts += 1;
        CohortId::new(self.cohorts)
    }

    fn link(&mut self, cohort: CohortId, counter: CounterIndex, role: Role) {
        self.part.links.push(Link { cohort, counter, role });
    }

    /// Returns the index of a counter. Creates the counter if needed.
    fn counter(&mut self, site: SiteId, key: TallyKey, value: Cow<'v, str>) -> CounterIndex {
        match self.counters.entry((site, key, value)) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let value = entry.key().2.clone().into_owned();
                self.part.counters.push(Counter { site, key, value, pageviews: 0 });
                *entry.insert(CounterIndex::last_of(self.part.counters.len()))
            }
        }
    }

    fn raise(&mut self, site: SiteId, key: TallyKey, value: Cow<'v, str>, views: i64) {
        let counter = self.counter(site, key, value);
        self.part.counters[counter.offset()].pageviews += views;
    }

    fn finish(mut self) -> Part {
        for (Signature { site, hour, kind, effect, values, .. }, group) in std::mem::take(&mut self.groups) {
            let is_excluded = matches!(effect, Effect::Excluded(_));
            if kind == VisitKind::View {
                if let Effect::Pageview(exclusion) | Effect::Excluded(exclusion) = effect {
                    self.raise(site, TallyKey::Exclusion, Cow::Borrowed(exclusion.name()), group.visits);
                }
                if !is_excluded {
                    self.raise(site, TallyKey::Total, Cow::Borrowed(""), group.visits);
                    self.raise(site, TallyKey::Hour, hour_name(hour), group.visits);
                }
            }
            for (dimension, value) in values {
                if !dimension.counts(is_excluded) {
                    continue;
                }
                let value = self.known.places.counted_as(site, self.part.day, *dimension, value);
                self.raise(site, TallyKey::Of(*dimension), Cow::Borrowed(value), group.visits);
            }
            if effect == Effect::Visitor
                && !self.part.sites.iter().any(|known| known.site == site)
                && let Some(period) = self.known.keys.period(site, self.part.day)
            {
                let open = |salt: &Option<_>| self.known.keys.reaches_beyond().then_some(salt.is_some());
                let (previous_is_open, next_is_open) = (open(&period.previous), open(&period.next));
                self.part.sites.push(SitePeriods { site, previous_is_open, next_is_open });
            }
        }
        self.part.visitors = self.visitors.into_values().collect();
        let views = |((site, minute), pageviews)| MinuteViews { site, minute, pageviews };
        self.part.minutes = self.minutes.into_iter().map(views).collect();
        // Sort visitors by fingerprint, so that all instances insert them in the same order.
        self.part.visitors.sort_unstable();
        self.part
    }
}

/// A visitor in a period.
struct PeriodVisitor<'v> {
    name: &'v str,
    client: &'v VisitorKey,
    period: &'v OpenPeriod,
}

/// Visitors who may be new on a day, and the state needed to add one.
struct Candidates<'b> {
    day: Day,
    seen: &'b Seen,
    visitors: &'b mut Visitors,
    /// A buffer for the input of the fingerprint.
    message: &'b mut Vec<u8>,
}

impl PeriodVisitor<'_> {
    /// Adds the visitor's fingerprint in a scope to the candidates, unless the fingerprint is known for the day. Returns the
    /// fingerprint, and whether it was unknown.
    fn add_candidate(
        &self,
        scope: Scope<'_>,
        cohort: CohortId,
        views: i32,
        candidates: &mut Candidates<'_>,
    ) -> (Fingerprint, bool) {
        let OpenPeriod { salt, previous, next, .. } = self.period;
        let Candidates { day, seen, visitors, message } = candidates;
        let hash = fingerprint(salt, self.name, scope, self.client, message);
        if seen.contains(hash, *day) {
            return (hash, false);
        }
        match visitors.entry(hash) {
            Entry::Occupied(mut entry) => {
                entry.get_mut().views += views;
            }
            Entry::Vacant(entry) => {
                let mut under = |salt: &Option<_>| {
                    salt.as_ref().map(|salt| fingerprint(salt, self.name, scope, self.client, message))
                };
                let (previous, next) = (under(previous), under(next));
                entry.insert(Visitor { fingerprint: hash, cohort, previous, next, views });
            }
        }
        (hash, true)
    }
}

/// Adds the visitor to the all-time estimate, if the estimate is on and the visitor raises a register.
fn observe(
    site: &Site,
    name: &str,
    client: &VisitorKey,
    message: &mut Vec<u8>,
    ranks: &mut BTreeMap<(SiteId, u16), u8>,
) {
    let Some(salt) = &site.all_time else { return };
    let all_time::Observation { register, rank } =
        all_time::observe(fingerprint(salt, name, Scope::Site, client, message));
    let raised = ranks.entry((site.id, register)).or_default();
    *raised = rank.max(*raised);
}

/// The counted value of an hour: the number of full hours since the start of the day.
fn hour_name(hour: u8) -> Cow<'static, str> {
    Cow::Owned(hour.to_string())
}
