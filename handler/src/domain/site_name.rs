//! Names of the sites that are counted.

use std::{fmt, ops::Deref, str::FromStr, sync::Arc};

use serde::{Serialize, Serializer};

/// A host name being counted: lowercase, without a trailing dot, at most 253 characters (RFC 1123 §2.1). Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SiteName(Arc<str>);

/// The name is invalid. The message says how to write it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a host name: write it as in example.com, without https:// and without a path")]
pub struct BadSiteName(String);

impl BadSiteName {
    /// The invalid name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl FromStr for SiteName {
    type Err = BadSiteName;

    fn from_str(name: &str) -> Result<Self, BadSiteName> {
        let name = name.trim().trim_end_matches('.').to_ascii_lowercase();
        let label_is_valid = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        if name.len() <= 253 && name.split('.').all(label_is_valid) {
            Ok(Self(name.into()))
        } else {
            Err(BadSiteName(name))
        }
    }
}

impl Deref for SiteName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SiteName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self)
    }
}

impl Serialize for SiteName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_lowercase_and_has_no_trailing_dot() {
        assert_eq!(&*"WWW.Example.com.".parse::<SiteName>().unwrap(), "www.example.com");
        assert_eq!(&*" localhost ".parse::<SiteName>().unwrap(), "localhost");
    }

    #[test]
    fn an_invalid_name_is_rejected_with_a_suggestion() {
        for name in
            ["", "https://example.com", "example.com/path", "exa mple.com", "-a.com", "a..b", "a\0b", &"a".repeat(64)]
        {
            let problem = name.parse::<SiteName>().unwrap_err().to_string();
            assert!(problem.contains("write it as in example.com"), "{name}");
        }
    }
}
