//! Grouped reads: one reading serves all who ask the same. For a visitor it begins after the visit's own commit, so visitors always
//! see themselves counted; who has not visited may get an answer of the last second.
//!
//! Reading is fair: the page of this app goes first, then questions in the order in which they were asked, one reading each. What
//! was read last is kept, so that a page can still be shown, marked as stale, while the database is away.

mod learnt;
mod live;
mod pending;
mod snapshot;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, MissedTickBehavior},
};

use self::{
    learnt::Learnt,
    live::{KeptLive, LiveAnswer},
    pending::Pending,
};
pub use self::{live::LiveSnapshot, snapshot::Snapshot};
use crate::{
    domain::SiteName,
    domain::statistics::{BadQuery, Plan, Query, Report, Tallies, assemble},
    domain::{CountingMode, CountingRules},
    recorder::NotRecorded,
    store::{self, Checkout, Connection, Failure},
    telemetry::{Outage, percentile},
};

/// How many may wait; as many as may wait to be recorded.
const QUEUE_LENGTH: usize = 16_384;

/// How many different questions' last answers are kept for when the database is away.
const KEPT_ANSWERS: usize = 64;

/// How old an answer may be for who need not see a visit of its own.
const SHARED_FOR: Duration = Duration::from_secs(1);

/// How often the reader says what it did.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// A handle to the reader; cheap to clone.
#[derive(Clone)]
pub struct Reader {
    questions: mpsc::Sender<Question>,
    kept: Arc<Mutex<HashMap<Query, Arc<Snapshot>>>>,
    kept_live: Arc<Mutex<KeptLive>>,
    connection: Arc<Connection>,
    rules: CountingRules,
}

