//! The purposes of robots.

/// The purpose of a robot, according to the sources of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RobotPurpose {
    /// The index of a search engine.
    Search,
    /// The search index of an AI.
    AiSearch,
    /// Training of an AI, or collecting pages for an AI with an unknown purpose.
    AiTraining,
    /// Fetches a page on behalf of a user of an AI.
    AiAssistant,
    /// Ranking, backlinks, marketing.
    Seo,
    /// Checks whether a site is up, fast or safe.
    Monitoring,
    /// An HTTP client of scripts, or an automated browser.
    Library,
    /// Another purpose, such as previews, feeds, archives, advertising or research; or an unknown one.
    Other,
}

impl RobotPurpose {
    /// All of them, with the name in the list, in responses and in keys of texts.
    const ALL: [(Self, &'static str); 8] = [
        (Self::Search, "search"),
        (Self::AiSearch, "ai_search"),
        (Self::AiTraining, "ai_training"),
        (Self::AiAssistant, "ai_assistant"),
        (Self::Seo, "seo"),
        (Self::Monitoring, "monitoring"),
        (Self::Library, "library"),
        (Self::Other, "other"),
    ];

    /// All purposes.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::ALL.iter().map(|(purpose, _)| *purpose)
    }

    /// The purpose with this name in the list.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(purpose, _)| *purpose)
    }

    /// The name in responses and keys of texts.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}
