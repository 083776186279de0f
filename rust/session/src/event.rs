//! What a session tells its driver, beside the octets to write. Events are few: none on the path of ordinary traffic.

use std::sync::Arc;

use ostiary_ldap::message::RequestKind;
use ostiary_policy::Mode;

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
    /// A rule decided other than to let pass, or would have in monitor mode.
    Decided {
        /// The plugin that brings the rule.
        plugin: String,
        /// The rule.
        rule: String,
        /// Whether it happened.
        mode: Mode,
        /// The code of the refusal; none for a rule that allows, closes or delays.
        code: Option<u32>,
        /// What was asked.
        operation: RequestKind,
    },
    /// What hooks see of the client changed: its identity, its TLS. Only where there are hooks.
    ClientChanged,
    /// A request waits for a hook's verdict: call `resume`.
    Held {
        /// The name to resume it by.
        hold: u32,
        /// The hook's place in the policy.
        stage: usize,
        /// The configuration that the policy is from.
        generation: u64,
        /// What it asks.
        operation: RequestKind,
        /// The request, whole.
        request: Arc<[u8]>,
    },
    /// What a hook gave instead of a request is none, so the request was refused.
    BadReplacement {
        /// The hook's place in the policy.
        stage: usize,
        /// The configuration that the policy is from.
        generation: u64,
    },
    /// A request that somebody observes has had its last response.
    Finished {
        /// What it asked.
        operation: RequestKind,
        /// The request, whole.
        request: Vec<u8>,
        /// The result code.
        code: u32,
        /// How many entries it brought.
        entries: u32,
    },
    /// Everything is a SASL security layer's from here on: opaque octets both ways.
    Opaque,
    /// Write what is left for the client, then close its connection. The last event of a session.
    Close(CloseReason),
}
