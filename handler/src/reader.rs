//! Grouped reads: one reading serves all who were waiting when it began. It begins after they asked, and a visitor asks
//! after its own commit, so visitors always see themselves counted.
//!
//! What was read last is kept, so that a page can still be shown, marked as stale, while the database is away.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use jiff::{Timestamp, tz::TimeZone};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, MissedTickBehavior},
};

use crate::{
    statistics::{BadQuery, Plan, Query, Statistics, assemble},
    store::{self, Failure, Line},
    telemetry::{Outage, percentile},
    visitor::all_time,
};

/// How many may wait; as many as may wait to be recorded.
const QUEUE_LENGTH: usize = 16_384;

/// How many different questions' last answers are kept for when the database is away.
const KEPT_ANSWERS: usize = 64;

/// How often the reader says what it did.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// A handle to the reader; cheap to clone.
#[derive(Clone)]
pub struct Reader {
    questions: mpsc::Sender<Question>,
    kept: Arc<Mutex<HashMap<Query, Arc<Snapshot>>>>,
}

/// What a reading found, and how it looks. Shared by all who waited for it.
pub struct Snapshot {
    /// The numbers.
    pub statistics: Statistics,
    rendered: OnceLock<Bytes>,
    /// The same, marked as stale: made once an outage, not for every visitor in it.
    stale: OnceLock<Arc<Snapshot>>,
}

impl Snapshot {
    fn new(statistics: Statistics) -> Self {
        Self { statistics, rendered: OnceLock::new(), stale: OnceLock::new() }
    }

    fn stale(&self) -> Arc<Self> {
        let make = || Arc::new(Self::new(Statistics { stale: true, ..self.statistics.clone() }));
        self.stale.get_or_init(make).clone()
    }

    /// The page of these numbers: rendered by whoever asks first, and shared.
    ///
    /// # Errors
    /// What `render` fails with; then the next one tries again.
    pub fn rendered(&self, render: impl FnOnce(&Statistics) -> anyhow::Result<String>) -> anyhow::Result<Bytes> {
        if let Some(page) = self.rendered.get() {
            return Ok(page.clone());
        }
        let page = Bytes::from(render(&self.statistics)?);
        Ok(self.rendered.get_or_init(|| page).clone())
    }
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
    /// The database could not be asked.
    #[error("the database is not available")]
    Unavailable,
}

enum Question {
    Statistics(Query, oneshot::Sender<Result<Arc<Snapshot>, NoAnswer>>),
    Ready(oneshot::Sender<Result<(), Failure>>),
}

impl Reader {
    /// Starts the reader's task. `sites` are those configured: they have statistics even before their first visit.
    pub fn start(line: Arc<Line>, zone: TimeZone, sites: Vec<Arc<str>>) -> (Self, JoinHandle<()>) {
        let (questions, queue) = mpsc::channel(QUEUE_LENGTH);
        let kept = Arc::new(Mutex::new(HashMap::new()));
        let task = Task {
            line,
            zone,
            sites,
            kept: kept.clone(),
            site_ids: HashMap::new(),
            estimates: HashMap::new(),
            readings: Vec::new(),
            outage: Outage::default(),
        };
        (Self { questions, kept }, tokio::spawn(task.run(queue)))
    }

    /// Reads the numbers as they are now, and waits for them until `answer_by`.
    ///
    /// # Errors
    /// If the site is unknown, the question bad, or the database away; see [`Reader::last_known`].
    pub async fn read(&self, query: Query, answer_by: Instant) -> Result<Arc<Snapshot>, NoAnswer> {
        self.ask(|answer| Question::Statistics(query, answer), answer_by).await.unwrap_or(Err(NoAnswer::Unavailable))
    }

    /// The numbers as they were when they could last be read, marked as stale.
    pub fn last_known(&self, query: &Query) -> Option<Arc<Snapshot>> {
        let kept = self.kept.lock().expect("nobody panics while holding this lock");
        Some(kept.get(query)?.stale())
    }

    /// Whether the database answers and its schema is up to date.
    ///
    /// # Errors
    /// What is wrong.
    pub async fn ready(&self, answer_by: Instant) -> Result<(), Failure> {
        self.ask(Question::Ready, answer_by).await.unwrap_or_else(|| Err(Failure::Lost("timed out".to_owned())))
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Question, answer_by: Instant) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        self.questions.try_send(question(answer)).ok()?;
        tokio::time::timeout_at(answer_by, answered).await.ok()?.ok()
    }
}

