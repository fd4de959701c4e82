//! Configuration: the only module that reads the environment, and only in [`Config::load`], which takes it as an argument.
//!
//! The fields are the documentation. A value that can't be right stops the start, with one line that names the variable,
//! what is wrong with it, and what would be right; it never shows a value that may be secret.

mod database;
mod origin;
pub mod settings;
mod sites;
mod values;

use std::{collections::BTreeMap, net::IpAddr, num::NonZeroU32};

use jiff::tz::TimeZone;

use self::values::{link_names, names, number, switch, views_per_minute};
pub use self::{
    database::{DatabaseConfig, Entra},
    origin::Origin,
    values::is_link_name,
};
use crate::{
    domain::{CountingMode, CountingRules},
    domain::{Forget, SiteName},
    telemetry::{self, LogFormat},
};

/// All that can be configured.
pub struct Config {
    /// `FUNCTIONS_CUSTOMHANDLER_PORT`: the TCP port to listen on, 0 to 65535 (0: any free one). Default 8080.
    pub port: u16,
    /// `FOOTFALL_BIND`: the address to listen on. Default 127.0.0.1, which is where the Functions host connects.
    pub bind: IpAddr,
    /// Who started this process; see [`Host`].
    pub host: Host,
    /// Where the numbers are kept.
    pub database: DatabaseConfig,
    /// The sites that are counted, each once. The first is this app's own page, named by `WEBSITE_HOSTNAME` (default
    /// `localhost`); the others are those of `FOOTFALL_SITES`, host names separated by commas.
    pub sites: Vec<SiteName>,
    /// `FOOTFALL_TIMEZONE`: the IANA name of the zone in which days begin. Default UTC.
    pub zone: TimeZone,
    /// `FOOTFALL_TRUSTED_PROXIES`: how many proxies stand in front, each of which appends to `X-Forwarded-For`: 0 to 10.
    /// Default 1 when the Functions host started this process, else 0.
    pub trusted_proxies: u8,
    /// `FOOTFALL_DASHBOARD_TOKEN`: if set, at least 16 characters, statistics are shown only to who knows it.
    pub dashboard_token: Option<Secret>,
    /// `FOOTFALL_PUBLIC_SITES`: sites whose statistics everybody may see although a token is set, separated by commas.
    pub public_sites: Vec<SiteName>,
    /// `FOOTFALL_REVOKED_LINKS`: names of shared links that are good no longer, separated by commas.
    pub revoked_links: Vec<String>,
    /// `FOOTFALL_RETENTION_DAYS`: how long statistics are kept, 1 to 36500 days. Default: for ever.
    pub retention_days: Option<u32>,
    /// `FOOTFALL_FORGET`: for how long visitors can be told from each other: `monthly` (default), until the month after has ended,
    /// or `daily`, until the day has ended. It can't change once something has been counted.
    pub forget: Forget,
    /// `FOOTFALL_ALL_TIME`: whether an estimate of all-time visitors is kept, `on` (default) or `off`.
    pub keeps_all_time: bool,
    /// `FOOTFALL_CONNECTIONS`: how many connections clients may have open at a time, 1 to 1,000,000. Default 10,000. The
    /// system's limit of open files may allow fewer.
    pub connections: usize,
    /// `FOOTFALL_RATE_LIMIT`: how many views a minute count from one network address, 1 to 1,000,000; `off` (or 0): all.
    /// Default 600.
    pub views_per_minute: Option<NonZeroU32>,
    /// `FOOTFALL_SUBDOMAINS`: whether pages of hosts below a site's may send visits to it, `off` (default) or `on`. `www.` always may.
    pub counts_subdomains: bool,
    /// Further names of what other sites embed, for when lists of blockers take up the usual ones; see [`Names`].
    pub names: Names,
    /// `FOOTFALL_EMBED`: origins whose pages may show the page in a frame, separated by commas. Default: none.
    pub embedders: Vec<Origin>,
    /// `FOOTFALL_LOG`: what is logged, as levels, of all or of parts of the program (`info`, `handler=debug`). Default `info`.
    pub log: String,
    /// `FOOTFALL_LOG_FORMAT`: `text`, for people, or `json`. Default: text on a terminal, else JSON.
    pub log_format: Option<LogFormat>,
}

