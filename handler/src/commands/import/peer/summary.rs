//! The result of importing another counter's export.

use std::fmt;

use serde::Serialize;

use crate::commands::import::summary::NamedLines;

/// The result of importing another counter's export.
#[derive(Debug, Serialize)]
pub(crate) struct Moved {
    pub site: String,
    /// The name of the other counter.
    pub source: &'static str,
    /// Rows that were read.
    pub rows: u64,
    /// Of these, rows of robots, which are not imported.
    pub bots: u64,
    /// Of these, rows that are not pageviews.
    pub skipped: u64,
    /// Rows that could not be read.
    pub refused: NamedLines,
    /// Days that have numbers now.
    pub days: usize,
    /// The first of them.
    pub from: Option<String>,
    /// The last of them.
    pub to: Option<String>,
    pub pageviews: i64,
    /// The visitors of each day, by the other counter's definition, added up.
    pub daily_visitors: i64,
    /// The link to the page of these days.
    pub link: Option<String>,
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |f: &mut fmt::Formatter<'_>, label: &str, number: &dyn fmt::Display| {
            writeln!(f, "  {label:<44}{number:>12}")
        };
        writeln!(f, "Import from {} for {}, kept apart from counted visits", self.source, self.site)?;
        row(f, "rows read", &self.rows)?;
        if self.bots > 0 {
            row(f, "left out: robots", &self.bots)?;
        }
        if self.skipped > 0 {
            row(f, "left out: not a pageview", &self.skipped)?;
        }
        if self.refused.lines > 0 {
            row(f, "refused: could not be read", &self.refused.lines)?;
            writeln!(f, "    first: {}", self.refused.first.join(", "))?;
        }
        row(f, "days that were replaced", &self.days)?;
        row(f, "pageviews", &self.pageviews)?;
        row(f, "sum of daily visitors, as counted there", &self.daily_visitors)?;
        if let Some(link) = &self.link {
            writeln!(f, "\n  The page shows the sums: {link}")?;
        }
        Ok(())
    }
}
