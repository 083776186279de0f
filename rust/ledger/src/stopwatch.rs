//! How often something was done, and how long that took in all; shown by a histogram where there are meters.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::families::Id;
use crate::meters::{Meters, nanoseconds};

/// One thread writes; any may read.
#[derive(Debug, Default)]
pub struct Stopwatch {
    laps: AtomicU64,
    nanoseconds: AtomicU64,
    /// When what is under way began, as a float's bits; 0: nothing is.
    since: AtomicU64,
    /// The histogram, and its place in the arena.
    meter: Option<(Arc<Meters>, Id, usize)>,
}

impl Stopwatch {
    /// One that goes on where another one is, and shows its laps by a histogram.
    pub fn shown(before: &Self, meters: &Arc<Meters>, id: Id, word: usize) -> Self {
        let (laps, nanoseconds) = (before.laps().into(), before.nanoseconds.load(Relaxed).into());
        Self { laps, nanoseconds, since: AtomicU64::default(), meter: Some((Arc::clone(meters), id, word)) }
    }

    /// It is begun, at that time by the clock that `stop` is given, too.
    #[inline]
    pub fn start(&self, now: f64) {
        self.since.store(now.to_bits(), Relaxed);
    }

    /// It is done, if it was begun.
    #[inline]
    pub fn stop(&self, now: f64) {
        if let Some(since) = self.since() {
            self.since.store(0, Relaxed);
            self.lap(now - since);
        }
    }

    /// When what is under way began; none: nothing is.
    #[inline]
    pub fn since(&self) -> Option<f64> {
        match self.since.load(Relaxed) {
            0 => None,
            bits => Some(f64::from_bits(bits)),
        }
    }

    /// It was done once more, in so many seconds.
    #[inline]
    pub fn lap(&self, seconds: f64) {
        self.laps.store(self.laps().saturating_add(1), Relaxed);
        let sum = self.nanoseconds.load(Relaxed).saturating_add(nanoseconds(seconds));
        self.nanoseconds.store(sum, Relaxed);
        if let Some((meters, id, word)) = &self.meter {
            meters.observe(*id, *word, seconds);
        }
    }

    /// How often it was done.
    pub fn laps(&self) -> u64 {
        self.laps.load(Relaxed)
    }

    /// How long that took, seconds.
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of months fit")]
    pub fn seconds(&self) -> f64 {
        self.nanoseconds.load(Relaxed) as f64 / 1e9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laps_add_up_and_go_on_where_another_was() {
        let first = Stopwatch::default();
        first.lap(0.25);
        first.lap(0.5);
        assert_eq!((first.laps(), first.seconds()), (2, 0.75));
        let second = Stopwatch { laps: first.laps().into(), ..Stopwatch::default() };
        second.lap(-1.0);
        assert_eq!((second.laps(), second.seconds()), (3, 0.0));
    }

    #[test]
    fn what_was_begun_is_counted_once() {
        let watch = Stopwatch::default();
        watch.stop(1.0);
        assert_eq!((watch.since(), watch.laps()), (None, 0));
        watch.start(1.0);
        assert_eq!((watch.since(), watch.laps()), (Some(1.0), 0));
        watch.stop(1.5);
        watch.stop(4.0);
        assert_eq!((watch.since(), watch.laps(), watch.seconds()), (None, 1, 0.5));
    }
}
