//! TLS of one side of a session, by rustls's unbuffered state machine: octets in, plaintext and octets out.
//! Knows no LDAP. An idle connection holds no buffer here: only a partial record is kept between calls.

use std::fmt;
use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};
use rustls::{ClientConfig, ServerConfig};

use crate::step::Sealed;

/// Octets that one record adds at the most: header 5, TLS 1.2 explicit nonce 8, tag 16, inner content type 1; rounded up.
const RECORD_OVERHEAD: usize = 40;

/// Plaintext octets of one record (RFC 8446 5.1).
const RECORD_PLAINTEXT: usize = 16_384;

/// What a handshake agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFacts {
    /// As `1.3`.
    pub version: String,
    /// As `TLS13_AES_256_GCM_SHA384`.
    pub cipher: String,
    /// The peer's certificate, DER.
    pub peer_certificate: Option<Vec<u8>>,
}

/// How far a `receive` came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The handshake ended in this call.
    pub established: bool,
    /// The peer sent `close_notify`: it will send no more.
    pub closed: bool,
}

/// TLS failed for good; an alert for the peer is already in the output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(pub String);

/// The two rustls connections, which share no trait of their own.
trait Records {
    type Data;
    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;
    fn facts(&self) -> TlsFacts;
    /// Whether records of rustls's own wait to be sent.
    fn has_records(&self) -> bool;
}

impl Records for UnbufferedServerConnection {
    type Data = rustls::server::ServerConnectionData;

    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }

    fn facts(&self) -> TlsFacts {
        facts(self)
    }

    fn has_records(&self) -> bool {
        self.wants_write()
    }
}

impl Records for UnbufferedClientConnection {
    type Data = rustls::client::ClientConnectionData;

    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }

    fn facts(&self) -> TlsFacts {
        facts(self)
    }

    fn has_records(&self) -> bool {
        self.wants_write()
    }
}

fn facts(connection: &rustls::CommonState) -> TlsFacts {
    TlsFacts {
        version: match connection.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "1.3".to_owned(),
            Some(rustls::ProtocolVersion::TLSv1_2) => "1.2".to_owned(),
            other => format!("{other:?}"),
        },
        cipher: connection.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite())).unwrap_or_default(),
        peer_certificate: connection
            .peer_certificates()
            .and_then(<[_]>::first)
            .map(|certificate| certificate.as_ref().to_vec()),
    }
}

/// TLS towards the client: the gateway is the TLS server.
pub struct ClientSideTls(Endpoint<UnbufferedServerConnection>);

impl ClientSideTls {
    /// Whether what follows the handshake at once may wait: tickets, from TLS 1.3 on (RFC 8446 4.6.1).
    pub(crate) fn may_defer(&self) -> bool {
        self.0.connection.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3)
    }

    /// Waits for a `ClientHello`.
    pub fn new(config: Arc<ServerConfig>) -> Result<Self, TlsError> {
        let connection = UnbufferedServerConnection::new(config).map_err(|error| TlsError(error.to_string()))?;
        Ok(Self(Endpoint::new(connection)))
    }
}

/// TLS towards the upstream: the gateway is the TLS client.
pub struct UpstreamSideTls(Endpoint<UnbufferedClientConnection>);

impl UpstreamSideTls {
    /// Starts a handshake; the `ClientHello` goes to `out`.
    pub(crate) fn new(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        out: &mut Sealed,
    ) -> Result<Self, TlsError> {
        let connection = UnbufferedClientConnection::new(config, name).map_err(|error| TlsError(error.to_string()))?;
        let mut endpoint = Endpoint::new(connection);
        endpoint.receive(&[], &mut Vec::new(), &mut Vec::new(), out)?;
        Ok(Self(endpoint))
    }
}

macro_rules! delegate {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("established", &self.0.established).finish_non_exhaustive()
            }
        }

        impl $name {
            /// Feeds octets from the peer: plaintext is appended to `plain`, answers of TLS itself to `out`.
            /// `scratch` is work space and loses what it holds.
            #[inline]
            pub(crate) fn receive(
                &mut self,
                data: &[u8],
                scratch: &mut Vec<u8>,
                plain: &mut Vec<u8>,
                out: &mut Sealed,
            ) -> Result<Progress, TlsError> {
                self.0.receive(data, scratch, plain, out)
            }

            /// Encrypts plaintext for the peer. Only once the handshake is done.
            #[inline]
            pub(crate) fn send(&mut self, plain: &[u8], out: &mut Sealed) -> Result<(), TlsError> {
                self.0.send(plain, out)
            }

            /// Says `close_notify`, where the handshake got that far.
            pub(crate) fn close(&mut self, out: &mut Sealed) {
                self.0.close(out);
            }

            /// Whether the handshake is done.
            #[inline]
            pub fn is_established(&self) -> bool {
                self.0.established
            }

            /// How many octets of a partial record wait for their rest.
            pub(crate) fn kept(&self) -> usize {
                self.0.incoming.len()
            }

            /// What the handshake agreed on.
            pub fn facts(&self) -> TlsFacts {
                self.0.connection.facts()
            }
        }
    };
}

delegate!(ClientSideTls);
delegate!(UpstreamSideTls);

