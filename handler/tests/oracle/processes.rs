//! The long form: every instance is a process, and all of them use one database. The leading process moves the time
//! from step to step. The followers do their part of each step. Every process makes the whole world and its truth from
//! the seed.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Instant,
};

use crate::{
    database::Database,
    oracle::{
        check::check,
        run::{Fleet, PATIENT, forget_of, sites_of},
        show_log,
        world::{Size, World},
    },
    support::number_from,
};

/// Prefix of a follower's lines, because the test harness writes other lines.
const SAYS: &str = "oracle: ";

fn size(processes: usize) -> Size {
    Size { instances: processes, activity: 100 }
}

struct Follower {
    process: Child,
    tell: ChildStdin,
    hear: BufReader<ChildStdout>,
}

impl Follower {
    fn start(seed: u64, place: usize, processes: usize, database: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["oracle::processes::follows", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .envs([("ORACLE_SEEDS", seed.to_string()), ("ORACLE_PLACE", place.to_string())])
            .envs([("ORACLE_PROCESSES", processes.to_string()), ("ORACLE_DATABASE", database.to_owned())])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (tell, hear) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        Self { process, tell, hear }
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.tell, "{line}").and_then(|()| self.tell.flush()).expect("the other process lives");
    }

    /// Waits until it is ready with what it was told. Answers what was wrong.
    fn hear(&mut self) -> Result<(), String> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.hear.read_line(&mut line).unwrap() == 0 {
                return Err("another process has ended".to_owned());
            }
            // The harness ends none of its own lines before a test's first one.
            if let Some((_, said)) = line.trim_end().split_once(SAYS) {
                return if said == "done" { Ok(()) } else { Err(said.replace("\\n", "\n")) };
            }
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Tells all processes, and waits for all.
fn all(followers: &mut [Follower], line: &str) -> Result<(), String> {
    for follower in followers.iter_mut() {
        follower.tell(line);
    }
    let answers: Vec<_> = followers.iter_mut().map(Follower::hear).collect();
    answers.into_iter().collect()
}

async fn one_world(seed: u64, processes: usize, ranges: usize) -> Result<usize, String> {
    let world = World::of_seed(seed, size(processes));
    let database = Fleet::prepare(&world.zone, forget_of(&world), world.steps[0].now_ms).await;
    let mut followers: Vec<Follower> =
        (0..processes).map(|place| Follower::start(seed, place, processes, database.name())).collect();
    all(&mut followers, "start")?;
    for (number, step) in world.steps.iter().enumerate() {
        database.set_clock(step.now_ms).await;
        all(&mut followers, &format!("step {number}"))
            .map_err(|problem| format!("seed {seed}, step {number}: {problem}\n{step:#?}"))?;
    }
    let share = ranges.div_ceil(processes);
    all(&mut followers, &format!("check {share}"))?;
    let problems = database.problems().await;
    if problems.is_empty() { Ok(share * processes) } else { Err(format!("seed {seed}: {problems:?}")) }
}

/// `scripts/oracle` runs it.
#[ignore = "it takes long"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_range_of_days_is_exact_on_many_processes() {
    show_log();
    let (first, seeds) = (number_from("ORACLE_FIRST_SEED", 1000), number_from("ORACLE_SEEDS", 10));
    let (processes, ranges) = (number_from("ORACLE_PROCESSES", 8), number_from("ORACLE_RANGES", 1_000_000));
    let (began, mut checked) = (Instant::now(), 0);
    for place in 0..seeds {
        let seed = u64::try_from(first + place).unwrap();
        match one_world(seed, processes, ranges.div_ceil(seeds)).await {
            Ok(ranges) => checked += ranges,
            Err(problem) => panic!("after {checked} ranges that were right, with {processes} processes: {problem}"),
        }
        println!("seed {seed}: 0 wrong of {checked} ranges so far, {:.0?}", began.elapsed());
    }
    println!("0 wrong of {checked} ranges: seeds {first} to {}, {processes} processes", first + seeds - 1);
}

/// The work of a follower, which the leading process starts.
#[ignore = "the long form starts it"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn follows() {
    let Ok(name) = std::env::var("ORACLE_DATABASE") else { return };
    show_log();
    let (place, processes) = (number_from("ORACLE_PLACE", 0), number_from("ORACLE_PROCESSES", 1));
    let world = World::of_seed(u64::try_from(number_from("ORACLE_SEEDS", 0)).unwrap(), size(processes));
    let database = Database::named(name).await;
    let now_ms = world.steps[0].now_ms;
    let mine = |instance| instance % processes == place;
    let sites = sites_of(&world);
    let fleet =
        Fleet::start(database, &world.zone, forget_of(&world), now_ms, &world.skews_ms, sites, PATIENT, mine).await;
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let (what, number) = line.split_once(' ').unwrap_or((&line, "0"));
        let number: usize = number.parse().unwrap();
        let problem = match what {
            "step" => {
                fleet.set_clock(world.steps[number].now_ms);
                let problems = fleet.perform(&world, number, place == 0).await;
                if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
            }
            "check" => check(&world, &fleet, number, u64::try_from(place).unwrap()).await,
            _ => Ok(()),
        };
        println!("{SAYS}{}", problem.err().map_or("done".to_owned(), |problem| problem.replace('\n', "\\n")));
    }
}
