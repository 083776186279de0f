//! What a session tells its driver, beside the octets to write. Events are few: none on the path of ordinary traffic.

use crate::tls::TlsFacts;
use crate::violation::{CloseReason, Violation};

/// Something the driver has to do or may want to log.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A request needs the upstream: dial, then call `upstream_connected` or `upstream_unreachable`.
    Connect,
    /// The upstream connection is ready for LDAP; its TLS facts, if the session does its TLS.
    UpstreamReady(Option<TlsFacts>),
    /// Setting up the connected server failed (StartTLS refused, TLS failed): close it and try the next.
    UpstreamFailed(String),
    /// The upstream agreed to StartTLS and the driver's own TLS engine has to do the handshake:
    /// then call `upstream_tls_established`.
    StartUpstreamTls,
    /// Write what is left for the upstream, then close its connection.
    CloseUpstream(String),
    /// A peer broke the protocol.
    Violation(Violation),
    /// Stop reading from the client until `ResumeClient`.
    PauseClient,
    /// Read from the client again.
    ResumeClient,
    /// `Session::deadline` moved earlier than it was.
    Deadline(f64),
    /// Everything is a SASL security layer's from here on: opaque octets both ways.
    Opaque,
    /// Write what is left for the client, then close its connection. The last event of a session.
    Close(CloseReason),
}
