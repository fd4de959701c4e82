//! The surroundings of the product in tests, one of each, for `it` and `oracle`.
//!
//! [`database`] makes a database for each test, and [`process`] starts the binary. [`host`] is a double of the
//! Functions host, [`client`] a visitor, and [`cable`] a gate between a handler and its database. [`azure`] has an
//! identity endpoint and a `PostgreSQL` server that accepts tokens over TLS. [`log`] writes access logs.

pub(crate) mod azure;
pub(crate) mod cable;
pub(crate) mod client;
pub(crate) mod database;
pub(crate) mod host;
pub(crate) mod log;
pub(crate) mod process;
