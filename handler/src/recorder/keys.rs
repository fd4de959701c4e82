//! What the recorder needs before it can make fingerprints: the salts of open periods, and the sites.

use std::{collections::HashMap, sync::Arc};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::{
    store::{self, Failure, Line},
    visitor::{Period, Periods, Salt, all_time},
};

/// How long after its end a period stays open: for a request that arrived before midnight and is written after it, and for
/// instances whose clocks disagree.
pub(super) const GRACE: SignedDuration = SignedDuration::from_mins(10);

/// How long a period of the past stays open after something was imported into it, so that several logs of the same days
/// can follow each other.
const IMPORT_LEASE: SignedDuration = SignedDuration::from_hours(24);

/// The keys that are known to this process. They are never written anywhere but to the database.
#[derive(Default)]
pub(super) struct Keys {
    /// `None`: the period is closed.
    salts: HashMap<Period, Option<Salt>>,
    sites: HashMap<Arc<str>, Site>,
}

/// A site that is being counted.
pub(super) struct Site {
    pub(super) id: i32,
    /// That of the all-time estimate.
    pub(super) salt: Salt,
    /// Lower bounds of the registers, so that only what rises is sent.
    ranks: Vec<u8>,
}

impl Site {
    pub(super) fn rank(&self, register: u16) -> u8 {
        self.ranks[usize::from(register)]
    }
}

impl Keys {
    pub(super) fn salt(&self, period: Period) -> Option<&Salt> {
        self.salts.get(&period)?.as_ref()
    }

    pub(super) fn site(&self, name: &str) -> Option<&Site> {
        self.sites.get(name)
    }

    /// Whether visitors of these periods can still be told from each other.
    pub(super) fn are_open(&self, periods: &Periods) -> bool {
        periods.salted().iter().all(|period| self.salt(*period).is_some())
    }

    /// To be called after a commit that raised this register.
    pub(super) fn raise(&mut self, site_id: i32, register: u16, rank: u8) {
        if let Some(site) = self.sites.values_mut().find(|site| site.id == site_id) {
            let known = &mut site.ranks[usize::from(register)];
            *known = rank.max(*known);
        }
    }

    /// Gets the keys that visits at these times need, from memory or from the database.
    pub(super) async fn open(
        &mut self,
        line: &Line,
        zone: &TimeZone,
        names: impl Iterator<Item = &Arc<str>>,
        periods: impl Iterator<Item = Periods>,
        importing: bool,
    ) -> Result<(), Failure> {
        for name in names {
            if self.sites.contains_key(name) {
                continue;
            }
            let (id, salt) = store::open_site(line, name, random_salt()).await?;
            let mut ranks = vec![0; all_time::REGISTERS];
            for (register, rank) in store::read_registers(line, id).await? {
                let known = usize::try_from(register).ok().and_then(|register| ranks.get_mut(register));
                if let (Some(known), Ok(rank)) = (known, u8::try_from(rank)) {
                    *known = rank;
                }
            }
            self.sites.insert(name.clone(), Site { id, salt, ranks });
        }
        let mut last = None;
        for periods in periods {
            if last.replace(periods) == Some(periods) {
                continue;
            }
            for period in periods.salted() {
                if let std::collections::hash_map::Entry::Vacant(e) = self.salts.entry(period) {
                    let end = period.end(zone) + GRACE;
                    let forget_after = if importing { end.max(Timestamp::now() + IMPORT_LEASE) } else { end };
                    let salt = store::open_period(line, period, random_salt(), forget_after.as_second()).await?;
                    e.insert(salt);
                }
            }
        }
        Ok(())
    }

    /// Forgets the salts of periods that have ended; answers whether there were any.
    pub(super) fn forget_ended(&mut self, now: Timestamp, zone: &TimeZone) -> bool {
        let before = self.salts.len();
        self.salts.retain(|period, _| period.end(zone) + GRACE > now);
        self.salts.len() < before
    }

    /// Forgets all salts, so that the database is asked which of them still hold.
    pub(super) fn forget_salts(&mut self) {
        self.salts.clear();
    }

    /// Whether the salt of this period is known.
    pub(super) fn knows(&self, period: Period) -> bool {
        self.salts.contains_key(&period)
    }
}

/// 32 bytes from the operating system's generator.
fn random_salt() -> Salt {
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).expect("the operating system has a random number generator");
    Salt(salt)
}
