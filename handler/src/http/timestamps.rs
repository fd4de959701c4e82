//! Timestamps in replies (RFC 3339), to the second.

use jiff::{Timestamp, tz::TimeZone};

/// In UTC.
pub(super) fn utc(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// In local time with its offset; `Z` for UTC.
pub(super) fn local(instant: Timestamp, zone: &TimeZone) -> String {
    if zone.iana_name() == Some("UTC") || *zone == TimeZone::UTC {
        return utc(instant);
    }
    instant.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}
