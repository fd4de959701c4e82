//! Footfall counts unique visitors.
//!
//! A visit changes its type once in each room, so it can be followed by its type:
//!
//! ```text
//! Request → Client (http/client) → Visit (visitor) → receipt awaited (recorder) → rows (store)
//!         → Statistics (statistics) → HTML (page) → Reply
//! ```
//!
//! `docs/architecture.md` has the map and what must never be.

pub mod page;
pub mod statistics;
pub mod visitor;
