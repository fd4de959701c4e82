//! The value that the numbers are about, if it is not the whole site.

use std::borrow::Cow;

use handlebars::html_escape;
use serde::Serialize;

use super::{
    list,
    wording::{about, markup},
};
use crate::{
    domain::statistics::{Condition, Filter, Lists, Report},
    domain::{
        Dimension, Uniqueness,
        cells::{ATTRIBUTES, NotShown},
        dimension::{
            Group,
            country::Country,
            language::{self, Language},
        },
    },
    texts::Texts,
};

/// A condition in the heading, with a link that removes it and one that negates it.
#[derive(Serialize)]
pub(super) struct Chip<'a> {
    /// The kind of value.
    label: &'static str,
    value: Cow<'a, str>,
    /// The value in the title of the window, which the script does not translate.
    #[serde(skip)]
    pub(super) titled: Cow<'a, str>,
    /// Whether the condition is on all other values.
    pub(super) is_negated: bool,
    /// All conditions with this one negated, or no longer negated, and the open group of lists, each after an ampersand. Missing if such
    /// visitors are not counted.
    turned: Option<String>,
    /// The address of the page or host that the value names.
    address: Option<String>,
    /// The whole value, which browsers show on hover.
    whole: Option<&'a str>,
    /// The type of `Intl.DisplayNames` with which the script translates the value.
    names: Option<&'static str>,
    /// The group of the value's list.
    group: &'static str,
    /// The other conditions and the open group of lists, each after an ampersand, which the link that removes this one keeps.
    others: String,
    /// The sentence on the lists that are counted for the value; empty if the page has lists.
    lists: String,
}

/// The conditions of a report.
pub(super) fn chips<'r>(texts: &'static Texts, report: &'r Report) -> Vec<Chip<'r>> {
    report.filter.conditions().iter().map(|condition| Chip::of(texts, condition, report)).collect()
}

impl<'a> Chip<'a> {
    fn of(texts: &'static Texts, condition: &'a Condition, report: &'a Report) -> Self {
        let dimension = condition.dimension;
        let others = report.filter.conditions().iter().filter(|other| *other != condition);
        // Back to the list of the value, if the page has opened another group because of it.
        let default = report.filter.default_group();
        let is_kept = |open: &Group| *open != default || report.filter.has_lists_of(dimension.group());
        let open = report.read_lists.group().filter(is_kept).unwrap_or(dimension.group());
        let (value, whole) = list::condition(texts, condition);
        Self {
            label: about(texts, dimension, "singular"),
            titled: english_name(condition)
                .filter(|_| texts.position == 0)
                .map_or_else(|| value.clone(), Cow::Borrowed),
            value,
            is_negated: condition.is_negated,
            turned: turned(condition, report),
            address: address(condition, &report.site),
            whole,
            names: list::names(dimension).filter(|_| !list::is_word(dimension, &condition.value)),
            group: dimension.group().name(),
            others: link(Some(open), &others.cloned().collect()),
            lists: if report.read_lists == Lists::None { listed(texts, condition) } else { String::new() },
        }
    }
}

/// The conditions of another filter and the open group of lists, each after an ampersand.
pub(super) fn link(open: Option<Group>, filter: &Filter) -> String {
    list::parameters(filter.conditions()) + &list::group_parameter(open, filter)
}

