//! Lists of sites.

use super::{
    environment::SettingValues,
    settings::{BadVariable, HOSTNAME, PUBLIC_SITES, SITES, Setting},
};
use crate::domain::{SiteName, site_name::BadSiteName};

fn site_names(values: &SettingValues<'_>, setting: &Setting) -> Result<Vec<SiteName>, BadVariable> {
    let invalid = |problem: BadSiteName| setting.error(format!("is not valid: {problem}"));
    values.list(setting).map(|name| name.parse().map_err(invalid)).collect()
}

/// The sites with public statistics. Each must be counted.
pub(super) fn public(values: &SettingValues<'_>, sites: &[SiteName]) -> Result<Vec<SiteName>, BadVariable> {
    let public = site_names(values, &PUBLIC_SITES)?;
    match public.iter().find(|site| !sites.contains(site)) {
        None => Ok(public),
        Some(unknown) => {
            let known = sites.iter().map(|site| &**site).collect::<Vec<_>>().join(", ");
            Err(PUBLIC_SITES.error(format!("contains '{unknown}', but only these sites are counted: {known}")))
        }
    }
}

/// The site of this app's own page.
pub(super) fn own(values: &SettingValues<'_>) -> Result<SiteName, BadVariable> {
    let invalid = |problem: BadSiteName| HOSTNAME.error(format!("is not valid: {problem}"));
    values.get_or_default(&HOSTNAME).parse().map_err(invalid)
}

/// All counted sites, each once. The site of this app comes last.
pub(super) fn counted(values: &SettingValues<'_>, own: &SiteName) -> Result<Vec<SiteName>, BadVariable> {
    let mut sites = Vec::new();
    for name in site_names(values, &SITES)?.into_iter().chain([own.clone()]) {
        if !sites.contains(&name) {
            sites.push(name);
        }
    }
    Ok(sites)
}
