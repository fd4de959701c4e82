//! Lists of values, and the list of exclusions.

use std::borrow::Cow;

use handlebars::html_escape;
use serde::Serialize;

use super::wording::{self, about, markup, query_value};
use crate::{
    domain::statistics::{Condition, Entry, Filter, Lists, Referrals, Report, Section, Sort},
    domain::{
        Dimension, Exclusion, Uniqueness,
        cells::ATTRIBUTES,
        dimension::{Group, UNKNOWN, agent, channel::ChannelGroup},
        visit::robot::{self, Robot},
    },
    texts::Texts,
};

/// A link that opens a group of lists.
#[derive(Serialize)]
pub(super) struct Tab {
    heading: &'static str,
    /// The group in the query.
    key: &'static str,
    current: bool,
}

/// The values of one dimension.
#[derive(Serialize)]
pub(super) struct List<'a> {
    heading: &'static str,
    /// The heading of the first column.
    column: &'static str,
    /// The headings of the other columns.
    columns: Vec<Column>,
    /// The type of `Intl.DisplayNames` with which the script translates codes to names, if the values are codes.
    names: Option<&'static str>,
    /// An explanation of the numbers, if they need one.
    note: Option<Cow<'static, str>>,
    /// The text of an empty list.
    empty: &'static str,
    rows: Vec<ListRow<'a>>,
    /// The link to the whole list, if it has more rows.
    more: Option<MoreLink>,
    /// The controls of a whole list.
    section: Option<SectionControls<'a>>,
}

/// The heading of a column of numbers.
#[derive(Serialize)]
struct Column {
    heading: &'static str,
    /// The query that sorts the list by this column.
    query: Option<String>,
    /// Whether the list is sorted by this column, and its numbers are shown in this order only.
    current: bool,
}

/// A link to all values of a list.
#[derive(Serialize)]
struct MoreLink {
    query: String,
    label: String,
}

/// One value of a dimension.
#[derive(Serialize)]
struct ListRow<'a> {
    value: Cow<'a, str>,
    /// Whether the value is a word of the page in a list of codes, which the script does not translate.
    is_word: bool,
    /// The whole value of a path, or of a value that is shortened. Browsers show it on hover.
    whole: Option<&'a str>,
    /// The value as a query, with the conditions of the page and the open group of lists; `None` for an empty value.
    query: Option<String>,
    /// The same for all other values.
    excluding: Option<String>,
    /// The numbers of the columns.
    cells: Vec<String>,
    /// Width of the bar behind the row, in percent of the longest bar.
    share: i64,
}

impl ListRow<'_> {
    /// The row of the visitors of all groups that are too small to show.
    fn of_small_groups(
        texts: &'static Texts,
        report: &Report,
        dimension: Dimension,
        visitors: i64,
        measures: &[Measure],
    ) -> Self {
        let rest = Entry { value: String::new(), visitors: Some(visitors), pageviews: 0 };
        Self {
            value: Cow::Borrowed(texts.of("lists.too_small")),
            is_word: true,
            whole: None,
            query: None,
            excluding: None,
            cells: measures.iter().map(|measure| measure.of_entry(texts, report, dimension, &rest)).collect(),
            share: 0,
        }
    }
}

/// The controls of a whole list: search, position, and links to the other rows and to the list as CSV.
#[derive(Serialize)]
struct SectionControls<'a> {
    /// The name of the list in queries.
    list: &'static str,
    search: &'a str,
    sort: &'static str,
    /// The position of the rows, such as `51 to 100 of 204`; missing without rows.
    position: Option<String>,
    previous: Option<String>,
    next: Option<String>,
    csv: String,
    group: &'static str,
}

/// The requests that were not counted in full.
#[derive(Serialize)]
pub(super) struct Exclusions {
    /// The number of requests and the reasons, as HTML.
    summary: String,
    /// The most frequent reason first; empty if everything was counted.
    rows: Vec<ExclusionRow>,
}

/// The requests that were not counted in full for one reason.
#[derive(Serialize)]
struct ExclusionRow {
    label: &'static str,
    meaning: &'static str,
    count: String,
}

