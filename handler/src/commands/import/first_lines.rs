//! Decides by its first lines whether a file is a log, before anything of it counts.

use anyhow::bail;
use clap::ValueEnum;

use super::{
    content::described,
    format::{Format, Parser},
    line::{MissingColumn, ParsedLine},
};

/// The lines at the beginning of a log, as a parser reads them.
#[derive(Default)]
struct FirstLines<'l> {
    readable: usize,
    malformed: usize,
    /// The first malformed line and its number.
    example: Option<(usize, &'l str)>,
}

impl<'l> FirstLines<'l> {
    fn read(text: &'l str, format: Format) -> Result<Self, MissingColumn> {
        let mut lines = Self::default();
        let mut parser = Parser::new(format);
        for (index, line) in text.split_inclusive('\n').enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            if parser.read(line)? != ParsedLine::Malformed {
                lines.readable += 1;
                continue;
            }
            // The server may not have written the whole last line yet.
            lines.malformed += usize::from(line.ends_with('\n'));
            lines.example.get_or_insert((index + 1, line));
        }
        Ok(lines)
    }

    const fn are_a_log(&self) -> bool {
        self.malformed <= self.readable && (self.readable > 0 || self.example.is_none())
    }
}

/// The format of a log that begins with `text`: the given one, or the format that its lines have.
///
/// # Errors
/// If most of the lines do not have the format. The error describes the first of them, without its values.
pub(super) fn format_of(text: &[u8], given: Option<Format>) -> anyhow::Result<Format> {
    let text = String::from_utf8_lossy(text);
    let recognised = Format::recognise(&text);
    let format = given.unwrap_or(recognised);
    let lines = FirstLines::read(&text, format)?;
    if let Some((number, line)) = lines.example.filter(|_| !lines.are_a_log()) {
        let (malformed, all) = (lines.malformed.max(1), (lines.malformed + lines.readable).max(1));
        let found = format!("{malformed} of the first {all} lines are not of the format {}", name(format));
        if recognised != format && FirstLines::read(&text, recognised).is_ok_and(|lines| lines.are_a_log()) {
            bail!("{found}; leave out --format, or set it to {}", name(recognised));
        }
        bail!("{found}: line {number} is {}", described(line));
    }
    Ok(format)
}

fn name(format: Format) -> String {
    format.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMBINED: &str = "203.0.113.9 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"x\"\n";
    const COMMON: &str = "203.0.113.9 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1\n";

    fn error(text: &str, given: Option<Format>) -> String {
        format_of(text.as_bytes(), given).unwrap_err().to_string()
    }

    #[test]
    fn a_log_may_have_some_malformed_lines_at_its_beginning() {
        for text in [
            String::new(),
            "\n\n".to_owned(),
            format!("{COMBINED}garbage\n"),
            format!("garbage\n{COMBINED}"),
            format!("{COMBINED}{}", &COMBINED[..40]),
        ] {
            assert_eq!(format_of(text.as_bytes(), None).unwrap(), Format::Combined, "{text}");
        }
        assert!(format_of(b"#Fields: x\n", Some(Format::Combined)).is_err());
    }

    #[test]
    fn most_lines_of_another_format_are_an_error_that_shows_the_form_of_the_first() {
        let text = format!("{COMBINED}Nov 20 10:05:03 sshd\nNov 20 10:05:04 sshd\n");
        let form = "2 of the first 3 lines are not of the format combined: line 2 is like \"aaa 00 00:00:00 aaaa\"";
        assert!(error(&text, None).starts_with(form), "{}", error(&text, None));
        assert!(error("{\"a\":1}", None).contains("line 1 is JSON"));
        assert!(error(&COMBINED[..40], None).contains("1 of the first 1 lines"));
    }

    #[test]
    fn a_wrong_given_format_leads_to_the_right_one() {
        assert!(error(COMMON, Some(Format::Combined)).ends_with("or set it to common"));
        assert!(error(COMBINED, Some(Format::W3c)).ends_with("or set it to combined"));
    }
}
