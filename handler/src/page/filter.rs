//! The value that the numbers are about, if it is not the whole site.

use std::borrow::Cow;

use serde::Serialize;

use super::{list, wording::in_sentence};
use crate::{
    domain::Uniqueness,
    domain::statistics::{Condition, Filter, Report},
};

/// A condition in the heading, with a link that removes it.
#[derive(Serialize)]
pub(super) struct Chip<'a> {
    /// The kind of value.
    label: &'static str,
    pub(super) value: Cow<'a, str>,
    /// The whole value, which browsers show on hover.
    whole: Option<&'a str>,
    /// The type of `Intl.DisplayNames` with which the script translates the value.
    names: Option<&'static str>,
    /// The group of the value's list, which the link opens.
    group: &'static str,
    /// The sentence on the lists that are counted for the value.
    lists: String,
}

/// A parameter that links to other ranges keep: the condition, or else the open list or group of lists.
#[derive(Serialize)]
pub(super) struct Kept<'a> {
    pub(super) name: &'static str,
    pub(super) value: &'a str,
    pub(super) query: String,
}

/// The conditions of a report.
pub(super) fn chips(report: &Report) -> Vec<Chip<'_>> {
    report.filter.condition().into_iter().map(Chip::of).collect()
}

impl<'a> Chip<'a> {
    fn of(condition: &'a Condition) -> Self {
        let dimension = condition.dimension;
        let (value, whole) = list::condition(condition);
        Self {
            label: dimension.singular(),
            value,
            whole,
            names: list::names(dimension),
            group: dimension.group().name(),
            lists: listed(condition),
        }
    }
}

/// The condition as a parameter.
pub(super) fn kept(filter: &Filter) -> Option<Kept<'_>> {
    let Condition { dimension, value } = filter.condition()?;
    Some(Kept { name: dimension.parameter(), value, query: list::value_query(*dimension, value) })
}

/// The sentence on the lists of one value.
fn listed(condition: &Condition) -> String {
    let one = in_sentence(condition.dimension.singular());
    match condition.paired_with() {
        Some(paired) => format!("For a single {one}, only {} are counted.", in_sentence(paired.heading())),
        None => format!("For a single {one}, no lists are counted: combinations of values are not available."),
    }
}

/// The sentences on how visitors of one value are counted.
pub(super) fn note(report: &Report) -> Option<String> {
    let Condition { dimension, .. } = report.filter.condition()?;
    let one = in_sentence(dimension.singular());
    let has_new = report.counts.new_visitors.is_some();
    let mut sentences = Vec::new();
    match dimension.uniqueness() {
        Uniqueness::PerValue if has_new => sentences.push(format!(
            "Each visitor counts once in the period. New: not counted under this {one} before in this month or the last."
        )),
        Uniqueness::OncePerDay if has_new => sentences.push(format!(
            "Each visitor counts once in the period, under the {one} of its first visit. \
             New: not seen before in this month or the last."
        )),
        Uniqueness::RequestsOnly => sentences.push("Requests of robots have no visitors.".to_owned()),
        _ => {}
    }
    if report.last.number() - report.first.number() < HOURLY_DAYS {
        sentences.push("Hours are counted for the whole site only.".to_owned());
    }
    Some(sentences.join(" "))
}

/// Longest range whose chart of the whole site has hours, in days.
pub(super) const HOURLY_DAYS: i32 = 14;
