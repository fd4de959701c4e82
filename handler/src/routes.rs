//! The table of addresses: path, methods, function folder and endpoint of each.
//!
//! The same table routes requests, keeps configured path aliases from hiding an address, and is compared with every
//! `function.json` and with `docs/api.md` by tests. A new endpoint starts with a row here.

/// One address of the program.
#[derive(Debug)]
pub struct Route {
    /// The path; `{name}` stands for exactly one segment.
    pub path: &'static str,
    /// The methods that it accepts.
    pub methods: Methods,
    /// The folder of the Azure function that forwards it.
    pub function: &'static str,
    /// The code that responds.
    pub endpoint: Endpoint,
}

/// The methods that an address accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Methods {
    /// GET and HEAD.
    Read,
    /// POST.
    Write,
}

impl Methods {
    /// The value of the `Allow` header.
    pub fn allow(self) -> &'static str {
        match self {
            Self::Read => "GET, HEAD",
            Self::Write => "POST",
        }
    }

    /// Whether a method is one of them.
    pub fn contains(self, method: &str) -> bool {
        self.allow().split(", ").any(|allowed| allowed == method)
    }
}

/// The code that responds to an address; each has a module in `http/endpoints`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is described in its module")]
pub enum Endpoint {
    Count,
    Version,
    Visit,
    VisitImage,
    Statistics,
    StatisticsCsv,
    Live,
    Export,
    Sites,
    Description,
    Badge,
    HealthLive,
    HealthReady,
    Script,
    Asset,
    Why,
    SignIn,
    Maintenance,
    Unknown,
}

/// Every address. There is no catch-all: the Functions host calls the timer's function by a POST to its name, and a
/// catch-all would let clients call it, too.
pub const ROUTES: &[Route] = &[
    route("/", Methods::Read, "function-count", Endpoint::Count),
    route("/version", Methods::Read, "function-version", Endpoint::Version),
    route("/v", Methods::Write, "function-visit", Endpoint::Visit),
    route("/v/{name}", Methods::Read, "function-visit", Endpoint::VisitImage),
    route("/api/statistics", Methods::Read, "function-api", Endpoint::Statistics),
    route("/api/statistics.csv", Methods::Read, "function-api", Endpoint::StatisticsCsv),
    route("/api/live", Methods::Read, "function-api", Endpoint::Live),
    route("/api/export", Methods::Read, "function-api", Endpoint::Export),
    route("/api/sites", Methods::Read, "function-api", Endpoint::Sites),
    route("/api/openapi.json", Methods::Read, "function-api", Endpoint::Description),
    route("/badge/{name}", Methods::Read, "function-badge", Endpoint::Badge),
    route("/health/live", Methods::Read, "function-health", Endpoint::HealthLive),
    route("/health/ready", Methods::Read, "function-health", Endpoint::HealthReady),
    route("/footfall.js", Methods::Read, "function-script", Endpoint::Script),
    route("/assets/{name}", Methods::Read, "function-assets", Endpoint::Asset),
    route("/me/why", Methods::Read, "function-me", Endpoint::Why),
    route("/me/sign-in", Methods::Write, "function-me", Endpoint::SignIn),
    route("/function-maintenance", Methods::Write, "function-maintenance", Endpoint::Maintenance),
];

/// The route of every other address.
pub const UNKNOWN: &Route = &route("(unknown)", Methods::Read, "", Endpoint::Unknown);

const fn route(path: &'static str, methods: Methods, function: &'static str, endpoint: Endpoint) -> Route {
    Route { path, methods, function, endpoint }
}

impl Route {
    /// The path's first segment, which no configured alias may have.
    pub fn first_segment(&self) -> &'static str {
        self.path.split('/').nth(1).unwrap_or_default()
    }

    /// The segment that stands for `{name}` if the path matches; empty if the route has none.
    fn matches<'p>(&self, path: &'p str) -> Option<&'p str> {
        let mut name = "";
        let mut segments = path.split('/');
        for expected in self.path.split('/') {
            match segments.next()? {
                segment if expected == "{name}" && !segment.is_empty() => name = segment,
                segment if segment == expected => {}
                _ => return None,
            }
        }
        segments.next().is_none().then_some(name)
    }
}

/// The route of a path, and the segment that stands for its `{name}`. A slash at the end makes no difference.
pub fn find(path: &str) -> Option<(&'static Route, &str)> {
    let path = path.strip_suffix('/').filter(|path| path.len() > 1).unwrap_or(path);
    ROUTES.iter().find_map(|route| Some((route, route.matches(path)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_matches_one_route_or_none() {
        let found = |path: &'static str| find(path).map(|(route, name)| (route.path, name));
        assert_eq!(found("/"), Some(("/", "")));
        assert_eq!(found("/v"), Some(("/v", "")));
        assert_eq!(found("/v/"), Some(("/v", "")));
        assert_eq!(found("/v/example.com.gif"), Some(("/v/{name}", "example.com.gif")));
        assert_eq!(found("/api/statistics/"), Some(("/api/statistics", "")));
        for unknown in ["", "//", "/V", "//v", "/v//", "/v/a/b", "/api", "/badge/", "/badge/{name}/x", "/versions"] {
            assert_eq!(found(unknown), None, "{unknown}");
        }
    }
}
