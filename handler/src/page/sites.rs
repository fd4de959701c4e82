//! The choice of a site: links while there are few sites, else a search. The overview of the sites, or of those that a search
//! finds.

use serde::Serialize;

use super::{
    templates::templates,
    wording::{query_value, short, titled},
};
use crate::{
    build,
    domain::{site_name::SiteName, statistics::Overview},
    texts::Texts,
};

/// The largest number of sites that every page links to.
const LINKED_SITES: usize = 5;

/// How many sites the overview shows, with their numbers.
pub const SHOWN_SITES: usize = 100;

/// The choice of a site on the page.
#[derive(Serialize)]
pub(super) struct SiteChoice<'a> {
    /// Whether there is more than one site.
    several: bool,
    /// Links to the sites; empty if there is only one, or too many.
    links: Vec<SiteLink<'a>>,
    /// The label of a search, if there are too many sites to link to.
    search: Option<String>,
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
    pub(super) fn of(texts: &Texts, sites: &'a [SiteName], current: &SiteName) -> Self {
        let link = |site: &'a SiteName| SiteLink { name: site, query: query_value(site), current: site == current };
        match sites.len() {
            0 | 1 => Self::none(),
            2..=LINKED_SITES => Self { several: true, links: sites.iter().map(link).collect(), search: None },
            count => {
                let search = texts.counted("sites.search_all", number(count));
                Self { several: true, links: Vec::new(), search: Some(search) }
            }
        }
    }

    pub(super) const fn none() -> Self {
        Self { several: false, links: Vec::new(), search: None }
    }
}

/// The sites that a search has found.
pub struct FoundSites<'a> {
    /// The part of a name to search for; empty for all sites.
    pub search: &'a str,
    /// The shown part of the sites that were found.
    pub sites: &'a [SiteName],
    /// The numbers of these sites. Missing while the database is unavailable.
    pub overview: Option<&'a Overview>,
    /// The number of sites that were found before the shown part.
    pub offset: usize,
    /// The number of sites that were found.
    pub found: usize,
    /// The number of sites that the viewer may see.
    pub all: usize,
}

/// The values of `sites.html`.
#[derive(Serialize)]
struct SitesPage<'a> {
    title: String,
    search: &'a str,
    /// Whether there are so many sites that a search helps.
    searchable: bool,
    summary: String,
    /// Whether the numbers are known.
    known: bool,
    rows: Vec<SiteRow<'a>>,
    /// The queries of the parts before and after the shown one.
    previous: Option<String>,
    next: Option<String>,
    version: &'static str,
    commit: &'static str,
}

/// A site with its visitors.
#[derive(Serialize)]
struct SiteRow<'a> {
    name: &'a str,
    query: String,
    today: String,
    /// The visitors of each day as text.
    days: String,
    /// The visitors of each day as a line; missing if they are not known.
    line: Option<String>,
}

/// Renders the overview with its search.
///
/// # Errors
/// If the template names a missing value; the tests render it.
pub fn render_sites(texts: &'static Texts, found: &FoundSites<'_>) -> anyhow::Result<String> {
    let FoundSites { search, sites, overview, offset, found, all } = *found;
    let end = offset.saturating_add(sites.len());
    let summary = match (sites.len(), number(found)) {
        (_, 0) => texts.counted("sites.none", number(all)),
        (shown, count) if shown < found && shown > 0 => {
            let [first, last, count] = [number(offset + 1), number(end), count].map(|number| texts.number(number));
            texts.filled("sites.shown", &[("first", &first), ("last", &last), ("count", &count)])
        }
        (_, count) => texts.counted("sites.count", count),
    };
    let query = |offset: usize| format!("q={}&offset={offset}", query_value(search));
    let page = SitesPage {
        title: titled(texts.of("sites.heading")),
        search,
        searchable: all > LINKED_SITES || !search.is_empty(),
        summary,
        known: overview.is_some(),
        rows: rows(texts, sites, overview),
        previous: (offset > 0).then(|| query(offset.saturating_sub(SHOWN_SITES))),
        next: (end < found).then(|| query(end)),
        version: build::VERSION,
        commit: short(build::COMMIT),
    };
    Ok(templates(texts).render("sites", &page)?)
}

fn rows<'a>(texts: &Texts, sites: &'a [SiteName], overview: Option<&Overview>) -> Vec<SiteRow<'a>> {
    let row = |(index, site): (usize, &'a SiteName)| {
        let counted = overview.and_then(|overview| overview.sites.get(index));
        let days = counted.map_or(&[][..], |counted| &counted.visitors);
        let numbers: Vec<_> = days.iter().map(|visitors| texts.number(*visitors)).collect();
        SiteRow {
            name: site,
            query: query_value(site),
            today: counted.map_or_else(|| "–".to_owned(), |counted| texts.number(counted.today())),
            days: texts.filled("sites.by_day", &[("numbers", &numbers.join(", "))]),
            line: counted.map(|_| line(days)),
        }
    };
    sites.iter().enumerate().map(row).collect()
}