/// The longest value that is shown in full, in characters. Longer values keep both ends. JSON always has the full
/// value.
const VALUE_CHARACTERS: usize = 96;

/// The tabs and the lists of the page. A page about one value whose lists are not counted has its referrals only.
pub(super) fn tabs_and_lists<'r>(texts: &'static Texts, report: &'r Report) -> (Vec<Tab>, Vec<List<'r>>) {
    if report.filter.is_empty() || report.read_lists != Lists::None {
        return tabs(texts, report);
    }
    let listed = report.referrals.iter().map(|referrals| referrals.pairing.listed);
    (Vec::new(), listed.map(|dimension| beginning(texts, report, dimension)).collect())
}

/// The text in place of lists, if the open group has none. The note on the filter says if it has no visitors.
pub(super) fn without_lists(texts: &'static Texts, report: &Report) -> Option<&'static str> {
    match report.read_lists.group()? {
        group if !report.filter.has_lists_of(group) => Some(texts.of("filter.not_counted")),
        _ if report.filter.is_empty() || report.counts.visitors > Some(0) => Some(texts.of("lists.empty")),
        _ => None,
    }
}

/// The parameter of the open list or group of lists, if it is not the default.
pub(super) fn open(report: &Report) -> Option<(&'static str, &'static str)> {
    match report.read_lists {
        Lists::Group(group) if group != report.filter.default_group() => Some(("lists", group.name())),
        Lists::One(dimension) => Some(("list", dimension.name())),
        _ => None,
    }
}

/// The open group of lists as a parameter after an ampersand, for a link to the page with another filter. Empty if the page opens this
/// group anyway, or has no list of it. A page opens its referrers, and a referrer its pages.
pub(super) fn group_parameter(open: Option<Group>, target: &Filter) -> String {
    let is_named =
        |group: &Group| *group != target.default_group() && target.has_lists_of(*group) && target.pairing().is_none();
    open.filter(is_named).map(|group| format!("&lists={}", group.name())).unwrap_or_default()
}

/// The tabs of the groups of which the site has lists, and the lists of the open group. A dimension with a text for empty lists always
/// has a list, others only if they have values.
fn tabs<'r>(texts: &'static Texts, report: &'r Report) -> (Vec<Tab>, Vec<List<'r>>) {
    let open = report.read_lists.group().unwrap_or_else(|| report.filter.default_group());
    let is_shown = |dimension: &Dimension| {
        (empty(texts, *dimension).is_some() && report.filter.is_empty())
            || report.lists.contains_key(dimension)
            || report.not_listed.contains_key(dimension)
            || referrals(report, *dimension).is_some()
    };
    let has_values = |dimension: &Dimension| is_shown(dimension) || report.unread.contains(dimension);
    let tab = |group: &Group| Tab {
        heading: texts.of(&format!("groups.{}", group.name())),
        key: group.name(),
        current: *group == open,
    };
    let of_group = |group: Group| Dimension::lists().filter(move |dimension| dimension.group() == group);
    let has_tab = |group: &&Group| **group == open || of_group(**group).any(|dimension| has_values(&dimension));
    let tabs: Vec<_> = Group::ALL.iter().filter(has_tab).map(tab).collect();
    let lists = if let Lists::One(dimension) = report.read_lists {
        vec![whole_list(texts, report, dimension)]
    } else {
        of_group(open).filter(is_shown).map(|dimension| beginning(texts, report, dimension)).collect()
    };
    // A tab without a list would be the only one, because nothing has been counted.
    if lists.is_empty() && tabs.len() < 2 { (Vec::new(), lists) } else { (tabs, lists) }
}

/// The referrals of the report, if they are the list of a dimension.
fn referrals(report: &Report, listed: Dimension) -> Option<&Referrals> {
    report.referrals.as_ref().filter(|referrals| referrals.pairing.listed == listed)
}

/// The rows of a list. Without visitors, an entry page has no numbers, and direct visits are not a channel.
fn entries(report: &Report, dimension: Dimension) -> Vec<&Entry> {
    if let Some(referrals) = referrals(report, dimension) {
        return referrals.entries.iter().collect();
    }
    let is_unknown = report.counts.visitors.is_none();
    let is_shown = |entry: &&Entry| match dimension {
        Dimension::EntryPage => !is_unknown,
        Dimension::Channel => !is_unknown || entry.value != ChannelGroup::Direct.name(),
        _ => true,
    };
    report.lists.get(&dimension).into_iter().flatten().filter(is_shown).collect()
}

