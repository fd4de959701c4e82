//! Handlers, `PostgreSQL` and clients under random faults, and then a comparison of every number.
//!
//! Clients keep a `ledger` of what they sent and what was acknowledged, while faults happen by a `plan` from a seed
//! (`inflict`). Then, in each cell of site, value and day, and for the visitors of each range of days (`check`):
//! acknowledged ≤ counted ≤ sent. All sums must be equal, and an import that was killed counts each line once.
//!
//! A campaign has rounds. Each round is a day of the database's clock, with new processes, and ends with a comparison.
//! `scripts/faults` runs the campaigns that stop, kill and fill the server. The tests here leave the server alone, and
//! prove that the comparison notices a database that forgets or repeats.

mod check;
mod fleet;
mod import;
mod inflict;
mod ledger;
mod plan;
mod report;
mod view;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use handler::domain::Day;
use jiff::{Timestamp, civil::date, tz::TimeZone};
use tokio::task::JoinSet;

use crate::{
    database::Database,
    faults::{
        check::{Compared, check},
        fleet::{Crowd, Fleet, clients, pooler_mode},
        import::Import,
        inflict::Scene,
        ledger::Ledger,
        plan::{Fault, Kind, Reach, plan},
        report::{Report, SLOW},
    },
    own_server::OwnServer,
    support::number_from,
};

/// A bit for each day in `ledger`, and a range of unique visitors has at most two months.
const MOST_ROUNDS: usize = 16;

/// How many wrong numbers a failure shows.
const SHOWN: usize = 40;

#[derive(Clone)]
struct Campaign {
    seed: u64,
    faults: Vec<Fault>,
    rounds: usize,
    handlers: usize,
    crowd: Crowd,
    /// How many views the clients send at least.
    requests: u64,
    /// Lines that the log gets in each round.
    lines: usize,
}

/// The result of a campaign.
struct Outcome {
    report: Report,
    compared: Compared,
    sent: u64,
    acknowledged: u64,
}

/// The first day. The rounds go over the end of a month.
fn first_day() -> Day {
    Day::of_date(date(2027, 1, 25)).unwrap()
}

/// An import rejects times that this machine's clock has not reached.
fn first_day_of_log() -> Day {
    Day::of_date(date(2015, 5, 25)).unwrap()
}

/// Sets the clock to two o'clock, so that no round goes over midnight.
async fn set_clock(database: &Database, day: Day) {
    let ahead = day.start(&TimeZone::UTC).duration_since(Timestamp::now()).as_secs() + 2 * 3600;
    let replace = "create or replace function database_clock() returns timestamptz language sql volatile";
    let clock = format!("{replace} as 'select clock_timestamp() + interval ''{ahead} seconds'''");
    database.fresh().await.execute(&clock).await;
}

impl Campaign {
    async fn run(&self, database: &Database, servers: &[OwnServer]) -> Result<Outcome, String> {
        assert!(self.rounds <= MOST_ROUNDS);
        let (ledger, mut import) = (Arc::new(Ledger::default()), Import::of(database));
        let (mut report, mut compared) = (Report::default(), Compared::default());
        for round in 0..self.rounds {
            let day = first_day().plus(i32::try_from(round).unwrap());
            set_clock(database, day).await;
            import.grow(first_day_of_log().plus(i32::try_from(round).unwrap()), self.lines);
            let fleet = Arc::new(Fleet::start(database, self.handlers, ledger.clone(), round).await);
            let outcome =
                self.round(round, &fleet, Scene { fleet: &fleet, database, servers }, &mut import, &mut report);
            outcome.await.map_err(|problem| format!("seed {}, round {round}: {problem}", self.seed))?;
            fleet.stop();
            // The sessions of the killed handlers may still commit.
            let fresh = database.fresh().await;
            fresh.wait_until_alone().await;
            match check(&fresh, &ledger, &import.expected, first_day(), round + 1).await {
                Ok(numbers) => compared = numbers,
                Err(problems) => {
                    let first = problems.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("\n");
                    return Err(format!("seed {}, round {round}: {} wrong\n{first}", self.seed, problems.len()));
                }
            }
        }
        Ok(Outcome { report, compared, sent: ledger.all_sent(), acknowledged: ledger.all_acknowledged() })
    }

