//! Lists of sites.

use super::{BadVariable, bad};
use crate::domain::{SiteName, site_name::BadSiteName};

/// What stands between commas.
pub(super) fn list(value: Option<&str>) -> impl Iterator<Item = &str> {
    value.unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn site_names(variable: &str, value: Option<&str>) -> Result<Vec<SiteName>, BadVariable> {
    let is_bad = |problem: BadSiteName| bad(variable, format!("holds a mistake: {problem}"));
    list(value).map(|name| name.parse().map_err(is_bad)).collect()
}

/// The sites that everybody may see, each of which must be counted.
pub(super) fn public(value: Option<&str>, sites: &[SiteName]) -> Result<Vec<SiteName>, BadVariable> {
    let public = site_names("FOOTFALL_PUBLIC_SITES", value)?;
    match public.iter().find(|site| !sites.contains(site)) {
        None => Ok(public),
        Some(unknown) => {
            let known = sites.iter().map(|site| &**site).collect::<Vec<_>>().join(", ");
            Err(bad("FOOTFALL_PUBLIC_SITES", format!("names '{unknown}', but only these are counted: {known}")))
        }
    }
}

/// All sites that are counted, each once, this app's own first.
pub(super) fn counted(own: Option<&str>, others: Option<&str>) -> Result<Vec<SiteName>, BadVariable> {
    let is_bad = |problem: BadSiteName| bad("WEBSITE_HOSTNAME", problem.to_string());
    let own = own.unwrap_or("localhost").parse().map_err(is_bad)?;
    let mut sites = vec![own];
    for name in site_names("FOOTFALL_SITES", others)? {
        if !sites.contains(&name) {
            sites.push(name);
        }
    }
    Ok(sites)
}
