//! What distinguishes one visitor from another: the network address, the User-Agent, and the fingerprint made of both.

pub mod address;
pub mod all_time;
pub mod fingerprint;
pub mod user_agent;
