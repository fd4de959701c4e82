//! `/api/statistics`: the numbers as JSON, or as CSV where that is asked for. Reading them counts nothing.

mod csv;

use jiff::{Timestamp, tz::TimeZone};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::json;
use warp::http::{HeaderValue, StatusCode, header};

use crate::http::{
    App, Reply, allow_reading, conclude, encoded, error::Error, json_body, readable_anywhere, reply, request::Request,
};
use crate::{
    domain::statistics::{Counts, Entry, ImportedPoint, ImportedSum, Point, Previous, Referrals, Report, Week},
    domain::{
        Dimension, Exclusion,
        visit::robot::{self, RobotPurpose},
    },
};

/// `/api/statistics`: in the format that `Accept` prefers.
pub(in crate::http) async fn answer(request: Request) -> Reply {
    let accepts_csv = request.header(header::ACCEPT.as_str()).is_some_and(|accept| {
        let position = |name: &str| accept.find(name).unwrap_or(usize::MAX);
        position("text/csv") < position("application/json").min(position("*/*"))
    });
    let outcome = read(&request, request.app(), accepts_csv).await;
    conclude(&request, outcome)
}

/// `/api/statistics.csv`.
pub(in crate::http) async fn answer_csv(request: Request) -> Reply {
    let outcome = read(&request, request.app(), true).await;
    conclude(&request, outcome)
}

async fn read(request: &Request, app: &App, as_csv: bool) -> Result<Reply, Error> {
    allow_reading(request)?;
    let query = request.statistics_query(app)?;
    let reading = app.reader.read_recent_or_stale(query, request.answer_by).await?;
    let bodies = app.response_cache.report(&reading);
    let encoding = request.encoding();
    let unwritable = |_| Error::Internal("an answer could not be written");
    let mut answer = if as_csv {
        let body = bodies.csv.get(encoding, || csv::write(&reading.report)).map_err(unwritable)?;
        let mut answer = encoded(reply(StatusCode::OK, "text/csv; charset=utf-8; header=present", body), encoding);
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        answer
    } else {
        let write = || Ok(serde_json::to_string(&Answer(&reading.report))?);
        json_body(bodies.json.get(encoding, write).map_err(unwritable)?, encoding)
    };
    answer.headers_mut().insert(header::VARY, HeaderValue::from_static("accept, accept-encoding"));
    Ok(readable_anywhere(answer))
}

/// A report as programs read it.
struct Answer<'r>(&'r Report);

impl Serialize for Answer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Report { zone, today, this_week, this_month, all_time_visitors, all_time_pageviews, counts, .. } = self.0;
        let all_time = all_time_visitors
            .map(|estimate| json!({ "estimate": estimate.visitors, "standard_error": estimate.standard_error }));
        let mut answer = serializer.serialize_map(None)?;
        answer.serialize_entry("site", &self.0.site)?;
        answer.serialize_entry("time_zone", zone.iana_name().unwrap_or("UTC"))?;
        answer.serialize_entry("as_of", &utc(self.0.as_of))?;
        answer.serialize_entry("stale", &self.0.stale)?;
        answer.serialize_entry(
            "visitors",
            &json!({
                "today": today.visitors,
                "this_week": this_week.visitors,
                "this_month": this_month.visitors,
                "all_time": all_time,
            }),
        )?;
        answer.serialize_entry(
            "pageviews",
            &json!({
                "today": today.pageviews,
                "this_week": this_week.pageviews,
                "this_month": this_month.pageviews,
                "all_time": all_time_pageviews,
            }),
        )?;
        let Counts { visitors, new_visitors, daily_visitors, pageviews } = counts;
        let previous = self.0.previous.as_ref().map(|Previous { first, last, counts, .. }| {
            json!({
                "from": first,
                "to": last,
                "visitors": counts.visitors,
                "new_visitors": counts.new_visitors,
                "returning_visitors": counts.returning_visitors(),
                "daily_visitors": counts.daily_visitors,
                "pageviews": counts.pageviews,
            })
        });
        answer.serialize_entry(
            "range",
            &json!({
                "period": self.0.range.word(),
                "from": self.0.first,
                "to": self.0.last,
                "exact": visitors.is_some(),
                "visitors": visitors,
                "new_visitors": new_visitors,
                "returning_visitors": counts.returning_visitors(),
                "daily_visitors": daily_visitors,
                "pageviews": pageviews,
                "previous": previous,
            }),
        )?;
        answer.serialize_entry("by", self.0.step.name())?;
        answer.serialize_entry("series", &points(&self.0.series, zone))?;
        answer.serialize_entry("last_24_hours", &points(&self.0.last_24_hours, zone))?;
        answer.serialize_entry("returning", &weeks(&self.0.returning))?;
        for dimension in Dimension::lists() {
            let entries = self.0.lists.get(&dimension).map(Vec::as_slice).unwrap_or_default();
            let entries: Vec<_> = entries.iter().map(|entry| EntryAnswer { dimension, entry }).collect();
            answer.serialize_entry(dimension.name(), &entries)?;
        }
        answer.serialize_entry("referrals", &self.0.referrals.as_ref().map(ReferralsAnswer))?;
        answer.serialize_entry("excluded", &ExcludedAnswer(self.0))?;
        let imported = self.0.imported.iter().map(|ImportedSum { source, pageviews, daily_visitors, series }| {
            let point = |point: &ImportedPoint| {
                json!({
                    "start": local(point.start, zone),
                    "daily_visitors": point.daily_visitors,
                    "pageviews": point.pageviews,
                })
            };
            let series: Vec<_> = series.iter().map(point).collect();
            json!({ "source": source, "pageviews": pageviews, "daily_visitors": daily_visitors, "series": series })
        });
        answer.serialize_entry("imported", &imported.collect::<Vec<_>>())?;
        answer.end()
    }
}

