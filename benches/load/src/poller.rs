//! Epoll with small numbers as tokens and waits in nanoseconds.
//!
//! Level-triggered. It does not know who waits for what.

use std::num::NonZeroU64;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

pub struct Poller {
    epoll: OwnedFd,
    events: Vec<Event>,
}

/// One announcement: who, and whether to read; writing is tried at every one. An error or a hang-up counts as
/// readable: the read tells.
#[derive(Clone, Copy)]
pub struct Ready {
    pub token: usize,
    pub readable: bool,
}

impl Poller {
    pub fn new() -> Result<Self, String> {
        // The default slack of 50 microseconds would be part of every fixed-rate latency.
        rustix::thread::set_current_timer_slack(NonZeroU64::new(1)).map_err(|e| e.to_string())?;
        let epoll = epoll::create(CreateFlags::CLOEXEC).map_err(|e| e.to_string())?;
        Ok(Self { epoll, events: Vec::with_capacity(256) })
    }

    pub fn add(&self, source: impl AsFd, token: usize) -> Result<(), String> {
        epoll::add(&self.epoll, source, EventData::new_u64(token as u64), EventFlags::IN).map_err(|e| e.to_string())
    }

    /// Also wait until `source` can be written to, or no longer.
    pub fn watch_writable(&self, source: impl AsFd, token: usize, on: bool) -> Result<(), String> {
        let flags = if on { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
        epoll::modify(&self.epoll, source, EventData::new_u64(token as u64), flags).map_err(|e| e.to_string())
    }

    /// Fills `ready`; waits without end when `limit` is none.
    pub fn wait(&mut self, limit: Option<Duration>, ready: &mut Vec<Ready>) -> Result<(), String> {
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        ready.clear();
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), limit.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.to_string()),
        }
        for event in &self.events {
            let flags = event.flags; // copied: the kernel's structure is packed
            ready.push(Ready {
                token: usize::try_from(event.data.u64()).unwrap_or(usize::MAX),
                readable: flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR | EventFlags::RDHUP),
            });
        }
        Ok(())
    }
}
