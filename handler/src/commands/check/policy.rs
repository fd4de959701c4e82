//! Content Security Policy, as far as it decides whether a script is loaded, something sent, or an image shown
//! (<https://www.w3.org/TR/CSP3/>).

use url::Url;

/// One policy: its directives, each with its sources.
#[derive(Debug)]
pub(super) struct Policy {
    directives: Vec<(String, Vec<String>)>,
}

/// Something that a page is about to fetch.
#[derive(Debug)]
pub(super) struct Load<'a> {
    pub(super) purpose: Purpose<'a>,
    pub(super) url: &'a Url,
    pub(super) page: &'a Url,
    /// Whether another address redirected to it: then paths are not compared, or they would tell where it led.
    pub(super) redirected: bool,
}

/// What for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose<'a> {
    /// A script of the HTML, with its attributes `nonce` and `integrity`.
    Script { nonce: Option<&'a str>, integrity: Option<&'a str> },
    /// What a script sends.
    Sending,
    /// An image.
    Image,
}

impl Purpose<'_> {
    /// The directives that decide: the first that there is.
    fn directives(self) -> &'static [&'static str] {
        match self {
            Self::Script { .. } => &["script-src-elem", "script-src", "default-src"],
            Self::Sending => &["connect-src", "default-src"],
            Self::Image => &["img-src", "default-src"],
        }
    }
}

/// Why something is not allowed, and what would allow it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The directive that does not allow it, with its sources.
    pub(super) by: String,
    /// What to write instead.
    pub(super) right: String,
}

impl Policy {
    /// The policies of one header line or one `<meta>`.
    pub(super) fn parse(text: &str) -> Vec<Self> {
        let policies = text.split(',').map(|policy| {
            let mut directives: Vec<(String, Vec<String>)> = Vec::new();
            for directive in policy.split(';') {
                let mut words = directive.split_ascii_whitespace();
                let Some(name) = words.next().map(str::to_ascii_lowercase) else { continue };
                // Of two with the same name the first holds (CSP3 §2.2.1).
                if directives.iter().all(|(known, _)| *known != name) {
                    directives.push((name, words.map(str::to_owned).collect()));
                }
            }
            Self { directives }
        });
        policies.filter(|policy| !policy.directives.is_empty()).collect()
    }

    fn directive(&self, name: &str) -> Option<&[String]> {
        self.directives.iter().find(|(known, _)| known == name).map(|(_, sources)| &**sources)
    }

    /// Whether `http:` addresses are fetched by `https:`.
    pub(super) fn upgrades(&self) -> bool {
        self.directive("upgrade-insecure-requests").is_some()
    }

    /// Whether the page may run no script at all. In a `<meta>` this directive does nothing.
    pub(super) fn forbids_scripts(&self) -> bool {
        let allows = |word: &String| word.eq_ignore_ascii_case("allow-scripts");
        self.directive("sandbox").is_some_and(|words| !words.iter().any(allows))
    }

    /// What of this policy does not allow it.
    pub(super) fn blocks(&self, load: &Load<'_>) -> Option<Block> {
        let (name, sources) =
            load.purpose.directives().iter().find_map(|name| self.directive(name).map(|sources| (*name, sources)))?;
        let strict = matches!(load.purpose, Purpose::Script { .. }) && has(sources, "'strict-dynamic'");
        if let Purpose::Script { nonce, integrity } = load.purpose
            && (nonce.is_some_and(|nonce| has_nonce(sources, nonce))
                || integrity.is_some_and(|integrity| has_hashes(sources, integrity)))
        {
            return None;
        }
        // With 'strict-dynamic' a script of the HTML needs a nonce or a hash: addresses do not count.
        if !strict && sources.iter().any(|source| matches(source, load)) {
            return None;
        }
        let by = with_nonces_hidden(name, sources);
        let right = if strict {
            "give the script the nonce of the page's other scripts: <script nonce=…>".to_owned()
        } else {
            let own = load.url.origin() == load.page.origin();
            let source = if own { "'self'".to_owned() } else { load.url.origin().ascii_serialization() };
            let mut sources: Vec<String> =
                sources.iter().filter(|source| !source.eq_ignore_ascii_case("'none'")).cloned().collect();
            sources.push(source);
            // What only falls back gets a directive of its own, so that nothing else is allowed by it.
            let name = if name == "default-src" {
                load.purpose.directives()[load.purpose.directives().len() - 2]
            } else {
                name
            };
            with_nonces_hidden(name, &sources)
        };
        Some(Block { by, right })
    }
}

