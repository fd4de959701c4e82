//! The recorder's cache of sites, salts of open periods, and values that are counted separately on a day. Fingerprints and counters
//! need these keys. The cache belongs to one session of the connection and is cleared with it.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use jiff::Timestamp;

use crate::{
    domain::{
        CountingMode, Day, Dimension, Forget, Period, Salt, SiteName, Visit, dimension::OTHER, identity::all_time,
    },
    store::{self, Checkout, Failure, PeriodOffer, SiteId},
};

/// The age at which a day's values are read again while their number is near the limit. Other instances may have added values.
const VALUES_AGE: Duration = Duration::from_secs(1);

/// The maximum number of cached values of all sites and days, about 10 MB. At the limit the values are cleared and read again.
const KNOWN_VALUES: usize = 100_000;

/// The cached keys. Keys are stored only in the database.
pub(super) struct Keys {
    counting_mode: CountingMode,
    keeps_all_time: bool,
    sites: HashMap<SiteName, Site>,
    /// `None`: the period is closed.
    periods: HashMap<(SiteId, Period), Option<OpenPeriod>>,
    values: HashMap<(SiteId, Day), Values>,
}

/// A site that is being counted.
pub(super) struct Site {
    pub(super) id: SiteId,
    /// The salt of the all-time estimate, if the estimate is on.
    pub(super) salt: Option<Salt>,
    /// Lower bounds of the registers, so that only raised registers are sent.
    ranks: Vec<u8>,
}

impl Site {
    pub(super) fn rank(&self, register: u16) -> u8 {
        self.ranks[usize::from(register)]
    }
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

/// The values of a site's day that are counted separately.
struct Values {
    known: HashMap<Dimension, HashSet<String>>,
    read: Instant,
}

impl Keys {
    pub(super) fn new(counting_mode: CountingMode, keeps_all_time: bool) -> Self {
        Self { counting_mode, keeps_all_time, sites: HashMap::new(), periods: HashMap::new(), values: HashMap::new() }
    }

    /// Clears the cache, because it may be outdated.
    pub(super) fn forget(&mut self) {
        self.sites.clear();
        self.values.clear();
        self.forget_periods();
    }

    /// Clears the cached periods, so that they are read from the database again.
    pub(super) fn forget_periods(&mut self) {
        self.periods.clear();
    }

    pub(super) fn site(&self, name: &SiteName) -> Option<&Site> {
        self.sites.get(name)
    }

    /// The period of a site's day, if it is open.
    pub(super) fn period(&self, site: SiteId, day: Day) -> Option<&OpenPeriod> {
        self.periods.get(&(site, self.counting_mode.forget.period(day)))?.as_ref()
    }

    /// Whether a visitor's day is compared with the previous and the next period.
    pub(super) fn reaches_beyond(&self) -> bool {
        self.counting_mode.forget.reach() > 0
    }

    /// Call this after a commit that raised this register.
    pub(super) fn raise(&mut self, site_id: SiteId, register: i16, rank: i16) {
        let site = self.sites.values_mut().find(|site| site.id == site_id);
        if let (Some(site), Ok(register), Ok(rank)) = (site, usize::try_from(register), u8::try_from(rank)) {
            site.ranks[register] = rank.max(site.ranks[register]);
        }
    }

    /// Adds a visit's values to the separately counted values of the day, up to the daily limit.
    pub(super) fn admit(&mut self, visit: &Visit, day: Day) {
        let Some(site) = self.sites.get(&visit.site) else { return };
        let Some(values) = self.values.get_mut(&(site.id, day)) else { return };
        for (dimension, value) in &visit.values {
            values.admit(*dimension, value);
        }
    }

