//! Meters, counts and gauges: words by number. What each of them counts is for those to know who laid them out.
//!
//! A meter is one word for all workers. Counts and gauges are one word for each: nobody else writes there, so counting
//! is no more than a load, an addition and a store. A count only grows, and stays when its worker dies. A gauge says what
//! its worker has now: what a worker leaves behind that died is forgotten with it.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::Arena;

impl Arena {
    /// Adds to a meter; gives what it said before, 0 where there is none.
    #[inline]
    pub fn add(&self, meter: usize, by: u64) -> u64 {
        self.meter(meter).map_or(0, |word| word.fetch_add(by, Ordering::Relaxed))
    }

    /// Sets a meter.
    pub fn put(&self, meter: usize, to: u64) {
        if let Some(word) = self.meter(meter) {
            word.store(to, Ordering::Relaxed);
        }
    }

    /// What a meter says; 0 where there is none.
    pub fn read(&self, meter: usize) -> u64 {
        self.meter(meter).map_or(0, |word| word.load(Ordering::Relaxed))
    }

    /// Adds to a count of this worker's. A process counts in one thread at a time.
    #[inline]
    pub fn count(&self, count: usize, by: u64) {
        if let Some(word) = self.count_of(self.worker, count) {
            word.store(word.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
        }
    }

    /// Sets a count of this worker's.
    pub fn set_count(&self, count: usize, to: u64) {
        if let Some(word) = self.count_of(self.worker, count) {
            word.store(to, Ordering::Relaxed);
        }
    }

    /// What a count says, worker by worker.
    pub fn read_count(&self, count: usize) -> impl Iterator<Item = u64> {
        (0..self.places.workers)
            .map(move |worker| self.count_of(worker, count).map_or(0, |word| word.load(Ordering::Relaxed)))
    }

    #[inline]
    fn count_of(&self, worker: usize, count: usize) -> Option<&AtomicU64> {
        let (first, counts) = self.places.counts;
        if count >= counts || worker >= self.places.workers {
            return None;
        }
        self.words.get(first.saturating_add(worker.saturating_mul(counts)).saturating_add(count))
    }

    /// Adds to a gauge of this worker's; a number below 0 by its two's complement.
    #[inline]
    pub fn move_gauge(&self, gauge: usize, by: i64) {
        if let Some(word) = self.gauge(self.worker, gauge) {
            word.store(word.load(Ordering::Relaxed).wrapping_add(by.cast_unsigned()), Ordering::Relaxed);
        }
    }

    /// Sets a gauge of this worker's.
    pub fn set_gauge(&self, gauge: usize, to: u64) {
        if let Some(word) = self.gauge(self.worker, gauge) {
            word.store(to, Ordering::Relaxed);
        }
    }

    /// What a gauge says, worker by worker.
    pub fn read_gauge(&self, gauge: usize) -> impl Iterator<Item = u64> {
        (0..self.places.workers)
            .map(move |worker| self.gauge(worker, gauge).map_or(0, |word| word.load(Ordering::Relaxed)))
    }

    #[inline]
    fn meter(&self, meter: usize) -> Option<&AtomicU64> {
        let (first, count) = self.places.meters;
        if meter < count { self.words.get(first.saturating_add(meter)) } else { None }
    }

    #[inline]
    pub(crate) fn gauge(&self, worker: usize, gauge: usize) -> Option<&AtomicU64> {
        let (first, count) = self.places.gauges;
        if gauge >= count || worker >= self.places.workers {
            return None;
        }
        self.words.get(first.saturating_add(worker.saturating_mul(count)).saturating_add(gauge))
    }
}

#[cfg(test)]
mod tests {
    use crate::{Arena, Layout};

    #[test]
    fn meters_and_gauges_are_words_of_their_own() {
        let arena = Arena::new([1; 16], Layout { meters: 3, counts: 2, gauges: 2, workers: 2, ..Layout::default() });
        arena.add(0, 2);
        arena.add(2, 5);
        arena.add(2, 1);
        arena.move_gauge(0, 3);
        arena.move_gauge(0, -4);
        arena.set_gauge(1, 8);
        arena.count(1, 4);
        arena.count(1, 3);
        arena.count(2, 9);
        assert_eq!([arena.read(0), arena.read(1), arena.read(2)], [2, 0, 6]);
        assert_eq!(arena.read_count(1).collect::<Vec<_>>(), [7, 0]);
        arena.set_count(1, 1);
        assert_eq!((arena.read_count(0).sum::<u64>(), arena.read_count(1).sum::<u64>()), (0, 1));
        assert_eq!(arena.read_gauge(0).map(u64::cast_signed).collect::<Vec<_>>(), [-1, 0]);
        assert_eq!(arena.read_gauge(1).collect::<Vec<_>>(), [8, 0]);
        // What is not there counts nothing, and nobody else's.
        arena.add(3, 1);
        arena.set_gauge(2, 1);
        assert_eq!(arena.read(3), 0);
        assert_eq!(arena.read_gauge(2).sum::<u64>(), 0);
        assert_eq!(arena.read_gauge(0).map(u64::cast_signed).sum::<i64>(), -1);
    }
}
