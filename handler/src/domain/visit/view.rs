//! What is counted apart of one view: from what a browser, a script or a log says to the values of dimensions.

use std::borrow::Cow;

use serde::Deserialize;

use crate::domain::{
    Classification, Dimension, Exclusion,
    agent::{self, Hints},
    channel, country, language, referrer,
    robot::{self, Purpose},
};

/// What is known of a view. Nothing of it is kept but the values that are made of it.
#[derive(Default)]
pub struct View<'a> {
    /// The page, as it is counted.
    pub page: Cow<'a, str>,
    /// The host that led here, as [`crate::domain::referrer::referring_host`] says it.
    pub referrer: Option<String>,
    /// The User-Agent without the Functions host's suffix; none if a log does not hold it.
    pub user_agent: Option<&'a str>,
    /// What the browser says of its system beside the User-Agent.
    pub hints: Hints<'a>,
    /// How wide the window is, where the User-Agent does not tell the kind of device.
    pub window: Option<Window>,
    /// The IANA name of the browser's time zone.
    pub time_zone: Option<&'a str>,
    /// A language tag, or an `Accept-Language` value; the first counts.
    pub language: Option<&'a str>,
    /// The campaign, as [`campaign`] says it.
    pub campaign: Option<String>,
}

/// How wide a browser's window is, as the script tells it apart, by a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Window {
    /// Below 576 CSS pixels.
    #[serde(rename = "s")]
    Small,
    /// Below 992.
    #[serde(rename = "m")]
    Medium,
    /// Anything else.
    #[serde(rename = "l")]
    Large,
}

impl View<'_> {
    /// The values under which the view counts. Of a robot it is which one, and what an AI's robot read.
    pub fn values(self, classification: &Classification) -> Vec<(Dimension, Cow<'static, str>)> {
        let page = || Cow::<'static, str>::Owned(self.page.clone().into_owned());
        match classification {
            Classification::Excluded(Exclusion::Bots) => {
                let Some(robot) = self.user_agent.and_then(robot::robot) else { return Vec::new() };
                let mut values = vec![(Dimension::Robot, Cow::Borrowed(robot.name.unwrap_or(UNNAMED_ROBOT)))];
                if matches!(robot.purpose, Purpose::AiSearch | Purpose::AiTraining | Purpose::AiAssistant) {
                    values.push((Dimension::AiPage, page()));
                }
                values
            }
            Classification::Excluded(_) => Vec::new(),
            Classification::Visitor(_) | Classification::Pageview(_) => {
                let mut values = Vec::with_capacity(11);
                values.push((Dimension::Page, page()));
                values.push((Dimension::EntryPage, page()));
                if let Some(host) = &self.referrer {
                    values.push((Dimension::Channel, Cow::Borrowed(channel::group(host).name())));
                    values.push((Dimension::Referrer, Cow::Owned(host.clone())));
                    values.push((Dimension::Referral, Cow::Owned(referrer::pair(host, &self.page))));
                }
                self.add_browser(&mut values);
                let country = self.time_zone.and_then(country::of_time_zone);
                let country = country.or_else(|| self.language.and_then(country::of_language));
                values.extend(country.map(|country| (Dimension::Country, Cow::Borrowed(country.code()))));
                let language = self.language.and_then(language::of);
                values.extend(language.map(|language| (Dimension::Language, Cow::Borrowed(language.code()))));
                values.extend(self.campaign.map(|campaign| (Dimension::Campaign, Cow::Owned(campaign))));
                values
            }
        }
    }

    fn add_browser(&self, values: &mut Vec<(Dimension, Cow<'static, str>)>) {
        let Some(user_agent) = self.user_agent else { return };
        let agent = agent::describe(user_agent, self.hints);
        let device = match (agent.device, self.window) {
            ("Other", Some(Window::Small)) => "Phone",
            ("Other", Some(Window::Medium)) => "Tablet",
            ("Other", Some(Window::Large)) => "Desktop",
            (device, _) => device,
        };
        values.push((Dimension::Browser, Cow::Borrowed(agent.browser)));
        values.push((Dimension::OperatingSystem, Cow::Borrowed(agent.operating_system)));
        values.push((Dimension::Device, Cow::Borrowed(device)));
    }
}

/// What a robot is called that is on no list.
pub const UNNAMED_ROBOT: &str = "unnamed";

/// The longest part of a campaign that is kept, in bytes.
const MAXIMUM_CAMPAIGN_BYTES: usize = 80;

/// A campaign's name: its source, medium and own name, as far as they are there, such as `newsletter / email / spring`.
pub fn campaign(parts: [Option<&str>; 3]) -> Option<String> {
    let clean = |part: &str| {
        let part = super::printable(part.trim(), MAXIMUM_CAMPAIGN_BYTES);
        (!part.is_empty()).then_some(part)
    };
    let parts: Vec<String> = parts.into_iter().flatten().filter_map(clean).collect();
    (!parts.is_empty()).then(|| parts.join(" / "))
}

