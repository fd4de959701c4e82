//! Runs a world: several instances of the product, in-process, on a real database.

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use handler::{
    clock::Clock,
    config::DatabaseConfig,
    domain::{
        Classification, CountingMode, CountingRules, Day, Dimension, Forget, Network, SiteName, Visit, VisitKind,
        VisitorKey, dimension::path::page_path,
    },
    reader::Reader,
    recorder::{LogPrefix, Recorder},
    store::{self, CONNECTION_LIFETIME, Connection, Failure, StatementLimits},
};
use jiff::{Timestamp, tz::TimeZone};
use tokio::{task::JoinSet, time::Instant};

use crate::{
    cable::Cable,
    database::Database,
    oracle::world::{Action, Import, Kind, Loss, Step, View, World},
    random::Random,
};

/// Deadline of a visit. With a shorter one, the outcome of a visit could be unknown.
const PATIENCE: Duration = Duration::from_secs(60);

/// Limits of a recorder with a slow database, because the machine is busy.
pub(crate) const PATIENT: StatementLimits =
    StatementLimits { statement: Duration::from_secs(12), lock: Duration::from_secs(8) };

/// An instance of the product.
pub(crate) struct Instance {
    pub(crate) recorder: Recorder,
    pub(crate) reader: Reader,
    pub(crate) cable: Cable,
    /// Clock error.
    skew_ms: i64,
}

/// The instances of one process, and their database.
pub(crate) struct Fleet {
    pub(crate) database: Database,
    /// The true time.
    now_ms: Arc<AtomicI64>,
    /// By number; instances of other processes are missing.
    pub(crate) instances: Vec<Option<Instance>>,
    /// For maintenance and for direct reads.
    pub(crate) maintenance: Arc<Connection>,
    pub(crate) direct: Arc<Connection>,
    pub(crate) sites: Vec<SiteName>,
    pub(crate) rules: CountingRules,
}

impl Fleet {
    /// Creates a database with its schema and a clock that can be set.
    pub(crate) async fn prepare(zone: &TimeZone, forget: Forget, now_ms: i64) -> Database {
        let database = Database::create().await;
        let rules = CountingRules {
            counting_mode: CountingMode { zone: zone.clone(), forget, own_site: "localhost".parse().unwrap() },
            keeps_all_time: true,
            retention_days: None,
            named_events: Vec::new(),
            smallest_group: Some(5),
        };
        let clock = Arc::new(AtomicI64::new(now_ms));
        let [connection] =
            connect(&database, None, &rules, &clock, 0, CONNECTION_LIFETIME, [StatementLimits::FOR_REQUESTS]).await;
        connection.check().await.unwrap();
        connection.close().await;
        database.replace_clock().await;
        database.set_clock(now_ms).await;
        database
    }

    /// Starts the instances in `mine`.
    #[expect(clippy::too_many_arguments, reason = "a world's properties, of which cases have some only")]
    pub(crate) async fn start(
        database: Database,
        zone: &TimeZone,
        forget: Forget,
        now_ms: i64,
        skews_ms: &[i64],
        sites: Vec<SiteName>,
        limits: StatementLimits,
        mine: impl Fn(usize) -> bool,
    ) -> Self {
        let rules = CountingRules {
            counting_mode: CountingMode { zone: zone.clone(), forget, own_site: "localhost".parse().unwrap() },
            keeps_all_time: true,
            retention_days: None,
            named_events: Vec::new(),
            smallest_group: Some(5),
        };
        let now_ms = Arc::new(AtomicI64::new(now_ms));
        let mut instances = Vec::new();
        for (number, skew_ms) in skews_ms.iter().copied().enumerate() {
            if !mine(number) {
                instances.push(None);
                continue;
            }
            let cable = Cable::to(&database).await;
            // One of four renews its connections all the time.
            let lifetime = if number % 4 == 3 { Duration::from_millis(40) } else { CONNECTION_LIFETIME };
            let [recording] =
                connect(&database, Some(cable.port()), &rules, &now_ms, skew_ms, lifetime, [limits]).await;
            let [reading] = connect(&database, None, &rules, &now_ms, skew_ms, CONNECTION_LIFETIME, [limits]).await;
            let (recorder, _) = Recorder::start(recording, rules.clone(), None);
            let (reader, _) = Reader::start(reading, rules.clone(), sites.clone());
            instances.push(Some(Instance { recorder, reader, cable, skew_ms }));
        }
        let limits = [StatementLimits::FOR_MAINTENANCE, StatementLimits::FOR_IMPORTS];
        let [maintenance, direct] = connect(&database, None, &rules, &now_ms, 0, CONNECTION_LIFETIME, limits).await;
        Self { database, now_ms, instances, maintenance, direct, sites, rules }
    }

    /// All instances of a world, in this process.
    pub(crate) async fn of_world(world: &World) -> Self {
        let (forget, now_ms) = (forget_of(world), world.steps[0].now_ms);
        let database = Self::prepare(&world.zone, forget, now_ms).await;
        Self::start(database, &world.zone, forget, now_ms, &world.skews_ms, sites_of(world), PATIENT, |_| true).await
    }

