//! Groups the lines of a log into chunks. Each chunk ends at a checkpoint.
//!
//! A chunk has at most [`CHUNK_LINES`] lines. In an ordered log it has lines of one day only, because the database then needs
//! one statement. Lines up to a known checkpoint were counted by an earlier import.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{
    outcome::{LineOutcome, Refusal},
    prefix::Prefix,
};
use crate::{domain::Day, recorder::LogPrefix};

/// How many lines are committed together. Counting waits for a chunk of the last month, so a chunk takes some hundredths of a second.
const CHUNK_LINES: usize = 512;

/// A line by its number in the file, from 1.
pub(super) type NumberedLine = (u64, LineOutcome);

/// Consecutive lines of a log.
pub(super) enum LogChunk {
    /// Lines to commit together with the checkpoint `upto`.
    New { lines: Vec<NumberedLine>, upto: LogPrefix },
    /// This many lines were counted by an earlier import.
    Known(u64),
    /// The last line, by its number, is incomplete. The next import reads it again.
    Incomplete(u64),
}

impl LogChunk {
    /// The time of the last visit. `None` for a chunk without visits.
    pub(super) fn last_visit(&self) -> Option<Timestamp> {
        let Self::New { lines, .. } = self else { return None };
        lines.iter().rev().find_map(|(_, outcome)| outcome.time())
    }
}

/// The digests of the known checkpoints of a site, by the length of their prefixes.
#[derive(Default)]
pub(super) struct KnownPrefixes(HashMap<u64, Vec<[u8; 32]>>);

impl FromIterator<([u8; 32], u64)> for KnownPrefixes {
    fn from_iter<I: IntoIterator<Item = ([u8; 32], u64)>>(checkpoints: I) -> Self {
        let mut known = Self::default();
        for (digest, bytes) in checkpoints {
            known.0.entry(bytes).or_default().push(digest);
        }
        known
    }
}

impl KnownPrefixes {
    fn contain(&self, prefix: &Prefix) -> bool {
        // Most lengths are unknown, and need no digest.
        self.0.get(&prefix.bytes()).is_some_and(|digests| digests.contains(&prefix.digest()))
    }
}

/// Makes chunks of the lines of one log.
pub(super) struct Chunker {
    known: KnownPrefixes,
    /// All lines that were added.
    prefix: Prefix,
    /// The number of the last line.
    number: u64,
    /// The lines after the last checkpoint.
    lines: Vec<NumberedLine>,
    latest_day: Option<Day>,
}

impl Chunker {
    pub(super) fn new(start: Prefix, known: KnownPrefixes) -> Self {
        Self { known, prefix: start, number: 0, lines: Vec::new(), latest_day: None }
    }

    /// The part of the log that was added.
    pub(super) fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// Adds a line with its line break. Only the last line can be without one. `day` is the day of its visit.
    pub(super) fn add(&mut self, line: &[u8], outcome: LineOutcome, day: Option<Day>) -> Vec<LogChunk> {
        let mut chunks = Vec::new();
        let ends = line.ends_with(b"\n");
        if !ends {
            if outcome.is_malformed() {
                return vec![self.add_incomplete()];
            }
            let mut with_line = self.prefix.clone();
            with_line.add(line);
            with_line.add(b"\n");
            if !self.known.contain(&with_line) {
                // The server may write the rest of this line later. A checkpoint before it keeps the other lines known then.
                chunks.extend(self.end_chunk());
            }
        }
        if day > self.latest_day {
            if self.latest_day.is_some() {
                chunks.extend(self.end_chunk());
            }
            self.latest_day = day;
        }
        self.prefix.add(line);
        if !ends {
            self.prefix.add(b"\n");
        }
        chunks.extend(self.push(outcome));
        chunks
    }

    /// Adds a line that is too long to be parsed. `prefix` is the log up to its end.
    pub(super) fn add_too_long(&mut self, prefix: Prefix) -> Option<LogChunk> {
        self.prefix = prefix;
        self.push(LineOutcome::Refused(Refusal::Malformed))
    }

    /// Adds a last line that is incomplete.
    pub(super) fn add_incomplete(&mut self) -> LogChunk {
        self.number += 1;
        LogChunk::Incomplete(self.number)
    }

    /// The lines after the last checkpoint, to commit at the end of the log or before a line that begins a chunk.
    pub(super) fn end_chunk(&mut self) -> Option<LogChunk> {
        let lines = std::mem::take(&mut self.lines);
        (!lines.is_empty()).then(|| LogChunk::New { lines, upto: self.prefix.checkpoint() })
    }

