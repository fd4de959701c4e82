//! Tests of the real binary on a real `PostgreSQL`; `scripts/test` runs them. One module a topic; [`support`] has the
//! surroundings, [`oracle`] the tests that compare every number with a count of single visitors, and [`faults`] the tests
//! under faults.
//!
//! One test binary, because linking it takes longest, and because all parts then share the machine's cores.

#[path = "../faults/mod.rs"]
mod faults;
#[path = "../oracle/mod.rs"]
mod oracle;
#[path = "../support/mod.rs"]
mod support;

use support::{azure, cable, client, database, host, log, own_server, pgbouncer, process, random};

mod access;
mod annotate;
mod cardinality;
mod cells;
mod check;
mod clocks;
mod cluster;
mod cluster_batches;
mod config;
mod count;
mod counted_days;
mod counting_mode;
mod docs;
mod embed;
#[cfg(feature = "embedded")]
mod embedded;
mod ended_sets;
mod entra;
mod export;
mod fairness;
mod filter;
mod forget;
mod given_up;
mod health;
mod hostile;
mod house;
mod import;
mod import_formats;
mod import_order;
mod import_peers;
mod import_repeated;
mod instances;
mod languages;
mod lists;
mod live;
mod locks;
mod long_ranges;
mod maintenance;
mod monitoring;
mod notices;
mod opening;
mod outage;
mod places;
mod pooler;
mod privacy;
mod rate_limit;
mod recorder;
mod refusals;
mod routes;
mod server;
mod sites;
mod stalls;
mod statistics;
mod tls;
mod version;
mod visit;
mod visitor;