/// One rustls connection and the partial record that waits for its rest.
struct Endpoint<C> {
    connection: C,
    /// A partial record, at most one record or one fragmented handshake message long (rustls refuses longer ones).
    incoming: Vec<u8>,
    established: bool,
    /// Nothing more is read: the peer said `close_notify`, or TLS failed.
    deaf: bool,
    /// TLS failed: nothing more is said either. rustls must not be asked again then, as it may remember places in
    /// octets that are gone.
    failed: bool,
}

impl<C: Records> Endpoint<C> {
    fn new(connection: C) -> Self {
        Self { connection, incoming: Vec::new(), established: false, deaf: false, failed: false }
    }

    fn receive(
        &mut self,
        data: &[u8],
        scratch: &mut Vec<u8>,
        plain: &mut Vec<u8>,
        out: &mut Sealed,
    ) -> Result<Progress, TlsError> {
        let mut progress = Progress { established: false, closed: false };
        if self.deaf {
            // What comes behind close_notify is nobody's, and must not be kept (RFC 8446 6.1).
            return Ok(progress);
        }
        // rustls decrypts in place, and a driver's octets are immutable: one copy, into space that all sessions share.
        scratch.clear();
        scratch.append(&mut self.incoming);
        scratch.extend_from_slice(data);
        let mut rest: &mut [u8] = scratch;
        loop {
            let status = self.connection.process(rest);
            let mut discard = status.discard;
            let more = match status.state {
                Err(error) => {
                    let words = error.to_string();
                    self.fail(out);
                    return Err(TlsError(words));
                }
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(|error| TlsError(error.to_string()))?;
                        discard = discard.saturating_add(record.discard);
                        plain.extend_from_slice(record.payload);
                    }
                    true
                }
                Ok(ConnectionState::EncodeTlsData(mut chunk)) => {
                    encode(|space| chunk.encode(space), out)?;
                    true
                }
                Ok(ConnectionState::TransmitTlsData(sent)) => {
                    sent.done();
                    true
                }
                Ok(ConnectionState::PeerClosed) => {
                    progress.closed = true;
                    self.deaf = true;
                    true
                }
                Ok(ConnectionState::WriteTraffic(_)) => {
                    progress.established = !self.established;
                    self.established = true;
                    false
                }
                // BlockedHandshake, Closed; early data is never offered.
                Ok(_) => false,
            };
            rest = rest.get_mut(discard..).unwrap_or_default();
            if !more {
                break;
            }
        }
        if !rest.is_empty() && !progress.closed {
            self.incoming = rest.to_vec();
        }
        Ok(progress)
    }

    fn send(&mut self, plain: &[u8], out: &mut Sealed) -> Result<(), TlsError> {
        if plain.is_empty() {
            return Ok(());
        }
        if self.failed {
            return Err(TlsError("TLS has failed".to_owned()));
        }
        loop {
            let status = self.connection.process(&mut self.incoming);
            let discard = status.discard;
            match status.state {
                Err(error) => return Err(TlsError(error.to_string())),
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    let records = plain.len().div_ceil(RECORD_PLAINTEXT);
                    let mut space = plain.len().saturating_add(records.saturating_mul(RECORD_OVERHEAD));
                    loop {
                        match traffic.encrypt(plain, out.room(space)) {
                            Ok(written) => {
                                out.advance(written);
                                return Ok(());
                            }
                            // A key update goes first and needs room of its own.
                            Err(EncryptError::InsufficientSize(needed)) if needed.required_size > space => {
                                space = needed.required_size;
                            }
                            Err(error) => return Err(TlsError(error.to_string())),
                        }
                    }
                }
                Ok(ConnectionState::EncodeTlsData(mut chunk)) => encode(|space| chunk.encode(space), out)?,
                Ok(ConnectionState::TransmitTlsData(sent)) => sent.done(),
                Ok(_) => return Err(TlsError("cannot send before the handshake is done".to_owned())),
            }
            if discard > 0 {
                self.incoming.drain(..discard.min(self.incoming.len()));
            }
        }
    }

    fn close(&mut self, out: &mut Sealed) {
        if self.failed {
            return;
        }
        // With the octets that wait for their rest: rustls remembers places in them.
        if let Ok(ConnectionState::WriteTraffic(mut traffic)) = self.connection.process(&mut self.incoming).state {
            let written = traffic.queue_close_notify(out.room(2 * RECORD_OVERHEAD)).unwrap_or(0);
            out.advance(written);
        }
    }

    /// After a failure rustls has an alert for the peer, and nothing else must be asked of it.
    fn fail(&mut self, out: &mut Sealed) {
        self.deaf = true;
        self.failed = true;
        while self.connection.has_records() {
            let Ok(ConnectionState::EncodeTlsData(mut chunk)) = self.connection.process(&mut []).state else { return };
            if encode(|space| chunk.encode(space), out).is_err() {
                return;
            }
        }
    }
}

/// Appends one handshake record: asks for its size first, by offering no space.
fn encode(mut write: impl FnMut(&mut [u8]) -> Result<usize, EncodeError>, out: &mut Sealed) -> Result<(), TlsError> {
    let mut space = 0;
    loop {
        match write(out.room(space)) {
            Ok(written) => {
                out.advance(written);
                return Ok(());
            }
            Err(EncodeError::InsufficientSize(needed)) if needed.required_size > space => {
                space = needed.required_size;
            }
            Err(error) => return Err(TlsError(error.to_string())),
        }
    }
}
