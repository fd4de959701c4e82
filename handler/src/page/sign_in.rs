//! The form that asks for the dashboard token.

use serde::Serialize;

use super::{TEMPLATES, short};
use crate::{build, visitor::SiteName};

/// What `sign_in.html` shows.
#[derive(Serialize)]
struct SignIn<'a> {
    title: &'static str,
    site: Option<&'a str>,
    is_wrong: bool,
    version: &'static str,
    commit: &'static str,
}

/// Renders the form, as a whole page: for the site that was asked for, and saying so if the token was another.
///
/// # Errors
/// If the template names what is not there; the tests render it.
pub fn render_sign_in(site: Option<&SiteName>, is_wrong: bool) -> anyhow::Result<String> {
    let form = SignIn {
        title: "Sign in · Footfall",
        site: site.map(|site| &**site),
        is_wrong,
        version: build::VERSION,
        commit: short(build::COMMIT),
    };
    Ok(TEMPLATES.render("sign_in", &form)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_keeps_the_site_and_says_when_the_token_was_wrong() {
        let site: SiteName = "example.com".parse().unwrap();
        let form = render_sign_in(Some(&site), true).unwrap();
        assert!(form.contains("value=\"example.com\"") && form.contains("not the token"), "{form}");
        assert!(!render_sign_in(None, false).unwrap().contains("not the token"));
    }
}
