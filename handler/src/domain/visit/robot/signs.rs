//! Signs by which robots and browsers can be told without a list: what they write about themselves, and where.

/// A text by which a robot or a browser can be told, whatever its name.
pub(super) struct Sign {
    /// In small letters.
    pub(super) text: &'static str,
    /// Where it must stand to count.
    pub(super) place: Place,
    /// Who shows it.
    pub(super) of: Of,
}

#[derive(Clone, Copy)]
pub(super) enum Of {
    Robot,
    Browser,
}

/// Where a sign must stand.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Anywhere,
    WordStart,
    WordEnd,
    Word,
    /// At the end of a word that is longer, as in `Googlebot`. There are telephones that are called `M bot 60` or `CUBOT`.
    Bot,
    /// Behind something else than `Mozilla/5.0`, where old browsers have it too.
    NotFirst,
}

impl Place {
    /// Whether a sign counts that was found in `text` from `start` to `end`, in bytes.
    pub(super) fn allows(self, text: &[u8], start: usize, end: usize) -> bool {
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
                // A word and its version are short: looking further back would only give somebody work to make.
                let before = text[start.saturating_sub(24)..start].trim_ascii_end();
                !before.windows(8).any(|window| window == b"mozilla/")
            }
        }
    }
}

/// Whether no letter or digit stands before `at`.
pub(super) fn begins_word(text: &[u8], at: usize) -> bool {
    !text[..at].last().is_some_and(u8::is_ascii_alphanumeric)
}

/// Whether no letter or digit stands at `at`.
pub(super) fn ends_word(text: &[u8], at: usize) -> bool {
    !text.get(at).is_some_and(u8::is_ascii_alphanumeric)
}

/// Whether there is an address to write to, as `info@robot.example`.
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

const fn robot(text: &'static str, place: Place) -> Sign {
    Sign { text, place, of: Of::Robot }
}

const fn browser(text: &'static str, place: Place) -> Sign {
    Sign { text, place, of: Of::Browser }
}

