//! `handler forget`: deletes what is stored for a site, after a question that says what will go.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
    time::Duration,
};

use anyhow::{Context, ensure};
use jiff::civil::Date;

use super::{counted, print};
use crate::{
    clock::Clock,
    config::Config,
    domain::{Day, Minute, SiteName, dimension::OTHER},
    store::{self, Connection, Database, SiteId, StatementLimits, Stored},
};

/// The pause before the next attempt while an instance does maintenance.
const PAUSE: Duration = Duration::from_secs(1);

/// All days.
const EVER: (Day, Day) = (Day::from_number(0), Day::from_number(i32::MAX));

/// The options of the command.
#[derive(clap::Args)]
pub struct ForgetArguments {
    /// Site, as a host name
    #[arg(long)]
    site: String,
    /// First day to forget, as 2026-05-01 [default: all days]
    #[arg(long, value_name = "DAY", requires = "to")]
    from: Option<Date>,
    /// Last day to forget
    #[arg(long, value_name = "DAY", requires = "from")]
    to: Option<Date>,
    /// Forget only this page: count it as "other", and keep the totals of the site
    #[arg(long, value_name = "PATH")]
    page: Option<String>,
    /// Delete without a question
    #[arg(long)]
    yes: bool,
}

/// Deletes what is stored for a site.
///
/// # Errors
/// If there is neither `--yes` nor a terminal, or the database is unavailable. Some rows may be deleted then, and the same command
/// continues.
pub async fn run(config: &Config, arguments: ForgetArguments) -> anyhow::Result<()> {
    let says_yes = arguments.yes;
    let selection = Selection::of(arguments)?;
    let database = Database::new(&config.database, config.counting_mode(), Clock::system()).await?;
    let [connection] = database.connections([StatementLimits::FOR_MAINTENANCE]);
    let found = selection.find(&connection).await?;
    print(format!("Database: {}", config.database.place()))?;
    let Some((site, stored)) = found else {
        print(format!("Nothing of this is stored for {}.", selection.site))?;
        return Ok(());
    };
    print(Announcement { selection: &selection, stored })?;
    if !says_yes {
        ensure!(io::stdin().is_terminal(), "no terminal for the question: add --yes to delete this");
        write!(io::stdout(), "Type yes to delete it: ")?;
        io::stdout().flush()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        ensure!(is_yes(&answer), "the answer was not yes: nothing was deleted");
    }
    let mut is_waiting = false;
    while selection.forget(config, &connection, site, stored).await?.is_none() {
        if !std::mem::replace(&mut is_waiting, true) {
            print("An instance does maintenance. Waiting for its end.")?;
        }
        tokio::time::sleep(PAUSE).await;
    }
    print("Deleted.")?;
    Ok(())
}

/// Whether an answer agrees.
fn is_yes(answer: &str) -> bool {
    answer.trim().eq_ignore_ascii_case("yes")
}

/// The part of a site that the command deletes.
struct Selection {
    site: SiteName,
    /// The first and the last day; `None`: all days.
    days: Option<(Day, Day)>,
    page: Option<String>,
}

impl Selection {
    fn of(arguments: ForgetArguments) -> anyhow::Result<Self> {
        let ForgetArguments { site, from, to, page, yes: _ } = arguments;
        let day = |name, date: Option<Date>| date.map(Day::of_date).transpose().context(name);
        let days = day("--from", from)?.zip(day("--to", to)?);
        ensure!(days.is_none_or(|(first, last)| first <= last), "--to: the last day lies before the first");
        ensure!(page.as_ref().is_none_or(|page| page.starts_with('/')), "--page: a path begins with /");
        Ok(Self { site: site.parse().context("--site")?, days, page })
    }

