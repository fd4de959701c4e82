//! The endpoints, one file each.

pub(super) mod badge;
pub(super) mod count;
pub(super) mod export;
pub(super) mod files;
pub(super) mod health;
pub(super) mod live;
pub(super) mod maintenance;
pub(super) mod sign_in;
pub(super) mod sites;
pub(super) mod statistics;
pub(super) mod version;
pub(super) mod visit;
pub(super) mod why;
