//! Footfall counts unique visitors.
//!
//! A visit has one type in each module:
//!
//! ```text
//! http::Request → domain::Claims → domain::Visit → recorder's batch → rows in store
//!               → domain::statistics::Report → HTML (page), JSON or CSV (http) → http::Reply
//! ```
//!
//! `docs/architecture.md` has the map of the modules and the invariants.

pub mod build;
pub mod clock;
pub mod commands;
pub mod config;
pub mod domain;
pub mod http;
pub mod maintenance;
pub mod notices;
pub mod outbound;
pub mod page;
pub mod reader;
pub mod recorder;
pub mod routes;
pub mod store;
pub mod telemetry;
pub mod texts;
