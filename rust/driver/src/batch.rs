//! What was read from many sockets and is to be fed together, and what their sessions say and is to be written together.
//!
//! The kernel's network code drives everything else out of the processor's caches, and the other way round: a session
//! that is fed between a read and a write costs more than one that is fed behind another one.

use std::ops::Range;

use ostiary_session::Step;

use crate::key::{Key, Side};

/// Octets that one read takes at most: the larger the pieces of a large result, the less it costs.
const READ_BYTES: usize = 256 << 10;
/// The same where not even so many may wait for the other side.
const SMALL_READ_BYTES: usize = 64 << 10;
/// Octets that are read before sessions are fed.
const SPACE_BYTES: usize = 2 * READ_BYTES;
/// What is longer is written from where it lies, as copying it would cost more than is won.
const SAID_BYTES: usize = 4 << 10;

/// Space that keeps its length.
pub(crate) struct Batch {
    space: Vec<u8>,
    filled: usize,
    /// From which sockets was read, in that order, and where it lies.
    pub(crate) read: Vec<(Key, Range<usize>)>,
    out: Vec<u8>,
    /// To which sockets is to be written, in that order, and where it lies.
    pub(crate) said: Vec<(Key, Range<usize>)>,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self { space: vec![0; SPACE_BYTES], filled: 0, read: Vec::new(), out: Vec::new(), said: Vec::new() }
    }

    /// Whether there is no space for one more whole read.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.filled > SPACE_BYTES - READ_BYTES
    }

    /// Space for one read, where so many octets may wait for the other side.
    #[inline]
    pub(crate) fn space(&mut self, most_waiting: usize) -> &mut [u8] {
        let most = most_waiting.clamp(SMALL_READ_BYTES, READ_BYTES);
        let end = self.filled.saturating_add(most).min(SPACE_BYTES);
        self.space.get_mut(self.filled..end).unwrap_or_default()
    }

    /// So many octets are in the space that was given last.
    #[inline]
    pub(crate) fn note_read(&mut self, key: Key, octets: usize) {
        let end = self.filled.saturating_add(octets);
        self.read.push((key, self.filled..end));
        self.filled = end;
    }

    /// What was read there.
    #[inline]
    pub(crate) fn read_octets(&self, octets: Range<usize>) -> &[u8] {
        self.space.get(octets).unwrap_or_default()
    }

    /// Takes what a step says for the sockets of a pair, unless it is much.
    #[inline]
    pub(crate) fn take(&mut self, key: Key, step: &Step) -> bool {
        let said = [(Side::Upstream, step.to_upstream()), (Side::Client, step.to_client())];
        if said.iter().any(|(_, octets)| octets.len() > SAID_BYTES) {
            return false;
        }
        for (side, octets) in said {
            if !octets.is_empty() {
                let begin = self.out.len();
                self.out.extend_from_slice(octets);
                self.said.push((key.on(side), begin..self.out.len()));
            }
        }
        true
    }

    /// What is to be written from there.
    #[inline]
    pub(crate) fn said_octets(&self, octets: Range<usize>) -> &[u8] {
        self.out.get(octets).unwrap_or_default()
    }

    /// Everything that was read was fed.
    #[inline]
    pub(crate) fn forget_read(&mut self) {
        debug_assert!(self.read.is_empty(), "octets that nobody has had");
        self.filled = 0;
    }

    /// Everything that was said was written.
    #[inline]
    pub(crate) fn forget_said(&mut self) {
        debug_assert!(self.said.is_empty(), "octets that nobody has had");
        self.out.clear();
    }
}