/// The campaign in a link's query, of the parameters that the script reads: `utm_source` or else `ref`, `utm_medium`, `utm_campaign`; the
/// first of each name counts.
pub fn campaign_in_query(query: &str) -> Option<String> {
    // Most queries have none, and need not be decoded.
    if !["utm_", "ref=", "%"].iter().any(|part| query.contains(part)) {
        return None;
    }
    let parameter = |name: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find_map(|(found, value)| (found == name).then_some(value)).filter(|value| !value.is_empty())
    };
    let source = parameter("utm_source").or_else(|| parameter("ref"));
    campaign([source.as_deref(), parameter("utm_medium").as_deref(), parameter("utm_campaign").as_deref()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Claims;

    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

    fn view(user_agent: &str) -> View<'_> {
        View {
            page: "/a".into(),
            user_agent: Some(user_agent),
            referrer: Some("duckduckgo.com".to_owned()),
            time_zone: Some("Europe/Zurich"),
            language: Some("de-DE"),
            campaign: campaign([Some("news"), None, Some("spring")]),
            ..View::default()
        }
    }

    fn values_of(view: View<'_>) -> Vec<(Dimension, String)> {
        let claims = Claims { user_agent: view.user_agent.unwrap_or_default(), ..Claims::default() };
        let classification = claims.classification();
        view.values(&classification).into_iter().map(|(dimension, value)| (dimension, value.into_owned())).collect()
    }

    #[test]
    fn a_view_has_one_value_of_each_dimension_that_is_known() {
        let expected = [
            (Dimension::Page, "/a"),
            (Dimension::EntryPage, "/a"),
            (Dimension::Channel, "search"),
            (Dimension::Referrer, "duckduckgo.com"),
            (Dimension::Referral, "duckduckgo.com /a"),
            (Dimension::Browser, "Firefox"),
            (Dimension::OperatingSystem, "Linux"),
            (Dimension::Device, "Desktop"),
            (Dimension::Country, "CH"),
            (Dimension::Language, "de"),
            (Dimension::Campaign, "news / spring"),
        ];
        assert_eq!(values_of(view(FIREFOX)), expected.map(|(dimension, value)| (dimension, value.to_owned())));
    }

    #[test]
    fn the_country_is_the_time_zones_and_without_one_the_languages() {
        let country = |zone, language| {
            let values = values_of(View { time_zone: zone, language, ..view(FIREFOX) });
            values.into_iter().find(|(dimension, _)| *dimension == Dimension::Country).map(|(_, value)| value)
        };
        assert_eq!(country(None, Some("de-AT,de;q=0.9")), Some("AT".to_owned()));
        assert_eq!(country(Some("UTC"), Some("fr-CA")), Some("CA".to_owned()));
        assert_eq!(country(Some("Nowhere/At_All"), Some("fr")), None);
    }

    #[test]
    fn a_robot_is_counted_by_its_name_and_an_ais_by_the_page_that_it_read() {
        let robots = |user_agent| values_of(view(user_agent));
        let named = |name: &str| (Dimension::Robot, name.to_owned());
        assert_eq!(
            robots("Mozilla/5.0 (compatible; GPTBot/1.1)"),
            [named("GPTBot"), (Dimension::AiPage, "/a".to_owned())]
        );
        assert_eq!(robots(""), [named(UNNAMED_ROBOT)]);
        assert_eq!(robots("Mozilla/5.0 (compatible; Googlebot/2.1)")[0], named("Googlebot"));
    }

    #[test]
    fn a_campaign_is_short_and_printable() {
        assert_eq!(campaign([None, Some(" "), None]), None);
        assert_eq!(campaign([Some("a\u{0}b"), None, None]), Some("a\u{fffd}b".to_owned()));
        assert_eq!(campaign([Some(&"x".repeat(500)), None, None]).unwrap().len(), MAXIMUM_CAMPAIGN_BYTES);
    }

    #[test]
    fn a_campaign_in_a_query_is_what_the_script_would_have_read_there() {
        for (query, expected) in [
            (
                "utm_source=letter&utm_medium=email&utm_campaign=Spring%20sale&ref=other",
                Some("letter / email / Spring sale"),
            ),
            ("utm_campaign=Spring+sale&page=2", Some("Spring sale")),
            ("ref=news.example.org", Some("news.example.org")),
            ("utm_source=&ref=a", Some("a")),
            ("utm_source=a&utm_source=b", Some("a")),
            ("%75tm_source=a", Some("a")),
            ("utm_source=%FF", Some("\u{fffd}")),
            ("xref=a&prefer=1", None),
            ("utm_term=a", None),
            ("utm_source", None),
            ("", None),
        ] {
            assert_eq!(campaign_in_query(query).as_deref(), expected, "{query}");
        }
    }
}
