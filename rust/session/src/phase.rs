//! What a session waits for. A state says what ends it.

use std::borrow::Cow;

use ostiary_ldap::result::ResultCode;
use ostiary_policy::Who;

use crate::identity::Identity;
use crate::violation::CloseReason;

/// What the client's side waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// Requests. Left on a bind that goes upstream, on a bind that has to be undone there, on close.
    Open,
    /// The server's answer to a bind; later requests are held (RFC 4511 4.2.1). Left on that answer.
    AwaitingBindResult {
        /// The bind's message id.
        message_id: u32,
        /// Who the client is if the server says success.
        claimed: Identity,
        /// The same, as rules compare it.
        who: Who,
        /// Whether a security layer may follow success.
        sasl: bool,
    },
    /// The server's answer to the gateway's own anonymous bind, which takes back what an earlier bind
    /// proved there; later requests are held. Left on that answer.
    AwaitingAnonymity {
        /// The id of the client's request that made it necessary; the server never saw that request.
        message_id: u32,
        /// The refusal that the client's bind gets afterwards.
        refusal: Option<Refusal>,
    },
    /// A hook's verdict on a bind; later requests are held. Left on that verdict.
    AwaitingVerdict {
        /// The bind's message id.
        message_id: u32,
    },
    /// The time at which a refused bind is answered, as long as a server would take; later requests are held.
    AwaitingRefusal {
        /// The bind's message id.
        message_id: u32,
        /// What it is answered.
        refusal: Refusal,
        /// When.
        until: f64,
    },
    /// Nothing: a SASL security layer hides the rest. Left on close.
    Opaque,
    /// Nothing any more.
    Closed(CloseReason),
}

/// A refusal that the gateway answers itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The result code.
    pub code: ResultCode,
    /// The diagnostic message.
    pub text: Cow<'static, str>,
}

/// What the upstream's side waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamPhase {
    /// A request that needs it. Left by `Event::Connect`.
    Absent,
    /// The driver's dialling. Left by `upstream_connected` or `upstream_unreachable`.
    Dialling,
    /// The response to StartTLS. Left on it.
    AwaitingStartTlsResponse,
    /// The driver's TLS engine. Left by `upstream_tls_established`.
    AwaitingTlsEngine,
    /// The TLS handshake. Left when it is done or failed.
    Handshaking,
    /// Nothing: requests may pass. Left when the connection ends.
    Ready,
}
