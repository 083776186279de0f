//! The limits of one session: everything that can grow has one. Knows no defaults; those are the configuration's.

use ostiary_ldap::message::FilterLimits;

/// How much a client may ask of one session. Octets and seconds; the configuration reference says why.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest request of a client that is not authenticated, in octets.
    pub message_bytes_unauthenticated: usize,
    /// Largest request of an authenticated client, in octets.
    pub message_bytes: usize,
    /// Depth and number of a search filter's nodes.
    pub filter: FilterLimits,
    /// Requests a client may have unanswered; at the limit reading pauses.
    pub outstanding_requests: usize,
    /// Octets kept for one side while they cannot be passed on.
    pub buffered_bytes: usize,
    /// Seconds for the client's TLS handshake.
    pub handshake_seconds: f64,
    /// Seconds until the first whole request.
    pub first_message_seconds: f64,
    /// Seconds without traffic and without an outstanding request.
    pub idle_seconds: f64,
}
