//! The table of dimensions. Number, name and limits of each dimension are here and only here; its words are in
//! `handler/texts`.

pub mod agent;
pub mod campaign;
pub mod channel;
pub mod country;
pub mod language;
pub mod path;
pub mod referrer;
pub mod value;

/// How visitors are counted in a dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uniqueness {
    /// One visitor can have several values in a day. Visitors are unique per value and can appear in several rows.
    PerValue,
    /// A visitor has one value per day, that of its first visit. The rows add up to the visitors.
    OncePerDay,
    /// Requests of robots. Robots have no visitors, so requests are counted.
    RequestsOnly,
    /// Views without visitors.
    ViewsOnly,
}

impl Uniqueness {
    /// Whether visitors are counted at all.
    pub const fn has_visitors(self) -> bool {
        matches!(self, Self::PerValue | Self::OncePerDay)
    }
}

/// A property of visits whose values are counted. The numbers are stored: never change or reuse one.
///
/// [`TallyKey`] has the numbers that are not dimensions, and those that are reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(i16)]
pub enum Dimension {
    /// Pages, by path.
    Page = 1,
    /// The page on which a visitor's day began. An entry page has the pageviews of the page.
    EntryPage = 11,
    /// Events of the site's own script, by name.
    Event = 12,
    /// The kind of host that referred the first visit of a visitor's day. A day without a referrer has no value.
    Channel = 13,
    /// Referring hosts.
    Referrer = 2,
    Browser = 3,
    OperatingSystem = 4,
    Device = 5,
    /// Countries, by the browser's time zone or language.
    Country = 6,
    Language = 7,
    /// The source of a campaign, from the link of a view.
    CampaignSource = 17,
    CampaignMedium = 18,
    /// The name of a campaign.
    Campaign = 19,
    /// Source, medium and name together, see [`campaign::Campaign::values`].
    CampaignLink = 8,
    /// Robots, by their names in the robot list.
    Robot = 14,
    /// Pages that an AI fetched.
    AiPage = 15,
    /// Pairs of a referring host and a page, see [`referrer::pair`]. They are read for a filter by one of both.
    Referral = 100,
}

/// Dimensions whose lists are read and shown together, in one tab of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    Pages,
    Sources,
    Locations,
    Technology,
    Events,
    Robots,
}

impl Group {
    /// All of them, in the order of the page.
    pub const ALL: &[Self] =
        &[Self::Pages, Self::Sources, Self::Locations, Self::Technology, Self::Events, Self::Robots];

    /// The name in query parameters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pages => "pages",
            Self::Sources => "sources",
            Self::Locations => "locations",
            Self::Technology => "technology",
            Self::Events => "events",
            Self::Robots => "robots",
        }
    }
}

/// A row of the table.
struct DimensionRow {
    /// The name in responses and exports.
    name: &'static str,
    /// The name of a value in query parameters; empty if there is no list.
    parameter: &'static str,
    group: Group,
    uniqueness: Uniqueness,
    /// How many values a site can have in a day; additional values count as [`OTHER`].
    values_a_day: usize,
    /// The kind of its pageviews. Empty if the pageviews are not those of the visitors: an entry page has the pageviews of the page
    /// itself.
    views: &'static str,
}

/// The defaults of most rows.
const PLAIN: DimensionRow = DimensionRow {
    name: "",
    parameter: "",
    group: Group::Pages,
    uniqueness: Uniqueness::OncePerDay,
    values_a_day: VALUES_A_DAY,
    views: "pageviews",
};

impl Dimension {
    /// All of them, in the order of pages and responses.
    pub const ALL: &[Self] = &[
        Self::Page,
        Self::EntryPage,
        Self::Event,
        Self::Channel,
        Self::Referrer,
        Self::Browser,
        Self::OperatingSystem,
        Self::Device,
        Self::Country,
        Self::Language,
        Self::CampaignSource,
        Self::CampaignMedium,
        Self::Campaign,
        Self::CampaignLink,
        Self::Robot,
        Self::AiPage,
        Self::Referral,
    ];

