//! The table of dimensions and the table of exclusions: enum, number in the database, name in answers and words on the page stand
//! in one line each.

pub mod agent;
pub mod channel;
pub mod country;
pub mod language;
pub mod referrer;

/// How visitors of a dimension's values are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uniqueness {
    /// One visitor can have several values in a day: visitors are distinct for each value, and may stand in several rows.
    ForEachValue,
    /// A visitor has one value in a day, that of its first visit: the rows add up to the visitors.
    OnceADay,
    /// Requests that are no views of anybody: there are no visitors to tell apart, and what is counted are the requests.
    Nobody,
    /// Views of which nobody asks how many visitors made them.
    ViewsOnly,
}

impl Uniqueness {
    /// Whether there are visitors to tell apart, and they are counted.
    pub const fn has_visitors(self) -> bool {
        matches!(self, Self::ForEachValue | Self::OnceADay)
    }
}

/// Declares an enum whose variants carry what the other columns of their line say.
macro_rules! table {
    (
        $(#[$about:meta])*
        $name:ident: $number:ty {
            $(#[$meaning:meta])*
            columns $($column:ident: $type:ty),+;
            $($(#[$doc:meta])* $variant:ident = $value:literal { $($content:expr),+ $(,)? })+
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr($number)]
        pub enum $name {
            $($(#[$doc])* $variant = $value,)+
        }

        impl $name {
            /// All of them, in the order in which pages and answers list them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The one with this number.
            pub fn from_number(number: $number) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| *known as $number == number)
            }

            table!(@columns $name; ($($column: $type),+); $($variant { $($content),+ })+);
        }
    };
    (@columns $name:ident; ($($column:ident: $type:ty),+); $($variant:ident $contents:tt)+) => {
        const fn row(self) -> ($($type,)+) {
            match self {
                $(Self::$variant => table!(@tuple $contents),)+
            }
        }
    };
    (@tuple { $($content:expr),+ }) => { ($($content,)+) };
}

table! {
    /// What is counted apart for each of its values. The numbers are stored: never change one. 0 is the site as a whole, 9 the
    /// exclusions, 10 the hours of the day. 16 is reserved: it was the data centre.
    Dimension: i16 {
        columns name: &'static str, group: &'static str, heading: &'static str, column: &'static str, uniqueness: Uniqueness,
            values: usize, empty: &'static str, note: &'static str;
        /// Pages, by path.
        Page = 1 {
            "pages", "Pages", "Pages", "Path", Uniqueness::ForEachValue, VALUES_A_DAY,
            "No page was viewed in this time. Each path that is viewed appears here.",
            "",
        }
        /// The page on which a visitor's day began. Its pageviews are those of the page.
        EntryPage = 11 { "entry_pages", "Pages", "Entry pages", "Path", Uniqueness::OnceADay, VALUES_A_DAY, "", "" }
        /// What a site calls events, by name.
        Event = 12 { "events", "Events", "Events", "Event", Uniqueness::ForEachValue, EVENTS_A_DAY, "", "" }
        /// The kind of the host from which a visitor's day began; one that began without a referrer has none.
        Channel = 13 {
            "channels", "Sources", "Channels", "Channel", Uniqueness::OnceADay, VALUES_A_DAY, "",
            "How a visitor's day began. Who came directly, or from within the site, stands in no row.",
        }
        /// Referring hosts.
        Referrer = 2 {
            "referrers", "Sources", "Referrers", "Host", Uniqueness::ForEachValue, VALUES_A_DAY,
            "Nobody followed a link in this time. When another site leads somebody here, its host name appears.",
            "",
        }
        /// Browsers.
        Browser = 3 { "browsers", "Technology", "Browsers", "Browser", Uniqueness::OnceADay, VALUES_A_DAY, "", "" }
        /// Operating systems.
        OperatingSystem = 4 { "operating_systems", "Technology", "Operating systems", "System", Uniqueness::OnceADay, VALUES_A_DAY, "", "" }
        /// Kinds of device.
        Device = 5 { "devices", "Technology", "Devices", "Device", Uniqueness::OnceADay, VALUES_A_DAY, "", "" }
        /// Countries, by the browser's time zone or language.
        Country = 6 { "countries", "Locations", "Countries", "Country", Uniqueness::OnceADay, VALUES_A_DAY, "", "" }
        /// Languages.
        Language = 7 { "languages", "Locations", "Languages", "Language", Uniqueness::OnceADay, VALUES_A_DAY, "", "" }
        /// Campaigns.
        Campaign = 8 { "campaigns", "Sources", "Campaigns", "Campaign", Uniqueness::ForEachValue, VALUES_A_DAY, "", "" }
        /// Robots, by the name that they have on the list.
        Robot = 14 { "robots", "Robots", "Robots", "Robot", Uniqueness::Nobody, VALUES_A_DAY, "", "" }
        /// Pages that were fetched for an AI.
        AiPage = 15 { "ai_pages", "Robots", "Pages read by AI", "Path", Uniqueness::Nobody, VALUES_A_DAY, "", "" }
        /// Pages and the hosts that led to them, as [`referrer::pair`] joins them: for who asks of one page or of one host. It
        /// is no list of its own, and numbers from 100 on are not read with the lists.
        Referral = 100 { "referrals", "", "Referrals", "", Uniqueness::ViewsOnly, VALUES_A_DAY, "", "" }
    }
}

impl Dimension {
    /// Those that have a list, in the order in which pages and answers show them.
    pub fn lists() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|dimension| (*dimension as i16) < FIRST_UNLISTED)
    }

    /// The name in answers.
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// The group of lists that it stands in on the page.
    pub const fn group(self) -> &'static str {
        self.row().1
    }

    /// The heading of its list on the page.
    pub const fn heading(self) -> &'static str {
        self.row().2
    }

    /// What the first column of its list holds.
    pub const fn column(self) -> &'static str {
        self.row().3
    }

    /// How its visitors are told apart.
    pub const fn uniqueness(self) -> Uniqueness {
        self.row().4
    }

    /// How many of its values are told apart for a site in a day; what comes after them is [`OTHER`].
    pub const fn values_a_day(self) -> usize {
        self.row().5
    }

    /// What the page says while it has no value. Empty: then it has no list.
    pub const fn empty(self) -> &'static str {
        self.row().6
    }

    /// How to read its numbers, where its uniqueness does not say it. Empty: that says all.
    pub const fn note(self) -> &'static str {
        self.row().7
    }
}