/// The first rows of a list, with a link to all of them.
fn beginning<'r>(texts: &'static Texts, report: &'r Report, dimension: Dimension) -> List<'r> {
    let entries = entries(report, dimension);
    let end = end(report, &entries);
    let list = list(texts, report, entries, dimension, false);
    let length = report.lengths.get(&dimension).filter(|length| **length > 1 && !list.rows.is_empty());
    let more = length.map(|length| MoreLink {
        query: section_query(report, dimension, &Section::default(), 0),
        label: match *length {
            length if end >= length => texts.of("lists.details").to_owned(),
            length => texts.counted(&format!("dimensions.{}.all", dimension.name()), length),
        },
    });
    List { more, ..list }
}

/// A part of a whole list, with its controls.
fn whole_list<'r>(texts: &'static Texts, report: &'r Report, dimension: Dimension) -> List<'r> {
    let section = &report.section;
    let entries = entries(report, dimension);
    let end = end(report, &entries);
    let list = list(texts, report, entries, dimension, true);
    let length = report.lengths.get(&dimension).copied().unwrap_or_default();
    let Section { search, sort, offset, limit } = section;
    let controls = SectionControls {
        list: dimension.name(),
        search,
        sort: sort.name(),
        position: (end > *offset).then(|| {
            let [first, last, count] = [offset + 1, end, length].map(|number| texts.number(number));
            texts.filled("lists.position", &[("first", &first), ("last", &last), ("count", &count)])
        }),
        previous: (*offset > 0)
            .then(|| section_query(report, dimension, section, offset.saturating_sub(*limit).max(0))),
        next: (end > *offset && end < length).then(|| section_query(report, dimension, section, end)),
        csv: format!("{}&limit={}", section_query(report, dimension, section, 0), Section::MOST_ROWS),
        group: dimension.group().name(),
    };
    List { section: Some(controls), ..list }
}

/// The position of the last value that is shown, among all values of a list.
fn end(report: &Report, shown: &[&Entry]) -> i64 {
    report.section.offset.saturating_add(i64::try_from(shown.len()).unwrap_or_default())
}

/// A part of a list as a query, with the conditions of the page.
fn section_query(report: &Report, dimension: Dimension, Section { search, sort, .. }: &Section, offset: i64) -> String {
    let mut query = format!("list={}", dimension.name());
    if !search.is_empty() {
        query += &format!("&search={}", query_value(search));
    }
    if *sort != Sort::default() {
        query += &format!("&sort={}", sort.name());
    }
    if offset > 0 {
        query += &format!("&offset={offset}");
    }
    query + &parameters(report.filter.conditions())
}

/// The note on the numbers of referrals.
fn note_on_referrals(texts: &Texts, Referrals { other, .. }: &Referrals) -> String {
    let mut note = texts.of("lists.referrals").to_owned();
    if *other > 0 {
        note = format!("{note} {}", texts.counted("lists.other_referrals", *other));
    }
    note
}

/// The filters of the links in a list: the conditions of the page, with one on a value of the list.
struct RowLinks {
    dimension: Dimension,
    /// The other conditions and the open group of lists, each after an ampersand.
    others: String,
    /// The same for all other values than this one; `None` if they are not counted, or the page offers them elsewhere.
    excluding: Option<String>,
}

impl RowLinks {
    fn of(report: &Report, dimension: Dimension) -> Self {
        let condition = |is_negated| Condition { dimension, value: String::new(), is_negated };
        let after = |others: Vec<Condition>, of: Condition| {
            let parameters = parameters(&others);
            parameters + &group_parameter(report.read_lists.group(), &others.into_iter().chain([of]).collect())
        };
        let conditions = report.filter.conditions();
        let is_of_list = |other: &&Condition| other.dimension == dimension;
        // The heading excludes the only value of a list.
        let is_counted = report.has_cells && report.counts.visitors.is_some() && ATTRIBUTES.contains(&dimension);
        let is_excludable = is_counted && conditions.iter().filter(is_of_list).all(|other| other.is_negated);
        Self {
            dimension,
            others: after(report.filter.combinable(dimension).cloned().collect(), condition(false)),
            excluding: is_excludable.then(|| after(conditions.to_vec(), condition(true))),
        }
    }

