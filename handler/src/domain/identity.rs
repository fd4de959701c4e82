//! The identity of a visitor: network address and User-Agent, and the fingerprint made of both.

pub mod address;
pub mod all_time;
pub mod fingerprint;
pub mod user_agent;

use self::address::Network;

/// Input of a fingerprint. Two visits with the same key in one period are one visitor.
#[derive(Clone)]
pub struct VisitorKey {
    /// The IPv4 address, or the /64 of an IPv6 address.
    pub network: Network,
    /// As the browser sent it, without the suffix of the Functions host.
    pub user_agent: String,
}
