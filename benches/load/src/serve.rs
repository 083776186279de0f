//! The canned LDAP server: one thread, any number of connections, precomputed answers.
//!
//! It does not judge what it is asked: requests it does not know close the connection, which the load counts
//! as an error.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use slab::Slab;

use crate::canned::Answers;
use crate::poller::{Poller, Ready};
use crate::tls::{self, Offer};
use crate::transport::{Arrived, READ_BYTES, Transport};
use crate::wire::{self, tag};

pub struct Options {
    pub address: String,
    pub mode: Mode,
    pub entries: u32,
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The one suite and group taken, so that every gateway does the same work upstream.
    pub suite: String,
    pub group: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    Plain,
    StartTls,
    Ldaps,
}

struct Peer {
    transport: Transport,
    waits_to_write: bool,
}

struct Server {
    mode: Mode,
    entries: u32,
    tls: Option<Arc<ServerConfig>>,
    answers: Answers,
    poller: Poller,
    /// By their tokens.
    peers: Slab<Peer>,
    scratch: Vec<u8>,
    out: Vec<u8>,
}

const LISTENER: usize = usize::MAX;

/// Serves until the process is ended. Prints the bound address once it listens.
pub fn serve(options: &Options) -> Result<(), String> {
    let listener = TcpListener::bind(&options.address).map_err(|e| format!("{}: {e}", options.address))?;
    listener.set_nonblocking(true).map_err(|e| e.to_string())?;
    let offer = Offer { suite: &options.suite, group: &options.group };
    let tls = match (&options.identity, options.mode) {
        (Some((certificate, key)), Mode::StartTls | Mode::Ldaps) => Some(tls::server(certificate, key, &offer)?),
        (None, Mode::StartTls | Mode::Ldaps) => {
            return Err("--certificate and --key are needed".into());
        }
        (_, Mode::Plain) => None,
    };
    let poller = Poller::new()?;
    poller.add(&listener, LISTENER)?;
    println!("listening {}", listener.local_addr().map_err(|e| e.to_string())?);
    Server {
        mode: options.mode,
        entries: options.entries,
        tls,
        answers: Answers::default(),
        poller,
        peers: Slab::new(),
        scratch: vec![0; READ_BYTES],
        out: Vec::new(),
    }
    .run(&listener)
}

impl Server {
    fn run(mut self, listener: &TcpListener) -> Result<(), String> {
        let mut ready = Vec::new();
        loop {
            self.poller.wait(None, &mut ready)?;
            for event in ready.drain(..) {
                if event.token == LISTENER {
                    while let Ok((stream, _)) = listener.accept() {
                        let place = self.peers.vacant_entry();
                        self.poller.add(&stream, place.key())?;
                        let mut transport = Transport::new(stream)?;
                        if let (Mode::Ldaps, Some(config)) = (self.mode, &self.tls) {
                            transport.begin_tls(tls::accept(config)?)?;
                        }
                        place.insert(Peer { transport, waits_to_write: false });
                    }
                } else if !self.attend(event).unwrap_or(false) {
                    // Closing the socket takes it out of the poller.
                    self.peers.try_remove(event.token);
                }
            }
        }
    }

    /// Reads, answers and writes; false when the connection is over.
    fn attend(&mut self, event: Ready) -> Result<bool, String> {
        let Some(peer) = self.peers.get_mut(event.token) else {
            return Ok(false);
        };
        let transport = &mut peer.transport;
        if event.readable {
            if transport.read(&mut self.scratch)? == Arrived::End {
                return Ok(false);
            }
            let out = &mut self.out;
            out.clear();
            while let Some(head) = wire::peek(transport.incoming())? {
                let length = head.length;
                match head.operation {
                    tag::SEARCH_REQUEST => {
                        let entries = head.entries_asked(self.entries);
                        self.answers.search(out, head.id, entries);
                    }
                    tag::BIND_REQUEST => self.answers.bind(out, head.id),
                    tag::EXTENDED_REQUEST if self.mode == Mode::StartTls => {
                        self.answers.start_tls(out, head.id);
                        transport.consume(length);
                        transport.queue(out)?;
                        transport.flush()?;
                        out.clear();
                        let config = self.tls.as_ref().ok_or("no certificate")?;
                        transport.begin_tls(tls::accept(config)?)?;
                        continue;
                    }
                    _ => return Ok(false),
                }
                transport.consume(length);
            }
            if !out.is_empty() {
                transport.queue(out)?;
            }
        }
        let flushed = transport.flush()?;
        if peer.waits_to_write == flushed {
            peer.waits_to_write = !flushed;
            self.poller.watch_writable(&peer.transport.stream, event.token, !flushed)?;
        }
        Ok(true)
    }
}
