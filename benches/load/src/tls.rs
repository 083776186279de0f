//! TLS settings of the canned server and of the load: one suite, one group, so that every gateway does the same work.
//!
//! Nothing is resumed on either side: each handshake is a full one, whatever the gateway would allow.

use std::path::Path;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::NoServerSessionStorage;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

/// The only suite and group offered, named as rustls prints them.
pub struct Offer<'a> {
    pub suite: &'a str,
    pub group: &'a str,
}

pub fn client(ca: &Path, offer: &Offer<'_>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        roots.add(certificate).map_err(|e| format!("{}: {e}", ca.display()))?;
    }
    let mut config = ClientConfig::builder_with_provider(provider(offer)?)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

pub fn server(certificate: &Path, key: &Path, offer: &Offer<'_>) -> Result<Arc<ServerConfig>, String> {
    let chain = certificates(certificate)?;
    let private_key = PrivateKeyDer::from_pem_file(key).map_err(|e| format!("{}: {e}", key.display()))?;
    let mut config = ServerConfig::builder_with_provider(provider(offer)?)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, private_key)
        .map_err(|e| e.to_string())?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

pub fn connect(config: &Arc<ClientConfig>, name: &str) -> Result<rustls::Connection, String> {
    let name = ServerName::try_from(name.to_owned()).map_err(|e| e.to_string())?;
    let mut connection = ClientConnection::new(Arc::clone(config), name).map_err(|e| e.to_string())?;
    connection.set_buffer_limit(None);
    Ok(connection.into())
}

pub fn accept(config: &Arc<ServerConfig>) -> Result<rustls::Connection, String> {
    let mut connection = ServerConnection::new(Arc::clone(config)).map_err(|e| e.to_string())?;
    // Large results are queued whole; rustls would stop at 64 KiB.
    connection.set_buffer_limit(None);
    Ok(connection.into())
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_file_iter(file).and_then(Iterator::collect).map_err(|e| format!("{}: {e}", file.display()))
}

fn provider(offer: &Offer<'_>) -> Result<Arc<CryptoProvider>, String> {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|suite| format!("{:?}", suite.suite()) == offer.suite);
    provider.kx_groups.retain(|group| format!("{:?}", group.name()) == offer.group);
    if provider.cipher_suites.is_empty() {
        return Err(format!("unknown cipher suite: {}", offer.suite));
    }
    if provider.kx_groups.is_empty() {
        return Err(format!("unknown key exchange group: {}", offer.group));
    }
    Ok(Arc::new(provider))
}
