//! Reads CSV files by the names of their columns.

use std::{
    borrow::Cow,
    io::{self, Read},
};

use anyhow::{Context, bail};
use csv::{ByteRecord, Reader, ReaderBuilder};

use crate::commands::import::source::LONGEST_LINE;

/// A CSV file whose first line names its columns.
pub(super) struct CsvTable<R> {
    reader: Reader<LimitedLines<R>>,
    names: Vec<String>,
    record: ByteRecord,
}

/// A row of a CSV file.
pub(super) struct CsvRow<'t> {
    record: &'t ByteRecord,
    /// The number of its first line, from 1.
    pub(super) line: u64,
}

/// The position of a column.
#[derive(Clone, Copy)]
pub(super) struct Column(usize);

impl<R: Read> CsvTable<R> {
    /// Reads the names of the columns; `clean` removes a prefix of the first name.
    pub(super) fn new(file: R, clean: fn(&str) -> &str) -> anyhow::Result<Self> {
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(LimitedLines {
            inner: file,
            since_end: 0,
            ends_with_cr: None,
            last: 0,
        });
        let header = reader.byte_headers().context("reading the names of the columns")?.clone();
        let mut names: Vec<String> =
            header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
        if header.get(0).is_some_and(|name| matches!(name.trim_ascii_start().first(), Some(b'{' | b'['))) {
            bail!("the file is JSON; export the data as CSV");
        }
        if let Some(first) = names.first_mut() {
            *first = clean(first.trim_start_matches('\u{feff}')).to_owned();
        }
        Ok(Self { reader, names, record: ByteRecord::new() })
    }

    /// The column with this name, if the file has one.
    pub(super) fn optional(&self, name: &str) -> Option<Column> {
        self.names.iter().position(|known| known.eq_ignore_ascii_case(name)).map(Column)
    }

    /// The column with this name, which the export must have.
    pub(super) fn column(&self, name: &str) -> anyhow::Result<Column> {
        match self.optional(name) {
            Some(column) => Ok(column),
            None => bail!(
                "the file has no column \"{name}\"; it is not an export of this counter, or its version is not supported"
            ),
        }
    }

    /// The next row.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<CsvRow<'_>>> {
        let found = self.reader.read_byte_record(&mut self.record).context("reading")?;
        let line = self.record.position().map_or(0, csv::Position::line);
        // With CRLF, the parser counts the LF as part of the next record.
        let line = line + u64::from(self.reader.get_ref().ends_with_cr == Some(true));
        Ok(found.then_some(CsvRow { record: &self.record, line }))
    }
}

impl<'t> CsvRow<'t> {
    /// A value; empty for a null or in a short row.
    pub(super) fn get(&self, column: impl Into<Option<Column>>) -> Cow<'t, str> {
        let value = column.into().and_then(|Column(place)| self.record.get(place)).unwrap_or_default();
        match String::from_utf8_lossy(value) {
            Cow::Borrowed("\\N" | "NULL") => Cow::Borrowed(""),
            value => value,
        }
    }
}

/// Fails at a line of more than [`LONGEST_LINE`] bytes, because the CSV parser would store all of it.
struct LimitedLines<R> {
    inner: R,
    since_end: usize,
    /// Whether the first line ends with CRLF; `None` before its end.
    ends_with_cr: Option<bool>,
    last: u8,
}

impl<R: Read> Read for LimitedLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if self.ends_with_cr.is_none()
            && let Some(end) = buffer[..read].iter().position(|byte| *byte == b'\n')
        {
            self.ends_with_cr = Some(end.checked_sub(1).map_or(self.last, |before| buffer[before]) == b'\r');
        }
        self.last = buffer[..read].last().copied().unwrap_or(self.last);
        match buffer[..read].iter().rposition(|byte| *byte == b'\n') {
            Some(end) => self.since_end = read - end,
            None => self.since_end += read,
        }
        if self.since_end > LONGEST_LINE {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is longer than 1 MiB"));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_the_names_of_their_columns_and_rows_know_their_lines() {
        let text: &[u8] = b"\xef\xbb\xbfa,B\r\n1,\"x\ny\"\r\n\\N,\xff\r\n3\r\n";
        let mut table = CsvTable::new(text, |name| name).unwrap();
        let (a, b) = (table.column("A").unwrap(), table.column("b").unwrap());
        assert!(table.optional("c").is_none());
        let error = table.column("c").err().unwrap().to_string();
        assert!(error.contains("no column \"c\""), "{error}");
        let mut rows = Vec::new();
        while let Some(row) = table.next().unwrap() {
            rows.push((row.line, row.get(a).into_owned(), row.get(b).into_owned(), row.get(None).into_owned()));
        }
        let row = |line, a: &str, b: &str| (line, a.to_owned(), b.to_owned(), String::new());
        assert_eq!(rows, [row(2, "1", "x\ny"), row(4, "", "\u{fffd}"), row(5, "3", "")]);
    }

    #[test]
    fn a_line_that_never_ends_is_refused() {
        let text = [b"a,b\n".as_slice(), &vec![b'x'; LONGEST_LINE + 100_000]].concat();
        let mut table = CsvTable::new(text.as_slice(), |name| name).unwrap();
        let error = format!("{:#}", table.next().err().unwrap());
        assert!(error.contains("longer than 1 MiB"), "{error}");
        let endless = vec![b'x'; LONGEST_LINE + 100_000];
        assert!(CsvTable::new(endless.as_slice(), |name| name).is_err());
    }
}