    async fn round(
        &self,
        round: usize,
        fleet: &Arc<Fleet>,
        scene: Scene<'_>,
        import: &mut Import,
        report: &mut Report,
    ) -> Result<(), String> {
        let is_over = Arc::new(AtomicBool::new(false));
        let seed = self.seed.wrapping_mul(1000) + u64::try_from(round).unwrap();
        let mut clients = clients(fleet, self.crowd, seed, &is_over);
        let share = self.faults.len().div_ceil(self.rounds);
        for (number, fault) in self.faults.iter().enumerate().skip(round * share).take(share) {
            tokio::time::sleep(fault.pause).await;
            let (began, fault_began) = (Instant::now(), Timestamp::now());
            let given_up = fleet.ledger.all_given_up();
            let ended = scene.inflict(fault, import).await;
            let mut recoveries = JoinSet::new();
            for place in ended.handlers {
                let (fleet, visitors) = (fleet.clone(), self.crowd.visitors);
                let seed = seed.wrapping_mul(1000) + u64::try_from(number).unwrap();
                recoveries.spawn(async move { (place, fleet.recovery(place, ended.at, seed, visitors).await) });
            }
            let mut longest = Duration::ZERO;
            for (place, recovery) in recoveries.join_all().await {
                let recovery = recovery.ok_or_else(|| format!("no view counts after fault {number}, {fault:?}"))?;
                longest = longest.max(recovery);
                if shows_each() && recovery > SLOW {
                    println!("handler {place} counts {recovery:.2?} after the end; it logged since {fault_began}:");
                    println!("{}", fleet.places[place].log_since(fault_began));
                }
            }
            let given_up = fleet.ledger.all_given_up() - given_up;
            report.add(fault.kind, longest, given_up);
            if shows_each() {
                let (lasted, sent) = (ended.at - began, fleet.ledger.all_sent());
                println!("{number}: {fault:?}, {lasted:.1?}, counts {longest:.2?} after its end, {sent} sent");
            }
        }
        let rounds = u64::try_from(self.rounds).unwrap();
        let enough = self.requests * (u64::try_from(round).unwrap() + 1) / rounds;
        while fleet.ledger.all_sent() < enough {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        is_over.store(true, Ordering::Relaxed);
        while let Some(client) = clients.join_next().await {
            client.unwrap();
        }
        fleet.wait_for_late_views().await;
        import.finish().await
    }
}

/// Whether each fault is printed, and the log of each handler that counts late after it.
fn shows_each() -> bool {
    std::env::var_os("FAULTS_EACH").is_some()
}

/// The kinds that are possible here.
fn kinds(servers: &[OwnServer]) -> Vec<Kind> {
    let times = |kind: Kind| match kind.reach() {
        Reach::Database => 1,
        Reach::Pooler => usize::from(pooler_mode().is_some()),
        Reach::Server => usize::from(!servers.is_empty()),
        // Each worker has its turn.
        Reach::Worker => servers.len().saturating_sub(1),
    };
    let only = std::env::var("FAULTS_ONLY").unwrap_or_default();
    let is_wanted = |kind: &Kind| only.is_empty() || only.split(',').any(|name| format!("{kind:?}") == name);
    let wanted = Kind::ALL.into_iter().filter(is_wanted);
    wanted.flat_map(|kind| std::iter::repeat_n(kind, times(kind))).collect()
}

/// Prints what this machine cannot do.
fn print_limits(servers: &[OwnServer]) {
    match pooler_mode() {
        None => println!("NOT RUN: PgBouncer, because it is not installed"),
        Some("session") => {
            println!("NOT RUN: PgBouncer in transaction mode, because versions before 1.21 lose prepared statements.");
            println!("It runs in session mode.");
        }
        Some(_) => {}
    }
    if servers.len() == 1 {
        println!("NOT RUN: a cluster, because FOOTFALL_TEST_CITUS is not 1.");
    }
    if !servers[0].has_disk() {
        println!("NOT RUN: a full disk, because no disk can be mounted. A limit of the size of files takes its place.");
    }
}

/// `scripts/faults` runs it.
#[ignore = "it stops, kills and fills the server"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_view_counts_once_under_faults() {
    let servers = OwnServer::of_this_process();
    assert!(!servers.is_empty(), "run scripts/faults, which starts a server for this test alone");
    print_limits(&servers);
    let kinds = kinds(&servers);
    assert!(!kinds.is_empty(), "none of these faults is possible here");
    let now = Timestamp::now().as_second();
    let seed = u64::try_from(number_from("FAULTS_SEED", usize::try_from(now).unwrap())).unwrap();
    let is_long = std::env::var_os("FAULTS_LONG").is_some();
    let (handlers, faults) = if is_long { (4, 240) } else { (3, kinds.len()) };
    let (handlers, faults) = (number_from("FAULTS_PROCESSES", handlers), number_from("FAULTS_FAULTS", faults));
    let longest = Duration::from_millis(if is_long { 3000 } else { 900 });
    let faults = plan(seed, faults, &kinds, handlers, longest);
    let requests = number_from("FAULTS_REQUESTS", if is_long { 1_000_000 } else { 3000 });
    let requests = u64::try_from(requests).unwrap();
    let campaign = if is_long {
        let crowd = Crowd { clients_of_a_handler: 24, visitors: 20_000, pause: Duration::from_millis(4) };
        Campaign { seed, faults, rounds: 12, handlers, crowd, requests, lines: 20_000 }
    } else {
        let crowd = Crowd { clients_of_a_handler: 4, visitors: 800, pause: Duration::from_millis(30) };
        Campaign { seed, faults, rounds: 2, handlers, crowd, requests, lines: 2000 }
    };
    let (faults, rounds, nodes) = (campaign.faults.len(), campaign.rounds, servers.len());
    println!("seed {seed}: {faults} faults, {handlers} handlers, {rounds} rounds, {nodes} PostgreSQL servers");
    let (database, began) = (Database::create().await, Instant::now());
    let outcome = campaign.run(&database, &servers).await.unwrap_or_else(|problem| panic!("{problem}"));
    let Outcome { report, compared, sent, acknowledged } = outcome;
    print!("{report}");
    println!(
        "0 wrong of {} numbers ({} with one possible value): {} faults, {sent} views sent, {acknowledged} acknowledged, {:.0?}",
        compared.numbers,
        compared.exact,
        report.faults(),
        began.elapsed()
    );
    println!("recoveries of more than 2 s: {}", report.slow());
}

