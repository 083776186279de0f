//! The upstream's side: frames responses and passes them on as they came. Responses are framed, never walked:
//! a result of many entries costs a header each. Knows which request each answers.

use ostiary_ldap::message::{RequestKind, ResponseHead, ResponseOp};
use ostiary_ldap::oid;
use ostiary_ldap::result::{BindResponse, ExtendedResponse, ResultCode};

use crate::client::{MESSAGE_TAG, SECURITY_LAYER_REFUSED};
use crate::event::Event;
use crate::following::{Followup, NO_MORE_ENTRIES};
use crate::outstanding::{Lookup, Pending};
use crate::phase::{Phase, UpstreamPhase};
use crate::session::{Passing, Session, UpstreamSide};
use crate::settings::SaslSecurityLayers;
use crate::step::Step;
use crate::tls::TlsFacts;
use crate::violation::{CloseReason, Peer, Violation, ViolationKind};

/// A StartTLS response has no business being larger, octets.
const START_TLS_RESPONSE_MAX: usize = 65_536;

/// Where attributes are cut out, a response has to be read whole.
const TOO_LARGE_TO_READ: &str = "a response is too large for what is allowed here";

/// No response's head is longer, octets: two tags and lengths, and a messageID with its own.
const HEAD_MAX: usize = 24;

/// What becomes of one framed response.
enum Fate {
    /// It goes to the client.
    Pass,
    /// It goes to the client as `Step::edited` has it.
    Rewritten,
    /// It does not.
    Drop,
    /// Nor does anything else that answers its search, which ends with this.
    End(ResultCode, &'static str),
    /// It, and what follows, goes nowhere: the upstream connection ends.
    Lose(ViolationKind, String),
    /// The server says that it is going (RFC 4511 4.4.1).
    Leaving(String),
}

impl Session {
    /// Takes octets from the upstream's socket.
    pub(crate) fn take_upstream_octets(&mut self, data: &[u8], now: f64, step: &mut Step) {
        match self.upstream.phase {
            UpstreamPhase::Absent | UpstreamPhase::Dialling => return,
            UpstreamPhase::AwaitingStartTlsResponse => return self.await_start_tls_response(data, step),
            UpstreamPhase::AwaitingTlsEngine => {
                return self.fail_upstream_setup("octets before the TLS handshake", step);
            }
            UpstreamPhase::Handshaking | UpstreamPhase::Ready => {}
        }
        let Some(tls) = &mut self.upstream.tls else {
            return self.take_upstream_plaintext(data, now, step);
        };
        let mut plain = std::mem::take(&mut step.received);
        match tls.receive(data, &mut step.scratch, &mut plain, &mut step.upstream.sealed) {
            Ok(progress) => {
                if progress.established {
                    let facts = tls.facts();
                    self.upstream_ready(Some(facts), now, step);
                }
                if !plain.is_empty() && !self.is_closed() {
                    self.take_upstream_plaintext(&plain, now, step);
                }
                if progress.closed && !self.is_closed() {
                    self.lose_upstream("the server closed its TLS", now, step);
                }
            }
            Err(error) if self.upstream.phase == UpstreamPhase::Handshaking => {
                self.fail_upstream_setup(&error.0, step);
            }
            Err(error) => self.upstream_violation(ViolationKind::TlsFailed, error.0, now, step),
        }
        plain.clear();
        step.received = plain;
    }

    fn await_start_tls_response(&mut self, data: &[u8], step: &mut Step) {
        self.upstream.inbox.extend_from_slice(data);
        let inbox = std::mem::take(&mut self.upstream.inbox);
        match ResponseHead::peek(&inbox) {
            Ok(Some(head)) if head.length <= inbox.len() => {
                let message = inbox.get(..head.length).unwrap_or_default();
                self.take_start_tls_response(head.message_id, message, inbox.len() > head.length, step);
            }
            Ok(_) if inbox.len() < START_TLS_RESPONSE_MAX => self.upstream.inbox = inbox,
            Ok(_) => self.fail_upstream_setup("the StartTLS response is too large", step),
            Err(error) => self.fail_upstream_setup(&format!("bad StartTLS response: {error}"), step),
        }
    }

