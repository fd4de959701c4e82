//! Turns the properties of a view, from a browser, a script or a log, into values of dimensions.

use std::borrow::Cow;

use serde::Deserialize;

use super::{
    Classification,
    robot::{self, RobotPurpose},
};
use crate::domain::{
    dimension::{
        Dimension, UNKNOWN,
        agent::{self, Hints},
        campaign::Campaign,
        channel::{self, ChannelGroup},
        country::{self, Country},
        language::{self, Language},
        referrer,
    },
    exclusion::Exclusion,
};

/// The known properties of a view. Only the values made of them are stored.
#[derive(Default)]
pub struct ViewFacts<'a> {
    /// The page, in its counted form.
    pub page: Cow<'a, str>,
    /// The referring host, from [`crate::domain::dimension::referrer::referring_host`].
    pub referrer: Option<String>,
    /// The User-Agent without the Functions host's suffix; `None` if a log does not have it.
    pub user_agent: Option<&'a str>,
    pub hints: Hints<'a>,
    /// The width of the window, used if the User-Agent does not show the kind of device.
    pub window: Option<Window>,
    /// The IANA name of the browser's time zone.
    pub time_zone: Option<&'a str>,
    /// A language tag, or an `Accept-Language` value; the first counts.
    pub language: Option<&'a str>,
    /// The campaign of the link that led to the view.
    pub campaign: Campaign,
}

/// The width of a browser's window, as a letter of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Window {
    /// Below 576 CSS pixels.
    #[serde(rename = "s")]
    Small,
    /// Below 992 CSS pixels.
    #[serde(rename = "m")]
    Medium,
    /// At least 992 CSS pixels.
    #[serde(rename = "l")]
    Large,
}

impl ViewFacts<'_> {
    /// The values that the view counts under. For a robot: its name, and for an AI's robot also the page.
    pub fn values(self, classification: &Classification) -> Vec<(Dimension, Cow<'static, str>)> {
        let page = || Cow::<'static, str>::Owned(self.page.clone().into_owned());
        match classification {
            Classification::Excluded(Exclusion::Bots) => {
                let Some(robot) = self.user_agent.and_then(robot::identify) else { return Vec::new() };
                let mut values = vec![(Dimension::Robot, Cow::Borrowed(robot.name.unwrap_or(UNNAMED_ROBOT)))];
                if matches!(
                    robot.purpose,
                    RobotPurpose::AiSearch | RobotPurpose::AiTraining | RobotPurpose::AiAssistant
                ) {
                    values.push((Dimension::AiPage, page()));
                }
                values
            }
            Classification::Excluded(_) => Vec::new(),
            Classification::Visitor(_) | Classification::Pageview(_) => {
                let mut values = Vec::with_capacity(14);
                values.push((Dimension::Page, page()));
                values.push((Dimension::EntryPage, page()));
                let channel = self.channel();
                values.push((Dimension::Channel, Cow::Borrowed(channel.name())));
                if let Some(host) = &self.referrer {
                    values.push((Dimension::Referrer, Cow::Owned(host.clone())));
                    values.push((Dimension::Referral, Cow::Owned(referrer::pair(host, &self.page))));
                }
                self.add_browser(&mut values);
                let country = self.time_zone.and_then(country::of_time_zone);
                let country = country.or_else(|| self.language.and_then(country::of_language));
                values.push((Dimension::Country, country.map_or(UNKNOWN, Country::code).into()));
                let language = self.language.and_then(language::of);
                values.push((Dimension::Language, language.map_or(UNKNOWN, Language::code).into()));
                values.extend(self.campaign.values().map(|(dimension, value)| (dimension, Cow::Owned(value))));
                values
            }
        }
    }

    /// The channel of the referring host, or else the one that the campaign names.
    fn channel(&self) -> ChannelGroup {
        match self.referrer.as_deref().map_or(ChannelGroup::Direct, channel::of_host) {
            channel @ (ChannelGroup::Direct | ChannelGroup::Other) => self.campaign.channel().unwrap_or(channel),
            channel => channel,
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

/// The name of robots that are not on the list.
pub const UNNAMED_ROBOT: &str = "unnamed";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::visit::Claims;

    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

    fn view(user_agent: &str) -> ViewFacts<'_> {
        ViewFacts {
            page: "/a".into(),
            user_agent: Some(user_agent),
            referrer: Some("duckduckgo.com".to_owned()),
            time_zone: Some("Europe/Zurich"),
            language: Some("de-DE"),
            campaign: Campaign::new(Some("news"), None, Some("spring")),
            ..ViewFacts::default()
        }
    }

    fn values_of(view: ViewFacts<'_>) -> Vec<(Dimension, String)> {
        let claims = Claims { user_agent: view.user_agent.unwrap_or_default(), ..Claims::default() };
        let classification = claims.classification();
        view.values(&classification).into_iter().map(|(dimension, value)| (dimension, value.into_owned())).collect()
    }

    #[test]
    fn a_view_has_one_value_of_each_known_dimension() {
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
            (Dimension::CampaignSource, "news"),
            (Dimension::Campaign, "spring"),
            (Dimension::CampaignLink, "news / - / spring"),
        ];
        assert_eq!(values_of(view(FIREFOX)), expected.map(|(dimension, value)| (dimension, value.to_owned())));
    }

    #[test]
    fn a_medium_names_the_channel_where_the_referrer_says_less() {
        let channel = |referrer: Option<&str>, medium| {
            let campaign = Campaign::new(Some("letter"), medium, None);
            let view = ViewFacts { referrer: referrer.map(str::to_owned), campaign, ..view(FIREFOX) };
            values_of(view).into_iter().find(|(dimension, _)| *dimension == Dimension::Channel).unwrap().1
        };
        assert_eq!(channel(None, Some("email")), "mail");
        assert_eq!(channel(Some("clicks.example"), Some("email")), "mail");
        assert_eq!(channel(Some("duckduckgo.com"), Some("email")), "search");
        assert_eq!(
            (channel(None, Some("print")), channel(Some("news.example"), None)),
            ("direct".into(), "other".into())
        );
    }

    #[test]
    fn the_country_comes_from_the_time_zone_or_else_the_language() {
        let country = |zone, language| {
            let values = values_of(ViewFacts { time_zone: zone, language, ..view(FIREFOX) });
            values.into_iter().find(|(dimension, _)| *dimension == Dimension::Country).unwrap().1
        };
        assert_eq!(country(None, Some("de-AT,de;q=0.9")), "AT");
        assert_eq!(country(Some("UTC"), Some("fr-CA")), "CA");
        assert_eq!(country(Some("Nowhere/At_All"), Some("fr")), UNKNOWN);
    }

    #[test]
    fn a_robot_counts_under_its_name_and_an_ai_under_the_page_too() {
        let robots = |user_agent| values_of(view(user_agent));
        let named = |name: &str| (Dimension::Robot, name.to_owned());
        assert_eq!(
            robots("Mozilla/5.0 (compatible; GPTBot/1.1)"),
            [named("GPTBot"), (Dimension::AiPage, "/a".to_owned())]
        );
        assert_eq!(robots(""), [named(UNNAMED_ROBOT)]);
        assert_eq!(robots("Mozilla/5.0 (compatible; Googlebot/2.1)")[0], named("Googlebot"));
    }
}
