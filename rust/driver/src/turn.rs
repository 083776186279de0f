//! A turn: what the kernel tells of sockets, and what comes of it.

use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ostiary_ledger::sheet::Octets;
use ostiary_session::Event;
use rustix::event::Timespec;
use rustix::event::epoll::{self, EventFlags};
use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with, sockopt};

use crate::driver::{Driver, Place, found, pair, write_both};
use crate::key::{Key, Side};
use crate::pair::{Pair, call};
use crate::socket::State;

/// Sockets that one turn looks at, at most; the others come in the next.
const SOCKETS: usize = 256;
/// What the kernel says of a socket that will be read to an end.
const ENDS: EventFlags = EventFlags::RDHUP.union(EventFlags::HUP).union(EventFlags::ERR);

/// What an owner is told.
#[derive(Debug)]
pub enum Happening<'a> {
    /// A client came, and waits under the key that is told with it to be let in, or removed.
    Accepted(Option<SocketAddr>),
    /// Nobody can be accepted.
    NotAccepted(Errno),
    /// The server is connected.
    Connected,
    /// The server cannot be connected.
    NotConnected(Errno),
    /// The session has events; what it wants to write was written.
    Events(std::vec::Drain<'a, Event>),
    /// The client's socket is of no use any more: removed it is by its owner.
    ClientLost,
    /// The same of the server's; an end that it has sent was told to the session.
    UpstreamLost,
    /// The session cannot go on, by a fault of ours.
    Failed,
}

