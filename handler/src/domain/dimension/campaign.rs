//! Campaigns from links and from the script: their source, medium and name.

use super::{Dimension, channel::ChannelGroup, value::printable};

/// Longest stored part of a campaign, in bytes.
const MAXIMUM_PART_BYTES: usize = 80;

/// The dimensions of the parts, in the order of a link.
const PARTS: [Dimension; 3] = [Dimension::CampaignSource, Dimension::CampaignMedium, Dimension::Campaign];

/// The source, medium and name of a campaign, short and printable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Campaign([Option<String>; 3]);

impl Campaign {
    pub fn new(source: Option<&str>, medium: Option<&str>, name: Option<&str>) -> Self {
        let clean = |part: &str| {
            let part = printable(part.trim(), MAXIMUM_PART_BYTES);
            (!part.is_empty()).then_some(part)
        };
        Self([source, medium, name].map(|part| part.and_then(clean)))
    }

    /// The campaign in the query of a link, from the parameters that the script reads: `utm_source` or else `ref`, `utm_medium` and
    /// `utm_campaign`. The first parameter of each name counts.
    pub fn in_query(query: &str) -> Self {
        // Most queries have no campaign and need no decoding.
        if !["utm_", "ref=", "%"].iter().any(|part| query.contains(part)) {
            return Self::default();
        }
        let parameter = |name: &str| {
            let mut pairs = url::form_urlencoded::parse(query.as_bytes());
            pairs.find_map(|(found, value)| (found == name).then_some(value)).filter(|value| !value.is_empty())
        };
        let source = parameter("utm_source").or_else(|| parameter("ref"));
        Self::new(source.as_deref(), parameter("utm_medium").as_deref(), parameter("utm_campaign").as_deref())
    }

    /// The channel that the medium names. Links in mails and apps often come without a referrer.
    pub fn channel(&self) -> Option<ChannelGroup> {
        let [_, medium, _] = &self.0;
        let medium = medium.as_deref()?.to_lowercase().replace(['-', '_', ' '], "");
        match &*medium {
            "email" | "mail" | "newsletter" => Some(ChannelGroup::Mail),
            "social" | "socialmedia" | "socialnetwork" => Some(ChannelGroup::Social),
            _ => None,
        }
    }

    /// The values that a view with this campaign counts under: each part, and the link if it has several. The list of links says which
    /// parts came together. A missing part is a hyphen there, so that the others keep their places.
    pub fn values(self) -> impl Iterator<Item = (Dimension, String)> {
        let Self(parts) = self;
        let is_link = parts.iter().flatten().count() > 1;
        let link = is_link.then(|| parts.each_ref().map(|part| part.as_deref().unwrap_or("-")).join(" / "));
        let parts = PARTS.into_iter().zip(parts).filter_map(|(dimension, part)| Some((dimension, part?)));
        parts.chain(link.map(|link| (Dimension::CampaignLink, link)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(campaign: Campaign) -> Vec<(Dimension, String)> {
        campaign.values().collect()
    }

    #[test]
    fn some_mediums_name_a_channel() {
        let channel = |medium| Campaign::new(Some("letter"), medium, None).channel();
        for medium in ["email", "E-Mail", "e_mail", "newsletter"] {
            assert_eq!(channel(Some(medium)), Some(ChannelGroup::Mail), "{medium}");
        }
        assert_eq!(channel(Some("social-media")), Some(ChannelGroup::Social));
        assert_eq!((channel(Some("cpc")), channel(Some("")), channel(None)), (None, None, None));
    }

    #[test]
    fn a_part_of_a_campaign_is_short_and_printable() {
        let source = |text: &str| Campaign::new(Some(text), None, None).0[0].clone();
        assert_eq!(Campaign::new(None, Some(" "), None), Campaign::default());
        assert_eq!(source("a\u{0}b"), Some("a\u{fffd}b".to_owned()));
        assert_eq!(source(&"x".repeat(500)).unwrap().len(), MAXIMUM_PART_BYTES);
    }

    #[test]
    fn a_campaign_counts_under_each_part_and_several_parts_under_their_link() {
        let all = Campaign::new(Some("letter"), Some("email"), Some("spring"));
        let expected = [
            (Dimension::CampaignSource, "letter"),
            (Dimension::CampaignMedium, "email"),
            (Dimension::Campaign, "spring"),
            (Dimension::CampaignLink, "letter / email / spring"),
        ];
        assert_eq!(values(all), expected.map(|(dimension, value)| (dimension, value.to_owned())));
        let link = |campaign| values(campaign).pop().unwrap();
        let expected = (Dimension::CampaignLink, "letter / - / spring".to_owned());
        assert_eq!(link(Campaign::new(Some("letter"), None, Some("spring"))), expected);
        let only = values(Campaign::new(None, Some("email"), None));
        assert_eq!(only, [(Dimension::CampaignMedium, "email".to_owned())]);
        assert_eq!(values(Campaign::default()), []);
    }

    #[test]
    fn a_campaign_in_a_query_is_read_as_the_script_reads_it() {
        for (query, expected) in [
            (
                "utm_source=letter&utm_medium=email&utm_campaign=Spring%20sale&ref=other",
                [Some("letter"), Some("email"), Some("Spring sale")],
            ),
            ("utm_campaign=Spring+sale&page=2", [None, None, Some("Spring sale")]),
            ("ref=news.example.org", [Some("news.example.org"), None, None]),
            ("utm_source=&ref=a", [Some("a"), None, None]),
            ("utm_source=a&utm_source=b", [Some("a"), None, None]),
            ("%75tm_source=a", [Some("a"), None, None]),
            ("utm_source=%FF", [Some("\u{fffd}"), None, None]),
            ("xref=a&prefer=1", [None; 3]),
            ("utm_term=a", [None; 3]),
            ("utm_source", [None; 3]),
            ("", [None; 3]),
        ] {
            assert_eq!(Campaign::in_query(query), Campaign(expected.map(|part| part.map(str::to_owned))), "{query}");
        }
    }
}
