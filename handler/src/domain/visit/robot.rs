//! Recognises robots by their User-Agents: a name of the list, a sign such as `bot`, or no platform of a browser.
//!
//! The names come from maintained lists, which `names.tsv` cites and `handler/lists/renew-robots` renews.
//! `handler/lists/check-robots` checks the verdicts on thousands of User-Agents. The matcher is written here, because building an
//! automaton of 1,500 names (aho-corasick) took a large part of a cold start.

mod signs;

use std::{
    cell::RefCell,
    hash::{BuildHasher, RandomState},
    ops::Range,
    sync::LazyLock,
};

use signs::{Of, SIGNS, Sign, begins_word, ends_word, shows_mail_address};

/// Longest part of a User-Agent that is read. Browsers send less, and the limit bounds the time for hostile ones.
const MAXIMUM_BYTES: usize = 2048;

/// Names of at least this length also match the beginning of a word, as `pingdom` matches `PingdomTMS`.
const DISTINCT_BYTES: usize = 6;

/// Cached verdicts per thread: 8 KB.
const VERDICTS_KEPT: usize = 512;

/// User-Agents without platform or engine that can still be people: some were cut short by a proxy, and two belong to programs
/// with which people fetch pages of their systems.
const DOUBTFUL: [&str; 5] =
    ["mozilla/4.0", "mozilla/4.0 (compatible;)", "&as_qdr=all", "portscout/0.8.1", "fetch libfetch/2.0"];

/// A robot of the list.
#[derive(Debug, PartialEq, Eq)]
pub struct Robot {
    /// The name in its User-Agent; none if the robot is unlisted and recognised by a sign.
    pub name: Option<&'static str>,
    /// The operator, if known.
    pub operator: Option<&'static str>,
    pub purpose: RobotPurpose,
}

/// The purpose of a robot, according to the sources of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RobotPurpose {
    /// The index of a search engine.
    Search,
    /// The search index of an AI.
    AiSearch,
    /// Training of an AI, or collecting pages for an AI with an unknown purpose.
    AiTraining,
    /// Fetches a page on behalf of a user of an AI.
    AiAssistant,
    /// Ranking, backlinks, marketing.
    Seo,
    /// Whether a site is up, fast, safe.
    Monitoring,
    /// An HTTP client of scripts, or an automated browser.
    Library,
    /// Anything else: previews, feeds, archives, advertising, research; or not known.
    Other,
}

impl RobotPurpose {
    /// All of them, with the name in the list and in responses, and the label of the page.
    const ALL: [(Self, &'static str, &'static str); 8] = [
        (Self::Search, "search", "search engine"),
        (Self::AiSearch, "ai_search", "AI search"),
        (Self::AiTraining, "ai_training", "AI training"),
        (Self::AiAssistant, "ai_assistant", "AI assistant"),
        (Self::Seo, "seo", "SEO"),
        (Self::Monitoring, "monitoring", "monitoring"),
        (Self::Library, "library", "script or library"),
        (Self::Other, "other", "other"),
    ];

    /// The purpose that the list calls `name`, if it is one.
    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == name).map(|(purpose, ..)| *purpose)
    }

    fn row(self) -> (Self, &'static str, &'static str) {
        Self::ALL[self as usize]
    }

    /// The name in responses.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The label of the page.
    pub fn label(self) -> &'static str {
        self.row().2
    }
}

/// Whether this User-Agent is a robot's; see [`identify`]. Verdicts are cached, because most User-Agents repeat and the cache is
/// fifty times as fast. Its keys are hashes with a random key, so no User-Agent is stored.
pub fn is_robot(user_agent: &str) -> bool {
    thread_local! {
        static VERDICTS: RefCell<Box<[(u64, bool)]>> = RefCell::new(vec![(0, true); VERDICTS_KEPT].into());
    }
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let hash = KEY.hash_one(user_agent);
    VERDICTS.with_borrow_mut(|verdicts| {
        let verdict = &mut verdicts[usize::try_from(hash % VERDICTS_KEPT as u64).unwrap_or_default()];
        if verdict.0 != hash {
            *verdict = (hash, identify(user_agent).is_some());
        }
        verdict.1
    })
}

/// The robot that sent this User-Agent; none if it looks like a browser's.
///
/// A User-Agent is a robot's if it is empty or `-`, has a name of the list, has a sign of robots, or has neither platform nor
/// engine. Only the first 2 KiB count, and the time depends only on their length.
pub fn identify(user_agent: &str) -> Option<&'static Robot> {
    let user_agent = user_agent.trim();
    if user_agent.is_empty() || user_agent == "-" {
        return Some(&UNNAMED);
    }
    let bytes = user_agent.as_bytes();
    let text = bytes[..bytes.len().min(MAXIMUM_BYTES)].to_ascii_lowercase();

    if let Some(name) = LIST.longest_in(&text) {
        return Some(&name.robot);
    }
    let mut shows_browser = false;
    for at in 0..text.len() {
        for sign in &LIST.signs[LIST.signs_by_first.range(text[at])] {
            if text[at..].starts_with(sign.text.as_bytes()) && sign.place.allows(&text, at, at + sign.text.len()) {
                match sign.of {
                    Of::Robot => return Some(&UNNAMED),
                    Of::Browser => shows_browser = true,
                }
            }
        }
    }
    let is_doubtful = || DOUBTFUL.iter().any(|doubtful| doubtful.as_bytes() == text);
    ((!shows_browser && !is_doubtful()) || shows_mail_address(&text)).then_some(&UNNAMED)
}

