//! The kind of site that a referring host is, and whether the host is known for referrer spam.
//!
//! There are two lists: `channel/groups.tsv` is ours; `channel/spam.txt` is Matomo's, written by `handler/lists/renew-spam`. Hosts come
//! from [`super::referrer::referring_host`]: in lower case, with the package name of an Android app as its host.

use std::{iter, sync::LazyLock};

/// The kind of site that referred a visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChannelGroup {
    /// A search engine.
    Search,
    /// A network, forum or messenger in which people share links.
    Social,
    /// An AI assistant that responds with links.
    AiAssistant,
    /// Webmail, mail apps, and the links of newsletter services.
    Mail,
    /// Any other site.
    Other,
    /// No site, or the counted site itself.
    Direct,
}

impl ChannelGroup {
    /// All channels, in the order of pages and responses.
    pub const ALL: &[Self] = &[Self::Search, Self::Social, Self::AiAssistant, Self::Mail, Self::Other, Self::Direct];

    /// The name in responses and keys of texts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Social => "social",
            Self::AiAssistant => "ai_assistant",
            Self::Mail => "mail",
            Self::Other => "other",
            Self::Direct => "direct",
        }
    }

    /// The channel with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|group| group.name() == name)
    }
}

/// The group of a referring host: the group of its line in the list, or else of the nearest domain above it with a line.
pub fn of_host(host: &str) -> ChannelGroup {
    let listed = |name: &str| {
        let find = |list: &[(&str, ChannelGroup)], name: &str| {
            list.binary_search_by_key(&name, |(known, _)| known).ok().map(|at| list[at].1)
        };
        find(&GROUPS.hosts, name).or_else(|| find(&GROUPS.of_every_country, without_country(name)?))
    };
    with_parents(host).find_map(listed).unwrap_or(ChannelGroup::Other)
}

/// Whether the host, or a domain above it, is known for referrer spam: fake referrers that advertise a site in statistics.
pub fn is_spam(host: &str) -> bool {
    with_parents(host).any(|name| SPAM.binary_search(&name).is_ok())
}

/// The host and the domains above it: `a.b.c`, `b.c`, `c`. A name has at most 127 labels (RFC 1035 §3.1): additional labels are ignored.
fn with_parents(host: &str) -> impl Iterator<Item = &str> {
    iter::successors(Some(host), |name| name.split_once('.').map(|(_, parent)| parent)).take(127)
}

/// The part before a country's suffix: `google` of `google.ch`, `google.com`, `google.co.uk` and `google.com.au`.
fn without_country(name: &str) -> Option<&str> {
    let (first, ending) = name.split_once('.')?;
    let is_ending = match ending.split_once('.') {
        None => (2..=3).contains(&ending.len()),
        Some((second, country)) => second.len() <= 3 && country.len() == 2,
    };
    is_ending.then_some(first)
}

static GROUPS: LazyLock<ChannelTable> = LazyLock::new(|| ChannelTable::read(include_str!("channel/groups.tsv")));

/// Sorted, as in the file.
static SPAM: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("channel/spam.txt").lines().filter(|line| !line.starts_with('#')).collect());

