//! Notices for one address of the owner: the summary of a week, and an alert about a spike.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    Day, Dimension, Moment, SiteName,
    calendar::OutOfRange,
    statistics::{Counts, Report},
};

/// With fewer pageviews, an hour is no spike.
pub const SPIKE_LEAST: i64 = 100;

/// A spike has at least this many times the pageviews of the busiest hour that it is compared with.
pub const SPIKE_FACTOR: i64 = 3;

/// An hour is compared with the same hour of the same weekday in as many weeks before.
pub const SPIKE_WEEKS: i32 = 4;

/// How many sites a summary has at most: those with the most pageviews.
pub const SUMMARY_SITES: usize = 20;

/// The form of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeFormat {
    /// `{"text": …}`, for Slack, Mattermost, Rocket.Chat, Google Chat.
    Json,
    /// An adaptive card, for Teams.
    Teams,
    /// The text itself, for ntfy.
    Text,
}

impl NoticeFormat {
    pub const ALL: [Self; 3] = [Self::Json, Self::Teams, Self::Text];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Teams => "teams",
            Self::Text => "text",
        }
    }

    /// The content type, and the body with a text.
    pub fn body(self, text: &str) -> (&'static str, String) {
        const JSON: &str = "application/json";
        match self {
            Self::Json => (JSON, serde_json::json!({ "text": text }).to_string()),
            Self::Teams => (JSON, card(text)),
            Self::Text => ("text/plain; charset=utf-8", text.to_owned()),
        }
    }
}

/// The message of an incoming webhook of Teams: one card with one text.
fn card(text: &str) -> String {
    // A single line break is a space in the markup of a card.
    let block = serde_json::json!({ "type": "TextBlock", "wrap": true, "text": text.replace('\n', "\n\n") });
    let content = serde_json::json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [block],
    });
    let attachment =
        serde_json::json!({ "contentType": "application/vnd.microsoft.card.adaptive", "content": content });
    serde_json::json!({ "type": "message", "attachments": [attachment] }).to_string()
}

/// The kinds of notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// The summary of a week, of all sites. Its day is the Monday.
    Week,
    /// An alert about a site, at most once a day.
    Spike,
}

impl NoticeKind {
    /// The name in the database and in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Week => "week",
            Self::Spike => "spike",
        }
    }
}

/// The last hour that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastHour {
    pub day: Day,
    /// From the start of the day.
    pub hour: u8,
}

impl LastHour {
    /// The hour before the one of this moment.
    ///
    /// # Errors
    /// If the moment lies before 1970.
    pub fn before(now: Timestamp, zone: &TimeZone) -> Result<Self, OutOfRange> {
        let earlier = now.checked_sub(SignedDuration::from_hours(1)).map_err(|_| OutOfRange)?;
        let Moment { day, hour } = Moment::of(earlier, zone)?;
        Ok(Self { day, hour })
    }

    /// The days with which it is compared.
    pub fn days_before(self) -> impl Iterator<Item = Day> {
        (1..=SPIKE_WEEKS).map(move |weeks| self.day.plus(-7 * weeks))
    }
}

/// Whether an hour with so many pageviews is a spike, compared with the same hours before.
pub fn is_spike(pageviews: i64, before: &[i64]) -> bool {
    let busiest = before.iter().copied().max().unwrap_or_default();
    pageviews >= SPIKE_LEAST && pageviews >= busiest.saturating_mul(SPIKE_FACTOR)
}

/// The text of an alert. `today` has the referrers of the day.
pub fn spike_text(
    site: &SiteName,
    at: LastHour,
    pageviews: i64,
    before: &[i64],
    today: &Report,
    address: &str,
) -> String {
    let start = today.zone.to_datetime(at.day.start(&today.zone) + SignedDuration::from_hours(at.hour.into()));
    let zone = today.zone.iana_name().unwrap_or("UTC");
    let busiest = before.iter().copied().max().unwrap_or_default();
    let mut text = format!(
        "Spike on {site}: {pageviews} pageviews in the hour from {} ({zone}). \
         The same hour of the last {SPIKE_WEEKS} weeks had at most {busiest}.",
        start.strftime("%H:%M")
    );
    // Writing to a String can't fail.
    if let Some((value, number)) = first_row(today, Dimension::Referrer) {
        let _ = write!(text, " Most visitors of today came from {value} ({number}).");
    }
    let _ = write!(text, "\n{address}/?site={site}&period=today");
    text
}

