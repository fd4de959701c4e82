//! Configuration: the only module that reads the environment. [`Config::load`] takes it as an argument.
//!
//! [`settings`] describes each variable. A value that is not valid stops the start with one line that names the
//! variable, the problem and the valid values. Errors never contain a value that may be secret.

mod database;
mod environment;
mod guessing;
mod origin;
pub mod settings;
mod sites;
mod values;
mod webhook;

use std::{net::IpAddr, num::NonZeroU32};

use jiff::tz::TimeZone;

pub use self::{
    database::{DatabaseConfig, Entra},
    environment::{Environment, Host, allows_colour, process_environment},
    origin::Origin,
    settings::BadVariable,
    values::{PathAliases, is_link_name},
    webhook::Webhook,
};
use self::{
    environment::SettingValues,
    values::{link_names, named_events, path_aliases, smallest_group, views_per_minute},
};
use crate::{
    domain::{CountingMode, CountingRules},
    domain::{Forget, SiteName},
    telemetry::{self, LogFormat},
};

/// The configuration. [`settings`] describes each variable.
pub struct Config {
    /// The TCP port to listen on; 0 selects any free one.
    pub port: u16,
    /// The address to listen on.
    pub bind: IpAddr,
    /// The program that started this process.
    pub host: Host,
    /// The location of the database.
    pub database: DatabaseConfig,
    /// The counted sites, each once, in the order of `FOOTFALL_SITES`. `/` shows the first. This app's own page is the last, unless
    /// the list names it.
    pub sites: Vec<SiteName>,
    /// The site of this app's own page.
    pub own_site: SiteName,
    /// The origin in embed code and shared links; `None`: see `serve::public_address`.
    pub public_url: Option<Origin>,
    /// The time zone in which days begin.
    pub zone: TimeZone,
    /// The number of proxies that append to `X-Forwarded-For`.
    pub trusted_proxies: u8,
    /// The token that viewers of statistics need; `None` makes statistics public.
    pub dashboard_token: Option<Secret>,
    /// Whether Azure could not read the token yet. Then [`Config::dashboard_token`] is a random value.
    pub is_token_unresolved: bool,
    /// Sites with public statistics although a token is set.
    pub public_sites: Vec<SiteName>,
    /// Names of shared links that no longer give access.
    pub revoked_links: Vec<String>,
    /// The number of days for which statistics are stored; `None`: no limit.
    pub retention_days: Option<u32>,
    /// How long visitors are recognised.
    pub forget: Forget,
    /// Whether an estimate of all-time visitors is stored.
    pub keeps_all_time: bool,
    /// The maximum of open connections of clients.
    pub connections: usize,
    /// The views per minute that count from one network; `None`: no limit.
    pub views_per_minute: Option<NonZeroU32>,
    /// The events that always have a place in their list.
    pub named_events: Vec<String>,
    /// How many different visitors a stored class of profiles has at least; `None`: no profiles are stored.
    pub smallest_group: Option<u32>,
    /// Whether pages of subdomains may count for a site.
    pub counts_subdomains: bool,
    /// Second names of the paths that other sites embed.
    pub path_aliases: PathAliases,
    /// Origins whose pages may show Footfall's page in a frame.
    pub embedders: Vec<Origin>,
    /// The address for notices.
    pub webhook: Option<Webhook>,
    /// Whether Azure could not read the address for notices.
    pub is_webhook_unresolved: bool,
    /// The events to log, as levels of all or of some modules.
    pub log: String,
    /// The format of log lines; `None`: text on a terminal, otherwise JSON.
    pub log_format: Option<LogFormat>,
}

