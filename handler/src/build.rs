//! Which program this is.

use jiff::Timestamp;

/// The version of the package.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that it was built from; `unknown` outside a repository.
pub const COMMIT: &str = env!("SOURCE_COMMIT");

/// When that commit was made, RFC 3339 in UTC. The time of the build would differ each time for the same program.
pub fn built() -> String {
    let seconds = env!("SOURCE_SECONDS").parse().unwrap_or(0);
    Timestamp::from_second(seconds).unwrap_or_default().to_string()
}
