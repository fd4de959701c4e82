//! The identity of a visitor: network address and User-Agent, and the fingerprint made of both.

pub mod address;
pub mod all_time;
pub mod fingerprint;
pub mod user_agent;

use self::address::Network;

/// Input of a fingerprint. Two visits with the same key in one period are one visitor.
#[derive(Clone)]
pub struct VisitorKey {
    /// IPv4 whole, IPv6 cut to /64.
    pub network: Network,
    /// As the browser sent it, without the suffix of the Functions host.
    pub user_agent: String,
}
