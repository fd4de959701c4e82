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

pub mod app;
pub mod body;
pub mod build;
pub mod check;
pub mod clock;
pub mod config;
pub mod doctor;
pub mod http;
pub mod import;
pub mod maintenance;
mod open_files;
pub mod page;
pub mod reader;
pub mod recorder;
pub mod statistics;
pub mod store;
pub mod telemetry;
pub mod visitor;
