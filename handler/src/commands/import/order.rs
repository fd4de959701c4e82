//! The order in which logs are imported.

use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;

use super::{
    format::Format,
    line::ParsedLine,
    prefix::Prefix,
    source::{self, Log, Next, next_line},
};
use crate::domain::SiteName;

/// How many lines are searched for the first time of a log.
const FIRST_LINES: usize = 1000;

/// A file, and the first time in it.
pub(super) struct DatedLog {
    pub(super) path: PathBuf,
    /// The latest time that exists, if the file has none at its beginning.
    pub(super) begins: Timestamp,
}

/// The files, ordered by the first time in each. Files without a time come last, in the order of the command line.
pub(super) fn in_order(site: &SiteName, format: Option<Format>, files: &[PathBuf]) -> anyhow::Result<Vec<DatedLog>> {
    let mut ordered = Vec::new();
    for file in files {
        let begins = if file == Path::new("-") {
            None
        } else {
            begin_of(site, format, file).with_context(|| format!("importing {}", file.display()))?
        };
        ordered.push(DatedLog { path: file.clone(), begins: begins.unwrap_or(Timestamp::MAX) });
    }
    ordered.sort_by_key(|log| log.begins);
    Ok(ordered)
}

/// The first time in a log. `None` if the log has none at its beginning, or can't be read further; the import reports that later.
///
/// # Errors
/// If the file is not a log of the format, so that nothing is counted of the others, either.
fn begin_of(site: &SiteName, format: Option<Format>, file: &Path) -> anyhow::Result<Option<Timestamp>> {
    let Log { mut parser, lines: mut log, .. } = source::open_log(file, format)?;
    let (mut line, prefix) = (Vec::new(), Prefix::new(site));
    for _ in 0..FIRST_LINES {
        match next_line(&mut log, &mut line, &prefix) {
            Ok(Next::Line) => {}
            Ok(Next::TooLong(_)) => continue,
            Ok(Next::CutOff | Next::End) | Err(_) => break,
        }
        if let ParsedLine::Request(request) = parser.read(&String::from_utf8_lossy(&line))? {
            return Ok(Some(request.at));
        }
    }
    Ok(None)
}
