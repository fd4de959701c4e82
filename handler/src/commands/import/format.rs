//! The formats of logs, and the parser of each.

use serde_json::Value;

use super::{
    combined::{parse_combined, parse_common},
    json_line,
    line::{MissingColumn, ParsedLine},
    w3c::{self, W3cFields},
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

/// Parses the lines of one log in order.
pub(super) struct Parser {
    format: Format,
    /// The columns of the latest header.
    columns: Option<W3cFields<usize>>,
}

impl Parser {
    pub(super) const fn new(format: Format) -> Self {
        Self { format, columns: None }
    }

    /// Reads the next line.
    pub(super) fn read(&mut self, line: &str) -> Result<ParsedLine, MissingColumn> {
        Ok(match self.format {
            Format::Combined => parse_combined(line),
            Format::Common => parse_common(line),
            Format::Caddy => json_line::caddy(line),
            Format::CloudFrontJson => json_line::cloudfront(line),
            Format::FrontDoor => json_line::front_door(line),
            Format::W3c => match line.strip_prefix('#') {
                Some(header) => {
                    if let Some(names) = header.strip_prefix("Fields:") {
                        self.columns = Some(w3c::columns(names)?);
                    }
                    ParsedLine::Other
                }
                None => self.columns.as_ref().and_then(|columns| columns.read(line)).into(),
            },
        })
    }
}

impl Format {
    /// The format of a log with these first lines; `combined` for an unknown format.
    pub(super) fn recognise(text: &str) -> Self {
        let mut found = None;
        for line in text.lines() {
            let format = if ["#Version:", "#Software:", "#Fields:"].iter().any(|name| line.starts_with(name)) {
                Some(Self::W3c)
            } else if line.starts_with('{') {
                Self::of_json(line)
            } else if parse_combined(line) != ParsedLine::Malformed {
                Some(Self::Combined)
            } else {
                // A truncated combined line also looks like this, so any other match has priority.
                found = found.or_else(|| (parse_common(line) != ParsedLine::Malformed).then_some(Self::Common));
                None
            };
            if let Some(format) = format {
                return format;
            }
        }
        found.unwrap_or(Self::Combined)
    }

    /// The format of a line that is a JSON object.
    fn of_json(line: &str) -> Option<Self> {
        let object: Value = serde_json::from_str(line).ok()?;
        if object.get("category").and_then(Value::as_str).is_some_and(|category| category.starts_with("FrontDoor")) {
            Some(Self::FrontDoor)
        } else if object.get("cs-uri-stem").is_some() {
            Some(Self::CloudFrontJson)
        } else {
            object.pointer("/request/uri").map(|_| Self::Caddy)
        }
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
            assert_eq!(Format::recognise(&lines), format, "{lines}");
        }
    }

    #[test]
    fn a_w3c_log_needs_a_header_with_all_required_columns() {
        let mut parser = Parser::new(Format::W3c);
        assert_eq!(parser.read("2026-11-20\t10:00:00"), Ok(ParsedLine::Malformed));
        assert_eq!(parser.read("#Version: 1.0"), Ok(ParsedLine::Other));
        assert_eq!(parser.read("#Fields: date time cs-method cs-uri-stem sc-status"), Err(MissingColumn("c-ip")));
    }
}
