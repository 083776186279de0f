//! What one call into a session asks its driver to do, and the work space of such calls.
//! One `Step` serves all sessions of a worker, one call at a time: idle sessions own no buffers.

use ostiary_policy::redact::LastNames;

use crate::event::Event;

/// Work space larger than this is given back after a step, octets.
const KEPT_BYTES: usize = 1 << 20;

/// Octets to write and events to act on, in that order.
#[derive(Debug, Default)]
pub struct Step {
    /// To act on, after the writes.
    pub events: Vec<Event>,
    /// Questions to hooks: the last events, as their answers are calls again.
    pub(crate) held: Vec<Event>,
    pub(crate) client: Outbox,
    pub(crate) upstream: Outbox,
    /// Plaintext that TLS received.
    pub(crate) received: Vec<u8>,
    /// Where records are decrypted.
    pub(crate) scratch: Vec<u8>,
    /// A response as the policy lets it pass.
    pub(crate) edited: Vec<u8>,
    /// What the last entry looked like, of whichever client.
    pub(crate) last_names: LastNames,
}

/// What goes to one side.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Octets for the socket that come before `plain`: records, and what was said before TLS began.
    pub sealed: Sealed,
    /// Plaintext: sealed when the call ends, or for the socket as it is where there is no TLS.
    pub plain: Vec<u8>,
}

impl Outbox {
    fn octets(&self) -> &[u8] {
        if self.sealed.is_empty() { &self.plain } else { self.sealed.as_slice() }
    }

    /// Puts everything into one place at the end of a call.
    pub(crate) fn join(&mut self) {
        if !self.sealed.is_empty() && !self.plain.is_empty() {
            self.sealed.extend_from_slice(&self.plain);
            self.plain.clear();
        }
    }
}

/// Octets that TLS writes: a vector that keeps its length between calls, so that space is not zeroed each time.
#[derive(Debug, Default)]
pub(crate) struct Sealed {
    space: Vec<u8>,
    filled: usize,
}

impl Sealed {
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.space.get(..self.filled).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// Room for so many octets behind what is there; `advance` says how many were written.
    pub(crate) fn room(&mut self, octets: usize) -> &mut [u8] {
        let end = self.filled.saturating_add(octets);
        if self.space.len() < end {
            self.space.resize(end, 0);
        }
        self.space.get_mut(self.filled..end).unwrap_or_default()
    }

    pub(crate) fn advance(&mut self, octets: usize) {
        self.filled = self.filled.saturating_add(octets).min(self.space.len());
    }

    pub(crate) fn extend_from_slice(&mut self, octets: &[u8]) {
        self.room(octets.len()).copy_from_slice(octets);
        self.advance(octets.len());
    }

    /// Puts octets before what is there.
    pub(crate) fn prepend(&mut self, octets: &[u8]) {
        let rest = self.as_slice().to_vec();
        self.filled = 0;
        self.extend_from_slice(octets);
        self.extend_from_slice(&rest);
    }

    /// Takes everything out.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let taken = self.as_slice().to_vec();
        self.filled = 0;
        taken
    }
}

impl Step {
    /// To write to the client's socket.
    #[inline]
    pub fn to_client(&self) -> &[u8] {
        self.client.octets()
    }

    /// To write to the upstream's socket.
    #[inline]
    pub fn to_upstream(&self) -> &[u8] {
        self.upstream.octets()
    }

    /// Empties the step for the next call; keeps the work space unless a large result made it large.
    #[inline]
    pub fn clear(&mut self) {
        self.events.clear();
        self.held.clear();
        for sealed in [&mut self.client.sealed, &mut self.upstream.sealed] {
            sealed.filled = 0;
            if sealed.space.len() > KEPT_BYTES {
                sealed.space = Vec::new();
            }
        }
        for buffer in
            [&mut self.client.plain, &mut self.upstream.plain, &mut self.received, &mut self.scratch, &mut self.edited]
        {
            buffer.clear();
            if buffer.capacity() > KEPT_BYTES {
                buffer.shrink_to(KEPT_BYTES);
            }
        }
    }
}
