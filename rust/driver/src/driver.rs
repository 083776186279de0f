//! The driver's places, and what whoever has it asks of it between waits.

use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use ostiary_ledger::sheet::Octets;
use ostiary_session::{Event, Session, Step};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketAddrUnix, SocketFlags, SocketType,
    connect, ipproto, recvmsg, socket_with, socketpair, sockopt,
};
use slab::Slab;

use crate::batch::Batch;
use crate::clock::Clock;
use crate::key::{Key, Side};
use crate::pair::{Pair, Shared};
use crate::socket::{Socket, State, Written};

/// Whatever happens to a socket of a client or a server is told once: it is remembered until it was acted on.
const WATCHED: EventFlags = EventFlags::IN.union(EventFlags::PRI).union(EventFlags::RDHUP).union(EventFlags::ET);
/// The same of one that has octets waiting, or is being connected.
const WATCHED_FOR_SPACE: EventFlags = WATCHED.union(EventFlags::OUT);

/// The sockets of a worker's sessions. `O` is who is told what happens to one.
pub struct Driver<O> {
    pub(crate) epoll: OwnedFd,
    /// What the kernel told last.
    pub(crate) told: Vec<(Key, EventFlags)>,
    /// What others wait for.
    beside: Option<OwnedFd>,
    /// Seconds of a steady clock, the one whose time the sessions' other calls are given.
    pub(crate) clock: Clock,
    pub(crate) places: Slab<Place<O>>,
    /// How often a place was filled.
    filled: u32,
    /// Sockets to look at in the next wait, without the kernel's telling again.
    pub(crate) again: Vec<Key>,
    pub(crate) waits: u64,
    pub(crate) step: Step,
    pub(crate) batch: Batch,
    /// Our end of what a descriptor is to come by.
    passage: Option<OwnedFd>,
}

/// What a key stands for.
#[derive(Debug)]
pub(crate) enum Place<O> {
    Door {
        stamp: u32,
        owner: O,
        listening: OwnedFd,
    },
    Pair(Box<Pair<O>>),
    /// A server's socket that only still has to be written to.
    Leaving {
        stamp: u32,
        socket: Socket,
    },
}

impl<O> Place<O> {
    pub(crate) fn stamp(&self) -> u32 {
        match self {
            Self::Door { stamp, .. } | Self::Leaving { stamp, .. } => *stamp,
            Self::Pair(pair) => pair.stamp,
        }
    }
}

