//! The formats of logs, and the parser of each.

use super::{
    json_line,
    log_line::{self, LogLine},
    w3c::Columns,
};

/// The supported log formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// Apache's and nginx's combined
    Combined,
    /// NCSA common, without referrer and User-Agent
    Common,
    /// Caddy, JSON lines
    Caddy,
    /// W3C extended, with a #Fields line: IIS, Azure App Service, AWS CloudFront
    #[value(name = "w3c", alias = "cloudfront")]
    W3c,
    /// AWS CloudFront standard logging v2, JSON lines
    #[value(name = "cloudfront-json")]
    CloudFrontJson,
    /// Azure Front Door, JSON lines
    FrontDoor,
}

/// A parsed line of a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'l> {
    /// A request.
    Request(LogLine<'l>),
    /// A header or another entry that is not a request.
    Other,
    /// Not a line of this format.
    Malformed,
}

/// A required column is missing in the header of a log.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the #Fields line has no column {0}; configure the server to log it")]
pub(super) struct MissingColumn(pub(super) &'static str);

/// Parses the lines of one log in order.
pub(super) struct Parser {
    format: Format,
    /// The columns of the latest header.
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
            Format::W3c => {
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
    /// The format of a log with these first lines; `combined` for an unknown format, so that each line is reported.
    pub(super) fn recognise(first_lines: &[u8]) -> Self {
        let text = String::from_utf8_lossy(first_lines);
        let mut found = None;
        for line in text.lines() {
            let format = if ["#Version:", "#Software:", "#Fields:"].iter().any(|name| line.starts_with(name)) {
                Some(Self::W3c)
            } else if line.starts_with('{') {
                json_line::format_of(line)
            } else if log_line::parse(line, Self::Combined).is_some() {
                Some(Self::Combined)
            } else {
                // A truncated combined line also looks like this, so any other match has priority.
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
    fn a_format_is_detected_from_the_first_matching_line() {
        for (lines, format) in [
            (COMBINED.to_owned(), Format::Combined),
            (COMMON.to_owned(), Format::Common),
            (format!("garbage\n\n{COMMON}\n{COMBINED}\n"), Format::Combined),
            ("#Version: 1.0\n#Fields: date time\n".to_owned(), Format::W3c),
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
    fn a_w3c_log_needs_a_header_with_all_required_columns() {
        let mut parser = Parser::new(Format::W3c);
        assert_eq!(parser.read("2026-11-20\t10:00:00"), Ok(Line::Malformed));
        assert_eq!(parser.read("#Version: 1.0"), Ok(Line::Other));
        assert_eq!(parser.read("#Fields: date time cs-method cs-uri-stem sc-status"), Err(MissingColumn("c-ip")));
    }
}