    const fn about(self) -> DimensionRow {
        match self {
            Self::Page => DimensionRow {
                name: "pages",
                parameter: "page",
                group: Group::Pages,
                uniqueness: Uniqueness::PerValue,
                ..PLAIN
            },
            Self::EntryPage => {
                DimensionRow { name: "entry_pages", parameter: "entry_page", group: Group::Pages, views: "", ..PLAIN }
            }
            Self::Event => DimensionRow {
                name: "events",
                parameter: "event",
                group: Group::Events,
                uniqueness: Uniqueness::PerValue,
                values_a_day: EVENTS_A_DAY,
                views: "times",
            },
            Self::Channel => {
                DimensionRow { name: "channels", parameter: "channel", group: Group::Sources, views: "", ..PLAIN }
            }
            Self::Referrer => DimensionRow {
                name: "referrers",
                parameter: "referrer",
                group: Group::Sources,
                uniqueness: Uniqueness::PerValue,
                ..PLAIN
            },
            Self::Browser => DimensionRow { name: "browsers", parameter: "browser", group: Group::Technology, ..PLAIN },
            Self::OperatingSystem => DimensionRow {
                name: "operating_systems",
                parameter: "operating_system",
                group: Group::Technology,
                ..PLAIN
            },
            Self::Device => DimensionRow { name: "devices", parameter: "device", group: Group::Technology, ..PLAIN },
            Self::Country => DimensionRow { name: "countries", parameter: "country", group: Group::Locations, ..PLAIN },
            Self::Language => {
                DimensionRow { name: "languages", parameter: "language", group: Group::Locations, ..PLAIN }
            }
            Self::CampaignSource => DimensionRow {
                name: "campaign_sources",
                parameter: "campaign_source",
                group: Group::Sources,
                uniqueness: Uniqueness::PerValue,
                ..PLAIN
            },
            Self::CampaignMedium => DimensionRow {
                name: "campaign_mediums",
                parameter: "campaign_medium",
                group: Group::Sources,
                uniqueness: Uniqueness::PerValue,
                ..PLAIN
            },
            Self::Campaign => DimensionRow {
                name: "campaigns",
                parameter: "campaign",
                group: Group::Sources,
                uniqueness: Uniqueness::PerValue,
                ..PLAIN
            },
            Self::CampaignLink => DimensionRow {
                name: "campaign_links",
                parameter: "campaign_link",
                group: Group::Sources,
                uniqueness: Uniqueness::ViewsOnly,
                ..PLAIN
            },
            Self::Robot => DimensionRow {
                name: "robots",
                parameter: "robot",
                group: Group::Robots,
                uniqueness: Uniqueness::RequestsOnly,
                views: "requests",
                ..PLAIN
            },
            Self::AiPage => DimensionRow {
                name: "ai_pages",
                parameter: "ai_page",
                group: Group::Robots,
                uniqueness: Uniqueness::RequestsOnly,
                views: "requests",
                ..PLAIN
            },
            Self::Referral => DimensionRow { name: "referrals", uniqueness: Uniqueness::ViewsOnly, ..PLAIN },
        }
    }

    /// Dimensions that have a list, in the order of pages and responses.
    pub fn lists() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|dimension| dimension.number() < FIRST_UNLISTED)
    }

    /// The number that the database stores.
    pub const fn number(self) -> i16 {
        self as i16
    }

    /// The dimension of a number that the database stored.
    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.number() == number)
    }

    /// The name in responses and exports.
    pub const fn name(self) -> &'static str {
        self.about().name
    }

    /// The name of a value in query parameters.
    pub const fn parameter(self) -> &'static str {
        self.about().parameter
    }

    /// The dimension whose values have this name in query parameters.
    pub fn of_parameter(name: &str) -> Option<Self> {
        Self::lists().find(|dimension| dimension.parameter() == name)
    }

    /// Whether a value stands for all values beyond the limits. A channel of this name is a value like any other.
    pub fn is_rest(self, value: &str) -> bool {
        value == OTHER && self != Self::Channel
    }

    /// The group of its list.
    pub const fn group(self) -> Group {
        self.about().group
    }

    /// How its visitors are counted.
    pub const fn uniqueness(self) -> Uniqueness {
        self.about().uniqueness
    }

    /// Whether a visit has values here. An excluded visit counts only in lists of requests, and other visits only in the others.
    pub fn counts(self, is_excluded: bool) -> bool {
        is_excluded == (self.uniqueness() == Uniqueness::RequestsOnly)
    }

    /// How many values a site can have in a day; additional values count as [`OTHER`].
    pub const fn values_a_day(self) -> usize {
        self.about().values_a_day
    }

    /// The kind of its pageviews: `pageviews`, `times` or `requests`. Empty if the pageviews are not those of the visitors.
    pub const fn views(self) -> &'static str {
        self.about().views
    }
}

