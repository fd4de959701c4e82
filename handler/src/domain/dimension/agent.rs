//! Browser, operating system and kind of device of a visitor. Versions are left out, because they would identify visitors.
//!
//! Names and their patterns are in `agent/browsers.tsv`, `agent/systems.tsv` and `agent/devices.tsv`; the first line that matches
//! wins. `handler/lists/check-agents` compares the results with uap-core's User-Agents. This module must not know whether the
//! visitor is a robot.

mod patterns;

use std::sync::LazyLock;

use patterns::{Found, Patterns};

/// The name of anything unknown.
pub const OTHER: &str = "Other";

/// The kinds of device.
pub const DEVICES: [&str; 7] = ["Desktop", "Phone", "Tablet", "TV", "Console", "Watch", OTHER];

/// Longest part of a User-Agent that is read. Browsers rarely send more, and the limit bounds the time for hostile ones.
const MAXIMUM_BYTES: usize = 1024;

/// User-Agent Client Hints, as sent and in quotes. Chromium sends them because its User-Agent is frozen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hints<'a> {
    /// `Sec-CH-UA-Platform`, as `"Windows"`.
    pub platform: Option<&'a str>,
    /// `Sec-CH-UA-Mobile`: `?1` or `?0`.
    pub mobile: Option<&'a str>,
}

/// A visitor's browser, operating system and kind of device. [`OTHER`] stands for unknown values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agent {
    /// For example "Chrome".
    pub browser: &'static str,
    /// For example "Windows".
    pub operating_system: &'static str,
    /// "Desktop", "Phone", "Tablet", "TV", "Console" or "Watch".
    pub device: &'static str,
}

/// The browser, operating system and device of a User-Agent.
///
/// Hints win over the User-Agent, so a phone that requests desktop pages counts as its hints say. Only the first KiB of the
/// User-Agent counts. An iPad requests desktop pages by default, identifies itself as a Mac and sends no hints: it counts as a Mac.
pub fn describe(user_agent: &str, hints: Hints<'_>) -> Agent {
    let bytes = user_agent.as_bytes();
    let text = bytes[..bytes.len().min(MAXIMUM_BYTES)].to_ascii_lowercase();
    let found = TABLES.patterns.find(&text);
    let hinted = hints.platform.and_then(|platform| TABLES.hinted_system(platform.trim().trim_matches('"')));
    let system = hinted.or_else(|| first(&TABLES.systems, &found));
    let device = device(system, first(&TABLES.devices, &found), hints.mobile.map(str::trim));
    Agent {
        browser: first(&TABLES.browsers, &found).map_or(OTHER, |rule| rule.name),
        operating_system: system.map_or(OTHER, |rule| rule.name),
        device,
    }
}

/// The kind of device, from the system, the User-Agent and `Sec-CH-UA-Mobile`.
fn device(system: Option<&Rule>, shown: Option<&Rule>, mobile: Option<&str>) -> &'static str {
    let of_system = system.map_or(OTHER, |rule| rule.device);
    let shown = shown.map_or(of_system, |rule| rule.name);
    match (shown, mobile) {
        // TVs and consoles send `?0` like desktops, and watches send `?1` like phones. Only the User-Agent identifies them.
        ("TV" | "Console" | "Watch", _) => shown,
        (_, Some("?1")) => "Phone",
        (_, Some("?0")) if matches!(of_system, "Phone" | "Tablet") => "Tablet",
        (_, Some("?0")) => "Desktop",
        _ => shown,
    }
}

/// A line of a table.
struct Rule {
    name: &'static str,
    /// The default kind of device of a system; empty in the other tables.
    device: &'static str,
    /// Patterns that must be found.
    present: Box<[u16]>,
    /// Patterns that must not be found.
    absent: Box<[u16]>,
}

/// The first rule that matches.
fn first<'a>(rules: &'a [Rule], found: &Found) -> Option<&'a Rule> {
    rules.iter().find(|rule| {
        rule.present.iter().all(|&pattern| found.contains(pattern))
            && !rule.absent.iter().any(|&pattern| found.contains(pattern))
    })
}

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::read);