    pub(crate) fn instance(&self, number: usize) -> &Instance {
        self.instances[number].as_ref().expect("this instance runs in this process")
    }

    /// Moves this process's clocks. The leading process moves the database's clock.
    pub(crate) fn set_clock(&self, now_ms: i64) {
        self.now_ms.store(now_ms, Ordering::SeqCst);
    }

    pub(crate) fn visit(&self, instance: usize, view: &View, is_import: bool) -> Visit {
        let skew_ms = if is_import { 0 } else { self.instance(instance).skew_ms };
        Visit {
            at: Timestamp::from_millisecond(view.at_ms + skew_ms).unwrap(),
            site: self.sites[view.site].clone(),
            network: Some(client(view.visitor, view.at_ms).network().limited()),
            kind: if view.is_event { VisitKind::Event } else { VisitKind::View },
            values: view.values.iter().map(|value| spelled(value, view.at_ms / 500)).collect(),
            profile: view.profile(),
            classification: match (view.kind, view.kind.exclusion()) {
                (Kind::Bot, Some(exclusion)) => Classification::Excluded(exclusion),
                (_, Some(exclusion)) => Classification::Pageview(exclusion),
                (_, None) => Classification::Visitor(client(view.visitor, view.at_ms)),
            },
        }
    }

    /// Runs this process's part of a step and returns the unexpected outcomes.
    pub(crate) async fn perform(&self, world: &World, number: usize, leads: bool) -> Vec<String> {
        let step = &world.steps[number];
        let mine = || step.actions.iter().filter(|(instance, ..)| self.instances[*instance].is_some());
        let mut work: JoinSet<Vec<String>> = JoinSet::new();
        for (instance, action, loss) in mine() {
            let cable = &self.instance(*instance).cable;
            match loss {
                Some(Loss::Question(nth)) => cable.lose_request(*nth),
                Some(Loss::Answer(nth)) => cable.lose_response(*nth),
                None => {}
            }
            let recorder = self.instance(*instance).recorder.clone();
            match action {
                Action::Visits(views) => {
                    for view in views {
                        let (recorder, visit) = (recorder.clone(), self.visit(*instance, view, false));
                        work.spawn(async move {
                            let outcome = recorder.record(visit, Instant::now() + PATIENCE).await;
                            outcome
                                .err()
                                .map(|error| format!("a visit was not recorded: {error}"))
                                .into_iter()
                                .collect()
                        });
                    }
                }
                Action::InOrder(views) => {
                    let visits: Vec<Visit> = views.iter().map(|view| self.visit(*instance, view, false)).collect();
                    work.spawn(async move {
                        let mut problems = Vec::new();
                        for visit in visits {
                            let outcome = recorder.record(visit, Instant::now() + PATIENCE).await;
                            problems.extend(outcome.err().map(|error| format!("a visit was not recorded: {error}")));
                        }
                        problems
                    });
                }
                Action::Import(import) => {
                    let visits = import.views.iter().map(|view| self.visit(*instance, view, true)).collect();
                    let upto =
                        LogPrefix { site: self.site_of(import), digest: digest(world, import), bytes: import.log };
                    let (closed, late) = (import.closed.clone(), import.late.clone());
                    let is_quiet = step.actions.iter().all(|(.., loss)| loss.is_none()) && step.ends == 0;
                    work.spawn(
                        async move { check_import(recorder.import(visits, upto).await, closed, late, is_quiet) },
                    );
                }
            }
        }
        let other = async {
            let mut problems = Vec::new();
            if leads && step.has_maintenance {
                problems.extend(self.maintain().await);
            }
            let mut random = Random::of(world.seed ^ u64::try_from(number).unwrap());
            for _ in 0..if leads { step.ends } else { 0 } {
                tokio::time::sleep(Duration::from_micros(random.next() % 9000)).await;
                self.database.terminate_connection(random.below(world.skews_ms.len())).await;
            }
            problems
        };
        let all = async {
            let mut problems = Vec::new();
            while let Some(done) = work.join_next().await {
                problems.extend(done.unwrap_or_else(|error| vec![format!("a task failed: {error}")]));
            }
            problems
        };
        let (mut problems, others) = tokio::join!(all, other);
        problems.extend(others);
        for (instance, ..) in mine() {
            self.instance(*instance).cable.mend();
        }
        problems
    }

    fn site_of(&self, import: &Import) -> SiteName {
        self.sites[import.views.first().map_or(0, |view| view.site)].clone()
    }

