//! The target of an import: the database, the site, and the page that shows the result. Its text is printed before the import
//! changes anything, because an import into the wrong database can't be undone.

use std::{fmt, net::SocketAddr};

use serde::Serialize;

use super::retry::retry_lost;
use crate::{
    commands::serve::public_address,
    config::Config,
    domain::{Day, SiteName},
    store::{self, Connection, Failure},
};

/// The database and the site of an import.
#[derive(Debug, Serialize)]
pub(super) struct Target {
    /// The place of the database.
    database: String,
    /// Whether no site has been counted in the database.
    new_database: bool,
    /// Whether the configuration has the site.
    configured: bool,
    #[serde(skip)]
    site: SiteName,
    /// The value of `FOOTFALL_SITES` that adds the site.
    #[serde(skip)]
    sites: String,
    /// The origin of the page.
    #[serde(skip)]
    origin: String,
}

/// A result with its target, as one JSON object.
#[derive(Serialize)]
pub(super) struct Targeted<T> {
    #[serde(flatten)]
    pub(super) target: Target,
    #[serde(flatten)]
    pub(super) result: T,
}

impl Target {
    /// Opens the connection, and examines the database.
    pub(super) async fn open(config: &Config, site: &SiteName, connection: &Connection) -> Result<Self, Failure> {
        let has_sites = retry_lost(async || {
            let mut checkout = connection.checkout().await?;
            let outcome = store::has_sites(&mut checkout).await;
            checkout.release(outcome)
        });
        // The own site is always counted.
        let others = config.sites.iter().filter(|other| **other != config.own_site).chain([site]).map(|site| &**site);
        Ok(Self {
            database: config.database.place(),
            new_database: !has_sites.await?,
            configured: config.sites.contains(site),
            site: site.clone(),
            sites: others.collect::<Vec<_>>().join(","),
            origin: public_address(config, SocketAddr::new(config.bind, config.port)),
        })
    }

    /// The link to the page of some days.
    pub(super) fn link(&self, first: Day, last: Day) -> String {
        format!("{}/?site={}&from={first}&to={last}", self.origin, self.site)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { database, new_database, configured, site, sites, .. } = self;
        let new = if *new_database { " (new: nothing has been counted in it)" } else { "" };
        write!(f, "Database: {database}{new}")?;
        if !configured {
            write!(
                f,
                "\n{site} is not in FOOTFALL_SITES: live visits are rejected, and the page does not list the site."
            )?;
            write!(f, "\nTo count it live, start Footfall with FOOTFALL_SITES={sites}")?;
        }
        Ok(())
    }
}
