//! What TLS a listener offers and an upstream is asked for: DER in, rustls configurations out. Reads no files.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme, SupportedProtocolVersion,
};

/// A certificate chain with its key and the names it is chosen by.
pub struct Identity {
    /// DER, the end entity first.
    pub chain: Vec<Vec<u8>>,
    /// PKCS #8, DER, not encrypted.
    pub key: Vec<u8>,
    /// DNS names, `*.` for a wildcard, for the choice by SNI.
    pub names: Vec<String>,
}

/// Whether clients are asked for certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// They are not asked.
    None,
    /// They are asked, and may have none; one that does not verify ends the handshake.
    Optional,
    /// Without one that verifies there is no session.
    Required,
}

/// The oldest TLS version to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MinVersion {
    /// TLS 1.2 and 1.3.
    Tls12,
    /// TLS 1.3 alone.
    Tls13,
}

static FROM_TLS12: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS13, &rustls::version::TLS12];
static FROM_TLS13: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];

impl MinVersion {
    fn versions(self) -> &'static [&'static SupportedProtocolVersion] {
        match self {
            Self::Tls12 => &FROM_TLS12,
            Self::Tls13 => &FROM_TLS13,
        }
    }
}

/// Key material that rustls cannot use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TlsConfigError(String);

impl From<rustls::Error> for TlsConfigError {
    fn from(error: rustls::Error) -> Self {
        Self(error.to_string())
    }
}

/// The TLS that a listener offers. The first identity serves clients whose SNI names none of them.
pub fn listener_tls(
    identities: Vec<Identity>,
    client_authorities: &[Vec<u8>],
    client_auth: ClientAuth,
    min_version: MinVersion,
) -> Result<Arc<ServerConfig>, TlsConfigError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(min_version.versions())?;
    let builder = if client_auth == ClientAuth::None {
        builder.with_no_client_auth()
    } else {
        let roots = Arc::new(roots(client_authorities)?);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider));
        let verifier = match client_auth {
            ClientAuth::Optional => verifier.allow_unauthenticated(),
            _ => verifier,
        };
        builder.with_client_cert_verifier(verifier.build().map_err(|error| TlsConfigError(error.to_string()))?)
    };
    let mut config = builder.with_cert_resolver(Arc::new(ByServerName::new(identities, &provider)?));
    // Resumption without memory: the state is in the ticket, under a key that rotates in this process.
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    // LDAP clients open few connections at a time: one ticket serves them, each more costs a handshake's bytes.
    config.send_tls13_tickets = 1;
    Ok(Arc::new(config))
}

/// The TLS that an upstream is asked for.
pub fn upstream_tls(
    authorities: &[Vec<u8>],
    verify: bool,
    identity: Option<Identity>,
    min_version: MinVersion,
) -> Result<Arc<ClientConfig>, TlsConfigError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = if verify {
        let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(authorities)?), Arc::clone(&provider))
            .build()
            .map_err(|error| TlsConfigError(error.to_string()))?;
        Arc::new(PinnedOrIssued { webpki, pinned: authorities.to_vec() })
    } else {
        Arc::new(Unverified { provider: Arc::clone(&provider) })
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(min_version.versions())?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let key = PrivateKeyDer::Pkcs8(identity.key.into());
            builder.with_client_auth_cert(chain(identity.chain), key)?
        }
    };
    Ok(Arc::new(config))
}

/// The name that a server's certificate has to carry: a DNS name or an IP address.
pub fn server_name(name: &str) -> Result<ServerName<'static>, TlsConfigError> {
    ServerName::try_from(name.to_owned()).map_err(|_| TlsConfigError(format!("not a host name or address: {name}")))
}

fn chain(certificates: Vec<Vec<u8>>) -> Vec<CertificateDer<'static>> {
    certificates.into_iter().map(CertificateDer::from).collect()
}

fn roots(authorities: &[Vec<u8>]) -> Result<RootCertStore, TlsConfigError> {
    let mut store = RootCertStore::empty();
    let mut refused = None;
    for authority in authorities {
        // A system's bundle may hold certificates that webpki cannot use as anchors; one that can is enough.
        if let Err(error) = store.add(CertificateDer::from(authority.as_slice())) {
            refused = Some(error);
        }
    }
    match refused {
        Some(error) if store.is_empty() => Err(error.into()),
        _ => Ok(store),
    }
}

/// Chooses a certificate by the name a client asks for (RFC 6066 3).
#[derive(Debug)]
struct ByServerName {
    identities: Vec<(Vec<String>, Arc<CertifiedKey>)>,
}

impl ByServerName {
    fn new(identities: Vec<Identity>, provider: &CryptoProvider) -> Result<Self, TlsConfigError> {
        let identities = identities
            .into_iter()
            .map(|identity| {
                let names = identity.names.iter().map(|name| name.to_ascii_lowercase()).collect();
                let key = PrivateKeyDer::Pkcs8(identity.key.into());
                let certified = CertifiedKey::from_der(chain(identity.chain), key, provider)?;
                Ok((names, Arc::new(certified)))
            })
            .collect::<Result<Vec<_>, TlsConfigError>>()?;
        Ok(Self { identities })
    }
}

impl ResolvesServerCert for ByServerName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asked = hello.server_name().map(str::to_ascii_lowercase);
        let chosen = asked.and_then(|asked| {
            let exact = self.identities.iter().find(|(names, _)| names.contains(&asked));
            exact.or_else(|| {
                let (_, parent) = asked.split_once('.')?;
                let wildcard = format!("*.{parent}");
                self.identities.iter().find(|(names, _)| names.contains(&wildcard))
            })
        });
        chosen.or_else(|| self.identities.first()).map(|(_, certified)| Arc::clone(certified))
    }
}

/// A server's certificate is issued by one of the authorities, or is itself among them: directories
/// often have self-signed certificates, which webpki does not take as their own issuer.
#[derive(Debug)]
struct PinnedOrIssued {
    webpki: Arc<WebPkiServerVerifier>,
    pinned: Vec<Vec<u8>>,
}

impl ServerCertVerifier for PinnedOrIssued {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.pinned.iter().any(|pinned| pinned == end_entity.as_ref()) {
            let parsed = rustls::server::ParsedCertificate::try_from(end_entity)?;
            rustls::client::verify_server_name(&parsed, name)?;
            return Ok(ServerCertVerified::assertion());
        }
        self.webpki.verify_server_cert(end_entity, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.webpki.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.webpki.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

/// `verify = false`: any certificate will do. The configuration is loud about it.
#[derive(Debug)]
struct Unverified {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
