//! A wait: what the kernel tells of sockets, and what comes of it.

use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::time::Duration;

use ostiary_ledger::sheet::Octets;
use ostiary_session::{Event, Verdict};
use rustix::event::Timespec;
use rustix::event::epoll::{self, EventFlags};
use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with, sockopt};

use crate::driver::{Driver, Place, found, pair, write, write_both};
use crate::key::{Key, Side};
use crate::pair::Pair;
use crate::socket::State;

/// Sockets that one look at the kernel's set gives at most; the others come with the next.
const TOLD: usize = 256;
/// What the kernel says of a socket that will be read to an end.
const ENDS: EventFlags = EventFlags::RDHUP.union(EventFlags::HUP).union(EventFlags::ERR);
/// What it says of a socket that has something to read.
const READABLE: EventFlags = ENDS.union(EventFlags::IN).union(EventFlags::PRI);

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
    /// The session has events; what it wants to write is written when the wait ends.
    Events(std::vec::Drain<'a, Event>),
    /// The client's socket is of no use any more: removed it is by its owner.
    ClientLost,
    /// The same of the server's; an end that it has sent was told to the session.
    UpstreamLost,
    /// The session cannot go on, by a fault of ours.
    Failed,
}

/// Waits in the kernel.
pub type Waiting<'a> = &'a mut (dyn FnMut() -> Result<(), Errno> + Send);

