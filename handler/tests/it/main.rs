//! Tests of the real binary, as real processes on a real `PostgreSQL`; `scripts/test` runs them.
//!
//! Who plays which part: [`database`] makes a database for each test, [`process`] starts the binary, [`host`] treats it as
//! the Functions host does, [`client`] is a visitor, [`cable`] lies between the binary and its database and can be cut.
//! [`azure`] is what Azure would put around it: an identity endpoint, and a `PostgreSQL` that takes tokens over TLS.

mod access;
mod azure;
mod cable;
mod client;
mod database;
mod host;
mod log;
mod process;

mod cardinality;
mod check;
mod clocks;
mod config;
mod count;
mod embed;
#[cfg(feature = "embedded")]
mod embedded;
mod ended_sets;
mod entra;
mod fairness;
mod foundation;
mod health;
mod hostile;
mod import;
mod import_formats;
mod import_order;
mod import_peers;
mod import_repeated;
mod instances;
mod live;
mod looking_into;
mod maintenance;
mod monitoring;
mod outage;
mod privacy;
mod rate_limit;
mod recorder;
mod refusals;
mod routes;
mod server;
mod stalls;
mod statistics;
mod tls;
mod version;
mod visit;
mod visitor;
