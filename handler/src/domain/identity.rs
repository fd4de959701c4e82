//! What distinguishes one visitor from another: the network address, the User-Agent, and the fingerprint made of both.

pub mod address;
pub mod all_time;
pub mod fingerprint;
pub mod user_agent;

use self::address::Network;

/// What tells one visitor from another inside a period.
#[derive(Clone)]
pub struct VisitorKey {
    /// IPv4 whole, IPv6 cut to /64.
    pub network: Network,
    /// As the browser sent it, without what the Functions host appends.
    pub user_agent: String,
}
