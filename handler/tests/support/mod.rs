//! The surroundings of the product in tests, one of each, for `it`, `oracle` and `faults`.
//!
//! [`database`] makes a database for each test, and [`process`] starts the binary. [`host`] is a double of the
//! Functions host, [`client`] a visitor, and [`cable`] a gate between a handler and its database. [`azure`] has an
//! identity endpoint and a `PostgreSQL` server that accepts tokens over TLS. [`own_server`] stops and starts a server of
//! this process alone, and [`pgbouncer`] is a pooler. [`log`] writes access logs, and [`random`] has numbers from a seed.

pub(crate) mod azure;
pub(crate) mod cable;
pub(crate) mod client;
pub(crate) mod database;
pub(crate) mod host;
pub(crate) mod log;
pub(crate) mod own_server;
pub(crate) mod pgbouncer;
pub(crate) mod process;
pub(crate) mod random;

/// A number from the environment.
pub(crate) fn number_from(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).ok().map_or(otherwise, |number| number.parse().unwrap())
}