/// The text of a week's summary, with the sites of these reports and the number of other sites. `None` without a report.
pub fn week_text(weeks: &[Report], others: usize, address: &str) -> Option<String> {
    let Report { first, last, .. } = weeks.first()?;
    let mut text = format!("Footfall, {first} to {last}");
    for week in weeks {
        let _ = write!(text, "\n{}: {}", week.site, numbers(week));
        for (dimension, words) in [(Dimension::Page, "Most visited"), (Dimension::Referrer, "Most from")] {
            if let Some((value, number)) = first_row(week, dimension) {
                let _ = write!(text, " {words}: {value} ({number}).");
            }
        }
    }
    if others > 0 {
        let _ = write!(text, "\n{others} more sites");
    }
    let _ = write!(text, "\n{address}/?period=last_week");
    Some(text)
}

/// The first row of a list, with its visitors, or its pageviews without them.
fn first_row(report: &Report, dimension: Dimension) -> Option<(&str, i64)> {
    let entry = report.lists.get(&dimension)?.first()?;
    Some((&entry.value, entry.visitors.unwrap_or(entry.pageviews)))
}

fn numbers(week: &Report) -> String {
    let Counts { visitors, pageviews, .. } = week.counts;
    let before = week.previous.as_ref().map(|previous| previous.counts);
    let change = |now: i64, before: Option<i64>| match before.filter(|before| *before > 0) {
        Some(before) => format!(" ({:+.0} %)", (now - before) as f64 * 100.0 / before as f64),
        None => String::new(),
    };
    let views = format!("{pageviews} pageviews{}.", change(pageviews, before.map(|before| before.pageviews)));
    match visitors {
        Some(visitors) => {
            let changed = change(visitors, before.and_then(|before| before.visitors));
            format!("{visitors} visitors{changed}, {views}")
        }
        None => views,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spike_is_large_and_three_times_the_busiest_hour_before() {
        assert!(is_spike(100, &[]) && is_spike(100, &[33, 0]));
        assert!(!is_spike(99, &[]) && !is_spike(100, &[34]) && !is_spike(3_000, &[10, 1_001]));
        assert!(is_spike(3_003, &[10, 1_001]));
    }

    #[test]
    fn the_last_hour_is_over_and_is_compared_with_the_same_weekday() {
        let before = |now: &str, zone: &str| {
            let zone = TimeZone::get(zone).unwrap();
            let LastHour { day, hour } = LastHour::before(now.parse().unwrap(), &zone).unwrap();
            format!("{day} {hour}")
        };
        assert_eq!(before("2026-11-25T14:00:00Z", "UTC"), "2026-11-25 13");
        assert_eq!(before("2026-11-25T14:59:59Z", "UTC"), "2026-11-25 13");
        assert_eq!(before("2026-11-25T00:10:00Z", "UTC"), "2026-11-24 23");
        assert_eq!(before("2026-11-24T23:10:00Z", "Europe/Berlin"), "2026-11-24 23");
        let at = LastHour { day: Day::of_date("2026-11-25".parse().unwrap()).unwrap(), hour: 13 };
        let days: Vec<String> = at.days_before().map(|day| day.to_string()).collect();
        assert_eq!(days, ["2026-11-18", "2026-11-11", "2026-11-04", "2026-10-28"]);
    }

    #[test]
    fn each_form_holds_the_text_and_escapes_it() {
        let text = "a \"b\"\nc";
        assert_eq!(NoticeFormat::Json.body(text), ("application/json", r#"{"text":"a \"b\"\nc"}"#.to_owned()));
        assert_eq!(NoticeFormat::Text.body(text), ("text/plain; charset=utf-8", text.to_owned()));
        let (content_type, body) = NoticeFormat::Teams.body(text);
        let message: serde_json::Value = serde_json::from_str(&body).unwrap();
        let attachment = &message["attachments"][0];
        assert_eq!((content_type, &message["type"]), ("application/json", &"message".into()));
        assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
        assert_eq!(attachment["content"]["body"][0]["text"], "a \"b\"\n\nc");
    }
}