    /// Appends a line that the prefix already has.
    fn push(&mut self, outcome: LineOutcome) -> Option<LogChunk> {
        self.number += 1;
        self.lines.push((self.number, outcome));
        if self.known.contain(&self.prefix) {
            let lines = self.lines.len() as u64;
            self.lines.clear();
            return Some(LogChunk::Known(lines));
        }
        if self.lines.len() == CHUNK_LINES { self.end_chunk() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::import::page_request::NotAPage;

    fn prefix(text: &str) -> Prefix {
        let mut prefix = Prefix::new(&"example.com".parse().unwrap());
        prefix.add(text.as_bytes());
        prefix
    }

    fn known(texts: &[&str]) -> KnownPrefixes {
        texts.iter().map(|text| (prefix(text).digest(), text.len() as u64)).collect()
    }

    /// Describes the chunks of a log. The first character of a line is the day of its visit; `?` stands for a malformed line.
    fn chunks(log: &str, known: KnownPrefixes) -> Vec<String> {
        let mut chunker = Chunker::new(prefix(""), known);
        let mut chunks = Vec::new();
        for line in log.split_inclusive('\n') {
            let day = line.chars().next().and_then(|first| first.to_digit(10));
            let day = day.and_then(|day| Day::of_date(jiff::civil::date(2026, 11, 1 + i8::try_from(day).ok()?)).ok());
            let malformed = line.starts_with('?');
            let outcome = if malformed {
                LineOutcome::Refused(Refusal::Malformed)
            } else {
                LineOutcome::NotAPage(NotAPage::Asset)
            };
            chunks.extend(chunker.add(line.as_bytes(), outcome, day));
        }
        chunks.extend(chunker.end_chunk());
        chunks.iter().map(described).collect()
    }

    fn described(chunk: &LogChunk) -> String {
        match chunk {
            LogChunk::New { lines, upto } => {
                format!("new {}-{}, {} bytes", lines[0].0, lines[lines.len() - 1].0, upto.bytes)
            }
            LogChunk::Known(lines) => format!("known {lines}"),
            LogChunk::Incomplete(number) => format!("incomplete {number}"),
        }
    }

    #[test]
    fn a_chunk_ends_at_the_largest_number_of_lines_and_at_the_end_of_the_log() {
        let log = "1\n".repeat(CHUNK_LINES + 2);
        assert_eq!(chunks(&log, known(&[])), ["new 1-512, 1024 bytes", "new 513-514, 1028 bytes"]);
        assert!(chunks("", known(&[])).is_empty());
    }

    #[test]
    fn a_later_day_begins_a_chunk_and_an_earlier_one_does_not() {
        assert_eq!(
            chunks("-\n1\n1\n2\n1\n2\n3\n", known(&[])),
            ["new 1-3, 6 bytes", "new 4-6, 12 bytes", "new 7-7, 14 bytes"]
        );
    }

    #[test]
    fn lines_up_to_a_known_checkpoint_are_known() {
        let log = "1a\n1b\n2c\n2d\n";
        assert_eq!(chunks(log, known(&["1a\n1b\n"])), ["known 2", "new 3-4, 12 bytes"]);
        assert_eq!(
            chunks(log, known(&["1a\n", "1a\n1b\n2c\n"])),
            ["known 1", "new 2-2, 6 bytes", "known 1", "new 4-4, 12 bytes"]
        );
        // The same length, but another text.
        assert_eq!(chunks(log, known(&["1a\n1x\n"])), ["new 1-2, 6 bytes", "new 3-4, 12 bytes"]);
    }

    #[test]
    fn a_last_line_without_line_break_gets_a_checkpoint_before_it_and_counts_as_if_it_had_one() {
        assert_eq!(chunks("1a\n1b", known(&[])), ["new 1-1, 3 bytes", "new 2-2, 6 bytes"]);
        assert_eq!(chunks("1a\n1b", known(&["1a\n1b\n"])), ["known 2"]);
        assert_eq!(chunks("1a\n1b\n", known(&["1a\n1b\n"])), ["known 2"]);
    }

    #[test]
    fn a_malformed_last_line_without_line_break_is_incomplete_and_not_part_of_a_checkpoint() {
        assert_eq!(chunks("1a\n?b", known(&[])), ["incomplete 2", "new 1-1, 3 bytes"]);
        assert_eq!(chunks("1a\n?b\n", known(&[])), ["new 1-2, 6 bytes"]);
    }

    #[test]
    fn a_line_that_is_too_long_is_part_of_its_chunk_and_checkpoint() {
        let mut chunker = Chunker::new(prefix(""), known(&["1\nlong\n"]));
        assert!(chunker.add(b"1\n", LineOutcome::NotAPage(NotAPage::Asset), None).is_empty());
        assert_eq!(chunker.add_too_long(prefix("1\nlong\n")).as_ref().map(described).as_deref(), Some("known 2"));
    }
}