struct Tables {
    patterns: Patterns,
    browsers: Vec<Rule>,
    systems: Vec<Rule>,
    devices: Vec<Rule>,
}

impl Tables {
    fn read() -> Self {
        let mut patterns = Patterns::default();
        let browsers = rules(include_str!("agent/browsers.tsv"), &mut patterns);
        let systems = system_rules(include_str!("agent/systems.tsv"), &mut patterns);
        let devices = rules(include_str!("agent/devices.tsv"), &mut patterns);
        patterns.index();
        Self { patterns, browsers, systems, devices }
    }

    /// The system that `Sec-CH-UA-Platform` names.
    fn hinted_system(&self, platform: &str) -> Option<&Rule> {
        let name = match platform {
            "Chrome OS" | "Chromium OS" => "ChromeOS",
            other => other,
        };
        self.systems.iter().find(|rule| rule.name == name)
    }
}

/// Reads lines of tab-separated columns: the name and the patterns.
///
/// # Panics
/// If a line is invalid. The tables are compiled in, and the tests read them.
fn rules(lines: &'static str, patterns: &mut Patterns) -> Vec<Rule> {
    rows(lines).map(|(name, columns)| Rule::new(name, "", columns, patterns)).collect()
}

/// Reads lines of tab-separated columns: the name of a system, its device and the patterns.
///
/// # Panics
/// If a line is invalid.
fn system_rules(lines: &'static str, patterns: &mut Patterns) -> Vec<Rule> {
    let rule = |(name, columns): (&'static str, &'static str)| {
        let (device, columns) = columns.split_once('\t').unwrap_or_default();
        Rule::new(name, device, columns, patterns)
    };
    rows(lines).map(rule).collect()
}

/// The first column and the other columns of each line that is not a comment.
fn rows(lines: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = lines.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once('\t').unwrap_or((line, "")))
}

impl Rule {
    fn new(name: &'static str, device: &'static str, columns: &str, patterns: &mut Patterns) -> Self {
        let columns = columns.split('\t').filter(|column| !column.is_empty());
        let (absent, present): (Vec<&str>, Vec<&str>) = columns.partition(|pattern| pattern.starts_with('!'));
        assert!(!name.is_empty() && !present.is_empty(), "not a name and its patterns: {name}");
        Self {
            name,
            device,
            present: present.iter().map(|pattern| patterns.add(pattern)).collect(),
            absent: absent.iter().map(|pattern| patterns.add(&pattern[1..])).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)";
    const FROZEN_ANDROID: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36";

    fn names(user_agent: &str) -> (&'static str, &'static str, &'static str) {
        names_with(user_agent, Hints::default())
    }

    fn names_with(user_agent: &str, hints: Hints<'_>) -> (&'static str, &'static str, &'static str) {
        let Agent { browser, operating_system, device } = describe(user_agent, hints);
        (browser, operating_system, device)
    }

    #[test]
    fn common_browsers_are_recognised() {
        let webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
        for (user_agent, expected) in [
            (format!("{WINDOWS} {webkit} Chrome/142.0.0.0 Safari/537.36"), ("Chrome", "Windows", "Desktop")),
            (format!("{WINDOWS} {webkit} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0"), ("Edge", "Windows", "Desktop")),
            (format!("{WINDOWS} {webkit} Chrome/142.0.0.0 Safari/537.36 OPR/124.0.0.0"), ("Opera", "Windows", "Desktop")),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0".into(),
                ("Firefox", "Linux", "Desktop"),
            ),
            (
                format!("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {webkit} Chrome/142.0.0.0 Safari/537.36"),
                ("Chrome", "ChromeOS", "Desktop"),
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15".into(),
                ("Safari", "macOS", "Desktop"),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1".into(),
                ("Safari", "iOS", "Phone"),
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0.0.0 Mobile/15E148 Safari/604.1".into(),
                ("Chrome", "iPadOS", "Tablet"),
            ),
            (
                format!("Mozilla/5.0 (Linux; Android 10; K) {webkit} SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36"),
                ("Samsung Internet", "Android", "Phone"),
            ),
            (
                "Mozilla/5.0 (Android 16; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0".into(),
                ("Firefox", "Android", "Phone"),
            ),
            (FROZEN_ANDROID.into(), ("Chrome", "Android", "Phone")),
            (FROZEN_ANDROID.replace("Mobile ", ""), ("Chrome", "Android", "Tablet")),
            (
                format!("Mozilla/5.0 (SMART-TV; LINUX; Tizen 8.0) {webkit} Version/8.0 TV Safari/537.36"),
                ("Samsung Internet", "Tizen", "TV"),
            ),
            (
                format!("{WINDOWS} {webkit} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0 Xbox One"),
                ("Edge", "Windows", "Console"),
            ),
        ] {
            assert_eq!(names(&user_agent), expected, "{user_agent}");
        }
    }

