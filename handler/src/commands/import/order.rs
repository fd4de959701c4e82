//! In which order logs are imported, and how each is read.

use std::{
    io::{self, BufRead},
    path::{Path, PathBuf},
};

use anyhow::Context;
use jiff::Timestamp;

use super::{
    Import,
    format::{Line, Parser},
    source::{self, Next, next_line},
};

/// How many lines are looked at to find out when a log begins.
const FIRST_LINES: usize = 1000;

/// The files in the order of the first time that each of them holds; those without any come last, as they were given.
pub(super) fn in_order(import: &Import, files: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut ordered = Vec::new();
    for file in files {
        let begins = if file == Path::new("-") {
            None
        } else {
            begin_of(import, file).with_context(|| format!("importing {}", file.display()))?
        };
        ordered.push((begins.unwrap_or(Timestamp::MAX), file.clone()));
    }
    ordered.sort_by_key(|(begins, _)| *begins);
    Ok(ordered.into_iter().map(|(_, file)| file).collect())
}

/// The first time that a log holds. One that can't be read to there comes last, and is told then.
fn begin_of(import: &Import, file: &Path) -> anyhow::Result<Option<Timestamp>> {
    let (log, _) = source::open(file)?;
    let Ok((mut parser, mut log)) = parser_and_lines(import, log) else { return Ok(None) };
    let (mut line, mut digest) = (Vec::new(), blake3::Hasher::new());
    for _ in 0..FIRST_LINES {
        match next_line(&mut log, &mut line, &mut digest) {
            Ok(Next::Line) => {}
            Ok(Next::TooLong(_)) => continue,
            Ok(Next::CutOff | Next::End) | Err(_) => break,
        }
        if let Line::Request(request) = parser.read(&String::from_utf8_lossy(&line))? {
            return Ok(Some(request.at));
        }
    }
    Ok(None)
}

/// What reads a log's lines: as the import says, or as its first lines do.
pub(super) fn parser_and_lines(import: &Import, log: Box<dyn BufRead>) -> io::Result<(Parser, Box<dyn BufRead>)> {
    let (format, log) = match import.format {
        Some(format) => (format, log),
        None => source::recognise(log)?,
    };
    Ok((Parser::new(format), log))
}
