//! What the recorder needs before it can make fingerprints and raise counters: the sites, the salts of open periods, and the
//! values that are told apart on a day. All of it was learnt over one connection, and is forgotten with it.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};

use crate::{
    domain::CountingMode,
    domain::{Day, Dimension, Forget, Period, Salt, SiteName, Visit, dimension::OTHER, identity::all_time},
    store::{self, Checkout, Failure},
};

/// How long a period of the past, and the one before it, stay open after something was imported: so that several logs of the same
/// days can follow each other, and the log of each day can follow that of the day before, at the end of a month, too.
const IMPORT_LEASE: SignedDuration = SignedDuration::from_hours(48);

/// How often the values of a day are read again while their number comes near its limit, because other instances add to them.
const VALUES_AGE: Duration = Duration::from_secs(1);

/// How many values of all sites and days are known at most, before all are forgotten and read again: about 10 MB.
const KNOWN_VALUES: usize = 100_000;

/// The keys that are known to this process. They are never written anywhere but to the database.
pub(super) struct Keys {
    foundation: CountingMode,
    keeps_all_time: bool,
    sites: HashMap<SiteName, Site>,
    /// `None`: the period is closed.
    periods: HashMap<(i32, Period), Option<OpenPeriod>>,
    values: HashMap<(i32, Day), Values>,
}

/// A site that is being counted.
pub(super) struct Site {
    pub(super) id: i32,
    /// That of the all-time estimate, if one is kept.
    pub(super) salt: Option<Salt>,
    /// Lower bounds of the registers, so that only what rises is sent.
    ranks: Vec<u8>,
}

impl Site {
    pub(super) fn rank(&self, register: u16) -> u8 {
        self.ranks[usize::from(register)]
    }
}

/// A period in which visitors can be told from each other.
pub(super) struct OpenPeriod {
    pub(super) salt: Salt,
    /// That of the period before, if it is open and matters.
    pub(super) previous: Option<Salt>,
    /// That of the period after, likewise.
    pub(super) next: Option<Salt>,
    keep_until: Timestamp,
}

/// The values of a site's day that are told apart.
struct Values {
    known: HashMap<Dimension, HashSet<String>>,
    read: Instant,
}

impl Keys {
    pub(super) fn new(foundation: CountingMode, keeps_all_time: bool) -> Self {
        Self { foundation, keeps_all_time, sites: HashMap::new(), periods: HashMap::new(), values: HashMap::new() }
    }

    /// Forgets everything: it may not hold any more.
    pub(super) fn forget(&mut self) {
        self.sites.clear();
        self.values.clear();
        self.forget_periods();
    }

    /// Forgets which periods are open, so that the database is asked.
    pub(super) fn forget_periods(&mut self) {
        self.periods.clear();
    }

    pub(super) fn site(&self, name: &SiteName) -> Option<&Site> {
        self.sites.get(name)
    }

    /// The period of a site's day, if it is open.
    pub(super) fn period(&self, site: i32, day: Day) -> Option<&OpenPeriod> {
        self.periods.get(&(site, self.foundation.forget.period(day)))?.as_ref()
    }

    /// Whether a visitor's day is compared with periods beside its own.
    pub(super) fn reaches_beyond(&self) -> bool {
        self.foundation.forget.reach() > 0
    }

    /// To be called after a commit that raised this register.
    pub(super) fn raise(&mut self, site_id: i32, register: i16, rank: i16) {
        let site = self.sites.values_mut().find(|site| site.id == site_id);
        if let (Some(site), Ok(register), Ok(rank)) = (site, usize::try_from(register), u8::try_from(rank)) {
            site.ranks[register] = rank.max(site.ranks[register]);
        }
    }

    /// Adds a visit's values to those that are told apart on its day, as long as there is room.
    pub(super) fn admit(&mut self, visit: &Visit, day: Day) {
        let Some(site) = self.sites.get(&visit.site) else { return };
        let Some(values) = self.values.get_mut(&(site.id, day)) else { return };
        for (dimension, value) in &visit.values {
            values.admit(*dimension, value);
        }
    }

    /// The value as which one is counted: itself, or [`OTHER`].
    pub(super) fn counted_as<'v>(&self, site: i32, day: Day, dimension: Dimension, value: &'v str) -> &'v str {
        match self.values.get(&(site, day)) {
            Some(values) if values.knows(dimension, value) => value,
            _ => OTHER,
        }
    }

    /// Gets the keys that visits need, from memory or from the database. `visits` are sites and days, and whether they have
    /// visitors.
    pub(super) async fn open<'v>(
        &mut self,
        checkout: &mut Checkout<'_>,
        now: Timestamp,
        visits: impl Iterator<Item = (&'v Visit, Day, bool)>,
        is_import: bool,
    ) -> Result<(), Failure> {
        self.forget_ended(now);
        // Only here: what has been read for some of these visits must still be known when all have been.
        if self.values.values().map(Values::len).sum::<usize>() >= KNOWN_VALUES {
            self.values.clear();
        }
        let mut last: Option<(&SiteName, Day, bool)> = None;
        for (visit, day, has_visitor) in visits {
            let site = self.open_site(checkout, &visit.site).await?;
            let values = self.values.get(&(site, day));
            if values.is_none_or(|values| values.may_lack(&visit.values)) {
                self.read_values(checkout, site, day).await?;
            }
            // Visits come thousands a day, and all need the same.
            if has_visitor && last.replace((&visit.site, day, true)) != Some((&visit.site, day, true)) {
                self.open_period(checkout, site, day, now, is_import).await?;
            }
        }
        Ok(())
    }

    /// The id of a site.
    pub(super) async fn open_site(&mut self, checkout: &mut Checkout<'_>, name: &SiteName) -> Result<i32, Failure> {
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
        site: i32,
        day: Day,
        now: Timestamp,
        is_import: bool,
    ) -> Result<(), Failure> {
        let CountingMode { zone, forget } = &self.foundation;
        let key = (site, forget.period(day));
        if self.periods.contains_key(&key) {
            return Ok(());
        }
        let lease_until = is_import.then(|| now + IMPORT_LEASE);
        let end = forget.keep_until(day, zone);
        let keep_until = lease_until.map_or(end, |lease| end.max(lease));
        let salt = store::open_period(checkout, site, day, *forget, random_salt(), end, lease_until).await?;
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

    async fn read_values(&mut self, checkout: &mut Checkout<'_>, site: i32, day: Day) -> Result<(), Failure> {
        let mut values = Values { known: HashMap::new(), read: Instant::now() };
        for (dimension, value) in store::read_values(checkout, site, day).await? {
            if let Some(dimension) = Dimension::from_number(dimension) {
                values.known.entry(dimension).or_default().insert(value);
            }
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

    /// Whether other instances may have added values that have to be known before one of these is.
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
