//! The commands of `handler`, one file or folder each. Lower layers must not use them.

pub mod annotate;
pub mod check;
pub mod distribute;
pub mod doctor;
pub mod export;
mod findings;
pub mod forget;
pub mod help;
pub mod import;
pub mod migrate;
pub mod serve;
pub mod share;

use std::{
    fmt::Display,
    io::{self, Write},
};

/// A number with its noun, as in `1 server` and `3 servers`.
fn counted(number: i64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Prints a line. A closed pipe, as `head` leaves it, is no failure.
fn print(text: impl Display) -> io::Result<()> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
