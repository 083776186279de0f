//! How long a refusal takes: a moving average, in one word of nanoseconds.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::Arena;
use crate::slots::change;
use crate::time::{nanoseconds, seconds};

/// A sample's share of the average is one in so many.
const WEIGHT: u64 = 8;
/// A longer sample counts as this: a server that hangs is no measure of one that refuses.
const SECONDS_MAX: f64 = 5.0;

impl Arena {
    /// Adds a sample.
    pub fn refusal_took(&self, took_seconds: f64) {
        let sample = nanoseconds(took_seconds.min(SECONDS_MAX)).max(1);
        if let Some(word) = self.estimate() {
            change(word, |held| {
                let kept = held.saturating_sub(held / WEIGHT);
                Some(if held == 0 { sample } else { kept.saturating_add(sample / WEIGHT) })
            });
        }
    }

    /// The average in seconds; 0 before the first sample.
    pub fn refusal_seconds(&self) -> f64 {
        self.estimate().map_or(0.0, |word| seconds(word.load(Ordering::Relaxed)))
    }

    fn estimate(&self) -> Option<&AtomicU64> {
        self.words.get(self.places.estimate)
    }
}

#[cfg(test)]
mod tests {
    use crate::{Arena, Layout};

    #[test]
    fn follows_what_refusals_take() {
        let arena = Arena::new([1; 16], Layout::default());
        assert!(arena.refusal_seconds() < 1e-9);
        arena.refusal_took(0.2);
        assert!((arena.refusal_seconds() - 0.2).abs() < 1e-6);
        for _ in 0..100 {
            arena.refusal_took(0.05);
        }
        assert!((arena.refusal_seconds() - 0.05).abs() < 0.001);
        arena.refusal_took(f64::INFINITY);
        assert!(arena.refusal_seconds() < 1.0);
    }
}
