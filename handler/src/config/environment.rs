//! The environment and its values, looked up by setting.

use std::{collections::BTreeMap, ffi::OsString};

use super::settings::{self, BadVariable, HOST_COMPANIONS, PORT, Setting};

/// The program that started this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// The Functions host.
    Functions,
    /// Another program, which sets the port in the variable of the Functions host.
    PortOnly,
    /// A person, a container runtime or a service manager.
    Plain,
}

/// Variables by name.
pub type Environment = BTreeMap<String, String>;

/// The environment of this process. Bytes that are not UTF-8 are replaced, so that the setting rejects the value.
pub fn process_environment() -> Environment {
    let text = |value: OsString| value.to_string_lossy().into_owned();
    std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
}

/// Whether output may have colours.
pub fn allows_colour(environment: &Environment) -> bool {
    !environment.contains_key(settings::NO_COLOR.name)
}

/// Rejects variables that begin with `FOOTFALL_` and are no settings.
pub(super) fn reject_unknown(environment: &Environment) -> Result<(), BadVariable> {
    let ours = || settings::ALL.iter().map(|setting| setting.name).filter(|name| name.starts_with("FOOTFALL_"));
    let is_unknown = |name: &&String| name.starts_with("FOOTFALL_") && !ours().any(|known| known == *name);
    let Some(unknown) = environment.keys().find(is_unknown) else { return Ok(()) };
    let mut names: Vec<_> = ours().collect();
    names.sort_unstable();
    let problem = format!("is not a setting of Footfall; valid names are {}", names.join(", "));
    Err(BadVariable { variable: unknown.clone(), problem })
}

/// Looks up the values of settings.
pub(super) struct SettingValues<'e> {
    environment: &'e Environment,
}

impl<'e> SettingValues<'e> {
    pub(super) const fn new(environment: &'e Environment) -> Self {
        Self { environment }
    }

    /// The value, without space around it. An empty value counts as absent.
    pub(super) fn get(&self, setting: &Setting) -> Option<&'e str> {
        self.environment.get(setting.name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// The value, or the default of a setting that has one.
    pub(super) fn get_or_default(&self, setting: &Setting) -> &'e str {
        self.get(setting).or(setting.default_value()).unwrap_or_default()
    }

    /// The parsed value, or the parsed default.
    pub(super) fn parse<T>(
        &self,
        setting: &Setting,
        parse: impl FnOnce(&'e str) -> Option<T>,
    ) -> Result<T, BadVariable> {
        let value = self.get_or_default(setting);
        parse(value).ok_or_else(|| setting.reject(value))
    }

    /// The parsed value, if there is one.
    pub(super) fn parse_optional<T>(
        &self,
        setting: &Setting,
        parse: impl FnOnce(&'e str) -> Option<T>,
    ) -> Result<Option<T>, BadVariable> {
        self.get(setting).map(|value| parse(value).ok_or_else(|| setting.reject(value))).transpose()
    }

    /// A number in the range of its setting, or the default.
    pub(super) fn number<N: TryFrom<u32>>(&self, setting: &Setting) -> Result<N, BadVariable> {
        self.parse(setting, |text| number(setting, text))
    }

    /// A number in the range of its setting, if there is one.
    pub(super) fn optional_number<N: TryFrom<u32>>(&self, setting: &Setting) -> Result<Option<N>, BadVariable> {
        self.parse_optional(setting, |text| number(setting, text))
    }

    /// Whether a setting is `on`.
    pub(super) fn switch(&self, setting: &Setting) -> Result<bool, BadVariable> {
        self.parse(setting, |word| match word {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        })
    }

    /// The parts of a list with commas.
    pub(super) fn list(&self, setting: &Setting) -> impl Iterator<Item = &'e str> {
        let value = self.get(setting).unwrap_or_default();
        value.split(',').map(str::trim).filter(|part| !part.is_empty())
    }

    /// The program that started this process.
    pub(super) fn host(&self) -> Host {
        match self.get(&PORT) {
            Some(_) if HOST_COMPANIONS.iter().any(|name| self.environment.contains_key(*name)) => Host::Functions,
            Some(_) => Host::PortOnly,
            None => Host::Plain,
        }
    }
}

fn number<N: TryFrom<u32>>(setting: &Setting, text: &str) -> Option<N> {
    let settings::ValidValues::Number(from, to) = setting.values else { return None };
    let number: u32 = text.parse().ok().filter(|number| (from..=to).contains(number))?;
    N::try_from(number).ok()
}
