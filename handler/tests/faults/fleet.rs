//! The handlers of a round, each behind a cable, and the clients that send views to them.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::task::JoinSet;

use crate::{
    cable::Cable,
    client::Connection,
    database::Database,
    faults::{
        ledger::Ledger,
        view::{SITES, View},
    },
    host::{Host, HostCommand},
    pgbouncer::{self, PgBouncer},
    process::PATIENCE,
    random::Random,
};

/// A client hangs up after this time. A handler responds within 5 s, unless it is stopped.
const CLIENT_PATIENCE: Duration = Duration::from_secs(7);

/// The time between two views of the client that waits for a recovery.
const PROBE_INTERVAL: Duration = Duration::from_millis(20);

/// A handler's place: its cable stays, and its process may be killed and started again.
pub(crate) struct Place {
    pub(crate) cable: Cable,
    command: HostCommand,
    host: Mutex<Option<Arc<Host>>>,
}

impl Place {
    fn host(&self) -> Option<Arc<Host>> {
        self.host.lock().unwrap().clone()
    }

    pub(crate) fn signal(&self, signal: &str) {
        self.host().expect("the handler runs").process.signal(signal);
    }

    pub(crate) fn kill(&self) {
        if let Some(host) = self.host.lock().unwrap().take() {
            host.process.signal("-KILL");
        }
    }

    /// The lines that the handler has logged since then.
    pub(crate) fn log_since(&self, since: Timestamp) -> String {
        let lines = self.host().map_or(Vec::new(), |host| host.process.log());
        let is_later = |line: &&serde_json::Value| {
            line["timestamp"].as_str().is_some_and(|at| at.parse::<Timestamp>().is_ok_and(|at| at >= since))
        };
        lines.iter().filter(is_later).map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    pub(crate) async fn start(&self) {
        let host = self.command.start().await;
        *self.host.lock().unwrap() = Some(Arc::new(host));
    }
}

/// The outcome of one view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Acknowledged,
    /// 503, or no response.
    GivenUp,
    /// There was no connection.
    NotSent,
}

pub(crate) struct Fleet {
    pub(crate) places: Vec<Place>,
    pub(crate) pooler: Option<Mutex<PgBouncer>>,
    pub(crate) ledger: Arc<Ledger>,
    /// Views that a recovery did not wait for.
    late: Mutex<JoinSet<()>>,
    /// The day of the ledger.
    day: usize,
}

/// The mode of `PgBouncer`, if it is installed. Older versions lose prepared statements between transactions.
pub(crate) fn pooler_mode() -> Option<&'static str> {
    let mode = if pgbouncer::is_installed() && pgbouncer::can_keep_statements() { "transaction" } else { "session" };
    pgbouncer::is_installed().then_some(mode)
}

impl Fleet {
    /// Starts the handlers. The first one connects through the pooler, if there is one.
    pub(crate) async fn start(database: &Database, handlers: usize, ledger: Arc<Ledger>, day: usize) -> Self {
        let pooler = pooler_mode().map(|mode| {
            let mode = format!("pool_mode = {mode}");
            let mut settings = vec![mode.as_str(), "server_login_retry = 1"];
            if pgbouncer::can_keep_statements() {
                settings.push("max_prepared_statements = 200");
            }
            PgBouncer::start(database, &settings)
        });
        let mut places = Vec::new();
        for number in 0..handlers {
            let address = match &pooler {
                Some(pooler) if number == 0 => ("127.0.0.1".to_owned(), pooler.port()),
                _ => database.server_address(),
            };
            let cable = Cable::to_address(address).await;
            let command = Host::on(database)
                .with("DATABASE_URL", &database.url_by_port(cable.port()))
                .with("FOOTFALL_SITES", &SITES[1..].join(","));
            places.push(Place { cable, command, host: Mutex::new(None) });
        }
        for place in &places {
            place.start().await;
        }
        for place in &places {
            place.host().unwrap().process.wait_until_ready().await;
        }
        Self { places, pooler: pooler.map(Mutex::new), ledger, late: Mutex::default(), day }
    }

    /// Waits for the outcome of every view.
    pub(crate) async fn wait_for_late_views(&self) {
        let late = std::mem::take(&mut *self.late.lock().unwrap());
        late.join_all().await;
    }

    /// Kills everything that can still write.
    pub(crate) fn stop(&self) {
        for place in &self.places {
            place.kill();
            place.cable.cut();
        }
        if let Some(pooler) = &self.pooler {
            pooler.lock().unwrap().kill();
        }
    }

