//! The sign-in form for the dashboard token.

use serde::Serialize;

use super::{
    templates::templates,
    wording::{short, titled},
};
use crate::{build, domain::SiteName, texts::Texts};

/// The values of `sign_in.html`.
#[derive(Serialize)]
struct SignIn<'a> {
    title: String,
    site: Option<&'a str>,
    /// The reason why the form is shown again.
    problem: Option<&'a str>,
    version: &'static str,
    commit: &'static str,
}

/// Renders the page with the form, for the requested site, and with the problem of the last attempt.
///
/// # Errors
/// If the template names a missing value; the tests render it.
pub fn render_sign_in(texts: &'static Texts, site: Option<&SiteName>, problem: Option<&str>) -> anyhow::Result<String> {
    let form = SignIn {
        title: titled(texts.of("sign_in.heading")),
        site: site.map(|site| &**site),
        problem,
        version: build::VERSION,
        commit: short(build::COMMIT),
    };
    Ok(templates(texts).render("sign_in", &form)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::english;

    #[test]
    fn the_sign_in_form_keeps_the_site_and_shows_the_problem() {
        let site: SiteName = "example.com".parse().unwrap();
        let form = render_sign_in(english(), Some(&site), Some("Wrong token.")).unwrap();
        assert!(form.contains("value=\"example.com\"") && form.contains("Wrong token."), "{form}");
        assert!(!render_sign_in(english(), None, None).unwrap().contains("role=\"alert\""));
    }
}
