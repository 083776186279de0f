//! Refusals that are remembered for a while: until when each fingerprint is known to be refused.
//!
//! A state word is 24 more bits of the fingerprint and the time in milliseconds, so a key that changes hands brings no
//! time along. Owners have generations: the next one makes all that was remembered of its owner unfindable at the cost
//! of one addition. Several owners share a generation, so some of their refusals are asked about once more.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::Arena;
use crate::key::{Fingerprint, Key};
use crate::slots::change;
use crate::time::milliseconds;

/// The bits that are a time: 34 years.
const UNTIL: u64 = (1 << 40) - 1;

impl Arena {
    /// Remembers `refused` for so many seconds.
    pub fn remember(&self, refused: Fingerprint, seconds: f64, now: f64) {
        let now = milliseconds(now);
        let until = now.saturating_add(milliseconds(seconds)).min(UNTIL);
        let slot = self.claim(self.places.refusals, refused.key, |state| (state & UNTIL).saturating_sub(now));
        if let Some(state) = slot {
            state.store(check(refused) | until, Ordering::Release);
        }
    }

    /// Whether `asked` is remembered.
    pub fn is_refused(&self, asked: Fingerprint, now: f64) -> bool {
        self.find(self.places.refusals, asked.key).is_some_and(|state| {
            let state = state.load(Ordering::Acquire);
            state & !UNTIL == check(asked) && state & UNTIL > milliseconds(now)
        })
    }

    /// Forgets one refusal.
    pub fn forgive(&self, asked: Fingerprint) {
        if let Some(state) = self.find(self.places.refusals, asked.key) {
            change(state, |state| (state & !UNTIL == check(asked) && state != 0).then_some(0));
        }
    }

    /// The generation of `owner`, to be part of what its fingerprints are made of.
    pub fn generation(&self, owner: Key) -> u64 {
        self.generation_word(owner).map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// Begins the next generation of `owner`.
    pub fn next_generation(&self, owner: Key) {
        if let Some(word) = self.generation_word(owner) {
            word.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn generation_word(&self, owner: Key) -> Option<&AtomicU64> {
        self.set_words(self.places.generations, owner).1.first()
    }
}

fn check(fingerprint: Fingerprint) -> u64 {
    fingerprint.check & !UNTIL
}
