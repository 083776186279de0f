//! The client's side: takes requests out of its octets and judges each. Requests are small and hostile: each is
//! checked whole before any octet of it is forwarded, and forwarded as it came.

use ostiary_ldap::frame::Frame;
use ostiary_ldap::message::{FilterLimits, Operation, Request, RequestError, RequestKind};
use ostiary_ldap::oid;
use ostiary_ldap::result::ResultCode;
use ostiary_ldap::write;
use ostiary_ledger::Ended;
use ostiary_policy::controls::is_oid;

use crate::event::Event;
use crate::judging::{Guarded, Judged, Walking};
use crate::outstanding::Pending;
use crate::phase::{Phase, UpstreamPhase};
use crate::session::Session;
use crate::settings::{RequireTls, SaslSecurityLayers};
use crate::start_tls::StartTlsAsked;
use crate::step::Step;
use crate::violation::{CloseReason, ViolationKind};

/// The first octet of every LDAPMessage: a universal SEQUENCE.
pub(crate) const MESSAGE_TAG: u8 = 0x30;

/// What became of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It was forwarded, answered or dropped.
    Done,
    /// It has to wait; nothing of it happened.
    Held,
}

/// Where a request stands among the octets that came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// It waited for an answer to an earlier request.
    pub held: bool,
    /// Octets follow it already.
    pub followed: bool,
}

impl Session {
    /// Takes plaintext from the client: as many requests as may pass now.
    pub(crate) fn take_client_plaintext(&mut self, plain: &[u8], now: f64, step: &mut Step) {
        if self.phase == Phase::Opaque {
            step.upstream.plain.extend_from_slice(plain);
            return;
        }
        if self.client.inbox.is_empty() {
            let taken = self.take_requests(plain, 0, now, step);
            if let Some(rest) = plain.get(taken..).filter(|rest| !rest.is_empty() && !self.is_closed()) {
                self.client.inbox.extend_from_slice(rest);
            }
        } else {
            self.client.inbox.extend_from_slice(plain);
            // What is held is judged again when something came for it, not with every octet behind it.
            if !self.client.waits {
                self.drain_inbox(0, now, step);
            }
        }
    }

    /// Takes the requests that were held, now that what they waited for has come.
    pub(crate) fn take_inbox(&mut self, now: f64, step: &mut Step) {
        self.send_kept(now, step);
        if !self.client.inbox.is_empty() {
            self.drain_inbox(self.client.inbox.len(), now, step);
        }
    }

    fn drain_inbox(&mut self, held: usize, now: f64, step: &mut Step) {
        let mut inbox = std::mem::take(&mut self.client.inbox);
        let taken = self.take_requests(inbox.as_slice(), held, now, step);
        // An idle session keeps no buffer.
        if inbox.take(taken) && !self.is_closed() {
            self.client.inbox = inbox;
        }
    }

    /// Takes requests from the front of `octets`, of which the first `held` waited; says how many octets were taken.
    fn take_requests(&mut self, octets: &[u8], held: usize, now: f64, step: &mut Step) -> usize {
        let limits = self.settings.limits;
        let mut taken = 0_usize;
        self.client.waits = false;
        while let Some(rest) = octets.get(taken..).filter(|rest| !rest.is_empty()) {
            if (self.is_within_response() || self.drains) && !has_no_answer(rest) {
                // Whatever a request leads to, its answer would land in the middle of that response; or nobody takes it.
                break;
            }
            if self.client.layer_possible && self.phase == Phase::Open && rest.first() != Some(&MESSAGE_TAG) {
                self.meet_security_layer_of_client(rest, step);
                return octets.len();
            }
            let frame = match Frame::peek(rest) {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => {
                    let tls = rest.first() == Some(&0x16);
                    let kind = if tls { ViolationKind::UnexpectedTls } else { ViolationKind::BadFraming };
                    self.client_violation(kind, error.to_string(), step);
                    return octets.len();
                }
            };
            let most =
                if self.identity.is_anonymous() { limits.message_bytes_unauthenticated } else { limits.message_bytes };
            if frame.length > most {
                // Behind a bind that is undecided nobody knows yet how large it may be.
                if matches!(self.phase, Phase::AwaitingBindResult { .. }) && frame.length <= limits.message_bytes {
                    break;
                }
                let detail = format!("a request of {} octets where {most} are allowed", frame.length);
                self.client_violation(ViolationKind::MessageTooLarge, detail, step);
                return octets.len();
            }
            let Some(message) = rest.get(..frame.length) else { break };
            if self.phase != Phase::Open || self.holds_too_much() {
                break;
            }
            let place = Place { held: taken < held, followed: rest.len() > frame.length };
            if self.take_request(message, place, now, step) == Taken::Held {
                self.client.waits = true;
                break;
            }
            if self.is_closed() {
                return octets.len();
            }
            taken = taken.saturating_add(frame.length);
        }
        taken
    }

