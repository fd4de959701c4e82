//! Describes User-Agents. `handler/lists/check-agents` compares the descriptions with other lists. This example is not shipped.
//!
//! usage: agents [--time] < FILE
//!
//! FILE has one User-Agent per line. For each, this prints `robot` or nothing, browser, system and device, separated by tabs. With
//! `--time`, this prints the nanoseconds per description instead.

use std::{hint::black_box, io, time::Instant};

use handler::domain::{
    dimension::agent::{Agent, Hints, describe},
    visit::robot,
};

fn main() -> io::Result<()> {
    let user_agents = io::stdin().lines().collect::<io::Result<Vec<String>>>()?;
    if std::env::args().any(|argument| argument == "--time") {
        println!("{:.0}", nanoseconds(&user_agents));
        return Ok(());
    }
    for user_agent in &user_agents {
        let robot = robot::identify(user_agent).map_or("", |_| "robot");
        let Agent { browser, operating_system, device } = describe(user_agent, Hints::default());
        println!("{robot}\t{browser}\t{operating_system}\t{device}");
    }
    Ok(())
}

/// The time per description in the fastest of several rounds. Other processes delayed the slower rounds.
#[expect(clippy::cast_precision_loss, reason = "a measurement")]
fn nanoseconds(user_agents: &[String]) -> f64 {
    let round = || {
        let began = Instant::now();
        for user_agent in user_agents {
            black_box(describe(black_box(user_agent), Hints::default()));
        }
        began.elapsed().as_nanos() as f64 / user_agents.len() as f64
    };
    (0..9).map(|_| round()).fold(f64::INFINITY, f64::min)
}