/// The robot of a name, as the list writes it.
pub fn named(name: &str) -> Option<&'static Robot> {
    LIST.names.iter().map(|known| &known.robot).find(|robot| robot.name == Some(name))
}

static UNNAMED: Robot = Robot { name: None, operator: None, purpose: RobotPurpose::Other };

static LIST: LazyLock<RobotList> = LazyLock::new(|| RobotList::read(include_str!("robot/names.tsv")));

/// Names and signs, both in the order of their texts.
struct RobotList {
    names: Vec<RobotName>,
    names_by_first: ByFirst,
    signs: Vec<&'static Sign>,
    signs_by_first: ByFirst,
}

/// Index of a sorted list: the place of the first text for each first byte.
struct ByFirst([u16; 257]);

impl ByFirst {
    /// Of not empty texts, at most 65,535.
    fn of<'a>(texts: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut starts = [0; 257];
        for text in texts {
            starts[usize::from(text[0]) + 1] += 1;
        }
        for byte in 0..256 {
            starts[byte + 1] += starts[byte];
        }
        Self(starts)
    }

    fn range(&self, first: u8) -> Range<usize> {
        let first = usize::from(first);
        self.0[first].into()..self.0[first + 1].into()
    }
}

/// A robot and where a User-Agent must have its name to count.
struct RobotName {
    /// In small letters.
    text: Box<[u8]>,
    only_at_start: bool,
    robot: Robot,
}

impl RobotList {
    /// Reads lines of name, operator and purpose, parted by tabs.
    ///
    /// # Panics
    /// If a line is invalid. The list is compiled in, and the tests read it.
    fn read(lines: &'static str) -> Self {
        let mut names: Vec<RobotName> =
            lines.lines().filter(|line| !line.starts_with('#')).map(RobotName::read).collect();
        names.sort_unstable_by(|a, b| a.text.cmp(&b.text));
        let mut signs: Vec<&Sign> = SIGNS.iter().collect();
        signs.sort_unstable_by_key(|sign| sign.text);
        Self {
            names_by_first: ByFirst::of(names.iter().map(|name| &*name.text)),
            names,
            signs_by_first: ByFirst::of(signs.iter().map(|sign| sign.text.as_bytes())),
            signs,
        }
    }

    /// The longest name that begins a word of `text`, which is in small letters. Inside a word it might be anything.
    fn longest_in(&self, text: &[u8]) -> Option<&RobotName> {
        (0..text.len())
            .filter(|&at| text[at].is_ascii_alphanumeric() && begins_word(text, at))
            .filter_map(|at| self.longest_at(text, at))
            .max_by_key(|name| name.text.len())
    }

    /// The longest name that `text` has at `at`.
    fn longest_at(&self, text: &[u8], at: usize) -> Option<&RobotName> {
        let rest = &text[at..];
        let names = &self.names[self.names_by_first.range(rest[0])];
        let mut bytes = rest.len();
        loop {
            // The last name that is not after the text: either it begins the text, or no name shares more bytes with the text.
            let after = names.partition_point(|name| *name.text <= rest[..bytes]);
            let name = &names[after.checked_sub(1)?];
            let shared = name.text.iter().zip(rest).take_while(|(a, b)| a == b).count();
            if shared < name.text.len() {
                bytes = shared;
            } else if name.allows(text, at) {
                return Some(name);
            } else {
                bytes = shared - 1;
            }
            if bytes == 0 {
                return None;
            }
        }
    }
}

impl RobotName {
    fn read(line: &'static str) -> Self {
        let mut columns = line.split('\t');
        let (Some(written), Some(operator), Some(purpose), None) =
            (columns.next(), columns.next(), columns.next().and_then(RobotPurpose::named), columns.next())
        else {
            panic!("not a robot's name, operator and purpose: {line}");
        };
        let text = written.trim_start_matches('^');
        Self {
            text: text.to_ascii_lowercase().into_bytes().into(),
            only_at_start: written.starts_with('^'),
            robot: Robot {
                name: Some(text.trim_end_matches('/')),
                operator: Some(operator).filter(|operator| !operator.is_empty()),
                purpose,
            },
        }
    }

