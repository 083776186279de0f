//! `rate_limit`: how often a client, a network, an identity or everybody may ask, and how much at the same time.
//!
//! Every limit that a request falls under is asked, in order, until one refuses. A limit keeps nothing itself: its
//! buckets and counters are in the arena, under keys that its name is part of, so they outlive a change of the
//! configuration. Connections are limited before they cost anything; that they are closed is the driver's to do.

mod compile;
pub(crate) mod keys;
pub(crate) mod networks;
mod spec;
#[cfg(test)]
mod tests;

use core::cell::OnceCell;
use core::hash::{Hash, Hasher};
use std::sync::Arc;

use ostiary_arena::{Acquired, Arena, Hold, Key, Layout, Quota, Verdict};
use ostiary_ldap::message::{Operation, RequestKind};
use ostiary_ldap::result::ResultCode;
use smallvec::SmallVec;

pub(crate) use compile::entries;
pub use spec::{LimitSpec, RateLimitSpec};

use crate::asked::Asked;
use crate::controls::is_of_session;
use crate::decision::{Decision, Mode, Note, Outcome};
use crate::facts::ClientFacts;
use crate::who::Who;
use keys::KeyParts;
use networks::Networks;

/// What a client reads when it is refused; which limit it was is the operator's to know.
const TEXT: &str = "too many requests, try again later";

/// Limits, ready to be asked.
#[derive(Debug)]
pub struct RateLimit {
    limits: Vec<Limit>,
    entries: usize,
    text: Arc<str>,
}

#[derive(Debug)]
struct Limit {
    name: Box<str>,
    /// Tells this limit's keys from those of others.
    salt: u64,
    operations: Operations,
    key: KeyParts,
    amount: Amount,
    exceeded: Exceeded,
    from: Option<Networks>,
    mode: Mode,
}

#[derive(Debug, Clone, Copy)]
enum Amount {
    Rate(Quota),
    Concurrent(u32),
}

#[derive(Debug, Clone, Copy)]
enum Exceeded {
    Busy,
    Delay { seconds_max: f64 },
    Close,
}

/// A set of operations, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Operations(u16);

impl Operations {
    const CONNECT: Self = Self(1);

    fn of(kind: RequestKind) -> Option<Self> {
        Some(Self(match kind {
            RequestKind::Bind => 1 << 1,
            RequestKind::Search => 1 << 2,
            RequestKind::Compare => 1 << 3,
            RequestKind::Add => 1 << 4,
            RequestKind::Modify => 1 << 5,
            RequestKind::Delete => 1 << 6,
            RequestKind::ModifyDn => 1 << 7,
            RequestKind::Extended => 1 << 8,
            RequestKind::Unbind | RequestKind::Abandon => return None,
        }))
    }

    fn has(self, one: Self) -> bool {
        self.0 & one.0 != 0
    }
}

/// What a request, or a connection, has in use of limits on how much there may be at a time.
#[derive(Debug, Default)]
#[must_use = "what is not given back stays in use"]
pub struct Tickets(SmallVec<[Hold; 2]>);

impl Tickets {
    /// True if there is nothing to give back.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives everything back: when the request is answered, refused or abandoned, or the connection is closed.
    /// A second call finds nothing.
    pub fn release(&mut self, arena: &Arena) {
        self.release_after(0, arena);
    }

    /// Takes over what another has in use.
    pub(crate) fn join(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    fn release_after(&mut self, first: usize, arena: &Arena) {
        while self.0.len() > first {
            self.0.pop().into_iter().for_each(|hold| arena.release(hold));
        }
    }
}

/// Whether a connection may be.
#[derive(Debug)]
pub enum Admission {
    /// It may, and gives these back when it is closed.
    Admitted(Tickets),
    /// It is closed at once.
    Refused {
        /// Which limit decided.
        rule: u16,
    },
}

/// The keys of one client, as [`RateLimit::keys`] gives them.
#[derive(Debug)]
pub(crate) struct Keys(Box<[Option<Key>]>);

/// What one limit says.
enum Answer {
    Granted,
    Later(f64),
    Exceeded,
}

impl RateLimit {
    /// The limit's name, for logs and metrics.
    pub fn rule_name(&self, rule: u16) -> &str {
        self.limits.get(usize::from(rule)).map_or("", |limit| &limit.name)
    }

