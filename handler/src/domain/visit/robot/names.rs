//! The list of robots by name, and its matcher.
//!
//! The matcher is a binary search in the sorted names for each word. An automaton of 1,500 names (aho-corasick) would have to be
//! built at each start.

use super::{
    index::FirstByteIndex,
    purpose::RobotPurpose,
    signs::{begins_word, ends_word},
};

/// Names of at least this length also match the beginning of a word, as `pingdom` matches `PingdomTMS`.
const DISTINCT_BYTES: usize = 6;

/// A robot by its User-Agent.
#[derive(Debug, PartialEq, Eq)]
pub struct Robot {
    /// The name in its User-Agent; `None` if the robot is unlisted and recognised by a sign.
    pub name: Option<&'static str>,
    /// The operator, if known.
    pub operator: Option<&'static str>,
    pub purpose: RobotPurpose,
}

/// The names, sorted.
pub(super) struct RobotList {
    names: Vec<RobotName>,
    by_first: FirstByteIndex,
}

/// A robot and the rule for its name in a User-Agent.
struct RobotName {
    /// The name in lower case.
    text: Box<[u8]>,
    only_at_start: bool,
    robot: Robot,
}

impl RobotList {
    /// Reads lines with name, operator and purpose, separated by tabs.
    ///
    /// # Panics
    /// If a line is invalid. The list is compiled in, and the tests read it.
    pub(super) fn read(lines: &'static str) -> Self {
        let mut names: Vec<RobotName> =
            lines.lines().filter(|line| !line.starts_with('#')).map(RobotName::read).collect();
        names.sort_unstable_by(|a, b| a.text.cmp(&b.text));
        let by_first = FirstByteIndex::new(names.iter().map(|name| &*name.text));
        Self { names, by_first }
    }

    /// All robots of the list.
    pub(super) fn robots(&self) -> impl Iterator<Item = &Robot> {
        self.names.iter().map(|name| &name.robot)
    }

    /// The robot with the longest name that begins a word of `text`, which is in lower case. Inside a word, a name has no meaning.
    pub(super) fn longest_in(&self, text: &[u8]) -> Option<&Robot> {
        (0..text.len())
            .filter(|&at| text[at].is_ascii_alphanumeric() && begins_word(text, at))
            .filter_map(|at| self.longest_at(text, at))
            .max_by_key(|name| name.text.len())
            .map(|name| &name.robot)
    }

    /// The longest name at the position `at` of `text`.
    fn longest_at(&self, text: &[u8], at: usize) -> Option<&RobotName> {
        let rest = &text[at..];
        let names = &self.names[self.by_first.range(rest[0])];
        let mut bytes = rest.len();
        loop {
            // The last name that is not after the text: either it begins the text, or no name shares more bytes with the text.
            let after = names.partition_point(|name| *name.text <= rest[..bytes]);
            let name = &names[after.checked_sub(1)?];
            let shared = name.text.iter().zip(rest).take_while(|(a, b)| a == b).count();
            if shared < name.text.len() {
                bytes = shared;
            } else if name.allows(text, at) {
                return Some(name);
            } else {
                bytes = shared - 1;
            }
            if bytes == 0 {
                return None;
            }
        }
    }
}

impl RobotName {
    fn read(line: &'static str) -> Self {
        let mut columns = line.split('\t');
        let (Some(written), Some(operator), Some(purpose), None) =
            (columns.next(), columns.next(), columns.next().and_then(RobotPurpose::named), columns.next())
        else {
            panic!("not a robot's name, operator and purpose: {line}");
        };
        let text = written.trim_start_matches('^');
        Self {
            text: text.to_ascii_lowercase().into_bytes().into(),
            only_at_start: written.starts_with('^'),
            robot: Robot {
                name: Some(text.trim_end_matches('/')),
                operator: Some(operator).filter(|operator| !operator.is_empty()),
                purpose,
            },
        }
    }

    /// Whether the name, found at the beginning of a word of `text`, matches.
    fn allows(&self, text: &[u8], start: usize) -> bool {
        let end = start + self.text.len();
        // A name that ends with a slash or similar matches, whatever follows.
        let whole = !text[end - 1].is_ascii_alphanumeric() || ends_word(text, end);
        (whole || self.text.len() >= DISTINCT_BYTES) && (start == 0 || !self.only_at_start)
    }
}