/// All conditions of a report with one of them negated, or no longer negated. Several values of an attribute can only be excluded.
fn turned(condition: &Condition, report: &Report) -> Option<String> {
    let conditions = report.filter.conditions();
    let is_alone = conditions.iter().filter(|other| other.dimension == condition.dimension).count() == 1;
    let is_counted = ATTRIBUTES.contains(&condition.dimension) && report.read_lists != Lists::None;
    let is_turned = |one: &Condition| one.is_negated != (one == condition);
    let turn = |one: &Condition| Condition { is_negated: is_turned(one), ..one.clone() };
    (is_counted && is_alone).then(|| link(report.read_lists.group(), &conditions.iter().map(turn).collect()))
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
fn listed(texts: &'static Texts, condition: &Condition) -> String {
    match condition.paired_with() {
        Some(Dimension::Referrer) => texts.of("filter.only_referrers").to_owned(),
        Some(_) => texts.of("filter.only_pages").to_owned(),
        None => texts.filled("filter.no_lists", &[("one", about(texts, condition.dimension, "one"))]),
    }
}

/// The sentences on how visitors of one value are counted, as HTML.
pub(super) fn note(texts: &'static Texts, report: &Report) -> Option<String> {
    let Some(Condition { dimension, .. }) = report.filter.condition() else { return combination_note(texts, report) };
    let one = [("one", about(texts, *dimension, "one"))];
    let has_new = report.counts.new_visitors.is_some();
    let mut sentences = Vec::new();
    match dimension.uniqueness() {
        Uniqueness::PerValue if has_new => sentences.push(markup(texts.of("filter.per_value"), &one)),
        Uniqueness::OncePerDay if has_new => sentences.push(markup(texts.of("filter.once_per_day"), &one)),
        Uniqueness::RequestsOnly => sentences.push(html_escape(texts.of("filter.robots"))),
        Uniqueness::ViewsOnly => sentences.extend(list::note(texts, *dimension).map(html_escape)),
        _ => {}
    }
    if report.last.number() - report.first.number() < HOURLY_DAYS {
        sentences.push(html_escape(texts.of("filter.no_hours")));
    }
    sentences.extend(without_lists(texts, report));
    Some(sentences.join(" "))
}

/// The sentences on how visitors of several values are counted, as HTML.
fn combination_note(texts: &'static Texts, report: &Report) -> Option<String> {
    if !report.filter.combines() {
        return None;
    }
    let not_shown: Vec<_> = report.not_shown.iter().flatten().map(|group| not_shown_in_words(texts, group)).collect();
    let mut sentences = vec![html_escape(texts.of("filter.combination"))];
    if !not_shown.is_empty() {
        let sum = report.not_shown.iter().flatten().map(|group| group.visitors).sum();
        let values = [("sum", &*texts.number(sum)), ("numbers", &not_shown.join(", "))];
        sentences.push(markup(texts.form("filter.not_shown", sum), &values));
    }
    sentences.extend(without_lists(texts, report));
    Some(sentences.join(" "))
}

/// The sentence on a filter without lists: they have unique visitors only, and the range has none or they are unknown.
fn without_lists(texts: &Texts, report: &Report) -> Option<String> {
    let is_shown = report.not_shown.as_ref().is_none_or(Vec::is_empty);
    let key = match report.counts.visitors {
        _ if report.read_lists == Lists::None => return None,
        Some(0) if is_shown => "filter.no_visitors",
        Some(_) => return None,
        None => "filter.short_lists",
    };
    Some(html_escape(texts.of(key)))
}

/// The number of visitors that are not shown, and what is known of them, as HTML.
fn not_shown_in_words(texts: &'static Texts, NotShown { known, visitors }: &NotShown) -> String {
    let count = texts.number(*visitors);
    let values = known.iter().map(|condition| in_a_sentence(texts, condition));
    let all = values.reduce(|one, other| markup(texts.of("filter.and"), &[("one", &one), ("other", &other)]));
    match all {
        Some(values) => markup(texts.of("filter.not_shown_known"), &[("count", &count), ("values", &values)]),
        None => markup(texts.of("filter.not_shown_unknown"), &[("count", &count)]),
    }
}

/// A condition within a sentence, as HTML: "the country Germany". The server has the English names of countries and languages; the
/// script translates them.
fn in_a_sentence(texts: &'static Texts, condition: &Condition) -> String {
    let (value, _) = list::condition(texts, condition);
    let name = english_name(condition);
    let value = match (name, list::names(condition.dimension)) {
        (Some(name), Some(names)) if texts.position > 0 => {
            let (code, name) = (html_escape(&value), html_escape(name));
            format!("<bdi data-names=\"{names}\" data-code=\"{code}\">{name}</bdi>")
        }
        _ => html_escape(name.unwrap_or(&value)),
    };
    let one = about(texts, condition.dimension, "one");
    let key = if condition.is_negated { "filter.is_not" } else { "filter.is" };
    markup(texts.of(key), &[("one", &html_escape(one)), ("value", &value)])
}

/// The name of a country or language.
fn english_name(Condition { dimension, value, .. }: &Condition) -> Option<&'static str> {
    match dimension {
        Dimension::Country => Country::from_code(value).map(Country::name),
        Dimension::Language => language::of(value).map(Language::name),
        _ => None,
    }
}

/// Longest range whose chart of the whole site has hours, in days.
pub(super) const HOURLY_DAYS: i32 = 14;
