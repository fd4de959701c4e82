//! The table of settings: the parser, `handler --help` and `docs/configuration.md` read names, defaults and values
//! here.

use std::fmt;

/// A variable whose value is not valid.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {problem}")]
pub struct BadVariable {
    /// The name of the variable.
    pub variable: String,
    /// The problem and the valid values.
    pub problem: String,
}

/// One environment variable.
#[derive(Debug)]
pub struct Setting {
    /// The name of the variable.
    pub name: &'static str,
    pub(super) section: Section,
    /// The effect, for `--help` and the documentation.
    pub(super) meaning: &'static str,
    pub(super) values: ValidValues,
    pub(super) default: Fallback,
    /// The section of the documentation with details, relative to `docs/`.
    pub(super) more: Option<&'static str>,
}

/// The headings under which settings are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Server,
    Database,
    Sites,
    Embedding,
    Access,
    Counting,
    Notices,
    Log,
}

/// The valid values of a setting.
#[derive(Debug)]
pub(super) enum ValidValues {
    /// A whole number from the first to the second.
    Number(u32, u32),
    /// One of these words.
    Word(&'static [&'static str]),
    /// Anything that fits this description.
    Text(&'static str),
    /// The same, but the value may be secret, so errors don't repeat it.
    Secret(&'static str),
}

/// The value of a setting that is absent or empty.
#[derive(Debug)]
pub(super) enum Fallback {
    Value(&'static str),
    /// Depends on the environment, as described.
    Depends(&'static str),
    None,
}

macro_rules! settings {
    ($($id:ident = $name:literal, $section:ident, $values:expr, $default:expr, $meaning:literal $(, $more:literal)?;)*) => {
        $(pub(crate) const $id: Setting = Setting {
            name: $name,
            section: Section::$section,
            meaning: $meaning,
            values: $values,
            default: $default,
            more: settings!(@more $($more)?),
        };)*
        /// All settings, in the order of the documentation.
        pub const ALL: &[Setting] = &[$($id),*];
    };
    (@more) => { None };
    (@more $more:literal) => { Some($more) };
}

use Fallback::{Depends, Value};
use ValidValues::{Number, Secret, Text, Word};

settings! {
    PORT = "FUNCTIONS_CUSTOMHANDLER_PORT", Server, Number(0, 65_535), Value("8080"),
        "TCP port to listen on; 0 selects any free port. The Functions host sets this variable.";
    BIND = "FOOTFALL_BIND", Server, Text("an IP address, such as 0.0.0.0"), Value("127.0.0.1"),
        "Address to listen on. The Functions host and a reverse proxy on the same machine connect to the default.";
    TRUSTED_PROXIES = "FOOTFALL_TRUSTED_PROXIES", Server, Number(0, 10),
        Depends("1 under the Functions host, otherwise 0"),
        "Number of proxies in front of Footfall that append to X-Forwarded-For.";
    CONNECTIONS = "FOOTFALL_CONNECTIONS", Server, Number(1, 1_000_000), Value("10000"),
        "Connections that clients may have open at a time. The system's limit of open files may allow fewer; \
         the log line `started` reports the number.";

    DATABASE_URL = "DATABASE_URL", Database,
        Secret("a PostgreSQL URL, such as postgres://user:password@host:5432/database"), Fallback::None,
        "PostgreSQL database. Has priority over PGHOST.";
    PGHOST = "PGHOST", Database, Text("a host name or a folder with a socket"), Fallback::None,
        "PostgreSQL server, if DATABASE_URL is not set.";
    PGPORT = "PGPORT", Database, Number(1, 65_535), Value("5432"), "Port of the server in PGHOST.";
    PGDATABASE = "PGDATABASE", Database, Text("a database name"), Value("footfall"),
        "Database on the server in PGHOST.";
    PGUSER = "PGUSER", Database, Text("a role name"), Fallback::None,
        "Role on the server in PGHOST. Required with PGHOST.";
    PGPASSWORD = "PGPASSWORD", Database, Secret("a password"), Fallback::None,
        "Password of the role. Not used with Entra.";
    PGSSLMODE = "PGSSLMODE", Database, Word(&["disable", "prefer", "require", "verify-ca", "verify-full"]),
        Depends("verify-full with Entra, otherwise prefer"), "Use of TLS. Entra allows only verify-full.";
    PGSSLROOTCERT = "PGSSLROOTCERT", Database, Text("a path"), Depends("the certificates in the program"),
        "File with the certificates of the authorities that may sign the server's certificate.";
    DATABASE_AUTH = "FOOTFALL_DATABASE_AUTH", Database, Word(&["password", "entra"]), Value("password"),
        "Login method. entra uses a Microsoft Entra token; it needs PGHOST and PGUSER and rejects DATABASE_URL.";
    IDENTITY_ENDPOINT = "IDENTITY_ENDPOINT", Database, Text("a URL"), Depends("the sign-in of the Azure CLI"),
        "Source of tokens of a managed identity. The Azure platform sets this variable.";
    AZURE_CLIENT_ID = "AZURE_CLIENT_ID", Database, Text("a client ID"), Depends("the system-assigned identity"),
        "User-assigned managed identity that logs in to the database.";
    DATA = "FOOTFALL_DATA", Database, Text("a path"), Value(".footfall"),
        "Folder of the embedded PostgreSQL, which runs if no database is set and the build contains it.";

    HOSTNAME = "WEBSITE_HOSTNAME", Sites, Text("a host name, without scheme, port and path"), Value("localhost"),
        "Public host name: the site of Footfall's own page, and the host in embed code and shared links. Azure sets this \
         variable; behind a proxy, set it yourself. Links with the default name the listening address.";
    PUBLIC_URL = "FOOTFALL_PUBLIC_URL", Sites, Text(ORIGIN), Depends("https:// and WEBSITE_HOSTNAME"),
        "Origin in embed code and links. Set this variable if the public address has another host than \
         WEBSITE_HOSTNAME, such as behind Front Door.";
    SITES = "FOOTFALL_SITES", Sites, Text("host names, separated by commas"), Fallback::None,
        "Sites to count in addition to Footfall's own page, which is the last in the choice. / shows the first.";
    SUBDOMAINS = "FOOTFALL_SUBDOMAINS", Sites, Word(&["on", "off"]), Value("off"),
        "Whether pages of subdomains, such as blog.example.com for example.com, may count for a site. \
         The subdomain www always may.";

    SCRIPT = "FOOTFALL_SCRIPT", Embedding, Text(PATH_NAME), Fallback::None,
        "Second name of footfall.js, such as hello.js, for use when blockers list the first.",
        "embedding.md#ad-blockers";
    ENDPOINT = "FOOTFALL_ENDPOINT", Embedding, Text(PATH_NAME), Fallback::None,
        "Second name of the path /v, such as hello for POST /hello and /hello/SITE.gif.",
        "embedding.md#ad-blockers";
    EMBED = "FOOTFALL_EMBED", Embedding,
        Text("origins, such as https://example.com: scheme and host without a path, separated by commas"),
        Fallback::None, "Origins whose pages may show Footfall's page in a frame.",
        "embedding.md#the-numbers-in-a-page-of-yours";

    DASHBOARD_TOKEN = "FOOTFALL_DASHBOARD_TOKEN", Access, Secret("a random text, such as the output of openssl rand -base64 32"), Fallback::None,
        "Makes page, statistics and badges private: viewers need this token. Counting never needs it.",
        "api.md#private-and-public";
    PUBLIC_SITES = "FOOTFALL_PUBLIC_SITES", Access, Text("counted sites, separated by commas"), Fallback::None,
        "Sites whose statistics stay public although a token is set.";
    REVOKED_LINKS = "FOOTFALL_REVOKED_LINKS", Access,
        Text("names of links (letters, digits and hyphens), separated by commas"), Fallback::None,
        "Shared links that no longer give access.";

    TIMEZONE = "FOOTFALL_TIMEZONE", Counting, Text("an IANA time zone, such as Europe/Berlin"), Value("UTC"),
        "Time zone in which days begin. It can't change after the first visit to a site.", "#what-cannot-change";
    FORGET = "FOOTFALL_FORGET", Counting, Word(&["monthly", "daily"]), Value("monthly"),
        "How long visitors are recognised: until the end of the following month, or until the end of the day. \
         With daily, only days have unique visitors. It can't change after the first visit.",
        "privacy.md#monthly-or-daily";
    ALL_TIME = "FOOTFALL_ALL_TIME", Counting, Word(&["on", "off"]), Value("on"),
        "Whether an estimate of all-time visitors is stored. off also deletes a stored estimate.",
        "privacy.md#all-time";
    RETENTION_DAYS = "FOOTFALL_RETENTION_DAYS", Counting, Number(1, 36_500), Depends("no limit"),
        "Days for which statistics are stored.";
    RATE_LIMIT = "FOOTFALL_RATE_LIMIT", Counting,
        Text("views per minute, a whole number from 1 to 1000000, or off (or 0)"), Value("600"),
        "Views per minute that count from one network (an IPv4 address, an IPv6 /56). Additional views are accounted \
         as rate_limited.", "privacy.md#the-rate-limit";

    SMALLEST_GROUP = "FOOTFALL_SMALLEST_GROUP", Counting,
        Text("a whole number from 5 to 1000, or off"), Value("10"),
        "Visitors of 28 days that must share a combination of country, language, device, operating system, browser and \
         channel, so that filters distinguish it after the day. off stores no combinations, and deletes those that are \
         stored.", "privacy.md#combinations";

    EVENTS = "FOOTFALL_EVENTS", Counting, Text("names of at most 64 bytes, separated by commas"), Fallback::None,
        "Events that always have a place of their own, whatever other events a day has.", "embedding.md#events";

    WEBHOOK = "FOOTFALL_WEBHOOK", Notices, Secret("an http or https URL"), Fallback::None,
        "Address that gets a summary of each week and an alert about a spike. The address is a secret.",
        "monitoring.md#notices";
    WEBHOOK_FORMAT = "FOOTFALL_WEBHOOK_FORMAT", Notices, Word(&["json", "teams", "text"]), Value("json"),
        "Form of these messages: json for Slack and others, teams, or text for ntfy.", "monitoring.md#notices";

    LOG = "FOOTFALL_LOG", Log, Text("a level, such as info, or directives, such as handler=debug"), Value("info"),
        "Events to log. Release builds have no trace level.", "monitoring.md";
    LOG_FORMAT = "FOOTFALL_LOG_FORMAT", Log, Word(&["text", "json"]), Depends("text on a terminal, otherwise json"),
        "Format of log lines: short lines for people, or one JSON object per line.";
    NO_COLOR = "NO_COLOR", Log, Text("anything"), Fallback::None,
        "Turns colours off in the output of handler check and handler doctor.";
}

/// The valid values of settings for the origin of a page.
const ORIGIN: &str = "an origin, such as https://stats.example.com: scheme and host without a path";

/// The valid values of settings for second names.
const PATH_NAME: &str = "an unused name of letters, digits, '-', '_' and '.'";

/// Variables that the Functions host sets in addition to the port. Their presence distinguishes the host from a person
/// who sets a port.
pub(super) const HOST_COMPANIONS: [&str; 3] =
    ["FUNCTIONS_CUSTOMHANDLER_WORKER_ID", "FUNCTIONS_HTTPWORKER_PORT", "FUNCTIONS_APP_ROOT_PATH"];

impl Setting {
    /// The default, if it is a fixed value.
    pub(super) const fn default_value(&self) -> Option<&'static str> {
        match self.default {
            Fallback::Value(value) => Some(value),
            Fallback::Depends(_) | Fallback::None => None,
        }
    }

    /// The setting in the help of the program, with a line break at its end.
    fn help(&self) -> String {
        let default = match self.default {
            Fallback::Value(value) | Fallback::Depends(value) => format!(" [default: {value}]"),
            Fallback::None => String::new(),
        };
        let meaning = self.meaning.replace('`', "");
        let description = format!("{meaning} Valid: {}.{default}", self.values);
        format!("  {}\n{}\n", self.name, wrapped(&description, "          ", 80))
    }

    /// The error for a value that is not valid.
    pub(super) fn reject(&self, value: &str) -> BadVariable {
        let values = &self.values;
        match values {
            ValidValues::Secret(_) => self.error(format!("is not valid: it must be {values}")),
            _ => self.error(format!("is '{value}', but must be {values}")),
        }
    }

    /// The error for one part of a list.
    pub(super) fn reject_part(&self, part: &str) -> BadVariable {
        self.error(format!("contains '{part}', but must be {}", self.values))
    }

    /// An error with its own text, which follows the variable's name.
    pub(super) fn error(&self, problem: impl Into<String>) -> BadVariable {
        BadVariable { variable: self.name.to_owned(), problem: problem.into() }
    }
}

impl fmt::Display for ValidValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(from, to) => write!(f, "a whole number from {from} to {to}"),
            Self::Word(words) => match words {
                [first @ .., last] if !first.is_empty() => write!(f, "{} or {last}", first.join(", ")),
                _ => f.write_str(&words.join(", ")),
            },
            Self::Text(text) | Self::Secret(text) => f.write_str(text),
        }
    }
}

