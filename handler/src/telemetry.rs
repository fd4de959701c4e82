//! Logging to standard output, because the Functions host treats standard error as failures. Lines are JSON, because
//! the host assigns no level to plain text. On a terminal, lines are plain text. A line never contains an address, a
//! User-Agent, a fingerprint or a token.

mod text;

use std::{
    io::IsTerminal,
    str::FromStr,
    time::{Duration, Instant},
};

use anyhow::Context;
use jiff::tz::TimeZone;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt::layer,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use self::text::Text;

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Plain text, for people.
    Text,
    /// One JSON object per line, for machines.
    Json,
}

/// Starts logging. The default format is text on a terminal, and JSON otherwise. Plain text shows times in `zone`.
///
/// # Errors
/// If `directives` can't be read.
pub fn start(directives: &str, format: Option<LogFormat>, zone: TimeZone) -> anyhow::Result<()> {
    let filter = filter(directives).context("FOOTFALL_LOG can't be read")?;
    let lines = tracing_subscriber::registry().with(filter);
    let on_terminal = std::io::stdout().is_terminal();
    match format.unwrap_or(if on_terminal { LogFormat::Text } else { LogFormat::Json }) {
        LogFormat::Text => lines.with(layer().with_ansi(on_terminal).event_format(Text { zone })).init(),
        LogFormat::Json => {
            let json = layer().json().flatten_event(true).with_current_span(false).with_span_list(false);
            lines.with(json).init();
        }
    }
    // Log only the place of a panic, because its message may quote a request.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(event = "panicked", place, "panic");
    }));
    Ok(())
}

/// Parses directives. Returns `None` if they are not valid. A single word must be a level, because the name of an
/// unknown target would silence all lines.
pub(crate) fn filter(directives: &str) -> Option<Targets> {
    let is_valid = |directive: &str| directive.contains('=') || LevelFilter::from_str(directive.trim()).is_ok();
    if !directives.split(',').all(is_valid) {
        return None;
    }
    // warp and hyper log client disconnects as errors. The embedded database logs its installation.
    format!("warp=off,hyper=off,sqlx=warn,pglite_oxide=warn,{directives}").parse().ok()
}

/// Whole milliseconds since `began`.
pub(crate) fn milliseconds_since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// The nearest-rank percentile of sorted durations, in milliseconds; 0 without durations.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    let duration = sorted.get(index).copied().unwrap_or_default();
    (duration.as_secs_f64() * 100_000.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_use_the_nearest_rank() {
        let sorted: Vec<_> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(percentile(&sorted, 50), 50.0);
        assert_eq!(percentile(&sorted, 95), 95.0);
        assert_eq!(percentile(&sorted, 100), 100.0);
        assert_eq!(percentile(&[], 50), 0.0);
    }
}