/// Why there are no numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// Nothing has ever been counted for this site, and it is not configured.
    #[error("this site is not counted here")]
    UnknownSite,
    /// The question can't be answered as it was asked.
    #[error(transparent)]
    BadQuery(#[from] BadQuery),
    /// The visit was not recorded that should have been in the numbers.
    #[error(transparent)]
    NotRecorded(#[from] NotRecorded),
    /// The database could not be asked.
    #[error("the database is not available")]
    Unavailable,
}

/// What was read, or why not.
pub type Answer = Result<Arc<Snapshot>, NoAnswer>;

enum Question {
    Statistics(Asked),
    Live(SiteName, oneshot::Sender<LiveAnswer>),
    Ready(oneshot::Sender<Result<(), Failure>>),
}

/// A question, and who asks it.
struct Asked {
    query: Query,
    answers: Vec<oneshot::Sender<Answer>>,
    /// Dropped when it has been answered.
    unanswered: Option<oneshot::Sender<()>>,
}

impl Reader {
    /// Starts the reader's task. `sites` are those configured: they have statistics even before their first visit, and the first
    /// is this app's own.
    pub fn start(connection: Arc<Connection>, rules: CountingRules, sites: Vec<SiteName>) -> (Self, JoinHandle<()>) {
        let (questions, queue) = mpsc::channel(QUEUE_LENGTH);
        let kept = Arc::new(Mutex::new(HashMap::new()));
        let kept_live = Arc::new(Mutex::new(HashMap::new()));
        let task = Task {
            connection: connection.clone(),
            rules: rules.clone(),
            own_page: Query::of_site(sites[0].clone()),
            sites,
            kept: kept.clone(),
            kept_live: kept_live.clone(),
            learnt: Learnt::default(),
            readings: Vec::new(),
            outage: Outage::default(),
        };
        (Self { questions, kept, kept_live, connection, rules }, tokio::spawn(task.run(queue)))
    }

    /// Reads the numbers as they are now, and waits for them until `answer_by`.
    ///
    /// # Errors
    /// If the site is unknown, the question bad, or the database away; see [`Reader::last_known`].
    pub async fn read(&self, query: Query, answer_by: Instant) -> Answer {
        let asked = |answer| Question::Statistics(Asked { query, answers: vec![answer], unanswered: None });
        self.ask(asked, answer_by).await.unwrap_or(Err(NoAnswer::Unavailable))
    }

    /// Reads the numbers for all of these, once. They are told that the database is away if too many wait. What is returned
    /// resolves when they have been told.
    pub fn read_for(&self, query: Query, answers: Vec<oneshot::Sender<Answer>>) -> oneshot::Receiver<()> {
        let (unanswered, answered) = oneshot::channel();
        let asked = Question::Statistics(Asked { query, answers, unanswered: Some(unanswered) });
        if let Err(refused) = self.questions.try_send(asked)
            && let Question::Statistics(Asked { answers, .. }) = refused.into_inner()
        {
            for answer in answers {
                let _ = answer.send(Err(NoAnswer::Unavailable));
            }
        }
        answered
    }

    /// The numbers as they are now or were up to a second ago.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub async fn read_recent(&self, query: Query, answer_by: Instant) -> Answer {
        let recent = self.kept_answers().get(&query).filter(|kept| kept.age() < SHARED_FOR).cloned();
        match recent {
            Some(snapshot) => Ok(snapshot),
            None => self.read(query, answer_by).await,
        }
    }

    /// The same; while the database is away, the numbers as they were when they could last be read, if they ever were.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub async fn read_recent_or_stale(&self, query: Query, answer_by: Instant) -> Answer {
        match self.read_recent(query.clone(), answer_by).await {
            Err(NoAnswer::Unavailable) => self.last_known(&query).ok_or(NoAnswer::Unavailable),
            answer => answer,
        }
    }

    /// The numbers as they were when they could last be read, marked as stale.
    pub fn last_known(&self, query: &Query) -> Option<Arc<Snapshot>> {
        Some(self.kept_answers().get(query)?.stale())
    }

    /// Whether a question can be answered at all.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, query: &Query) -> Result<(), BadQuery> {
        self.rules.plan(query, self.connection.now()).map(drop)
    }

    /// Whether the database answers and its schema is up to date.
    ///
    /// # Errors
    /// What is wrong.
    pub async fn ready(&self, answer_by: Instant) -> Result<(), Failure> {
        self.ask(Question::Ready, answer_by).await.unwrap_or_else(|| Err(Failure::Lost("timed out".to_owned())))
    }

    fn kept_answers(&self) -> std::sync::MutexGuard<'_, HashMap<Query, Arc<Snapshot>>> {
        self.kept.lock().expect("nobody panics while holding this lock")
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Question, answer_by: Instant) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        self.questions.try_send(question(answer)).ok()?;
        tokio::time::timeout_at(answer_by, answered).await.ok()?.ok()
    }
}

impl CountingRules {
    /// What has to be read to answer a question at this time.
    fn plan(&self, query: &Query, now: Timestamp) -> Result<Plan, BadQuery> {
        let CountingMode { zone, forget } = &self.foundation;
        query.plan(now, zone, *forget, self.first_kept(now))
    }
}

struct Task {
    connection: Arc<Connection>,
    rules: CountingRules,
    sites: Vec<SiteName>,
    own_page: Query,
    kept: Arc<Mutex<HashMap<Query, Arc<Snapshot>>>>,
    kept_live: Arc<Mutex<KeptLive>>,
    learnt: Learnt,
    readings: Vec<Duration>,
    outage: Outage,
}

