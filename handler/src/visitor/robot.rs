//! Which User-Agents are robots. The lists are other people's, kept in crates: ours would be out of date in a month.

use std::sync::LazyLock;

/// Patterns that hold for nearly all robots by the way in which they name themselves (`bot`, `crawl`, a URL, a library).
static PATTERNS: LazyLock<isbot::Bots> = LazyLock::new(isbot::Bots::default);

/// Whether this User-Agent is a robot's: empty, matched by the patterns of the `isbot` crate, or named in the Crawlerdex
/// database (crate `iscrawl`), which also knows those that do not name themselves so.
pub fn is_robot(user_agent: &str) -> bool {
    let user_agent = user_agent.trim();
    user_agent.is_empty()
        || user_agent == "-"
        || PATTERNS.is_bot(user_agent)
        || iscrawl::crawler_info(user_agent).is_some()
}

/// Loads both lists, which takes some ten milliseconds, so that the first visitor does not wait for it.
pub fn load() {
    is_robot("Mozilla/5.0");
}

#[cfg(test)]
mod tests {
    use super::is_robot;

    #[test]
    fn robots_and_tools_are_robots() {
        for user_agent in [
            "",
            "-",
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
    fn browsers_are_not() {
        for user_agent in [
            "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
            "Mozilla/5.0 (Linux; Android 14; CUBOT X50) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36",
            "Opera/9.80 (Windows NT 6.0) Presto/2.12.388 Version/12.14",
        ] {
            assert!(!is_robot(user_agent), "{user_agent}");
        }
    }
}
