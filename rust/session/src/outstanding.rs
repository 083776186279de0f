//! The requests a client waits for, by message id, and the ids that Abandon left taken (RFC 4511 4.1.1.1, 4.11).
//! Knows no octets. Bounded by the session's limits.

use ostiary_ldap::message::{Request, RequestKind};

/// How many abandoned ids are remembered. A server that honours Abandon never answers, so they do not go away
/// by themselves; clients abandon rarely (libldap on a time-out, browsers of directories on each key press).
const ABANDONED_MAX: usize = 1_024;

/// One request that waits for its final response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its message id.
    pub message_id: u32,
    /// What it asked, hence what may answer it.
    pub kind: RequestKind,
    /// A persistent search or the like: it waits for ever by design.
    pub never_ends: bool,
    /// Its responses matter to the policy.
    pub followed: bool,
}

impl Pending {
    /// A request that nobody follows.
    pub(crate) fn of(request: &Request<'_>) -> Self {
        let (message_id, kind) = (request.message_id, request.kind());
        Self { message_id, kind, never_ends: request.never_ends(), followed: false }
    }
}

/// What a response's message id refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// A request that waits; its position, valid until the table changes.
    Pending(usize, Pending),
    /// An abandoned request: nothing of it may reach the client.
    Abandoned,
    /// Nobody asked.
    Unknown,
}

/// The table of outstanding requests of one session.
#[derive(Debug, Default)]
pub struct Outstanding {
    /// In the order of arrival: servers mostly answer in it, so finding starts at the front.
    pending: Vec<Pending>,
    abandoned: Vec<u32>,
    /// Those of them that the gateway itself has answered: their clients may use the id again, and wait for it.
    ended: Vec<u32>,
    /// Whether an abandoned id had to be forgotten: its late response is then dropped, not a violation.
    forgot: bool,
    /// No id above this one was ever taken, so most clients' next id needs no search.
    highest: u32,
}

impl Outstanding {
    /// Whether no request waits.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// How many requests wait.
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// How many requests the server still works for, those included that the gateway has answered.
    pub fn at_server(&self) -> usize {
        self.pending.len().saturating_add(self.ended.len())
    }

    /// Whether every request that waits does so for ever by design.
    pub fn only_endless(&self) -> bool {
        self.pending.iter().all(|pending| pending.never_ends)
    }

    /// Whether the id is taken, by a request that waits or by one that was abandoned.
    pub fn is_taken(&self, message_id: u32) -> bool {
        message_id <= self.highest
            && (self.pending.iter().any(|pending| pending.message_id == message_id)
                || self.abandoned.contains(&message_id))
    }

    /// Takes an id that is not taken.
    pub fn insert(&mut self, pending: Pending) {
        self.highest = self.highest.max(pending.message_id);
        self.pending.push(pending);
    }

    /// What the id of a response refers to.
    #[inline]
    pub fn find(&self, message_id: u32) -> Lookup {
        for (position, pending) in self.pending.iter().enumerate() {
            if pending.message_id == message_id {
                return Lookup::Pending(position, *pending);
            }
        }
        if self.abandoned.contains(&message_id) || (self.forgot && message_id <= self.highest) {
            return Lookup::Abandoned;
        }
        Lookup::Unknown
    }

    /// Ends the request at a position that `find` gave.
    #[inline]
    pub fn remove(&mut self, position: usize) {
        if position < self.pending.len() {
            self.pending.remove(position);
        }
    }

    /// Ends an abandoned request whose late final response came: its id is free again.
    pub fn release(&mut self, message_id: u32) {
        self.abandoned.retain(|abandoned| *abandoned != message_id);
        self.ended.retain(|ended| *ended != message_id);
    }

    /// Marks a request as answered by the gateway: its responses go nowhere, and its id is free after the last one.
    pub fn end(&mut self, message_id: u32) {
        if self.abandon(message_id) {
            self.ended.push(message_id);
        }
    }

    /// Whether the gateway has answered the request with this id, and its server has not.
    pub fn has_ended(&self, message_id: u32) -> bool {
        self.ended.contains(&message_id)
    }

    /// Marks a request abandoned; says whether there was one.
    pub fn abandon(&mut self, message_id: u32) -> bool {
        let Some(position) = self.pending.iter().position(|pending| pending.message_id == message_id) else {
            return false;
        };
        self.pending.remove(position);
        if self.abandoned.len() >= ABANDONED_MAX {
            let forgotten = self.abandoned.remove(0);
            self.ended.retain(|ended| *ended != forgotten);
            self.forgot = true;
        }
        self.abandoned.push(message_id);
        true
    }

    /// Empties the table when the upstream connection is gone: gives what waited, in order of arrival.
    pub fn take(&mut self) -> Vec<Pending> {
        self.abandoned.clear();
        self.ended.clear();
        self.forgot = false;
        self.highest = 0;
        std::mem::take(&mut self.pending)
    }
}
