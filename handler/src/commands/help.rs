//! Examples and settings in the help of each command. The settings come from the table in [`settings`].

use crate::config::settings::{
    self, ALL_TIME, BIND, DASHBOARD_TOKEN, DATA, DATABASE_AUTH, DATABASE_URL, FORGET, HOSTNAME, NO_COLOR, PGHOST, PORT,
    PUBLIC_URL, REVOKED_LINKS, SITES, SUBDOMAINS, Setting, TIMEZONE, TRUSTED_PROXIES,
};

/// The end of a command's help.
pub struct Help {
    /// Command lines, each with its effect.
    examples: &'static [[&'static str; 2]],
    /// The settings that matter to the command; `None`: all settings.
    settings: Option<&'static [Setting]>,
}

/// `handler --help`.
pub const HANDLER: Help = Help {
    examples: &[
        ["handler", "serve the page on http://127.0.0.1:8080/"],
        ["FOOTFALL_SITES=example.com handler", "count another site, too"],
        ["handler check https://example.com/", "find out why a page does not count"],
        ["handler help import", "show examples and settings of a command"],
    ],
    settings: None,
};

pub const SERVE: Help = Help {
    examples: &[
        ["handler serve", "store the numbers in .footfall/, if the build contains PostgreSQL"],
        ["DATABASE_URL=postgres://user:password@host/footfall handler serve", "store the numbers on a server"],
        ["FOOTFALL_BIND=0.0.0.0 FOOTFALL_SITES=example.com handler serve", "accept requests of other machines"],
    ],
    settings: Some(&[PORT, BIND, DATABASE_URL, SITES, PUBLIC_URL, DASHBOARD_TOKEN, TIMEZONE, TRUSTED_PROXIES]),
};

pub const MIGRATE: Help = Help {
    examples: &[
        ["DATABASE_URL=postgres://owner:password@host/footfall handler migrate", "migrate before a deployment"],
        [
            "FOOTFALL_DATABASE_AUTH=entra PGHOST=host PGUSER=role handler migrate",
            "log in with a token of Microsoft Entra",
        ],
    ],
    settings: Some(&[DATABASE_URL, PGHOST, DATABASE_AUTH, TIMEZONE, FORGET]),
};

pub const DISTRIBUTE: Help = Help {
    examples: &[
        [
            "DATABASE_URL=postgres://owner:password@coordinator/footfall handler distribute",
            "distribute before it counts",
        ],
        ["handler doctor", "see over how many servers the sets are distributed"],
    ],
    settings: Some(&[DATABASE_URL, PGHOST, DATABASE_AUTH, TIMEZONE, FORGET]),
};

pub const DOCTOR: Help = Help {
    examples: &[
        ["handler doctor", "check configuration, database and clock"],
        ["handler doctor --json", "print the findings for programs"],
        ["handler doctor --forwarded-for 192.0.2.1,198.51.100.7", "show which address of a header counts"],
    ],
    settings: Some(&[DATABASE_URL, PGHOST, SITES, TRUSTED_PROXIES, DASHBOARD_TOKEN, NO_COLOR]),
};

pub const CHECK: Help = Help {
    examples: &[
        ["handler check https://example.com/", "check a page that embeds the script"],
        ["handler check https://www.example.com/ --site example.com", "name the site that should count"],
        [
            "handler check https://example.com/ --script https://stats.example.com/hello.js",
            "check before the page embeds the script",
        ],
        ["handler check https://example.com/ --json", "print the findings for programs"],
    ],
    settings: Some(&[NO_COLOR]),
};

pub const IMPORT: Help = Help {
    examples: &[
        ["handler import --site example.com access.log access.log.2.gz", "count all logs of the same months at once"],
        ["zcat logs/*.gz | handler import --site example.com -", "read standard input"],
        ["handler import --site example.com --from plausible export.zip", "add the daily totals of another counter"],
        ["handler import --site example.com --forget-imported plausible", "remove these totals"],
    ],
    settings: Some(&[DATABASE_URL, DATA, SITES, SUBDOMAINS, PUBLIC_URL, TIMEZONE, FORGET, ALL_TIME, TRUSTED_PROXIES]),
};

pub const EXPORT: Help = Help {
    examples: &[
        ["handler export > footfall.ndjson", "write all sums of all sites"],
        ["handler export --site example.com | gzip > example.com.ndjson.gz", "write those of one site"],
        ["handler import --site example.com --from footfall example.com.ndjson.gz", "add them to another database"],
    ],
    settings: Some(&[DATABASE_URL, PGHOST, DATABASE_AUTH, DATA, TIMEZONE, FORGET]),
};

pub const FORGETTING: Help = Help {
    examples: &[
        ["handler forget --site example.com", "show what is stored, ask, and delete everything of the site"],
        ["handler forget --site example.com --from 2026-05-01 --to 2026-05-03", "delete three days"],
        ["handler forget --site example.com --page /users/anna --yes", "count a page as other, without a question"],
    ],
    settings: Some(&[DATABASE_URL, PGHOST, DATABASE_AUTH, DATA, TIMEZONE, FORGET]),
};

pub const ANNOTATE: Help = Help {
    examples: &[
        ["handler annotate --site example.com --date 2026-11-16 \"New prices\"", "mark a day on the chart"],
        ["handler annotate --site example.com", "list the annotations"],
        ["handler annotate --site example.com --date 2026-11-16 --remove", "remove those of a day"],
    ],
    settings: Some(&[DATABASE_URL, PGHOST, DATABASE_AUTH, DATA, TIMEZONE, FORGET]),
};

pub const SHARE: Help = Help {
    examples: &[
        ["handler share --site example.com --name anna", "print a link for one reader"],
        ["FOOTFALL_REVOKED_LINKS=anna handler", "serve, and refuse this link"],
    ],
    settings: Some(&[DASHBOARD_TOKEN, SITES, PUBLIC_URL, HOSTNAME, REVOKED_LINKS]),
};

impl Help {
    /// The examples, for `-h`.
    pub fn examples(&self) -> String {
        let mut text = "Examples:".to_owned();
        for [line, effect] in self.examples {
            text += &format!("\n  {line}\n          {effect}");
        }
        text
    }

    /// Examples and settings, for `--help`.
    pub fn text(&self) -> String {
        let settings = self.settings.map_or_else(settings::help, settings::help_of);
        format!("{}\n\n{settings}", self.examples())
    }
}