impl Section {
    const ALL: [Self; 8] = [
        Self::Server,
        Self::Database,
        Self::Sites,
        Self::Embedding,
        Self::Access,
        Self::Counting,
        Self::Notices,
        Self::Log,
    ];

    const fn title(self) -> &'static str {
        match self {
            Self::Server => "Server",
            Self::Database => "Database",
            Self::Sites => "Sites",
            Self::Embedding => "Embedding",
            Self::Access => "Access to the statistics",
            Self::Counting => "Counting and retention",
            Self::Notices => "Notices",
            Self::Log => "Output",
        }
    }

    fn settings(self) -> impl Iterator<Item = &'static Setting> {
        ALL.iter().filter(move |setting| setting.section == self)
    }
}

/// The settings as a part of `handler --help`, for terminals of 80 columns.
pub fn help() -> String {
    let mut text = "Settings are environment variables:\n".to_owned();
    for section in Section::ALL {
        text += &format!("\n{}:\n", section.title());
        text.extend(section.settings().map(Setting::help));
    }
    text + "\nFootfall does not start if a value is not valid, or if a name that begins with\nFOOTFALL_ is unknown."
}

/// Some of the settings as a part of the help of a command.
pub fn help_of(settings: &[Setting]) -> String {
    let mut text = "Settings that matter to this command (environment variables):\n".to_owned();
    text.extend(settings.iter().map(Setting::help));
    text + "\nhandler --help lists all settings."
}