impl<O> Driver<O> {
    /// `clock` gives seconds of a steady clock.
    pub fn new(clock: fn() -> f64) -> Result<Self, Errno> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Self {
            epoll,
            told: Vec::new(),
            beside: None,
            clock: Clock::new(clock),
            places: Slab::new(),
            filled: 0,
            again: Vec::new(),
            waits: 0,
            step: Step::default(),
            batch: Batch::new(),
            passage: None,
        })
    }

    /// The other end of a way by which `listen` and `watch` get a descriptor: its owner sends it there (`SCM_RIGHTS`).
    pub fn passage(&mut self) -> Result<OwnedFd, Errno> {
        let (own, other) =
            socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
        self.passage = Some(own);
        Ok(other)
    }

    /// A wait ends, too, when the descriptor is readable that was sent by the last passage.
    pub fn watch(&mut self) -> Result<(), Errno> {
        let beside = self.received()?;
        epoll::add(&self.epoll, &beside, EventData::new_u64(Key::BESIDE.number()), EventFlags::IN)?;
        self.beside = Some(beside);
        Ok(())
    }

    /// Accepts on the socket that was sent by the last passage.
    pub fn listen(&mut self, owner: O) -> Result<Key, Errno> {
        let listening = self.received()?;
        let stamp = self.stamp();
        // It is what it accepts that sends at once; a unix socket always does.
        let _ = sockopt::set_tcp_nodelay(&listening, true);
        let place = self.places.vacant_entry();
        let key = Key::new(place.key(), stamp).ok_or(Errno::MFILE)?;
        epoll::add(&self.epoll, &listening, EventData::new_u64(key.number()), EventFlags::IN)?;
        place.insert(Place::Door { stamp, owner, listening });
        Ok(key)
    }

    /// Accepts there for the time being, or not.
    pub fn set_accepting(&mut self, key: Key, is_wanted: bool) -> Result<(), Errno> {
        let Some(Place::Door { listening, .. }) = found(&mut self.places, key) else { return Ok(()) };
        let wanted = if is_wanted { EventFlags::IN } else { EventFlags::empty() };
        epoll::modify(&self.epoll, listening, EventData::new_u64(key.number()), wanted)
    }

    /// A client was let in: its socket is read from now on.
    pub fn enter(&mut self, key: Key, owner: O, session: Shared, most_waiting: usize) -> Result<(), Errno> {
        let Some(pair) = pair(&mut self.places, key) else { return Ok(()) };
        pair.owner = Some(owner);
        pair.session = Some(session);
        pair.most_waiting = most_waiting;
        epoll::add(&self.epoll, &pair.client, EventData::new_u64(key.number()), WATCHED)
    }

    /// Who is told what happens to a client that was let in.
    #[inline]
    pub fn owner(&mut self, key: Key) -> Option<&mut O> {
        pair(&mut self.places, key)?.owner.as_mut()
    }

    /// Octets that may wait for either side before the other is not read.
    pub fn set_most_waiting(&mut self, key: Key, octets: usize) {
        if let Some(pair) = pair(&mut self.places, key) {
            pair.most_waiting = octets;
        }
    }

    /// Connects a client's session to a server, which is not read from before `release`. Whether it is connected
    /// already; otherwise the owner is told.
    pub fn connect(&mut self, key: Key, address: SocketAddr) -> Result<bool, Errno> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let descriptor = stream(family)?;
        sockopt::set_tcp_nodelay(&descriptor, true)?;
        let connected = connect(&descriptor, &address);
        self.connecting(key, descriptor, connected)
    }

    /// The same by a unix socket.
    pub fn connect_unix(&mut self, key: Key, path: &Path) -> Result<bool, Errno> {
        let descriptor = stream(AddressFamily::UNIX)?;
        let connected = connect(&descriptor, &SocketAddrUnix::new(path)?);
        self.connecting(key, descriptor, connected)
    }

    /// Somebody else connects and passes octets on: the other end of the socket that stands for the server.
    pub fn lend(&mut self, key: Key) -> Result<OwnedFd, Errno> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (own, other) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        self.connecting(key, own, Ok(()))?;
        Ok(other)
    }

    /// Has the kernel look after a silent time whether the server is still there.
    pub fn keep_alive(&mut self, key: Key, idle: Duration, interval: Duration, count: u32) -> Result<(), Errno> {
        let upstream = pair(&mut self.places, key).and_then(|pair| pair.upstream.as_ref());
        let Some(socket) = upstream else { return Ok(()) };
        match rustix::net::getpeername(socket)?.map(|peer| peer.address_family()) {
            Some(AddressFamily::INET | AddressFamily::INET6) => {}
            _ => return Ok(()),
        }
        sockopt::set_socket_keepalive(socket, true)?;
        sockopt::set_tcp_keepidle(socket, idle)?;
        sockopt::set_tcp_keepintvl(socket, interval)?;
        sockopt::set_tcp_keepcnt(socket, count)
    }

    /// Writes to one side; what its socket does not take waits.
    pub fn write(&mut self, key: Key, octets: &[u8]) {
        if let Some(pair) = pair(&mut self.places, key)
            && !write(&self.epoll, pair, key, octets)
        {
            self.again.push(key);
        }
    }

    /// A call into a client's session between waits, with the time: writes what it says, and gives its events.
    pub fn visit(&mut self, key: Key, call: impl FnOnce(&mut Session, f64, &mut Step)) -> std::vec::Drain<'_, Event> {
        let Self { places, step, clock, epoll, again, .. } = self;
        match pair(places, key) {
            None => step.clear(),
            Some(pair) => {
                clock.pass();
                if pair.call(clock, Octets::default(), step, call) {
                    again.extend(write_both(epoll, pair, key, step).into_iter().flatten());
                } else {
                    step.clear();
                    pair.client.give_up();
                    again.push(key.on(Side::Client));
                }
            }
        }
        self.step.events.drain(..)
    }

    /// Reads from one side no more until `release`.
    pub fn hold(&mut self, key: Key) {
        if let Some(socket) = pair(&mut self.places, key).and_then(|pair| pair.socket(key.side())) {
            socket.is_held = true;
        }
    }

    /// Reads from it again.
    pub fn release(&mut self, key: Key) {
        if let Some(socket) = pair(&mut self.places, key).and_then(|pair| pair.socket(key.side())) {
            socket.is_held = false;
            if socket.is_readable {
                self.again.push(key);
            }
        }
    }

    /// Parts with the server once everything is written. The name of the socket that still has to be, if there is one.
    pub fn leave_upstream(&mut self, key: Key) -> Option<Key> {
        let pair = pair(&mut self.places, key)?;
        let socket = pair.upstream.take()?;
        if pair.client.is_readable {
            // What the server's slowness held back.
            self.again.push(key.on(Side::Client));
        }
        if socket.state == State::Broken || socket.state == State::Connecting || !socket.has_waiting() {
            return None;
        }
        let stamp = self.stamp();
        let place = self.places.vacant_entry();
        let key = Key::new(place.key(), stamp)?;
        epoll::modify(&self.epoll, &socket, EventData::new_u64(key.number()), WATCHED_FOR_SPACE).ok()?;
        place.insert(Place::Leaving { stamp, socket });
        Some(key)
    }

    /// Parts with the client once everything is written. Whether that is now; otherwise the owner is told.
    pub fn leave(&mut self, key: Key) -> bool {
        let Some(pair) = pair(&mut self.places, key) else { return true };
        pair.is_leaving = true;
        let is_done = pair.client.state == State::Broken || !pair.client.has_waiting();
        if is_done {
            self.remove(key);
        }
        is_done
    }

    /// Closes and forgets what has that name, whatever still waits there.
    pub fn remove(&mut self, key: Key) {
        if found(&mut self.places, key).is_none() {
            return;
        }
        if let Place::Door { listening, .. } = self.places.remove(key.place()) {
            // Others may have it open, too: then closing it here ends nothing in the kernel's set. It fails only if
            // that is gone, and all sockets with it.
            let _ = epoll::delete(&self.epoll, &listening);
        }
    }

    /// When the next place is filled.
    pub(crate) fn stamp(&mut self) -> u32 {
        self.filled = self.filled.wrapping_add(1);
        self.filled
    }

    fn received(&mut self) -> Result<OwnedFd, Errno> {
        let passage = self.passage.take().ok_or(Errno::BADF)?;
        received(&passage)
    }

    fn connecting(&mut self, key: Key, descriptor: OwnedFd, connected: Result<(), Errno>) -> Result<bool, Errno> {
        let state = match connected {
            Ok(()) => State::Open,
            Err(Errno::INPROGRESS) => State::Connecting,
            Err(error) => return Err(error),
        };
        let Some(pair) = pair(&mut self.places, key) else { return Err(Errno::NOTCONN) };
        let socket = pair.upstream.insert(Socket::new(descriptor, state));
        socket.is_held = true;
        let key = key.on(Side::Upstream);
        let watched = if socket.is_told_of_space { WATCHED_FOR_SPACE } else { WATCHED };
        epoll::add(&self.epoll, &*socket, EventData::new_u64(key.number()), watched)?;
        Ok(state == State::Open)
    }
}

