//! How many files this process may have open. It knows nothing of what they are used for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Asks for `wanted` open files, and says how many there may be: the soft limit is raised as far as the hard one allows,
/// and never lowered. Shells give 1,024, for the sake of programs that are older than `poll`.
pub(crate) fn allow(wanted: u64) -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let Some(current) = current else { return wanted };
    let raised = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    if raised > current && setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }).is_ok() {
        return raised;
    }
    current.min(wanted)
}

#[cfg(test)]
mod tests {
    use super::allow;

    #[test]
    fn no_more_are_promised_than_were_asked_for_and_none_are_taken_away() {
        assert_eq!(allow(3), 3);
        let all = allow(u64::MAX);
        assert!(all > 3 && allow(all) == all);
    }
}
