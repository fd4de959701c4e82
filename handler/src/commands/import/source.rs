//! Reads lines of files and standard input, plain or gzipped, with a limit on the length of a line. Other files are an error.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Cursor, IsTerminal, Read},
    path::Path,
};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    content::unreadable,
    first_lines::format_of,
    format::{Format, Parser},
    nuls::WithoutNuls,
    prefix::Prefix,
};

/// The longest line that is parsed, in bytes. Web servers limit the header of a request to far less.
pub(super) const LONGEST_LINE: usize = 1 << 20;

/// How many lines, and at most how many bytes, show the format of a log.
const FIRST_LINES: usize = 50;
const FIRST_BYTES: u64 = 1 << 18;

/// The UTF-8 encoding of the byte order mark, which some programs write at the beginning of a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A log that can be read.
pub(super) struct Log {
    pub(super) parser: Parser,
    pub(super) lines: Box<dyn BufRead>,
    pub(super) bar: ProgressBar,
}

/// Opens a log, plain or gzipped. Without a `format`, detects the format from the first lines.
///
/// # Errors
/// If the file is not a log of this format.
pub(super) fn open_log(path: &Path, format: Option<Format>) -> anyhow::Result<Log> {
    let (mut content, bar) = open(path, false)?;
    if content.fill_buf().context("reading")?.starts_with(BYTE_ORDER_MARK) {
        content.consume(BYTE_ORDER_MARK.len());
    }
    let (format, lines) = with_format(Box::new(BufReader::new(WithoutNuls::new(content))), format)?;
    Ok(Log { parser: Parser::new(format), lines, bar })
}

/// Opens a file, plain or gzipped, and shows a progress bar on a terminal.
///
/// # Errors
/// If its content is another compression, an archive or binary. A zip archive is opened if `accepts_zip`.
pub(super) fn open(path: &Path, accepts_zip: bool) -> anyhow::Result<(Box<dyn BufRead>, ProgressBar)> {
    let (source, length): (Box<dyn Read>, Option<u64>) = if path == Path::new("-") {
        (Box::new(io::stdin()), None)
    } else {
        let file = File::open(path).context("opening")?;
        let length = file.metadata().ok().map(|metadata| metadata.len());
        (Box::new(file), length)
    };
    let bar = if io::stderr().is_terminal() { ProgressBar::no_length() } else { ProgressBar::hidden() };
    if let Some(length) = length {
        bar.set_length(length);
        bar.set_style(ProgressStyle::with_template("{msg} {bar:30} {bytes}/{total_bytes} {elapsed} (ready in {eta})")?);
    }
    bar.set_message(path.display().to_string());
    let mut buffered = BufReader::new(bar.wrap_read(source));
    let gzipped = buffered.fill_buf().context("reading")?.starts_with(&[0x1f, 0x8b]);
    let mut content: Box<dyn BufRead> = if gzipped {
        Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(buffered)))
    } else {
        Box::new(buffered)
    };
    match unreadable(content.fill_buf().context("reading")?, accepts_zip) {
        Some(reason) => bail!(reason),
        None => Ok((content, bar)),
    }
}

/// The format of a log, by its first lines, and the whole log.
fn with_format(mut log: Box<dyn BufRead>, given: Option<Format>) -> anyhow::Result<(Format, Box<dyn BufRead>)> {
    let mut head = Vec::new();
    let mut first = (&mut log).take(FIRST_BYTES);
    for _ in 0..FIRST_LINES {
        if first.read_until(b'\n', &mut head).context("reading")? == 0 {
            break;
        }
    }
    Ok((format_of(&head, given)?, Box::new(Cursor::new(head).chain(log))))
}

/// The result of reading a line.
pub(super) enum Next {
    /// A line, with its line break if it has one.
    Line,
    /// A line of more than [`LONGEST_LINE`] bytes. Contains the log up to the end of the line.
    TooLong(Box<Prefix>),
    /// The beginning of such a line, at the end of the log.
    CutOff,
    /// The end of the log.
    End,
}

/// Reads the next line of a log after `prefix`. A line that is too long is not stored in `line`, but it is part of the digest, so
/// that the lines around it stay known.
pub(super) fn next_line(log: &mut dyn BufRead, line: &mut Vec<u8>, prefix: &Prefix) -> io::Result<Next> {
    line.clear();
    let read = log.take(LONGEST_LINE as u64).read_until(b'\n', line)?;
    if read == 0 {
        return Ok(Next::End);
    }
    if read < LONGEST_LINE || line.ends_with(b"\n") {
        return Ok(Next::Line);
    }
    let mut with_line = Box::new(prefix.clone());
    loop {
        with_line.add(line);
        if line.ends_with(b"\n") {
            line.clear();
            return Ok(Next::TooLong(with_line));
        }
        line.clear();
        if log.take(LONGEST_LINE as u64).read_until(b'\n', line)? == 0 {
            return Ok(Next::CutOff);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Prefix {
        Prefix::new(&"example.com".parse().unwrap())
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_part_of_the_digest() {
        let text = [b"first\n".as_slice(), &vec![b'x'; 2 * LONGEST_LINE + 7], b"\nlast"].concat();
        let (mut log, mut line, mut prefix, mut found) = (text.as_slice(), Vec::new(), start(), Vec::new());
        loop {
            match next_line(&mut log, &mut line, &prefix).unwrap() {
                Next::Line => {
                    prefix.add(&line);
                    found.push(String::from_utf8(line.clone()).unwrap());
                }
                Next::TooLong(with_line) => {
                    prefix = *with_line;
                    found.push("too long".to_owned());
                }
                Next::CutOff => panic!("the last line is short"),
                Next::End => break,
            }
        }
        assert_eq!(found, ["first\n", "too long", "last"]);
        let mut whole = start();
        whole.add(&text);
        assert_eq!((prefix.bytes(), prefix.digest()), (text.len() as u64, whole.digest()));
    }

    #[test]
    fn a_long_line_without_line_break_is_cut_off() {
        let text = vec![b'x'; LONGEST_LINE + 1];
        let next = next_line(&mut text.as_slice(), &mut Vec::new(), &start()).unwrap();
        assert!(matches!(next, Next::CutOff));
    }

    #[test]
    fn detecting_the_format_consumes_nothing() {
        let text: &'static [u8] = b"{\"ts\":1}\n{\"ts\":2}\nx";
        let (_, mut log) = with_format(Box::new(text), Some(Format::Caddy)).unwrap();
        let mut all = Vec::new();
        log.read_to_end(&mut all).unwrap();
        assert_eq!(all, text);
    }
}
