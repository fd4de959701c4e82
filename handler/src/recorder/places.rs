//! The places of a day's lists: which values are counted under their own name, and which as [`OTHER`].
//!
//! A list has a limited number of places, and one network can add only some new values to it. So no network can fill a list with made-up
//! values. A value that was listed in the last days has a place in any case.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    hash::{BuildHasher, RandomState},
};

use super::{dated::Dated, generations::Generations, keys::Keys};
use crate::{
    domain::{
        Classification, Day, Dimension, Fingerprint, TallyKey, Visit,
        dimension::{OTHER, REMEMBERED_DAYS, VALUES_A_NETWORK},
        identity::fingerprint::network_fingerprint,
    },
    store::{self, Addition, Checkout, DayList, Failure, SiteId, Standing, Standings},
};

/// The values that have a place. The cache is valid for one server, and is cleared when the connection reaches another one.
pub(super) struct Places {
    named_events: HashSet<String>,
    /// Whether values have a place in the database, by their hash. A value that is not in the cache is looked up. If two values ever had
    /// the same hash, one of them would get a place more than the list has, or none.
    known: Generations<bool>,
    hasher: RandomState,
    /// Values that get a place with the current batch.
    admitted: HashMap<DayList, HashSet<String>>,
    /// Hashes of values for which the current batch finds a full list. The list stays full until the day has ended.
    without_place: Vec<u64>,
}

/// The effect of a batch on the lists.
#[derive(Default)]
pub(super) struct Admissions {
    /// The number of values that each network adds to each list.
    added: BTreeMap<(DayList, Fingerprint), u8>,
    /// The visits with a value that gets no place, because their network has added too many. By index.
    pub(super) refused: BTreeSet<usize>,
}

impl Admissions {
    /// The additions of a day.
    pub(super) fn on(&self, day: Day) -> Vec<Addition> {
        let of_day = self.added.iter().filter(|((list, _), added)| list.day == day && **added > 0);
        let addition = |((list, network), added): (&(DayList, Fingerprint), &u8)| Addition {
            site: list.site,
            dimension: TallyKey::Of(list.dimension),
            network: *network,
            added: i16::from(*added),
        };
        of_day.map(addition).collect()
    }
}

/// How many networks are asked for a place for a value in one batch. Each more of them would be one more row to look up.
const SPONSORS: usize = 3;

/// A value without a known place.
struct Candidate<'v> {
    list: DayList,
    value: &'v str,
    /// The first networks that bring the value. One of them adds it.
    sponsors: Vec<Fingerprint>,
    /// The visits with the value, by index.
    visits: Vec<usize>,
}

impl Places {
    pub(super) fn new(named_events: &[String]) -> Self {
        Self {
            named_events: named_events.iter().cloned().collect(),
            known: Generations::default(),
            hasher: RandomState::new(),
            admitted: HashMap::new(),
            without_place: Vec::new(),
        }
    }

    /// Clears the cache, because it may be outdated.
    pub(super) fn forget(&mut self) {
        self.known = Generations::default();
        self.start_batch();
    }

    fn start_batch(&mut self) {
        self.admitted.clear();
        self.without_place.clear();
    }

    /// Decides which values of these visits get a place. The sites must be in `keys`.
    pub(super) async fn admit(
        &mut self,
        checkout: &mut Checkout<'_>,
        keys: &Keys,
        visits: &[Dated<'_>],
    ) -> Result<Admissions, Failure> {
        self.start_batch();
        let mut candidates: Vec<Candidate<'_>> = Vec::new();
        let mut indexes: HashMap<(DayList, &str), usize> = HashMap::new();
        for (index, Dated { visit, moment, .. }) in visits.iter().enumerate() {
            let Some(site) = keys.site(&visit.site) else { continue };
            let mut network = None;
            for (dimension, value) in counted_values(visit) {
                let list = DayList { site: site.id, day: moment.day, dimension };
                let hash = self.hash(list, value);
                if self.known.renew(hash).is_some() {
                    continue;
                }
                let network = *network.get_or_insert_with(|| {
                    let key = keys.networks(moment.day).expect("keys are opened before places are decided");
                    network_fingerprint(&key, visit.network)
                });
                let candidate = *indexes.entry((list, value)).or_insert_with(|| {
                    candidates.push(Candidate { list, value, sponsors: Vec::new(), visits: Vec::new() });
                    candidates.len() - 1
                });
                let Candidate { sponsors, visits, .. } = &mut candidates[candidate];
                visits.push(index);
                if sponsors.len() < SPONSORS && !sponsors.contains(&network) {
                    sponsors.push(network);
                }
            }
        }
        if candidates.is_empty() {
            return Ok(Admissions::default());
        }
        // The order is that of the visits, day by day.
        candidates.sort_by_key(|candidate| candidate.list.day);
        let values: Vec<_> = candidates.iter().map(|candidate| (candidate.list, candidate.value)).collect();
        let sponsors = |candidate: &Candidate<'_>| {
            candidate.sponsors.iter().map(|network| (candidate.list, *network)).collect::<Vec<_>>()
        };
        let networks: HashSet<_> = candidates.iter().flat_map(sponsors).collect();
        let networks = Vec::from_iter(networks);
        let Standings { values: standings, listed, added } =
            store::read_standings(checkout, &values, &networks).await?;
        let mut state =
            State { listed: listed.into_iter().collect(), added: networks.into_iter().zip(added).collect() };
        let mut admissions = Admissions::default();
        for (candidate, standing) in candidates.iter().zip(standings) {
            self.decide(candidate, standing, &mut state, &mut admissions);
        }
        Ok(admissions)
    }