    #[test]
    fn hints_win_over_the_user_agent() {
        let hints = |platform, mobile| Hints { platform: Some(platform), mobile: Some(mobile) };
        let linux =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
        assert_eq!(names(linux), ("Chrome", "Linux", "Desktop"));
        assert_eq!(names_with(linux, hints("\"Android\"", "?1")), ("Chrome", "Android", "Phone"));
        assert_eq!(names_with(linux, hints("\"Android\"", "?0")), ("Chrome", "Android", "Tablet"));
        assert_eq!(names_with(linux, hints("\"Chrome OS\"", "?0")), ("Chrome", "ChromeOS", "Desktop"));
        assert_eq!(names_with(FROZEN_ANDROID, hints("\"Windows\"", "?0")), ("Chrome", "Windows", "Desktop"));
        for (platform, expected) in [("macOS", "macOS"), ("Windows", "Windows"), ("Linux", "Linux"), ("iOS", "iOS")] {
            assert_eq!(names_with(linux, hints(platform, "?0")).1, expected);
        }
    }

    #[test]
    fn an_empty_or_unknown_hint_is_ignored() {
        for nothing in ["", "\"\"", "\"Unknown\"", "\"Plan 9\"", "\"Other\""] {
            let hints = Hints { platform: Some(nothing), mobile: Some("yes") };
            assert_eq!(names_with(FROZEN_ANDROID, hints), ("Chrome", "Android", "Phone"), "{nothing}");
        }
    }

    #[test]
    fn anything_unknown_is_other() {
        assert_eq!(names("Nobodyknows/1.0"), (OTHER, OTHER, OTHER));
        assert_eq!(names(""), (OTHER, OTHER, OTHER));
    }

    #[test]
    fn only_the_first_kib_of_a_hostile_user_agent_counts() {
        let long = "Chrome/1 ".repeat(64 * 1024 / 9);
        assert_eq!(names(&long).0, "Chrome");
        let late = " é".repeat(MAXIMUM_BYTES) + " Chrome/142.0 (Windows NT 10.0)";
        assert_eq!(names(&late), (OTHER, OTHER, OTHER));
        for hostile in [
            "\u{0}",
            "é",
            "\u{10ffff}",
            "(((((",
            "/////",
            "Mozilla/",
            "\t\t\t",
            "Chrome",
            "é".repeat(32 * 1024).as_str(),
        ] {
            names(hostile);
        }
    }

    #[test]
    fn every_rule_names_a_known_device() {
        const DEVICES: [&str; 7] = ["Desktop", "Phone", "Tablet", "TV", "Console", "Watch", OTHER];
        assert!(TABLES.browsers.len() > 100, "{}", TABLES.browsers.len());
        assert!(TABLES.systems.iter().all(|rule| DEVICES.contains(&rule.device)));
        assert!(TABLES.devices.iter().all(|rule| DEVICES.contains(&rule.name)));
    }
}