/// A value that is never printed.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Compares in constant time.
    pub fn matches(&self, offered: &str) -> bool {
        blake3::hash(self.0.as_bytes()) == blake3::hash(offered.as_bytes())
    }

    /// The secret, for deriving a key.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl Config {
    /// The mode in which the database counts.
    pub fn counting_mode(&self) -> CountingMode {
        CountingMode { zone: self.zone.clone(), forget: self.forget, own_site: self.own_site.clone() }
    }

    /// The rules for recording and reading visits.
    pub fn rules(&self) -> CountingRules {
        CountingRules {
            counting_mode: self.counting_mode(),
            keeps_all_time: self.keeps_all_time,
            retention_days: self.retention_days,
            named_events: self.named_events.clone(),
            smallest_group: self.smallest_group,
        }
    }

    /// Reads the configuration from an environment.
    ///
    /// # Errors
    /// If a value is not valid, or a variable that begins with `FOOTFALL_` is unknown.
    pub fn load(environment: &Environment) -> Result<Self, BadVariable> {
        environment::reject_unknown(environment)?;
        let values = SettingValues::new(environment);
        let host = values.host();
        let own_site = sites::own(&values)?;
        let sites = sites::counted(&values, &own_site)?;
        Ok(Self {
            port: values.number(&settings::PORT)?,
            bind: values.parse(&settings::BIND, |text| text.parse().ok())?,
            host,
            database: DatabaseConfig::load(&values)?,
            public_sites: sites::public(&values, &sites)?,
            sites,
            own_site,
            public_url: origin::public(&values)?,
            zone: values.parse(&settings::TIMEZONE, |name| TimeZone::get(name).ok())?,
            trusted_proxies: values
                .optional_number(&settings::TRUSTED_PROXIES)?
                .unwrap_or(u8::from(host == Host::Functions)),
            is_token_unresolved: values.get(&settings::DASHBOARD_TOKEN).is_some_and(is_unresolved),
            dashboard_token: dashboard_token(&values)?,
            revoked_links: link_names(&values)?,
            retention_days: values.optional_number(&settings::RETENTION_DAYS)?,
            forget: values
                .parse(&settings::FORGET, |word| Forget::ALL.into_iter().find(|known| known.name() == word))?,
            keeps_all_time: values.switch(&settings::ALL_TIME)?,
            named_events: named_events(&values)?,
            smallest_group: smallest_group(&values)?,
            counts_subdomains: values.switch(&settings::SUBDOMAINS)?,
            connections: values.number(&settings::CONNECTIONS)?,
            views_per_minute: views_per_minute(&values)?,
            path_aliases: path_aliases(&values)?,
            embedders: origin::origins(&values)?,
            webhook: webhook::webhook(&values)?,
            is_webhook_unresolved: values.get(&settings::WEBHOOK).is_some_and(is_unresolved),
            log_format: values.parse_optional(&settings::LOG_FORMAT, |word| match word {
                "text" => Some(LogFormat::Text),
                "json" => Some(LogFormat::Json),
                _ => None,
            })?,
            log: values.parse(&settings::LOG, |text| telemetry::filter(text).map(|_| text.to_owned()))?,
        })
    }
}

/// Whether a value is a Key Vault reference. Azure leaves this public text in place if it can't read the secret.
fn is_unresolved(value: &str) -> bool {
    value.starts_with("@Microsoft.KeyVault(")
}

