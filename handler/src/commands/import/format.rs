//! Which format a log has, and how its lines are read one after the other.

use super::{
    cloudfront::Columns,
    json_line,
    log_line::{self, LogLine},
};

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// Apache's and nginx's `combined`.
    Combined,
    /// NCSA `common`: without referrer and User-Agent.
    Common,
    /// Caddy's access log as JSON lines.
    Caddy,
    /// AWS `CloudFront`'s standard log: tab-separated, with a line of `#Fields:`.
    #[value(name = "cloudfront")]
    CloudFront,
    /// The same fields as JSON lines, as standard logging (v2) can write them.
    #[value(name = "cloudfront-json")]
    CloudFrontJson,
    /// Azure Front Door's access log as JSON lines.
    FrontDoor,
}

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'l> {
    /// A request.
    Request(LogLine<'l>),
    /// Something that belongs into such a log, and is no request: a header, or another kind of entry.
    Other,
    /// Not a line of this format.
    Malformed,
}

/// A log's header does not name a column that cannot be done without.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the line of #Fields has no column {0}: have the log written with it")]
pub(super) struct MissingColumn(pub(super) &'static str);

/// Reads the lines of one log, in their order.
pub(super) struct Parser {
    format: Format,
    /// What the latest header says.
    columns: Option<Columns>,
}

impl Parser {
    pub(super) const fn new(format: Format) -> Self {
        Self { format, columns: None }
    }

    /// Reads the next line.
    pub(super) fn read<'l>(&mut self, line: &'l str) -> Result<Line<'l>, MissingColumn> {
        Ok(match self.format {
            Format::Combined | Format::Common => {
                log_line::parse(line, self.format).map_or(Line::Malformed, Line::Request)
            }
            Format::Caddy => json_line::caddy(line),
            Format::CloudFrontJson => json_line::cloudfront(line),
            Format::FrontDoor => json_line::front_door(line),
            Format::CloudFront => {
                if let Some(header) = line.strip_prefix('#') {
                    if let Some(fields) = header.strip_prefix("Fields:") {
                        self.columns = Some(Columns::named_by(fields)?);
                    }
                    Line::Other
                } else {
                    self.columns.as_ref().map_or(Line::Malformed, |columns| columns.read(line))
                }
            }
        })
    }
}

impl Format {
    /// The format of a log that begins with these lines; `combined` if they are of none, so that they are refused one by one.
    pub(super) fn recognise(first_lines: &[u8]) -> Self {
        let text = String::from_utf8_lossy(first_lines);
        let mut found = None;
        for line in text.lines() {
            let format = if line.starts_with("#Version:") || line.starts_with("#Fields:") {
                Some(Self::CloudFront)
            } else if line.starts_with('{') {
                json_line::format_of(line)
            } else if log_line::parse(line, Self::Combined).is_some() {
                Some(Self::Combined)
            } else {
                // A combined line that was cut off looks like this, too: whatever else is found is believed before it.
                found = found.or_else(|| log_line::parse(line, Self::Common).map(|_| Self::Common));
                None
            };
            if let Some(format) = format {
                return format;
            }
        }
        found.unwrap_or(Self::Combined)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMBINED: &str = r#"203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1 "-" "x""#;
    const COMMON: &str = r#"203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1"#;

    #[test]
    fn a_format_is_recognised_from_the_first_lines_that_have_one() {
        for (lines, format) in [
            (COMBINED.to_owned(), Format::Combined),
            (COMMON.to_owned(), Format::Common),
            (format!("garbage\n\n{COMMON}\n{COMBINED}\n"), Format::Combined),
            ("#Version: 1.0\n#Fields: date time\n".to_owned(), Format::CloudFront),
            (
                r#"{"level":"info","msg":"started"}
{"ts":1,"request":{"uri":"/"},"status":200}"#
                    .to_owned(),
                Format::Caddy,
            ),
            (r#"{"time":"x","category":"FrontDoorAccessLog","properties":{}}"#.to_owned(), Format::FrontDoor),
            (r#"{"date":"2026-01-01","cs-uri-stem":"/"}"#.to_owned(), Format::CloudFrontJson),
            ("{\"a\":1}\n[]\n\u{0}".to_owned(), Format::Combined),
            (String::new(), Format::Combined),
        ] {
            assert_eq!(Format::recognise(lines.as_bytes()), format, "{lines}");
        }
        assert_eq!(Format::recognise(b"\xff\xfe\x00{"), Format::Combined);
    }

    #[test]
    fn a_cloudfront_log_without_a_header_is_malformed_and_one_without_a_column_says_which() {
        let mut parser = Parser::new(Format::CloudFront);
        assert_eq!(parser.read("2026-11-20\t10:00:00"), Ok(Line::Malformed));
        assert_eq!(parser.read("#Version: 1.0"), Ok(Line::Other));
        assert_eq!(parser.read("#Fields: date time cs-method cs-uri-stem sc-status"), Err(MissingColumn("c-ip")));
    }
}