    /// Whether the name counts that begins a word of `text` at `start`.
    fn allows(&self, text: &[u8], start: usize) -> bool {
        let end = start + self.text.len();
        // One that ends in a slash or the like is whole, whatever follows.
        let whole = !text[end - 1].is_ascii_alphanumeric() || ends_word(text, end);
        (whole || self.text.len() >= DISTINCT_BYTES) && (start == 0 || !self.only_at_start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHROME: &str =
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

    fn name(user_agent: &str) -> Option<&'static str> {
        identify(user_agent).expect(user_agent).name
    }

    #[test]
    fn robots_and_tools_are_robots() {
        for user_agent in [
            "",
            "-",
            " - ",
            "Mozilla/5.0",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
            "meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)",
            "curl/8.5.0",
            "python-requests/2.31.0",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36",
        ] {
            assert!(is_robot(user_agent), "{user_agent}");
        }
    }

    #[test]
    fn a_doubtful_user_agent_counts_and_a_cached_verdict_is_the_same() {
        for _ in 0..2 {
            for user_agent in ["Mozilla/4.0", "Mozilla/4.0 (compatible;)", "fetch libfetch/2.0"] {
                assert!(!is_robot(user_agent), "{user_agent}");
            }
            assert!(is_robot("fetch libfetch/2.0 (bot)") && is_robot("Mozilla/5.0") && is_robot(""));
        }
    }

    #[test]
    fn browsers_are_not_robots() {
        for user_agent in [
            CHROME,
            "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
            "Opera/9.80 (Windows NT 6.0) Presto/2.12.388 Version/12.14",
            "Mozilla/5.0 (Linux; Android 15; CPH2557 Build/AP3A.240617.008; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/142.0.7444.142 Mobile Safari/537.36",
        ] {
            assert!(!is_robot(user_agent), "{user_agent}");
        }
    }

    #[test]
    fn phones_named_bot_are_not_robots() {
        for model in
            ["CUBOT X50", "S222 Build/CUBOT", "M bot 60 Build/NRD90M", "C Bot Tab 70", "M_bot_tab_71", "IDbot553"]
        {
            let user_agent = format!(
                "Mozilla/5.0 (Linux; Android 14; {model}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36"
            );
            assert!(!is_robot(&user_agent), "{user_agent}");
        }
    }

    #[test]
    fn a_robot_of_the_list_has_a_name_an_operator_and_a_purpose() {
        let gptbot = identify(
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        );
        let expected = Robot { name: Some("GPTBot"), operator: Some("OpenAI"), purpose: RobotPurpose::AiTraining };
        assert_eq!(gptbot, Some(&expected));
        let expected = Robot { name: Some("Googlebot"), operator: Some("Google"), purpose: RobotPurpose::Search };
        assert_eq!(identify("Googlebot/2.1 (+http://www.google.com/bot.html)"), Some(&expected));
        assert_eq!(identify("python-requests/2.31.0").map(|robot| robot.purpose), Some(RobotPurpose::Library));
    }

    #[test]
    fn the_longest_name_wins() {
        assert_eq!(name("Googlebot-Image/1.0"), Some("Googlebot-Image"));
        assert_eq!(
            name("Mozilla/5.0 (compatible; SemrushBot-OCOB/1; +https://www.semrush.com/bot/)"),
            Some("SemrushBot-OCOB")
        );
    }

    #[test]
    fn an_unlisted_robot_is_recognised_by_a_sign() {
        for more in [
            " (compatible; Nobodyknows/1.0)",
            " Nobodybot/1.0",
            " (+https://nobody.example/about)",
            " (nobody@nobody.example)",
            " nobodycrawler",
        ] {
            assert_eq!(name(&format!("{CHROME}{more}")), None);
        }
        assert_eq!(name("Nobodyknows/1.0"), None);
    }

    #[test]
    fn a_name_inside_a_word_does_not_match() {
        // `curl/` and `okhttp` are on the list.
        assert!(!is_robot(&CHROME.replace("X11", "Scurl")));
        assert!(!is_robot(&format!("{CHROME} (Ecosia android@142.0.0.0)")));
    }

    #[test]
    fn case_does_not_matter() {
        assert_eq!(name("GOOGLEBOT/2.1"), Some("Googlebot"));
    }

    #[test]
    fn only_the_first_2_kib_of_a_user_agent_count() {
        let long = CHROME.to_owned() + &" é(compatible;a@".repeat(MAXIMUM_BYTES) + " Googlebot/2.1";
        assert_eq!(name(&long), None);
        let quiet = CHROME.to_owned() + &" é".repeat(MAXIMUM_BYTES);
        assert!(!is_robot(&(quiet + " Googlebot/2.1")));
    }

    #[test]
    fn every_line_of_the_list_is_found_by_its_own_name() {
        assert!(LIST.names.len() > 1500, "{} names", LIST.names.len());
        for RobotName { robot: expected, .. } in &LIST.names {
            let written = expected.name.unwrap();
            let found = name(&format!("{written}/1.0")).unwrap_or_default();
            assert!(found.eq_ignore_ascii_case(written), "{written} is found as {found}");
        }
    }
}