/// What has that name.
#[inline]
pub(crate) fn found<O>(places: &mut Slab<Place<O>>, key: Key) -> Option<&mut Place<O>> {
    places.get_mut(key.place()).filter(|place| place.stamp() == key.stamp())
}

/// The pair that has that name.
#[inline]
pub(crate) fn pair<O>(places: &mut Slab<Place<O>>, key: Key) -> Option<&mut Pair<O>> {
    match found(places, key) {
        Some(Place::Pair(pair)) => Some(pair),
        _ => None,
    }
}

/// Writes to one side of a pair; what its socket does not take waits for the kernel to tell of space. False: the
/// socket has just broken.
#[inline]
pub(crate) fn write<O>(epoll: &OwnedFd, pair: &mut Pair<O>, key: Key, octets: &[u8]) -> bool {
    let most = pair.most_waiting;
    let Some(socket) = pair.socket(key.side()) else { return true };
    match socket.write(octets, most) {
        Written::Whole => true,
        Written::Not => false,
        Written::Partly if socket.is_told_of_space => true,
        Written::Partly => {
            socket.is_told_of_space = true;
            let told = epoll::modify(epoll, &*socket, EventData::new_u64(key.number()), WATCHED_FOR_SPACE);
            if told.is_err() {
                socket.give_up();
            }
            told.is_ok()
        }
    }
}

/// Writes what a call says, and gives the sockets that have just broken.
#[inline]
pub(crate) fn write_both<O>(epoll: &OwnedFd, pair: &mut Pair<O>, key: Key, step: &Step) -> [Option<Key>; 2] {
    [(Side::Upstream, step.to_upstream()), (Side::Client, step.to_client())].map(|(side, octets)| {
        let key = key.on(side);
        (!octets.is_empty() && !write(epoll, pair, key, octets)).then_some(key)
    })
}

fn stream(family: AddressFamily) -> Result<OwnedFd, Errno> {
    let protocol = (family != AddressFamily::UNIX).then_some(ipproto::TCP);
    socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, protocol)
}

/// The descriptor that was sent by a passage.
fn received(passage: &OwnedFd) -> Result<OwnedFd, Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut octet = [0];
    recvmsg(passage, &mut [std::io::IoSliceMut::new(&mut octet)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(mut descriptors) = message
            && let Some(descriptor) = descriptors.next()
        {
            return Ok(descriptor);
        }
    }
    Err(Errno::BADF)
}
