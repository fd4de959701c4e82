//! The effect of each kind of fault on clients, as the table of `docs/reliability.md`.

use std::{collections::BTreeMap, time::Duration};

use crate::faults::plan::Kind;

/// Slower recoveries are marked. No test depends on a time.
pub(crate) const SLOW: Duration = Duration::from_secs(2);

#[derive(Default)]
struct Seen {
    recoveries: Vec<Duration>,
    given_up: u64,
}

#[derive(Default)]
pub(crate) struct Report {
    seen: BTreeMap<Kind, Seen>,
}

impl Report {
    /// Adds the time until visits counted again, and how many views were given up until then.
    pub(crate) fn add(&mut self, kind: Kind, recovery: Duration, given_up: u64) {
        let seen = self.seen.entry(kind).or_default();
        seen.recoveries.push(recovery);
        seen.given_up += given_up;
    }

    pub(crate) fn faults(&self) -> usize {
        self.seen.values().map(|seen| seen.recoveries.len()).sum()
    }

    pub(crate) fn slow(&self) -> usize {
        self.seen.values().flat_map(|seen| &seen.recoveries).filter(|recovery| **recovery > SLOW).count()
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(formatter, "| Fault | Times | Views given up | Recovery, median | Longest |")?;
        writeln!(formatter, "|---|---:|---:|---:|---:|")?;
        for (kind, seen) in &self.seen {
            let mut sorted = seen.recoveries.clone();
            sorted.sort();
            let (median, longest) = (sorted[sorted.len() / 2], sorted[sorted.len() - 1]);
            let mark = if longest > SLOW { " (slow)" } else { "" };
            let seconds = |time: Duration| format!("{:.2} s", time.as_secs_f64());
            let (times, text) = (sorted.len(), kind.text());
            let (given_up, median, longest) = (seen.given_up, seconds(median), seconds(longest));
            writeln!(formatter, "| {text} | {times} | {given_up} | {median} | {longest}{mark} |")?;
        }
        Ok(())
    }
}
