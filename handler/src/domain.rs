//! The rules of counting: days, identity, which requests count, what a view is counted under, and the numbers made of it.
//!
//! Pure code: no HTTP, SQL, clock or runtime. Time, header values and salts are arguments, so each rule is tested on its own.
//! `docs/privacy.md` explains the rules to visitors; the two must agree.

pub mod calendar;
pub mod dimension;
pub mod identity;
pub mod retention;
mod site_name;
pub mod statistics;
pub mod visit;

pub use self::{
    calendar::{Day, Forget, Minute, Moment, Month, Period},
    dimension::{
        Dimension, Exclusion, OTHER, Uniqueness, VALUES_A_DAY, agent, channel, country, language, referrer,
    },
    identity::{
        address::{self, Network},
        all_time,
        fingerprint::{self, Fingerprint, Salt},
        user_agent,
    },
    retention::{Foundation, Rules},
    site_name::{BadSiteName, SiteName},
    visit::{
        Claims, Classification, Client, MAXIMUM_PATH_BYTES, Visit, VisitKind, page_path, printable, rate_limit,
        rate_limit::RateLimit, robot, view, view::View,
    },
};
