//! The oracle keeps every visit in memory, counts distinct visitors one by one, and compares the product's numbers with them.
//!
//! Random worlds of visitors, sites, pages, days, instances, orders and failures come from a seed (`world`), run on a real database
//! (`run`), and answer random ranges of days (`check`). `rule` decides which visits come too late to be placed; `truth` is independent
//! of it. `cases` holds the faults found this way, reduced to the smallest input. `scripts/oracle` runs the long form (`processes`).
//! `ORACLE_SEEDS="1 2"` selects other worlds; `ORACLE_LOG=info` shows the product's log.

mod cases;
mod check;
mod database;
mod processes;
mod random;
mod rule;
mod run;
mod truth;
mod world;

use std::time::{SystemTime, UNIX_EPOCH};

use world::{Size, World};

/// Worlds with many visitors, with daily forgetting (`FOOTFALL_FORGET=daily`), and with few visitors who come often.
const SEEDS: [u64; 3] = [7, 4, 15];

/// Ranges checked in each world of the short form.
const RANGES: usize = 2500;

/// A number from the environment.
fn number_from(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).ok().map_or(otherwise, |number| number.parse().unwrap())
}

/// Shows the product's log from the level in `ORACLE_LOG`.
fn show_log() {
    if let Ok(level) = std::env::var("ORACLE_LOG") {
        let level: tracing::Level = level.parse().unwrap();
        let _ = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).try_init();
    }
}

async fn every_range_is_exact(seed: u64) {
    let (ranges, began) = (number_from("ORACLE_RANGES", RANGES), std::time::Instant::now());
    let world = World::of_seed(seed, Size { instances: 3, activity: 60 });
    let fleet = run::live(&world).await.unwrap_or_else(|problem| panic!("{problem}"));
    let lived = began.elapsed();
    check::check(&world, &fleet, ranges, 0).await.unwrap_or_else(|difference| panic!("{difference}"));
    let problems = fleet.database.problems().await;
    assert!(problems.is_empty(), "seed {seed}: {problems:?}");
    let (steps, all) = (world.steps.len(), began.elapsed());
    println!("seed {seed}: {steps} steps in {lived:.1?}, 0 wrong of {ranges} ranges after {all:.1?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_range_of_days_of_a_random_world_is_exact() {
    show_log();
    let named = std::env::var("ORACLE_SEEDS").unwrap_or_default();
    let mut seeds: Vec<u64> = named.split_whitespace().map(|seed| seed.parse().unwrap()).collect();
    if seeds.is_empty() {
        // And a new seed each time.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        seeds = SEEDS.into_iter().chain([now]).collect();
    }
    println!("seeds {seeds:?}");
    // At once, because worlds mostly wait for the database.
    let worlds: Vec<_> = seeds.into_iter().map(|seed| tokio::spawn(every_range_is_exact(seed))).collect();
    for world in worlds {
        world.await.unwrap();
    }
}