/// A short campaign without faults of the server.
fn of_the_network(kinds: &[Kind], faults: usize) -> Campaign {
    let (seed, handlers) = (5, 2);
    let crowd = Crowd { clients_of_a_handler: 3, visitors: 100, pause: Duration::from_millis(10) };
    let faults = plan(seed, faults, kinds, handlers, Duration::from_millis(300));
    Campaign { seed, faults, rounds: 1, handlers, crowd, requests: 500, lines: 100 }
}

/// Runs a campaign on a database that this SQL has sabotaged, and returns what is wrong.
async fn problems_after(sabotage: &str, campaign: Campaign) -> String {
    let database = Database::create().await;
    database.execute(sabotage).await;
    campaign.run(&database, &[]).await.err().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_wrong_after_lost_messages() {
    let campaign = of_the_network(&[Kind::RequestLost, Kind::ResponseLost, Kind::RequestLate], 12);
    assert_eq!(problems_after("", campaign).await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_forgets_batch_ids_is_noticed() {
    let forget = "create function forget() returns trigger language plpgsql as
        $$ begin delete from batch where id = new.id; return null; end $$;
        create trigger forget after insert on batch for each row execute function forget()";
    let problems = problems_after(forget, of_the_network(&[Kind::ResponseLost], 12)).await;
    assert!(problems.starts_with("seed 5, round 0: ") && problems.contains(" views counted"), "{problems:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_drops_every_hundredth_raise_of_a_tally_is_noticed() {
    let drop = "create sequence raise;
        create function drop_some() returns trigger language plpgsql as
        $$ begin return case when nextval('raise') % 100 <> 0 then new end; end $$;
        create trigger drop_some before insert on tally for each row execute function drop_some()";
    let problems = problems_after(drop, of_the_network(&[Kind::RequestLost], 2)).await;
    assert!(problems.contains(" views counted") && problems.contains("adds up to"), "{problems:?}");
}
