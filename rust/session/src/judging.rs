//! What a session keeps for its policy, and how a request walks it. Rules decide in `ostiary_policy`; here is only
//! what becomes of their decisions: a refusal, a wait, a question to a hook, or the way upstream.

use std::net::IpAddr;
use std::sync::Arc;

use ostiary_ldap::message::{Request, RequestKind};
use ostiary_ldap::result::ResultCode;
use ostiary_policy::{
    Asked, Certificate, ClientFacts, Judgement, Memory, Policy, StageTicket, Standing, Subject, Told, Walk, Who,
};

use crate::event::Event;
use crate::following::{Followed, Pages};
use crate::holding::Held;
use crate::phase::{Phase, Refusal};
use crate::session::Session;
use crate::settings::Settings;
use crate::step::Step;
use crate::violation::CloseReason;

/// One client as its policy sees it, and what of its requests the policy has under way.
#[derive(Debug)]
pub(crate) struct UnderPolicy {
    pub policy: Arc<Policy>,
    pub facts: ClientFacts,
    pub who: Who,
    /// What of the policy applies to this client and identity; found when it is needed first.
    pub standing: Option<Standing>,
    /// What its last search asked for, normalised.
    memory: Memory,
    /// The request at the front of the inbox, if its walk has begun.
    pub front: Option<Front>,
    /// Requests that hooks are asked about, and those that were let pass before there was an upstream.
    pub held: Vec<Held>,
    /// Requests whose responses matter to the policy.
    pub followed: Vec<Followed>,
    /// Paged searches between two pages.
    pub pages: Vec<Pages>,
    /// The bind that is upstream: what guards want to know of its result, and since when.
    pub guarded: Option<Guarded>,
    pub next_hold: u32,
}

/// A bind whose result guards wait for.
#[derive(Debug)]
pub(crate) struct Guarded {
    pub tickets: Vec<StageTicket>,
    pub since: f64,
    /// What the bind was judged by, if the session has had other settings since.
    pub earlier: Option<Arc<Settings>>,
}

/// A request's walk, and the settings it began under if the session has had others since: what is under way ends under
/// the policy that it began under.
#[derive(Debug, Default)]
pub(crate) struct Walking {
    pub walk: Walk,
    pub earlier: Option<Arc<Settings>>,
}

/// A request whose walk has begun and that is still in the inbox.
#[derive(Debug)]
pub(crate) struct Front {
    message_id: u32,
    pub walking: Walking,
    /// It waits until then.
    not_before: f64,
}

/// What becomes of a request that was judged. Its walk stays with whoever let it walk, unless a hook has it.
#[derive(Debug)]
pub(crate) enum Judged {
    /// It goes upstream, with what the walk left behind.
    Pass,
    /// It was answered, or a hook has it.
    Done,
    /// It waits at the front of the inbox.
    Wait,
    /// It is to wait until then.
    Delay(f64),
}

impl UnderPolicy {
    pub(crate) fn new(policy: &Arc<Policy>, listener: &Arc<str>, address: Option<IpAddr>) -> Self {
        Self {
            policy: Arc::clone(policy),
            facts: ClientFacts { address, listener: Arc::clone(listener), tls: false, certificate: None },
            who: Who::Anonymous,
            standing: None,
            memory: Memory::default(),
            front: None,
            held: Vec::new(),
            followed: Vec::new(),
            pages: Vec::new(),
            guarded: None,
            next_hold: 0,
        }
    }

    /// Walks on with one request.
    fn judge(&mut self, request: &Request<'_>, now: f64, walking: &mut Walking) -> Judgement {
        let Walking { walk, earlier } = walking;
        if policy_under(&self.policy, earlier.as_ref()).is_over(walk) {
            return Judgement::Pass;
        }
        self.memory.prepare(request);
        let asked = Asked::remembering(request, &self.memory);
        if let Some(earlier) = earlier {
            let policy = policy_under(&self.policy, Some(earlier));
            let standing = policy.standing(&self.facts, &self.who);
            let subject = Subject { facts: &self.facts, who: &self.who, standing: &standing };
            return policy.judge(&subject, &asked, now, walk);
        }
        let standing = self.standing.get_or_insert_with(|| self.policy.standing(&self.facts, &self.who));
        let subject = Subject { facts: &self.facts, who: &self.who, standing };
        self.policy.judge(&subject, &asked, now, walk)
    }

    /// Gives back what a walk took.
    pub(crate) fn give_up(&self, walking: &mut Walking, now: f64) {
        policy_under(&self.policy, walking.earlier.as_ref()).give_up(&mut walking.walk, now);
    }

