//! The page that shows a person whether their own visit would count, and why.

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    templates::templates,
    wording::{meaning, purpose, short, titled},
};
use crate::{
    build,
    domain::{
        Exclusion,
        visit::robot::{Robot, RobotPurpose},
    },
    texts::{Texts, english},
};

/// The result for one request.
pub struct Verdict {
    /// Whether the request would count as a pageview.
    pub pageview: bool,
    /// Whether the request would count as a visitor.
    pub visitor: bool,
    /// The reason why the request would not count in full.
    pub exclusion: Option<Exclusion>,
    /// The robot with this User-Agent.
    pub robot: Option<&'static Robot>,
}

/// The JSON form.
impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut verdict = serializer.serialize_map(None)?;
        verdict.serialize_entry("pageview", &self.pageview)?;
        verdict.serialize_entry("visitor", &self.visitor)?;
        verdict.serialize_entry("reason", &self.exclusion.map(Exclusion::name))?;
        verdict.serialize_entry("meaning", &self.exclusion.map(|exclusion| meaning(english(), exclusion)))?;
        verdict.serialize_entry("robot", &self.robot.map(RobotJson))?;
        verdict.end()
    }
}

struct RobotJson(&'static Robot);

impl Serialize for RobotJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Robot { name, operator, purpose } = self.0;
        let mut robot = serializer.serialize_map(Some(3))?;
        robot.serialize_entry("name", name)?;
        robot.serialize_entry("operator", operator)?;
        robot.serialize_entry("purpose", purpose.name())?;
        robot.end()
    }
}

/// The values of `why.html`.
#[derive(Serialize)]
struct Why {
    title: String,
    verdict: &'static str,
    reason: Option<&'static str>,
    robot: Option<String>,
    version: &'static str,
    commit: &'static str,
}

/// Renders the result as a page.
///
/// # Errors
/// If the template names a missing value; the tests render it.
pub fn render_why(texts: &'static Texts, verdict: &Verdict) -> anyhow::Result<String> {
    let why = Why {
        title: titled(texts.of("why.heading")),
        verdict: texts.of(match (verdict.pageview, verdict.visitor) {
            (_, true) => "why.visitor",
            (true, false) => "why.pageview",
            (false, _) => "why.nothing",
        }),
        reason: verdict.exclusion.map(|exclusion| meaning(texts, exclusion)),
        robot: verdict.robot.map(|robot| describe(texts, robot)),
        version: build::VERSION,
        commit: short(build::COMMIT),
    };
    Ok(templates(texts).render("why", &why)?)
}

fn describe(texts: &'static Texts, robot: &Robot) -> String {
    let name = robot.name.unwrap_or(texts.of("why.unlisted"));
    let named = match robot.operator {
        Some(operator) => texts.filled("why.run_by", &[("robot", name), ("operator", operator)]),
        None => name.to_owned(),
    };
    match robot.purpose {
        RobotPurpose::Other => named,
        known => format!("{named} ({})", purpose(texts, known)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::visit::robot;

    #[test]
    fn the_why_page_shows_the_verdict_and_the_robot() {
        let counts = Verdict { pageview: true, visitor: true, exclusion: None, robot: None };
        assert!(render_why(english(), &counts).unwrap().contains("Yes, as a pageview and as a visitor."));
        let robot = Verdict {
            pageview: false,
            visitor: false,
            exclusion: Some(Exclusion::Bots),
            robot: robot::identify("GPTBot/1.1"),
        };
        let page = render_why(english(), &robot).unwrap();
        assert!(page.contains("GPTBot") && page.contains("AI training"), "{page}");
        let json = serde_json::to_value(&robot).unwrap();
        assert_eq!((&json["reason"], &json["robot"]["purpose"]), (&"bots".into(), &"ai_training".into()));
    }
}