    /// Call this after the commit of the batch: its values have a place now, and its lists are as full as the batch found them.
    pub(super) fn keep(&mut self) {
        for hash in self.without_place.drain(..) {
            self.known.insert(hash, false);
        }
        for (list, values) in std::mem::take(&mut self.admitted) {
            for value in values {
                self.known.insert(self.hash(list, &value), true);
            }
        }
    }

    /// The counted form of a value: the value itself, or [`OTHER`].
    pub(super) fn counted_as<'v>(&self, site: SiteId, day: Day, dimension: Dimension, value: &'v str) -> &'v str {
        if self.lists(DayList { site, day, dimension }, value) { value } else { OTHER }
    }

    fn lists(&self, list: DayList, value: &str) -> bool {
        self.admits(list, value) || self.known.get(self.hash(list, value)) == Some(true)
    }

    fn hash(&self, list: DayList, value: &str) -> u64 {
        self.hasher.hash_one((list, value))
    }

    fn admits(&self, list: DayList, value: &str) -> bool {
        self.admitted.get(&list).is_some_and(|values| values.contains(value))
    }

    fn decide(
        &mut self,
        candidate: &Candidate<'_>,
        standing: Standing,
        state: &mut State,
        admissions: &mut Admissions,
    ) {
        let Candidate { list, value, sponsors, visits } = candidate;
        let listed = state.listed.entry(*list).or_default();
        let places = list.dimension.values_a_day();
        // An earlier day of the batch may have listed the value.
        let was_admitted = |back: i32| self.admits(DayList { day: list.day.plus(-back), ..*list }, value);
        let is_remembered = standing == Standing::Remembered || (1..=REMEMBERED_DAYS).any(was_admitted);
        let is_named = list.dimension == Dimension::Event && self.named_events.contains(*value);
        // Remembered values have as many places again, so that new values can't take them.
        let places = if is_remembered { 2 * places } else { places };
        let has_place = if standing == Standing::Listed || is_named {
            true
        } else if *listed >= places {
            self.without_place.push(self.hash(*list, value));
            false
        } else if is_remembered {
            true
        } else {
            let added = |network: &Fingerprint| state.added.get(&(*list, *network)).copied().unwrap_or_default();
            let sponsor = sponsors.iter().find(|network| added(network) < VALUES_A_NETWORK);
            if let Some(network) = sponsor {
                *state.added.entry((*list, *network)).or_default() += 1;
                *admissions.added.entry((*list, *network)).or_default() += 1;
            } else {
                admissions.refused.extend(visits);
            }
            sponsor.is_some()
        };
        if has_place {
            // The database has counted what is listed.
            *listed += usize::from(standing != Standing::Listed);
            self.admitted.entry(*list).or_default().insert((*value).to_owned());
        }
    }
}

/// The state of the lists, updated with each decision.
struct State {
    listed: HashMap<DayList, usize>,
    added: HashMap<(DayList, Fingerprint), u8>,
}

/// The values under which a visit is counted.
fn counted_values(visit: &Visit) -> impl Iterator<Item = (Dimension, &str)> {
    let is_excluded = matches!(visit.classification, Classification::Excluded(_));
    let values = visit.values.iter().map(|(dimension, value)| (*dimension, &**value));
    values.filter(move |(dimension, _)| dimension.counts(is_excluded))
}