    /// Judges one whole request.
    fn take_request(&mut self, message: &[u8], place: Place, now: f64, step: &mut Step) -> Taken {
        let request = match Request::parse(message, &self.settings.limits.filter) {
            Ok(request) => request,
            Err(error) => return self.refuse_unreadable(&error, now, step),
        };
        self.client.layer_possible = false;
        self.client.spoke = true;
        if self.grace_until.is_some() && !self.is_handshaking() {
            self.await_until(None, step);
        }
        let is_free_soon = self.outstanding.has_ended(request.message_id);
        if is_free_soon && !matches!(request.operation, Operation::Unbind | Operation::Abandon(_)) {
            // The client has its answer; the server's own has to come first, or it would answer this one.
            return Taken::Held;
        }
        if self.is_taken(request.message_id) && request.operation.kind() != RequestKind::Unbind && !is_free_soon {
            let detail = format!("message id {} is in use", request.message_id);
            self.client_violation(ViolationKind::MessageIdInUse, detail, step);
            return Taken::Done;
        }
        if let Some(account) = &mut self.account {
            account.begin(&request, place.held, self.client.tls.is_some(), now);
        }
        match &request.operation {
            Operation::Unbind => {
                self.account_for(request.message_id, Ended::Unanswered);
                if self.upstream.phase == UpstreamPhase::Ready {
                    step.upstream.plain.extend_from_slice(message);
                }
                self.close(CloseReason::Unbind, "", step);
                Taken::Done
            }
            Operation::Abandon(abandoned) => {
                self.take_abandon(message, request.message_id, *abandoned, now, step);
                self.account_for(request.message_id, Ended::Unanswered);
                Taken::Done
            }
            Operation::Bind(bind) => self.take_bind(&request, bind, now, step),
            Operation::Extended { name, value } if is_oid(name, oid::START_TLS_OID) => {
                let has_critical = request.controls.into_iter().any(|control| control.criticality);
                let asked = StartTlsAsked { has_value: value.is_some(), has_critical, place };
                self.take_start_tls(request.message_id, asked, now, step);
                Taken::Done
            }
            _ => self.take_ordinary(&request, now, step),
        }
    }

    /// A request that was framed well but cannot be read.
    fn refuse_unreadable(&mut self, error: &RequestError, now: f64, step: &mut Step) -> Taken {
        let (RequestError::FilterTooDeep { message_id } | RequestError::FilterTooWide { message_id }) = error else {
            self.client_violation(ViolationKind::MalformedMessage, error.to_string(), step);
            return Taken::Done;
        };
        if self.is_taken(*message_id) {
            let detail = format!("message id {message_id} is in use");
            self.client_violation(ViolationKind::MessageIdInUse, detail, step);
            return Taken::Done;
        }
        let code = ResultCode::ADMIN_LIMIT_EXCEEDED;
        let text = "the filter is nested too deeply or has too many parts";
        write::refusal(&mut step.client.plain, *message_id, RequestKind::Search, code, text);
        if let Some(account) = &mut self.account {
            account.end_unread(*message_id, RequestKind::Search, code, now);
        }
        Taken::Done
    }

