//! `bind_guard`: bounds how often passwords are guessed, and keeps the guesses from the server.
//!
//! Failures are counted for a client, an identity and the pair of both; too many lock for a while. A password that the
//! server refused is refused again without asking, wherever it comes from, so that a service that loops with an old one
//! does not lock its account in the directory. While it is not known whether a pair has the right password, only as
//! many of its binds are at the server as it may still get wrong; the others wait and are asked about again.
//!
//! All of it is in the arena: keys and times, and of a password only bits of a hash under the arena's secret. What the
//! client reads, and that the answer takes as long as a real one, is the session's to do. Only simple binds with a name
//! and a password are judged: what else may carry a guess is not the server's answer to a password.

mod compile;
mod spec;
#[cfg(test)]
mod tests;

use core::hash::Hash;

use ostiary_arena::{Arena, Fingerprint, Key, Layout, Lockout};
use ostiary_ldap::message::{Authentication, BindRequest};
use ostiary_ldap::result::ResultCode;

pub use spec::BindGuardSpec;

use crate::decision::{Mode, Note, Outcome};
use crate::facts::ClientFacts;
use crate::rate::keys::{self, Prefix};
use crate::rate::networks::Networks;
use crate::who::Who;

/// The client failed on this identity too often.
pub const LOCKOUT_PAIR: u16 = 0;
/// The client failed on any identities too often.
pub const LOCKOUT_CLIENT: u16 = 1;
/// The identity was failed on too often.
pub const LOCKOUT_IDENTITY: u16 = 2;
/// The server refused this password a short while ago.
pub const NEGATIVE_CACHE: u16 = 3;

/// The names of the rules, in the order of their numbers.
pub const RULE_NAMES: [&str; 4] = ["lockout_pair", "lockout_client", "lockout_identity", "negative_cache"];

/// A bind whose result never comes counts as in flight for so long. No server takes longer to check a password.
const LEASE_SECONDS: f64 = 10.0;
/// Bounds of how long a bind waits before it is asked about again; between them it is half of what a refusal takes.
const WAIT_SECONDS: (f64, f64) = (0.01, 0.25);

/// The guard, ready to be asked.
#[derive(Debug)]
pub struct BindGuard {
    /// Tells this guard's keys from those of another.
    salt: u64,
    pair: Option<Lockout>,
    client: Option<Lockout>,
    identity: Option<Lockout>,
    /// How many binds of a pair that is not trusted may be at the server, before its failures are taken off.
    in_flight_max: u32,
    trust_seconds: f64,
    negative_cache_seconds: f64,
    entries: usize,
    exempt: Option<Networks>,
    mode: Mode,
}

/// What the guard says of a bind.
#[derive(Debug)]
pub enum GuardDecision {
    /// It may go upstream; its result is told to [`BindGuard::finished`].
    Pass(GuardTicket),
    /// It waits so long, and then is asked about again.
    Wait {
        /// For how long.
        seconds: f64,
    },
    /// It is answered with invalidCredentials, in the time that [`BindGuard::refusal_delay`] says.
    Refuse {
        /// Which rule decided: one of [`LOCKOUT_PAIR`] to [`NEGATIVE_CACHE`].
        rule: u16,
    },
}

/// What the guard must know when a bind's result comes. It holds no password, and nothing for a bind that is not judged.
#[must_use = "the result of the bind is to be told"]
pub struct GuardTicket(Option<Keys>);

// Fingerprints of passwords are not for logs.
impl core::fmt::Debug for GuardTicket {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("GuardTicket").field(&self.0.is_some()).finish()
    }
}

struct Keys {
    pair: Key,
    client: Key,
    identity: Key,
    password: Fingerprint,
    is_in_flight: bool,
}

