//! Counters of what is in use. A counter is one word, the upper part of its key and how many are in use, so that taking
//! a free one over and counting the first are one step: a counter in use never changes hands.
//!
//! Each worker counts in a table of its own, so that what a dead one had in use is known and can be given back. A limit
//! holds for the sum over all tables: who takes one counts it first and looks at the sum then, so of those who come at
//! the same time never too many stay; who finds too many takes its own back and asks anew, so one of them does stay.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::Arena;
use crate::key::Key;
use crate::layout::Table;
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
    /// Counts one more in use by `key`, if fewer than `limit` are in all workers together.
    pub fn acquire(&self, key: Key, limit: u32) -> Acquired {
        if self.places.workers == 1 {
            self.acquire_as::<true>(key, limit)
        } else {
            self.acquire_as::<false>(key, limit)
        }
    }

    fn acquire_as<const ALONE: bool>(&self, key: Key, limit: u32) -> Acquired {
        let tag = (key.word() | TAKEN) & !COUNT;
        let limit = u64::from(limit);
        let (first, set) = self.set_words(self.own_counters, key);
        loop {
            let (mut in_use, mut own, mut free) = (0_u64, None, None);
            for (place, word) in set.iter().enumerate() {
                let held = word.load(Ordering::SeqCst);
                if held & !COUNT == tag {
                    in_use = in_use.saturating_add(held & COUNT);
                    own = own.or(Some((place, word, held)));
                } else if held & COUNT == 0 {
                    free = free.or(Some((place, word, held)));
                }
            }
            let elsewhere = if ALONE { 0 } else { self.used_elsewhere(key, tag) };
            if in_use.saturating_add(elsewhere) >= limit {
                return Acquired::Full;
            }
            let Some((place, word, held)) = own.or(free) else { return Acquired::Crowded };
            if held & COUNT == COUNT {
                return Acquired::Full;
            }
            let more = tag | (held & COUNT).saturating_add(1);
            if word.compare_exchange(held, more, Ordering::SeqCst, Ordering::Relaxed).is_err() {
                continue;
            }
            let place = u32::try_from(first.saturating_add(place));
            // The region is bounded, so the place fits.
            let one = Hold { place: place.unwrap_or(u32::MAX), tag };
            // In a total order of all counts and looks, the last of too many sees all the others.
            if ALONE || Self::used(set, tag).saturating_add(self.used_elsewhere(key, tag)) <= limit {
                return Acquired::Held(one);
            }
            self.release(one);
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

    /// Gives back all that a worker had in use, and sets its gauges to 0. Only when that worker has ended, and before
    /// another one takes its number: none but the worker itself writes where this does.
    pub fn forget_worker(&self, worker: usize) {
        if worker >= self.places.workers {
            return;
        }
        let Table { first, mask, set_words } = self.places.counters_of(worker);
        let counters = mask.saturating_add(1).saturating_mul(set_words);
        for word in self.words.iter().skip(first).take(counters) {
            // What is 0 is not written: a page that nobody used costs nothing.
            if word.load(Ordering::Relaxed) & COUNT != 0 {
                word.fetch_and(!COUNT, Ordering::SeqCst);
            }
        }
        for gauge in 0..self.places.gauges.1 {
            if let Some(word) = self.gauge(worker, gauge) {
                word.store(0, Ordering::Relaxed);
            }
        }
    }

    /// How many one key has in use in a set.
    fn used(set: &[AtomicU64], tag: u64) -> u64 {
        let counts = set.iter().map(|word| word.load(Ordering::SeqCst)).filter(|held| held & !COUNT == tag);
        counts.fold(0, |sum, held| sum.saturating_add(held & COUNT))
    }

    /// How many it has in use in other workers.
    fn used_elsewhere(&self, key: Key, tag: u64) -> u64 {
        let others = (0..self.places.workers).filter(|worker| *worker != self.worker);
        others.fold(0, |sum, worker| {
            sum.saturating_add(Self::used(self.set_words(self.places.counters_of(worker), key).1, tag))
        })
    }
}
