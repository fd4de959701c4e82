//! Reports of `handler doctor` and `handler check`: one form of text, one shape of JSON. `docs/checking.md` describes both.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

use serde::Serialize;

/// Texts from checked pages are cut at this length.
const MAXIMUM_CHARACTERS: usize = 2_000;

/// The result of a command.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The checked page of `handler check`, without its query; the public origin of `handler doctor`.
    pub(super) url: String,
    /// The site that visits of the page count for, if known; the site of Footfall's own page.
    pub(super) site: Option<String>,
    #[serde(flatten)]
    pub(super) findings: Findings,
    /// The last line of the text.
    pub(super) result: String,
}

impl Report {
    /// Prints the report. The exit code is 0 if no finding failed.
    pub(super) fn print(&self, json: bool, allows_colour: bool) -> anyhow::Result<ExitCode> {
        let coloured = allows_colour && io::stdout().is_terminal();
        super::print(if json { serde_json::to_string(self)? } else { self.text(coloured) })?;
        Ok(if self.findings.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// One line per finding, and the result.
    fn text(&self, coloured: bool) -> String {
        self.findings.text(coloured) + &without_controls(&self.result)
    }
}

/// All findings of a command, in the order in which they were made.
#[derive(Debug, Serialize)]
pub(super) struct Findings {
    /// Whether no finding failed.
    pub(super) ok: bool,
    pub(super) findings: Vec<Finding>,
}

/// The result of one check.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// A stable name. `docs/checking.md` lists those of `handler check`.
    pub(super) name: &'static str,
    pub(super) state: State,
    pub(super) text: String,
    /// The correction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) suggestion: Option<String>,
}

/// The state of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Ok,
    /// The checked part works, but should be changed.
    Warning,
    /// The checked part does not work.
    Failed,
}

impl Findings {
    pub(super) const fn new() -> Self {
        Self { ok: true, findings: Vec::new() }
    }

    pub(super) fn pass(&mut self, name: &'static str, text: impl AsRef<str>) {
        self.add(name, State::Ok, text.as_ref(), None);
    }

    pub(super) fn warn(&mut self, name: &'static str, text: impl AsRef<str>, suggestion: impl AsRef<str>) {
        self.add(name, State::Warning, text.as_ref(), Some(suggestion.as_ref()));
    }

    pub(super) fn fail(&mut self, name: &'static str, text: impl AsRef<str>, suggestion: impl AsRef<str>) {
        self.add(name, State::Failed, text.as_ref(), Some(suggestion.as_ref()));
    }

    /// A failure whose text already contains the remedy.
    pub(super) fn fail_with(&mut self, name: &'static str, text: impl AsRef<str>) {
        self.add(name, State::Failed, text.as_ref(), None);
    }

    pub(super) fn failed(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.state == State::Failed)
    }

    fn add(&mut self, name: &'static str, state: State, text: &str, suggestion: Option<&str>) {
        self.ok &= state != State::Failed;
        let (text, suggestion) = (without_controls(text), suggestion.map(without_controls));
        self.findings.push(Finding { name, state, text, suggestion });
    }

    /// One line per finding.
    fn text(&self, coloured: bool) -> String {
        self.findings.iter().map(|finding| finding.line(coloured)).collect()
    }
}

impl Finding {
    fn line(&self, coloured: bool) -> String {
        let Self { name, state, text, suggestion } = self;
        let (mark, colour) = match state {
            State::Ok => ('✓', "32"),
            State::Warning => ('•', "33"),
            State::Failed => ('✗', "31"),
        };
        let mark = if coloured { format!("\u{1b}[{colour}m{mark}\u{1b}[0m") } else { mark.to_string() };
        let suggestion = suggestion.as_ref().map_or(String::new(), |suggestion| format!(" → {suggestion}"));
        format!("{mark} {name:<22} {text}{suggestion}\n")
    }
}

/// Replaces characters that move the cursor of a terminal or change the writing direction.
pub(super) fn without_controls(text: &str) -> String {
    let is_harmful = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut safe: String =
        text.chars().take(MAXIMUM_CHARACTERS).map(|c| if is_harmful(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(MAXIMUM_CHARACTERS).is_some() {
        safe.push('…');
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_pass_and_failures_do_not() {
        let mut findings = Findings::new();
        findings.warn("policy", "a", "b");
        assert!(findings.ok);
        findings.fail("twice", "a", "b");
        assert!(!findings.ok && findings.failed().count() == 1);
        assert_eq!(findings.text(false).lines().last(), Some("✗ twice                  a → b"));
    }

    #[test]
    fn terminal_control_characters_are_replaced() {
        let mut findings = Findings::new();
        findings.fail("site-missing", "a\u{1b}[2J\r\n\u{202e}b", "c\u{9b}");
        let text = findings.text(false);
        assert_eq!(text.lines().count(), 1);
        assert!(!text.contains(['\u{1b}', '\r', '\u{202e}', '\u{9b}']), "{text:?}");
        assert!(findings.text(true).starts_with("\u{1b}[31m✗\u{1b}[0m site-missing"));
    }
}
