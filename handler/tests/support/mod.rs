//! The surroundings of the product in tests, one of each, for `it` and `oracle`.
//!
//! [`database`] makes a database for each test, [`process`] starts the binary, [`host`] treats the binary as the Functions host
//! does, [`client`] is a visitor, and [`cable`] is a gate between a handler and its database. [`azure`] has an identity endpoint
//! and a `PostgreSQL` server that accepts tokens over TLS. [`log`] writes access logs.

pub(crate) mod azure;
pub(crate) mod cable;
pub(crate) mod client;
pub(crate) mod database;
pub(crate) mod host;
pub(crate) mod log;
pub(crate) mod process;
