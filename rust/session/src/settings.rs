//! What a listener and its upstream ask of every session: built once, shared by all. Holds no state.

use std::sync::Arc;

use ostiary_ledger::Sheet;
use ostiary_policy::Policy;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};

use crate::limits::Limits;

/// When a listener's clients get their TLS.
#[derive(Clone, Debug)]
pub enum ListenerTls {
    /// Never; StartTLS is answered protocolError.
    None,
    /// By StartTLS (RFC 4511 4.14).
    StartTls(Arc<ServerConfig>),
    /// From the first octet.
    Ldaps(Arc<ServerConfig>),
}

/// What has to be inside TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequireTls {
    /// Everything but Unbind, Abandon and StartTLS.
    All,
    /// Binds with credentials.
    Bind,
    /// Nothing.
    Off,
}

/// What becomes of octets that a SASL security layer wraps: the gateway cannot read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaslSecurityLayers {
    /// They end the session.
    Refuse,
    /// They are passed on as they are.
    Opaque,
}

/// Who does the upstream's TLS.
#[derive(Clone, Debug)]
pub enum UpstreamTls {
    /// Nobody.
    None,
    /// The session, after StartTLS.
    StartTls(Arc<ClientConfig>, ServerName<'static>),
    /// The session, from the first octet.
    Ldaps(Arc<ClientConfig>, ServerName<'static>),
    /// The driver's engine, after the session's StartTLS.
    ExternalStartTls,
}

/// One listener's ways.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the configuration")]
pub struct Settings {
    /// TLS towards clients.
    pub tls: ListenerTls,
    /// What has to be inside TLS.
    pub require_tls: RequireTls,
    /// SASL security layers.
    pub sasl_security_layers: SaslSecurityLayers,
    /// Let binds with a name and no password pass (RFC 4513 5.1.2).
    pub allow_unauthenticated_bind: bool,
    /// Let version 2 binds pass.
    pub allow_ldapv2: bool,
    /// Let Sicily binds pass ([MS-ADTS] 5.1.1.1.3).
    pub allow_sicily: bool,
    /// The server authenticates the gateway itself, by a client certificate or as a local user: a client's
    /// SASL EXTERNAL would borrow that identity (RFC 4513 5.2.3), and is refused.
    pub upstream_knows_gateway: bool,
    /// The upstream's name, as clients see it in diagnostic messages.
    pub upstream: String,
    /// The listener's name, as rules know it.
    pub listener: Arc<str>,
    /// Which of a gateway's configurations it is from, for who asks hooks.
    pub generation: u64,
    /// The rules and hooks; none when there are none.
    pub policy: Option<Arc<Policy>>,
    /// Where its sessions are counted; none when nobody counts.
    pub sheet: Option<Arc<Sheet>>,
    /// The limits.
    pub limits: Limits,
}