    /// The limits' names, in the order of their numbers.
    pub fn rule_names(&self) -> impl Iterator<Item = &str> {
        self.limits.iter().map(|limit| &*limit.name)
    }

    /// What the limits need of an arena.
    pub fn layout(&self) -> Layout {
        let room = |is_needed: bool| if is_needed { self.entries } else { 0 };
        let counts = |limit: &Limit| matches!(limit.amount, Amount::Concurrent(_));
        Layout {
            buckets: room(!self.limits.iter().all(counts)),
            counters: room(self.limits.iter().any(counts)),
            ..Layout::default()
        }
    }

    /// Whether any limit is on connections.
    pub fn limits_connections(&self) -> bool {
        self.limits.iter().any(|limit| limit.operations.has(Operations::CONNECT))
    }

    /// Whether a client may connect: asked before anything is read of it or spent on it.
    pub fn admit(&self, arena: &Arena, client: &ClientFacts, now: f64, outcome: &mut Outcome) -> Admission {
        let mut tickets = Tickets::default();
        for (rule, limit) in self.applying(Operations::CONNECT, client) {
            // Whoever connects has proved nothing; limits on connections have no identity in their keys.
            let key = limit.key(arena, client, || arena.hasher().key());
            if !matches!(limit.ask(arena, key, now, &mut tickets), Answer::Granted) && limit.applies(rule, outcome) {
                tickets.release(arena);
                return Admission::Refused { rule };
            }
        }
        Admission::Admitted(tickets)
    }

    /// Whether a request may go on. What it has in use from then on is added to `tickets`; a refusal adds nothing.
    #[expect(clippy::too_many_arguments, reason = "what all stages are told, and the tickets")]
    pub fn judge(
        &self,
        arena: &Arena,
        client: &ClientFacts,
        who: &Who,
        asked: &Asked<'_>,
        now: f64,
        outcome: &mut Outcome,
        tickets: &mut Tickets,
    ) -> Decision {
        let Some(operation) = judged(asked) else { return Decision::Pass };
        let identity = OnceCell::new();
        let keyed = self.applying(operation, client).map(|(rule, limit)| {
            (rule, limit, limit.key(arena, client, || *identity.get_or_init(|| identity_of(arena, who, asked))))
        });
        self.ask(arena, keyed, now, outcome, tickets)
    }

    /// The keys that a client has as long as its identity stays, for each limit; none where it does not fall under it.
    pub(crate) fn keys(&self, arena: &Arena, client: &ClientFacts, who: &Who) -> Keys {
        let identity = OnceCell::new();
        let key = |limit: &Limit| {
            let key = || limit.key(arena, client, || *identity.get_or_init(|| keys::identity(arena, who)));
            limit.is_about(client).then(key)
        };
        Keys(self.limits.iter().map(key).collect())
    }

    /// Judges as [`Self::judge`] does a request that is no bind, with the keys of its client at hand.
    pub(crate) fn judge_with(
        &self,
        arena: &Arena,
        keys: &Keys,
        asked: &Asked<'_>,
        now: f64,
        outcome: &mut Outcome,
        tickets: &mut Tickets,
    ) -> Decision {
        let Some(operation) = judged(asked) else { return Decision::Pass };
        let limits = (0_u16..).zip(&self.limits).zip(&keys.0);
        let keyed = limits.filter(|((_, limit), _)| limit.operations.has(operation));
        let keyed = keyed.filter_map(|((rule, limit), key)| Some((rule, limit, (*key)?)));
        self.ask(arena, keyed, now, outcome, tickets)
    }