/// Both lists are sorted.
struct ChannelTable {
    hosts: Vec<(&'static str, ChannelGroup)>,
    /// The part before the country's suffix.
    of_every_country: Vec<(&'static str, ChannelGroup)>,
}

impl ChannelTable {
    /// Reads lines of a host and the name of a group, separated by a tab.
    ///
    /// # Panics
    /// If a line is invalid. The list is compiled in, and the tests read it.
    fn read(lines: &'static str) -> Self {
        let mut groups = Self { hosts: Vec::new(), of_every_country: Vec::new() };
        for line in lines.lines().filter(|line| !line.starts_with('#')) {
            let named = |name: &str| ChannelGroup::ALL.iter().copied().find(|group| group.name() == name);
            let Some((host, Some(group))) = line.split_once('\t').map(|(host, name)| (host, named(name))) else {
                panic!("not a host and its group: {line}");
            };
            match host.strip_suffix(".*") {
                Some(first) => groups.of_every_country.push((first, group)),
                None => groups.hosts.push((host, group)),
            }
        }
        groups.hosts.sort_unstable_by_key(|(host, _)| *host);
        groups.of_every_country.sort_unstable_by_key(|(first, _)| *first);
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_hosts_are_in_their_groups() {
        for (host, expected) in [
            ("google.com", ChannelGroup::Search),
            ("google.ch", ChannelGroup::Search),
            ("google.co.uk", ChannelGroup::Search),
            ("google.com.au", ChannelGroup::Search),
            ("news.google.com", ChannelGroup::Search),
            ("duckduckgo.com", ChannelGroup::Search),
            ("yandex.ru", ChannelGroup::Search),
            ("uk.search.yahoo.com", ChannelGroup::Search),
            ("com.google.android.googlequicksearchbox", ChannelGroup::Search),
            ("news.ycombinator.com", ChannelGroup::Social),
            ("out.reddit.com", ChannelGroup::Social),
            ("lobste.rs", ChannelGroup::Social),
            ("t.co", ChannelGroup::Social),
            ("bsky.app", ChannelGroup::Social),
            ("mastodon.social", ChannelGroup::Social),
            ("lm.facebook.com", ChannelGroup::Social),
            ("pinterest.co.uk", ChannelGroup::Social),
            ("chatgpt.com", ChannelGroup::AiAssistant),
            ("chat.openai.com", ChannelGroup::AiAssistant),
            ("perplexity.ai", ChannelGroup::AiAssistant),
            ("claude.ai", ChannelGroup::AiAssistant),
            ("gemini.google.com", ChannelGroup::AiAssistant),
            ("copilot.microsoft.com", ChannelGroup::AiAssistant),
            ("chat.deepseek.com", ChannelGroup::AiAssistant),
            ("grok.com", ChannelGroup::AiAssistant),
            ("chat.mistral.ai", ChannelGroup::AiAssistant),
            ("you.com", ChannelGroup::AiAssistant),
            ("phind.com", ChannelGroup::AiAssistant),
            ("meta.ai", ChannelGroup::AiAssistant),
            ("mail.google.com", ChannelGroup::Mail),
            ("com.google.android.gm", ChannelGroup::Mail),
            ("outlook.live.com", ChannelGroup::Mail),
            ("mail.proton.me", ChannelGroup::Mail),
        ] {
            assert_eq!(of_host(host), expected, "{host}");
        }
    }

    #[test]
    fn any_other_host_is_other() {
        for host in [
            "example.com",
            "docs.google.com",
            "google.example.com",
            "google.example",
            "notgoogle.com",
            "google",
            "com",
            "",
            ".",
            "..",
            "é",
            "t.co.example.org",
        ] {
            assert_eq!(of_host(host), ChannelGroup::Other, "{host}");
            assert!(!is_spam(host), "{host}");
        }
    }

    #[test]
    fn a_spam_domain_and_all_below_it_are_spam() {
        assert!(is_spam("semalt.com"));
        assert!(is_spam("42.semalt.semalt.com"));
        assert!(!is_spam("notsemalt.com"));
        assert!(!is_spam("semalt.com.example.org"));
    }

    #[test]
    fn labels_beyond_the_limit_of_names_are_ignored() {
        let long = "a.".repeat(32 * 1024) + "semalt.com";
        assert!(!is_spam(&long));
        assert_eq!(of_host(&long), ChannelGroup::Other);
    }

    #[test]
    fn the_lists_are_in_order_and_each_line_decides() {
        assert!(SPAM.is_sorted_by(|a, b| a < b) && SPAM.len() > 200, "{}", SPAM.len());
        assert!(GROUPS.hosts.is_sorted_by(|a, b| a.0 < b.0) && GROUPS.hosts.len() > 600, "{}", GROUPS.hosts.len());
        for &(host, expected) in &GROUPS.hosts {
            assert_eq!(of_host(host), expected, "{host}");
            assert!(!is_spam(host), "{host}");
            assert!(!host.bytes().any(|byte| byte.is_ascii_uppercase()), "{host}");
        }
        for (index, one) in ChannelGroup::ALL.iter().enumerate() {
            assert!(ChannelGroup::ALL[..index].iter().all(|other| other.name() != one.name()));
        }
    }
}
