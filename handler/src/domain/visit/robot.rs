//! Recognises robots by their User-Agents: a name of the list, a sign such as `bot`, or no sign of a browser.
//!
//! The names come from maintained lists, which `names.tsv` cites and `handler/lists/renew-robots` renews.
//! `handler/lists/check-robots` checks the verdicts on thousands of User-Agents.

mod index;
mod names;
mod purpose;
mod signs;

use std::{
    cell::RefCell,
    hash::{BuildHasher, RandomState},
    sync::LazyLock,
};

pub use self::{names::Robot, purpose::RobotPurpose};
use self::{
    names::RobotList,
    signs::{Sender, senders_at, shows_mail_address},
};

/// Longest part of a User-Agent that is read. Browsers send less, and the limit bounds the time for hostile ones.
const MAXIMUM_BYTES: usize = 2048;

/// Cached verdicts per thread, which take 8 KB.
const VERDICTS_KEPT: usize = 512;

/// User-Agents without platform or engine that can still be people. Proxies shortened some, and two belong to programs with which
/// people fetch pages for their systems.
const DOUBTFUL: [&str; 5] =
    ["mozilla/4.0", "mozilla/4.0 (compatible;)", "&as_qdr=all", "portscout/0.8.1", "fetch libfetch/2.0"];

/// Whether [`identify`] finds a robot. Verdicts are cached, because most User-Agents repeat and the cache is much faster. The cache
/// has hashes with a random key, so no User-Agent is stored.
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

/// The robot with this User-Agent; `None` for a browser.
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

    if let Some(robot) = LIST.longest_in(&text) {
        return Some(robot);
    }
    let mut shows_browser = false;
    for sender in (0..text.len()).flat_map(|at| senders_at(&text, at)) {
        match sender {
            Sender::Robot => return Some(&UNNAMED),
            Sender::Browser => shows_browser = true,
        }
    }
    let is_doubtful = || DOUBTFUL.iter().any(|doubtful| doubtful.as_bytes() == text);
    ((!shows_browser && !is_doubtful()) || shows_mail_address(&text)).then_some(&UNNAMED)
}

/// The robot with this name in the list.
pub fn named(name: &str) -> Option<&'static Robot> {
    LIST.robots().find(|robot| robot.name == Some(name))
}

static UNNAMED: Robot = Robot { name: None, operator: None, purpose: RobotPurpose::Other };

static LIST: LazyLock<RobotList> = LazyLock::new(|| RobotList::read(include_str!("robot/names.tsv")));

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
        assert!(LIST.robots().count() > 1500, "{} names", LIST.robots().count());
        for expected in LIST.robots() {
            let written = expected.name.unwrap();
            let found = name(&format!("{written}/1.0")).unwrap_or_default();
            assert!(found.eq_ignore_ascii_case(written), "{written} is found as {found}");
        }
    }
}