impl Task {
    async fn run(mut self, mut queue: mpsc::Receiver<Question>) {
        let mut pending = Pending::default();
        let mut arrived = Vec::new();
        let mut report = tokio::time::interval(REPORT_INTERVAL);
        report.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                received = queue.recv_many(&mut arrived, QUEUE_LENGTH) => {
                    if received == 0 {
                        break;
                    }
                }
                _ = report.tick() => self.report(),
            }
            loop {
                // Whoever asked meanwhile joins before the next reading: a reading that has begun is too old for them.
                while let Ok(question) = queue.try_recv() {
                    arrived.push(question);
                }
                for question in arrived.drain(..) {
                    pending.add(question, &self.own_page);
                }
                if !pending.probes.is_empty() {
                    let outcome = self.connection.check().await;
                    for answer in pending.probes.drain(..) {
                        let _ = answer.send(outcome.clone());
                    }
                }
                // So quick that nobody else has to wait for it.
                if let Some(failure) = self.answer_live(&mut pending.live).await {
                    pending.refuse(&failure);
                }
                let Some((query, waiting)) = pending.next() else {
                    if pending.live.is_empty() {
                        break;
                    }
                    continue;
                };
                let (answer, loss) = self.answer(&query).await;
                waiting.tell(&answer);
                // If no connection can be had, nobody else has to find that out one after the other.
                if let Some(failure) = loss {
                    pending.refuse(&failure);
                }
            }
        }
        self.report();
    }

    /// Answers a question; and says if that failed because the database can't be reached, even over a new connection.
    async fn answer(&mut self, query: &Query) -> (Answer, Option<Failure>) {
        let mut outcome = self.read(query).await;
        if matches!(outcome, Err(Failure::Lost(_))) {
            // The server may have closed a connection that was idle: a reading changes nothing, so it is tried again.
            outcome = self.read(query).await;
        }
        self.conclude(outcome)
    }

    fn conclude<T>(&mut self, outcome: Result<Result<T, NoAnswer>, Failure>) -> (Result<T, NoAnswer>, Option<Failure>) {
        match outcome {
            Ok(answer) => {
                self.outage.ended();
                (answer, None)
            }
            Err(failure) => {
                self.outage.failed(&failure);
                (Err(NoAnswer::Unavailable), matches!(failure, Failure::Lost(_)).then_some(failure))
            }
        }
    }

    async fn read(&mut self, query: &Query) -> Result<Answer, Failure> {
        let began = std::time::Instant::now();
        let connection = self.connection.clone();
        let mut checkout = connection.checkout().await?;
        let plan = match self.rules.plan(query, connection.now()) {
            Ok(plan) => plan,
            Err(problem) => return checkout.release(Ok(Err(problem.into()))),
        };
        let outcome = self.read_report(&mut checkout, query, &plan).await;
        let Some(report) = checkout.release(outcome)? else { return Ok(Err(NoAnswer::UnknownSite)) };
        self.readings.push(began.elapsed());
        let snapshot = Arc::new(Snapshot::new(report));
        let mut kept = self.kept.lock().expect("nobody panics while holding this lock");
        if kept.len() >= KEPT_ANSWERS && !kept.contains_key(query) {
            kept.retain(|kept, _| *kept == Query::of_site(kept.site.clone()));
        }
        if kept.len() < KEPT_ANSWERS || kept.contains_key(query) {
            kept.insert(query.clone(), snapshot.clone());
        }
        Ok(Ok(snapshot))
    }

    /// The numbers as the database has them; `None` for a site that is neither configured nor in the database.
    async fn read_report(
        &mut self,
        checkout: &mut Checkout<'_>,
        query: &Query,
        plan: &Plan,
    ) -> Result<Option<Report>, Failure> {
        let CountingRules { foundation: CountingMode { zone, forget }, keeps_all_time, .. } = self.rules.clone();
        let Some(site) = self.learnt.find_site(checkout, &query.site).await? else {
            let all_time = keeps_all_time.then_some(0.0);
            let nothing = || assemble(query, plan, &zone, forget, Tallies::default(), all_time);
            return Ok(self.sites.contains(&query.site).then(nothing));
        };
        let mut tallies = store::read_tallies(checkout, site, plan).await?;
        if let Some(breakdown) = &query.breakdown {
            tallies.referrals = store::read_referrals(checkout, site, plan, breakdown).await?;
        }
        let all_time = if keeps_all_time {
            Some(self.learnt.estimate(checkout, site, tallies.registers_revision).await?)
        } else {
            None
        };
        Ok(Some(assemble(query, plan, &zone, forget, tallies, all_time)))
    }

    fn report(&mut self) {
        let mut readings = std::mem::take(&mut self.readings);
        if readings.is_empty() {
            return;
        }
        readings.sort_unstable();
        tracing::info!(
            event = "reader",
            reads = readings.len(),
            read_ms_p50 = percentile(&readings, 50),
            read_ms_p95 = percentile(&readings, 95),
            read_ms_max = percentile(&readings, 100),
            "read statistics {} times",
            readings.len()
        );
    }
}
