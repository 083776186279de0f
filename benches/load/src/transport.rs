//! One non-blocking socket, plain or under TLS from some moment on: bytes in, bytes out.
//!
//! It does not know LDAP. TLS can be begun at any time (at once, or later), on either side.

use std::io::{BufRead, ErrorKind, Read, Write};
use std::net::TcpStream;

use rustls::Connection;

/// One read takes at most this much: large results arrive in few system calls, for every gateway alike.
pub const READ_BYTES: usize = 256 * 1024;

pub struct Transport {
    pub stream: TcpStream,
    tls: Option<Connection>,
    outgoing: Vec<u8>,
    /// What arrived and was not consumed, in plain text.
    incoming: Vec<u8>,
    consumed: usize,
    pub bytes_received: u64,
    pub bytes_sent: u64,
}

/// What a read brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Arrived {
    Bytes,
    Nothing,
    End,
}

impl Transport {
    pub fn new(stream: TcpStream) -> Result<Self, String> {
        stream.set_nonblocking(true).and_then(|()| stream.set_nodelay(true)).map_err(|e| e.to_string())?;
        Ok(Self {
            stream,
            tls: None,
            outgoing: Vec::new(),
            incoming: Vec::new(),
            consumed: 0,
            bytes_received: 0,
            bytes_sent: 0,
        })
    }

    /// Begins TLS. Bytes that are here already belong to it.
    pub fn begin_tls(&mut self, connection: Connection) -> Result<(), String> {
        self.tls = Some(connection);
        let early = self.incoming.split_off(self.consumed);
        self.incoming.clear();
        self.consumed = 0;
        self.decrypt(&early)
    }

    pub fn is_handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }

    /// Version, suite and key exchange group, once the handshake is over.
    pub fn negotiated(&self) -> Option<String> {
        let tls = self.tls.as_ref().filter(|tls| !tls.is_handshaking())?;
        let version = tls.protocol_version()?;
        let suite = tls.negotiated_cipher_suite()?.suite();
        let group = tls.negotiated_key_exchange_group()?.name();
        Some(format!("{version:?} {suite:?} {group:?}"))
    }

    /// Session tickets taken from a TLS 1.3 server, all unused: what it spends on resumption nobody asks for here.
    pub fn tickets_received(&self) -> u32 {
        match &self.tls {
            Some(Connection::Client(tls)) => tls.tls13_tickets_received(),
            _ => 0,
        }
    }

    /// Reads once. With level-triggered events, what is left over is announced again.
    pub fn read(&mut self, scratch: &mut [u8]) -> Result<Arrived, String> {
        let count = match self.stream.read(scratch) {
            Ok(0) => return Ok(Arrived::End),
            Ok(count) => count,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(Arrived::Nothing);
            }
            Err(e) => return Err(format!("read: {e}")),
        };
        self.bytes_received += count as u64;
        let bytes = scratch.get(..count).ok_or("read: more than asked")?;
        if self.tls.is_some() {
            self.decrypt(bytes)?;
        } else {
            self.incoming.extend_from_slice(bytes);
        }
        Ok(Arrived::Bytes)
    }

    fn decrypt(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        let Some(tls) = self.tls.as_mut() else {
            return Ok(());
        };
        loop {
            if !bytes.is_empty() {
                tls.read_tls(&mut bytes).map_err(|e| format!("tls: {e}"))?;
            }
            tls.process_new_packets().map_err(|e| format!("tls: {e}"))?;
            loop {
                let mut reader = tls.reader();
                let Ok(chunk) = reader.fill_buf() else { break };
                let length = chunk.len();
                if length == 0 {
                    break;
                }
                self.incoming.extend_from_slice(chunk);
                reader.consume(length);
            }
            if bytes.is_empty() {
                return Ok(());
            }
        }
    }

    pub fn incoming(&self) -> &[u8] {
        self.incoming.get(self.consumed..).unwrap_or_default()
    }

    pub fn consume(&mut self, length: usize) {
        self.consumed += length;
        if self.consumed >= self.incoming.len() {
            self.incoming.clear();
            self.consumed = 0;
        }
    }

    /// Queues plain text; `flush` sends it.
    pub fn queue(&mut self, bytes: &[u8]) -> Result<(), String> {
        if let Some(tls) = self.tls.as_mut() {
            return tls.writer().write_all(bytes).map_err(|e| format!("tls: {e}"));
        }
        self.outgoing.extend_from_slice(bytes);
        Ok(())
    }

    /// Announces the end of TLS, as a well-behaved client does before it closes.
    pub fn queue_close(&mut self) {
        if let Some(tls) = self.tls.as_mut() {
            tls.send_close_notify();
        }
    }

    /// Sends what is queued; true when nothing is left over.
    pub fn flush(&mut self) -> Result<bool, String> {
        if let Some(tls) = self.tls.as_mut() {
            while tls.wants_write() {
                tls.write_tls(&mut self.outgoing).map_err(|e| format!("tls: {e}"))?;
            }
        }
        let mut sent = 0;
        while let Some(rest) = self.outgoing.get(sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(count) => sent += count,
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(format!("write: {e}")),
            }
        }
        self.bytes_sent += sent as u64;
        self.outgoing.drain(..sent);
        Ok(self.outgoing.is_empty())
    }
}