fn dashboard_token(values: &SettingValues<'_>) -> Result<Option<Secret>, BadVariable> {
    let Some(token) = values.get(&settings::DASHBOARD_TOKEN) else { return Ok(None) };
    if is_unresolved(token) {
        // Counting does not need the token. A random one keeps statistics private.
        let mut random = [0; 32];
        getrandom::fill(&mut random).expect("the operating system has a random number generator");
        return Ok(Some(Secret(blake3::hash(&random).to_hex().to_string())));
    }
    if guessing::bits(token) < guessing::LEAST_BITS {
        let problem = "is too easy to guess: use a random token, which this command makes: openssl rand -base64 32";
        return Err(settings::DASHBOARD_TOKEN.error(problem));
    }
    Ok(Some(Secret(token.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::{settings::PORT, *};
    use crate::domain::notice::NoticeFormat;

    fn load_without_url(pairs: &[(&str, &str)]) -> Result<Config, BadVariable> {
        Config::load(&pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn load(pairs: &[(&str, &str)]) -> Result<Config, BadVariable> {
        load_without_url(&[&[("DATABASE_URL", "postgres://localhost/footfall")], pairs].concat())
    }

    fn error(variable: &str, value: &str) -> String {
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
    fn the_rate_limit_is_turned_off_by_off_or_zero() {
        for (value, views) in [("off", None), ("0", None), ("1", NonZeroU32::new(1))] {
            assert_eq!(load(&[("FOOTFALL_RATE_LIMIT", value)]).unwrap().views_per_minute, views, "{value}");
        }
        for value in ["-1", "1000001", "many", "600/min"] {
            assert!(error("FOOTFALL_RATE_LIMIT", value).contains("off"), "{value}");
        }
    }

    #[test]
    fn the_smallest_group_has_at_least_five_visitors_or_is_off() {
        for (value, group) in [("", Some(10)), ("5", Some(5)), ("1000", Some(1000)), ("off", None)] {
            assert_eq!(load(&[("FOOTFALL_SMALLEST_GROUP", value)]).unwrap().smallest_group, group, "{value}");
        }
        for value in ["4", "0", "1001", "ten"] {
            assert!(error("FOOTFALL_SMALLEST_GROUP", value).contains("off"), "{value}");
        }
    }

    #[test]
    fn one_proxy_is_trusted_under_the_functions_host_and_none_if_only_the_port_is_set() {
        let started = load(&[(PORT.name, "7071"), ("FUNCTIONS_CUSTOMHANDLER_WORKER_ID", "w")]).unwrap();
        assert_eq!((started.host, started.trusted_proxies, started.port), (Host::Functions, 1, 7071));
        let port_only = load(&[(PORT.name, "7071")]).unwrap();
        assert_eq!((port_only.host, port_only.trusted_proxies), (Host::PortOnly, 0));
    }

    #[test]
    fn sites_are_normalised_and_listed_once_before_the_own_site() {
        for (listed, sites) in [
            ("Example.com, www.example.com.,,example.com", &["example.com", "www.example.com", "app.example.net"][..]),
            // The list can give the own site another place.
            ("app.example.net,example.com", &["app.example.net", "example.com"]),
            ("", &["app.example.net"]),
        ] {
            let config = load(&[("WEBSITE_HOSTNAME", "App.example.net"), ("FOOTFALL_SITES", listed)]).unwrap();
            assert_eq!(config.sites.iter().map(|site| &**site).collect::<Vec<_>>(), sites);
            assert_eq!(&*config.own_site, "app.example.net");
        }
    }

    #[test]
    fn an_error_names_the_variable_with_the_invalid_value() {
        for (variable, value) in [
            (PORT.name, "http"),
            (PORT.name, "70000"),
            ("FOOTFALL_BIND", "localhost"),
            ("FOOTFALL_SCRIPT", "health"),
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
            ("FOOTFALL_DASHBOARD_TOKEN", "correct horse battery staple"),
            ("FOOTFALL_FORGET", "never"),
            ("FOOTFALL_ALL_TIME", "0"),
            ("FOOTFALL_RETENTION_DAYS", "0"),
            ("FOOTFALL_RETENTION_DAYS", "a year"),
            ("FOOTFALL_DATABASE_AUTH", "kerberos"),
            ("FOOTFALL_WEBHOOK", "hooks.example.com"),
            ("FOOTFALL_WEBHOOK", "ftp://hooks.example.com/"),
            ("FOOTFALL_WEBHOOK_FORMAT", "xml"),
            ("FOOTFALL_LOG", "handler=shouting"),
            ("FOOTFALL_LOG", "loud"),
            ("FOOTFALL_LOG_FORMAT", "xml"),
            ("FOOTFALL_LOGS", "debug"),
            ("DATABASE_URL", "mysql://localhost/footfall"),
            ("DATABASE_URL", "postgres://host:notaport/footfall"),
        ] {
            assert!(error(variable, value).starts_with(variable), "{variable}={value}");
        }
    }

    #[test]
    fn an_unresolved_reference_is_a_random_token() {
        let reference = "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/t)";
        let config = || load(&[("FOOTFALL_DASHBOARD_TOKEN", reference)]).unwrap();
        let token = config().dashboard_token.unwrap();
        assert!(config().is_token_unresolved && !token.matches(reference));
        assert_ne!(token.0, config().dashboard_token.unwrap().0);
        assert!(
            !load(&[("FOOTFALL_DASHBOARD_TOKEN", "mLpO7mKcQ3tZ9wXy2RbVfA4sNdHgEuJ1")]).unwrap().is_token_unresolved
        );
    }

    #[test]
    fn an_unresolved_webhook_sends_nothing_and_is_reported() {
        let reference = "@Microsoft.KeyVault(VaultName=v;SecretName=webhook)";
        let config = load(&[("FOOTFALL_WEBHOOK", reference)]).unwrap();
        assert!(config.webhook.is_none() && config.is_webhook_unresolved);
        let config =
            load(&[("FOOTFALL_WEBHOOK", "https://ntfy.sh/topic"), ("FOOTFALL_WEBHOOK_FORMAT", "text")]).unwrap();
        assert_eq!(config.webhook.unwrap().format, NoticeFormat::Text);
        assert!(!config.is_webhook_unresolved);
    }

    #[test]
    fn script_and_endpoint_cannot_share_a_name() {
        let refused = load(&[("FOOTFALL_SCRIPT", "hello"), ("FOOTFALL_ENDPOINT", "hello")]).err().unwrap();
        assert_eq!(refused.variable, "FOOTFALL_ENDPOINT");
        assert!(load(&[("FOOTFALL_SCRIPT", "hello.js"), ("FOOTFALL_ENDPOINT", "hello")]).is_ok());
    }

    #[test]
    fn entra_needs_a_server_a_role_and_full_verification_and_rejects_a_url() {
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
    fn an_error_never_contains_a_secret() {
        assert!(!error("FOOTFALL_DASHBOARD_TOKEN", "hunter2").contains("hunter2"));
        assert!(!error("DATABASE_URL", "postgres://u:hunter2@h:notaport/d").contains("hunter2"));
        assert!(!error("DATABASE_URL", "mysql://u:hunter2@h/d").contains("hunter2"));
        assert!(!error("FOOTFALL_WEBHOOK", "hooks.example.com/hunter2").contains("hunter2"));
    }

    #[test]
    fn a_token_matches_only_itself() {
        let config = load(&[("FOOTFALL_DASHBOARD_TOKEN", "kX7mQ2vR9tWc4LzN8bHs3JdF")]).unwrap();
        let token = config.dashboard_token.unwrap();
        assert!(
            token.matches("kX7mQ2vR9tWc4LzN8bHs3JdF")
                && !token.matches("kX7mQ2vR9tWc4LzN8bHs3Jdf")
                && !token.matches("")
        );
    }
}