    /// The query for a value. An empty value has none.
    fn only(&self, value: &str) -> Option<String> {
        (!value.is_empty()).then(|| value_query(self.dimension, value) + &self.others)
    }

    /// The query for all other values.
    fn others(&self, value: &str) -> Option<String> {
        let excluding = self.excluding.as_ref().filter(|_| !value.is_empty())?;
        Some(value_query(self.dimension, &format!("!{value}")) + excluding)
    }
}

/// A value as a query.
pub(super) fn value_query(dimension: Dimension, value: &str) -> String {
    format!("{}={}", dimension.parameter(), query_value(value))
}

/// Conditions as parameters, each after an ampersand.
pub(super) fn parameters<'c>(conditions: impl IntoIterator<Item = &'c Condition>) -> String {
    let parameter = |condition: &Condition| format!("&{}", value_query(condition.dimension, &condition.text()));
    conditions.into_iter().map(parameter).collect()
}

/// A condition in the words of the page, and the whole value if it is shortened.
pub(super) fn condition<'c>(
    texts: &'static Texts,
    Condition { dimension, value, .. }: &'c Condition,
) -> (Cow<'c, str>, Option<&'c str>) {
    (in_words(texts, *dimension, value), is_shortened(value).then_some(&**value))
}

/// The type of `Intl.DisplayNames` with which the script translates a dimension's codes.
pub(super) const fn names(dimension: Dimension) -> Option<&'static str> {
    match dimension {
        Dimension::Country => Some("region"),
        Dimension::Language => Some("language"),
        _ => None,
    }
}

/// Whether the page shows a word of its own in place of a value.
pub(super) fn is_word(dimension: Dimension, value: &str) -> bool {
    (ATTRIBUTES.contains(&dimension) && value == UNKNOWN) || dimension.is_rest(value)
}

/// A value in the words of the page.
fn in_words<'v>(texts: &'static Texts, dimension: Dimension, value: &'v str) -> Cow<'v, str> {
    let named = |kind: &str| Cow::Borrowed(texts.find(&format!("{kind}.{value}")).unwrap_or(value));
    match dimension {
        _ if ATTRIBUTES.contains(&dimension) && value == UNKNOWN => Cow::Borrowed(texts.of("lists.unknown")),
        _ if dimension.is_rest(value) => Cow::Borrowed(texts.of("lists.other")),
        Dimension::Channel => named("channels"),
        Dimension::Device => named("devices"),
        Dimension::Browser | Dimension::OperatingSystem if value == agent::OTHER => {
            Cow::Borrowed(texts.of("lists.other"))
        }
        Dimension::Robot => match robot::named(value) {
            Some(Robot { operator, purpose, .. }) => {
                let about: Vec<_> = operator.iter().copied().chain([wording::purpose(texts, *purpose)]).collect();
                Cow::Owned(format!("{value} ({})", about.join(", ")))
            }
            None => Cow::Borrowed(value),
        },
        _ if value.is_empty() => Cow::Borrowed(texts.of("lists.none")),
        _ => shorten(value),
    }
}

