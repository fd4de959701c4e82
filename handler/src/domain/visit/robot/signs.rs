//! Signs of robots and browsers in User-Agents, for robots that are not on the list.

use std::sync::LazyLock;

use super::index::FirstByteIndex;

/// A text that is typical of robots or of browsers.
struct Sign {
    /// The sign in lower case.
    text: &'static str,
    position: Position,
    sender: Sender,
}

/// The kind of program that a sign is typical of.
#[derive(Clone, Copy)]
pub(super) enum Sender {
    Robot,
    Browser,
}

/// The position at which a sign counts.
#[derive(Clone, Copy)]
enum Position {
    Anywhere,
    WordStart,
    WordEnd,
    Word,
    /// At the end of a longer word, as in `Googlebot`. Some phones have names like `M bot 60` or `CUBOT`.
    Bot,
    /// Not directly behind `Mozilla/5.0`, where old browsers have it, too.
    NotFirst,
}

impl Position {
    /// Whether a sign counts at the bytes from `start` to `end` of `text`.
    fn allows(self, text: &[u8], start: usize, end: usize) -> bool {
        match self {
            Self::Anywhere => true,
            Self::WordStart => begins_word(text, start),
            Self::WordEnd => ends_word(text, end),
            Self::Word => begins_word(text, start) && ends_word(text, end),
            Self::Bot => {
                let before = &text[..start];
                ends_word(text, end) && !matches!(before.last(), Some(b' ' | b'_')) && !before.ends_with(b"cu")
            }
            Self::NotFirst => {
                // A word and its version are short, so the window can be small.
                let before = text[start.saturating_sub(24)..start].trim_ascii_end();
                !before.windows(8).any(|window| window == b"mozilla/")
            }
        }
    }
}

/// All signs, sorted by their text.
static SORTED: LazyLock<(Vec<&Sign>, FirstByteIndex)> = LazyLock::new(|| {
    let mut signs: Vec<&Sign> = SIGNS.iter().collect();
    signs.sort_unstable_by_key(|sign| sign.text);
    let index = FirstByteIndex::new(signs.iter().map(|sign| sign.text.as_bytes()));
    (signs, index)
});

/// The senders of the signs that count at the position `at` of `text`, which is in lower case.
pub(super) fn senders_at(text: &[u8], at: usize) -> impl Iterator<Item = Sender> {
    let (signs, index) = &*SORTED;
    let counts = move |sign: &&&Sign| {
        text[at..].starts_with(sign.text.as_bytes()) && sign.position.allows(text, at, at + sign.text.len())
    };
    signs[index.range(text[at])].iter().filter(counts).map(|sign| sign.sender)
}

/// Whether `at` is not behind a letter or digit.
pub(super) fn begins_word(text: &[u8], at: usize) -> bool {
    !text[..at].last().is_some_and(u8::is_ascii_alphanumeric)
}

/// Whether `at` is not before a letter or digit.
pub(super) fn ends_word(text: &[u8], at: usize) -> bool {
    !text.get(at).is_some_and(u8::is_ascii_alphanumeric)
}

/// Whether there is an e-mail address, such as `info@robot.example`.
pub(super) fn shows_mail_address(text: &[u8]) -> bool {
    text.windows(3).enumerate().any(|(at, window)| {
        if window[1] != b'@' || !window[0].is_ascii_alphanumeric() || !window[2].is_ascii_lowercase() {
            return false;
        }
        let host = text[at + 2..].iter();
        let mut rest = host.skip_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-');
        rest.next() == Some(&b'.') && rest.next().is_some_and(u8::is_ascii_lowercase)
    })
}

const fn robot(text: &'static str, position: Position) -> Sign {
    Sign { text, position, sender: Sender::Robot }
}

const fn browser(text: &'static str, position: Position) -> Sign {
    Sign { text, position, sender: Sender::Browser }
}

