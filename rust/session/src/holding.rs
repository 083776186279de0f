//! Requests that wait for a hook's verdict. They have left the inbox: what came behind them goes on, except behind a
//! bind. Bounded by the limit of outstanding requests and by `buffered_bytes`, as what is outstanding upstream is.

use std::sync::Arc;

use ostiary_ldap::frame::Frame;
use ostiary_ldap::message::{Request, RequestKind};
use ostiary_ldap::result::ResultCode;
use ostiary_policy::Told;

use crate::client::Taken;
use crate::event::Event;
use crate::judging::{Judged, Walking};
use crate::outstanding::Pending;
use crate::phase::{Phase, Refusal};
use crate::session::Session;
use crate::step::Step;
use crate::violation::CloseReason;

/// A request outside the inbox.
#[derive(Debug)]
pub(crate) struct Held {
    /// The driver's name for it; none once it has its verdict and waits for the upstream alone.
    pub hold: Option<u32>,
    /// The stage that was asked last.
    pub stage: usize,
    pub message_id: u32,
    pub message: Arc<[u8]>,
    pub walking: Walking,
    /// It waits until then.
    pub not_before: f64,
}

/// What a hook says of a request that it was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Pass,
    /// It is answered.
    Refuse {
        /// The result code.
        code: u32,
        /// The diagnostic message.
        text: String,
    },
    /// Another request goes on instead: one whole message, with the same message id and of the same kind.
    Replace(Vec<u8>),
    /// The client is told and closed.
    Close(String),
}

impl Session {
    /// Takes a request out of the inbox and asks the driver for a verdict.
    pub(crate) fn hold(&mut self, request: &Request<'_>, stage: usize, walking: &mut Walking, step: &mut Step) {
        let generation = walking.earlier.as_ref().unwrap_or(&self.settings).generation;
        let Some(under) = &mut self.under_policy else { return };
        let hold = under.next_hold;
        under.next_hold = hold.wrapping_add(1);
        let message_id = request.message_id;
        let message: Arc<[u8]> = request.raw.into();
        let (operation, copy) = (request.kind(), Arc::clone(&message));
        step.held.push(Event::Held { hold, stage, generation, operation, request: copy });
        let walking = std::mem::take(walking);
        under.held.push(Held { hold: Some(hold), stage, message_id, message, walking, not_before: 0.0 });
        if request.kind() == RequestKind::Bind {
            self.phase = Phase::AwaitingVerdict { message_id };
        }
    }

    /// A hook has decided. An unknown hold is one whose request has gone: nothing happens.
    pub fn resume(&mut self, name: u32, verdict: Verdict, now: f64, step: &mut Step) {
        self.resume_all(std::iter::once((name, verdict)), now, step);
    }

    /// The same of several, in that order: what they say to one side is said at once.
    pub fn resume_all(&mut self, verdicts: impl Iterator<Item = (u32, Verdict)>, now: f64, step: &mut Step) {
        let mut is_any_here = false;
        for (name, verdict) in verdicts {
            if self.is_closed() {
                break;
            }
            if let Some(held) = self.take_held(name) {
                self.decide(held, verdict, now, step);
                is_any_here = true;
            }
        }
        if is_any_here {
            self.take_inbox(now, step);
            self.finish_if_over(step);
            self.finish_step(step);
        }
    }

    fn decide(&mut self, mut held: Held, mut verdict: Verdict, now: f64, step: &mut Step) {
        if let Verdict::Replace(message) = verdict {
            verdict = if self.is_replacement(&held, &message) {
                held.message = message.into();
                Verdict::Pass
            } else {
                let generation = held.walking.earlier.as_ref().unwrap_or(&self.settings).generation;
                step.events.push(Event::BadReplacement { stage: held.stage, generation });
                Verdict::Refuse { code: ResultCode::OTHER.0, text: POLICY_FAILED.to_owned() }
            };
        }
        if let Phase::AwaitingVerdict { message_id } = self.phase
            && message_id == held.message_id
        {
            self.phase = Phase::Open;
        }
        self.go_on(&mut held, verdict, now, step);
    }

    fn go_on(&mut self, held: &mut Held, verdict: Verdict, now: f64, step: &mut Step) {
        let message = Arc::clone(&held.message);
        // It was checked when it came, and a replacement when it was made.
        let Ok(request) = Request::parse_again(&message) else { return };
        match verdict {
            Verdict::Pass | Verdict::Replace(_) => {
                self.judge_on(&request, &mut held.walking, now, step);
            }
            Verdict::Refuse { code, text } => {
                self.give_up(&mut held.walking, now);
                let (stage, code) = (held.stage, ResultCode(code));
                let told = Told::by_hook(stage, Some(code));
                self.tell(&[told], &request, held.walking.earlier.as_ref(), step);
                let refusal = Refusal { code, text: text.into() };
                self.refuse_by_policy(&request, refusal, now, now, step);
            }
            Verdict::Close(text) => {
                self.give_up(&mut held.walking, now);
                let told = Told::by_hook(held.stage, None);
                self.tell(&[told], &request, held.walking.earlier.as_ref(), step);
                self.close(CloseReason::Policy, &text, step);
            }
        }
    }