    /// The connection is ready for LDAP: what waited for it goes out.
    pub(crate) fn upstream_ready(&mut self, facts: Option<TlsFacts>, now: f64, step: &mut Step) {
        self.upstream.phase = UpstreamPhase::Ready;
        step.events.push(Event::UpstreamReady(facts));
        self.take_inbox(now, step);
        self.finish_if_over(step);
    }

    fn take_upstream_plaintext(&mut self, plain: &[u8], now: f64, step: &mut Step) {
        let behind = if self.upstream.inbox.is_empty() { plain } else { self.complete_response(plain, now, step) };
        if self.phase == Phase::Opaque {
            step.client.plain.extend_from_slice(behind);
            return;
        }
        if !behind.is_empty() && !self.is_closed() && self.upstream.phase == UpstreamPhase::Ready {
            let taken = self.take_responses(behind, now, step);
            if let Some(rest) = behind.get(taken..).filter(|rest| !rest.is_empty()) {
                self.upstream.inbox.extend_from_slice(rest);
            }
        }
        if !self.is_closed() && self.upstream.phase == UpstreamPhase::Ready {
            if matches!(self.phase, Phase::Open | Phase::AwaitingVerdict { .. }) {
                self.take_inbox(now, step);
            }
            self.finish_if_over(step);
        }
    }