    /// A request that is neither of the connection's own (bind, StartTLS) nor without an answer.
    fn take_ordinary(&mut self, request: &Request<'_>, now: f64, step: &mut Step) -> Taken {
        let kind = request.operation.kind();
        if self.lacks_tls(RequireTls::All) {
            self.refuse(request.message_id, kind, ResultCode::CONFIDENTIALITY_REQUIRED, TLS_REQUIRED, step);
            return Taken::Done;
        }
        if self.between_stages {
            // RFC 4513 5.2.1.2: nothing but the next stage; servers that took it would apply nobody's rights.
            let text = "a SASL bind is in progress";
            self.refuse(request.message_id, kind, ResultCode::OPERATIONS_ERROR, text, step);
            return Taken::Done;
        }
        self.judge_and_send(request, now, step)
    }

    /// Lets a request walk the policy, and sends it if it passes.
    pub(crate) fn judge_and_send(&mut self, request: &Request<'_>, now: f64, step: &mut Step) -> Taken {
        let mut walking = Walking::default();
        let not_before = match self.judge(request, &mut walking, now, step) {
            Judged::Pass => match self.send(request, &mut walking, now, step) {
                Taken::Done => return Taken::Done,
                Taken::Held => 0.0,
            },
            Judged::Done => return Taken::Done,
            Judged::Wait => return Taken::Held,
            Judged::Delay(until) => until,
        };
        self.wait_at_front(request.message_id, walking, not_before);
        if not_before > 0.0 {
            self.announce_deadline(step);
        }
        Taken::Held
    }

    /// Whether a request with this id waits for its answer.
    fn is_taken(&self, message_id: u32) -> bool {
        self.outstanding.is_taken(message_id) || self.holds(message_id)
    }

    /// RFC 4511 4.11: no response; the id stays taken upstream until its late one (trap T8).
    fn take_abandon(&mut self, message: &[u8], message_id: u32, abandoned: i64, now: f64, step: &mut Step) {
        let Ok(abandoned) = u32::try_from(abandoned) else { return };
        if abandoned == 0 || abandoned == message_id {
            return;
        }
        if self.abandon_held(abandoned, now) {
            self.account_for(abandoned, Ended::Abandoned);
            return;
        }
        if self.outstanding.abandon(abandoned) {
            self.unfollow(abandoned, None, step);
            self.account_for(abandoned, Ended::Abandoned);
        }
        if self.upstream.phase == UpstreamPhase::Ready {
            step.upstream.plain.extend_from_slice(message);
        }
    }

    /// Sends a request upstream, with what its walk left behind, unless it has to wait until there is an upstream and few
    /// enough are outstanding.
    pub(crate) fn send(&mut self, request: &Request<'_>, walking: &mut Walking, now: f64, step: &mut Step) -> Taken {
        let (message_id, kind) = (request.message_id, request.kind());
        let mut pending = Pending::of(request);
        match self.upstream.phase {
            UpstreamPhase::Ready if self.is_full() => return Taken::Held,
            UpstreamPhase::Ready => {
                let tickets = std::mem::take(&mut walking.walk.guards);
                let earlier = || walking.earlier.clone();
                let guard = (!tickets.is_empty()).then(|| Guarded { tickets, since: now, earlier: earlier() });
                pending.followed = self.write_judged(request, walking, now, step);
                self.outstanding.insert(pending);
                if let Some(account) = &mut self.account {
                    account.send(message_id);
                }
                if kind == RequestKind::Bind {
                    self.begin_bind(request, guard, step);
                }
            }
            UpstreamPhase::Absent if self.upstream.unreachable => {
                self.give_up(walking, now);
                self.refuse_unavailable(pending, step);
                if kind == RequestKind::Bind {
                    self.begin_bind(request, None, step);
                }
            }
            UpstreamPhase::Absent => {
                self.upstream.phase = UpstreamPhase::Dialling;
                step.events.push(Event::Connect);
                return Taken::Held;
            }
            _ => return Taken::Held,
        }
        Taken::Done
    }

    /// Whether no more requests may be outstanding, or kept for those who look at them.
    fn is_full(&self) -> bool {
        let limits = &self.settings.limits;
        self.outstanding.at_server() >= limits.outstanding_requests
            || self.under_policy.as_ref().is_some_and(|under| under.kept_bytes() >= limits.buffered_bytes)
    }

