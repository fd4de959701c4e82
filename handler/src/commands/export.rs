//! `handler export`: all sums as lines of JSON, which `handler import --from footfall` reads.

use std::{
    borrow::Cow,
    io::{self, BufWriter, Write},
};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use crate::{
    clock::Clock,
    config::Config,
    domain::{Day, SiteName, TallyKey, statistics::Annotation},
    store::{self, Database, StatementLimits},
};

/// The name of the format, in its first line.
pub(super) const FORMAT: &str = "footfall-export";

/// The version of the format. A change that an older program would misread needs a new version.
pub(super) const VERSION: u32 = 1;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) format: String,
    pub(super) version: u32,
    /// The zone in which days begin.
    pub(super) time_zone: String,
    /// The name of the counting mode.
    pub(super) forget: String,
}

/// Any other line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(super) enum Line<'l> {
    /// A counter of a day.
    Tally {
        site: Cow<'l, str>,
        day: Day,
        dimension: Cow<'l, str>,
        value: Cow<'l, str>,
        pageviews: i64,
        /// By gap.
        visitors: Cow<'l, [i32]>,
    },
    /// A daily total of another counter.
    Imported { site: Cow<'l, str>, day: Day, source: Cow<'l, str>, pageviews: i64, visitors: i64 },
    /// A note of the owner.
    Annotation { site: Cow<'l, str>, day: Day, text: Cow<'l, str> },
    /// The last line, with the number of lines before it.
    End { lines: u64 },
}

/// The options of the command.
#[derive(clap::Args)]
pub struct ExportArguments {
    /// Site, as a host name [default: all sites]
    #[arg(long)]
    site: Option<String>,
}

/// Writes the sums to standard output. Memory holds one day of one site at a time.
///
/// # Errors
/// If the site has never been counted, or the database is unavailable.
pub async fn run(config: &Config, arguments: ExportArguments) -> anyhow::Result<()> {
    let wanted = arguments.site.map(|site| site.parse::<SiteName>()).transpose().context("--site")?;
    let mode = config.counting_mode();
    let header = Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        time_zone: mode.zone_name().to_owned(),
        forget: mode.forget.name().to_owned(),
    };
    let database = Database::new(&config.database, mode, Clock::system()).await?;
    let [connection] = database.connections([StatementLimits::FOR_IMPORTS]);
    let mut checkout = connection.checkout().await?;
    let mut sites = store::read_site_names(&mut checkout).await?;
    if let Some(wanted) = wanted {
        sites.retain(|site| **site == *wanted);
        ensure!(!sites.is_empty(), "nothing is stored for {wanted}");
    }
    let mut output = Output { to: BufWriter::new(io::stdout().lock()), lines: 0 };
    output.write(&header)?;
    for name in &sites {
        let site = name.parse::<SiteName>().context("a stored site")?;
        let Some(site) = store::read_site(&mut checkout, &site).await? else { continue };
        let mut after = None;
        while let Some((day, counters)) = store::read_next_day(&mut checkout, site, after).await? {
            for counter in &counters {
                // Dimensions of earlier versions have no name, and no list shows them.
                let Some(key) = TallyKey::from_number(counter.dimension) else { continue };
                output.write(&Line::Tally {
                    site: name.into(),
                    day,
                    dimension: key.name().into(),
                    value: (&counter.value).into(),
                    pageviews: counter.pageviews,
                    visitors: (&counter.visitors).into(),
                })?;
            }
            after = Some(day);
        }
        for (source, tally) in store::read_imported(&mut checkout, site).await? {
            let store::ImportedTally { day, pageviews, visitors } = tally;
            output.write(&Line::Imported { site: name.into(), day, source: source.into(), pageviews, visitors })?;
        }
        for Annotation { day, text } in store::read_annotations(&mut checkout, site).await? {
            output.write(&Line::Annotation { site: name.into(), day, text: text.into() })?;
        }
    }
    let lines = output.lines;
    output.write(&Line::End { lines })?;
    output.to.flush()?;
    checkout.release(Ok(()))?;
    Ok(())
}

struct Output<W> {
    to: W,
    lines: u64,
}

impl<W: Write> Output<W> {
    fn write(&mut self, line: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.to, line)?;
        self.lines += 1;
        self.to.write_all(b"\n")
    }
}