    /// The counted form of a value: the value itself, or [`OTHER`].
    pub(super) fn counted_as<'v>(&self, site: SiteId, day: Day, dimension: Dimension, value: &'v str) -> &'v str {
        match self.values.get(&(site, day)) {
            Some(values) if values.knows(dimension, value) => value,
            _ => OTHER,
        }
    }

    /// Loads the keys of visits, from the cache or the database. With `lease_until`, periods stay open
    /// at least until then.
    pub(super) async fn open<'v>(
        &mut self,
        checkout: &mut Checkout<'_>,
        now: Timestamp,
        visits: impl Iterator<Item = (&'v Visit, Day)>,
        lease_until: Option<Timestamp>,
    ) -> Result<(), Failure> {
        self.forget_ended(now);
        // Clear values only here: the values of all these visits must stay cached until the batch is built.
        if self.values.values().map(Values::len).sum::<usize>() >= KNOWN_VALUES {
            self.values.clear();
        }
        let mut last: Option<(&SiteName, Day)> = None;
        for (visit, day) in visits {
            let site = self.open_site(checkout, &visit.site).await?;
            let values = self.values.get(&(site, day));
            if values.is_none_or(|values| values.may_lack(&visit.values)) {
                self.read_values(checkout, site, day).await?;
            }
            // Thousands of visits share the same site and day, so skip repeated look-ups.
            if visit.has_visitor() && last.replace((&visit.site, day)) != Some((&visit.site, day)) {
                self.open_period(checkout, site, day, lease_until).await?;
            }
        }
        Ok(())
    }

    /// Returns the id of a site, and loads the site if needed.
    pub(super) async fn open_site(&mut self, checkout: &mut Checkout<'_>, name: &SiteName) -> Result<SiteId, Failure> {
        if let Some(site) = self.sites.get(name) {
            return Ok(site.id);
        }
        let offered = self.keeps_all_time.then(random_salt);
        let store::OpenedSite { id, salt } = store::open_site(checkout, name, offered).await?;
        let mut ranks = vec![0; all_time::REGISTERS];
        for (register, rank) in store::read_registers(checkout, id).await? {
            let known = usize::try_from(register).ok().and_then(|register| ranks.get_mut(register));
            if let (Some(known), Ok(rank)) = (known, u8::try_from(rank)) {
                *known = rank;
            }
        }
        let salt = salt.filter(|_| self.keeps_all_time);
        self.sites.insert(name.clone(), Site { id, salt, ranks });
        Ok(id)
    }

    async fn open_period(
        &mut self,
        checkout: &mut Checkout<'_>,
        site: SiteId,
        day: Day,
        lease_until: Option<Timestamp>,
    ) -> Result<(), Failure> {
        let CountingMode { zone, forget } = &self.counting_mode;
        let key = (site, forget.period(day));
        if self.periods.contains_key(&key) {
            return Ok(());
        }
        let end = forget.keep_until(day, zone);
        let keep_until = lease_until.map_or(end, |lease| end.max(lease));
        let salt = store::open_period(
            checkout,
            &PeriodOffer { site, day, forget: *forget, salt: random_salt(), keep_until: end, lease_until },
        )
        .await?;
        let period = match salt {
            None => None,
            Some(salt) if *forget == Forget::Daily => Some(OpenPeriod { salt, previous: None, next: None, keep_until }),
            Some(salt) => Some(OpenPeriod {
                salt,
                previous: store::read_period(checkout, site, forget.period_at(day, -1)).await?,
                next: store::read_period(checkout, site, forget.period_at(day, 1)).await?,
                keep_until,
            }),
        };
        self.periods.insert(key, period);
        Ok(())
    }

    async fn read_values(&mut self, checkout: &mut Checkout<'_>, site: SiteId, day: Day) -> Result<(), Failure> {
        let mut values = Values { known: HashMap::new(), read: Instant::now() };
        for (dimension, value) in store::read_values(checkout, site, day).await? {
            values.known.entry(dimension).or_default().insert(value);
        }
        self.values.insert((site, day), values);
        Ok(())
    }

    /// Forgets the salts of periods that have ended.
    fn forget_ended(&mut self, now: Timestamp) {
        self.periods.retain(|_, period| period.as_ref().is_none_or(|period| period.keep_until > now));
    }
}

impl Values {
    fn len(&self) -> usize {
        self.known.values().map(HashSet::len).sum()
    }

    fn knows(&self, dimension: Dimension, value: &str) -> bool {
        self.known.get(&dimension).is_some_and(|values| values.contains(value))
    }

    fn admit(&mut self, dimension: Dimension, value: &str) {
        let known = self.known.entry(dimension).or_default();
        if known.len() < dimension.values_a_day() && !known.contains(value) {
            known.insert(value.to_owned());
        }
    }

    /// Whether these values require a fresh read, because other instances may have used up the daily limit.
    fn may_lack(&self, values: &[(Dimension, Cow<'static, str>)]) -> bool {
        self.read.elapsed() >= VALUES_AGE
            && values.iter().any(|(dimension, value)| {
                let count = self.known.get(dimension).map_or(0, HashSet::len);
                let limit = dimension.values_a_day();
                (limit / 2..limit).contains(&count) && !self.knows(*dimension, value)
            })
    }
}

/// 32 bytes from the operating system's generator.
fn random_salt() -> Salt {
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).expect("the operating system has a random number generator");
    Salt(salt)
}
