//! An index of sorted texts.

use std::ops::Range;

/// The range of texts in a sorted list for each first byte.
pub(super) struct FirstByteIndex([u16; 257]);

impl FirstByteIndex {
    /// Indexes sorted texts. No text may be empty, and there may be at most 65,535.
    pub(super) fn new<'a>(texts: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut starts = [0; 257];
        for text in texts {
            starts[usize::from(text[0]) + 1] += 1;
        }
        for byte in 0..256 {
            starts[byte + 1] += starts[byte];
        }
        Self(starts)
    }

    /// The positions of the texts that begin with `first`.
    pub(super) fn range(&self, first: u8) -> Range<usize> {
        let first = usize::from(first);
        self.0[first].into()..self.0[first + 1].into()
    }
}
