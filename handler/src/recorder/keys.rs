//! The recorder's cache of sites and salts of open periods. Fingerprints and counters need these keys. The cache belongs to one session of the connection and is cleared with it.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::{
    domain::{CountingMode, Day, Forget, Period, Salt, SiteName, Visit, identity::all_time},
    store::{self, Checkout, Failure, PeriodOffer, SiteId},
};

/// The cached keys. Keys are stored only in the database.
pub(super) struct Keys {
    counting_mode: CountingMode,
    keeps_all_time: bool,
    sites: HashMap<SiteName, Site>,
    /// `None`: the period is closed.
    periods: HashMap<(SiteId, Period), Option<OpenPeriod>>,
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

impl Keys {
    pub(super) fn new(counting_mode: CountingMode, keeps_all_time: bool) -> Self {
        Self { counting_mode, keeps_all_time, sites: HashMap::new(), periods: HashMap::new() }
    }

    /// Clears the cache, because it may be outdated.
    pub(super) fn forget(&mut self) {
        self.sites.clear();
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
        let mut last: Option<(&SiteName, Day)> = None;
        for (visit, day) in visits {
            let site = self.open_site(checkout, &visit.site).await?;
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

    /// Forgets the salts of periods that have ended.
    fn forget_ended(&mut self, now: Timestamp) {
        self.periods.retain(|_, period| period.as_ref().is_none_or(|period| period.keep_until > now));
    }
}

/// 32 bytes from the operating system's generator.
pub(super) fn random_salt() -> Salt {
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).expect("the operating system has a random number generator");
    Salt(salt)
}
