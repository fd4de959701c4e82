//! The number of views that count per network. Requests beyond the limit get a response but are not counted, so that no client can
//! inflate the numbers.
//!
//! For each network, one time is stored: when its whole limit is available again, at most a minute ahead. The memory has a fixed
//! size of 256 KB, has keyed hashes instead of addresses, and past times are cleared. Crates with a map per key grow during a
//! flood of addresses, so the limit is written here.

use std::{
    hash::{BuildHasher, RandomState},
    num::NonZeroU32,
    sync::Mutex,
    time::Instant,
};

use crate::domain::identity::address::Network;

/// Microseconds until a network's whole limit is available again. A network may use its limit at once: an office can open a shared
/// link at the same time.
const WINDOW_US: u64 = 60_000_000;

/// Rows of the memory, and places in a row: 16,384 networks, 256 KB. With 600 views a minute, one view is remembered for a tenth of
/// a second, so the memory is large enough for 160,000 networks a second.
const ROWS: usize = 4096;
const PLACES: usize = 4;

/// A limit of views for each network; shared by all requests.
pub struct RateLimit {
    /// How many microseconds it takes until one view has come back.
    interval_us: u64,
    key: RandomState,
    began: Instant,
    memory: Mutex<Memory>,
}

struct Memory {
    rows: Vec<[Use; PLACES]>,
    cleared_at_us: u64,
}

/// The used part of one network's limit.
#[derive(Clone, Copy, Default)]
struct Use {
    network: u64,
    /// When the whole limit is available again, in microseconds from `began`. Past times have no meaning.
    restored_at_us: u64,
}

impl RateLimit {
    /// Creates an unused limit. The key hashes networks and should be as new as the limit; `began` is any time before the first view.
    pub fn new(views_per_minute: NonZeroU32, key: RandomState, began: Instant) -> Self {
        let memory = Memory { rows: vec![[Use::default(); PLACES]; ROWS], cleared_at_us: 0 };
        let interval_us = WINDOW_US / u64::from(views_per_minute.get());
        Self { interval_us: interval_us.max(1), key, began, memory: Mutex::new(memory) }
    }

    /// Uses one view of the network's limit. Returns false if none is left.
    ///
    /// # Panics
    /// Never: no code panics while it holds the lock.
    pub fn admits(&self, network: Network, now: Instant) -> bool {
        let now_us = u64::try_from(now.saturating_duration_since(self.began).as_micros()).unwrap_or(u64::MAX >> 1);
        let hash = self.key.hash_one(network.limited());
        self.memory.lock().expect("no code panics while it holds this lock").admit(hash, now_us, self.interval_us)
    }
}

impl Memory {
    /// The generic cell rate algorithm, with a whole window as its tolerance (ITU-T I.371).
    fn admit(&mut self, network: u64, now_us: u64, interval_us: u64) -> bool {
        self.clear(now_us);
        let row = usize::try_from(network % ROWS as u64).unwrap_or_default();
        let row = &mut self.rows[row];
        let known = row.iter().position(|place| place.network == network && place.restored_at_us > now_us);
        // If the row is full, evict the network that has used the least of its limit.
        let place = known.or_else(|| (0..PLACES).min_by_key(|place| row[*place].restored_at_us)).unwrap_or_default();
        let used_until_us = if known.is_some() { row[place].restored_at_us } else { now_us };
        let restored_at_us = used_until_us + interval_us;
        if restored_at_us > now_us + WINDOW_US {
            return false;
        }
        row[place] = Use { network, restored_at_us };
        true
    }

