//! One socket: what is known of its octets to read, and which wait to be written.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

/// Space for waiting octets above this is given back once they are written.
const KEPT_BYTES: usize = 16 << 10;

/// How far a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Connecting,
    Open,
    /// The peer will send no more.
    Ended,
    /// Nothing passes any more.
    Broken,
}

/// What became of octets that were to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// All are the kernel's.
    Whole,
    /// Some wait.
    Partly,
    /// The socket has just broken.
    Not,
}

/// A connected socket, or one that is to be.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "six facts that do not exclude one another")]
pub(crate) struct Socket {
    descriptor: OwnedFd,
    pub state: State,
    /// The kernel has told of something that was not read yet; it tells once.
    pub is_readable: bool,
    /// The kernel has told of an end, or of urgent octets: a short read is not all there is, and reading goes on.
    pub reads_on: bool,
    /// The kernel has told that nothing can be written any more.
    pub is_hung_up: bool,
    /// The kernel tells when there is space to write.
    pub is_told_of_space: bool,
    /// Its owner does not want to read from it.
    pub is_held: bool,
    /// So much waits to be written that the other side is not read.
    pub is_full: bool,
    waiting: Vec<u8>,
    /// Octets of `waiting` that were written.
    written: usize,
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Socket {
    pub(crate) fn new(descriptor: OwnedFd, state: State) -> Self {
        Self {
            descriptor,
            state,
            is_readable: false,
            reads_on: false,
            is_hung_up: false,
            is_told_of_space: state == State::Connecting,
            is_held: false,
            is_full: false,
            waiting: Vec::new(),
            written: 0,
        }
    }

    /// Whether octets wait to be written.
    #[inline]
    pub(crate) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Writes octets, or keeps what the kernel does not take; above so many that wait, it is full.
    /// To one that broke earlier nothing is written, as to one whose peer does not listen.
    #[inline]
    pub(crate) fn write(&mut self, octets: &[u8], most_waiting: usize) -> Written {
        if self.state == State::Broken {
            return Written::Whole;
        }
        let mut rest = octets;
        if self.waiting.is_empty() && self.state != State::Connecting {
            match self.send(octets) {
                Ok(sent) => rest = octets.get(sent..).unwrap_or_default(),
                Err(Errno::AGAIN) => {}
                Err(_) => {
                    self.give_up();
                    return Written::Not;
                }
            }
        }
        if rest.is_empty() {
            return Written::Whole;
        }
        self.waiting.extend_from_slice(rest);
        self.is_full |= self.unwritten().len() > most_waiting;
        Written::Partly
    }

    /// Writes what waits, as far as the kernel takes it. False: the socket has just broken.
    pub(crate) fn flush(&mut self, most_waiting: usize) -> bool {
        while self.has_waiting() {
            match self.send(self.unwritten()) {
                Ok(sent) => {
                    self.written = self.written.saturating_add(sent);
                    if self.unwritten().is_empty() {
                        self.forget_waiting();
                    }
                }
                Err(Errno::AGAIN) => break,
                Err(_) => {
                    self.give_up();
                    return false;
                }
            }
        }
        // Full from above the limit down to a quarter of it: not to and fro with each octet.
        if self.unwritten().len() <= most_waiting / 4 {
            self.is_full = false;
        }
        true
    }

    /// Reads what is there, as far as there is space.
    #[inline]
    pub(crate) fn read(&self, space: &mut [u8]) -> Result<usize, Errno> {
        loop {
            match rustix::net::recv(&self.descriptor, &mut *space, RecvFlags::empty()) {
                Err(Errno::INTR) => {}
                other => return other.map(|(_, octets)| octets),
            }
        }
    }

    /// Nothing passes any more, and nothing is kept.
    pub(crate) fn give_up(&mut self) {
        self.state = State::Broken;
        self.is_full = false;
        self.forget_waiting();
    }

    fn send(&self, octets: &[u8]) -> Result<usize, Errno> {
        loop {
            match rustix::net::send(&self.descriptor, octets, SendFlags::NOSIGNAL) {
                Err(Errno::INTR) => {}
                other => return other,
            }
        }
    }

    fn unwritten(&self) -> &[u8] {
        self.waiting.get(self.written..).unwrap_or_default()
    }

    fn forget_waiting(&mut self) {
        self.waiting.clear();
        self.waiting.shrink_to(KEPT_BYTES);
        self.written = 0;
    }
}