/// All signs. Names of robots belong in the list instead.
const SIGNS: &[Sign] = &[
    // Links to a description.
    robot("://", Position::Anywhere),
    robot("www.", Position::Anywhere),
    // A browser closes the bracket after `(KHTML, like Gecko`.
    robot("like gecko;", Position::Anywhere),
    robot("(compatible;", Position::NotFirst),
    // Activities.
    robot("bot", Position::Bot),
    robot("bots", Position::Bot),
    robot("crawl", Position::Anywhere),
    robot("headless", Position::Anywhere),
    robot("robot", Position::Anywhere),
    robot("scrape", Position::Anywhere),
    robot("scraping", Position::Anywhere),
    robot("scrapy", Position::Anywhere),
    robot("spider", Position::Anywhere),
    robot("synthetic", Position::Anywhere),
    robot("transcoder", Position::Anywhere),
    robot("agent", Position::WordEnd),
    robot("analyzer", Position::WordEnd),
    robot("archiver", Position::WordEnd),
    robot("auditor", Position::WordEnd),
    robot("checker", Position::WordEnd),
    robot("detector", Position::WordEnd),
    robot("downloader", Position::WordEnd),
    robot("fetcher", Position::WordEnd),
    robot("indexer", Position::WordEnd),
    robot("inspector", Position::WordEnd),
    robot("monitor", Position::WordEnd),
    robot("monitoring", Position::WordEnd),
    robot("preview", Position::WordEnd),
    robot("scanner", Position::WordEnd),
    robot("validator", Position::WordEnd),
    robot("(via ", Position::Anywhere),
    robot("${", Position::Anywhere),
    // Companies whose browsers do not have their names.
    robot("cloudflare", Position::WordStart),
    robot("-google", Position::WordEnd),
    // Engines and similar.
    browser("browser/", Position::Anywhere),
    browser("browser ", Position::Anywhere),
    browser("chrome/", Position::Anywhere),
    browser("firefox/", Position::Anywhere),
    browser("gecko/", Position::Anywhere),
    browser("safari/", Position::Anywhere),
    browser("trident/", Position::Anywhere),
    browser("msie", Position::Word),
    browser("opera", Position::Word),
    browser("presto", Position::Word),
    browser("netfront", Position::WordStart),
    browser("nucleus", Position::WordStart),
    browser("obigo", Position::WordStart),
    browser("teleca", Position::WordStart),
    browser("ucweb", Position::WordStart),
    browser("up.browser", Position::WordStart),
    browser("up.link", Position::WordStart),
    // Operating systems. `linux` ends words too, as in `SmartLinux`.
    browser("linux", Position::Anywhere),
    browser("aix", Position::Word),
    browser("amigaos", Position::Word),
    browser("android", Position::Word),
    browser("bada", Position::Word),
    browser("beos", Position::Word),
    browser("bb10", Position::Word),
    browser("blackberry", Position::Word),
    browser("brew", Position::Word),
    browser("cfnetwork", Position::Word),
    browser("cros", Position::Word),
    browser("cygwin", Position::Word),
    browser("dalvik", Position::Word),
    browser("darwin", Position::Word),
    browser("dragonfly", Position::Word),
    browser("freebsd", Position::Word),
    browser("fuchsia", Position::Word),
    browser("haiku", Position::Word),
    browser("harmonyos", Position::Word),
    browser("inferno", Position::Word),
    browser("ios", Position::Word),
    browser("j2me", Position::Word),
    browser("kaios", Position::Word),
    browser("mac", Position::Word),
    browser("macintosh", Position::Word),
    browser("midp", Position::Word),
    browser("netbsd", Position::Word),
    browser("openbsd", Position::Word),
    browser("openharmony", Position::Word),
    browser("openvms", Position::Word),
    browser("os", Position::Word),
    browser("qnx", Position::Word),
    browser("risc", Position::Word),
    browser("series40", Position::Word),
    browser("series60", Position::Word),
    browser("sunos", Position::Word),
    browser("symbian", Position::Word),
    browser("symbianos", Position::Word),
    browser("tizen", Position::Word),
    browser("tvos", Position::Word),
    browser("watchos", Position::Word),
    browser("web0s", Position::Word),
    browser("webos", Position::Word),
    browser("windows", Position::Word),
    browser("x11", Position::Word),
    browser("cldc", Position::WordStart),
    browser("maui", Position::WordStart),
    browser("palm", Position::WordStart),
    browser("win16", Position::WordStart),
    browser("win32", Position::WordStart),
    browser("win64", Position::WordStart),
    browser("win7", Position::WordStart),
    browser("win8", Position::WordStart),
    browser("win9", Position::WordStart),
    browser("winnt", Position::WordStart),
    // Devices and manufacturers. Phones from before 2010 have no other sign.
    browser("crkey", Position::Word),
    browser("docomo", Position::Word),
    browser("mobile", Position::Word),
    browser("phone", Position::Word),
    browser("playbook", Position::Word),
    browser("playstation", Position::Word),
    browser("nintendo", Position::Word),
    browser("tv", Position::Word),
    browser("wap", Position::Word),
    browser("xbox", Position::Word),
    browser("alcatel", Position::WordStart),
    browser("aplix", Position::WordStart),
    browser("bravia", Position::WordStart),
    browser("fban", Position::WordStart),
    browser("hbbtv", Position::WordStart),
    browser("htc", Position::WordStart),
    browser("huawei", Position::WordStart),
    browser("ipad", Position::WordStart),
    browser("iphone", Position::WordStart),
    browser("ipod", Position::WordStart),
    browser("kddi", Position::WordStart),
    browser("lg", Position::WordStart),
    browser("lge", Position::WordStart),
    browser("mot", Position::WordStart),
    browser("motorola", Position::WordStart),
    browser("nec", Position::WordStart),
    browser("netcast", Position::WordStart),
    browser("nokia", Position::WordStart),
    browser("panasonic", Position::WordStart),
    browser("philips", Position::WordStart),
    browser("roku", Position::WordStart),
    browser("sagem", Position::WordStart),
    browser("samsung", Position::WordStart),
    browser("sanyo", Position::WordStart),
    browser("sharp", Position::WordStart),
    browser("sie", Position::WordStart),
    browser("siemens", Position::WordStart),
    browser("smarttv", Position::WordStart),
    browser("sony", Position::WordStart),
    browser("viera", Position::WordStart),
    browser("zte", Position::WordStart),
];
