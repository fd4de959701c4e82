//! Footfall counts unique visitors.
//!
//! A visit changes its type once in each module, so it can be followed by its type:
//!
//! ```text
//! Request → Client (http/client) → Visit (visitor) → receipt awaited (recorder) → rows (store)
//!         → Report (statistics) → HTML (page) or JSON (http/statistics) → Reply
//! ```
//!
//! `docs/architecture.md` has the map and what must never be.

pub mod build;
pub mod clock;
pub mod commands;
pub mod config;
pub mod domain;
pub mod http;
pub mod maintenance;
pub mod page;
pub mod reader;
pub mod recorder;
pub mod routes;
pub mod store;
pub mod telemetry;