    /// Clears past times, once per window.
    fn clear(&mut self, now_us: u64) {
        if now_us < self.cleared_at_us + WINDOW_US {
            return;
        }
        self.cleared_at_us = now_us;
        for place in self.rows.iter_mut().flatten() {
            if place.restored_at_us <= now_us {
                *place = Use::default();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limit(views_per_minute: u32) -> (RateLimit, Instant) {
        let began = Instant::now();
        (RateLimit::new(NonZeroU32::new(views_per_minute).unwrap(), RandomState::new(), began), began)
    }

    fn network(address: &str) -> Network {
        Network::of(address.parse().unwrap())
    }

    fn numbered(number: u32) -> Network {
        Network::V4(number.to_be_bytes())
    }

    fn admitted(limit: &RateLimit, network: Network, now: Instant, views: usize) -> usize {
        (0..views).filter(|_| limit.admits(network, now)).count()
    }

    #[test]
    fn a_minutes_views_may_come_at_once_and_come_back_one_by_one() {
        let (limit, began) = limit(600);
        let office = network("203.0.113.9");
        assert_eq!(admitted(&limit, office, began, 1000), 600);
        assert_eq!(admitted(&limit, office, began + Duration::from_millis(99), 10), 0);
        assert_eq!(admitted(&limit, office, began + Duration::from_millis(100), 10), 1);
        assert_eq!(admitted(&limit, office, began + SECOND, 100), 9);
        assert_eq!(admitted(&limit, office, began + 61 * SECOND, 1000), 600);
    }

    #[test]
    fn a_network_within_its_limit_is_always_admitted() {
        for views in [1, 7, 60, 600, 1_000_000] {
            let (limit, began) = limit(views);
            let every = Duration::from_secs(60) / views;
            for view in 0..views.min(5000) {
                assert!(limit.admits(network("203.0.113.9"), began + every * view), "{view} of {views}");
            }
        }
    }

    #[test]
    fn over_ten_minutes_of_flood_a_network_has_eleven_minutes_views() {
        let (limit, began) = limit(60);
        let flood = network("203.0.113.9");
        let counted: usize = (0..6000).map(|tick| admitted(&limit, flood, began + tick * SECOND / 10, 3)).sum();
        assert_eq!(counted, 60 + 599);
    }

    #[test]
    fn networks_have_separate_limits() {
        let (limit, began) = limit(5);
        assert_eq!(admitted(&limit, network("203.0.113.9"), began, 10), 5);
        assert_eq!(admitted(&limit, network("203.0.113.10"), began, 10), 5);
    }

    #[test]
    fn networks_of_one_56_share_a_limit_and_of_two_do_not() {
        let (limit, began) = limit(5);
        assert_eq!(admitted(&limit, network("2001:db8:1:2200::1"), began, 3), 3);
        assert_eq!(admitted(&limit, network("2001:db8:1:22ff::2"), began, 3), 2);
        assert_eq!(admitted(&limit, network("2001:db8:1:2300::1"), began, 3), 3);
        // An IPv4 address differs from an IPv6 address with the same bytes.
        assert_eq!(admitted(&limit, network("32.1.13.184"), began, 3), 3);
    }

    #[test]
    fn a_flood_of_networks_does_not_evict_the_heaviest_one() {
        let (limit, began) = limit(600);
        let flood = network("203.0.113.9");
        admitted(&limit, flood, began, 600);
        for number in 0..200_000 {
            limit.admits(numbered(number), began);
        }
        assert_eq!(admitted(&limit, flood, began, 10), 0);
    }

    #[test]
    fn the_memory_does_not_grow_and_past_times_are_cleared() {
        let (limit, began) = limit(600);
        for number in 0..100_000 {
            limit.admits(numbered(number), began);
        }
        let remembered = || {
            let memory = limit.memory.lock().unwrap();
            assert_eq!((memory.rows.len(), memory.rows.capacity()), (ROWS, ROWS));
            memory.rows.iter().flatten().filter(|place| place.network != 0).count()
        };
        assert!(remembered() > ROWS);
        limit.admits(numbered(7), began + 61 * SECOND);
        assert_eq!(remembered(), 1);
    }

    #[test]
    fn another_key_makes_other_hashes() {
        let hash = || RandomState::new().hash_one(network("203.0.113.9").limited());
        assert_ne!(hash(), hash());
    }

    #[test]
    fn a_time_before_the_start_counts_as_the_start() {
        let (limit, began) = limit(5);
        let before = began.checked_sub(SECOND).unwrap_or(began);
        assert_eq!(admitted(&limit, network("203.0.113.9"), before, 10), 5);
    }
}
