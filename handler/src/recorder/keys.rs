//! The recorder's cache of sites, of salts of open periods, and of keys of networks. Fingerprints and counters need these keys. The
//! cache is valid for one server, and is cleared when the connection reaches another one.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use crate::{
    domain::{CountingMode, Day, Period, Salt, SiteName},
    store::{self, Checkout, Failure, KeyRequest, OpenedKeys, PeriodOffer, SiteId},
};

/// The cached keys. Keys are stored only in the database.
pub(super) struct Keys {
    counting_mode: CountingMode,
    keeps_all_time: bool,
    sites: HashMap<SiteName, Site>,
    /// `None`: the period is closed.
    periods: HashMap<(SiteId, Period), Option<OpenPeriod>>,
    /// When the first of the periods ends.
    first_end: Option<Timestamp>,
    /// The keys under which the networks of a day are hashed.
    networks: BTreeMap<Day, Salt>,
}

/// A site that is being counted.
#[derive(Clone, Copy)]
pub(super) struct Site {
    pub(super) id: SiteId,
    /// The salt of the all-time estimate, if the estimate is on.
    pub(super) all_time: Option<Salt>,
}

/// A period in which visitors can be distinguished.
pub(super) struct OpenPeriod {
    pub(super) salt: Salt,
    /// The salt of the previous period, if that period is open and the mode compares periods.
    pub(super) previous: Option<Salt>,
    /// The salt of the next period, likewise.
    pub(super) next: Option<Salt>,
    keep_until: Timestamp,
}

/// A site whose keys are needed, and the day, if any.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Needed<'v> {
    pub(super) site: &'v SiteName,
    pub(super) day: Option<Day>,
    /// Whether visitors of the day are distinguished.
    pub(super) has_visitor: bool,
}

impl Keys {
    pub(super) fn new(counting_mode: CountingMode, keeps_all_time: bool) -> Self {
        Self {
            counting_mode,
            keeps_all_time,
            sites: HashMap::new(),
            periods: HashMap::new(),
            first_end: None,
            networks: BTreeMap::new(),
        }
    }

    /// Clears the cache, because it may be outdated.
    pub(super) fn forget(&mut self) {
        self.sites.clear();
        self.networks.clear();
        self.periods.clear();
        self.first_end = None;
    }

    pub(super) fn site(&self, name: &SiteName) -> Option<Site> {
        self.sites.get(name).copied()
    }

    /// The period of a site's day, if it is open.
    pub(super) fn period(&self, site: SiteId, day: Day) -> Option<&OpenPeriod> {
        self.periods.get(&(site, self.counting_mode.forget.period(day)))?.as_ref()
    }

    /// The key under which networks of a day are hashed.
    pub(super) fn networks(&self, day: Day) -> Option<Salt> {
        self.networks.get(&day).copied()
    }

    /// Whether a visitor's day is compared with the previous and the next period.
    pub(super) fn reaches_beyond(&self) -> bool {
        self.counting_mode.forget.reach() > 0
    }

    /// Loads keys that are not cached, all in one statement. With `lease_until`, opened periods stay open at least until then.
    pub(super) async fn open<'v>(
        &mut self,
        checkout: &mut Checkout<'_>,
        now: Timestamp,
        needed: impl Iterator<Item = Needed<'v>>,
        lease_until: Option<Timestamp>,
    ) -> Result<(), Failure> {
        self.forget_ended(now);
        let forget = self.counting_mode.forget;
        // Sorted, so that all instances create rows in the same order.
        let mut missing: BTreeMap<(&SiteName, Option<Day>), bool> = BTreeMap::new();
        let mut last = None;
        for needed in needed {
            // Thousands of visits share the same site and day, so skip repeated look-ups.
            if last.replace(needed) != Some(needed) && !self.has(needed) {
                *missing.entry((needed.site, needed.day)).or_default() |= needed.has_visitor;
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let offer = |day| PeriodOffer {
            period: forget.period(day),
            salt: random_salt(),
            keep_until: forget.keep_until(day, &self.counting_mode.zone),
        };
        let requests: Vec<_> = missing
            .into_iter()
            .map(|((site, day), has_visitor)| KeyRequest {
                site,
                all_time: self.keeps_all_time.then(random_salt),
                day: day.map(|day| (day, random_salt())),
                period: day.filter(|_| has_visitor).map(offer),
            })
            .collect();
        let opened = store::open_keys(checkout, &requests, forget, lease_until).await?;
        for (request, keys) in requests.iter().zip(opened) {
            self.keep(request, keys, lease_until);
        }
        Ok(())
    }

    fn has(&self, Needed { site, day, has_visitor }: Needed<'_>) -> bool {
        let Some(site) = self.sites.get(site) else { return false };
        let has_keys = |day| {
            let period = (site.id, self.counting_mode.forget.period(day));
            self.networks.contains_key(&day) && (!has_visitor || self.periods.contains_key(&period))
        };
        day.is_none_or(has_keys)
    }

    fn keep(&mut self, request: &KeyRequest<'_>, keys: OpenedKeys, lease_until: Option<Timestamp>) {
        let OpenedKeys { site: id, all_time, networks, salt, previous, next } = keys;
        let all_time = all_time.filter(|_| self.keeps_all_time);
        self.sites.insert(request.site.clone(), Site { id, all_time });
        if let (Some((day, _)), Some(key)) = (request.day, networks) {
            self.networks.insert(day, key);
        }
        if let Some(PeriodOffer { period, keep_until, .. }) = request.period {
            let keep_until = lease_until.map_or(keep_until, |lease| keep_until.max(lease));
            let open = salt.map(|salt| OpenPeriod { salt, previous, next, keep_until });
            if open.is_some() {
                self.first_end = Some(self.first_end.map_or(keep_until, |first| first.min(keep_until)));
            }
            self.periods.insert((id, period), open);
        }
    }

    /// Forgets the salts of periods that have ended.
    fn forget_ended(&mut self, now: Timestamp) {
        if self.first_end.is_some_and(|end| end <= now) {
            self.periods.retain(|_, period| period.as_ref().is_none_or(|period| period.keep_until > now));
            self.first_end = self.periods.values().flatten().map(|period| period.keep_until).min();
        }
        while self.networks.len() > NETWORK_KEYS {
            self.networks.pop_first();
        }
    }
}

/// The number of cached keys of networks: more than the days of a month. An import can have years.
const NETWORK_KEYS: usize = 64;

/// 32 bytes from the operating system's generator.
fn random_salt() -> Salt {
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).expect("the operating system has a random number generator");
    Salt(salt)
}