/// Paths under which the script and the endpoint of visits answer too, without a slash at either end: letters, digits, `-`, `_`, `.`.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// `FOOTFALL_SCRIPT`: such as `hello.js`. Default: only `footfall.js`.
    pub script: Option<String>,
    /// `FOOTFALL_ENDPOINT`: such as `hello`, for `POST /hello` and `/hello/SITE.gif`. Default: only `v`.
    pub endpoint: Option<String>,
}

/// What started this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// The Functions host, which sets companions to the port, such as `FUNCTIONS_CUSTOMHANDLER_WORKER_ID`.
    Functions,
    /// Somebody who named a port as the Functions host does.
    PortOnly,
    /// A person, a container runtime, a service manager.
    Plain,
}

/// A value that is never shown.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Compares in a time that does not depend on where the difference is.
    pub fn matches(&self, offered: &str) -> bool {
        blake3::hash(self.0.as_bytes()) == blake3::hash(offered.as_bytes())
    }

    /// Signs texts for a purpose, so that whoever sees the signature can neither make another nor learn the secret (BLAKE3 §2.7, key
    /// derivation and keyed hash). In hexadecimal.
    pub fn sign(&self, purpose: &str, texts: &[&str]) -> String {
        let key = blake3::derive_key(&format!("footfall 2026 {purpose}"), self.0.as_bytes());
        let mut signature = blake3::Hasher::new_keyed(&key);
        for text in texts {
            signature.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
        signature.finalize().to_hex().to_string()
    }
}

/// A variable that can't be right.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {problem}")]
pub struct BadVariable {
    /// Its name.
    pub variable: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// The environment as it was given.
pub type Environment = BTreeMap<String, String>;

/// Variables of ours. Any other that begins with `FOOTFALL_` is a mistake.
const KNOWN: [&str; 20] = [
    "FOOTFALL_ALL_TIME",
    "FOOTFALL_BIND",
    "FOOTFALL_CONNECTIONS",
    "FOOTFALL_DASHBOARD_TOKEN",
    "FOOTFALL_DATABASE_AUTH",
    "FOOTFALL_EMBED",
    "FOOTFALL_ENDPOINT",
    "FOOTFALL_FORGET",
    "FOOTFALL_LOG",
    "FOOTFALL_LOG_FORMAT",
    "FOOTFALL_PUBLIC_SITES",
    "FOOTFALL_RATE_LIMIT",
    "FOOTFALL_RETENTION_DAYS",
    "FOOTFALL_REVOKED_LINKS",
    "FOOTFALL_SCRIPT",
    "FOOTFALL_SITES",
    "FOOTFALL_SUBDOMAINS",
    "FOOTFALL_TIMEZONE",
    "FOOTFALL_TRUSTED_PROXIES",
    "FOOTFALL_DATA",
];

/// What the Functions host sets beside the port; nobody who only chooses a port would.
const HOST_COMPANIONS: [&str; 3] =
    ["FUNCTIONS_CUSTOMHANDLER_WORKER_ID", "FUNCTIONS_HTTPWORKER_PORT", "FUNCTIONS_APP_ROOT_PATH"];

const PORT: &str = "FUNCTIONS_CUSTOMHANDLER_PORT";

/// The environment of this process. Values that are not UTF-8 are repaired, so that their setting rejects them.
pub fn process_environment() -> Environment {
    let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
    std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
}

/// Whether `NO_COLOR` is absent.
pub fn allows_colour(environment: &Environment) -> bool {
    !environment.contains_key("NO_COLOR")
}

impl Config {
    /// What the database counts by.
    pub fn foundation(&self) -> CountingMode {
        CountingMode { zone: self.zone.clone(), forget: self.forget }
    }

    /// How visits are recorded and read.
    pub fn rules(&self) -> CountingRules {
        CountingRules {
            foundation: self.foundation(),
            keeps_all_time: self.keeps_all_time,
            retention_days: self.retention_days,
        }
    }

