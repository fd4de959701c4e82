//! Annotations: notes of the owner about days of a site, which the chart shows.

use crate::domain::{calendar::Day, dimension::value::misleads};

/// How many annotations a site can have.
pub const ANNOTATIONS_A_SITE: usize = 500;

/// The maximum length of a text.
const TEXT_BYTES: usize = 200;

/// A note about a day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Annotation {
    pub day: Day,
    /// One line, not empty.
    pub text: String,
}

/// The text is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAnnotation {
    #[error("the text is empty")]
    Empty,
    #[error("the text has more than {TEXT_BYTES} bytes")]
    Long,
    #[error("the text must be one line, without control characters")]
    Unprintable,
}

impl Annotation {
    /// An annotation with this text, without spaces at its ends.
    ///
    /// # Errors
    /// If the text is empty, too long, or not one printable line.
    pub fn new(day: Day, text: &str) -> Result<Self, BadAnnotation> {
        let text = text.trim();
        if text.is_empty() {
            Err(BadAnnotation::Empty)
        } else if text.len() > TEXT_BYTES {
            Err(BadAnnotation::Long)
        } else if text.contains(|c: char| c.is_control() || misleads(c)) {
            Err(BadAnnotation::Unprintable)
        } else {
            Ok(Self { day, text: text.to_owned() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_short_printable_line() {
        let text = |text: &str| Annotation::new(Day::from_number(1), text).map(|annotation| annotation.text);
        assert_eq!(text(" Launched 🚀 <b> ").as_deref(), Ok("Launched 🚀 <b>"));
        assert_eq!(text(&"é".repeat(100)).map(|text| text.len()), Ok(200));
        assert_eq!(text(" \t"), Err(BadAnnotation::Empty));
        assert_eq!(text(&"a".repeat(201)), Err(BadAnnotation::Long));
        for unprintable in ["a\nb", "a\0b", "a\u{202e}b", "a\u{2028}b"] {
            assert_eq!(text(unprintable), Err(BadAnnotation::Unprintable), "{unprintable:?}");
        }
    }
}