    /// Asks limits in their order, each for its key.
    fn ask<'l>(
        &self,
        arena: &Arena,
        keyed: impl Iterator<Item = (u16, &'l Limit, Key)>,
        now: f64,
        outcome: &mut Outcome,
        tickets: &mut Tickets,
    ) -> Decision {
        let held = tickets.0.len();
        let mut delay: Option<(u16, f64)> = None;
        for (rule, limit, key) in keyed {
            match limit.ask(arena, key, now, tickets) {
                Answer::Granted => {}
                Answer::Later(seconds) => {
                    if limit.applies(rule, outcome) && delay.is_none_or(|(_, longest)| seconds > longest) {
                        delay = Some((rule, seconds));
                    }
                }
                Answer::Exceeded => {
                    if limit.applies(rule, outcome) {
                        tickets.release_after(held, arena);
                        return self.refusal(rule, limit.exceeded);
                    }
                }
            }
        }
        delay.map_or(Decision::Pass, |(rule, seconds)| Decision::Delay { rule, seconds })
    }

    fn refusal(&self, rule: u16, exceeded: Exceeded) -> Decision {
        match exceeded {
            Exceeded::Close => Decision::Close { rule },
            Exceeded::Busy | Exceeded::Delay { .. } => {
                Decision::Refuse { rule: Some(rule), code: ResultCode::BUSY, text: Arc::clone(&self.text) }
            }
        }
    }

    fn applying(&self, operation: Operations, client: &ClientFacts) -> impl Iterator<Item = (u16, &Limit)> {
        (0_u16..).zip(&self.limits).filter(move |(_, limit)| limit.operations.has(operation) && limit.is_about(client))
    }
}

impl Limit {
    /// Whether requests of this client count.
    fn is_about(&self, client: &ClientFacts) -> bool {
        self.from.as_ref().is_none_or(|from| from.contain(client.address))
    }

    fn key(&self, arena: &Arena, client: &ClientFacts, identity: impl Fn() -> Key) -> Key {
        let mut hasher = arena.hasher();
        hasher.write_u64(self.salt);
        self.key.feed(&mut hasher, client);
        if self.key.identity {
            identity().hash(&mut hasher);
        }
        hasher.key()
    }

    fn ask(&self, arena: &Arena, key: Key, now: f64, tickets: &mut Tickets) -> Answer {
        match (self.amount, self.exceeded) {
            (Amount::Rate(quota), Exceeded::Delay { seconds_max }) => {
                match arena.reserve(key, quota, seconds_max, now) {
                    Some(seconds) if seconds > 0.0 => Answer::Later(seconds),
                    Some(_) => Answer::Granted,
                    None => Answer::Exceeded,
                }
            }
            (Amount::Rate(quota), _) => match arena.take(key, quota, now) {
                Verdict::Allowed => Answer::Granted,
                Verdict::Wait(_) => Answer::Exceeded,
            },
            (Amount::Concurrent(limit), _) => match arena.acquire(key, limit) {
                Acquired::Held(hold) => {
                    tickets.0.push(hold);
                    Answer::Granted
                }
                Acquired::Full | Acquired::Crowded => Answer::Exceeded,
            },
        }
    }

    /// Whether what this limit says is done, and not only noted.
    fn applies(&self, rule: u16, outcome: &mut Outcome) -> bool {
        if self.mode == Mode::Monitor {
            outcome.notes.push(Note { rule: Some(rule), code: Some(ResultCode::BUSY) });
        }
        self.mode == Mode::Enforce
    }
}

/// The operation that a request counts as; none for what no rule judges.
fn judged(asked: &Asked<'_>) -> Option<Operations> {
    if let Operation::Extended { name, .. } = &asked.request().operation
        && is_of_session(name)
    {
        return None;
    }
    Operations::of(asked.kind())
}

/// Who a request counts for: a bind for the identity it asks for, anything else for the one proved.
fn identity_of(arena: &Arena, who: &Who, asked: &Asked<'_>) -> Key {
    match &asked.request().operation {
        Operation::Bind(bind) => keys::asked_identity(arena, bind),
        _ => keys::identity(arena, who),
    }
}
