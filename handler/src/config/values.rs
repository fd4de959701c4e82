//! What values can be.

use std::{num::NonZeroU32, str::FromStr};

use super::{BadVariable, Names, bad, sites::list};

/// A whole number in a range.
pub(super) fn number<N: FromStr + PartialOrd + std::fmt::Display>(
    variable: &str,
    value: Option<&str>,
    range: std::ops::RangeInclusive<N>,
) -> Result<Option<N>, BadVariable> {
    let Some(value) = value else { return Ok(None) };
    match value.parse() {
        Ok(number) if range.contains(&number) => Ok(Some(number)),
        _ => Err(bad(
            variable,
            format!("is '{value}', but must be a whole number from {} to {}", range.start(), range.end()),
        )),
    }
}

/// First segments of paths that mean something else: to this program (a test holds them to its routes), or to the Functions
/// host.
const TAKEN: [&str; 16] = [
    ".",
    "..",
    "admin",
    "api",
    "assets",
    "badge",
    "footfall-events.js",
    "footfall.js",
    "function-maintenance",
    "healthz",
    "readyz",
    "runtime",
    "sign-in",
    "v",
    "version",
    "why",
];

/// Further names of script and endpoint.
pub(super) fn names(script: Option<&str>, endpoint: Option<&str>) -> Result<Names, BadVariable> {
    let names = Names { script: path("FOOTFALL_SCRIPT", script)?, endpoint: path("FOOTFALL_ENDPOINT", endpoint)? };
    match &names {
        Names { script: Some(script), endpoint: Some(endpoint) } if script == endpoint => Err(bad(
            "FOOTFALL_ENDPOINT",
            format!("is '{endpoint}', as is FOOTFALL_SCRIPT: give each a name of its own"),
        )),
        _ => Ok(names),
    }
}

/// The name of a path of one segment, which none of ours has.
fn path(variable: &str, value: Option<&str>) -> Result<Option<String>, BadVariable> {
    let is_good = |name: &&str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    match value {
        Some(name) if !is_good(&name) => Err(bad(
            variable,
            format!("is '{name}', but must be a name of letters, digits, '-', '_' and '.', without a slash"),
        )),
        Some(name) if TAKEN.contains(&name) => {
            Err(bad(variable, format!("is '{name}', which something else is called: choose another name")))
        }
        name => Ok(name.map(str::to_owned)),
    }
}

/// Whether a shared link may have this name.
pub fn is_link_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Names of shared links, between commas.
pub(super) fn link_names(variable: &str, value: Option<&str>) -> Result<Vec<String>, BadVariable> {
    let name = |name: &str| {
        let right = "a link's name has letters, digits and hyphens only; commas stand between names";
        let problem = || bad(variable, format!("holds '{name}', but {right}"));
        is_link_name(name).then(|| name.to_owned()).ok_or_else(problem)
    };
    list(value).map(name).collect()
}

/// `on` or `off`.
pub(super) fn switch(variable: &str, value: Option<&str>) -> Result<Option<bool>, BadVariable> {
    match value {
        None => Ok(None),
        Some("on") => Ok(Some(true)),
        Some("off") => Ok(Some(false)),
        Some(value) => Err(bad(variable, format!("is '{value}', but must be on or off"))),
    }
}

/// Views a minute, or `off`; 600 if nothing is said.
pub(super) fn views_per_minute(value: Option<&str>) -> Result<Option<NonZeroU32>, BadVariable> {
    let views = match value {
        None => Some(600),
        Some("off") => Some(0),
        Some(value) => value.parse().ok().filter(|views| *views <= 1_000_000),
    };
    views.map(NonZeroU32::new).ok_or_else(|| {
        let value = value.unwrap_or_default();
        let problem = format!("is '{value}', but must be off, or views a minute: a whole number from 1 to 1000000");
        bad("FOOTFALL_RATE_LIMIT", problem)
    })
}
