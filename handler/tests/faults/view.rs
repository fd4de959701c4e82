//! The requests: which visitor views what, what is sent, and under which values it counts.

use handler::domain::{Dimension, Exclusion, TallyKey};
use serde_json::json;

use crate::{
    client::{FIREFOX, GOOGLEBOT, Request, SAFARI, visitor},
    random::Random,
};

/// The app's own site, whose page counts its own view, and sites with the script and the pixel.
pub(crate) const SITES: [&str; 4] = ["localhost", "one.example", "two.example", "three.example"];

/// The pages of a site with the script. The next number is an event.
const PAGES: usize = 12;

const EVENT: &str = "signup";

/// A view or an event, as often as a client sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct View {
    site: u8,
    target: u8,
    visitor: u32,
}

/// A value under which a view counts.
pub(crate) struct Value {
    pub(crate) dimension: i16,
    pub(crate) value: String,
    pub(crate) has_visitors: bool,
}

impl View {
    /// A tenth of the visitors come most of the time.
    pub(crate) fn random(random: &mut Random, visitors: usize) -> Self {
        let site = if random.percent(4) { 0 } else { 1 + random.below(SITES.len() - 1) };
        let visitor = if random.percent(60) { random.below(visitors.div_ceil(10)) } else { random.below(visitors) };
        let target = random.below(PAGES + 1);
        let number = |number: usize| u8::try_from(number).unwrap();
        let mut view = Self { site: number(site), target: number(target), visitor: u32::try_from(visitor).unwrap() };
        // Only the script sends events, and robots send none.
        if site == 0 || (view.is_event() && (view.has_pixel() || view.is_robot())) {
            view.target = 0;
        }
        view
    }

    pub(crate) fn site(self) -> &'static str {
        SITES[usize::from(self.site)]
    }

    pub(crate) fn visitor(self) -> u32 {
        self.visitor
    }

    fn is_event(self) -> bool {
        usize::from(self.target) == PAGES
    }

    fn is_opted_out(self) -> bool {
        self.visitor.is_multiple_of(16)
    }

    fn is_robot(self) -> bool {
        self.visitor % 16 == 1
    }

    /// Whether the visitor runs no script.
    fn has_pixel(self) -> bool {
        self.visitor % 8 == 7
    }

    fn page(self) -> String {
        if self.target == 0 { "/".to_owned() } else { format!("/page-{}", self.target) }
    }

    fn referrer(self) -> Option<&'static str> {
        let has_one = self.site > 0 && !self.has_pixel() && (self.visitor + u32::from(self.target)).is_multiple_of(4);
        has_one.then_some("news.example")
    }

    fn browser(self) -> (&'static str, &'static str) {
        if self.visitor.is_multiple_of(3) { ("Safari", SAFARI) } else { ("Firefox", FIREFOX) }
    }

    pub(crate) fn request(self) -> Request {
        let agent = if self.is_robot() { GOOGLEBOT } else { self.browser().1 };
        let mut request = visitor(usize::try_from(self.visitor).unwrap()).user_agent(agent);
        request = request.header("Accept-Language", "de-DE");
        if self.is_opted_out() {
            request = request.header("Sec-GPC", "1");
        }
        let (site, page) = (self.site(), self.page());
        if self.site == 0 {
            return request;
        }
        if self.has_pixel() {
            return request.to(&format!("/v/{site}.gif")).header("Referer", &format!("https://{site}{page}"));
        }
        let mut message = json!({ "s": site, "p": page, "z": "Europe/Zurich" });
        if let Some(host) = self.referrer() {
            message["r"] = format!("https://{host}").into();
        }
        if self.is_event() {
            message["e"] = EVENT.into();
        }
        let body = message.to_string();
        request
            .to("/v")
            .method("POST")
            .header("Content-Type", "text/plain;charset=UTF-8")
            .header("Content-Length", &body.len().to_string())
            .header("Origin", &format!("https://{site}"))
            .body(&body)
    }

    /// Every value that is compared one by one. Others are compared by their sums.
    pub(crate) fn values(self) -> Vec<Value> {
        let value = |key: TallyKey, value: &str, has_visitors| Value {
            dimension: key.number(),
            value: value.to_owned(),
            has_visitors,
        };
        let is_visitor = !self.is_opted_out();
        if self.is_robot() {
            return vec![value(TallyKey::Exclusion, Exclusion::Bots.name(), false)];
        }
        if self.is_event() {
            return vec![value(TallyKey::Of(Dimension::Event), EVENT, is_visitor)];
        }
        let mut values = vec![
            value(TallyKey::Total, "", is_visitor),
            value(TallyKey::Of(Dimension::Page), &self.page(), is_visitor),
            value(TallyKey::Of(Dimension::Browser), self.browser().0, is_visitor),
        ];
        if let Some(host) = self.referrer() {
            values.push(value(TallyKey::Of(Dimension::Referrer), host, is_visitor));
        }
        if !is_visitor {
            values.push(value(TallyKey::Exclusion, Exclusion::OptedOut.name(), false));
        }
        values
    }
}

/// The dimensions whose values [`View::values`] has.
pub(crate) fn is_compared(dimension: i16) -> bool {
    [Dimension::Event, Dimension::Page, Dimension::Browser, Dimension::Referrer]
        .map(Dimension::number)
        .contains(&dimension)
        || [TallyKey::Total, TallyKey::Exclusion].map(TallyKey::number).contains(&dimension)
}
