//! The rules of counting: time, identity, which requests count, what they count under, and the numbers of a report.
//!
//! Pure code: no HTTP, SQL, clock or runtime. Time, header values and salts are arguments, so each rule is tested on its own.
//! `docs/privacy.md` explains the rules to visitors; the two must agree.
//!
//! Each module uses only modules above it:
//!
//! | Module | Owns |
//! |---|---|
//! | `calendar` | days, months, hours and minutes in the site's time zone |
//! | `retention` | how long visitors can be recognised, and how long statistics are stored |
//! | `site_name` | valid names of sites |
//! | `exclusion` | the table of reasons not to count a request in full |
//! | `dimension` | the table of dimensions; below it, a module per kind of value |
//! | `identity` | address, User-Agent and fingerprint of a visitor |
//! | `cells` | visitors by profile, and how small groups are folded |
//! | `visit` | which requests count, and the values of a view |
//! | `statistics` | from a query to a report |
//! | `export` | the lines of an export |
//! | `notice` | what is a spike, and the texts of notices |

pub mod calendar;
pub mod cells;
pub mod dimension;
pub mod exclusion;
pub mod export;
pub mod identity;
pub mod notice;
pub mod retention;
pub mod site_name;
pub mod statistics;
pub mod visit;

// Types that all layers name. Everything else is used by its path.
pub use self::{
    calendar::{Day, Minute, Moment, Month},
    dimension::{Dimension, TallyKey, Uniqueness},
    exclusion::Exclusion,
    identity::{
        VisitorKey,
        address::{LimitedNetwork, Network},
        fingerprint::{Fingerprint, Salt},
    },
    retention::{CountingMode, CountingRules, Forget, Period},
    site_name::SiteName,
    visit::{Claims, Classification, Visit, VisitKind, view_facts::ViewFacts},
};
