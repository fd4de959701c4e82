//! The badge: a label and a number, as text and as a picture.

use warp::http::StatusCode;

use super::reply::{Reply, reply};
use crate::{domain::statistics::Counts, page::badge};

/// The number as a picture.
pub(super) fn badge_image(counts: &Counts) -> Reply {
    let (label, message) = badge_text(counts);
    reply(StatusCode::OK, "image/svg+xml; charset=utf-8", badge::svg(label, &message))
}

/// The label and the number. Shows views if the range has no exact number of visitors.
pub(super) fn badge_text(counts: &Counts) -> (&'static str, String) {
    let (label, count) = counts.visitors.map_or(("views", counts.pageviews), |visitors| ("visitors", visitors));
    (label, badge::count(count))
}
