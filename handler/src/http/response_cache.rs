//! The response bodies of each reading, dropped soon after the reading.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use super::response_body::Body;
use crate::{
    page::Charted,
    reader::{LiveReading, Reading},
    texts::{self, Texts},
};

/// The bodies of all readings that are still in use.
#[derive(Default)]
pub struct ResponseCache {
    reports: BodiesOf<Reading, ReportBodies>,
    live: BodiesOf<LiveReading, Body>,
}

/// The bodies of one report.
pub(super) struct ReportBodies {
    /// The pages in each language: with a chart of visitors, and with one of pageviews.
    pages: Vec<[PageBodies; 2]>,
    pub(super) json: Body,
    pub(super) csv: Body,
}

/// The pages of one report, with one chart, in one language.
#[derive(Default)]
pub(super) struct PageBodies {
    pub(super) page: Body,
    /// The page for visitors without access to the names of other sites.
    pub(super) page_without_sites: Body,
    /// The page for a frame.
    pub(super) embedded: Body,
}

impl ReportBodies {
    pub(super) fn pages(&self, charted: Charted, texts: &Texts) -> &PageBodies {
        let [of_visitors, of_pageviews] = &self.pages[texts.position];
        match charted {
            Charted::Visitors => of_visitors,
            Charted::Pageviews => of_pageviews,
        }
    }
}

impl Default for ReportBodies {
    fn default() -> Self {
        let pages = texts::languages().iter().map(|_| <[PageBodies; 2]>::default()).collect();
        Self { pages, json: Body::default(), csv: Body::default() }
    }
}

impl ResponseCache {
    pub(super) fn report(&self, reading: &Arc<Reading>) -> Arc<ReportBodies> {
        self.reports.get(reading)
    }

    pub(super) fn live(&self, reading: &Arc<LiveReading>) -> Arc<Body> {
        self.live.get(reading)
    }
}

/// Bodies `B` of readings `R`, by the address of the reading. The `Weak` prevents the reuse of the address.
struct BodiesOf<R, B>(Mutex<HashMap<usize, CachedBodies<R, B>>>);

/// A reading and its bodies.
type CachedBodies<R, B> = (Weak<R>, Arc<B>);

impl<R, B> Default for BodiesOf<R, B> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<R, B: Default> BodiesOf<R, B> {
    fn get(&self, reading: &Arc<R>) -> Arc<B> {
        let address = Arc::as_ptr(reading).addr();
        // A panic while the lock is held leaves a valid map, because each change is one insert or removal.
        let mut bodies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bodies)) = bodies.get(&address) {
            return bodies.clone();
        }
        bodies.retain(|_, (reading, _)| reading.strong_count() > 0);
        bodies.entry(address).or_insert_with(|| (Arc::downgrade(reading), Arc::default())).1.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_with_the_same_reading_share_its_bodies() {
        let (bodies, reading) = (BodiesOf::<u8, Body>::default(), Arc::new(1));
        assert!(Arc::ptr_eq(&bodies.get(&reading), &bodies.get(&reading.clone())));
        assert!(!Arc::ptr_eq(&bodies.get(&reading), &bodies.get(&Arc::new(1))));
    }

    #[test]
    fn bodies_of_dropped_readings_are_removed_with_the_next_reading() {
        let bodies = BodiesOf::<u8, Body>::default();
        let kept = Arc::new(0);
        bodies.get(&kept);
        for number in 1..100 {
            bodies.get(&Arc::new(number));
        }
        assert_eq!(bodies.0.lock().unwrap().len(), 2);
    }
}