impl BindGuard {
    /// The rule's name, for logs and metrics.
    pub fn rule_name(rule: u16) -> &'static str {
        RULE_NAMES.get(usize::from(rule)).copied().unwrap_or_default()
    }

    /// What the guard needs of an arena.
    pub fn layout(&self) -> Layout {
        let refusals = if self.negative_cache_seconds > 0.0 { self.entries } else { 0 };
        Layout { failures: self.entries, refusals, ..Layout::default() }
    }

    /// Whether a bind may go upstream.
    pub fn check(
        &self,
        arena: &Arena,
        client: &ClientFacts,
        bind: &BindRequest<'_>,
        now: f64,
        outcome: &mut Outcome,
    ) -> GuardDecision {
        let Some(mut keys) = self.keys(arena, client, bind) else { return GuardDecision::Pass(GuardTicket(None)) };
        if let Some(rule) = self.refusal(arena, &keys, now) {
            if self.mode == Mode::Enforce {
                return GuardDecision::Refuse { rule };
            }
            outcome.notes.push(Note { rule: Some(rule), code: Some(ResultCode::INVALID_CREDENTIALS) });
        } else if self.mode == Mode::Enforce {
            let Some(is_in_flight) = self.enters(arena, keys.pair, now) else {
                let (least, most) = WAIT_SECONDS;
                return GuardDecision::Wait { seconds: (arena.refusal_seconds() / 2.0).clamp(least, most) };
            };
            keys.is_in_flight = is_in_flight;
        }
        GuardDecision::Pass(GuardTicket(Some(keys)))
    }

    /// Takes the result of a bind that passed, and how long the server took for it.
    pub fn finished(&self, arena: &Arena, ticket: GuardTicket, code: ResultCode, took_seconds: f64, now: f64) {
        let GuardTicket(Some(keys)) = ticket else { return };
        if code == ResultCode::INVALID_CREDENTIALS {
            arena.refusal_took(took_seconds);
            for (key, lockout) in self.guarded(&keys) {
                if let Some(lockout) = lockout {
                    arena.failed(key, lockout, now);
                }
            }
            if self.negative_cache_seconds > 0.0 {
                arena.remember(keys.password, self.negative_cache_seconds, now);
            }
        } else if code == ResultCode::SUCCESS {
            // Of the client only this pair: with one password that he has, he could go on guessing others.
            if self.pair.is_some() {
                arena.succeeded(keys.pair, self.trust_seconds, now);
            }
            arena.forgive(keys.password);
        }
        // Last, so that whoever waits for this finds what it left.
        self.unanswered(arena, GuardTicket(Some(keys)), now);
    }

    /// Takes back a bind that passed and whose result will not come.
    pub fn unanswered(&self, arena: &Arena, ticket: GuardTicket, now: f64) {
        if let Some(keys) = ticket.0.filter(|keys| keys.is_in_flight) {
            arena.leave(keys.pair, now);
        }
    }

    /// Forgets the wrong passwords of an identity, when it was given a new one. Those of some others are forgotten too.
    /// An identity that is also known by another form of name (DN, UPN, `DOMAIN\user`) is forgotten as this one only.
    pub fn forget(&self, arena: &Arena, identity: &Who) {
        arena.next_generation(keys::identity(arena, identity));
    }

    /// How long a refusal by the server takes, as far as is known: what one by the gateway should take too.
    pub fn refusal_delay(&self, arena: &Arena) -> f64 {
        arena.refusal_seconds()
    }

    fn guarded(&self, keys: &Keys) -> [(Key, &Option<Lockout>); 3] {
        // In the order of the rules.
        [(keys.pair, &self.pair), (keys.client, &self.client), (keys.identity, &self.identity)]
    }

    fn refusal(&self, arena: &Arena, keys: &Keys, now: f64) -> Option<u16> {
        let is_locked = |key, lockout| arena.standing(key, lockout, now).locked_seconds > 0.0;
        let locked = (0_u16..)
            .zip(self.guarded(keys))
            .find(|(_, (key, lockout))| lockout.as_ref().is_some_and(|lockout| is_locked(*key, lockout)));
        if let Some((rule, _)) = locked {
            return Some(rule);
        }
        (self.negative_cache_seconds > 0.0 && arena.is_refused(keys.password, now)).then_some(NEGATIVE_CACHE)
    }

    /// Whether a bind of `pair` may be at the server now, and if so, whether that is counted. A pair that succeeded of
    /// late is not: services bind often, and at the same time.
    fn enters(&self, arena: &Arena, pair: Key, now: f64) -> Option<bool> {
        let Some(lockout) = &self.pair else { return Some(false) };
        let standing = arena.standing(pair, lockout, now);
        if standing.trusted {
            return Some(false);
        }
        let most = self.in_flight_max.saturating_sub(standing.failures).max(1);
        arena.enter(pair, most, LEASE_SECONDS, now).then_some(true)
    }

    fn keys(&self, arena: &Arena, client: &ClientFacts, bind: &BindRequest<'_>) -> Option<Keys> {
        let Authentication::Simple(password) = bind.authentication else { return None };
        if bind.name.is_empty() || password.iter().all(|octet| *octet == 0) {
            return None;
        }
        if self.exempt.as_ref().is_some_and(|exempt| exempt.contain(client.address)) {
            return None;
        }
        let name = keys::asked_identity(arena, bind);
        let mut hasher = arena.hasher();
        (self.salt, b"client").hash(&mut hasher);
        Prefix::SITE.feed(&mut hasher, client);
        let client = hasher.key();
        let key = |word: &str, client: Option<Key>| {
            let mut hasher = arena.hasher();
            (self.salt, word, client, name).hash(&mut hasher);
            hasher.key()
        };
        let password = arena.fingerprint(self.owner(arena, name, bind), password);
        let (pair, identity) = (key("pair", Some(client)), key("identity", None));
        Some(Keys { pair, client, identity, password, is_in_flight: false })
    }

    /// Whose password it is, of which generation. All names that cannot be normalised count as one identity, but each
    /// has a password of its own; the octets tell them apart.
    fn owner(&self, arena: &Arena, identity: Key, bind: &BindRequest<'_>) -> Key {
        let mut hasher = arena.hasher();
        (self.salt, "password", identity, arena.generation(identity)).hash(&mut hasher);
        if identity == keys::identity(arena, &Who::Unreadable) {
            bind.name.hash(&mut hasher);
        }
        hasher.key()
    }
}