/// The column `dimension` of the table `tally`: the kind of thing that a row counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TallyKey {
    /// The site as a whole.
    Total,
    /// A value of a dimension.
    Of(Dimension),
    /// Requests that are not counted in full, by the exclusion's name.
    Exclusion,
    /// An hour of the day, by its number.
    Hour,
}

impl TallyKey {
    /// Numbers of dimensions that no longer exist, whose rows can still be stored: 16 was the data centre.
    pub const RESERVED: &[i16] = &[16];

    /// The number that the database stores.
    pub const fn number(self) -> i16 {
        match self {
            Self::Total => 0,
            Self::Of(dimension) => dimension.number(),
            Self::Exclusion => 9,
            Self::Hour => 10,
        }
    }

    /// The key of a number that the database stored.
    pub fn from_number(number: i16) -> Option<Self> {
        Self::all().find(|key| key.number() == number)
    }

    /// The name in files of `handler export`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Of(dimension) => dimension.name(),
            Self::Exclusion => "exclusions",
            Self::Hour => "hours",
        }
    }

    /// The key of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|key| key.name() == name)
    }

    fn all() -> impl Iterator<Item = Self> {
        [Self::Total, Self::Exclusion, Self::Hour].into_iter().chain(Dimension::ALL.iter().copied().map(Self::Of))
    }
}

/// Dimensions with this number or a larger one have no list, and are not read with the lists.
const FIRST_UNLISTED: i16 = 100;

/// How many values most dimensions can have for a site in a day.
pub const VALUES_A_DAY: usize = 500;

/// How many events a site can have in a day. The owner chooses the names, so few are enough.
const EVENTS_A_DAY: usize = 50;

/// How many values one network can add to each dimension of a site in a day. Values of the last [`REMEMBERED_DAYS`] are not new.
/// A check of the table `addition` has the same limit.
pub const VALUES_A_NETWORK: u8 = 20;

/// How many days a value keeps its place after its last visit.
pub const REMEMBERED_DAYS: i32 = 7;

/// The value of visits whose value is not known, in lists that add up to the visitors.
pub const UNKNOWN: &str = "unknown";

/// The value that stands for all values beyond the limits of the day.
pub const OTHER: &str = "other";

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    const SPECIAL: [TallyKey; 3] = [TallyKey::Total, TallyKey::Exclusion, TallyKey::Hour];

    #[test]
    fn numbers_and_names_are_used_once_and_found_again() {
        let mut numbers: BTreeSet<i16> = TallyKey::RESERVED.iter().copied().collect();
        assert!(SPECIAL.iter().all(|key| numbers.insert(key.number())));
        let mut names = BTreeSet::new();
        for dimension in Dimension::ALL {
            assert!(numbers.insert(dimension.number()), "{dimension:?}");
            assert!(names.insert(dimension.name()), "{dimension:?}");
            assert_eq!(Dimension::from_number(dimension.number()), Some(*dimension));
        }
        for key in TallyKey::all() {
            assert_eq!(TallyKey::from_number(key.number()), Some(key));
            assert_eq!(TallyKey::from_name(key.name()), Some(key));
        }
    }

    #[test]
    fn queries_use_only_numbers_that_have_a_name_here() {
        let special = SPECIAL.map(|key| key.number().to_string());
        let all_special = format!("({})", special.join(", "));
        let allowed = [&special[..], &[Dimension::Referral.number().to_string(), all_special]].concat();
        let mut found = 0;
        for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("queries")).unwrap() {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            let lines = text.lines().map(|line| line.split("--").next().unwrap_or_default());
            for line in lines {
                for operator in ["= ", "<> ", "in ", "between "] {
                    for (at, written) in line.match_indices(&format!("dimension {operator}")) {
                        let rest = &line[at + written.len()..];
                        let is_allowed = |number: &String| {
                            rest.strip_prefix(number.as_str()).is_some_and(|rest| !rest.starts_with(char::is_numeric))
                        };
                        if rest.starts_with(|first: char| first.is_numeric() || first == '(') {
                            assert!(allowed.iter().any(is_allowed), "{line}");
                            found += 1;
                        }
                    }
                }
            }
        }
        assert!(found >= 5, "{found} comparisons with a number");
    }
}
