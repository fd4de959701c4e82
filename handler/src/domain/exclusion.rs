//! The table of exclusions: why a request is not counted in full. Number, name and words of each are here and only here.

/// Why a request is not counted in full. The page shows a number for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Exclusion {
    /// A robot by its User-Agent, or no User-Agent at all: not counted.
    Bots = 0,
    /// A browser that fetched the page before a visit that may never happen: not counted.
    Prefetch = 1,
    /// `Sec-GPC: 1` or `DNT: 1`: a pageview, never a visitor.
    OptedOut = 2,
    /// The owner's own visit, by the opt-out flag: not counted.
    Own = 3,
    /// More views than one network may have in a minute: not counted.
    RateLimited = 4,
    /// No usable address: a pageview, and no visitor.
    Unidentified = 5,
    /// Recorded after the visitor's other days were forgotten: a pageview, and no visitor.
    Late = 6,
    /// A HEAD request, which displays no page: not counted.
    Head = 7,
    /// A visit that the database rejected: not counted.
    Refused = 8,
    /// A referrer that is known for spam in statistics: not counted.
    ReferrerSpam = 9,
    /// A line of a log for a host that is not the site: not counted.
    OtherHost = 10,
    /// A value beyond the limit of new values of one network: counted in full, but as `other`.
    TooManyValues = 11,
}

/// A row of the table.
struct ExclusionRow {
    /// The name in JSON, SQL and logs.
    name: &'static str,
    /// The name on the page.
    label: &'static str,
    /// The meaning in one or two sentences, for the page.
    meaning: &'static str,
}

impl Exclusion {
    /// All of them, in the order of logs, pages and responses.
    pub const ALL: &[Self] = &[
        Self::Bots,
        Self::Prefetch,
        Self::OptedOut,
        Self::Own,
        Self::RateLimited,
        Self::Unidentified,
        Self::Late,
        Self::Head,
        Self::Refused,
        Self::ReferrerSpam,
        Self::OtherHost,
        Self::TooManyValues,
    ];

    const fn about(self) -> ExclusionRow {
        match self {
            Self::Bots => ExclusionRow {
                name: "bots",
                label: "Bots",
                meaning: "The User-Agent belongs to a robot, or is missing. Not counted.",
            },
            Self::Prefetch => ExclusionRow {
                name: "prefetch",
                label: "Prefetched",
                meaning: "The browser loaded the page in advance. Not counted.",
            },
            Self::OptedOut => ExclusionRow {
                name: "opted_out",
                label: "Opted out",
                meaning: "The browser sent Global Privacy Control or Do Not Track. Counted as a pageview, not as a visitor.",
            },
            Self::Own => ExclusionRow {
                name: "own",
                label: "Own visits",
                meaning: "The owner's browser has the opt-out flag. Not counted.",
            },
            Self::RateLimited => ExclusionRow {
                name: "rate_limited",
                label: "Rate limited",
                meaning: "The network exceeded its limit of views per minute. Not counted.",
            },
            Self::Unidentified => ExclusionRow {
                name: "unidentified",
                label: "Unidentified",
                meaning: "The request has no usable address. Counted as a pageview, not as a visitor.",
            },
            Self::Late => ExclusionRow {
                name: "late",
                label: "Late",
                meaning: "The visit was recorded too late to compare it with other days. Counted as a pageview, not as a visitor.",
            },
            Self::Head => {
                ExclusionRow { name: "head", label: "HEAD requests", meaning: "No page is displayed. Not counted." }
            }
            Self::Refused => ExclusionRow {
                name: "refused",
                label: "Refused",
                meaning: "The database rejected the visit; the log has the reason. Not counted.",
            },
            Self::ReferrerSpam => ExclusionRow {
                name: "referrer_spam",
                label: "Referrer spam",
                meaning: "The referrer is a known spam domain. Not counted.",
            },
            Self::OtherHost => ExclusionRow {
                name: "other_host",
                label: "Other hosts",
                meaning: "The line of an imported log is for another host than the site. Not counted.",
            },
            Self::TooManyValues => ExclusionRow {
                name: "too_many_values",
                label: "Too many new values",
                meaning: "The network had added 20 new values to a list on this day. Counted, but listed as other.",
            },
        }
    }

    /// The name in JSON, SQL and logs.
    pub const fn name(self) -> &'static str {
        self.about().name
    }

    /// The exclusion of a name, as JSON, SQL and logs have it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.name() == name)
    }

    /// The name on the page, after a number: "1 bot".
    pub fn label_of(self, count: i64) -> &'static str {
        match self.label() {
            label if count == 1 => label.strip_suffix('s').unwrap_or(label),
            label => label,
        }
    }

    /// The name on the page.
    pub const fn label(self) -> &'static str {
        self.about().label
    }

    /// The meaning in words, for the page.
    pub const fn meaning(self) -> &'static str {
        self.about().meaning
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_exclusion_is_listed_once_at_the_place_of_its_number_and_found_by_its_name() {
        for (index, exclusion) in Exclusion::ALL.iter().enumerate() {
            assert_eq!(*exclusion as usize, index);
            assert_eq!(Exclusion::from_name(exclusion.name()), Some(*exclusion));
        }
    }
}