    /// The time from the end of a fault until a handler acknowledges a view that was sent after it.
    pub(crate) async fn recovery(
        self: &Arc<Self>,
        place: usize,
        end: Instant,
        seed: u64,
        visitors: usize,
    ) -> Option<Duration> {
        let mut random = Random::of(seed);
        let mut probes = JoinSet::new();
        while end.elapsed() < PATIENCE {
            let (fleet, view) = (self.clone(), View::random(&mut random, visitors));
            probes.spawn(async move { Client::of(fleet, place).send(view, CLIENT_PATIENCE).await });
            let next = tokio::time::sleep(PROBE_INTERVAL);
            tokio::pin!(next);
            loop {
                tokio::select! {
                    () = &mut next => break,
                    Some(outcome) = probes.join_next() => {
                        if outcome.unwrap() == Outcome::Acknowledged {
                            let recovery = end.elapsed();
                            self.late.lock().unwrap().spawn(async move { drop(probes.join_all().await) });
                            return Some(recovery);
                        }
                    }
                }
            }
        }
        None
    }
}

/// The behaviour of the clients.
#[derive(Clone, Copy)]
pub(crate) struct Crowd {
    pub(crate) clients_of_a_handler: usize,
    pub(crate) visitors: usize,
    /// The longest pause between two views of a client.
    pub(crate) pause: Duration,
}

/// Starts the clients. They send until `is_over`.
pub(crate) fn clients(fleet: &Arc<Fleet>, crowd: Crowd, seed: u64, is_over: &Arc<AtomicBool>) -> JoinSet<()> {
    let mut clients = JoinSet::new();
    for number in 0..crowd.clients_of_a_handler * fleet.places.len() {
        let client = Client::of(fleet.clone(), number % fleet.places.len());
        let random = Random::of(seed.wrapping_mul(1000) + u64::try_from(number).unwrap());
        clients.spawn(client.run(random, crowd, is_over.clone()));
    }
    clients
}

/// One client with one kept connection.
struct Client {
    fleet: Arc<Fleet>,
    place: usize,
    connection: Option<(Arc<Host>, Connection)>,
}

impl Client {
    fn of(fleet: Arc<Fleet>, place: usize) -> Self {
        Self { fleet, place, connection: None }
    }

    async fn run(mut self, mut random: Random, crowd: Crowd, is_over: Arc<AtomicBool>) {
        let mut again = None;
        while !is_over.load(Ordering::Relaxed) {
            let view = again.take().unwrap_or_else(|| View::random(&mut random, crowd.visitors));
            // Some clients leave before the response.
            let patience = if random.percent(1) { Duration::from_millis(random.next() % 20) } else { CLIENT_PATIENCE };
            let outcome = self.send(view, patience).await;
            if outcome != Outcome::Acknowledged && random.percent(90) {
                again = Some(view);
            }
            let longest = if outcome == Outcome::NotSent { Duration::from_millis(40) } else { crowd.pause };
            let pause = random.next() % u64::try_from(longest.as_micros().max(1)).unwrap();
            tokio::time::sleep(Duration::from_micros(pause)).await;
        }
    }

    /// Sends one view, and records it before and after.
    async fn send(&mut self, view: View, patience: Duration) -> Outcome {
        let Some(host) = self.fleet.places[self.place].host() else { return Outcome::NotSent };
        if self.connection.as_ref().is_none_or(|(known, _)| !Arc::ptr_eq(known, &host)) {
            let Ok(connection) = Connection::open(host.process.port).await else { return Outcome::NotSent };
            self.connection = Some((host, connection));
        }
        let (host, connection) = self.connection.as_mut().unwrap();
        let (ledger, day) = (&self.fleet.ledger, self.fleet.day);
        ledger.sent(day, view);
        match tokio::time::timeout(patience, host.send_over(connection, &view.request())).await {
            Ok(Ok(response)) if (200..300).contains(&response.status) => {
                ledger.acknowledged(day, view);
                Outcome::Acknowledged
            }
            Ok(Ok(response)) => {
                let log = host.process.lines();
                assert_eq!(response.status, 503, "only the database fails; {:?}", log.last_chunk::<20>());
                ledger.given_up();
                Outcome::GivenUp
            }
            Ok(Err(_)) | Err(_) => {
                ledger.given_up();
                self.connection = None;
                Outcome::GivenUp
            }
        }
    }
}
