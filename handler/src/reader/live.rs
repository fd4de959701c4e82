//! The last minutes of a site: one reading for all callers within a second.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use tokio::{sync::oneshot, time::Instant};

use super::{
    ReadError, Reader, SHARED_FOR,
    pending::ReadRequest,
    task::{NotRead, Task},
};
use crate::{
    domain::{SiteName, statistics::Live},
    store::{self, Failure},
};

/// A site's last minutes, and when they were read.
pub struct LiveReading {
    /// The numbers.
    pub live: Live,
    read: Instant,
}

/// A live reading, or why there is none.
pub(super) type LiveResult = Result<Arc<LiveReading>, ReadError>;

/// The last live reading of each site, so at most one per site.
pub(super) type KeptLiveReadings = Mutex<HashMap<SiteName, Arc<LiveReading>>>;

/// The callers that wait for live readings, in the order in which their sites were first requested.
#[derive(Default)]
pub(super) struct PendingLive(VecDeque<(SiteName, Vec<oneshot::Sender<LiveResult>>)>);

impl PendingLive {
    pub(super) fn add(&mut self, site: SiteName, receipt: oneshot::Sender<LiveResult>) {
        match self.0.iter_mut().find(|(known, _)| *known == site) {
            Some((_, receipts)) => receipts.push(receipt),
            None => self.0.push_back((site, vec![receipt])),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn fail(&mut self) {
        for (_, receipts) in self.0.drain(..) {
            send(receipts, &Err(ReadError::Unavailable));
        }
    }
}

fn send(receipts: Vec<oneshot::Sender<LiveResult>>, result: &LiveResult) {
    for receipt in receipts {
        let _ = receipt.send(result.clone());
    }
}

impl Reader {
    /// The last minutes of a site, now or up to a second ago.
    ///
    /// # Errors
    /// If the site is unknown or the database unavailable. There is no stale reading: live numbers are useful only now.
    pub async fn read_live(&self, site: SiteName, answer_by: Instant) -> LiveResult {
        let kept =
            self.kept_live.lock().expect("the lock is not poisoned: its holders do not panic").get(&site).cloned();
        if let Some(reading) = kept.filter(|kept| kept.read.elapsed() < SHARED_FOR) {
            return Ok(reading);
        }
        let request = |receipt| ReadRequest::Live(site, receipt);
        self.request(request, answer_by).await.unwrap_or(Err(ReadError::Unavailable))
    }
}

impl Task {
    /// Serves the next site. Returns the failure if the database can't be reached.
    pub(super) async fn serve_live(&mut self, pending: &mut PendingLive) -> Option<Failure> {
        let (site, mut receipts) = pending.0.pop_front()?;
        receipts.retain(|receipt| !receipt.is_closed());
        if receipts.is_empty() {
            return None;
        }
        let mut outcome = self.read_live(&site).await;
        if matches!(outcome, Err(NotRead::Failed(Failure::Lost(_)))) {
            outcome = self.read_live(&site).await;
        }
        let (result, loss) = self.conclude(outcome);
        send(receipts, &result);
        loss
    }

    async fn read_live(&mut self, site: &SiteName) -> Result<Arc<LiveReading>, NotRead> {
        let connection = self.connection.clone();
        let mut checkout = connection.checkout().await?;
        let now = connection.now();
        let (first, last) = Live::range(now);
        let found = async {
            let Some(id) = self.session_cache.find_site(&mut checkout, site).await? else {
                return Ok(self.sites.contains(site).then(Default::default));
            };
            store::read_minutes(&mut checkout, id, first, last).await.map(Some)
        };
        let outcome = found.await;
        let Some(counted) = checkout.release(outcome)? else { return Err(NotRead::UnknownSite) };
        let live = Live::assemble(site.clone(), now, &counted);
        let reading = Arc::new(LiveReading { live, read: Instant::now() });
        let mut kept = self.kept_live.lock().expect("the lock is not poisoned: its holders do not panic");
        kept.insert(site.clone(), reading.clone());
        Ok(reading)
    }
}
