//! Slots: a key and its state, two words side by side, eight to a set.
//!
//! A slot changes hands by one compare-exchange of its key word. Before that, a state that is still worth something is
//! emptied by another one, so whoever dies between both has only forgotten the old key's state. Two who bring the same
//! key at the same time meet at the same slot, as long as both see the same set; if they do not, the key has two slots
//! for a while, everybody uses the first, and the second gives way when its state has run out. A slot that is taken over
//! between its key's coming and its first use has one event too many for the new key, and one too few for the old.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::Arena;
use crate::key::Key;
use crate::layout::Table;

/// Slots in a set: two lines of a cache.
pub(crate) const WAYS: usize = 8;

/// The key word and the state word.
pub(crate) type Slot = [AtomicU64; 2];

impl Arena {
    /// The words of the set that `key` belongs to.
    pub(crate) fn set_words(&self, table: Table, key: Key) -> (usize, &[AtomicU64]) {
        #[expect(clippy::cast_possible_truncation, reason = "a hash has as good bits below as above")]
        let set = key.word() as usize & table.mask;
        let first = table.first.saturating_add(set.saturating_mul(table.set_words));
        (first, self.words.get(first..first.saturating_add(table.set_words)).unwrap_or_default())
    }

    fn set(&self, table: Table, key: Key) -> &[Slot] {
        self.set_words(table, key).1.as_chunks().0
    }

    /// The state of `key`, if it has a slot.
    pub(crate) fn find(&self, table: Table, key: Key) -> Option<&AtomicU64> {
        let [_, state] = self.set(table, key).iter().find(|[held, _]| held.load(Ordering::Acquire) == key.word())?;
        Some(state)
    }

    /// The state of `key`, which gets a slot if it has none: the one whose state is worth least, where 0 is nothing.
    /// A state taken over is either 0 or was worth nothing. None only where the table has no set.
    #[inline]
    pub(crate) fn claim(&self, table: Table, key: Key, worth: impl Fn(u64) -> u64) -> Option<&AtomicU64> {
        let set = self.set(table, key);
        loop {
            let mut least: Option<(u64, u64, u64, &Slot)> = None;
            for slot in set {
                let [held, state] = slot;
                let holder = held.load(Ordering::Acquire);
                if holder == key.word() {
                    return Some(state);
                }
                let value = state.load(Ordering::Acquire);
                // A slot that nobody has comes first: another may belong to somebody who is about to use it.
                let worth = if holder == 0 { 0 } else { worth(value).saturating_add(1) };
                if least.is_none_or(|(known, ..)| worth < known) {
                    least = Some((worth, holder, value, slot));
                }
            }
            let (worth, holder, value, [held, state]) = least?;
            // Whoever fails here has been overtaken, and looks again.
            if worth > 1 && state.compare_exchange(value, 0, Ordering::AcqRel, Ordering::Relaxed).is_err() {
                continue;
            }
            if held.compare_exchange(holder, key.word(), Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                return Some(state);
            }
        }
    }
}

/// Changes a word to what `next` makes of it, unless that is nothing.
#[inline]
pub(crate) fn change(word: &AtomicU64, mut next: impl FnMut(u64) -> Option<u64>) {
    let mut held = word.load(Ordering::Acquire);
    while let Some(wanted) = next(held) {
        match word.compare_exchange_weak(held, wanted, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return,
            Err(found) => held = found,
        }
    }
}
