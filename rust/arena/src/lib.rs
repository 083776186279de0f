//! Token buckets, counters in use, guard tables and a cache of refusals: atomics in one bounded region, laid out so that
//! several processes can share it. Knows no LDAP, no socket and no clock: keys are octets, time is an argument, in
//! seconds of any steady clock that all who share the region read.
//!
//! Invariants:
//! - The region is a slice of words; places in it are offsets that follow from the [`Layout`] alone. No word is an address.
//! - Every table is set-associative: a key belongs to one set of a few slots, and takes the slot of another key of that
//!   set when none is free. Nothing grows.
//! - Nothing is locked. Each word is changed by single atomic operations, ordered so that whoever dies between two of
//!   them leaves a table that is right for everybody else.
//! - Keys are hashed under a secret, so nobody can choose addresses or names that meet in one set.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::panic,
        clippy::todo,
        clippy::unreachable
    )
)]

mod buckets;
mod counters;
mod estimate;
mod failures;
mod key;
mod layout;
mod meters;
mod refusals;
mod slots;
mod time;

use core::fmt;
use core::iter::repeat_with;
use core::sync::atomic::AtomicU64;

pub use buckets::{Quota, Verdict};
pub use counters::{Acquired, Hold};
pub use failures::{Lockout, Standing};
pub use key::{Fingerprint, Key, KeyHasher};
pub use layout::{ENTRIES_MAX, Layout, WORKERS_MAX};

use layout::Places;

/// The region and what it takes to find things in it.
pub struct Arena {
    words: Box<[AtomicU64]>,
    places: Places,
    secret: [u8; 16],
    /// Which of the workers this one is.
    worker: usize,
}

impl Arena {
    /// An empty region of this layout. Whoever shares it must know the same `secret`, under which keys are hashed.
    pub fn new(secret: [u8; 16], layout: Layout) -> Self {
        let places = layout.places();
        let words = repeat_with(AtomicU64::default).take(places.words).collect();
        Self { words, places, secret, worker: 0 }
    }

    /// How many octets the region takes, whatever happens.
    pub fn octets(&self) -> usize {
        size_of_val(&*self.words)
    }
}

// The secret would let a reader choose keys that meet.
impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arena").field("octets", &self.octets()).finish_non_exhaustive()
    }
}
