//! `Accept`, `Accept-Encoding` and `Accept-Language`: which of several representations a client prefers (RFC 9110 §12.4.2).

use std::cmp::Reverse;

use crate::texts::{self, Texts};

/// The preference of a client: the weight in thousandths, then the exactness of the name in the header.
pub(super) type Preference = (u16, usize);

/// The preference for a representation under its names, the exact one first and wildcards last. The most exact name in
/// the header decides; a representation that the header does not name has weight 0.
pub(super) fn preference<'h>(lines: impl Iterator<Item = &'h str>, names: &[&str]) -> Preference {
    let mut best = None;
    for (name, weight) in elements(lines) {
        let Some(position) = names.iter().position(|known| known.eq_ignore_ascii_case(name)) else { continue };
        let exactness = names.len() - position;
        if best.is_none_or(|(known, _)| exactness > known) {
            best = Some((exactness, weight));
        }
    }
    best.map_or((0, 0), |(exactness, weight)| (weight, if weight > 0 { exactness } else { 0 }))
}

/// The language that a client prefers (RFC 9110 §12.5.4). A tag without texts of its own is shortened until it has some: `de-AT` is `de`
/// (RFC 4647 §3.4, "lookup"). English if no tag has any.
pub(super) fn language<'h>(lines: impl Iterator<Item = &'h str>) -> &'static Texts {
    let mut ranges: Vec<(&str, u16)> = elements(lines).filter(|(_, weight)| *weight > 0).collect();
    // The sort is stable: of equal weights, the first one wins.
    ranges.sort_by_key(|(_, weight)| Reverse(*weight));
    ranges.into_iter().find_map(|(range, _)| lookup(range)).unwrap_or_else(texts::english)
}

/// The texts of the longest known beginning of a language tag.
fn lookup(range: &str) -> Option<&'static Texts> {
    if range == "*" {
        return Some(texts::english());
    }
    let ends = [range.len()].into_iter().chain(range.rmatch_indices('-').map(|(at, _)| at));
    ends.map(|end| &range[..end]).find_map(texts::of_language)
}

/// The names in the lines of a header, with their weights in thousandths.
fn elements<'h>(lines: impl Iterator<Item = &'h str>) -> impl Iterator<Item = (&'h str, u16)> {
    lines.flat_map(|line| line.split(',')).map(|element| {
        let mut parts = element.split(';').map(str::trim);
        (parts.next().unwrap_or_default(), parts.find_map(weight).unwrap_or(1000))
    })
}

/// The weight in thousandths, if a parameter is one: `q=0.5`. An invalid weight is 0.
fn weight(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim_end().eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, thousandths) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    let is_valid = thousandths.len() <= 3 && thousandths.bytes().all(|digit| digit.is_ascii_digit());
    Some(match whole {
        "1" => 1000,
        "0" if is_valid => format!("{thousandths:0<3}").parse().unwrap_or(0),
        _ => 0,
    })
}

#[cfg(test)]
mod tests {
    use super::{language, preference};

    fn gzip(header: &str) -> u16 {
        preference([header].into_iter(), &["gzip", "*"]).0
    }

    #[test]
    fn an_exact_name_overrides_a_wildcard() {
        assert_eq!((gzip("gzip, deflate, br"), gzip("GZIP;q=0.8"), gzip("*"), gzip("br")), (1000, 800, 1000, 0));
        assert_eq!((gzip("*, gzip;q=0"), gzip("gzip; q=0.000"), gzip("*;q=0, gzip;q=0.25")), (0, 0, 250));
        assert_eq!((gzip(""), gzip("gzip;q=x"), gzip("gzip;level=9;Q=0.1"), gzip("gzip;q=1.0")), (0, 0, 100, 1000));
    }

    #[test]
    fn the_higher_weight_wins_and_then_the_more_exact_name() {
        let prefers_csv = |header: &str| {
            let of = |names: [&str; 3]| preference([header].into_iter(), &names);
            of(["text/csv", "text/*", "*/*"]) > of(["application/json", "application/*", "*/*"])
        };
        for header in
            ["text/csv", "text/csv, */*", "application/json;q=0.5, text/csv", "text/*, application/json;q=0.9"]
        {
            assert!(prefers_csv(header), "{header}");
        }
        for header in ["", "*/*", "application/json", "text/csv;q=0.1, application/json", "text/csv, application/json"]
        {
            assert!(!prefers_csv(header), "{header}");
        }
    }

    #[test]
    fn the_preferred_language_that_exists_wins() {
        for (header, tag) in [
            ("de", "de"),
            ("DE-at", "de"),
            ("de-Latn-CH-1996", "de"),
            ("de-AT, en;q=0.9", "de"),
            ("en-GB, en;q=0.9, de;q=0.8", "en"),
            ("en;q=0.5, de;q=0.7", "de"),
            ("fr-CH, fr;q=0.9, de;q=0.7, en;q=0.5", "de"),
            ("fr, pl;q=0.8", "en"),
            ("de;q=0", "en"),
            ("de;q=0, en;q=0.1", "en"),
            ("*", "en"),
            ("fr, *;q=0.5, de;q=0.1", "en"),
            ("de;q=x", "en"),
            ("deu", "en"),
            ("d", "en"),
            ("-de", "en"),
            ("", "en"),
        ] {
            assert_eq!(language([header].into_iter()).tag, tag, "{header}");
        }
        assert_eq!(language(["fr", "de;q=0.1"].into_iter()).tag, "de");
        assert_eq!(language(std::iter::empty()).tag, "en");
    }
}