    /// Tells the driver that what hooks see of the client changed.
    fn tell_change(&self, step: &mut Step) {
        if self.policy.has_hooks() {
            step.events.push(Event::ClientChanged);
        }
    }

    fn set_who(&mut self, who: Who, step: &mut Step) {
        if self.who != who {
            self.who = who;
            self.standing = None;
            self.tell_change(step);
        }
    }

    /// The bind that is upstream has had its result; none: it will have none.
    pub(crate) fn end_guarded(&mut self, code: Option<ResultCode>, now: f64) {
        if let Some(Guarded { mut tickets, since, earlier }) = self.guarded.take() {
            policy_under(&self.policy, earlier.as_ref()).bind_finished(&mut tickets, code, now - since, now);
        }
    }

    /// Octets that are kept for requests outside the inbox.
    pub(crate) fn kept_bytes(&self) -> usize {
        let held = self.held.iter().map(|held| held.message.len());
        let followed = self.followed.iter().map(|followed| followed.request.as_ref().map_or(0, |octets| octets.len()));
        held.chain(followed).fold(0, usize::saturating_add)
    }

    /// When the first of the requests that wait for a time may go on.
    fn waits_until(&self) -> Option<f64> {
        let front = self.front.as_ref().map(|front| front.not_before);
        let held = self.held.iter().filter(|held| held.hold.is_none()).map(|held| held.not_before);
        front.into_iter().chain(held).filter(|time| *time > 0.0).reduce(f64::min)
    }

    /// The session is over: what its requests took is given back.
    pub(crate) fn give_back(&mut self, now: f64) {
        if let Some(front) = &mut self.front {
            policy_under(&self.policy, front.walking.earlier.as_ref()).give_up(&mut front.walking.walk, now);
        }
        for held in &mut self.held {
            policy_under(&self.policy, held.walking.earlier.as_ref()).give_up(&mut held.walking.walk, now);
        }
        self.end_guarded(None, now);
        for followed in &mut self.followed {
            policy_under(&self.policy, followed.earlier.as_ref()).release(&mut followed.tickets);
        }
        self.front = None;
        self.held.clear();
        self.followed.clear();
    }
}

/// The policy of what began under earlier settings, or else the session's own.
#[inline]
pub(crate) fn policy_under<'a>(own: &'a Arc<Policy>, earlier: Option<&'a Arc<Settings>>) -> &'a Arc<Policy> {
    earlier.and_then(|settings| settings.policy.as_ref()).unwrap_or(own)
}

impl Session {
    /// The client has TLS now; what its certificate proves counts from here on.
    pub(crate) fn note_tls(&mut self, step: &mut Step) {
        self.learn_tls();
        if let Some(under) = &self.under_policy {
            under.tell_change(step);
        }
    }

    /// Tells the policy of the client's TLS, if it has any.
    pub(crate) fn learn_tls(&mut self) {
        let Some(under) = &mut self.under_policy else { return };
        let Some(tls) = self.client.tls.as_ref().filter(|tls| tls.is_established()) else { return };
        under.facts.tls = true;
        let certificate = tls.facts().peer_certificate;
        under.facts.certificate = certificate.and_then(|der| Certificate::from_der(&der)).map(Arc::new);
        under.standing = None;
    }

    /// Who the client is from now on, for the session and for its policy.
    pub(crate) fn become_known(&mut self, identity: crate::identity::Identity, who: Who, step: &mut Step) {
        if self.identity != identity {
            if let Some(account) = &mut self.account {
                account.change_identity(&self.identity.text());
            }
            self.identity = identity;
        }
        if let Some(under) = &mut self.under_policy {
            under.set_who(who, step);
        }
    }

    /// Lets a request that is at the front of the inbox walk the policy. `walking` has not begun; if this one's walk has,
    /// it becomes that.
    #[inline]
    pub(crate) fn judge(&mut self, request: &Request<'_>, walking: &mut Walking, now: f64, step: &mut Step) -> Judged {
        let Some(under) = &mut self.under_policy else { return Judged::Pass };
        match under.front.take() {
            Some(front) if front.message_id == request.message_id && now < front.not_before => {
                under.front = Some(front);
                return Judged::Wait;
            }
            Some(front) if front.message_id == request.message_id => *walking = front.walking,
            // The request that began this walk is gone.
            Some(mut other) => under.give_up(&mut other.walking, now),
            None => {}
        }
        let judgement = under.judge(request, now, walking);
        self.carry_out(judgement, request, walking, now, step)
    }

