//! The choice of a site: links while there are few sites, else a search, and the list of the sites that it finds.

use serde::Serialize;

use super::{
    templates::TEMPLATES,
    wording::{query_value, short, thousands},
};
use crate::{build, domain::site_name::SiteName};

/// The largest number of sites that every page links to.
const LINKED_SITES: usize = 5;

/// The choice of a site on the page.
#[derive(Serialize)]
pub(super) struct SiteChoice<'a> {
    /// Links to the sites; empty if there is only one, or too many.
    links: Vec<SiteLink<'a>>,
    /// The number of sites, if there are too many to link to.
    count: Option<String>,
}

/// A site to choose.
#[derive(Serialize)]
struct SiteLink<'a> {
    name: &'a str,
    query: String,
    current: bool,
}

impl<'a> SiteChoice<'a> {
    /// The choice among sites, of which one is shown.
    pub(super) fn of(sites: &'a [SiteName], current: &SiteName) -> Self {
        let link = |site: &'a SiteName| SiteLink { name: site, query: query_value(site), current: site == current };
        match sites.len() {
            0 | 1 => Self::none(),
            2..=LINKED_SITES => Self { links: sites.iter().map(link).collect(), count: None },
            count => Self { links: Vec::new(), count: Some(thousands(i64::try_from(count).unwrap_or(i64::MAX))) },
        }
    }

    pub(super) const fn none() -> Self {
        Self { links: Vec::new(), count: None }
    }
}

/// The sites that a search has found.
pub struct FoundSites<'a> {
    /// The part of a name to search for; empty for all sites.
    pub search: &'a str,
    /// The first sites that were found.
    pub sites: &'a [&'a SiteName],
    /// The number of sites that were found.
    pub found: usize,
    /// The number of sites that the viewer may see.
    pub all: usize,
}

/// The values of `sites.html`.
#[derive(Serialize)]
struct SitesPage<'a> {
    search: &'a str,
    summary: String,
    links: Vec<SiteLink<'a>>,
    version: &'static str,
    commit: &'static str,
}

/// Renders the list of sites with its search.
///
/// # Errors
/// If the template names a missing value; the tests render it.
pub fn render_sites(found: &FoundSites<'_>) -> anyhow::Result<String> {
    let number = |count: usize| thousands(i64::try_from(count).unwrap_or(i64::MAX));
    let shown = found.sites.len();
    let summary = match (shown, found.found) {
        (_, 0) => format!("None of {} sites has this in its name.", number(found.all)),
        (shown, all) if shown < all => {
            format!("The first {} of {} sites. Search for a part of a name to see others.", number(shown), number(all))
        }
        (_, 1) => "1 site".to_owned(),
        (_, all) => format!("{} sites", number(all)),
    };
    let sites = found.sites.iter();
    let links = sites.map(|site| SiteLink { name: site, query: query_value(site), current: false }).collect();
    let (version, commit) = (build::VERSION, short(build::COMMIT));
    Ok(TEMPLATES.render("sites", &SitesPage { search: found.search, summary, links, version, commit })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sites(count: usize) -> Vec<SiteName> {
        (0..count).map(|number| format!("site-{number}.example").parse().unwrap()).collect()
    }

    fn render(search: &str, shown: usize, found: usize) -> String {
        let sites = sites(shown);
        let sites: Vec<_> = sites.iter().collect();
        render_sites(&FoundSites { search, sites: &sites, found, all: 10_000 }).unwrap()
    }

    #[test]
    fn a_page_links_to_few_sites_and_searches_many() {
        for (count, links) in [(1, 0), (2, 2), (5, 5), (6, 0), (10_000, 0)] {
            let sites = sites(count);
            let choice = SiteChoice::of(&sites, &sites[0]);
            assert_eq!((choice.links.len(), choice.count.is_some()), (links, count > 5), "{count}");
        }
        assert_eq!(SiteChoice::of(&sites(10_000), &sites(1)[0]).count.as_deref(), Some("10,000"));
    }

    #[test]
    fn the_list_of_sites_says_how_many_it_leaves_out() {
        let all = render("", 100, 10_000);
        assert!(all.contains("The first 100 of 10,000 sites.") && all.matches("<li>").count() == 100);
        assert!(all.contains("href=\"/?site=site-7.example\""));
        assert!(render("7", 2, 2).contains("2 sites") && render("7", 1, 1).contains("1 site<"));
        assert!(render("nothing", 0, 0).contains("None of 10,000 sites"));
        assert!(render("\"><script>", 0, 0).contains("value=\"&quot;&gt;&lt;script&gt;\""));
    }
}
