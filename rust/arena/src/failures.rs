//! Failures of keys that are guarded, the lockouts that follow, and what keys have in flight.
//!
//! A state word is a count and a time in milliseconds. For failures the time is when all of them will be forgotten:
//! each is, one after the other, in its share of the window, and none while the key is locked. So a time further away
//! than the count explains is a lockout, and a count of 0 with a time to come is a key that succeeded of late.

use core::sync::atomic::Ordering;

use crate::Arena;
use crate::key::Key;
use crate::slots::change;
use crate::time::{milliseconds, seconds};

const COUNT_SHIFT: u32 = 48;
/// The bits that are a time: 8,900 years.
const TIME: u64 = (1 << COUNT_SHIFT) - 1;
/// The most failures that a lockout may begin with.
const THRESHOLD_MAX: u32 = 10_000;

/// How many failures lock a key, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lockout {
    threshold: u64,
    count_max: u64,
    share: u64,
    first: u64,
    longest: u64,
}

impl Lockout {
    /// A key is locked when `threshold` failures come in `window_seconds`: for `first_seconds`, and twice as long with
    /// each further one, up to `longest_seconds`.
    pub fn new(threshold: u32, window_seconds: f64, first_seconds: f64, longest_seconds: f64) -> Self {
        let threshold = u64::from(threshold.clamp(1, THRESHOLD_MAX));
        let first = milliseconds(first_seconds).clamp(1, TIME);
        let longest = milliseconds(longest_seconds).clamp(first, TIME);
        let share = milliseconds(window_seconds).min(TIME).checked_div(threshold).unwrap_or(0).max(1);
        // Failures beyond what the longest lockout takes would only be remembered for longer.
        let doublings = (0_u32..64).find(|&by| doubled(first, by) >= longest).unwrap_or(64);
        Self { threshold, count_max: threshold.saturating_add(u64::from(doublings)), share, first, longest }
    }

    fn lasts(&self, count: u64) -> u64 {
        match count.checked_sub(self.threshold) {
            Some(beyond) => doubled(self.first, u32::try_from(beyond).unwrap_or(u32::MAX)).min(self.longest),
            None => 0,
        }
    }
}

fn doubled(value: u64, times: u32) -> u64 {
    1_u64.checked_shl(times).map_or(u64::MAX, |factor| value.saturating_mul(factor))
}

/// How a key stands.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Standing {
    /// Its failures that are not forgotten.
    pub failures: u32,
    /// For how many more seconds it is locked.
    pub locked_seconds: f64,
    /// Whether the last that was heard of it, not long ago, is a success.
    pub trusted: bool,
}

fn packed(count: u64, time: u64) -> u64 {
    (count << COUNT_SHIFT) | time.min(TIME)
}

fn unpacked(state: u64, now: u64) -> (u64, u64) {
    let left = (state & TIME).saturating_sub(now);
    (if left == 0 { 0 } else { state >> COUNT_SHIFT }, left)
}

/// Many failures are worth more than few, and fresh ones more than old ones.
fn worth(state: u64, now: u64) -> u64 {
    let (count, left) = unpacked(state, now);
    packed(count, left)
}

impl Arena {
    /// How `key` stands.
    pub fn standing(&self, key: Key, lockout: &Lockout, now: f64) -> Standing {
        let Some(state) = self.find(self.places.failures, key) else { return Standing::default() };
        let (count, left) = unpacked(state.load(Ordering::Acquire), milliseconds(now));
        let locked = if count == 0 { 0 } else { left.saturating_sub(count.saturating_mul(lockout.share)) };
        Standing {
            failures: u32::try_from(count.min(left.div_ceil(lockout.share))).unwrap_or(u32::MAX),
            locked_seconds: seconds(locked.saturating_mul(1_000_000)),
            trusted: count == 0 && left > 0,
        }
    }

    /// Counts a failure of `key`.
    pub fn failed(&self, key: Key, lockout: &Lockout, now: f64) {
        let now = milliseconds(now);
        let Some(state) = self.claim(self.places.failures, key, |state| worth(state, now)) else { return };
        change(state, |state| {
            let (count, left) = unpacked(state, now);
            // What is left of earlier failures, without a lockout that may be on.
            let left = left.min(count.saturating_mul(lockout.share));
            let count = left.div_ceil(lockout.share).saturating_add(1).min(lockout.count_max);
            let left = left.saturating_add(lockout.share).min(count.saturating_mul(lockout.share));
            let locked = lockout.lasts(count);
            // A lockout keeps whole failures: the first share begins to run when it ends.
            let left = if locked == 0 { left } else { count.saturating_mul(lockout.share).saturating_add(locked) };
            Some(packed(count, now.saturating_add(left)))
        });
    }

    /// Forgets the failures of `key`, and trusts it for so many seconds.
    pub fn succeeded(&self, key: Key, trusted_seconds: f64, now: f64) {
        let until = milliseconds(now).saturating_add(milliseconds(trusted_seconds));
        let now = milliseconds(now);
        if let Some(state) = self.claim(self.places.failures, key, |state| worth(state, now)) {
            state.store(packed(0, until), Ordering::Release);
        }
    }

    /// Counts one more in flight for `key`, if fewer than `limit` are. Those that never leave are forgotten when the
    /// lease of the last one that entered runs out.
    pub fn enter(&self, key: Key, limit: u32, lease_seconds: f64, now: f64) -> bool {
        let now_word = milliseconds(now);
        let until = now_word.saturating_add(milliseconds(lease_seconds));
        let Some(state) = self.claim(self.places.in_flight, key, |state| worth(state, now_word)) else { return true };
        let mut entered = false;
        change(state, |state| {
            let (count, _) = unpacked(state, now_word);
            entered = count < u64::from(limit.min(THRESHOLD_MAX));
            entered.then(|| packed(count.saturating_add(1), until))
        });
        entered
    }

    /// One that entered is no longer in flight.
    pub fn leave(&self, key: Key, now: f64) {
        let now = milliseconds(now);
        if let Some(state) = self.find(self.places.in_flight, key) {
            change(state, |state| {
                let (count, _) = unpacked(state, now);
                (count > 0).then(|| packed(count.saturating_sub(1), state & TIME))
            });
        }
    }
}
