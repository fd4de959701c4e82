//! `handler share`: makes a link that shows the private statistics of one site.

use std::net::SocketAddr;

use anyhow::{Context, ensure};

use super::{print, serve::public_address};
use crate::{
    config::{Config, is_link_name},
    domain::SiteName,
    http::Access,
};

/// The options of the command.
#[derive(clap::Args)]
pub struct ShareArguments {
    /// Site, as a host name
    #[arg(long)]
    site: String,
    /// Name of the link, for example its reader: letters, digits and hyphens
    #[arg(long)]
    name: String,
}

/// Prints the link.
///
/// # Errors
/// If no token is set, the site is not counted, or the name is not valid.
pub fn run(config: &Config, arguments: &ShareArguments) -> anyhow::Result<()> {
    let name = &arguments.name;
    let site: SiteName = arguments.site.parse().context("--site")?;
    ensure!(config.sites.contains(&site), "--site: {site} is not counted; add it to FOOTFALL_SITES");
    ensure!(is_link_name(name), "--name: use letters, digits and hyphens only");
    ensure!(
        !config.revoked_links.contains(name),
        "--name: {name} is revoked by FOOTFALL_REVOKED_LINKS; choose another name"
    );
    ensure!(!config.is_token_unresolved, "FOOTFALL_DASHBOARD_TOKEN is an unresolved Key Vault reference");
    let share = Access::new(config).share(&site, name);
    let share = share.context("statistics are public: set FOOTFALL_DASHBOARD_TOKEN first")?;
    let address = public_address(config, SocketAddr::new(config.bind, config.port));
    print(format!("{address}/?site={site}&share={share}"))?;
    Ok(())
}