    /// Does what a judgement asks for.
    pub(crate) fn carry_out(
        &mut self,
        judgement: Judgement,
        request: &Request<'_>,
        walking: &mut Walking,
        now: f64,
        step: &mut Step,
    ) -> Judged {
        let told = std::mem::take(&mut walking.walk.told);
        self.tell(&told, request, walking.earlier.as_ref(), step);
        match judgement {
            Judgement::Pass => {
                if let (Some(account), Some(allowed)) = (&mut self.account, walking.walk.allowed) {
                    account.allow(request.message_id, allowed, walking.earlier.as_ref());
                }
                Judged::Pass
            }
            Judgement::Refuse { code, text, seconds } => {
                self.refuse_by_policy(
                    request,
                    Refusal { code, text: text.to_string().into() },
                    now + seconds,
                    now,
                    step,
                );
                Judged::Done
            }
            Judgement::Close => {
                self.close(CloseReason::Policy, "refused by policy", step);
                Judged::Done
            }
            Judgement::Delay { seconds } => Judged::Delay(now + seconds),
            Judgement::Hold { stage } => {
                self.hold(request, stage, walking, step);
                Judged::Done
            }
        }
    }

    /// Lets a request that has begun its walk go on from where it is.
    pub(crate) fn judge_further(&mut self, request: &Request<'_>, now: f64, walking: &mut Walking) -> Judgement {
        match &mut self.under_policy {
            Some(under) => under.judge(request, now, walking),
            None => Judgement::Pass,
        }
    }

    /// What a request took is given back: it will not be served.
    pub(crate) fn give_up(&mut self, walking: &mut Walking, now: f64) {
        if let Some(under) = &self.under_policy {
            under.give_up(walking, now);
        }
    }

    /// When something that waits for a time goes on; none when nothing does, or something else has to come first.
    pub(crate) fn waits_until(&self) -> Option<f64> {
        let under = self.under_policy.as_ref()?;
        let requests = match &self.phase {
            Phase::AwaitingRefusal { until, .. } => Some(*until),
            Phase::Open | Phase::AwaitingVerdict { .. } if !self.is_within_response() => under.waits_until(),
            _ => None,
        };
        let searches = under.followed.iter().filter_map(Followed::ends_at);
        requests.into_iter().chain(searches).reduce(f64::min)
    }

    /// The time came that something waited for.
    pub(crate) fn end_wait(&mut self, now: f64, step: &mut Step) {
        self.end_late_searches(now, step);
        if let Phase::AwaitingRefusal { message_id, refusal, until } = &self.phase
            && now >= *until
        {
            let (message_id, refusal) = (*message_id, refusal.clone());
            self.phase = Phase::Open;
            self.become_anonymous(message_id, Some(refusal), step);
        }
        if matches!(self.phase, Phase::Open | Phase::AwaitingVerdict { .. }) {
            self.take_inbox(now, step);
        }
        self.finish_if_over(step);
    }

    /// Keeps a walk until the request at the front of the inbox is looked at again.
    pub(crate) fn wait_at_front(&mut self, message_id: u32, walking: Walking, not_before: f64) {
        if let Some(under) = &mut self.under_policy {
            under.front = Some(Front { message_id, walking, not_before });
        }
    }

    /// Answers a refused request: a bind makes the session anonymous first, upstream too.
    pub(crate) fn refuse_by_policy(
        &mut self,
        request: &Request<'_>,
        refusal: Refusal,
        not_before: f64,
        now: f64,
        step: &mut Step,
    ) {
        if request.kind() != RequestKind::Bind {
            return self.refuse(request.message_id, request.kind(), refusal.code, &refusal.text, step);
        }
        self.become_known(crate::identity::Identity::Anonymous, Who::Anonymous, step);
        self.between_stages = false;
        if not_before > now {
            // As long as the server would have taken: nobody learns from the time who refused.
            self.phase = Phase::AwaitingRefusal { message_id: request.message_id, refusal, until: not_before };
            self.announce_deadline(step);
        } else {
            self.become_anonymous(request.message_id, Some(refusal), step);
        }
    }

    /// Turns what was decided of a request into events, and counts it.
    pub(crate) fn tell(
        &mut self,
        told: &[Told],
        request: &Request<'_>,
        earlier: Option<&Arc<Settings>>,
        step: &mut Step,
    ) {
        let Some(under) = &self.under_policy else { return };
        let policy = policy_under(&under.policy, earlier);
        for told in told {
            step.events.push(decided(policy, told, request.kind()));
            if let Some(account) = &mut self.account {
                account.decide(request.message_id, policy, earlier, told);
            }
        }
    }
}

/// The event that tells of a decision.
pub(crate) fn decided(policy: &Policy, told: &Told, operation: RequestKind) -> Event {
    let (plugin, rule) = policy.names(told);
    Event::Decided {
        plugin: plugin.to_owned(),
        rule: rule.to_owned(),
        mode: told.mode,
        code: told.code.map(|ResultCode(code)| code),
        operation,
    }
}