    /// Adds to the response that has begun what is still of it in `plain`, and takes it if it is whole then; gives what
    /// lies behind it, which so needs no copy.
    fn complete_response<'o>(&mut self, plain: &'o [u8], now: f64, step: &mut Step) -> &'o [u8] {
        let mut inbox = std::mem::take(&mut self.upstream.inbox);
        let begun = inbox.len();
        inbox.extend_from_slice(plain.get(..HEAD_MAX).unwrap_or(plain));
        let of_it = match ResponseHead::peek(&inbox) {
            Ok(Some(head)) => head.length.saturating_sub(begun).min(plain.len()),
            // It is not known, or is none: all that there is shall tell.
            _ => plain.len(),
        };
        let (of_it, behind) = plain.split_at_checked(of_it).unwrap_or((plain, &[]));
        inbox.truncate(begun);
        inbox.extend_from_slice(of_it);
        let taken = self.take_responses(&inbox, now, step);
        if taken < inbox.len() {
            inbox.drain(..taken);
            self.upstream.inbox = inbox;
        }
        behind
    }

    /// Takes responses from the front of `octets`; says how many octets were taken. Neighbours that go to the client
    /// are copied in one run.
    fn take_responses(&mut self, octets: &[u8], now: f64, step: &mut Step) -> usize {
        let mut taken = self.pass_rest_of_large(octets, step);
        let mut run = taken;
        while let Some(rest) = octets.get(taken..).filter(|rest| !rest.is_empty()) {
            if self.upstream.layer_possible {
                self.upstream.layer_possible = false;
                if rest.first() != Some(&MESSAGE_TAG) {
                    self.pass_run(octets, run, taken, step);
                    self.meet_security_layer_of_upstream(rest, now, step);
                    return octets.len();
                }
            }
            let head = match ResponseHead::peek(rest) {
                Ok(Some(head)) => head,
                Ok(None) => break,
                Err(error) => {
                    self.pass_run(octets, run, taken, step);
                    self.upstream_violation(ViolationKind::MalformedMessage, error.to_string(), now, step);
                    return octets.len();
                }
            };
            let Some(message) = rest.get(..head.length) else {
                if head.length > self.most_to_wait_for(&head) {
                    self.pass_run(octets, run, taken, step);
                    if self.phase == Phase::Open {
                        // Between two of these, as there may be no other moment, clients can abandon the rest.
                        self.take_inbox(now, step);
                        if self.is_closed() {
                            return octets.len();
                        }
                    }
                    self.start_passing(&head, rest, now, step);
                    return octets.len();
                }
                break;
            };
            let mut end = taken.saturating_add(head.length);
            match self.judge_response(&head, message, now, step) {
                Fate::Pass if head.operation == ResponseOp::SearchEntry => {
                    let behind = octets.get(end..).unwrap_or_default();
                    end = end.saturating_add(self.pass_entries(head.message_id, message, behind, step));
                }
                Fate::Pass => {}
                Fate::Rewritten => {
                    self.pass_run(octets, run, taken, step);
                    let edited = std::mem::take(&mut step.edited);
                    self.pass_to_client(&edited, step);
                    step.edited = edited;
                    run = end;
                }
                Fate::End(code, text) => {
                    self.pass_run(octets, run, taken, step);
                    self.end_request(head.message_id, RequestKind::Search, code, text, step);
                    run = end;
                }
                Fate::Drop => {
                    self.pass_run(octets, run, taken, step);
                    run = end;
                }
                Fate::Lose(kind, detail) => {
                    self.pass_run(octets, run, taken, step);
                    self.upstream_violation(kind, detail, now, step);
                    return octets.len();
                }
                Fate::Leaving(words) => {
                    self.pass_run(octets, run, taken, step);
                    self.lose_upstream(&words, now, step);
                    return octets.len();
                }
            }
            taken = end;
            if matches!(self.phase, Phase::Open) && head.operation == ResponseOp::Bind {
                // A refusal that waited goes out behind this response, not before it.
                self.pass_run(octets, run, taken, step);
                run = taken;
            }
        }
        self.pass_run(octets, run, taken, step);
        taken
    }

    #[inline]
    fn pass_run(&mut self, octets: &[u8], from: usize, to: usize, step: &mut Step) {
        if let Some(run) = octets.get(from..to).filter(|run| !run.is_empty()) {
            self.pass_to_client(run, step);
        }
    }

    /// What becomes of one whole response.
    #[inline]
    fn judge_response(&mut self, head: &ResponseHead, message: &[u8], now: f64, step: &mut Step) -> Fate {
        if head.message_id == 0 {
            return Self::judge_notification(head, message);
        }
        match self.outstanding.find(head.message_id) {
            Lookup::Pending(position, pending) => {
                let fate = self.judge_answer(head, message, position, pending, now, step);
                if pending.followed && matches!(fate, Fate::Pass) {
                    let fate = self.fate_of_followed(head, message, step);
                    if head.operation.is_final() && matches!(fate, Fate::Lose(..)) {
                        // This was no answer, so it still waits for one: that the upstream is lost.
                        self.outstanding.insert(pending);
                    }
                    fate
                } else {
                    fate
                }
            }
            lookup => match self.phase {
                // First of these: of an abandoned request that was forgotten this would seem to be the late response.
                Phase::AwaitingAnonymity { message_id, .. }
                    if message_id == head.message_id && head.operation == ResponseOp::Bind =>
                {
                    self.end_awaiting_anonymity(step);
                    Fate::Drop
                }
                _ if lookup == Lookup::Abandoned => {
                    if head.operation.is_final() {
                        self.outstanding.release(head.message_id);
                    }
                    Fate::Drop
                }
                _ => {
                    let detail = format!("a response to message id {}, which nobody asked", head.message_id);
                    Fate::Lose(ViolationKind::UnknownMessageId, detail)
                }
            },
        }
    }

    #[inline]
    fn judge_answer(
        &mut self,
        head: &ResponseHead,
        message: &[u8],
        position: usize,
        pending: Pending,
        now: f64,
        step: &mut Step,
    ) -> Fate {
        if !pending.kind.accepts(head.operation) {
            let detail = format!("{:?} in answer to {:?}", head.operation, pending.kind);
            return Fate::Lose(ViolationKind::UnexpectedResponse, detail);
        }
        if head.operation == ResponseOp::Bind {
            match BindResponse::parse(message) {
                Ok(response) => self.end_awaiting_bind_result(&response, now, step),
                Err(error) => return Fate::Lose(ViolationKind::MalformedMessage, error.to_string()),
            }
        }
        let is_final = head.operation.is_final();
        self.account_response(head.message_id, message, head.operation == ResponseOp::SearchEntry, is_final);
        if is_final {
            self.outstanding.remove(position);
        }
        Fate::Pass
    }

    /// What becomes of a response that matters to the policy.
    fn fate_of_followed(&mut self, head: &ResponseHead, message: &[u8], step: &mut Step) -> Fate {
        match self.follow(head, message, step) {
            Followup::Pass => Fate::Pass,
            Followup::Rewritten => Fate::Rewritten,
            Followup::Drop => Fate::Drop,
            Followup::End(code, text) => Fate::End(code, text),
            Followup::Malformed => {
                let detail = format!("{:?} that cannot be read, where attributes are cut out of it", head.operation);
                Fate::Lose(ViolationKind::MalformedMessage, detail)
            }
        }
    }

    /// RFC 4511 4.4: unsolicited notifications have id 0 and are extended responses.
    fn judge_notification(head: &ResponseHead, message: &[u8]) -> Fate {
        if head.operation != ResponseOp::Extended {
            let detail = format!("{:?} with message id 0", head.operation);
            return Fate::Lose(ViolationKind::UnknownMessageId, detail);
        }
        match ExtendedResponse::parse(message) {
            Ok(notice) if notice.name == Some(oid::NOTICE_OF_DISCONNECTION_OID.as_bytes()) => {
                Fate::Leaving(format!("the server sent a notice of disconnection: {}", notice.result.code))
            }
            Ok(_) => Fate::Pass,
            Err(error) => Fate::Lose(ViolationKind::MalformedMessage, error.to_string()),
        }
    }

    /// How large a response may be that is kept until it is whole. The answer to a bind has to be read, and what
    /// attributes are cut out of.
    fn most_to_wait_for(&self, head: &ResponseHead) -> usize {
        let limits = &self.settings.limits;
        let is_read = head.operation == ResponseOp::Bind || self.redacts(head.message_id);
        if is_read { limits.message_bytes.max(limits.buffered_bytes) } else { limits.buffered_bytes }
    }

    /// Starts to pass a response on that is too large to wait for: its octets go through as they come.
    fn start_passing(&mut self, head: &ResponseHead, rest: &[u8], now: f64, step: &mut Step) {
        let dropped = match self.outstanding.find(head.message_id) {
            Lookup::Pending(_, pending) if pending.kind.accepts(head.operation) && self.redacts(head.message_id) => {
                let code = ResultCode::ADMIN_LIMIT_EXCEEDED;
                self.end_request(head.message_id, pending.kind, code, TOO_LARGE_TO_READ, step);
                // Its last response is the one that is being dropped: none comes after it that would free the id.
                if head.operation.is_final() {
                    self.outstanding.release(head.message_id);
                }
                true
            }
            Lookup::Pending(_, pending)
                if pending.kind.accepts(head.operation)
                    && head.operation == ResponseOp::SearchEntry
                    && !self.may_pass_entry(head.message_id) =>
            {
                self.end_search(head.message_id, ResultCode::SIZE_LIMIT_EXCEEDED, NO_MORE_ENTRIES, step);
                true
            }
            Lookup::Pending(position, pending)
                if pending.kind.accepts(head.operation) && head.operation != ResponseOp::Bind =>
            {
                if pending.followed && head.operation.is_final() {
                    self.unfollow(head.message_id, None, step);
                }
                self.account_large(head);
                if head.operation.is_final() {
                    self.outstanding.remove(position);
                }
                false
            }
            Lookup::Abandoned => {
                if head.operation.is_final() {
                    self.outstanding.release(head.message_id);
                }
                true
            }
            lookup => {
                let kind = if matches!(lookup, Lookup::Pending(..)) {
                    ViolationKind::UnexpectedResponse
                } else {
                    ViolationKind::UnknownMessageId
                };
                let detail = format!("a response of {} octets that answers no request", head.length);
                return self.upstream_violation(kind, detail, now, step);
            }
        };
        self.upstream.passing = Some(Passing { remaining: head.length, dropped });
        self.pass_rest_of_large(rest, step);
    }

    /// Passes on what belongs to a large response that has begun; says how many octets that were.
    fn pass_rest_of_large(&mut self, octets: &[u8], step: &mut Step) -> usize {
        let Some(passing) = self.upstream.passing else { return 0 };
        let part = octets.get(..passing.remaining).unwrap_or(octets);
        if !passing.dropped {
            self.pass_to_client(part, step);
        }
        let remaining = passing.remaining.saturating_sub(part.len());
        self.upstream.passing = (remaining > 0).then_some(Passing { remaining, ..passing });
        part.len()
    }

    fn meet_security_layer_of_upstream(&mut self, octets: &[u8], now: f64, step: &mut Step) {
        if self.settings.sasl_security_layers == SaslSecurityLayers::Opaque {
            self.become_opaque(step);
            step.client.plain.extend_from_slice(octets);
        } else {
            let kind = ViolationKind::SaslSecurityLayer;
            self.upstream_violation(kind, SECURITY_LAYER_REFUSED.to_owned(), now, step);
        }
    }

    /// The server broke the protocol: its connection ends, and no octet of it reaches the client.
    fn upstream_violation(&mut self, kind: ViolationKind, detail: String, now: f64, step: &mut Step) {
        step.events.push(Event::Violation(Violation { peer: Peer::Upstream, kind, detail }));
        self.lose_upstream(kind.word(), now, step);
    }

    /// The upstream connection is over. Outstanding requests are answered unavailable; a bound client gets a notice
    /// and goes too, since its identity went with the connection; an anonymous one's next request dials again.
    pub(crate) fn lose_upstream(&mut self, words: &str, now: f64, step: &mut Step) {
        match self.upstream.phase {
            UpstreamPhase::Absent | UpstreamPhase::Dialling => return,
            UpstreamPhase::Ready => {}
            _ => return self.fail_upstream_setup(words, step),
        }
        let torn = self.upstream.passing.is_some_and(|passing| !passing.dropped);
        let bound = !self.identity.is_anonymous();
        if let Some(tls) = &mut self.upstream.tls {
            tls.close(&mut step.upstream.sealed);
        }
        step.upstream.plain.clear();
        self.client.layer_possible = false;
        step.events.push(Event::CloseUpstream(words.to_owned()));
        let waiting = self.outstanding.take();
        if torn || self.phase == Phase::Opaque {
            // The client is in the middle of a message, or of what nobody can read: nothing can be said.
            self.upstream = UpstreamSide { passing: self.upstream.passing, ..UpstreamSide::absent() };
            return self.close(CloseReason::UpstreamLost, "", step);
        }
        self.upstream = UpstreamSide::absent();
        for pending in waiting {
            if pending.followed {
                self.unfollow(pending.message_id, Some(ResultCode::UNAVAILABLE), step);
            }
            self.refuse_unavailable(pending, step);
        }
        if bound {
            self.refuse_held(now, step);
        }
        match self.phase {
            Phase::AwaitingAnonymity { .. } => self.end_awaiting_anonymity(step),
            Phase::AwaitingBindResult { .. } => {
                self.phase = Phase::Open;
                if let Some(under) = &mut self.under_policy {
                    under.end_guarded(None, now);
                }
            }
            _ => {}
        }
        self.between_stages = false;
        if bound {
            let text = format!("upstream {} is unavailable", self.settings.upstream);
            return self.close(CloseReason::UpstreamLost, &text, step);
        }
        self.take_inbox(now, step);
        self.finish_if_over(step);
    }
}