/// A line from the left to the right of a drawing of 60 by 20, with the largest number at the top.
fn line(numbers: &[i64]) -> String {
    let most = numbers.iter().copied().max().unwrap_or_default().max(1);
    let steps = numbers.len().saturating_sub(1).max(1);
    let point = |(index, number): (usize, &i64)| format!("{} {}", index * 60 / steps, 19 - number * 18 / most);
    format!("M{}", numbers.iter().enumerate().map(point).collect::<Vec<_>>().join("L"))
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::{domain::Day, texts::english};

    fn sites(count: usize) -> Vec<SiteName> {
        (0..count).map(|number| format!("site-{number}.example").parse().unwrap()).collect()
    }

    fn render(search: &str, shown: usize, offset: usize, found: usize) -> String {
        let sites = sites(shown);
        let overview = Overview::assemble(Day::from_number(20_000), &sites, &HashMap::new());
        let overview = Some(&overview);
        let found = FoundSites { search, sites: &sites, overview, offset, found, all: 10_000 };
        // Links as browsers read them.
        render_sites(english(), &found).unwrap().replace("&#x3D;", "=")
    }

    #[test]
    fn a_page_links_to_few_sites_and_searches_many() {
        for (count, links) in [(1, 0), (2, 2), (5, 5), (6, 0), (10_000, 0)] {
            let sites = sites(count);
            let choice = SiteChoice::of(english(), &sites, &sites[0]);
            let expected = (links, count > 5, count > 1);
            assert_eq!((choice.links.len(), choice.search.is_some(), choice.several), expected, "{count}");
        }
        assert_eq!(
            SiteChoice::of(english(), &sites(10_000), &sites(1)[0]).search.as_deref(),
            Some("Search 10,000 sites")
        );
    }

    #[test]
    fn the_overview_says_which_sites_it_shows_and_links_to_the_others() {
        let links = |page: &str| ["prev", "next"].map(|rel| page.contains(&format!("rel=\"{rel}\"")));
        let all = render("", 100, 0, 10_000);
        assert!(all.contains("Sites 1 to 100 of 10,000") && all.matches("<tr><td>").count() == 100);
        assert!(all.contains("href=\"/?site=site-7.example\""));
        assert_eq!(links(&all), [false, true]);
        let middle = render("a&b", 100, 100, 300);
        assert!(middle.contains("Sites 101 to 200 of 300") && links(&middle) == [true, true]);
        assert!(
            middle.contains("/api/sites?q=a%26b&amp;offset=0") && middle.contains("/api/sites?q=a%26b&amp;offset=200")
        );
        assert_eq!(links(&render("", 50, 250, 300)), [true, false]);
        assert!(render("7", 2, 0, 2).contains("2 sites") && render("7", 1, 0, 1).contains("1 site<"));
        assert!(render("nothing", 0, 0, 0).contains("None of 10,000 sites"));
        assert!(render("\"><script>", 0, 0, 0).contains("value=\"&quot;&gt;&lt;script&gt;\""));
    }

    #[test]
    fn each_site_has_its_visitors_today_and_a_line_of_its_days() {
        let today = Day::from_number(20_000);
        let counted = [(0, 1_234), (1, 617), (6, 2_468)];
        let counted = counted.map(|(ago, visitors)| (("site-0.example".to_owned(), today.plus(-ago)), visitors)).into();
        let sites = sites(2);
        let overview = Overview::assemble(today, &sites, &counted);
        let found = FoundSites { search: "", sites: &sites, overview: Some(&overview), offset: 0, found: 2, all: 2 };
        let page = render_sites(english(), &found).unwrap();
        assert!(
            page.contains("<td>1,234<td>") && page.contains("Visitors by day: 2,468, 0, 0, 0, 0, 617, 1,234<"),
            "{page}"
        );
        assert!(page.contains("\"M0 1L10 19L20 19L30 19L40 19L50 15L60 10\""), "{page}");
        assert!(page.contains("<td>0<td>") && page.contains("\"M0 19L10 19L20 19L30 19L40 19L50 19L60 19\""));
        assert!(!page.contains("type=\"search\"") && !page.contains("not available"));
        let page = render_sites(english(), &FoundSites { overview: None, ..found }).unwrap();
        assert!(
            page.contains("The numbers are not available.")
                && page.contains("<td>–<td>\n")
                && !page.contains("<title>V")
        );
    }
}
