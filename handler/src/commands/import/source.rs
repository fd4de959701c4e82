//! Where lines come from: files and standard input, plain or gzipped, with a limit on what one line may hold.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Cursor, IsTerminal, Read},
    path::Path,
};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use super::format::Format;

/// The longest line that is looked at, in bytes. Web servers limit a request's header to far less.
pub(super) const LONGEST_LINE: usize = 1 << 20;

/// How many lines, and how many bytes at most, tell a log's format.
const FIRST_LINES: usize = 50;
const FIRST_BYTES: u64 = 1 << 18;

/// Opens a file, plain or gzipped, and shows how far it has been read if somebody is watching.
pub(super) fn open(path: &Path) -> anyhow::Result<(Box<dyn BufRead>, ProgressBar)> {
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
    let log: Box<dyn BufRead> = if gzipped {
        Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(buffered)))
    } else {
        Box::new(buffered)
    };
    Ok((log, bar))
}

/// Finds out a log's format from its first lines, and gives the whole log back.
pub(super) fn recognise(mut log: Box<dyn BufRead>) -> io::Result<(Format, Box<dyn BufRead>)> {
    let mut head = Vec::new();
    let mut first = (&mut log).take(FIRST_BYTES);
    for _ in 0..FIRST_LINES {
        if first.read_until(b'\n', &mut head)? == 0 {
            break;
        }
    }
    let format = Format::recognise(&head);
    Ok((format, Box::new(Cursor::new(head).chain(log))))
}

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A line, with its end if it has one.
    Line,
    /// A line that is longer than any may be; its bytes have gone to the digest, and so many there were.
    TooLong(u64),
    /// Part of such a line, and nothing after it.
    CutOff,
    /// The end.
    End,
}

/// Reads the next line. One that is too long is not kept, but `digest` sees it: what was read before and after it stays known.
pub(super) fn next_line(log: &mut dyn BufRead, line: &mut Vec<u8>, digest: &mut blake3::Hasher) -> io::Result<Next> {
    line.clear();
    let read = log.take(LONGEST_LINE as u64).read_until(b'\n', line)?;
    if read == 0 {
        return Ok(Next::End);
    }
    if read < LONGEST_LINE || line.ends_with(b"\n") {
        return Ok(Next::Line);
    }
    let mut whole = digest.clone();
    let mut bytes = 0;
    loop {
        whole.update(line);
        bytes += line.len() as u64;
        if line.ends_with(b"\n") {
            *digest = whole;
            line.clear();
            return Ok(Next::TooLong(bytes));
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

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_digest_is_that_of_all_bytes() {
        let text = [b"first\n".as_slice(), &vec![b'x'; 2 * LONGEST_LINE + 7], b"\nlast"].concat();
        let mut log = text.as_slice();
        let (mut line, mut digest) = (Vec::new(), blake3::Hasher::new());
        let mut found = Vec::new();
        loop {
            let next = next_line(&mut log, &mut line, &mut digest).unwrap();
            if next == Next::End {
                break;
            }
            digest.update(&line);
            found.push((next, line.clone()));
        }
        let long = 2 * LONGEST_LINE as u64 + 8;
        assert_eq!(
            found,
            [(Next::Line, b"first\n".to_vec()), (Next::TooLong(long), vec![]), (Next::Line, b"last".to_vec())]
        );
        assert_eq!(digest.finalize(), blake3::hash(&text));
    }

    #[test]
    fn a_long_line_without_an_end_is_cut_off_and_leaves_no_trace() {
        let text = vec![b'x'; LONGEST_LINE + 1];
        let (mut line, mut digest) = (Vec::new(), blake3::Hasher::new());
        assert_eq!(next_line(&mut text.as_slice(), &mut line, &mut digest).unwrap(), Next::CutOff);
        assert_eq!(digest.finalize(), blake3::hash(b""));
    }

    #[test]
    fn recognising_a_format_takes_nothing_away() {
        let text: &'static [u8] = b"#Version: 1.0\n#Fields: date\nx\ny";
        let (format, mut log) = recognise(Box::new(text)).unwrap();
        let mut all = Vec::new();
        log.read_to_end(&mut all).unwrap();
        assert_eq!((format, all.as_slice()), (Format::W3c, text));
    }
}
