//! Token buckets, counters in use, guard tables, a cache of refusals and meters: atomics in one bounded region, which
//! several processes can share. Knows no LDAP, no socket and no clock: keys are octets, time is an argument, in
//! seconds of any steady clock that all who share the region read.
//!
//! Invariants:
//! - The region is a slice of words, mapped by all or of one process alone (`region.rs`, the only file with `unsafe`); places in it are offsets that follow from the [`Layout`] alone. No word is an address.
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
mod region;
mod slots;
mod time;

use core::fmt;
use core::hash::{Hash, Hasher};
use core::sync::atomic::Ordering;
use std::io;
use std::os::fd::RawFd;

pub use buckets::{Quota, Verdict};
pub use counters::{Acquired, Hold};
pub use failures::{Lockout, Standing};
pub use key::{Fingerprint, Key, KeyHasher};
pub use layout::{ENTRIES_MAX, Layout, WORKERS_MAX};

use layout::{Places, Table};
use region::Region;

/// The region and what it takes to find things in it.
pub struct Arena {
    words: Region,
    places: Places,
    secret: [u8; 16],
    /// Which of the workers this one is.
    worker: usize,
    own_counters: Table,
}

impl Arena {
    /// An empty region of this layout, for this process alone.
    pub fn new(secret: [u8; 16], layout: Layout) -> Self {
        let places = layout.places();
        Self { words: Region::own(places.words), places, secret, worker: 0, own_counters: places.counters }
    }

    /// The region in the memory behind `descriptor`, which all who share it map: new memory (`memfd_create`, sealing
    /// allowed) becomes an empty region, and is sealed. All bring the same `secret`, under which keys are hashed, and
    /// the same `layout`; each has a number among the workers of that layout.
    ///
    /// Fails where the memory cannot be mapped, or was made for another layout or secret.
    pub fn map(descriptor: RawFd, secret: [u8; 16], layout: Layout, worker: usize) -> io::Result<Self> {
        let places = layout.places();
        if worker >= places.workers {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        let (words, is_new) = Region::map(descriptor, places.words)?;
        let arena = Self { words, places, secret, worker, own_counters: places.counters_of(worker) };
        let mut hasher = arena.hasher();
        layout.hash(&mut hasher);
        let mark = hasher.finish();
        let Some(word) = arena.words.get(places.mark) else { return Err(io::Error::from(io::ErrorKind::InvalidData)) };
        if is_new {
            word.store(mark, Ordering::Release);
        } else if word.load(Ordering::Acquire) != mark {
            return Err(io::Error::other("the memory was made for another layout or secret"));
        }
        Ok(arena)
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
