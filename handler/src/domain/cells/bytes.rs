//! Integers (LEB128) and texts in bytes.

/// The bytes are no packed cells of a known version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the packed cells of a day: {0}")]
pub struct Damaged(pub(super) &'static str);

pub(super) fn write_number(mut number: u64, text: &mut Vec<u8>) {
    while number > 0x7f {
        text.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    text.push(number.to_le_bytes()[0]);
}

pub(super) fn write_text(value: &str, text: &mut Vec<u8>) {
    write_number(value.len() as u64, text);
    text.extend(value.as_bytes());
}

/// The bytes that are not read yet.
pub(super) struct Bytes<'b>(pub(super) &'b [u8]);

impl<'b> Bytes<'b> {
    pub(super) fn take(&mut self, length: usize) -> Result<&'b [u8], Damaged> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Damaged("too short"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn number(&mut self) -> Result<u64, Damaged> {
        // Nearly all numbers are small.
        if let [byte @ 0..0x80, rest @ ..] = self.0 {
            self.0 = rest;
            return Ok(u64::from(*byte));
        }
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = u64::from(self.take(1)?[0]);
            if shift == 63 && byte > 1 {
                break;
            }
            number |= (byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Damaged("number too large"))
    }

    /// A number of entries, each of which has at least one byte.
    pub(super) fn length(&mut self) -> Result<usize, Damaged> {
        let length = usize::try_from(self.number()?).map_err(|_| Damaged("too short"))?;
        if length > self.0.len() { Err(Damaged("too short")) } else { Ok(length) }
    }

    pub(super) fn text(&mut self) -> Result<&'b str, Damaged> {
        let length = self.length()?;
        std::str::from_utf8(self.take(length)?).map_err(|_| Damaged("not UTF-8"))
    }

    pub(super) fn column(&mut self) -> Result<Self, Damaged> {
        let length = self.length()?;
        Ok(Self(self.take(length)?))
    }
}