struct EntryAnswer<'r> {
    dimension: Dimension,
    entry: &'r Entry,
}

impl Serialize for EntryAnswer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Entry { value, visitors, pageviews } = self.entry;
        let mut entry = serializer.serialize_map(None)?;
        entry.serialize_entry("value", value)?;
        entry.serialize_entry("visitors", visitors)?;
        entry.serialize_entry("pageviews", pageviews)?;
        if self.dimension == Dimension::Robot {
            let robot = robot::named(value);
            entry.serialize_entry("operator", &robot.and_then(|robot| robot.operator))?;
            entry.serialize_entry("purpose", robot.map_or(RobotPurpose::Other, |robot| robot.purpose).name())?;
        }
        entry.end()
    }
}

struct ReferralsAnswer<'r>(&'r Referrals);

impl Serialize for ReferralsAnswer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Referrals { of, entries, other } = self.0;
        let entry = |Entry { value, pageviews, .. }: &Entry| json!({ "value": value, "pageviews": pageviews });
        let mut answer = serializer.serialize_map(Some(3))?;
        answer.serialize_entry(of.parameter(), of.value())?;
        answer.serialize_entry(of.answers().name(), &entries.iter().map(entry).collect::<Vec<_>>())?;
        answer.serialize_entry("other", other)?;
        answer.end()
    }
}

fn weeks(weeks: &[Week]) -> Vec<serde_json::Value> {
    let week = |week: &Week| {
        json!({
            "from": week.first,
            "to": week.last,
            "visitors": week.visitors,
            "new_visitors": week.new_visitors,
            "returning_visitors": week.returning_visitors(),
            "from_week_before": week.from_week_before,
        })
    };
    weeks.iter().map(week).collect()
}

struct ExcludedAnswer<'r>(&'r Report);

impl Serialize for ExcludedAnswer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let count = |exclusion| self.0.excluded.get(exclusion).copied().unwrap_or_default();
        serializer.collect_map(Exclusion::ALL.iter().map(|exclusion| (exclusion.name(), count(exclusion))))
    }
}

#[derive(Serialize)]
struct PointAnswer {
    start: String,
    visitors: Option<i64>,
    pageviews: i64,
}

fn points(points: &[Point], zone: &TimeZone) -> Vec<PointAnswer> {
    let answer = |point: &Point| PointAnswer {
        start: local(point.start, zone),
        visitors: point.visitors,
        pageviews: point.pageviews,
    };
    points.iter().map(answer).collect()
}

/// RFC 3339 in UTC, to the second.
pub(in crate::http) fn utc(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// RFC 3339 by the local clock; `Z` for UTC.
fn local(instant: Timestamp, zone: &TimeZone) -> String {
    if zone.iana_name() == Some("UTC") || *zone == TimeZone::UTC {
        return utc(instant);
    }
    instant.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}