    /// Lets a request outside the inbox walk on from where it is, and go upstream.
    fn judge_on(&mut self, request: &Request<'_>, walking: &mut Walking, now: f64, step: &mut Step) {
        let judgement = self.judge_further(request, now, walking);
        let not_before = match self.carry_out(judgement, request, walking, now, step) {
            Judged::Pass => {
                if !self.keeps_ready(now) && self.send(request, walking, now, step) == Taken::Done {
                    return;
                }
                0.0
            }
            Judged::Done | Judged::Wait => return,
            Judged::Delay(until) => until,
        };
        self.keep(request, std::mem::take(walking), not_before);
        if not_before > 0.0 {
            self.announce_deadline(step);
        }
    }

    /// Keeps a request that has its verdict, until there is an upstream for it and its time has come.
    fn keep(&mut self, request: &Request<'_>, walking: Walking, not_before: f64) {
        if let Some(under) = &mut self.under_policy {
            let (message_id, message) = (request.message_id, request.raw.into());
            under.held.push(Held { hold: None, stage: 0, message_id, message, walking, not_before });
            if request.kind() == RequestKind::Bind {
                self.phase = Phase::AwaitingVerdict { message_id };
            }
        }
    }

    /// Whether one waits for the upstream alone: nothing that has its verdict later overtakes it.
    fn keeps_ready(&self, now: f64) -> bool {
        let is_ready = |held: &Held| held.hold.is_none() && now >= held.not_before;
        self.under_policy.as_ref().is_some_and(|under| under.held.iter().any(is_ready))
    }

    /// Sends what had its verdict before there was an upstream, or before its time.
    pub(crate) fn send_kept(&mut self, now: f64, step: &mut Step) {
        let Some(under) = &mut self.under_policy else { return };
        let mut kept = Vec::new();
        let mut place = 0;
        while let Some(held) = under.held.get(place) {
            if held.hold.is_none() && now >= held.not_before {
                kept.push(under.held.remove(place));
            } else {
                place = place.saturating_add(1);
            }
        }
        for mut held in kept {
            if let Ok(request) = Request::parse_again(&held.message) {
                if self.phase == (Phase::AwaitingVerdict { message_id: held.message_id }) {
                    self.phase = Phase::Open;
                }
                self.judge_on(&request, &mut held.walking, now, step);
            }
        }
    }

    /// The server is lost, and with it who the client was: what waits here for a verdict, a time or another request is
    /// answered as what the server had. The session ends behind it, and gives back what they took.
    pub(crate) fn refuse_held(&mut self, now: f64, step: &mut Step) {
        let under = self.under_policy.iter().flat_map(|under| &under.held);
        let held: Vec<_> = under.map(|held| Arc::clone(&held.message)).collect();
        for message in held {
            self.refuse_waiting(&message, now, step);
        }
        let inbox = std::mem::take(&mut self.client.inbox);
        let mut rest = inbox.as_slice();
        while let Ok(Some(frame)) = Frame::peek(rest) {
            let Some((message, behind)) = rest.split_at_checked(frame.length) else { break };
            self.refuse_waiting(message, now, step);
            rest = behind;
        }
    }

    fn refuse_waiting(&mut self, message: &[u8], now: f64, step: &mut Step) {
        let Ok(request) = Request::parse(message, &self.settings.limits.filter) else { return };
        if matches!(request.kind(), RequestKind::Unbind | RequestKind::Abandon) {
            return;
        }
        if let Some(account) = &mut self.account {
            account.begin(&request, true, self.client.tls.is_some(), now);
        }
        self.refuse_unavailable(Pending::of(&request), step);
    }

    fn take_held(&mut self, name: u32) -> Option<Held> {
        let under = self.under_policy.as_mut()?;
        let place = under.held.iter().position(|held| held.hold == Some(name))?;
        Some(under.held.remove(place))
    }

    /// Forgets a held request that the client abandons; says whether there was one.
    pub(crate) fn abandon_held(&mut self, message_id: u32, now: f64) -> bool {
        let Some(under) = &mut self.under_policy else { return false };
        // A bind cannot be abandoned (RFC 4511 4.11), and its phase waits for its verdict.
        if self.phase == (Phase::AwaitingVerdict { message_id }) {
            return false;
        }
        let Some(place) = under.held.iter().position(|held| held.message_id == message_id) else { return false };
        let mut held = under.held.remove(place);
        under.give_up(&mut held.walking, now);
        true
    }

    /// Whether so many requests are held that no more may leave the inbox.
    pub(crate) fn holds_too_much(&self) -> bool {
        let limits = &self.settings.limits;
        self.under_policy.as_ref().is_some_and(|under| {
            !under.held.is_empty()
                && (under.held.len().saturating_add(self.outstanding.at_server()) >= limits.outstanding_requests
                    || under.kept_bytes() >= limits.buffered_bytes)
        })
    }

    /// Whether any request is outside the inbox and not yet upstream.
    pub(crate) fn holds_any(&self) -> bool {
        self.under_policy.as_ref().is_some_and(|under| !under.held.is_empty())
    }

    /// Whether the id belongs to a request that is held.
    pub(crate) fn holds(&self, message_id: u32) -> bool {
        self.under_policy.as_ref().is_some_and(|under| under.held.iter().any(|held| held.message_id == message_id))
    }

    fn is_replacement(&self, held: &Held, message: &[u8]) -> bool {
        let limits = &self.settings.limits.filter;
        match (Request::parse(message, limits), Request::parse(&held.message, limits)) {
            (Ok(new), Ok(old)) => new.message_id == old.message_id && new.kind() == old.kind(),
            _ => false,
        }
    }
}

/// The diagnostic message beside a verdict that could not be had.
pub(crate) const POLICY_FAILED: &str = "refused: the policy could not decide";
