//! One LDAP client of the load: its way to being bound, then its outstanding requests, every response checked.
//!
//! It does not know when to ask: the loops in `run` and `idle` tell it. It holds no clock.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use rustls::ClientConfig;

use crate::canned::Canned;
use crate::serve::Mode;
use crate::tls;
use crate::transport::{Arrived, Transport};
use crate::wire::{self, Id, tag};

/// Where clients go, and how.
pub struct Target {
    pub address: SocketAddr,
    pub mode: Mode,
    pub name: String,
    pub tls: Option<Arc<ClientConfig>>,
    pub bind_name: String,
    pub bind_password: String,
}

impl Target {
    fn bind_request(&self) -> Vec<u8> {
        wire::bind_request(&self.bind_name, &self.bind_password)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    Search { entries: u32 },
    Bind,
    Connect,
}

impl Operation {
    /// The requests that are sent in turn: one, or a search for each of so many people.
    pub fn requests(self, people: usize, target: &Target) -> Vec<Canned> {
        let operations = match self {
            Self::Search { entries } if people > 1 => {
                (0..people).map(|number| wire::search_request(&format!("alice{number}"), entries)).collect()
            }
            Self::Search { entries } => vec![wire::search_request("alice", entries)],
            Self::Bind | Self::Connect => vec![target.bind_request()],
        };
        operations.into_iter().map(|operation| Canned::new(vec![operation])).collect()
    }
}

/// What a client is waiting for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    AwaitingStartTls,
    AwaitingTls,
    AwaitingBindResult,
    Open,
}

struct Outstanding {
    id: u32,
    started: Instant,
    entries: u32,
}

pub struct Client {
    pub transport: Transport,
    pub phase: Phase,
    /// Whether to bind once the way is open; idle clients may stay anonymous.
    binds: bool,
    outstanding: Vec<Outstanding>,
    next_id: u32,
    pub waits_to_write: bool,
    /// When this connection was due, for loads that measure connecting.
    pub since: Instant,
}

impl Client {
    /// Connects and sends what comes first. The connect itself blocks: on loopback it is a matter of microseconds.
    pub fn open(target: &Target, binds: bool, since: Instant) -> Result<Self, String> {
        let stream = TcpStream::connect(target.address).map_err(|e| format!("connect: {e}"))?;
        let mut client = Self {
            transport: Transport::new(stream)?,
            phase: Phase::Open,
            binds,
            outstanding: Vec::new(),
            next_id: 1,
            waits_to_write: false,
            since,
        };
        match target.mode {
            Mode::Plain => client.bind_or_open(target)?,
            Mode::StartTls => {
                client.queue(&wire::start_tls_request())?;
                client.phase = Phase::AwaitingStartTls;
            }
            Mode::Ldaps => client.begin_tls(target)?,
        }
        client.transport.flush()?;
        Ok(client)
    }

    fn begin_tls(&mut self, target: &Target) -> Result<(), String> {
        let config = target.tls.as_ref().ok_or("--ca is needed")?;
        self.transport.begin_tls(tls::connect(config, &target.name)?)?;
        self.phase = Phase::AwaitingTls;
        Ok(())
    }

    fn bind_or_open(&mut self, target: &Target) -> Result<(), String> {
        if !self.binds {
            self.phase = Phase::Open;
            return Ok(());
        }
        self.queue(&target.bind_request())?;
        self.phase = Phase::AwaitingBindResult;
        Ok(())
    }

    /// Queues one request that is not among the measured ones.
    fn queue(&mut self, operation: &[u8]) -> Result<(), String> {
        let id = Id::of(self.take_id());
        self.transport.queue(&wire::message(&id, operation))
    }

    fn take_id(&mut self) -> u32 {
        let id = self.next_id;
        self.next_id = if id == u32::MAX >> 1 { 1 } else { id + 1 };
        id
    }

    pub fn outstanding(&self) -> usize {
        self.outstanding.len()
    }

    /// Queues one request; `flush` sends it. `started` is the intended moment, which may be past.
    pub fn ask(&mut self, request: &mut Canned, started: Instant) -> Result<(), String> {
        let id = self.take_id();
        self.outstanding.push(Outstanding { id, started, entries: 0 });
        self.transport.queue(request.with_id(&Id::of(id)).unwrap_or_default())
    }

    /// Reads once and goes on: calls `finished` with the start of every operation that came out as expected.
    pub fn attend(
        &mut self,
        operation: Operation,
        target: &Target,
        scratch: &mut [u8],
        mut finished: impl FnMut(Instant),
    ) -> Result<(), String> {
        if self.transport.read(scratch)? == Arrived::End {
            return Err(format!("closed by peer while {:?}", self.phase));
        }
        if self.phase == Phase::AwaitingTls && !self.transport.is_handshaking() {
            self.bind_or_open(target)?;
        }
        while let Some(head) = wire::peek(self.transport.incoming())? {
            let length = head.length;
            let (id, tag, code) = (head.message_id(), head.operation, head.result_code());
            self.transport.consume(length);
            match self.phase {
                Phase::AwaitingStartTls => {
                    expect((tag, id, code), (tag::EXTENDED_RESPONSE, self.next_id - 1))?;
                    self.begin_tls(target)?;
                }
                Phase::AwaitingBindResult => {
                    expect((tag, id, code), (tag::BIND_RESPONSE, self.next_id - 1))?;
                    self.phase = Phase::Open;
                }
                Phase::Open => {
                    if let Some(started) = self.settle(operation, tag, id, code)? {
                        finished(started);
                    }
                }
                Phase::AwaitingTls => return Err(format!("plain text before TLS: tag {tag:#04x}")),
            }
        }
        Ok(())
    }

    /// Checks one response against what is outstanding; the start of the operation it ends.
    fn settle(&mut self, operation: Operation, tag: u8, id: u32, code: Option<u8>) -> Result<Option<Instant>, String> {
        let at = self
            .outstanding
            .iter()
            .position(|outstanding| outstanding.id == id)
            .ok_or_else(|| format!("response nobody asked for: tag {tag:#04x} id {id}"))?;
        match operation {
            Operation::Search { .. } if tag == tag::SEARCH_ENTRY => {
                self.outstanding[at].entries += 1;
                return Ok(None);
            }
            Operation::Search { entries } => {
                expect((tag, id, code), (tag::SEARCH_DONE, id))?;
                let found = self.outstanding[at].entries;
                if found != entries {
                    return Err(format!("expected {entries} entries, found {found}"));
                }
            }
            Operation::Bind | Operation::Connect => {
                expect((tag, id, code), (tag::BIND_RESPONSE, id))?;
            }
        }
        Ok(Some(self.outstanding.swap_remove(at).started))
    }

    /// Says good-bye as RFC 4511 4.3 asks: unbind, the end of TLS, close.
    pub fn leave(mut self) -> Result<(u64, u64), String> {
        self.queue(&wire::unbind_request())?;
        self.transport.queue_close();
        self.transport.flush()?;
        Ok((self.transport.bytes_received, self.transport.bytes_sent))
    }
}

fn expect(found: (u8, u32, Option<u8>), expected: (u8, u32)) -> Result<(), String> {
    if found == (expected.0, expected.1, Some(0)) {
        return Ok(());
    }
    let (tag, id, code) = found;
    Err(format!(
        "expected success under tag {:#04x} id {}, found tag {tag:#04x} id {id} code {code:?}",
        expected.0, expected.1
    ))
}
