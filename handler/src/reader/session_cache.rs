//! Values that the reader caches for one session of its connection.

use std::collections::HashMap;

use tokio::time::Instant;

use super::reading::SHARED_FOR;
use crate::{
    domain::{SiteName, identity::all_time},
    store::{self, Checkout, Failure, SiteId},
};

/// Cached values. A new session clears them, because it may reach another server.
#[derive(Default)]
pub(super) struct SessionCache {
    generation: u64,
    site_ids: HashMap<SiteName, SiteId>,
    /// By site id.
    estimates: HashMap<SiteId, Estimate>,
}

impl SessionCache {
    /// The id of a site that has been counted. Within one database it never changes.
    pub(super) async fn find_site(
        &mut self,
        checkout: &mut Checkout<'_>,
        name: &SiteName,
    ) -> Result<Option<SiteId>, Failure> {
        if checkout.generation() != self.generation {
            *self = Self { generation: checkout.generation(), ..Self::default() };
        }
        if let Some(id) = self.site_ids.get(name) {
            return Ok(Some(*id));
        }
        let found = store::read_site(checkout, name).await?;
        if let Some(id) = found {
            self.site_ids.insert(name.clone(), id);
        }
        Ok(found)
    }

    /// The all-time visitors of a site, estimated again only after its registers have risen.
    pub(super) async fn estimate(
        &mut self,
        checkout: &mut Checkout<'_>,
        site: SiteId,
        revision: i64,
    ) -> Result<f64, Failure> {
        if let Some(known) = self.estimates.get(&site)
            && (known.revision == revision || !known.may_be_renewed())
        {
            return Ok(known.visitors);
        }
        let registers = store::read_registers(checkout, site).await?;
        let raised = registers.len();
        let visitors = all_time::estimate(registers.into_iter().filter_map(|(_, rank)| u8::try_from(rank).ok()));
        self.estimates.insert(site, Estimate { revision, visitors, raised, read: Instant::now() });
        Ok(visitors)
    }
}

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
