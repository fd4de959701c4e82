//! The value that the numbers are about, if it is not the whole site.

use std::borrow::Cow;

use serde::Serialize;

use super::{
    list,
    wording::{in_sentence, thousands},
};
use crate::{
    domain::statistics::{Condition, Filter, Lists, Report},
    domain::{
        Dimension, Uniqueness,
        cells::NotShown,
        dimension::{
            country::Country,
            language::{self, Language},
        },
    },
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
    /// The other conditions, each after an ampersand, which the link that removes this one keeps.
    others: String,
    /// The sentence on the lists that are counted for the value; empty if the page has lists.
    lists: String,
}

/// The conditions of a report.
pub(super) fn chips(report: &Report) -> Vec<Chip<'_>> {
    report.filter.conditions().iter().map(|condition| Chip::of(condition, report)).collect()
}

impl<'a> Chip<'a> {
    fn of(condition: &'a Condition, report: &'a Report) -> Self {
        let dimension = condition.dimension;
        let (value, whole) = list::condition(condition);
        let value = if condition.is_negated { Cow::Owned(format!("not {value}")) } else { value };
        Self {
            label: dimension.singular(),
            value,
            whole,
            names: list::names(dimension),
            group: dimension.group().name(),
            others: list::parameters(report.filter.conditions().iter().filter(|other| *other != condition)),
            lists: if report.read_lists == Lists::None { listed(condition) } else { String::new() },
        }
    }
}

/// Conditions as names and values of parameters.
pub(super) fn fields(filter: &Filter) -> impl Iterator<Item = (String, String)> {
    filter.conditions().iter().map(|condition| (condition.dimension.parameter().to_owned(), condition.text()))
}

/// The sentence on the lists of one value.
fn listed(condition: &Condition) -> String {
    let one = in_sentence(condition.dimension.singular());
    match condition.paired_with() {
        Some(paired) => format!("For a single {one}, only {} are counted.", in_sentence(paired.heading())),
        None => format!("For a single {one}, no lists are counted."),
    }
}

/// The sentences on how visitors of one value are counted.
pub(super) fn note(report: &Report) -> Option<String> {
    let Some(Condition { dimension, .. }) = report.filter.condition() else { return combination_note(report) };
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
        Uniqueness::ViewsOnly => sentences.push(dimension.note().to_owned()),
        _ => {}
    }
    if report.last.number() - report.first.number() < HOURLY_DAYS {
        sentences.push("Hours are counted for the whole site only.".to_owned());
    }
    sentences.extend(without_lists(report).map(str::to_owned));
    Some(sentences.join(" "))
}

/// The sentences on how visitors of several values are counted.
fn combination_note(report: &Report) -> Option<String> {
    if !report.filter.combines() {
        return None;
    }
    let not_shown: Vec<_> = report.not_shown.iter().flatten().map(not_shown_in_words).collect();
    let mut note =
        "Visitors only. Each visitor counts once in the period, under the values of its first view.".to_owned();
    if !not_shown.is_empty() {
        note += " More visitors may belong here, but their groups are too small to show.";
        note += &format!(" Their numbers: {}.", not_shown.join(", "));
    }
    if let Some(sentence) = without_lists(report) {
        note += &format!(" {sentence}");
    }
    Some(note)
}

/// The sentence on the lists of a filter in a range without unique visitors: these are all that the lists have.
fn without_lists(report: &Report) -> Option<&'static str> {
    let has_lists = report.read_lists != Lists::None;
    (has_lists && report.counts.visitors.is_none()).then_some("Lists are available for shorter periods only.")
}

/// The number of visitors that are not shown, and what is known of them.
fn not_shown_in_words(NotShown { known, visitors }: &NotShown) -> String {
    let known: Vec<_> = known.iter().map(in_a_sentence).collect();
    let visitors = thousands(*visitors);
    if known.is_empty() {
        return format!("{visitors} without a known value");
    }
    format!("{visitors} with {}", known.join(" and "))
}

/// A condition within a sentence: "the country Germany".
fn in_a_sentence(condition: &Condition) -> String {
    let one = in_sentence(condition.dimension.singular());
    let (value, _) = list::condition(condition);
    let name = match condition.dimension {
        Dimension::Country => Country::from_code(&value).map(Country::name),
        Dimension::Language => language::of(&value).map(Language::name),
        _ => None,
    };
    let value = name.unwrap_or(&value);
    if condition.is_negated { format!("another {one} than {value}") } else { format!("the {one} {value}") }
}

/// Longest range whose chart of the whole site has hours, in days.
pub(super) const HOURLY_DAYS: i32 = 14;