/// `docs/configuration.md`.
pub fn markdown() -> String {
    let mut text = include_str!("introduction.md").to_owned();
    for section in Section::ALL {
        text += &format!("\n## {}\n\n", section.title());
        for setting in section.settings() {
            let more = setting.more.map_or(String::new(), |target| {
                let page = target.split_once('#').map_or("monitoring", |(page, _)| page.trim_end_matches(".md"));
                let name = if page.is_empty() { "what cannot change" } else { page };
                format!(" See [{name}]({target}).")
            });
            let default = match setting.default {
                Fallback::Value(value) => format!("`{value}`"),
                Fallback::Depends(description) => description.to_owned(),
                Fallback::None => "none".to_owned(),
            };
            let name = setting.name;
            let item = format!("- **`{name}`**: {}{more}", code_formatted(setting.meaning));
            text += &wrapped_item(&item);
            text += &wrapped(&format!("Valid: {}. Default: {default}.", setting.values), "  ", 120);
            text.push('\n');
        }
    }
    text
}

/// Writes the names of variables as code.
fn code_formatted(text: &str) -> String {
    let is_name = |word: &str| {
        let name = word.trim_matches(|c: char| !c.is_ascii_uppercase() && c != '_');
        (name.len() > 4 && ALL.iter().any(|setting| setting.name == name)).then(|| name.to_owned())
    };
    let format_word = |word: &str| match is_name(word) {
        Some(name) => word.replacen(&name, &format!("`{name}`"), 1),
        None => word.to_owned(),
    };
    text.split(' ').map(format_word).collect::<Vec<_>>().join(" ")
}

