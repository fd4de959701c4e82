//! The sign-in form for the dashboard token.

use serde::Serialize;

use super::{TEMPLATES, short};
use crate::{build, domain::SiteName};

/// The values of `sign_in.html`.
#[derive(Serialize)]
struct SignIn<'a> {
    title: &'static str,
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
pub fn render_sign_in(site: Option<&SiteName>, problem: Option<&str>) -> anyhow::Result<String> {
    let form = SignIn {
        title: "Sign in · Footfall",
        site: site.map(|site| &**site),
        problem,
        version: build::VERSION,
        commit: short(build::COMMIT),
    };
    Ok(TEMPLATES.render("sign_in", &form)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sign_in_form_keeps_the_site_and_shows_the_problem() {
        let site: SiteName = "example.com".parse().unwrap();
        let form = render_sign_in(Some(&site), Some("Wrong token.")).unwrap();
        assert!(form.contains("value=\"example.com\"") && form.contains("Wrong token."), "{form}");
        assert!(!render_sign_in(None, None).unwrap().contains("role=\"alert\""));
    }
}
