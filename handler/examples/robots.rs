//! Reads User-Agents from standard input, one per line, and prints the robots. `check-robots` uses it.

use std::io::{self, BufRead, Write};

use handler::domain::visit::robot;

fn main() -> io::Result<()> {
    let mut robots = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let user_agent = line?;
        if robot::is_robot(&user_agent) {
            writeln!(robots, "{user_agent}")?;
        }
    }
    Ok(())
}
