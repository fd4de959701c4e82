//! Reads one log chunk by chunk, each with the time at which it is due among the chunks of other logs.

use std::{
    collections::VecDeque,
    io::BufRead,
    path::{Path, PathBuf},
};

use anyhow::Context;
use indicatif::ProgressBar;
use jiff::{Timestamp, tz::TimeZone};

use super::{
    chunker::{Chunker, KnownPrefixes, LogChunk},
    format::{Format, Parser},
    order::DatedLog,
    outcome::{ImportRules, LineOutcome},
    prefix::Prefix,
    source::{self, Log, Next, next_line},
};
use crate::clock::Clock;

/// The parts of an import that reading a line depends on.
pub(super) struct ReadingRules {
    pub(super) import: ImportRules,
    /// The zone in which days begin.
    pub(super) zone: TimeZone,
    pub(super) clock: Clock,
    /// The format of all logs, or `None` to detect the format of each.
    pub(super) format: Option<Format>,
}

/// An open log, and its chunks that were read and not taken.
pub(super) struct LogReader {
    path: PathBuf,
    parser: Parser,
    lines: Box<dyn BufRead>,
    bar: ProgressBar,
    chunker: Chunker,
    line: Vec<u8>,
    chunks: VecDeque<LogChunk>,
    /// The time of the last visit in the first of the chunks, or before it.
    due: Timestamp,
    ended: bool,
}

impl LogReader {
    /// Opens a log and reads its first chunk.
    pub(super) fn open(log: DatedLog, known: KnownPrefixes, rules: &ReadingRules) -> anyhow::Result<Self> {
        let DatedLog { path, begins } = log;
        let Log { parser, lines, bar } = source::open_log(&path, rules.format)?;
        let chunker = Chunker::new(Prefix::new(&rules.import.site), known);
        let (line, chunks) = (Vec::new(), VecDeque::new());
        let mut reader = Self { path, parser, lines, bar, chunker, line, chunks, due: begins, ended: false };
        reader.read_chunk(rules)?;
        Ok(reader)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// When the next chunk is due. `None` at the end of the log.
    pub(super) fn due(&self) -> Option<Timestamp> {
        (!self.chunks.is_empty()).then_some(self.due)
    }

    /// Takes the next chunk. Read the one after it with [`LogReader::read_chunk`] when this one is committed.
    pub(super) fn take_chunk(&mut self) -> Option<LogChunk> {
        self.chunks.pop_front()
    }

    /// Reads lines until there is a chunk, or the log ends.
    pub(super) fn read_chunk(&mut self, rules: &ReadingRules) -> anyhow::Result<()> {
        while self.chunks.is_empty() && !self.ended {
            let next = next_line(&mut self.lines, &mut self.line, self.chunker.prefix()).context("reading")?;
            match next {
                Next::Line => {
                    let parsed = self.parser.read(&String::from_utf8_lossy(&self.line))?;
                    let outcome = LineOutcome::of(parsed, &rules.import, rules.clock.now());
                    let day = outcome.day(&rules.zone);
                    self.chunks.extend(self.chunker.add(&self.line, outcome, day));
                }
                Next::TooLong(prefix) => self.chunks.extend(self.chunker.add_too_long(*prefix)),
                Next::CutOff => self.chunks.push_back(self.chunker.add_incomplete()),
                Next::End => {
                    self.ended = true;
                    self.chunks.extend(self.chunker.end_chunk());
                    self.bar.finish_and_clear();
                }
            }
        }
        if let Some(at) = self.chunks.front().and_then(LogChunk::last_visit) {
            self.due = at;
        }
        Ok(())
    }
}
