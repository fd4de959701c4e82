//! Describes User-Agents, for `handler/lists/check-agents` to hold the descriptions against others'. It is not shipped.
//!
//! usage: agents [--time] < FILE, with a User-Agent in each line. Prints for each whether it is a robot's (`robot` or nothing),
//! and its browser, system and device, parted by tabs; with `--time` instead the nanoseconds that one takes.

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

/// What one description takes, in the fastest of several rounds: the others waited for somebody else.
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
