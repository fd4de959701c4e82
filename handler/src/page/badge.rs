//! A badge: a number as a small picture. Its size (20 pixels high, Verdana of 11 pixels) is that of other badges, such
//! as those of shields.io.

use crate::texts::english;

/// The colour behind the number: dark enough for white text (WCAG 2.2 §1.4.3).
pub const COLOR: &str = "#16866f";

/// A number as a badge of any page shows it, in English: in full up to a million, then in thousands or millions.
pub fn count(number: i64) -> String {
    match number {
        ..1_000_000 => english().number(number),
        1_000_000..100_000_000 => format!("{}.{}M", number / 1_000_000, number / 100_000 % 10),
        _ => format!("{}M", english().number(number / 1_000_000)),
    }
}

/// Draws the badge. Both texts are the program's own and need no escaping.
pub fn svg(label: &str, message: &str) -> String {
    let (label_width, message_width) = (width(label) + 12, width(message) + 12);
    let whole = label_width + message_width;
    let (label_middle, message_middle) = (label_width / 2, label_width + message_width / 2);
    let parts = [
        format!("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{whole}\" height=\"20\" role=\"img\""),
        format!(" aria-label=\"{label}: {message}\"><title>{label}: {message}</title>"),
        format!("<clipPath id=\"r\"><rect width=\"{whole}\" height=\"20\" rx=\"3\"/></clipPath>"),
        format!("<g clip-path=\"url(#r)\"><path fill=\"#444\" d=\"M0 0h{label_width}v20H0z\"/>"),
        format!("<path fill=\"{COLOR}\" d=\"M{label_width} 0h{message_width}v20H{label_width}z\"/></g>"),
        "<g fill=\"#fff\" text-anchor=\"middle\" font-family=\"Verdana,Geneva,DejaVu Sans,sans-serif\"".to_owned(),
        format!(" font-size=\"11\"><text x=\"{label_middle}\" y=\"14\">{label}</text>"),
        format!("<text x=\"{message_middle}\" y=\"14\">{message}</text></g></svg>\n"),
    ];
    parts.concat()
}

/// The approximate width of a text in Verdana of 11 pixels: narrow characters have 4 pixels, all others 7.
fn width(text: &str) -> usize {
    let narrow = |character: char| matches!(character, 'i' | 'l' | 't' | 'r' | ',' | '.' | ' ');
    text.chars().map(|character| if narrow(character) { 4 } else { 7 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_from_a_million_are_shortened() {
        for (number, shown) in
            [(0, "0"), (1_234, "1,234"), (999_999, "999,999"), (1_250_000, "1.2M"), (1_234_567_890, "1,234M")]
        {
            assert_eq!(count(number), shown);
        }
    }

    #[test]
    fn a_badge_has_a_label_for_screen_readers() {
        let badge = svg("visitors", "1,234");
        assert!(badge.contains("aria-label=\"visitors: 1,234\"") && badge.starts_with("<svg ") && badge.len() < 1000);
    }
}
