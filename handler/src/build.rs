//! The version of the program.

use jiff::Timestamp;

/// The version of the package.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit of the source; `unknown` outside a repository.
pub const COMMIT: &str = env!("SOURCE_COMMIT");

/// The time of that commit, RFC 3339 in UTC. The time of the build would make builds differ.
pub fn built() -> String {
    let seconds = env!("SOURCE_SECONDS").parse().unwrap_or(0);
    Timestamp::from_second(seconds).unwrap_or_default().to_string()
}