fn has(sources: &[String], keyword: &str) -> bool {
    sources.iter().any(|source| source.eq_ignore_ascii_case(keyword))
}

/// The value of a source such as `'nonce-…'`. The keyword's case does not matter, the value's does.
fn quoted<'a>(source: &'a str, keyword: &str) -> Option<&'a str> {
    let inner = source.strip_prefix('\'')?.strip_suffix('\'')?;
    let (start, value) = inner.split_at_checked(keyword.len())?;
    start.eq_ignore_ascii_case(keyword).then_some(value)
}

fn has_nonce(sources: &[String], nonce: &str) -> bool {
    !nonce.is_empty() && sources.iter().any(|source| quoted(source, "nonce-") == Some(nonce))
}

/// Whether every hash of `integrity` is a source (CSP3 §6.7.1.1).
fn has_hashes(sources: &[String], integrity: &str) -> bool {
    let hashes = || integrity.split_ascii_whitespace().map(|hash| hash.split('?').next().unwrap_or_default());
    let is_source = |hash: &str| sources.iter().any(|source| quoted(source, "") == Some(hash));
    hashes().next().is_some() && hashes().all(is_source)
}

/// A directive as it may be shown: a nonce is a secret while the page lives.
fn with_nonces_hidden(name: &str, sources: &[String]) -> String {
    sources.iter().fold(name.to_owned(), |text, source| {
        let source = if quoted(source, "nonce-").is_some() { "'nonce-…'" } else { source };
        format!("{text} {source}")
    })
}

/// CSP3 §6.7.2.8: whether an address matches a source.
fn matches(source: &str, load: &Load<'_>) -> bool {
    let (url, page) = (load.url, load.page);
    if source == "*" {
        return matches!(url.scheme(), "http" | "https") || url.scheme() == page.scheme();
    }
    if source.eq_ignore_ascii_case("'self'") {
        let port = |url: &Url| url.port();
        let upgraded = url.host() == page.host()
            && scheme_matches(page.scheme(), url.scheme())
            && (port(url) == port(page) || (port(url).is_none() && port(page).is_none()));
        return url.origin() == page.origin() || upgraded;
    }
    if source.starts_with('\'') {
        return false;
    }
    if let Some(scheme) = source.strip_suffix(':') {
        return scheme_matches(scheme, url.scheme());
    }
    let (scheme, rest) = source.split_once("://").map_or((page.scheme(), source), |(scheme, rest)| (scheme, rest));
    let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    // The colons inside an IPv6 address are followed by a bracket.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    scheme_matches(scheme, url.scheme())
        && host_matches(host, url.host_str().unwrap_or_default())
        && port_matches(port, url)
        && (load.redirected || path_matches(path, url.path()))
}

/// §6.7.2.9: a source of a scheme allows its secure kind, too.
fn scheme_matches(source: &str, scheme: &str) -> bool {
    source.eq_ignore_ascii_case(scheme) || (source.eq_ignore_ascii_case("http") && scheme == "https")
}

/// §6.7.2.10. `*.example.com` is not example.com.
fn host_matches(source: &str, host: &str) -> bool {
    let source = source.to_ascii_lowercase();
    match source.strip_prefix('*') {
        Some("") => true,
        Some(end) => end.starts_with('.') && host.ends_with(end),
        None => source == host,
    }
}

/// §6.7.2.11. A source's port 80 allows 443, as its scheme does.
fn port_matches(source: Option<&str>, url: &Url) -> bool {
    match (source, url.port_or_known_default()) {
        (None, _) => url.port().is_none(),
        (Some("*"), _) => true,
        (Some("80"), Some(443)) => url.scheme() == "https",
        (Some(source), port) => source.parse().ok() == port,
    }
}

/// §6.7.2.12: a path that ends with a slash is a folder, any other a file.
fn path_matches(source: &str, path: &str) -> bool {
    if source.is_empty() || source == "/" {
        return true;
    }
    // The address has been through the same encoder as this will.
    let Ok(source) = Url::parse("http://a/").and_then(|base| base.join(source)) else { return false };
    let source = source.path();
    if source.ends_with('/') { path.starts_with(source) } else { path == source }
}

#[cfg(test)]
mod tests;
