//! Reading the last minutes of a site: one reading for all who ask within a second.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use tokio::{sync::oneshot, time::Instant};

use super::{NoAnswer, Question, Reader, SHARED_FOR, Task};
use crate::{
    domain::SiteName,
    domain::statistics::Live,
    http::response_body::Body,
    store::{self, Failure},
};

/// What was read, with the body that was made of it.
pub struct LiveSnapshot {
    /// The numbers.
    pub live: Live,
    /// The JSON answer.
    pub json: Body,
    read: Instant,
}

/// What was read, or why not.
pub(super) type LiveAnswer = Result<Arc<LiveSnapshot>, NoAnswer>;

/// The last reading of each site: of no more than there are.
pub(super) type KeptLive = HashMap<SiteName, Arc<LiveSnapshot>>;

/// Who waits to be told of a site, in the order in which sites were asked for.
#[derive(Default)]
pub(super) struct PendingLive(VecDeque<(SiteName, Vec<oneshot::Sender<LiveAnswer>>)>);

impl PendingLive {
    pub(super) fn add(&mut self, site: SiteName, answer: oneshot::Sender<LiveAnswer>) {
        match self.0.iter_mut().find(|(known, _)| *known == site) {
            Some((_, waiting)) => waiting.push(answer),
            None => self.0.push_back((site, vec![answer])),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn refuse(&mut self) {
        for (_, waiting) in self.0.drain(..) {
            tell(waiting, &Err(NoAnswer::Unavailable));
        }
    }
}

fn tell(waiting: Vec<oneshot::Sender<LiveAnswer>>, answer: &LiveAnswer) {
    for waiting in waiting {
        let _ = waiting.send(answer.clone());
    }
}

impl Reader {
    /// The last minutes of a site, as they are now or were up to a second ago.
    ///
    /// # Errors
    /// If the site is unknown, or the database away: what happened a while ago is of no use to who asks what happens now.
    pub async fn read_live(&self, site: SiteName, answer_by: Instant) -> LiveAnswer {
        let kept = self.kept_live.lock().expect("nobody panics while holding this lock").get(&site).cloned();
        if let Some(snapshot) = kept.filter(|kept| kept.read.elapsed() < SHARED_FOR) {
            return Ok(snapshot);
        }
        let asked = |answer| Question::Live(site, answer);
        self.ask(asked, answer_by).await.unwrap_or(Err(NoAnswer::Unavailable))
    }
}

impl Task {
    /// Tells those of the site whose turn it is; says if that failed because the database can't be reached.
    pub(super) async fn answer_live(&mut self, pending: &mut PendingLive) -> Option<Failure> {
        let (site, mut waiting) = pending.0.pop_front()?;
        waiting.retain(|answer| !answer.is_closed());
        if waiting.is_empty() {
            return None;
        }
        let mut outcome = self.read_live(&site).await;
        if matches!(outcome, Err(Failure::Lost(_))) {
            outcome = self.read_live(&site).await;
        }
        let (answer, loss) = self.conclude(outcome);
        tell(waiting, &answer);
        loss
    }

    async fn read_live(&mut self, site: &SiteName) -> Result<LiveAnswer, Failure> {
        let connection = self.connection.clone();
        let mut checkout = connection.checkout().await?;
        let now = connection.now();
        let (first, last) = Live::range(now);
        let found = async {
            let Some(id) = self.learnt.find_site(&mut checkout, site).await? else {
                return Ok(self.sites.contains(site).then(Default::default));
            };
            store::read_minutes(&mut checkout, id, first, last).await.map(Some)
        };
        let outcome = found.await;
        let Some(counted) = checkout.release(outcome)? else { return Ok(Err(NoAnswer::UnknownSite)) };
        let live = Live::assemble(site.clone(), now, &counted);
        let snapshot = Arc::new(LiveSnapshot { live, json: Body::default(), read: Instant::now() });
        self.kept_live.lock().expect("nobody panics while holding this lock").insert(site.clone(), snapshot.clone());
        Ok(Ok(snapshot))
    }
}
