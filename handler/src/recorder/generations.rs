//! A bounded cache that forgets what was not used for longest.

use std::{collections::HashMap, hash::BuildHasherDefault};

/// The number of keys per generation. The number fills a hash table to its load limit.
pub(super) const GENERATION: usize = (1 << 18) / 8 * 7;

/// Values by key, in two generations. When the younger one is full, the older one is dropped. So a key stays while one of the last
/// [`GENERATION`] insertions and uses was of it. Keys must be uniformly distributed. With values of 4 bytes both generations take at
/// most 9 MB.
pub(super) struct Generations<V> {
    young: Generation<V>,
    old: Generation<V>,
}

type Generation<V> = HashMap<u64, V, BuildHasherDefault<KeyHasher>>;

impl<V> Default for Generations<V> {
    fn default() -> Self {
        Self { young: Generation::default(), old: Generation::default() }
    }
}

impl<V: Copy> Generations<V> {
    pub(super) fn get(&self, key: u64) -> Option<V> {
        self.young.get(&key).or_else(|| self.old.get(&key)).copied()
    }

    /// Like [`Generations::get`], and keeps the key longer.
    pub(super) fn renew(&mut self, key: u64) -> Option<V> {
        if let Some(value) = self.young.get(&key) {
            return Some(*value);
        }
        let value = *self.old.get(&key)?;
        self.insert(key, value);
        Some(value)
    }

    pub(super) fn insert(&mut self, key: u64, value: V) {
        if self.young.len() >= GENERATION && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

/// Uses a key as its own hash.
#[derive(Default)]
pub(super) struct KeyHasher(u64);

impl std::hash::Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn write_i64(&mut self, number: i64) {
        self.0 = number.cast_unsigned();
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_bounded_and_keeps_the_latest_keys() {
        let mut cache = Generations::default();
        let many = 3 * GENERATION as u64;
        for key in 0..many {
            cache.insert(key, ());
        }
        assert!(cache.get(many - 1).is_some());
        assert!(cache.get(0).is_none());
        assert!(cache.young.len() + cache.old.len() <= 2 * GENERATION);
        assert!(cache.young.capacity() <= GENERATION);
    }

    #[test]
    fn a_key_in_use_is_kept() {
        let mut cache = Generations::default();
        cache.insert(0, 7);
        for key in 1..3 * GENERATION as u64 {
            cache.insert(key, 0);
            if key % 1000 == 0 {
                assert_eq!(cache.renew(0), Some(7));
            }
        }
    }
}
