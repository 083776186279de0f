//! A client with TLS, by rustls's other API: the peer of a session with a certificate for `localhost`.

use std::io::{Read, Write};
use std::sync::Arc;

use ostiary_session::ListenerTls;
use ostiary_session::tls_config::{ClientAuth, Identity, MinVersion, listener_tls, server_name, upstream_tls};
use rustls::ClientConnection;

use super::Stage;

/// A listener whose certificate is of no use to anybody else.
pub fn listener() -> ListenerTls {
    let identity = Identity {
        chain: vec![include_bytes!("../certificate/localhost.crt.der").to_vec()],
        key: include_bytes!("../certificate/localhost.key.der").to_vec(),
        names: vec!["localhost".to_owned()],
    };
    ListenerTls::Ldaps(listener_tls(vec![identity], &[], ClientAuth::None, MinVersion::Tls12).unwrap())
}

/// The client's end.
pub struct Peer(pub ClientConnection);

impl Peer {
    /// A client whose handshake with the session is done.
    pub fn established(stage: &mut Stage) -> Self {
        let config = upstream_tls(&[], false, None, MinVersion::Tls12).unwrap();
        let mut peer = Self(ClientConnection::new(Arc::clone(&config), server_name("localhost").unwrap()).unwrap());
        while peer.0.is_handshaking() || peer.0.wants_write() {
            let octets = peer.sends();
            stage.client_says(&octets);
            let answer = std::mem::take(&mut stage.client);
            peer.receives(&answer);
        }
        assert!(stage.session.client_tls().is_some());
        peer
    }

    /// Records with this plaintext, and whatever else waits.
    pub fn wraps(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut records = Vec::new();
        for part in plain.chunks(16_384) {
            self.0.writer().write_all(part).unwrap();
            records.append(&mut self.sends());
        }
        records
    }

    pub fn sends(&mut self) -> Vec<u8> {
        let mut octets = Vec::new();
        while self.0.wants_write() {
            self.0.write_tls(&mut octets).unwrap();
        }
        octets
    }

    /// Takes records, gives their plaintext.
    pub fn receives(&mut self, mut records: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        while !records.is_empty() {
            self.0.read_tls(&mut records).unwrap();
            self.0.process_new_packets().unwrap();
            let _ = self.0.reader().read_to_end(&mut plain);
        }
        plain
    }
}
