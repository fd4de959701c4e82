//! The limit of open files.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit towards `wanted`, as far as the hard limit allows, and returns the available number up to
/// `wanted`. Never lowers the soft limit. Shells set 1,024 for old programs that use `select`.
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
    fn the_file_limit_is_raised_but_never_lowered() {
        assert_eq!(allow(3), 3);
        let all = allow(u64::MAX);
        assert!(all > 3 && allow(all) == all);
    }
}
