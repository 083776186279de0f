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
    /// The histogram, and its place in the arena.
    meter: Option<(Arc<Meters>, Id, usize)>,
}

impl Stopwatch {
    /// One that goes on where another one is, and shows its laps by a histogram.
    pub fn shown(before: &Self, meters: &Arc<Meters>, id: Id, word: usize) -> Self {
        let (laps, nanoseconds) = (before.laps().into(), before.nanoseconds.load(Relaxed).into());
        Self { laps, nanoseconds, meter: Some((Arc::clone(meters), id, word)) }
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
}