/// A list item whose following lines are indented, with a Markdown line break at its end.
fn wrapped_item(text: &str) -> String {
    wrapped(text, "  ", 116).trim_start().to_owned() + "\\\n"
}

/// Lines of at most `width` characters, each with this indent.
fn wrapped(text: &str, indent: &str, width: usize) -> String {
    let mut lines = vec![indent.to_owned()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if line.len() + word.len() + 1 > width && line.len() > indent.len() {
            lines.push(format!("{indent}{word}"));
        } else {
            if line.len() > indent.len() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn names_are_unique_and_every_section_has_settings() {
        for (index, setting) in ALL.iter().enumerate() {
            assert!(ALL[..index].iter().all(|other| other.name != setting.name), "{}", setting.name);
        }
        assert!(Section::ALL.iter().all(|section| section.settings().count() > 0));
        assert_eq!(Section::ALL.iter().map(|section| section.settings().count()).sum::<usize>(), ALL.len());
    }

    #[test]
    fn help_fits_a_terminal_of_80_columns() {
        let help = help();
        for setting in ALL {
            assert!(help.contains(&format!("\n  {}\n", setting.name)), "{}", setting.name);
        }
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    /// `UPDATE_DOCS=1 cargo test configuration_md` rewrites the file.
    #[test]
    fn configuration_md_is_generated_from_the_table() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
        let markdown = markdown();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&path, &markdown).unwrap();
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert!(written == markdown, "run: UPDATE_DOCS=1 cargo test -p handler --lib configuration_md");
    }

    #[test]
    fn every_setting_can_be_set_by_terraform_and_terraform_sets_no_unknown_one() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../terraform");
        let mut terraform = String::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "tf") {
                terraform += &fs::read_to_string(path).unwrap();
            }
        }
        let app =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../terraform/main.function.tf")).unwrap();
        let is_set = |name: &str| {
            let mut assignments = app.match_indices(name).map(|(at, _)| app[at + name.len()..].trim_start_matches(' '));
            assignments.any(|rest| rest.starts_with("= "))
        };
        let allows_any = app.contains("var.additional_settings");
        for setting in ALL.iter().filter(|setting| setting.name.starts_with("FOOTFALL_")) {
            assert!(is_set(setting.name) || allows_any, "Terraform can't set {}", setting.name);
        }
        let is_part = |c: char| c.is_ascii_uppercase() || c == '_';
        for (at, _) in terraform.match_indices("FOOTFALL_") {
            let rest = &terraform[at..];
            let name = &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())];
            let is_prefix = name == "FOOTFALL_";
            assert!(is_prefix || ALL.iter().any(|setting| setting.name == name), "Terraform names {name}");
        }
    }
}