/// Who tells owners.
trait Tell<O> {
    fn tell(&mut self, owner: &O, key: Key, happening: Happening<'_>);
}

/// Tells, and remembers that somebody was told.
struct Telling<T> {
    tell: T,
    has_told: bool,
}

impl<O, T: FnMut(&O, Key, Happening<'_>)> Tell<O> for Telling<T> {
    fn tell(&mut self, owner: &O, key: Key, happening: Happening<'_>) {
        self.has_told = true;
        (self.tell)(owner, key, happening);
    }
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Somebody was told something.
    Told,
    /// Its time is over, or a signal came.
    Over,
    /// What is watched beside is readable.
    Beside,
}

/// The verdict on a request that a session holds.
#[derive(Debug)]
pub struct Answer {
    /// Whose session it is.
    pub client: Key,
    /// By which name the session holds it.
    pub hold: u32,
    /// Whether it goes on.
    pub verdict: Verdict,
}

impl<O> Driver<O> {
    /// Serves sockets until somebody was told something, what is watched beside is readable, or it is that time, by the
    /// driver's clock: at once if it is already, never by none.
    ///
    /// First, sessions go on with requests that were asked about. What an owner is told is to be acted on before the next
    /// wait. `around` calls what it is given, which waits in the kernel and touches nothing else: whoever has a lock gives
    /// it up meanwhile. A signal ends a wait.
    pub fn wait(
        &mut self,
        answers: impl ExactSizeIterator<Item = Answer>,
        until: Option<f64>,
        around: impl Fn(Waiting<'_>) -> Result<(), Errno>,
        tell: impl FnMut(&O, Key, Happening<'_>),
    ) -> Result<End, Errno> {
        let mut telling = Telling { tell, has_told: false };
        self.waits = self.waits.wrapping_add(1);
        self.clock.pass();
        let mut is_over = until.is_some_and(|until| self.clock.read() >= until);
        self.answer_all(answers, &mut telling);
        loop {
            for key in std::mem::take(&mut self.again) {
                self.serve(key, &mut telling);
            }
            self.feed_all(&mut telling);
            let rest = if is_over || telling.has_told || !self.again.is_empty() {
                Some(Timespec::default())
            } else {
                self.rest(until)
            };
            let waited = {
                let Self { epoll, told, .. } = self;
                around(&mut || {
                    let mut space = [const { MaybeUninit::uninit() }; TOLD];
                    let (events, _) = epoll::wait(&*epoll, &mut space, rest.as_ref())?;
                    told.extend(events.iter().map(|event| (Key::from_number(event.data.u64()), event.flags)));
                    Ok(())
                })
            };
            self.clock.pass();
            match waited {
                Ok(()) => {}
                Err(Errno::INTR) => is_over = true,
                Err(error) => return Err(error),
            }
            let mut is_beside = false;
            let mut told = std::mem::take(&mut self.told);
            for (key, flags) in told.drain(..) {
                if key == Key::BESIDE {
                    is_beside = true;
                } else {
                    self.hear(key, flags, &mut telling);
                }
            }
            self.told = told;
            self.feed_all(&mut telling);
            is_over = is_over || until.is_some_and(|until| self.clock.begin() >= until);
            if is_beside {
                return Ok(End::Beside);
            }
            if is_over {
                return Ok(End::Over);
            }
            if telling.has_told {
                return Ok(End::Told);
            }
        }
    }

    /// What is left of the time to wait.
    fn rest(&mut self, until: Option<f64>) -> Option<Timespec> {
        let seconds = (until? - self.clock.read()).max(0.0);
        // What is longer than a duration can be is for ever.
        let rest = Duration::try_from_secs_f64(seconds).ok()?;
        Timespec::try_from(rest).ok()
    }

    /// The kernel has told of a socket.
    fn hear(&mut self, key: Key, flags: EventFlags, telling: &mut impl Tell<O>) {
        match found(&mut self.places, key) {
            None => {}
            Some(Place::Door { .. }) => self.accept(key, telling),
            Some(Place::Leaving { socket, .. }) => {
                let is_open = socket.flush(0) && !flags.contains(EventFlags::ERR);
                if !is_open || !socket.has_waiting() {
                    self.remove(key);
                }
            }
            Some(Place::Pair(pair)) => {
                if pair.is_read {
                    // Nothing overtakes what was read.
                    self.feed_all(telling);
                }
                self.hear_of_pair(key, flags, telling);
            }
        }
    }

    fn hear_of_pair(&mut self, key: Key, flags: EventFlags, telling: &mut impl Tell<O>) {
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
            let is_readable = socket.state == State::Open && flags.intersects(READABLE);
            pair.tell(self.waits, key, happening, telling);
            if is_readable {
                self.note(key, flags);
                self.again.push(key);
            }
            return;
        }
        if flags.contains(EventFlags::OUT) && socket.has_waiting() {
            let was_full = socket.is_full;
            let is_open = socket.flush(most);
            let has_space = was_full && !socket.is_full;
            if is_leaving && !socket.has_waiting() {
                pair.tell(self.waits, key, Happening::ClientLost, telling);
                return;
            }
            if has_space {
                let other = if side == Side::Client { Side::Upstream } else { Side::Client };
                self.again.push(key.on(other));
            }
            if !is_open {
                self.again.push(key);
            }
        }
        if flags.intersects(READABLE) {
            self.note(key, flags);
            self.serve(key, telling);
        }
    }

    fn note(&mut self, key: Key, flags: EventFlags) {
        if let Some(pair) = pair(&mut self.places, key)
            && let Some(socket) = pair.socket(key.side())
        {
            socket.is_readable = true;
            socket.reads_on |= flags.intersects(ENDS | EventFlags::PRI);
            socket.is_hung_up |= flags.intersects(EventFlags::HUP | EventFlags::ERR);
        }
    }

    /// Reads once from a socket that has something, if it may be read; its session is fed with others.
    fn serve(&mut self, key: Key, telling: &mut impl Tell<O>) {
        if pair(&mut self.places, key).is_some_and(|pair| pair.is_read) || self.batch.is_full() {
            self.feed_all(telling);
        }
        let Some(pair) = pair(&mut self.places, key) else { return };
        let side = key.side();
        let (may_read, is_leaving, was_told) = (pair.may_read(side), pair.is_leaving, pair.told_in == self.waits);
        let most_waiting = pair.most_waiting;
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
            self.lose(key, telling);
            return;
        }
        let space = self.batch.space(most_waiting);
        let most = space.len();
        match socket.read(space) {
            Ok(octets) => {
                if octets == 0 {
                    socket.state = State::Ended;
                }
                socket.is_readable = octets == most || socket.reads_on;
                if socket.is_readable && (octets > 0 || socket.is_hung_up) {
                    self.again.push(key);
                }
                pair.is_read = true;
                self.batch.note_read(key, octets);
            }
            Err(Errno::AGAIN) => socket.is_readable = false,
            Err(_) => {
                socket.give_up();
                self.lose(key, telling);
            }
        }
    }

    /// A side's socket is of no use any more.
    fn lose(&mut self, key: Key, telling: &mut impl Tell<O>) {
        match key.side() {
            Side::Upstream => self.feed(key, 0..0, true, telling),
            Side::Client => self.tell(key, Happening::ClientLost, telling),
        }
    }

    fn tell(&mut self, key: Key, happening: Happening<'_>, telling: &mut impl Tell<O>) {
        if let Some(pair) = pair(&mut self.places, key) {
            pair.tell(self.waits, key, happening, telling);
        }
    }

