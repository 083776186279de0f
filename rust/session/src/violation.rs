//! What peers do wrong, why sessions end, and the one table that says what the wire shows of it.
//! Nothing else decides which violation gets which reply.

use std::fmt;

use ostiary_ldap::result::ResultCode;

/// Which peer broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The client of this session.
    Client,
    /// The directory server behind it.
    Upstream,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Upstream => "upstream",
        })
    }
}

/// What the client sees of a violation before its connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Notice of Disconnection with this result code (RFC 4511 4.4.1).
    Notice(ResultCode),
    /// Nothing: the peer could not understand an answer, or must not get one.
    Silent,
}

/// Declares the enum with the word that logs, metrics and tests use.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident => $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// Every one, for tables and tests.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word in logs, metrics and tests.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

words! {
    /// How a peer broke the protocol.
    #[non_exhaustive]
    ViolationKind {
        /// The octets are not an LDAPMessage: wrong tag, indefinite or over-long length.
        BadFraming => "bad_framing",
        /// TLS where plain LDAP was expected.
        UnexpectedTls => "unexpected_tls",
        /// The message does not follow the grammar of RFC 4511.
        MalformedMessage => "malformed_message",
        /// The message is larger than its sender may send.
        MessageTooLarge => "message_too_large",
        /// A message id that is still in use (RFC 4511 4.1.1.1).
        MessageIdInUse => "message_id_in_use",
        /// Octets behind a StartTLS request, before its response.
        BytesBehindStartTls => "bytes_behind_start_tls",
        /// TLS failed: handshake, certificate or record.
        TlsFailed => "tls_failed",
        /// A SASL security layer, which this listener refuses.
        SaslSecurityLayer => "sasl_security_layer",
        /// A response to a message id that nobody asked about.
        UnknownMessageId => "unknown_message_id",
        /// A response of a kind that does not answer its request.
        UnexpectedResponse => "unexpected_response",
    }
}

impl ViolationKind {
    /// The one table: what the client sees of a violation of its own.
    ///
    /// A violation of the upstream's ends the upstream connection instead; what the client sees
    /// of that is decided by whether it is bound.
    pub const fn reply(self) -> Reply {
        match self {
            Self::BadFraming
            | Self::MalformedMessage
            | Self::MessageTooLarge
            | Self::MessageIdInUse
            | Self::SaslSecurityLayer
            | Self::UnknownMessageId
            | Self::UnexpectedResponse => Reply::Notice(ResultCode::PROTOCOL_ERROR),
            // A TLS client cannot read LDAP; octets behind StartTLS may be an attacker's (RFC 4511 4.14.1).
            Self::UnexpectedTls | Self::BytesBehindStartTls | Self::TlsFailed => Reply::Silent,
        }
    }
}

/// A peer broke the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Who did it.
    pub peer: Peer,
    /// What it did.
    pub kind: ViolationKind,
    /// For operators: field and offset, or the TLS library's words. Never a value.
    pub detail: String,
}

words! {
    /// Why a session ended.
    #[non_exhaustive]
    CloseReason {
        /// The client sent Unbind.
        Unbind => "unbind",
        /// The client closed its connection.
        ClientClosed => "client_closed",
        /// The client broke the protocol.
        ClientViolation => "client_violation",
        /// The upstream went away under a bound client.
        UpstreamLost => "upstream_lost",
        /// No traffic for `idle_seconds`.
        Idle => "idle",
        /// The TLS handshake took longer than `handshake_seconds`.
        HandshakeTimeout => "handshake_timeout",
        /// No request within `first_message_seconds`.
        FirstMessageTimeout => "first_message_timeout",
        /// A rule or a plugin closes the session.
        Policy => "policy",
        /// The gateway is stopping.
        Draining => "draining",
    }
}

impl CloseReason {
    /// The notice a client gets before this end, if one is owed.
    pub const fn notice(self) -> Option<ResultCode> {
        match self {
            Self::UpstreamLost | Self::Idle | Self::FirstMessageTimeout | Self::Draining => {
                Some(ResultCode::UNAVAILABLE)
            }
            Self::Policy => Some(ResultCode::UNWILLING_TO_PERFORM),
            // A violation's notice comes from its own row of the table above.
            Self::Unbind | Self::ClientClosed | Self::ClientViolation | Self::HandshakeTimeout => None,
        }
    }
}
