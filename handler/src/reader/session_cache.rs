//! Values that the reader caches for one session of its connection.

use std::collections::HashMap;

use tokio::time::Instant;

use super::reading::SHARED_FOR;
use crate::{
    domain::{SiteName, identity::all_time, statistics::Tallies},
    store::Checkout,
};

/// All-time visitors of sites, estimated again only after their registers have risen, and whether the time zone is fixed. A new session
/// clears them, because it may reach another server.
#[derive(Default)]
pub(super) struct SessionCache {
    generation: u64,
    estimates: HashMap<SiteName, Estimate>,
    /// Whether the time zone can't change any more, as far as known.
    pub(super) has_fixed_zone: bool,
}

impl SessionCache {
    /// Clears the values of an earlier session.
    pub(super) fn enter(&mut self, checkout: &Checkout<'_>) {
        if checkout.generation() != self.generation {
            *self = Self { generation: checkout.generation(), ..Self::default() };
        }
    }

    /// The revision of the registers that need not be read again. `None` if no registers need to be read.
    pub(super) fn known_revision(&self, site: &SiteName) -> Option<i64> {
        match self.estimates.get(site) {
            None => Some(NO_REVISION),
            Some(known) => known.may_be_renewed().then_some(known.revision),
        }
    }

    /// The all-time visitors of a site, from registers that were just read or from the last ones.
    pub(super) fn estimate(&mut self, site: &SiteName, tallies: &mut Tallies) -> f64 {
        if let Some(registers) = tallies.registers.take() {
            let raised = registers.len();
            let visitors = all_time::estimate(registers);
            let revision = tallies.registers_revision;
            self.estimates.insert(site.clone(), Estimate { revision, visitors, raised, read: Instant::now() });
        }
        self.estimates.get(site).map_or(0.0, |known| known.visitors)
    }
}

/// No site has this revision, because revisions count from zero.
const NO_REVISION: i64 = -1;

/// An estimate of all-time visitors, and the registers behind it.
struct Estimate {
    revision: i64,
    visitors: f64,
    /// How many registers had been raised.
    raised: usize,
    read: Instant,
}

impl Estimate {
    /// On a busy site registers rise all the time. Reading thousands of them more than once a second would cost more than
    /// everything else, for a number that hardly changes.
    fn may_be_renewed(&self) -> bool {
        self.raised < all_time::REGISTERS / 8 || self.read.elapsed() >= SHARED_FOR
    }
}