    /// Answers a request whose upstream is not there. The text names the upstream, not its hosts.
    pub(crate) fn refuse_unavailable(&mut self, pending: Pending, step: &mut Step) {
        let text = format!("upstream {} is unavailable", self.settings.upstream);
        self.refuse(pending.message_id, pending.kind, ResultCode::UNAVAILABLE, &text, step);
    }

    /// Answers a request at the gateway.
    pub(crate) fn refuse(&mut self, message_id: u32, kind: RequestKind, code: ResultCode, text: &str, step: &mut Step) {
        write::refusal(&mut step.client.plain, message_id, kind, code, text);
        self.account_for(message_id, Ended::Answered(code));
    }

    /// Whether this listener asks for TLS that this client has not got.
    pub(crate) fn lacks_tls(&self, demand: RequireTls) -> bool {
        self.client.tls.is_none() && self.settings.require_tls == demand
    }

    /// The client will send no more. What is outstanding is answered first; searches that never end, end now.
    pub(crate) fn half_close(&mut self, step: &mut Step) {
        self.client.half_closed = true;
        self.finish_if_over(step);
    }

    /// Ends a half-closed session, or one that takes no more requests, once nothing is left to answer.
    pub(crate) fn finish_if_over(&mut self, step: &mut Step) {
        if !(self.client.half_closed || self.drains) || self.is_closed() {
            return;
        }
        let waits = !matches!(self.phase, Phase::Open | Phase::Opaque)
            || self.holds_any()
            || !self.outstanding.only_endless()
            || self.upstream.passing.is_some();
        if !waits && self.drains {
            self.close(CloseReason::Draining, STOPPING, step);
        } else if !waits && !self.holds_a_request() {
            self.close(CloseReason::ClientClosed, "", step);
        }
    }

    /// Whether a whole request waits in the inbox.
    fn holds_a_request(&self) -> bool {
        let inbox = self.client.inbox.as_slice();
        matches!(Frame::peek(inbox), Ok(Some(frame)) if frame.length <= inbox.len())
    }

    /// Octets that are no LDAPMessage, right after a SASL bind: a security layer (RFC 4513 5.2.3, trap T25).
    fn meet_security_layer_of_client(&mut self, octets: &[u8], step: &mut Step) {
        if self.settings.sasl_security_layers == SaslSecurityLayers::Opaque {
            self.become_opaque(step);
            step.upstream.plain.extend_from_slice(octets);
        } else {
            self.client_violation(ViolationKind::SaslSecurityLayer, SECURITY_LAYER_REFUSED.to_owned(), step);
        }
    }

    /// Stops looking. What had come from either side and was held goes first.
    pub(crate) fn become_opaque(&mut self, step: &mut Step) {
        self.phase = Phase::Opaque;
        step.upstream.plain.extend_from_slice(std::mem::take(&mut self.client.inbox).as_slice());
        step.client.plain.extend_from_slice(&std::mem::take(&mut self.upstream.inbox));
        step.events.push(Event::Opaque);
    }
}

/// Whether the next message is an Unbind or an Abandon, which nothing answers.
fn has_no_answer(octets: &[u8]) -> bool {
    let frame = Frame::peek(octets).ok().flatten();
    let message = frame.and_then(|frame| octets.get(..frame.length));
    // They have no filter, so its limits do not matter.
    let limits = FilterLimits { depth: 0, nodes: 0 };
    message
        .and_then(|message| Request::parse(message, &limits).ok())
        .is_some_and(|request| matches!(request.operation.kind(), RequestKind::Unbind | RequestKind::Abandon))
}

/// What a client is told when the gateway stops.
pub(crate) const STOPPING: &str = "the gateway is stopping";

/// The diagnostic message beside confidentialityRequired.
pub(crate) const TLS_REQUIRED: &str = "TLS is required: use StartTLS or LDAPS";

/// Why a session with a security layer ends.
pub(crate) const SECURITY_LAYER_REFUSED: &str = "the bind negotiated a SASL security layer, which the gateway cannot \
    look into: disable it at the client (maxssf=0), or set sasl_security_layers = \"opaque\" on the listener";
