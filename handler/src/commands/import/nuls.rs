//! Removes NUL bytes from a log. They come from logrotate's `copytruncate`, from space that IIS reserves, and from crashes.

use std::io::{self, Read};

/// A log without NUL bytes. NULs within a line end it, because what follows them was written later.
pub(super) struct WithoutNuls<R> {
    log: R,
    at_line_start: bool,
}

impl<R> WithoutNuls<R> {
    pub(super) const fn new(log: R) -> Self {
        Self { log, at_line_start: true }
    }
}

impl<R: Read> Read for WithoutNuls<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.log.read(buffer)?;
            let Some(last) = buffer[..read].last() else { return Ok(0) };
            if !buffer[..read].contains(&0) {
                self.at_line_start = *last == b'\n';
                return Ok(read);
            }
            let mut kept = 0;
            for at in 0..read {
                let byte = match buffer[at] {
                    0 if self.at_line_start => continue,
                    0 => b'\n',
                    byte => byte,
                };
                self.at_line_start = byte == b'\n';
                buffer[kept] = byte;
                kept += 1;
            }
            if kept > 0 {
                return Ok(kept);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nuls_disappear_between_lines_and_end_a_line_within() {
        for (log, text) in [
            ("a\nb\n", "a\nb\n"),
            ("\0\0\0a\nb", "a\nb"),
            ("a\n\0\0b\n\0\0", "a\nb\n"),
            ("a\0\0b\n", "a\nb\n"),
            ("\0", ""),
            ("", ""),
        ] {
            let mut read = String::new();
            // One byte at a time, so that a run of NULs spans reads.
            let mut bytes = WithoutNuls::new(log.as_bytes());
            let mut one = [0];
            while bytes.read(&mut one).unwrap() == 1 {
                read.push(char::from(one[0]));
            }
            assert_eq!(read, text);
            read.clear();
            WithoutNuls::new(log.as_bytes()).read_to_string(&mut read).unwrap();
            assert_eq!(read, text);
        }
    }
}
