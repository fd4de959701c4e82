//! Sites at a glance: the unique visitors of each of the last days.

use std::collections::HashMap;

use crate::domain::{calendar::Day, site_name::SiteName};

/// Number of days, including today.
const DAYS: i32 = 7;

/// The visitors of some sites on the last days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    pub today: Day,
    /// The sites in the order of the request.
    pub sites: Vec<DailyVisitors>,
}

/// The visitors of a site by day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DailyVisitors {
    pub site: SiteName,
    /// Unique visitors of each day, oldest first. The last day is today.
    pub visitors: Vec<i64>,
}

impl DailyVisitors {
    /// The visitors of today.
    pub fn today(&self) -> i64 {
        self.visitors.last().copied().unwrap_or_default()
    }
}

impl Overview {
    /// The days to read, oldest first.
    pub fn days(today: Day) -> Vec<Day> {
        (1 - DAYS..=0).map(|days| today.plus(days)).collect()
    }

    /// Fills in the days without visitors.
    pub fn assemble(today: Day, sites: &[SiteName], counted: &HashMap<(String, Day), i64>) -> Self {
        let of_site = |site: &SiteName| {
            let visitors = |day| counted.get(&(site.to_string(), day)).copied().unwrap_or_default();
            DailyVisitors { site: site.clone(), visitors: Self::days(today).into_iter().map(visitors).collect() }
        };
        Self { today, sites: sites.iter().map(of_site).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_site_has_seven_days_that_end_today() {
        let today = Day::from_number(20_000);
        let sites = ["b.example", "a.example"].map(|site| site.parse().unwrap());
        let counted = [("a.example", 0, 5), ("a.example", 6, 3), ("a.example", 7, 9), ("c.example", 0, 1)]
            .map(|(site, ago, visitors)| ((site.to_owned(), today.plus(-ago)), visitors));
        let overview = Overview::assemble(today, &sites, &counted.into());
        let found: Vec<_> = overview.sites.iter().map(|of| (&*of.site, of.today(), of.visitors.clone())).collect();
        assert_eq!(found, [("b.example", 0, vec![0; 7]), ("a.example", 5, vec![3, 0, 0, 0, 0, 0, 5])]);
    }
}
