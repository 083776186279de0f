//! What is told of a client: where it comes from, over what, and who it has proved to be.
//!
//! What of it can be trusted is decided elsewhere.

use std::net::IpAddr;

use super::draft::Draft;
use super::fields::Field;
use super::request::push_name;
use super::secret::SecretAttributes;

/// What is known of a client.
#[derive(Debug, Clone, Copy)]
pub struct ClientFields<'a> {
    /// The number of its connection.
    pub connection: u64,
    /// Its address, after PROXY protocol; none on a unix socket.
    pub address: Option<IpAddr>,
    /// Its port; not told without an address.
    pub port: u16,
    /// The listener it came by.
    pub listener: &'a str,
    /// The upstream that the listener leads to.
    pub upstream: &'a str,
    /// The version of its TLS, `1.3`; none without TLS.
    pub tls_version: Option<&'a str>,
    /// The cipher suite of its TLS.
    pub tls_cipher: Option<&'a str>,
    /// The subject of the certificate that it proved to have.
    pub certificate: Option<&'a str>,
    /// Who it has proved to be; none, or empty, while it is anonymous.
    pub identity: Option<&'a str>,
}

/// Writes all but the identity.
pub(super) fn write(client: &ClientFields<'_>, draft: &mut Draft<'_>) {
    draft.number(Field::Connection, client.connection);
    if let Some(address) = client.address {
        draft.word(Field::Client, &address.to_string());
        draft.number(Field::Port, client.port.into());
    }
    draft.short(Field::Listener, client.listener);
    draft.short(Field::Upstream, client.upstream);
    if let Some(version) = client.tls_version {
        draft.short(Field::TlsVersion, version);
    }
    if let Some(cipher) = client.tls_cipher {
        draft.short(Field::TlsCipher, cipher);
    }
    if let Some(certificate) = client.certificate {
        draft.text(Field::Certificate, 1, |text| text.push(certificate.as_bytes()));
    }
}

/// Writes who the client is, if it is anybody.
pub(super) fn write_identity(identity: Option<&str>, secrets: &SecretAttributes, draft: &mut Draft<'_>) {
    if let Some(identity) = identity.filter(|identity| !identity.is_empty()) {
        draft.text(Field::Identity, 0, |text| push_name(identity.as_bytes(), secrets, text));
    }
}
