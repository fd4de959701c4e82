//! The oracle keeps every visit in memory, counts distinct visitors one by one, and compares the product's numbers with
//! them.
//!
//! Random worlds of visitors, sites, pages, days, instances, orders and failures come from a seed (`world`), run on a
//! real database (`run`), and answer random ranges of days (`check`). `rule` decides which visits come too late to be
//! placed; `truth` is independent of it. `cases` holds the faults found this way, reduced to the smallest input.
//! `scripts/oracle` runs the long form (`processes`). `ORACLE_SEEDS="1 2"` selects other worlds; `ORACLE_LOG=info`
//! shows the product's log.

mod cases;
mod cells;
mod check;
mod database;
mod processes;
mod rule;
mod run;
mod truth;
mod world;

use std::time::{SystemTime, UNIX_EPOCH};

use world::{Size, World};

use crate::support::number_from;

/// Ranges checked in each world of the short form. Its worlds have every kind of event: imports, late visits,
/// maintenance and lost messages. `scripts/oracle` checks more instances, more worlds, and a million ranges.
const RANGES: usize = 400;

/// Shows the product's log from the level in `ORACLE_LOG`.
fn show_log() {
    if let Ok(level) = std::env::var("ORACLE_LOG") {
        let level: tracing::Level = level.parse().unwrap();
        let _ = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).try_init();
    }
}

async fn every_range_is_exact(seed: u64) {
    show_log();
    let (ranges, began) = (number_from("ORACLE_RANGES", RANGES), std::time::Instant::now());
    let world = World::of_seed(seed, Size { instances: 3, activity: 60 });
    let fleet = run::live(&world).await.unwrap_or_else(|problem| panic!("{problem}"));
    let lived = began.elapsed();
    check::check(&world, &fleet, ranges, 0).await.unwrap_or_else(|difference| panic!("{difference}"));
    let problems = fleet.database.problems().await;
    assert!(problems.is_empty(), "seed {seed}: {problems:?}");
    // The times are printed for people. No check depends on them.
    let (steps, all) = (world.steps.len(), began.elapsed());
    println!("seed {seed}: {steps} steps in {lived:.1?}, 0 wrong of {ranges} ranges after {all:.1?}");
}

#[tokio::test]
async fn ranges_of_a_world_with_many_visitors_are_exact() {
    every_range_is_exact(7).await;
}

#[tokio::test]
async fn ranges_of_a_world_with_daily_forgetting_are_exact() {
    every_range_is_exact(4).await;
}

#[tokio::test]
async fn ranges_of_a_world_with_few_and_frequent_visitors_are_exact() {
    every_range_is_exact(15).await;
}

/// The worlds of `ORACLE_SEEDS`, or else a new one.
#[tokio::test]
async fn ranges_of_a_new_world_are_exact() {
    let named = std::env::var("ORACLE_SEEDS").unwrap_or_default();
    let mut seeds: Vec<u64> = named.split_whitespace().map(|seed| seed.parse().unwrap()).collect();
    if seeds.is_empty() {
        seeds.push(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());
    }
    for seed in seeds {
        println!("seed {seed}");
        every_range_is_exact(seed).await;
    }
}