/// From this number on, dimensions are read only by who asks for them.
const FIRST_UNLISTED: i16 = 100;

/// How many values most dimensions have for a site in a day.
pub const VALUES_A_DAY: usize = 500;

/// How many events a site may tell apart: they are names that its owner chose, not what visitors bring along.
const EVENTS_A_DAY: usize = 50;

/// The value that stands for all that were not told apart any more.
pub const OTHER: &str = "other";

table! {
    /// Why a request is not counted in full. Each is a number that the page shows.
    Exclusion: i16 {
        columns name: &'static str, label: &'static str, meaning: &'static str;
        /// A robot by its User-Agent, or no User-Agent at all: not counted.
        Bots = 0 { "bots", "Bots", "Known by their User-Agent, or sending none. Not counted." }
        /// A browser that fetched the page ahead of a visit that may never come: not counted.
        Prefetch = 1 { "prefetch", "Prefetched", "Loaded ahead of a visit that may never come. Not counted." }
        /// `Sec-GPC: 1` or `DNT: 1`: a pageview, never a visitor.
        OptedOut = 2 { "opted_out", "Opted out", "Global Privacy Control or Do Not Track: a pageview, never a visitor." }
        /// The owner's own visit, by the opt-out flag: not counted.
        Own = 3 { "own", "Own visits", "Made by the owner, with the opt-out flag set. Not counted." }
        /// More views than one network may have in a minute: not counted.
        RateLimited = 4 { "rate_limited", "Rate limited", "More views a minute than one network may have. Not counted." }
        /// No usable address: a pageview, and no visitor.
        Unidentified = 5 { "unidentified", "Unidentified", "Without a usable address: a pageview, and no visitor." }
        /// Too late to be placed among the visitor's other days: a pageview, and no visitor.
        Late = 6 { "late", "Late", "Written so late that the visitor's other days are no longer known: a pageview, and no visitor." }
        /// A HEAD request, which shows nobody a page: not counted.
        Head = 7 { "head", "HEAD requests", "They show nobody a page. Not counted." }
        /// A visit that the database refused: not counted.
        Refused = 8 { "refused", "Refused", "Not accepted by the database. Not counted; the log says why." }
        /// A referrer that is known for making itself seen in statistics: not counted.
        ReferrerSpam = 9 { "referrer_spam", "Referrer spam", "Claiming to come from a site that advertises itself this way. Not counted." }
    }
}

impl Exclusion {
    /// The name in JSON, SQL and logs.
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// The name on the page, beside a number: "1 bot".
    pub fn label_of(self, count: i64) -> &'static str {
        match self.label() {
            label if count == 1 => label.strip_suffix('s').unwrap_or(label),
            label => label,
        }
    }

    /// The name on the page.
    pub const fn label(self) -> &'static str {
        self.row().1
    }

    /// What it means, for the page.
    pub const fn meaning(self) -> &'static str {
        self.row().2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_used_once_and_lead_back() {
        for dimension in Dimension::ALL {
            assert_eq!(Dimension::from_number(*dimension as i16), Some(*dimension));
            assert_eq!(Dimension::ALL.iter().filter(|other| other.name() == dimension.name()).count(), 1);
            assert!(![0, 9, 10, 16].contains(&(*dimension as i16)), "reserved");
        }
        for exclusion in Exclusion::ALL {
            assert_eq!(Exclusion::from_number(*exclusion as i16), Some(*exclusion));
            assert_eq!(Exclusion::ALL.iter().filter(|other| other.name() == exclusion.name()).count(), 1);
        }
    }
}
