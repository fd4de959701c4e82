//! Parsers of settings whose valid values are more than a range.

use std::num::NonZeroU32;

use super::{
    environment::SettingValues,
    settings::{BadVariable, ENDPOINT, EVENTS, RATE_LIMIT, REVOKED_LINKS, SCRIPT, SMALLEST_GROUP, Setting},
};
use crate::{domain::dimension::value::event_name, routes::ROUTES};

/// Second names of the paths that other sites embed, without slashes.
#[derive(Clone, Debug, Default)]
pub struct PathAliases {
    /// The second name of `footfall.js`.
    pub script: Option<String>,
    /// The second name of the path `/v`.
    pub endpoint: Option<String>,
}

/// First segments with a meaning for URLs or for the Functions host, in addition to those of [`ROUTES`].
const RESERVED: [&str; 4] = [".", "..", "admin", "runtime"];

fn is_reserved(segment: &str) -> bool {
    RESERVED.contains(&segment) || ROUTES.iter().any(|route| route.first_segment() == segment)
}

/// Second names of script and endpoint.
pub(super) fn path_aliases(values: &SettingValues<'_>) -> Result<PathAliases, BadVariable> {
    let aliases = PathAliases { script: path(values, &SCRIPT)?, endpoint: path(values, &ENDPOINT)? };
    match &aliases.endpoint {
        Some(endpoint) if aliases.script == aliases.endpoint => {
            Err(ENDPOINT.error(format!("is '{endpoint}', like FOOTFALL_SCRIPT: choose different names")))
        }
        _ => Ok(aliases),
    }
}

/// A path of one segment that is not reserved.
fn path(values: &SettingValues<'_>, setting: &Setting) -> Result<Option<String>, BadVariable> {
    let is_valid = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    match values.get(setting) {
        Some(name) if is_reserved(name) => {
            Err(setting.error(format!("is '{name}', which is reserved: choose another name")))
        }
        Some(name) if !is_valid(name) => Err(setting.reject(name)),
        name => Ok(name.map(str::to_owned)),
    }
}

/// Whether a shared link may have this name.
pub fn is_link_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Names of revoked links.
pub(super) fn link_names(values: &SettingValues<'_>) -> Result<Vec<String>, BadVariable> {
    let parse = |name: &str| is_link_name(name).then(|| name.to_owned()).ok_or_else(|| REVOKED_LINKS.reject_part(name));
    values.list(&REVOKED_LINKS).map(parse).collect()
}

/// The events that always have a place.
pub(super) fn named_events(values: &SettingValues<'_>) -> Result<Vec<String>, BadVariable> {
    let parse =
        |name: &str| (event_name(name) == name).then(|| name.to_owned()).ok_or_else(|| EVENTS.reject_part(name));
    values.list(&EVENTS).map(parse).collect()
}

/// Views per minute, or `None` for no limit.
pub(super) fn views_per_minute(values: &SettingValues<'_>) -> Result<Option<NonZeroU32>, BadVariable> {
    let views = values.parse(&RATE_LIMIT, |text| match text {
        "off" => Some(0),
        number => number.parse().ok().filter(|views| *views <= 1_000_000),
    })?;
    Ok(NonZeroU32::new(views))
}

/// The smallest number of visitors of a class of profiles, or `None` for no profiles.
pub(super) fn smallest_group(values: &SettingValues<'_>) -> Result<Option<u32>, BadVariable> {
    values.parse(&SMALLEST_GROUP, |text| match text {
        "off" => Some(None),
        number => number.parse().ok().filter(|visitors| (5..=1000).contains(visitors)).map(Some),
    })
}
