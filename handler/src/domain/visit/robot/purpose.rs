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
    /// All of them, with the name in the list and in responses, and the label of the page.
    const ALL: [(Self, &'static str, &'static str); 8] = [
        (Self::Search, "search", "search engine"),
        (Self::AiSearch, "ai_search", "AI search"),
        (Self::AiTraining, "ai_training", "AI training"),
        (Self::AiAssistant, "ai_assistant", "AI assistant"),
        (Self::Seo, "seo", "SEO"),
        (Self::Monitoring, "monitoring", "monitoring"),
        (Self::Library, "library", "script or library"),
        (Self::Other, "other", "other"),
    ];

    /// The purpose with this name in the list.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == name).map(|(purpose, ..)| *purpose)
    }

    fn row(self) -> (Self, &'static str, &'static str) {
        Self::ALL[self as usize]
    }

    /// The name in responses.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The label of the page.
    pub fn label(self) -> &'static str {
        self.row().2
    }
}