    /// Runs maintenance until it completes.
    pub(crate) async fn maintain(&self) -> Vec<String> {
        for _ in 0..200 {
            let outcome = match self.maintenance.checkout().await {
                Ok(mut checkout) => {
                    let today = Day::containing(self.maintenance.now(), &self.rules.counting_mode.zone);
                    let today = today.expect("the time is in the calendar");
                    let outcome = store::remove(&mut checkout, today, None, &self.rules).await;
                    checkout.release(outcome)
                }
                Err(failure) => Err(failure),
            };
            match outcome {
                Ok(Some(_)) => return Vec::new(),
                // Another run is in progress, or was interrupted.
                Ok(None) => {
                    self.database.execute("update setting set maintained_until = null").await;
                }
                Err(Failure::Lost(_) | Failure::TimedOut(_)) => {}
                Err(failure) => return vec![format!("maintenance failed: {failure}")],
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        vec!["maintenance never came to its end".to_owned()]
    }
}

fn check_import(
    outcome: Result<handler::recorder::Imported, Failure>,
    closed: Vec<usize>,
    late: Vec<(usize, bool)>,
    is_quiet: bool,
) -> Vec<String> {
    let mut problems = Vec::new();
    match outcome {
        Err(failure) => problems.push(format!("an import failed: {failure}")),
        Ok(imported) => {
            // A chunk counted before has no outcome to compare.
            if imported.applied && imported.closed != closed {
                problems.push(format!("views of closed periods are {closed:?}, and {:?} was said", imported.closed));
            }
            // After a lost response the late visits are unknown.
            if imported.applied && is_quiet {
                let may = |place| late.iter().any(|(known, _)| *known == place);
                let too_many = imported.late.iter().any(|place| !may(*place));
                let too_few = late.iter().any(|(place, is_certain)| *is_certain && !imported.late.contains(place));
                if too_many || too_few {
                    problems.push(format!("late are {late:?}, and {:?} was said", imported.late));
                }
            }
        }
    }
    problems
}

/// A value as the product reads it. A page comes in several spellings, and each is one page.
fn spelled((dimension, value): &(Dimension, String), spelling: i64) -> (Dimension, Cow<'static, str>) {
    let value = match dimension {
        Dimension::Page | Dimension::EntryPage => {
            let name = value.trim_start_matches('/');
            let encoded = |byte: u8| format!("%{byte:02x}");
            page_path(&match spelling % 7 {
                0 => format!("/{}", name.bytes().map(encoded).collect::<String>()),
                1 => format!("/{}?from=1", name.bytes().map(encoded).collect::<String>().to_uppercase()),
                2 => format!("/./{name}"),
                3 => format!("/away/../{name}#top"),
                4 => format!("/{name};jsessionid=7"),
                5 => format!("\\{name}"),
                _ => format!("/{name}"),
            })
        }
        _ => value.clone(),
    };
    (*dimension, value.into())
}

/// A visitor is an address and a User-Agent without versions: two visitors share an address, and each updates its browser.
fn client(visitor: usize, version: i64) -> VisitorKey {
    let number = u32::try_from(visitor / 2).unwrap();
    let address: IpAddr = if visitor % 8 < 6 {
        Ipv4Addr::from(0x0A00_0001 + number).into()
    } else {
        Ipv6Addr::from(0x2001_0db8_u128 << 96 | u128::from(number) << 64 | 5).into()
    };
    let browser = ["Firefox", "Chrome"][visitor % 2];
    VisitorKey::new(Network::of(address), &format!("{browser}/{version}.{}", version % 3))
}

fn digest(world: &World, import: &Import) -> [u8; 32] {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&world.seed.to_le_bytes());
    digest[8..16].copy_from_slice(&import.log.to_le_bytes());
    digest
}

pub(crate) fn forget_of(world: &World) -> Forget {
    if world.is_daily() { Forget::Daily } else { Forget::Monthly }
}

pub(crate) fn sites_of(world: &World) -> Vec<SiteName> {
    (0..world.truth.sites.len()).map(|site| World::site_name(site).parse().unwrap()).collect()
}

/// Connections of an instance whose clock is wrong by `skew_ms`, through a port of this machine if one is named.
async fn connect<const N: usize>(
    database: &Database,
    port: Option<u16>,
    rules: &CountingRules,
    now_ms: &Arc<AtomicI64>,
    skew_ms: i64,
    lifetime: Duration,
    limits: [StatementLimits; N],
) -> [Arc<Connection>; N] {
    let mut options = database.options();
    if let Some(port) = port {
        options = options.host("127.0.0.1").port(port);
    }
    let now_ms = now_ms.clone();
    let clock = Clock::reading(move || Timestamp::from_millisecond(now_ms.load(Ordering::SeqCst) + skew_ms).unwrap());
    let config = DatabaseConfig::Server(Box::new(options));
    let database = store::Database::new(&config, rules.counting_mode.clone(), clock).await.unwrap();
    database.connections_that_last(lifetime, limits)
}

/// Runs a whole world in this process.
pub(crate) async fn live(world: &World) -> Result<Fleet, String> {
    let fleet = Fleet::of_world(world).await;
    for (number, Step { now_ms, .. }) in world.steps.iter().enumerate() {
        fleet.set_clock(*now_ms);
        fleet.database.set_clock(*now_ms).await;
        let mut problems = fleet.perform(world, number, true).await;
        if std::env::var_os("ORACLE_EACH_STEP").is_some() {
            problems.extend(fleet.database.days_that_differ(world, number).await);
        }
        if !problems.is_empty() {
            return Err(format!("seed {}, step {number}: {problems:?}\n{:#?}", world.seed, world.steps[number]));
        }
    }
    Ok(fleet)
}