    /// Counts the stored rows of the part. `None` if there is nothing to delete.
    async fn find(&self, connection: &Connection) -> anyhow::Result<Option<(SiteId, Stored)>> {
        let mut checkout = connection.checkout().await?;
        let outcome = async {
            let Some(site) = store::read_site(&mut checkout, &self.site).await? else { return Ok(None) };
            let days = self.days.unwrap_or(EVER);
            let stored = store::count_stored(&mut checkout, site, days, self.page.as_deref()).await?;
            // A site without counters still has a name and keys.
            let is_whole = self.days.is_none() && self.page.is_none();
            Ok((is_whole || stored.counters > 0 || stored.imported > 0 || stored.annotations > 0)
                .then_some((site, stored)))
        };
        let outcome = outcome.await;
        Ok(checkout.release(outcome)?)
    }

    /// Returns `None` if an instance does maintenance.
    async fn forget(
        &self,
        config: &Config,
        connection: &Connection,
        site: SiteId,
        stored: Stored,
    ) -> anyhow::Result<Option<()>> {
        let mut checkout = connection.checkout().await?;
        let outcome = match (&self.page, self.days) {
            (Some(page), days) => {
                let days = days.or(stored.range).unwrap_or(EVER);
                store::forget_page(&mut checkout, site, days, page).await
            }
            (None, Some((first, last))) => {
                let zone = &config.zone;
                let minutes = (Minute::containing(first.start(zone)), Minute::containing(last.end(zone)).plus(-1));
                store::forget_days(&mut checkout, site, (first, last), minutes).await
            }
            (None, None) => store::forget_site(&mut checkout, site, &self.site).await,
        };
        Ok(checkout.release(outcome)?)
    }
}

/// The text before the question: the rows that will be deleted, and the numbers that stay.
struct Announcement<'s> {
    selection: &'s Selection,
    stored: Stored,
}

impl fmt::Display for Announcement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Selection { site, days, page } = self.selection;
        let Stored { counters, days: counted_days, range, pageviews, imported, annotations } = self.stored;
        match (page, days) {
            (None, None) => write!(f, "Everything that is stored for {site} will be deleted: ")?,
            (None, Some((first, last))) => write!(f, "The days {first} to {last} of {site} will be deleted: ")?,
            (Some(page), _) => write!(f, "The page {page} of {site} will be counted as {OTHER:?}: ")?,
        }
        write!(f, "{} of {}", counted(counters, "row"), counted(counted_days, "day"))?;
        match range {
            Some((first, last)) if first == last => write!(f, " ({first})")?,
            Some((first, last)) => write!(f, " ({first} to {last})")?,
            None => {}
        }
        write!(f, " with {}", counted(pageviews, "pageview"))?;
        if imported > 0 {
            write!(f, ", and {} of other counters", counted(imported, "daily total"))?;
        }
        if annotations > 0 {
            write!(f, ", and {}", counted(annotations, "annotation"))?;
        }
        f.write_str(match (page, days) {
            (None, None) => ".\nThe keys of its visitors are deleted, too. The next visit begins a new count.",
            (None, Some(_)) => {
                ".\nThe all-time estimate of visitors stays. A range with these days no longer counts visitors whose \
                 first day in it was deleted."
            }
            (Some(_), _) => ".\nThe totals of the site stay.",
        })?;
        f.write_str(" This cannot be undone.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_row_and_day_have_a_singular() {
        let day = Day::from_number(16_566);
        let stored =
            Stored { counters: 1, days: 1, range: Some((day, day)), pageviews: 1, imported: 1, annotations: 1 };
        let selection = Selection { site: "example.com".parse().unwrap(), days: None, page: None };
        let text = Announcement { selection: &selection, stored }.to_string();
        let expected =
            "1 row of 1 day (2015-05-11) with 1 pageview, and 1 daily total of other counters, and 1 annotation.";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn only_yes_agrees() {
        assert!(["yes\n", "YES", " yes \r\n"].iter().all(|answer| is_yes(answer)));
        assert!(["", "\n", "y", "no", "yes please"].iter().all(|answer| !is_yes(answer)));
    }
}
