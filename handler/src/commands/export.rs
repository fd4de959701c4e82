//! `handler export`: all sums as lines of JSON, which `handler import --from footfall` reads.

use std::io::{self, BufWriter};

use anyhow::{Context, ensure};

use crate::{
    clock::Clock,
    config::Config,
    domain::{SiteName, export::ExportWriter},
    store::{self, Database, StatementLimits},
};

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
    let database = Database::new(&config.database, config.counting_mode(), Clock::system()).await?;
    let [connection] = database.connections([StatementLimits::FOR_IMPORTS]);
    let mut checkout = connection.checkout().await?;
    let mut sites = store::read_site_names(&mut checkout).await?;
    if let Some(wanted) = wanted {
        sites.retain(|site| **site == *wanted);
        ensure!(!sites.is_empty(), "nothing is stored for {wanted}");
    }
    let mut writer = ExportWriter::begin(BufWriter::new(io::stdout().lock()), &config.rules())?;
    for name in &sites {
        let site = name.parse::<SiteName>().context("a stored site")?;
        let Some(site) = store::read_site(&mut checkout, &site).await? else { continue };
        let mut after = None;
        while let Some((day, counters)) = store::read_next_day(&mut checkout, site, after).await? {
            writer.day(name, day, &counters, &store::read_day_cells(&mut checkout, site, day).await?)?;
            after = Some(day);
        }
        let imported = store::read_imported(&mut checkout, site).await?;
        writer.rest(name, &imported, &store::read_annotations(&mut checkout, site).await?)?;
    }
    writer.end()?;
    checkout.release(Ok(()))?;
    Ok(())
}