/// The text of an empty list. Without one, an empty list is left out.
fn empty(texts: &'static Texts, dimension: Dimension) -> Option<&'static str> {
    texts.find(&format!("dimensions.{}.empty", dimension.name()))
}

/// The note on how to read the numbers of a dimension. Without one, the page has a note on the uniqueness.
pub(super) fn note(texts: &'static Texts, dimension: Dimension) -> Option<&'static str> {
    texts.find(&format!("dimensions.{}.note", dimension.name()))
}

/// A number of each row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Measure {
    Visitors,
    /// The share of all visitors; without visitors, of all pageviews or requests.
    Share,
    Views,
    ViewsPerVisitor,
}

impl Measure {
    /// The columns of a list.
    fn of(dimension: Dimension, known: bool, is_whole: bool, has_views: bool) -> Vec<Self> {
        let is_beginning = !is_whole;
        let is_once = dimension.uniqueness() == Uniqueness::OncePerDay;
        let has_share = match dimension {
            Dimension::Event => known,
            _ => is_whole || (known && is_once),
        };
        let shows_views = !known || has_views && !(dimension.views().is_empty() || is_beginning && is_once);
        let columns = [
            (Self::Visitors, known),
            (Self::Share, has_share),
            (Self::Views, shows_views),
            (Self::ViewsPerVisitor, known && has_views && is_whole && dimension == Dimension::Page),
        ];
        columns.into_iter().filter(|(_, is_shown)| *is_shown).map(|(measure, _)| measure).collect()
    }

    fn heading(self, texts: &'static Texts, dimension: Dimension) -> &'static str {
        match self {
            Self::Visitors => texts.of("lists.visitors"),
            Self::Share if matches!(dimension, Dimension::Event) => texts.of("lists.conversion"),
            Self::Share => texts.of("lists.share"),
            // In a list without visitors, channels have pageviews.
            Self::Views if dimension.views().is_empty() => texts.of("views.pageviews"),
            Self::Views => wording::views(texts, dimension.views()),
            Self::ViewsPerVisitor => texts.of("lists.per_visitor"),
        }
    }

    const fn sort(self) -> Option<Sort> {
        match self {
            Self::Visitors => Some(Sort::Visitors),
            Self::Views => Some(Sort::Pageviews),
            Self::Share | Self::ViewsPerVisitor => None,
        }
    }

    fn of_entry(self, texts: &Texts, report: &Report, dimension: Dimension, entry: &Entry) -> String {
        let visitors = entry.visitors.unwrap_or_default();
        match self {
            Self::Visitors => texts.number(visitors),
            Self::Share => match (entry.visitors, report.counts.visitors) {
                (Some(visitors), Some(all)) => wording::share(texts, visitors, all),
                _ if dimension.uniqueness() == Uniqueness::RequestsOnly => wording::share(
                    texts,
                    entry.pageviews,
                    report.excluded.get(&Exclusion::Bots).copied().unwrap_or_default(),
                ),
                _ => wording::share(texts, entry.pageviews, report.counts.pageviews),
            },
            Self::Views => texts.number(entry.pageviews),
            Self::ViewsPerVisitor if visitors > 0 => {
                wording::one_decimal(texts, entry.pageviews as f64 / visitors as f64)
            }
            Self::ViewsPerVisitor => "–".to_owned(),
        }
    }
}

fn list<'e>(
    texts: &'static Texts,
    report: &'e Report,
    entries: Vec<&'e Entry>,
    dimension: Dimension,
    is_whole: bool,
) -> List<'e> {
    let known = dimension.uniqueness().has_visitors() && entries.iter().all(|entry| entry.visitors.is_some());
    // The lists of a filter come from cells, which count visitors only.
    let has_views = report.filter.is_empty() || !known;
    let by_views = !known || has_views && report.section.sort == Sort::Pageviews;
    let size = |entry: &Entry| if by_views { entry.pageviews } else { entry.visitors.unwrap_or_default() };
    // The sum of many values would make the bars of all others short.
    let values = entries.iter().filter(|entry| !dimension.is_rest(&entry.value));
    let most = values.map(|entry| size(entry)).max().unwrap_or_default().max(1);
    let is_path = matches!(dimension, Dimension::Page | Dimension::EntryPage | Dimension::AiPage);
    let links = RowLinks::of(report, dimension);
    let measures = Measure::of(dimension, known, is_whole, has_views);
    let row = |entry: &'e Entry| ListRow {
        value: in_words(texts, dimension, &entry.value),
        is_word: names(dimension).is_some() && is_word(dimension, &entry.value),
        whole: (is_path || is_shortened(&entry.value)).then_some(&*entry.value),
        query: links.only(&entry.value),
        excluding: links.others(&entry.value),
        cells: measures.iter().map(|measure| measure.of_entry(texts, report, dimension, entry)).collect(),
        share: (size(entry).saturating_mul(100) / most).min(100),
    };
    let is_last = report.lengths.get(&dimension).is_none_or(|length| end(report, &entries) >= *length);
    let has_rest = !is_whole || is_last && report.section.search.is_empty();
    let not_listed = report.not_listed.get(&dimension).filter(|_| has_rest);
    let not_listed =
        not_listed.map(|visitors| ListRow::of_small_groups(texts, report, dimension, *visitors, &measures));
    let rows: Vec<ListRow<'_>> = entries.iter().copied().map(row).chain(not_listed).collect();
    let column = |measure: &Measure| {
        let sort = measure.sort().filter(|_| is_whole && known && measures.len() > 1);
        let current = sort.is_some_and(|sort| (sort == Sort::Pageviews) == by_views);
        let sorted = |sort| section_query(report, dimension, &Section { sort, ..report.section.clone() }, 0);
        Column { heading: measure.heading(texts, dimension), query: sort.filter(|_| !current).map(sorted), current }
    };
    let referrals = referrals(report, dimension);
    let note = match dimension.uniqueness() {
        _ if referrals.is_some() => None,
        uniqueness if !uniqueness.has_visitors() => note(texts, dimension),
        _ if !known => Some(texts.of("lists.only_views")),
        uniqueness => {
            note(texts, dimension).or((uniqueness == Uniqueness::PerValue).then(|| texts.of("lists.in_several_rows")))
        }
    };
    let is_unknown_entry = dimension == Dimension::EntryPage && report.counts.visitors.is_none();
    List {
        heading: about(texts, dimension, "heading"),
        column: about(texts, dimension, "column"),
        columns: measures.iter().map(column).collect(),
        names: names(dimension),
        note: referrals.map(|referrals| note_on_referrals(texts, referrals).into()).or(note.map(Cow::Borrowed)),
        empty: match empty(texts, dimension) {
            _ if is_unknown_entry => texts.of("lists.no_entry_pages"),
            _ if !report.section.search.is_empty() => texts.of("lists.no_match"),
            _ if report.section.offset > 0 => texts.of("lists.no_more"),
            _ if referrals.is_some() && dimension == Dimension::Referrer => texts.of("lists.no_referrers_of_page"),
            _ if referrals.is_some() => texts.of("lists.no_pages_of_referrer"),
            None => texts.of("lists.empty"),
            Some(empty) => empty,
        },
        rows,
        more: None,
        section: None,
    }
}