/// The signs that are looked for. Names of robots belong into the list instead.
pub(super) const SIGNS: &[Sign] = &[
    // Where to read about it.
    robot("://", Place::Anywhere),
    robot("www.", Place::Anywhere),
    // Behind `(KHTML, like Gecko` a browser closes the bracket.
    robot("like gecko;", Place::Anywhere),
    robot("(compatible;", Place::NotFirst),
    // What it does.
    robot("bot", Place::Bot),
    robot("bots", Place::Bot),
    robot("crawl", Place::Anywhere),
    robot("headless", Place::Anywhere),
    robot("robot", Place::Anywhere),
    robot("scrape", Place::Anywhere),
    robot("scraping", Place::Anywhere),
    robot("scrapy", Place::Anywhere),
    robot("spider", Place::Anywhere),
    robot("synthetic", Place::Anywhere),
    robot("transcoder", Place::Anywhere),
    robot("agent", Place::WordEnd),
    robot("analyzer", Place::WordEnd),
    robot("archiver", Place::WordEnd),
    robot("auditor", Place::WordEnd),
    robot("checker", Place::WordEnd),
    robot("detector", Place::WordEnd),
    robot("downloader", Place::WordEnd),
    robot("fetcher", Place::WordEnd),
    robot("indexer", Place::WordEnd),
    robot("inspector", Place::WordEnd),
    robot("monitor", Place::WordEnd),
    robot("monitoring", Place::WordEnd),
    robot("preview", Place::WordEnd),
    robot("scanner", Place::WordEnd),
    robot("validator", Place::WordEnd),
    robot("(via ", Place::Anywhere),
    robot("${", Place::Anywhere),
    // Of firms whose browsers, if they have one, do not say so.
    robot("cloudflare", Place::WordStart),
    robot("-google", Place::WordEnd),
    // Engines and what is like them.
    browser("browser/", Place::Anywhere),
    browser("browser ", Place::Anywhere),
    browser("chrome/", Place::Anywhere),
    browser("firefox/", Place::Anywhere),
    browser("gecko/", Place::Anywhere),
    browser("safari/", Place::Anywhere),
    browser("trident/", Place::Anywhere),
    browser("msie", Place::Word),
    browser("opera", Place::Word),
    browser("presto", Place::Word),
    browser("netfront", Place::WordStart),
    browser("nucleus", Place::WordStart),
    browser("obigo", Place::WordStart),
    browser("teleca", Place::WordStart),
    browser("ucweb", Place::WordStart),
    browser("up.browser", Place::WordStart),
    browser("up.link", Place::WordStart),
    // Operating systems. `linux` ends words too, as in `SmartLinux`.
    browser("linux", Place::Anywhere),
    browser("aix", Place::Word),
    browser("amigaos", Place::Word),
    browser("android", Place::Word),
    browser("bada", Place::Word),
    browser("beos", Place::Word),
    browser("bb10", Place::Word),
    browser("blackberry", Place::Word),
    browser("brew", Place::Word),
    browser("cfnetwork", Place::Word),
    browser("cros", Place::Word),
    browser("cygwin", Place::Word),
    browser("dalvik", Place::Word),
    browser("darwin", Place::Word),
    browser("dragonfly", Place::Word),
    browser("freebsd", Place::Word),
    browser("fuchsia", Place::Word),
    browser("haiku", Place::Word),
    browser("harmonyos", Place::Word),
    browser("inferno", Place::Word),
    browser("ios", Place::Word),
    browser("j2me", Place::Word),
    browser("kaios", Place::Word),
    browser("mac", Place::Word),
    browser("macintosh", Place::Word),
    browser("midp", Place::Word),
    browser("netbsd", Place::Word),
    browser("openbsd", Place::Word),
    browser("openharmony", Place::Word),
    browser("openvms", Place::Word),
    browser("os", Place::Word),
    browser("qnx", Place::Word),
    browser("risc", Place::Word),
    browser("series40", Place::Word),
    browser("series60", Place::Word),
    browser("sunos", Place::Word),
    browser("symbian", Place::Word),
    browser("symbianos", Place::Word),
    browser("tizen", Place::Word),
    browser("tvos", Place::Word),
    browser("watchos", Place::Word),
    browser("web0s", Place::Word),
    browser("webos", Place::Word),
    browser("windows", Place::Word),
    browser("x11", Place::Word),
    browser("cldc", Place::WordStart),
    browser("maui", Place::WordStart),
    browser("palm", Place::WordStart),
    browser("win16", Place::WordStart),
    browser("win32", Place::WordStart),
    browser("win64", Place::WordStart),
    browser("win7", Place::WordStart),
    browser("win8", Place::WordStart),
    browser("win9", Place::WordStart),
    browser("winnt", Place::WordStart),
    // Devices and those who make them: telephones of before 2010 say nothing else.
    browser("crkey", Place::Word),
    browser("docomo", Place::Word),
    browser("mobile", Place::Word),
    browser("phone", Place::Word),
    browser("playbook", Place::Word),
    browser("playstation", Place::Word),
    browser("nintendo", Place::Word),
    browser("tv", Place::Word),
    browser("wap", Place::Word),
    browser("xbox", Place::Word),
    browser("alcatel", Place::WordStart),
    browser("aplix", Place::WordStart),
    browser("bravia", Place::WordStart),
    browser("fban", Place::WordStart),
    browser("hbbtv", Place::WordStart),
    browser("htc", Place::WordStart),
    browser("huawei", Place::WordStart),
    browser("ipad", Place::WordStart),
    browser("iphone", Place::WordStart),
    browser("ipod", Place::WordStart),
    browser("kddi", Place::WordStart),
    browser("lg", Place::WordStart),
    browser("lge", Place::WordStart),
    browser("mot", Place::WordStart),
    browser("motorola", Place::WordStart),
    browser("nec", Place::WordStart),
    browser("netcast", Place::WordStart),
    browser("nokia", Place::WordStart),
    browser("panasonic", Place::WordStart),
    browser("philips", Place::WordStart),
    browser("roku", Place::WordStart),
    browser("sagem", Place::WordStart),
    browser("samsung", Place::WordStart),
    browser("sanyo", Place::WordStart),
    browser("sharp", Place::WordStart),
    browser("sie", Place::WordStart),
    browser("siemens", Place::WordStart),
    browser("smarttv", Place::WordStart),
    browser("sony", Place::WordStart),
    browser("viera", Place::WordStart),
    browser("zte", Place::WordStart),
];