    /// Reads the configuration out of an environment.
    ///
    /// # Errors
    /// If a value can't be right, or a variable that begins with `FOOTFALL_` is unknown.
    pub fn load(environment: &Environment) -> Result<Self, BadVariable> {
        if let Some(unknown) =
            environment.keys().find(|name| name.starts_with("FOOTFALL_") && !KNOWN.contains(&name.as_str()))
        {
            return Err(bad(unknown, format!("is not a setting of Footfall; known are {}", KNOWN.join(", "))));
        }
        let get = |name: &str| environment.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        let host = match get(PORT) {
            Some(_) if HOST_COMPANIONS.iter().any(|name| environment.contains_key(*name)) => Host::Functions,
            Some(_) => Host::PortOnly,
            None => Host::Plain,
        };
        let sites = sites::counted(get("WEBSITE_HOSTNAME"), get("FOOTFALL_SITES"))?;
        let public_sites = sites::public(get("FOOTFALL_PUBLIC_SITES"), &sites)?;
        Ok(Self {
            port: number(PORT, get(PORT), 0..=u16::MAX)?.unwrap_or(8080),
            bind: match get("FOOTFALL_BIND") {
                Some(value) => value.parse().map_err(|_| {
                    bad("FOOTFALL_BIND", format!("is '{value}', but must be an IP address, such as 0.0.0.0"))
                })?,
                None => IpAddr::from([127, 0, 0, 1]),
            },
            host,
            database: DatabaseConfig::load(&get)?,
            sites,
            zone: match get("FOOTFALL_TIMEZONE") {
                Some(name) => TimeZone::get(name).map_err(|_| {
                    bad(
                        "FOOTFALL_TIMEZONE",
                        format!("is '{name}', but must be an IANA time zone, such as Europe/Berlin"),
                    )
                })?,
                None => TimeZone::UTC,
            },
            trusted_proxies: number("FOOTFALL_TRUSTED_PROXIES", get("FOOTFALL_TRUSTED_PROXIES"), 0..=10)?
                .unwrap_or(u8::from(host == Host::Functions)),
            dashboard_token: match get("FOOTFALL_DASHBOARD_TOKEN") {
                // What the platform leaves in place when it can't resolve a reference; everybody knows how it begins.
                Some(token) if token.starts_with("@Microsoft.KeyVault(") => {
                    let problem =
                        "is a Key Vault reference that was not resolved: may the app's identity read the secret?";
                    return Err(bad("FOOTFALL_DASHBOARD_TOKEN", problem));
                }
                Some(token) if token.chars().count() < 16 => {
                    return Err(bad("FOOTFALL_DASHBOARD_TOKEN", "is too short to be safe: use at least 16 characters"));
                }
                token => token.map(|token| Secret(token.to_owned())),
            },
            public_sites,
            revoked_links: link_names("FOOTFALL_REVOKED_LINKS", get("FOOTFALL_REVOKED_LINKS"))?,
            retention_days: number("FOOTFALL_RETENTION_DAYS", get("FOOTFALL_RETENTION_DAYS"), 1..=36_500)?,
            forget: match get("FOOTFALL_FORGET") {
                None => Forget::default(),
                Some(value) => Forget::ALL
                    .into_iter()
                    .find(|known| known.name() == value)
                    .ok_or_else(|| bad("FOOTFALL_FORGET", format!("is '{value}', but must be monthly or daily")))?,
            },
            keeps_all_time: switch("FOOTFALL_ALL_TIME", get("FOOTFALL_ALL_TIME"))?.unwrap_or(true),
            counts_subdomains: switch("FOOTFALL_SUBDOMAINS", get("FOOTFALL_SUBDOMAINS"))?.unwrap_or(false),
            connections: number("FOOTFALL_CONNECTIONS", get("FOOTFALL_CONNECTIONS"), 1..=1_000_000)?.unwrap_or(10_000),
            views_per_minute: views_per_minute(get("FOOTFALL_RATE_LIMIT"))?,
            names: names(get("FOOTFALL_SCRIPT"), get("FOOTFALL_ENDPOINT"))?,
            embedders: origin::origins("FOOTFALL_EMBED", get("FOOTFALL_EMBED"))?,
            log_format: match get("FOOTFALL_LOG_FORMAT") {
                None => None,
                Some("text") => Some(LogFormat::Text),
                Some("json") => Some(LogFormat::Json),
                Some(other) => {
                    return Err(bad("FOOTFALL_LOG_FORMAT", format!("is '{other}', but must be 'text' or 'json'")));
                }
            },
            log: match get("FOOTFALL_LOG") {
                Some(value) if telemetry::filter(value).is_none() => {
                    return Err(bad(
                        "FOOTFALL_LOG",
                        format!(
                            "is '{value}', but must be a level, such as info, or directives, such as handler=debug"
                        ),
                    ));
                }
                value => value.unwrap_or("info").to_owned(),
            },
        })
    }
}

fn bad(variable: &str, problem: impl Into<String>) -> BadVariable {
    BadVariable { variable: variable.to_owned(), problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_without_url(pairs: &[(&str, &str)]) -> Result<Config, BadVariable> {
        Config::load(&pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn load(pairs: &[(&str, &str)]) -> Result<Config, BadVariable> {
        load_without_url(&[&[("DATABASE_URL", "postgres://localhost/footfall")], pairs].concat())
    }

    fn refusal(variable: &str, value: &str) -> String {
        load(&[(variable, value)]).err().unwrap_or_else(|| panic!("{variable}={value} was accepted")).to_string()
    }

    #[test]
    fn an_empty_environment_is_a_plain_server_on_port_8080() {
        let config = load(&[]).unwrap();
        assert_eq!((config.port, config.bind.to_string().as_str()), (8080, "127.0.0.1"));
        assert_eq!((config.host, config.trusted_proxies), (Host::Plain, 0));
        assert_eq!(config.sites.iter().map(|site| &**site).collect::<Vec<_>>(), ["localhost"]);
        assert!(config.dashboard_token.is_none() && config.retention_days.is_none());
        assert_eq!((config.connections, config.views_per_minute), (10_000, NonZeroU32::new(600)));
        assert!(config.log_format.is_none());
    }

    #[test]
    fn the_rate_limit_can_be_switched_off_by_a_word_or_a_zero() {
        for (value, views) in [("off", None), ("0", None), ("1", NonZeroU32::new(1))] {
            assert_eq!(load(&[("FOOTFALL_RATE_LIMIT", value)]).unwrap().views_per_minute, views, "{value}");
        }
        for value in ["-1", "1000001", "many", "600/min"] {
            assert!(refusal("FOOTFALL_RATE_LIMIT", value).contains("off"), "{value}");
        }
    }

    #[test]
    fn one_proxy_is_trusted_when_the_functions_host_started_us_and_none_when_only_a_port_is_named() {
        let started = load(&[(PORT, "7071"), ("FUNCTIONS_CUSTOMHANDLER_WORKER_ID", "w")]).unwrap();
        assert_eq!((started.host, started.trusted_proxies, started.port), (Host::Functions, 1, 7071));
        let port_only = load(&[(PORT, "7071")]).unwrap();
        assert_eq!((port_only.host, port_only.trusted_proxies), (Host::PortOnly, 0));
    }

    #[test]
    fn sites_are_normalised_and_listed_once_after_our_own() {
        let config = load(&[
            ("WEBSITE_HOSTNAME", "App.example.net"),
            ("FOOTFALL_SITES", "Example.com, www.example.com.,,example.com"),
        ])
        .unwrap();
        assert_eq!(
            config.sites.iter().map(|site| &**site).collect::<Vec<_>>(),
            ["app.example.net", "example.com", "www.example.com"]
        );
    }

    #[test]
    fn a_bad_value_is_refused_by_the_name_of_its_variable() {
        for (variable, value) in [
            (PORT, "http"),
            (PORT, "70000"),
            ("FOOTFALL_BIND", "localhost"),
            ("FOOTFALL_SCRIPT", "healthz"),
            ("FOOTFALL_ENDPOINT", "footfall.js"),
            ("FOOTFALL_ENDPOINT", ".."),
            ("FOOTFALL_SITES", "https://example.com"),
            ("FOOTFALL_EMBED", "example.com"),
            ("FOOTFALL_SITES", "example.com/path"),
            ("FOOTFALL_SITES", "exa mple.com"),
            ("FOOTFALL_TIMEZONE", "Mars/Olympus"),
            ("FOOTFALL_TRUSTED_PROXIES", "-1"),
            ("FOOTFALL_TRUSTED_PROXIES", "11"),
            ("FOOTFALL_DASHBOARD_TOKEN", "short"),
            ("FOOTFALL_DASHBOARD_TOKEN", "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/t)"),
            ("FOOTFALL_FORGET", "never"),
            ("FOOTFALL_ALL_TIME", "0"),
            ("FOOTFALL_RETENTION_DAYS", "0"),
            ("FOOTFALL_RETENTION_DAYS", "a year"),
            ("FOOTFALL_DATABASE_AUTH", "kerberos"),
            ("FOOTFALL_LOG", "handler=shouting"),
            ("FOOTFALL_LOG", "loud"),
            ("FOOTFALL_LOGS", "debug"),
            ("DATABASE_URL", "mysql://localhost/footfall"),
            ("DATABASE_URL", "postgres://host:notaport/footfall"),
        ] {
            assert!(refusal(variable, value).starts_with(variable), "{variable}={value}");
        }
    }

    #[test]
    fn script_and_endpoint_cannot_share_a_name() {
        let refused = load(&[("FOOTFALL_SCRIPT", "hello"), ("FOOTFALL_ENDPOINT", "hello")]).err().unwrap();
        assert_eq!(refused.variable, "FOOTFALL_ENDPOINT");
        assert!(load(&[("FOOTFALL_SCRIPT", "hello.js"), ("FOOTFALL_ENDPOINT", "hello")]).is_ok());
    }

    #[test]
    fn entra_wants_a_server_a_role_and_full_verification_and_nothing_that_contradicts_it() {
        let auth = ("FOOTFALL_DATABASE_AUTH", "entra");
        let (host, role) = (("PGHOST", "db.example"), ("PGUSER", "app"));
        let load_entra = |more: &[(&str, &str)]| load_without_url(&[&[auth], more].concat());
        assert_eq!(load_entra(&[]).err().unwrap().variable, "PGHOST");
        assert_eq!(load_entra(&[host]).err().unwrap().variable, "PGUSER");
        assert_eq!(load_entra(&[host, role, ("PGSSLMODE", "require")]).err().unwrap().variable, "PGSSLMODE");
        assert_eq!(load(&[auth, host, role]).err().unwrap().variable, "DATABASE_URL");
        let identity = |more: &[(&str, &str)]| match load_entra(&[&[host, role], more].concat()).unwrap().database {
            DatabaseConfig::Entra(_, identity) => identity,
            _ => panic!("not Entra"),
        };
        assert_eq!(identity(&[]), Entra::Developer);
        let managed = identity(&[("IDENTITY_ENDPOINT", "http://localhost/token"), ("AZURE_CLIENT_ID", "c")]);
        assert_eq!(managed, Entra::Managed { client_id: Some("c".to_owned()) });
    }

    #[test]
    fn a_refusal_never_shows_a_secret() {
        assert!(!refusal("FOOTFALL_DASHBOARD_TOKEN", "hunter2").contains("hunter2"));
        assert!(!refusal("DATABASE_URL", "postgres://u:hunter2@h:notaport/d").contains("hunter2"));
        assert!(!refusal("DATABASE_URL", "mysql://u:hunter2@h/d").contains("hunter2"));
    }

    #[test]
    fn a_token_matches_itself_only() {
        let config = load(&[("FOOTFALL_DASHBOARD_TOKEN", "0123456789abcdef")]).unwrap();
        let token = config.dashboard_token.unwrap();
        assert!(token.matches("0123456789abcdef") && !token.matches("0123456789abcdeF") && !token.matches(""));
    }
}
