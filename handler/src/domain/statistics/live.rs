//! The last minutes of a site: views by the minute in which they arrived. No visitors: nobody is told apart by the minute.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::{calendar::Minute, site_name::SiteName};

/// How many minutes are shown, this one among them.
const MINUTES: i32 = 30;

/// What happens on a site now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// The host name being counted.
    pub site: SiteName,
    /// When it was read.
    pub as_of: Timestamp,
    /// Each minute and its views, oldest first; the last one is not over yet.
    pub minutes: Vec<(Minute, i64)>,
}

impl Live {
    /// The first and the last minute that is shown at this time.
    pub fn range(now: Timestamp) -> (Minute, Minute) {
        let last = Minute::containing(now);
        (last.plus(1 - MINUTES), last)
    }

    /// Puts what was counted into its place.
    pub fn assemble(site: SiteName, as_of: Timestamp, counted: &BTreeMap<Minute, i64>) -> Self {
        let (first, _) = Self::range(as_of);
        let minute = |index| {
            let minute = first.plus(index);
            (minute, counted.get(&minute).copied().unwrap_or_default())
        };
        Self { site, as_of, minutes: (0..MINUTES).map(minute).collect() }
    }

    /// The views of all of them.
    pub fn pageviews(&self) -> i64 {
        self.minutes.iter().map(|(_, pageviews)| pageviews).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_minutes_end_with_this_one_and_what_is_older_is_in_none() {
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