struct Task {
    line: Arc<Line>,
    zone: TimeZone,
    sites: Vec<Arc<str>>,
    kept: Arc<Mutex<HashMap<Query, Arc<Snapshot>>>>,
    site_ids: HashMap<Arc<str>, i32>,
    /// By site id: the revision of the registers, and the estimate that was made of them.
    estimates: HashMap<i32, (i64, f64)>,
    readings: Vec<Duration>,
    outage: Outage,
}

impl Task {
    async fn run(mut self, mut queue: mpsc::Receiver<Question>) {
        let mut questions = Vec::new();
        let mut report = tokio::time::interval(REPORT_INTERVAL);
        report.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                received = queue.recv_many(&mut questions, QUEUE_LENGTH) => {
                    if received == 0 {
                        break;
                    }
                    self.answer(&mut questions).await;
                }
                _ = report.tick() => self.report(),
            }
        }
        self.report();
    }

    /// Answers each different question once, for all who asked it.
    async fn answer(&mut self, questions: &mut Vec<Question>) {
        let mut asked: HashMap<Query, Vec<oneshot::Sender<_>>> = HashMap::new();
        let mut probes = Vec::new();
        for question in questions.drain(..) {
            match question {
                Question::Statistics(query, answer) => asked.entry(query).or_default().push(answer),
                Question::Ready(answer) => probes.push(answer),
            }
        }
        for (query, waiting) in asked {
            // Nobody waits for it any more, so nobody reads it.
            if waiting.iter().all(oneshot::Sender::is_closed) {
                continue;
            }
            let mut outcome = self.read(&query).await;
            if matches!(outcome, Err(NoAnswer::Unavailable)) {
                // The server may have closed a connection that was idle: a reading changes nothing, so it is tried again.
                outcome = self.read(&query).await;
            }
            for answer in waiting {
                let _ = answer.send(outcome.clone());
            }
        }
        if !probes.is_empty() {
            let outcome = self.line.check().await;
            for answer in probes {
                let _ = answer.send(outcome.clone());
            }
        }
    }

    async fn read(&mut self, query: &Query) -> Result<Arc<Snapshot>, NoAnswer> {
        let began = std::time::Instant::now();
        let plan = query.plan(Timestamp::now(), &self.zone)?;
        let statistics = match self.read_statistics(query, &plan).await {
            Ok(statistics) => {
                self.outage.ended();
                statistics.ok_or(NoAnswer::UnknownSite)?
            }
            Err(failure) => {
                self.outage.failed(&failure);
                return Err(NoAnswer::Unavailable);
            }
        };
        self.readings.push(began.elapsed());
        let snapshot = Arc::new(Snapshot::new(statistics));
        let mut kept = self.kept.lock().expect("nobody panics while holding this lock");
        if kept.len() >= KEPT_ANSWERS && !kept.contains_key(query) {
            kept.retain(|kept, _| *kept == Query::of_site(kept.site.clone()));
        }
        kept.insert(query.clone(), snapshot.clone());
        Ok(snapshot)
    }

    /// The numbers as the database has them; `None` for a site that is neither configured nor in the database.
    async fn read_statistics(&mut self, query: &Query, plan: &Plan) -> Result<Option<Statistics>, Failure> {
        let Some(site) = self.find_site(&query.site).await? else {
            let nothing = || assemble(query, plan, &self.zone, Vec::new(), 0.0);
            return Ok(self.sites.contains(&query.site).then(nothing));
        };
        let tallies = store::read_tallies(&self.line, site, &plan.total_buckets(), plan.listed.bucket()).await?;
        let visitors = self.estimate(site, tallies.registers_revision).await?;
        Ok(Some(assemble(query, plan, &self.zone, tallies.rows, visitors)))
    }

    /// The id of a site that has been counted: it never changes.
    async fn find_site(&mut self, name: &Arc<str>) -> Result<Option<i32>, Failure> {
        if let Some(id) = self.site_ids.get(name) {
            return Ok(Some(*id));
        }
        let found = store::read_site(&self.line, name).await?;
        if let Some(id) = found {
            self.site_ids.insert(name.clone(), id);
        }
        Ok(found)
    }

    /// The all-time visitors of a site: estimated anew only if its registers have risen.
    async fn estimate(&mut self, site: i32, revision: i64) -> Result<f64, Failure> {
        match self.estimates.get(&site) {
            Some((known, estimate)) if *known == revision => Ok(*estimate),
            _ => {
                let registers = store::read_registers(&self.line, site).await?;
                let ranks = registers.into_iter().filter_map(|(_, rank)| u8::try_from(rank).ok());
                let estimate = all_time::estimate(ranks);
                self.estimates.insert(site, (revision, estimate));
                Ok(estimate)
            }
        }
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
