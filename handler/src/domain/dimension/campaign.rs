//! Names of campaigns from links and from the script.

use super::value::printable;

/// Longest stored part of a campaign, in bytes.
const MAXIMUM_CAMPAIGN_BYTES: usize = 80;

/// The name of a campaign: its source, medium and name, such as `newsletter / email / spring`. Missing parts are left out.
pub fn campaign(parts: [Option<&str>; 3]) -> Option<String> {
    let clean = |part: &str| {
        let part = printable(part.trim(), MAXIMUM_CAMPAIGN_BYTES);
        (!part.is_empty()).then_some(part)
    };
    let parts: Vec<String> = parts.into_iter().flatten().filter_map(clean).collect();
    (!parts.is_empty()).then(|| parts.join(" / "))
}

/// The campaign in the query of a link, from the parameters that the script reads: `utm_source` or else `ref`, `utm_medium` and
/// `utm_campaign`. The first parameter of each name counts.
pub fn campaign_in_query(query: &str) -> Option<String> {
    // Most queries have no campaign and need no decoding.
    if !["utm_", "ref=", "%"].iter().any(|part| query.contains(part)) {
        return None;
    }
    let parameter = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find_map(|(found, value)| (found == name).then_some(value)).filter(|value| !value.is_empty())
    };
    let source = parameter("utm_source").or_else(|| parameter("ref"));
    campaign([source.as_deref(), parameter("utm_medium").as_deref(), parameter("utm_campaign").as_deref()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_is_short_and_printable() {
        assert_eq!(campaign([None, Some(" "), None]), None);
        assert_eq!(campaign([Some("a\u{0}b"), None, None]), Some("a\u{fffd}b".to_owned()));
        assert_eq!(campaign([Some(&"x".repeat(500)), None, None]).unwrap().len(), MAXIMUM_CAMPAIGN_BYTES);
    }

    #[test]
    fn a_campaign_in_a_query_is_read_as_the_script_reads_it() {
        for (query, expected) in [
            (
                "utm_source=letter&utm_medium=email&utm_campaign=Spring%20sale&ref=other",
                Some("letter / email / Spring sale"),
            ),
            ("utm_campaign=Spring+sale&page=2", Some("Spring sale")),
            ("ref=news.example.org", Some("news.example.org")),
            ("utm_source=&ref=a", Some("a")),
            ("utm_source=a&utm_source=b", Some("a")),
            ("%75tm_source=a", Some("a")),
            ("utm_source=%FF", Some("\u{fffd}")),
            ("xref=a&prefer=1", None),
            ("utm_term=a", None),
            ("utm_source", None),
            ("", None),
        ] {
            assert_eq!(campaign_in_query(query).as_deref(), expected, "{query}");
        }
    }
}