/// Whether [`shorten`] leaves out a part of the value.
fn is_shortened(value: &str) -> bool {
    value.chars().count() > VALUE_CHARACTERS
}

/// The value in full if it is short enough, else its two ends.
fn shorten(value: &str) -> Cow<'_, str> {
    if !is_shortened(value) {
        return Cow::Borrowed(value);
    }
    let length = value.chars().count();
    let tail = VALUE_CHARACTERS / 3;
    let head = VALUE_CHARACTERS - tail - 1;
    let shortened = value.chars().take(head).chain(['…']).chain(value.chars().skip(length - tail));
    Cow::Owned(shortened.collect())
}

/// The exclusions of a report, as rows and as one summary line.
pub(super) fn exclusions(texts: &'static Texts, report: &Report) -> Exclusions {
    let found = || report.excluded.iter().filter(|(_, count)| **count > 0);
    let mut reasons: Vec<_> = found().collect();
    reasons.sort_by_key(|(reason, count)| (std::cmp::Reverse(**count), **reason));
    let counted =
        |(reason, count): &(&Exclusion, &i64)| texts.counted(&format!("exclusions.{}.counted", reason.name()), **count);
    let row = |(reason, count): (&Exclusion, &i64)| ExclusionRow {
        label: texts.of(&format!("exclusions.{}.label", reason.name())),
        count: texts.number(*count),
        meaning: wording::meaning(texts, *reason),
    };
    let sum = found().map(|(_, count)| count).sum();
    let reasons_in_words = html_escape(&reasons.iter().map(counted).collect::<Vec<_>>().join(", "));
    let number = format!("<b>{}</b>", texts.number(sum));
    let summary = [("sum", &*number), ("reasons", &reasons_in_words)];
    Exclusions {
        summary: markup(texts.form("exclusions.summary", sum), &summary),
        rows: reasons.into_iter().map(row).collect(),
    }
}
