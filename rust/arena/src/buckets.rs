//! Token buckets, kept as the generic cell rate algorithm has them: one time per key, at which the bucket is full again
//! (its theoretical arrival time), in nanoseconds. A time that has passed is a full bucket, so it costs nothing to
//! forget it; a key in debt is forgotten only for want of room, the least indebted first.

use crate::Arena;
use crate::key::Key;
use crate::slots::change;
use crate::time::{nanoseconds, seconds};

/// How much of something may be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    period: u64,
    span: u64,
}

impl Quota {
    /// `count` in `per_seconds`, and `burst` at once. A zero is taken for a one.
    pub fn new(count: u32, per_seconds: u32, burst: u32) -> Self {
        let span = u64::from(per_seconds.max(1)).saturating_mul(1_000_000_000);
        // Rounded up, so that never more than the rate comes through.
        let period = span.div_ceil(u64::from(count.max(1)));
        Self { period, span: period.saturating_mul(u64::from(burst.max(1))) }
    }
}

/// What a bucket says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// A token was taken.
    Allowed,
    /// There was none; there will be one in so many seconds.
    Wait(f64),
}

impl Arena {
    /// Takes a token from the bucket of `key`.
    #[inline]
    pub fn take(&self, key: Key, quota: Quota, now: f64) -> Verdict {
        match self.charge(key, quota, nanoseconds(now), 0) {
            Ok(_) => Verdict::Allowed,
            Err(wait) => Verdict::Wait(seconds(wait)),
        }
    }

    /// Takes a token that may still have to come, and tells in how many seconds it does (0: it was there). None, and
    /// none taken, if that would be more than `seconds_max`.
    #[inline]
    pub fn reserve(&self, key: Key, quota: Quota, seconds_max: f64, now: f64) -> Option<f64> {
        self.charge(key, quota, nanoseconds(now), nanoseconds(seconds_max)).ok().map(seconds)
    }

    fn charge(&self, key: Key, quota: Quota, now: u64, wait_max: u64) -> Result<u64, u64> {
        // Without a table there is nothing to give.
        let Some(full_at) = self.claim(self.places.buckets, key, |full_at| full_at.saturating_sub(now)) else {
            return Err(quota.period);
        };
        let mut wait = 0;
        change(full_at, |full_at| {
            let next = full_at.max(now).saturating_add(quota.period);
            wait = next.saturating_sub(now).saturating_sub(quota.span);
            (wait <= wait_max).then_some(next)
        });
        if wait <= wait_max { Ok(wait) } else { Err(wait) }
    }
}
