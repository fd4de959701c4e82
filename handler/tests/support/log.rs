//! Access logs as web servers write them.

use crate::client::FIREFOX;

/// A line of the combined format: a GET of a page that was shown.
pub(crate) fn combined(address: &str, time: &str, target: &str, user_agent: &str) -> String {
    format!("{address} - - [{time}] \"GET {target} HTTP/1.1\" 200 1234 \"-\" \"{user_agent}\"\n")
}

/// A line of the common format.
pub(crate) fn common(address: &str, time: &str, target: &str) -> String {
    format!("{address} - - [{time}] \"GET {target} HTTP/1.1\" 200 1234\n")
}

/// `lines` lines of one day in May 2015 by `visitors` visitors in turn.
pub(crate) fn long(lines: usize, visitors: usize) -> String {
    let mut log = String::new();
    for line in 0..lines {
        let visitor = line % visitors;
        let (hour, minute, second) = (line / 3600 % 24, line / 60 % 60, line % 60);
        let address = format!("10.0.{}.{}", visitor / 250, visitor % 250);
        let time = format!("17/May/2015:{hour:02}:{minute:02}:{second:02} +0000");
        log.push_str(&combined(&address, &time, &format!("/page-{}", line % 7), FIREFOX));
    }
    log
}