impl<O> Driver<O> {
    /// Looks at what the kernel has to tell, without waiting. True: another turn is due, whatever the descriptor says.
    ///
    /// What an owner is told is to be acted on before the next turn.
    pub fn turn(&mut self, mut tell: impl FnMut(&O, Key, Happening<'_>)) -> Result<bool, Errno> {
        self.is_turning = true;
        self.turns = self.turns.wrapping_add(1);
        for key in std::mem::take(&mut self.again) {
            self.serve(key, &mut tell);
        }
        let mut space = [const { MaybeUninit::uninit() }; SOCKETS];
        let waited = epoll::wait(&self.epoll, &mut space, Some(&Timespec::default()));
        if let Ok((told, _)) = &waited {
            for event in told.iter() {
                self.hear(Key::from_number(event.data.u64()), event.flags, &mut tell);
            }
        }
        self.is_turning = false;
        match waited {
            Ok(_) | Err(Errno::INTR) => Ok(!self.again.is_empty()),
            Err(error) => Err(error),
        }
    }

    /// The kernel has told of a socket.
    fn hear(&mut self, key: Key, flags: EventFlags, tell: &mut impl FnMut(&O, Key, Happening<'_>)) {
        if key == Key::NUDGE {
            self.hear_nudge();
            return;
        }
        match found(&mut self.places, key) {
            None => {}
            Some(Place::Door { .. }) => self.accept(key, tell),
            Some(Place::Leaving { socket, .. }) => {
                let is_open = socket.flush(0) && !flags.contains(EventFlags::ERR);
                if !is_open || !socket.has_waiting() {
                    self.remove(key);
                }
            }
            Some(Place::Pair(_)) => self.hear_of_pair(key, flags, tell),
        }
    }

    fn hear_of_pair(&mut self, key: Key, flags: EventFlags, tell: &mut impl FnMut(&O, Key, Happening<'_>)) {
        let Some(pair) = pair(&mut self.places, key) else { return };
        let (side, most, is_leaving) = (key.side(), pair.most_waiting, pair.is_leaving);
        let Some(socket) = pair.socket(side) else { return };
        if socket.state == State::Connecting {
            let happening = match sockopt::socket_error(&*socket) {
                Ok(Ok(())) if !flags.contains(EventFlags::OUT) => return,
                Ok(Ok(())) => {
                    socket.state = State::Open;
                    Happening::Connected
                }
                Ok(Err(error)) | Err(error) => {
                    socket.give_up();
                    Happening::NotConnected(error)
                }
            };
            let is_readable = socket.state == State::Open && flags.intersects(EventFlags::IN | ENDS);
            pair.tell(self.turns, key, happening, tell);
            if is_readable {
                self.note(key, flags);
                self.look_again(key);
            }
            return;
        }
        if flags.contains(EventFlags::OUT) && socket.has_waiting() {
            let was_full = socket.is_full;
            let is_open = socket.flush(most);
            let has_space = was_full && !socket.is_full;
            if is_leaving && !socket.has_waiting() {
                pair.tell(self.turns, key, Happening::ClientLost, tell);
                return;
            }
            if has_space {
                let other = if side == Side::Client { Side::Upstream } else { Side::Client };
                self.look_again(key.on(other));
            }
            if !is_open {
                self.look_again(key);
            }
        }
        if flags.intersects(EventFlags::IN | ENDS) {
            self.note(key, flags);
            self.serve(key, tell);
        }
    }

    fn note(&mut self, key: Key, flags: EventFlags) {
        if let Some(pair) = pair(&mut self.places, key)
            && let Some(socket) = pair.socket(key.side())
        {
            socket.is_readable = true;
            socket.has_end |= flags.intersects(ENDS);
            socket.is_hung_up |= flags.intersects(EventFlags::HUP | EventFlags::ERR);
        }
    }

    /// Reads once from a socket that has something, if it may be read, and feeds its session.
    fn serve(&mut self, key: Key, tell: &mut impl FnMut(&O, Key, Happening<'_>)) {
        let Some(pair) = pair(&mut self.places, key) else { return };
        let side = key.side();
        let (may_read, is_leaving, was_told) = (pair.may_read(side), pair.is_leaving, pair.told_in == self.turns);
        let Some(socket) = pair.socket(side) else { return };
        let is_over = is_leaving || socket.state == State::Ended;
        let is_lost = socket.state == State::Broken || (is_over && socket.is_hung_up);
        let is_due = is_lost || (socket.is_readable && may_read);
        if !is_due {
            return;
        }
        if was_told {
            self.again.push(key);
            return;
        }
        if is_lost {
            self.lose(key, tell);
            return;
        }
        match socket.read(&mut self.space) {
            Ok(0) => {
                socket.state = State::Ended;
                if socket.is_hung_up {
                    self.again.push(key);
                }
                self.feed(key, 0, tell);
            }
            Ok(octets) => {
                socket.is_readable = octets == self.space.len() || socket.has_end;
                if socket.is_readable {
                    self.again.push(key);
                }
                self.feed(key, octets, tell);
            }
            Err(Errno::AGAIN) => socket.is_readable = false,
            Err(_) => {
                socket.give_up();
                self.lose(key, tell);
            }
        }
    }

    /// A side's socket is of no use any more.
    fn lose(&mut self, key: Key, tell: &mut impl FnMut(&O, Key, Happening<'_>)) {
        match key.side() {
            Side::Upstream => self.feed(key, 0, tell),
            Side::Client => {
                if let Some(pair) = pair(&mut self.places, key) {
                    pair.tell(self.turns, key, Happening::ClientLost, tell);
                }
            }
        }
    }

    /// Hands so many octets of the space to the session, none for an end, and writes what it says.
    fn feed(&mut self, key: Key, octets: usize, tell: &mut impl FnMut(&O, Key, Happening<'_>)) {
        let Self { places, step, space, clock, turns, epoll, again, .. } = self;
        let Some(pair) = pair(places, key) else { return };
        let Some(session) = &pair.session else { return };
        let side = key.side();
        let data = space.get(..octets).unwrap_or_default();
        step.clear();
        let called = catch_unwind(AssertUnwindSafe(|| {
            // Poisoned by an earlier panic: it does not go on.
            let Ok(mut session) = session.lock() else { return false };
            let counted = match side {
                Side::Client => Octets { from_client: octets, ..Octets::default() },
                Side::Upstream => Octets { from_upstream: octets, ..Octets::default() },
            };
            call(&mut session, *clock, counted, step, |session, now, step| match (side, data.is_empty()) {
                (Side::Client, false) => session.client_data(data, now, step),
                (Side::Client, true) => session.client_eof(now, step),
                (Side::Upstream, false) => session.upstream_data(data, now, step),
                (Side::Upstream, true) => session.upstream_eof(now, step),
            });
            true
        }));
        if !matches!(called, Ok(true)) {
            pair.client.give_up();
            pair.tell(*turns, key, Happening::Failed, tell);
            return;
        }
        let broken = write_both(epoll, pair, key, step);
        if !step.events.is_empty() {
            pair.tell(*turns, key, Happening::Events(step.events.drain(..)), tell);
        }
        if side == Side::Upstream && data.is_empty() {
            pair.tell(*turns, key, Happening::UpstreamLost, tell);
        }
        again.extend(broken.into_iter().flatten());
    }

    /// Accepts one client; the kernel tells of the next one again. Those who have come before are looked at first, as
    /// some of them are gone already and their places free.
    fn accept(&mut self, key: Key, tell: &mut impl FnMut(&O, Key, Happening<'_>)) {
        let Some(Place::Door { listening, .. }) = found(&mut self.places, key) else { return };
        let (client, happening) = match acceptfrom_with(&*listening, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
            Ok((descriptor, peer)) => {
                let Some(client) = self.welcome(descriptor) else { return };
                (client, Happening::Accepted(peer.and_then(|peer| SocketAddr::try_from(peer).ok())))
            }
            // Another worker was quicker; the client is gone again; a signal.
            Err(Errno::AGAIN | Errno::CONNABORTED | Errno::INTR | Errno::PROTO) => return,
            Err(error) => (key, Happening::NotAccepted(error)),
        };
        if let Some(Place::Door { owner, .. }) = found(&mut self.places, key) {
            tell(owner, client, happening);
        }
    }

    /// A place for a client that has come.
    fn welcome(&mut self, descriptor: OwnedFd) -> Option<Key> {
        let stamp = self.stamp();
        let place = self.places.vacant_entry();
        let key = Key::new(place.key(), stamp)?;
        place.insert(Place::Pair(Box::new(Pair::new(stamp, descriptor))));
        Some(key)
    }
}

impl<O> Pair<O> {
    /// Tells the owner, who acts on it before more is read.
    fn tell(&mut self, turns: u64, key: Key, happening: Happening<'_>, tell: &mut impl FnMut(&O, Key, Happening<'_>)) {
        self.told_in = turns;
        if let Some(owner) = &self.owner {
            tell(owner, key, happening);
        }
    }
}
