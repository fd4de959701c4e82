//! The table of exclusions: why a request is not counted in full. Number and name of each are here and only here; its words
//! are in `handler/texts`.

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

    /// The name in JSON, SQL, logs and keys of texts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bots => "bots",
            Self::Prefetch => "prefetch",
            Self::OptedOut => "opted_out",
            Self::Own => "own",
            Self::RateLimited => "rate_limited",
            Self::Unidentified => "unidentified",
            Self::Late => "late",
            Self::Head => "head",
            Self::Refused => "refused",
            Self::ReferrerSpam => "referrer_spam",
            Self::OtherHost => "other_host",
            Self::TooManyValues => "too_many_values",
        }
    }

    /// The exclusion of a name, as JSON, SQL and logs have it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.name() == name)
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