    /// Feeds what was read, and writes what comes of it.
    fn feed_all(&mut self, telling: &mut impl Tell<O>) {
        let mut read = std::mem::take(&mut self.batch.read);
        let is_alone = read.len() == 1;
        self.clock.pass();
        for (key, octets) in read.drain(..) {
            self.feed(key, octets, is_alone, telling);
        }
        self.batch.read = read;
        self.batch.forget_read();
        self.write_all();
    }

    /// Writes what sessions said.
    fn write_all(&mut self) {
        let mut said = std::mem::take(&mut self.batch.said);
        for (key, octets) in said.drain(..) {
            let Self { places, batch, epoll, again, .. } = self;
            if let Some(pair) = pair(places, key)
                && !write(epoll, pair, key, batch.said_octets(octets))
            {
                again.push(key);
            }
        }
        self.batch.said = said;
        self.batch.forget_said();
    }

    /// Hands octets that were read to the session, none for an end.
    fn feed(&mut self, key: Key, octets: Range<usize>, is_alone: bool, telling: &mut impl Tell<O>) {
        let Self { places, step, batch, clock, .. } = self;
        let Some(pair) = pair(places, key) else { return };
        pair.is_read = false;
        let (side, data) = (key.side(), batch.read_octets(octets));
        let is_end = data.is_empty();
        let counted = match side {
            Side::Client => Octets { from_client: data.len(), ..Octets::default() },
            Side::Upstream => Octets { from_upstream: data.len(), ..Octets::default() },
        };
        let is_well = pair.call(clock, counted, step, |session, now, step| match (side, is_end) {
            (Side::Client, false) => session.client_data(data, now, step),
            (Side::Client, true) => session.client_eof(now, step),
            (Side::Upstream, false) => session.upstream_data(data, now, step),
            (Side::Upstream, true) => session.upstream_eof(now, step),
        });
        self.pass_on(key, is_well, is_alone, telling);
        if side == Side::Upstream && is_end && is_well {
            self.tell(key, Happening::UpstreamLost, telling);
        }
    }

    /// Has sessions go on with requests that were asked about: those of one client that follow one another at once, so
    /// that what came in one piece goes on in one.
    fn answer_all(&mut self, answers: impl ExactSizeIterator<Item = Answer>, telling: &mut impl Tell<O>) {
        let is_alone = answers.len() == 1;
        let mut answers = answers.peekable();
        while let Some(first) = answers.next() {
            let client = first.client;
            let others = std::iter::from_fn(|| answers.next_if(|answer| answer.client == client));
            let verdicts = std::iter::once(first).chain(others).map(|Answer { hold, verdict, .. }| (hold, verdict));
            let Self { places, step, clock, .. } = self;
            let Some(pair) = pair(places, client) else { continue };
            let is_well =
                pair.call(clock, Octets::default(), step, |session, now, step| session.resume_all(verdicts, now, step));
            self.pass_on(client, is_well, is_alone, telling);
        }
        self.write_all();
    }

    /// What a call into a session came to: what it says is written at once, or with what others say, and its owner is
    /// told of its events.
    fn pass_on(&mut self, key: Key, is_well: bool, is_alone: bool, telling: &mut impl Tell<O>) {
        let is_kept = is_well && !is_alone && self.batch.take(key, &self.step);
        if !is_kept {
            // What was said before, maybe to the same socket, is written before.
            self.write_all();
        }
        let Self { places, step, waits, epoll, again, clock, .. } = self;
        let Some(pair) = pair(places, key) else { return };
        if !is_well {
            pair.client.give_up();
            pair.tell(*waits, key, Happening::Failed, telling);
            return;
        }
        if !is_kept {
            clock.pass();
            again.extend(write_both(epoll, pair, key, step).into_iter().flatten());
        }
        if !step.events.is_empty() {
            pair.tell(*waits, key, Happening::Events(step.events.drain(..)), telling);
        }
    }

    /// Accepts one client; the kernel tells of the next one again. Those who have come before are looked at first, as
    /// some of them are gone already and their places free.
    fn accept(&mut self, key: Key, telling: &mut impl Tell<O>) {
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
            telling.tell(owner, client, happening);
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
    fn tell(&mut self, waits: u64, key: Key, happening: Happening<'_>, telling: &mut impl Tell<O>) {
        self.told_in = waits;
        if let Some(owner) = &self.owner {
            telling.tell(owner, key, happening);
        }
    }
}
