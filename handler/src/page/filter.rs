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
        cells::{ATTRIBUTES, NotShown},
        dimension::{
            country::Country,
            language::{self, Language},
        },
    },
};

/// A condition in the heading, with a link that removes it and one that negates it.
#[derive(Serialize)]
pub(super) struct Chip<'a> {
    /// The kind of value.
    label: &'static str,
    pub(super) value: Cow<'a, str>,
    /// Whether the condition is on all other values.
    pub(super) is_negated: bool,
    /// All conditions with this one negated, or no longer negated, each after an ampersand. Missing if such visitors are not counted.
    turned: Option<String>,
    /// The address of the page or host that the value names.
    address: Option<String>,
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
        Self {
            label: dimension.singular(),
            value,
            is_negated: condition.is_negated,
            turned: turned(condition, report),
            address: address(condition, &report.site),
            whole,
            names: list::names(dimension).filter(|_| !list::is_word(dimension, &condition.value)),
            group: dimension.group().name(),
            others: list::parameters(report.filter.conditions().iter().filter(|other| *other != condition)),
            lists: if report.read_lists == Lists::None { listed(condition) } else { String::new() },
        }
    }
}

/// All conditions of a report with one of them negated, or no longer negated. Several values of an attribute can only be excluded.
fn turned(condition: &Condition, report: &Report) -> Option<String> {
    let conditions = report.filter.conditions();
    let is_alone = conditions.iter().filter(|other| other.dimension == condition.dimension).count() == 1;
    let is_counted = ATTRIBUTES.contains(&condition.dimension) && report.read_lists != Lists::None;
    let is_turned = |one: &Condition| one.is_negated != (one == condition);
    let turn = |one: &Condition| Condition { is_negated: is_turned(one), ..one.clone() };
    let turned: Vec<_> = conditions.iter().map(turn).collect();
    (is_counted && is_alone).then(|| list::parameters(&turned))
}

/// The address of the page or host that a condition names. A name without a dot is no host that a reader can open.
fn address(Condition { dimension, value, .. }: &Condition, site: &str) -> Option<String> {
    match dimension {
        Dimension::Page | Dimension::EntryPage | Dimension::AiPage if value.starts_with('/') && site.contains('.') => {
            Some(format!("https://{site}{value}"))
        }
        Dimension::Referrer if value.contains('.') => Some(format!("https://{value}/")),
        _ => None,
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

/// The sentence on a filter without lists: they have unique visitors only, and the range has none or they are unknown.
fn without_lists(report: &Report) -> Option<&'static str> {
    let is_shown = report.not_shown.as_ref().is_none_or(Vec::is_empty);
    match report.counts.visitors.filter(|_| report.read_lists != Lists::None) {
        Some(0) if is_shown => Some("No visitors match the filter in this period."),
        _ if report.read_lists != Lists::None && report.counts.visitors.is_none() => {
            Some("Lists are available for shorter periods only.")
        }
        _ => None,
    }
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
