//! Who may see the numbers. Counting never asks.
//!
//! Nothing is stored: what a browser or a link holds is signed with a key that is made of the dashboard token, so another token ends
//! all sessions and links at once.

use std::time::Duration;

use jiff::Timestamp;

use super::request::Request;
use crate::{
    config::{Config, Secret},
    domain::SiteName,
};

/// How long a browser stays signed in.
const SESSION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Only sent to this host, over TLS, to no script and from no other site (RFC 6265bis §4.1.3, `__Host-`).
const COOKIE: &str = "__Host-footfall";

/// Who may see the numbers of which site.
pub struct Access {
    /// The dashboard token; none: everybody may see everything.
    pub token: Option<Secret>,
    /// Sites whose numbers everybody may see all the same.
    pub public: Vec<SiteName>,
    /// Names of links that are good no longer.
    pub revoked: Vec<String>,
}

impl Access {
    /// The access that the configuration grants.
    pub fn new(config: &Config) -> Self {
        Self {
            token: config.dashboard_token.clone(),
            public: config.public_sites.clone(),
            revoked: config.revoked_links.clone(),
        }
    }

    /// Whether a request may see the numbers of a site.
    pub(super) fn allows(&self, request: &Request, site: &SiteName, now: Timestamp) -> bool {
        let Some(token) = &self.token else { return true };
        self.public.contains(site)
            || self.allows_all(request, now)
            || request.parameter("share").is_some_and(|link| self.is_link(token, site, link))
    }

    /// Whether a request may see the numbers, and the names, of all sites.
    pub(super) fn allows_all(&self, request: &Request, now: Timestamp) -> bool {
        let Some(token) = &self.token else { return true };
        request.credentials().is_some_and(|offered| token.matches(&offered))
            || request.cookie(COOKIE).is_some_and(|session| is_session(token, session, now))
    }

    /// The cookie that keeps a browser signed in that offered this token; `None` if it is not the one.
    pub(super) fn sign_in(&self, offered: &str, now: Timestamp) -> Option<String> {
        let token = self.token.as_ref().filter(|token| token.matches(offered))?;
        let end = (now.as_second() + i64::try_from(SESSION.as_secs()).expect("it is a month")).to_string();
        let signature = token.sign("session", &[&end]);
        Some(cookie(&format!("{end}.{signature}"), SESSION))
    }

    /// The parameter of a link that shows one site's numbers to whoever has it, until its name is revoked; none without a token, where
    /// everybody sees them.
    pub fn share(&self, site: &SiteName, name: &str) -> Option<String> {
        let token = self.token.as_ref()?;
        Some(format!("{name}.{}", token.sign("share", &[site, name])))
    }

    fn is_link(&self, token: &Secret, site: &SiteName, link: &str) -> bool {
        let Some((name, signature)) = link.rsplit_once('.') else { return false };
        !self.revoked.iter().any(|revoked| revoked == name) && is_same(&token.sign("share", &[site, name]), signature)
    }
}

/// The cookie that signs a browser out.
pub(super) fn signed_out() -> String {
    cookie("", Duration::ZERO)
}

fn cookie(value: &str, lifetime: Duration) -> String {
    format!("{COOKIE}={value}; Path=/; Max-Age={}; HttpOnly; Secure; SameSite=Strict", lifetime.as_secs())
}

fn is_session(token: &Secret, session: &str, now: Timestamp) -> bool {
    let Some((end, signature)) = session.split_once('.') else { return false };
    is_same(&token.sign("session", &[end]), signature) && end.parse().is_ok_and(|end: i64| end > now.as_second())
}

/// Compares in a time that does not depend on where the difference is.
fn is_same(expected: &str, offered: &str) -> bool {
    blake3::hash(expected.as_bytes()) == blake3::hash(offered.as_bytes())
}
