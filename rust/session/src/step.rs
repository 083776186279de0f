//! What one call into a session asks its driver to do, and the work space of such calls.
//! One `Step` serves all sessions of a worker, one call at a time: idle sessions own no buffers.

use crate::event::Event;

/// Work space larger than this is given back after a step, octets.
const KEPT_BYTES: usize = 1 << 20;

/// Octets to write and events to act on, in that order.
#[derive(Debug, Default)]
pub struct Step {
    /// To write to the client's socket.
    pub to_client: Vec<u8>,
    /// To write to the upstream's socket.
    pub to_upstream: Vec<u8>,
    /// To act on, after the writes.
    pub events: Vec<Event>,
    /// Plaintext for a client with TLS, encrypted when the call ends.
    pub(crate) client_plain: Vec<u8>,
    /// Plaintext for an upstream with TLS, encrypted when the call ends.
    pub(crate) upstream_plain: Vec<u8>,
    /// Plaintext that TLS received.
    pub(crate) received: Vec<u8>,
    /// Where records are decrypted.
    pub(crate) scratch: Vec<u8>,
}

impl Step {
    /// Empties the step for the next call; keeps the work space unless a large result made it large.
    #[inline]
    pub fn clear(&mut self) {
        self.events.clear();
        for buffer in [
            &mut self.to_client,
            &mut self.to_upstream,
            &mut self.client_plain,
            &mut self.upstream_plain,
            &mut self.received,
            &mut self.scratch,
        ] {
            buffer.clear();
            if buffer.capacity() > KEPT_BYTES {
                buffer.shrink_to(KEPT_BYTES);
            }
        }
    }
}
