//! What a driver keeps of one client: its session, its socket, and the one upstream.

use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ostiary_ledger::sheet::Octets;
use ostiary_session::{Session, Step};

use crate::clock::Clock;
use crate::key::Side;
use crate::socket::{Socket, State};

/// A session that its driver and whoever speaks to it in between have together.
#[expect(clippy::disallowed_types, reason = "one thread uses it, but Python does not promise that")]
pub type Shared = Arc<std::sync::Mutex<Session>>;

/// Makes a session one that can be driven.
pub fn shared(session: Session) -> Shared {
    Shared::new(session.into())
}

/// A client's.
#[derive(Debug)]
pub(crate) struct Pair<O> {
    pub stamp: u32,
    /// Who is told what happens; none before the client was let in.
    pub owner: Option<O>,
    /// None before the client was let in.
    pub session: Option<Shared>,
    pub client: Socket,
    pub upstream: Option<Socket>,
    /// Octets that may wait for one side before the other is not read.
    pub most_waiting: usize,
    /// The wait in which its owner was told something: it is not read from until that was acted on.
    pub told_in: u64,
    /// Something was read from one of its sockets that the session was not fed yet.
    pub is_read: bool,
    /// Only what waits for the client is still to be written.
    pub is_leaving: bool,
}

impl<O> Pair<O> {
    pub(crate) fn new(stamp: u32, descriptor: OwnedFd) -> Self {
        Self {
            stamp,
            owner: None,
            session: None,
            client: Socket::new(descriptor, State::Open),
            upstream: None,
            most_waiting: 0,
            told_in: 0,
            is_read: false,
            is_leaving: false,
        }
    }

    /// Whether that side may be read: its owner wants it, and the other side takes what comes.
    #[inline]
    pub(crate) fn may_read(&self, side: Side) -> bool {
        let (own, other) = match side {
            Side::Client => (Some(&self.client), self.upstream.as_ref()),
            Side::Upstream => (self.upstream.as_ref(), Some(&self.client)),
        };
        let is_open = |socket: &Socket| socket.state == State::Open && !socket.is_held;
        self.session.is_some()
            && !self.is_leaving
            && own.is_some_and(is_open)
            && !other.is_some_and(|socket| socket.is_full)
    }

    /// A call into the session, if there is one, with nothing in the step before, and its account closed where it has
    /// one. The core has no clock, so that its calls give the same whenever they are made; this is their edge.
    /// False: it panicked, now or earlier, and does not go on.
    #[inline]
    pub(crate) fn call(
        &mut self,
        clock: &mut Clock,
        octets: Octets,
        step: &mut Step,
        call: impl FnOnce(&mut Session, f64, &mut Step),
    ) -> bool {
        step.clear();
        let Some(session) = &self.session else { return true };
        let called = catch_unwind(AssertUnwindSafe(|| {
            let Ok(mut session) = session.lock() else { return false };
            let now = clock.begin();
            call(&mut session, now, step);
            if session.has_account() {
                session.settle(now, clock.read(), octets, step);
            }
            true
        }));
        matches!(called, Ok(true))
    }

    #[inline]
    pub(crate) fn socket(&mut self, side: Side) -> Option<&mut Socket> {
        match side {
            Side::Client => Some(&mut self.client),
            Side::Upstream => self.upstream.as_mut(),
        }
    }
}
