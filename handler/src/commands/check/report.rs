//! What was found, for people and for programs.

use serde::Serialize;

/// The result of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Well,
    /// It works, but should be different.
    Warning,
    /// It does not work.
    Broken,
}

/// A text of somebody else's page is cut here: a policy can be long, and has to be shown whole.
const MAXIMUM_CHARACTERS: usize = 2_000;

/// All findings about a page.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The page, without its query.
    pub url: String,
    /// The site that its visits would be counted as, as far as it is known.
    pub site: Option<String>,
    /// Whether visits will be counted, and each once.
    pub visits_count: bool,
    /// In the order in which they were made.
    pub findings: Vec<Finding>,
}

/// One thing that was found.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// What it is called; it stays the same. `docs/checking.md` lists them.
    pub name: &'static str,
    /// How it is.
    pub state: State,
    /// What was found.
    pub text: String,
    /// What would be right.
    pub right: Option<String>,
}

impl Report {
    /// Nothing found yet.
    pub fn new(url: String) -> Self {
        Self { url: harmless(&url), site: None, visits_count: true, findings: Vec::new() }
    }

    /// Whether visits will be counted, and each once.
    pub fn is_well(&self) -> bool {
        self.visits_count
    }

    pub(super) fn well(&mut self, name: &'static str, text: impl AsRef<str>) {
        self.add(name, State::Well, text.as_ref(), None);
    }

    pub(super) fn warn(&mut self, name: &'static str, text: impl AsRef<str>, right: impl AsRef<str>) {
        self.add(name, State::Warning, text.as_ref(), Some(right.as_ref()));
    }

    pub(super) fn broken(&mut self, name: &'static str, text: impl AsRef<str>, right: impl AsRef<str>) {
        self.visits_count = false;
        self.add(name, State::Broken, text.as_ref(), Some(right.as_ref()));
    }

    /// Whether this was found, and visits do not count because of it.
    pub(super) fn has_broken(&self, name: &str) -> bool {
        self.findings.iter().any(|finding| finding.name == name && matches!(finding.state, State::Broken))
    }

    fn add(&mut self, name: &'static str, state: State, text: &str, right: Option<&str>) {
        self.findings.push(Finding { name, state, text: harmless(text), right: right.map(harmless) });
    }

    /// One line for each finding, and a last one that says whether visits will count.
    pub fn text(&self, coloured: bool) -> String {
        let mut lines = String::new();
        for Finding { name, state, text, right } in &self.findings {
            let (mark, colour) = match state {
                State::Well => ('✓', "32"),
                State::Warning => ('•', "33"),
                State::Broken => ('✗', "31"),
            };
            let mark = if coloured { format!("\u{1b}[{colour}m{mark}\u{1b}[0m") } else { mark.to_string() };
            let right = right.as_ref().map_or(String::new(), |right| format!(" → {right}"));
            lines.push_str(&format!("{mark} {name:<22} {text}{right}\n"));
        }
        lines + &self.verdict()
    }

    fn verdict(&self) -> String {
        let faults: Vec<_> = self.findings.iter().filter(|finding| finding.state == State::Broken).collect();
        match (&faults[..], &self.site) {
            ([], Some(site)) => format!("Visits to {} will count as {site}.", self.url),
            ([], None) => format!("Visits to {} will count.", self.url),
            ([only], _) if only.name == "twice" => {
                format!("Visits to {} will count twice until this is put right.", self.url)
            }
            ([_], _) => format!("Visits to {} will not count until this is put right.", self.url),
            (faults, _) => {
                format!("Visits to {} will not count until {} faults are put right.", self.url, faults.len())
            }
        }
    }
}

/// A text of somebody else's as a terminal may show it: nothing in it moves the cursor or turns the direction of writing.
fn harmless(text: &str) -> String {
    let is_harmful = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut harmless: String =
        text.chars().take(MAXIMUM_CHARACTERS).map(|c| if is_harmful(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(MAXIMUM_CHARACTERS).is_some() {
        harmless.push('…');
    }
    harmless
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_says_whether_visits_will_count() {
        let mut report = Report::new("https://example.com/".to_owned());
        report.site = Some("example.com".to_owned());
        report.warn("robots", "a", "b");
        assert!(report.is_well());
        assert!(report.text(false).ends_with("\nVisits to https://example.com/ will count as example.com."));
        report.broken("twice", "a", "b");
        assert!(report.text(false).ends_with("will count twice until this is put right."));
        report.broken("site-missing", "a", "b");
        assert!(!report.is_well());
        assert!(report.text(false).ends_with("will not count until 2 faults are put right."));
    }

    #[test]
    fn what_a_page_says_cannot_move_the_cursor() {
        let mut report = Report::new("https://example.com/".to_owned());
        report.broken("site-missing", "a\u{1b}[2J\r\n\u{202e}b", "c\u{9b}");
        let text = report.text(false);
        assert_eq!(text.lines().count(), 2);
        assert!(!text.contains(['\u{1b}', '\r', '\u{202e}', '\u{9b}']), "{text:?}");
        assert!(report.text(true).starts_with("\u{1b}[31m✗\u{1b}[0m site-missing"));
    }
}
