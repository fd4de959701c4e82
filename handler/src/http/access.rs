//! Access to private statistics. Counting needs no access.
//!
//! No session is stored. A key derived from the dashboard token signs cookies and links, so a new token ends all
//! sessions and links at once.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{refused_sign_ins::RefusedSignIns, signing_key::SigningKey};
use crate::{
    config::{Config, Secret},
    domain::SiteName,
};

/// How long a browser stays signed in.
const SESSION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The cookie of a session. Browsers send it only to this host, over TLS, and from no other site (RFC 6265bis §4.1.3,
/// `__Host-`).
pub(super) const COOKIE: &str = "__Host-footfall";

/// The rules for private statistics.
pub struct Access {
    /// The dashboard token; without one, all statistics are public.
    pub token: Option<Secret>,
    /// Sites with public statistics.
    pub public: Vec<SiteName>,
    /// Names of revoked links.
    pub revoked: Vec<String>,
    /// The key of sessions and links, derived from the token.
    key: Option<SigningKey>,
    pub(super) refused_sign_ins: Arc<RefusedSignIns>,
}

/// The credentials of a request for private statistics.
pub(super) struct Proof<'a> {
    /// The dashboard token.
    pub(super) token: Option<String>,
    /// The value of the cookie.
    pub(super) session: Option<&'a str>,
    /// The parameter of a shared link.
    pub(super) link: Option<&'a str>,
}

impl Access {
    /// The access that the configuration grants. With a token, this takes some time, because the key is derived slowly.
    pub fn new(config: &Config) -> Self {
        Self {
            token: config.dashboard_token.clone(),
            public: config.public_sites.clone(),
            revoked: config.revoked_links.clone(),
            key: config.dashboard_token.as_ref().map(SigningKey::derive),
            refused_sign_ins: Arc::default(),
        }
    }

    /// Whether everybody may see the statistics of a site.
    pub(super) fn is_public(&self, site: &SiteName) -> bool {
        self.token.is_none() || self.public.contains(site)
    }

    /// Whether a request may see the statistics of a site.
    pub(super) fn allows(&self, proof: &Proof<'_>, site: &SiteName, now: Timestamp) -> bool {
        let Some(key) = &self.key else { return true };
        self.is_public(site)
            || self.allows_all(proof, now)
            || proof.link.is_some_and(|link| self.is_link(key, site, link))
    }

    /// Whether a request may see the statistics, and the names, of all sites.
    pub(super) fn allows_all(&self, proof: &Proof<'_>, now: Timestamp) -> bool {
        let (Some(token), Some(key)) = (&self.token, &self.key) else { return true };
        proof.token.as_ref().is_some_and(|offered| token.matches(offered))
            || proof.session.is_some_and(|session| is_session(key, session, now))
    }

    /// The cookie for a browser that sent the token; `None` if the token is wrong.
    pub(super) fn sign_in(&self, offered: &str, now: Timestamp) -> Option<String> {
        self.token.as_ref().filter(|token| token.matches(offered))?;
        let key = self.key.as_ref()?;
        let end = (now.as_second() + i64::try_from(SESSION.as_secs()).expect("a month fits")).to_string();
        let signature = key.sign("session", &[&end]);
        Some(cookie(&format!("{end}.{signature}"), SESSION))
    }

    /// The parameter of a link to the statistics of one site, valid until its name is revoked. `None` without a token,
    /// because statistics are public then.
    pub fn share(&self, site: &SiteName, name: &str) -> Option<String> {
        let key = self.key.as_ref()?;
        Some(format!("{name}.{}", key.sign("share", &[site, name])))
    }

    fn is_link(&self, key: &SigningKey, site: &SiteName, link: &str) -> bool {
        let Some((name, signature)) = link.rsplit_once('.') else { return false };
        !self.revoked.iter().any(|revoked| revoked == name) && is_same(&key.sign("share", &[site, name]), signature)
    }
}

/// The cookie that signs a browser out.
pub(super) fn signed_out() -> String {
    cookie("", Duration::ZERO)
}

fn cookie(value: &str, lifetime: Duration) -> String {
    format!("{COOKIE}={value}; Path=/; Max-Age={}; HttpOnly; Secure; SameSite=Strict", lifetime.as_secs())
}

fn is_session(key: &SigningKey, session: &str, now: Timestamp) -> bool {
    let Some((end, signature)) = session.split_once('.') else { return false };
    is_same(&key.sign("session", &[end]), signature) && end.parse().is_ok_and(|end: i64| end > now.as_second())
}

/// Compares hashes, so that the time does not depend on the position of the first difference.
fn is_same(expected: &str, offered: &str) -> bool {
    blake3::hash(expected.as_bytes()) == blake3::hash(offered.as_bytes())
}
