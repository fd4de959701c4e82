//! The last minutes of a site: views per minute of arrival, without visitors.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::{calendar::Minute, site_name::SiteName};

/// Number of minutes, including the current one.
const MINUTES: i32 = 30;

/// The views of a site in the last minutes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// The host name being counted.
    pub site: SiteName,
    /// The time of reading.
    pub as_of: Timestamp,
    /// Minutes and their views, oldest first. The last one has not ended.
    pub minutes: Vec<(Minute, i64)>,
}

impl Live {
    /// The first and the last minute at this time.
    pub fn range(now: Timestamp) -> (Minute, Minute) {
        let last = Minute::containing(now);
        (last.plus(1 - MINUTES), last)
    }

    /// Fills in the minutes without views.
    pub fn assemble(site: SiteName, as_of: Timestamp, counted: &BTreeMap<Minute, i64>) -> Self {
        let (first, _) = Self::range(as_of);
        let minute = |index| {
            let minute = first.plus(index);
            (minute, counted.get(&minute).copied().unwrap_or_default())
        };
        Self { site, as_of, minutes: (0..MINUTES).map(minute).collect() }
    }

    /// The views of all minutes.
    pub fn pageviews(&self) -> i64 {
        self.minutes.iter().map(|(_, pageviews)| pageviews).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_30_minutes_end_with_the_current_one() {
        let now: Timestamp = "2026-11-23T10:20:30Z".parse().unwrap();
        let minute = |text: &str| Minute::containing(text.parse().unwrap());
        let counted = [("2026-11-23T09:50:59Z", 9), ("2026-11-23T09:51:00Z", 2), ("2026-11-23T10:20:00Z", 3)];
        let counted = counted.map(|(text, pageviews)| (minute(text), pageviews)).into();
        let live = Live::assemble("example.com".parse().unwrap(), now, &counted);
        assert_eq!((live.minutes.len(), live.pageviews()), (30, 5));
        assert_eq!(live.minutes[0], (minute("2026-11-23T09:51:00Z"), 2));
        assert_eq!(live.minutes[29].0.start(), "2026-11-23T10:20:00Z".parse().unwrap());
    }
}
