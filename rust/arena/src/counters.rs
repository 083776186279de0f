//! Counters of what is in use. A counter is one word, the upper part of its key and how many are in use, so that taking
//! a free one over and counting the first are one step: a counter in use never changes hands.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::Arena;
use crate::key::Key;
use crate::slots::change;

/// The bits that count; a million of one thing at a time is more than a process can hold.
const COUNT: u64 = (1 << 20) - 1;
/// Set in every counter that ever had a key.
const TAKEN: u64 = 1 << 63;

/// One of something in use. It is given back by [`Arena::release`], once: there is no second one to give.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "what is not released stays in use"]
pub struct Hold {
    place: u32,
    tag: u64,
}

/// What a counter says.
#[derive(Debug, PartialEq, Eq)]
pub enum Acquired {
    /// One more is in use.
    Held(Hold),
    /// As many as allowed are in use.
    Full,
    /// No counter is free for this key: those it could have are in use by others.
    Crowded,
}

impl Arena {
    /// Counts one more in use by `key`, if fewer than `limit` are.
    pub fn acquire(&self, key: Key, limit: u32) -> Acquired {
        let tag = (key.word() | TAKEN) & !COUNT;
        let limit = u64::from(limit).min(COUNT);
        let (first, set) = self.set_words(self.places.counters, key);
        loop {
            let (mut in_use, mut own, mut free) = (0_u64, None, None);
            for (place, word) in set.iter().enumerate() {
                let held = word.load(Ordering::Acquire);
                if held & !COUNT == tag {
                    in_use = in_use.saturating_add(held & COUNT);
                    own = own.or(Some((place, word, held)));
                } else if held & COUNT == 0 {
                    free = free.or(Some((place, word, held)));
                }
            }
            if in_use >= limit {
                return Acquired::Full;
            }
            let Some((place, word, held)) = own.or(free) else { return Acquired::Crowded };
            let more = tag | (held & COUNT).saturating_add(1);
            if word.compare_exchange(held, more, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                // The region is bounded, so the place fits.
                let place = u32::try_from(first.saturating_add(place)).unwrap_or(u32::MAX);
                return Acquired::Held(Hold { place, tag });
            }
        }
    }

    /// Gives back what was held.
    #[expect(clippy::needless_pass_by_value, reason = "what is given back is gone")]
    pub fn release(&self, hold: Hold) {
        let Hold { place, tag } = hold;
        let word: Option<&AtomicU64> = usize::try_from(place).ok().and_then(|place| self.words.get(place));
        if let Some(word) = word {
            change(word, |held| (held & !COUNT == tag && held & COUNT > 0).then(|| held.saturating_sub(1)));
        }
    }
}
