//! Plain log lines for a terminal: the time, the level unless it is INFO, and the message. Warnings and errors also
//! show their fields. This module does not depend on particular events.

use std::fmt::{self, Write as _};

use jiff::{Timestamp, tz::TimeZone};
use tracing::{Event, Level, Subscriber, field::Field};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// The plain-text format.
pub(super) struct Text {
    /// The time zone of the times: the counting zone.
    pub(super) zone: TimeZone,
}

const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut line: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let level = *event.metadata().level();
        let mut text = EventText::default();
        event.record(&mut text);
        let time = self.zone.to_datetime(Timestamp::now()).strftime("%H:%M:%S").to_string();
        let (dim, plain) = if line.has_ansi_escapes() { (DIM, PLAIN) } else { ("", "") };
        write!(line, "{dim}{time}{plain} ")?;
        if level != Level::INFO {
            let colour = match level {
                _ if !line.has_ansi_escapes() => "",
                Level::ERROR => "\x1b[31m",
                Level::WARN => "\x1b[33m",
                _ => DIM,
            };
            write!(line, "{colour}{level}{plain} ")?;
        }
        line.write_str(&text.message)?;
        if level != Level::INFO && !text.fields.is_empty() {
            write!(line, "{dim}{}{plain}", text.fields)?;
        }
        writeln!(line)
    }
}

/// The message of an event, and its fields as text.
#[derive(Default)]
struct EventText {
    message: String,
    fields: String,
}

impl tracing::field::Visit for EventText {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Replace control characters, so that an event stays on one line. Writing to a string does not fail.
        let value = format!("{value:?}").replace(char::is_control, " ");
        match field.name() {
            "message" => self.message = value,
            "event" => {}
            name => drop(write!(self.fields, " {name}={value}")),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct LogBuffer(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for LogBuffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(with_colours: bool, log: impl FnOnce()) -> String {
        let lines = LogBuffer::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(with_colours)
            .event_format(Text { zone: TimeZone::UTC })
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, log);
        let written = lines.0.lock().unwrap().clone();
        String::from_utf8(written).unwrap()
    }

    #[test]
    fn an_info_line_has_a_time_and_a_message_without_fields() {
        let line = logged(false, || tracing::info!(event = "recorder", visits = 3, "recorded {} visits", 3));
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.len() == 8 && time.split(':').count() == 3, "{line}");
        assert_eq!(rest, "recorded 3 visits\n");
    }

    #[test]
    fn a_warning_shows_its_fields_on_one_line() {
        let line = logged(false, || {
            tracing::warn!(
                event = "request_failed",
                status = 503,
                problem = "two\nlines",
                none = None::<u64>,
                "it\nfailed"
            );
        });
        assert_eq!(line.split_once(' ').unwrap().1, "WARN it failed status=503 problem=two lines\n");
    }

    #[test]
    fn only_terminals_get_colours() {
        let log = || tracing::error!(event = "x", "failed");
        assert!(logged(true, log).contains("\x1b[31mERROR\x1b[0m failed"));
        assert!(!logged(false, log).contains('\x1b'));
    }
}
