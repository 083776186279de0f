//! One session: the state of one client and of what it uses upstream, and the calls a driver makes.
//! Requests are judged in `client.rs`, responses in `upstream.rs`, binds in `bind.rs`, StartTLS in `start_tls.rs`.
//!
//! The contract with the driver: make one call, write `Step::to_client` and `Step::to_upstream`, act on
//! `Step::events` in order, then call `expire` when `deadline` has come. Octets from the network never fail
//! a call: a violation is an event with its reply already in the step. Time is an argument, in seconds of
//! any steady clock.

use std::net::IpAddr;
use std::sync::Arc;

use ostiary_ldap::write;
use rustls::pki_types::ServerName;

use crate::account::Account;
use crate::client::STOPPING;
use crate::event::Event;
use crate::identity::Identity;
use crate::inbox::Inbox;
use crate::judging::UnderPolicy;
use crate::outstanding::Outstanding;
use crate::phase::{Phase, UpstreamPhase};
use crate::settings::{ListenerTls, Settings, UpstreamTls};
use crate::step::Step;
use crate::tls::{ClientSideTls, TlsFacts, UpstreamSideTls};
use crate::violation::{CloseReason, Peer, Reply, Violation, ViolationKind};

/// The protocol and TLS state of one client.
#[derive(Debug)]
pub struct Session {
    pub(crate) settings: Arc<Settings>,
    pub(crate) phase: Phase,
    pub(crate) identity: Identity,
    /// A SASL bind is between its stages: the last response was saslBindInProgress.
    pub(crate) between_stages: bool,
    pub(crate) client: ClientSide,
    pub(crate) upstream: UpstreamSide,
    pub(crate) outstanding: Outstanding,
    /// What the policy knows of this client; none without one.
    pub(crate) under_policy: Option<Box<UnderPolicy>>,
    /// What its requests come to; none where nobody counts.
    pub(crate) account: Option<Box<Account>>,
    /// Where it comes from; none on a unix socket, and where nobody asks.
    pub(crate) address: Option<IpAddr>,
    /// When something last came from either side.
    pub(crate) last_traffic: f64,
    /// No more requests are taken.
    pub(crate) drains: bool,
    /// Until when the handshake, or else the first request, has to be there; none: neither is awaited.
    pub(crate) grace_until: Option<f64>,
    /// The deadline that the driver knows.
    announced: f64,
}

/// What is kept of the client's side.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "five facts that do not exclude one another")]
pub(crate) struct ClientSide {
    pub tls: Option<Box<ClientSideTls>>,
    /// Octets not yet taken: a partial request, or requests that are held.
    pub inbox: Inbox,
    /// The first request in `inbox` was judged and held: nothing behind it is looked at.
    pub waits: bool,
    /// Records that go out with the next ones.
    pub deferred: Vec<u8>,
    /// The client will send no more; what is outstanding is still answered.
    pub half_closed: bool,
    /// The last bind may have negotiated a SASL security layer.
    pub layer_possible: bool,
    pub paused: bool,
    /// A whole request has come.
    pub spoke: bool,
}

/// What is kept of the upstream's side.
#[derive(Debug)]
pub(crate) struct UpstreamSide {
    pub phase: UpstreamPhase,
    pub tls: Option<Box<UpstreamSideTls>>,
    /// A partial response.
    pub inbox: Vec<u8>,
    /// A response too large to wait for, of which this many octets are still to come.
    pub passing: Option<Passing>,
    /// A bind with credentials went through this connection: it may not be anonymous.
    pub may_be_bound: bool,
    pub layer_possible: bool,
    /// Dialling failed: what is held now is answered unavailable.
    pub unreachable: bool,
    /// What the server that is being set up is asked for.
    pub asked: Arc<UpstreamTls>,
}

/// A large response on its way through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passing {
    pub remaining: usize,
    /// Its request was abandoned.
    pub dropped: bool,
}

impl UpstreamSide {
    pub(crate) fn absent() -> Self {
        Self {
            phase: UpstreamPhase::Absent,
            tls: None,
            inbox: Vec::new(),
            passing: None,
            may_be_bound: false,
            layer_possible: false,
            unreachable: false,
            asked: Arc::new(UpstreamTls::None),
        }
    }
}

impl Session {
    /// A client was accepted; `address` is none on a unix socket, and where no policy asks for it.
    pub fn new(settings: Arc<Settings>, address: Option<IpAddr>, now: f64) -> Self {
        let limits = settings.limits;
        let (tls, grace) = match &settings.tls {
            // A configuration that rustls took once makes connections without failing; if it ever does,
            // the session is closed from the start: nothing is served in plain.
            ListenerTls::Ldaps(config) => (ClientSideTls::new(Arc::clone(config)).ok(), limits.handshake_seconds),
            ListenerTls::None | ListenerTls::StartTls(_) => (None, limits.first_message_seconds),
        };
        let refused = matches!(settings.tls, ListenerTls::Ldaps(_)) && tls.is_none();
        let phase = if refused { Phase::Closed(CloseReason::ClientViolation) } else { Phase::Open };
        let under = |policy| Box::new(UnderPolicy::new(policy, &settings.listener, address));
        let under_policy = settings.policy.as_ref().map(under);
        let mut session = Self {
            settings,
            under_policy,
            account: None,
            address,
            phase,
            identity: Identity::Anonymous,
            between_stages: false,
            client: ClientSide { tls: tls.map(Box::new), ..ClientSide::default() },
            upstream: UpstreamSide::absent(),
            outstanding: Outstanding::default(),
            last_traffic: now,
            drains: false,
            grace_until: Some(now + grace),
            announced: f64::INFINITY,
        };
        session.announced = session.deadline();
        session
    }

    /// Octets came from the client.
    pub fn client_data(&mut self, data: &[u8], now: f64, step: &mut Step) {
        if self.is_closed() {
            return;
        }
        self.last_traffic = now;
        match &mut self.client.tls {
            None => self.take_client_plaintext(data, now, step),
            Some(tls) => {
                let mut plain = std::mem::take(&mut step.received);
                match tls.receive(data, &mut step.scratch, &mut plain, &mut step.client.sealed) {
                    Ok(progress) => {
                        if progress.established {
                            if tls.may_defer() {
                                // A write of its own for a ticket that nobody waits for costs both sides a wake-up.
                                self.client.deferred = step.client.sealed.take();
                            }
                            self.client_tls_established(now, step);
                        }
                        if !plain.is_empty() {
                            self.take_client_plaintext(&plain, now, step);
                        }
                        if progress.closed {
                            self.half_close(step);
                        }
                    }
                    Err(error) => {
                        // What came before the bad record came from the client.
                        if !plain.is_empty() {
                            self.take_client_plaintext(&plain, now, step);
                        }
                        self.client_tls_failed(data, &error.0, step);
                    }
                }
                plain.clear();
                step.received = plain;
            }
        }
        self.finish_step(step);
    }

    /// The client will send no more: what is outstanding is still answered.
    pub fn client_eof(&mut self, now: f64, step: &mut Step) {
        if self.is_closed() {
            return;
        }
        self.last_traffic = now;
        self.half_close(step);
        self.finish_step(step);
    }

    /// The client's connection is gone: nobody is left to answer.
    pub fn client_gone(&mut self, step: &mut Step) {
        if !self.is_closed() {
            self.close(CloseReason::ClientClosed, "", step);
            self.finish_step(step);
        }
    }

    /// Octets came from the upstream.
    pub fn upstream_data(&mut self, data: &[u8], now: f64, step: &mut Step) {
        if self.is_closed() {
            return;
        }
        self.last_traffic = now;
        self.take_upstream_octets(data, now, step);
        self.finish_step(step);
    }

    /// The upstream's connection ended, or never came to be ready.
    pub fn upstream_eof(&mut self, now: f64, step: &mut Step) {
        if self.is_closed() || matches!(self.upstream.phase, UpstreamPhase::Absent | UpstreamPhase::Dialling) {
            return;
        }
        self.last_traffic = now;
        self.lose_upstream("the server closed the connection", now, step);
        self.finish_step(step);
    }

    /// A server was connected to: its TLS starts, if the session does it. `tls` says what this server is to be asked
    /// for, since the name to verify differs between the servers of one upstream.
    pub fn upstream_connected(&mut self, tls: &Arc<UpstreamTls>, now: f64, step: &mut Step) {
        if self.is_closed() || self.upstream.phase != UpstreamPhase::Dialling {
            return;
        }
        self.upstream.asked = Arc::clone(tls);
        match &**tls {
            UpstreamTls::None => self.upstream_ready(None, now, step),
            UpstreamTls::StartTls(..) | UpstreamTls::ExternalStartTls => self.ask_for_start_tls(step),
            UpstreamTls::Ldaps(config, name) => self.start_upstream_tls(Arc::clone(config), name.clone(), step),
        }
        self.finish_step(step);
    }

    /// The driver's TLS engine did the handshake that `Event::StartUpstreamTls` asked for.
    pub fn upstream_tls_established(&mut self, now: f64, step: &mut Step) {
        if self.is_closed() || self.upstream.phase != UpstreamPhase::AwaitingTlsEngine {
            return;
        }
        self.upstream_ready(None, now, step);
        self.finish_step(step);
    }

    /// Setting up this server took too long or failed outside the session: the next one may be tried.
    pub fn upstream_abandoned(&mut self) {
        if !self.is_closed() && !matches!(self.upstream.phase, UpstreamPhase::Absent | UpstreamPhase::Ready) {
            self.upstream = UpstreamSide { phase: UpstreamPhase::Dialling, ..UpstreamSide::absent() };
        }
    }

    /// No server could be reached: what waits for one is answered unavailable, the next request dials again.
    pub fn upstream_unreachable(&mut self, now: f64, step: &mut Step) {
        if self.is_closed() || self.upstream.phase != UpstreamPhase::Dialling {
            return;
        }
        self.upstream = UpstreamSide { unreachable: true, ..UpstreamSide::absent() };
        self.take_inbox(now, step);
        self.upstream.unreachable = false;
        self.finish_if_over(step);
        self.finish_step(step);
    }

    /// The deadline came, or may have come.
    pub fn expire(&mut self, now: f64, step: &mut Step) {
        if self.is_closed() {
            return;
        }
        if self.waits_until().is_some_and(|time| now >= time) {
            self.end_wait(now, step);
        } else if now >= self.deadline() {
            if self.is_handshaking() {
                if let Some(account) = &mut self.account {
                    account.handshake(None);
                }
                self.close(CloseReason::HandshakeTimeout, "", step);
            } else if self.grace_until.is_some() {
                self.close(CloseReason::FirstMessageTimeout, "no request in time", step);
            } else if self.is_idle() {
                self.close(CloseReason::Idle, "idle for too long", step);
            } else if self.client.half_closed {
                // Nobody knows whether the client still reads; a server that never answers must not keep it.
                self.close(CloseReason::ClientClosed, "", step);
            } else {
                self.last_traffic = now;
            }
        }
        self.announced = self.deadline();
        self.finish_step(step);
    }

    /// The gateway stops: the client gets a notice.
    pub fn shut_down(&mut self, step: &mut Step) {
        if !self.is_closed() {
            self.close(CloseReason::Draining, STOPPING, step);
            self.finish_step(step);
        }
    }

    /// The gateway stops soon: no more requests are taken, and once all are answered, the client gets a notice.
    pub fn drain(&mut self, step: &mut Step) {
        if !self.is_closed() {
            self.drains = true;
            self.finish_if_over(step);
            self.finish_step(step);
        }
    }

    /// When `expire` is to be called; infinite once closed.
    pub fn deadline(&self) -> f64 {
        if self.is_closed() {
            return f64::INFINITY;
        }
        let end = self.grace_until.unwrap_or(self.last_traffic + self.settings.limits.idle_seconds);
        self.waits_until().map_or(end, |time| time.min(end))
    }

    /// Who the client has proved to be.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What the client's handshake agreed on; none without TLS.
    pub fn client_tls(&self) -> Option<TlsFacts> {
        self.client.tls.as_ref().filter(|tls| tls.is_established()).map(|tls| tls.facts())
    }

    /// How many requests wait for their final response.
    pub fn outstanding(&self) -> usize {
        self.outstanding.len()
    }

    /// Since when nobody waits for anything and nothing has come; none while somebody does. What passes through an
    /// opaque session nobody knows, so its traffic counts alone.
    pub fn idle_since(&self) -> Option<f64> {
        let is_idle = match self.phase {
            Phase::Opaque => true,
            Phase::Open => self.is_idle() && self.client.inbox.is_empty(),
            _ => false,
        };
        is_idle.then_some(self.last_traffic)
    }

    /// How many octets the session keeps, of both sides, until what they wait for comes.
    pub fn buffered(&self) -> usize {
        let client = self.client.tls.as_ref().map_or(0, |tls| tls.kept());
        let upstream = self.upstream.tls.as_ref().map_or(0, |tls| tls.kept());
        [self.client.inbox.len(), self.client.deferred.len(), self.upstream.inbox.len(), client, upstream]
            .iter()
            .fold(0, |sum, octets| sum.saturating_add(*octets))
    }

    /// Whether the last event was `Close`.
    #[inline]
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed(_))
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.client.tls.as_ref().is_some_and(|tls| !tls.is_established())
    }

    /// Whether nobody waits for anything that may still come. What an opaque session waits for nobody knows, so its
    /// traffic counts alone; and a server that does not answer the gateway's own bind must not keep the client.
    fn is_idle(&self) -> bool {
        match self.phase {
            Phase::Opaque | Phase::AwaitingAnonymity { .. } => true,
            Phase::Open => {
                self.outstanding.is_empty()
                    && !self.holds_any()
                    && self.waits_until().is_none()
                    && matches!(self.upstream.phase, UpstreamPhase::Absent | UpstreamPhase::Ready)
            }
            Phase::AwaitingBindResult { .. }
            | Phase::AwaitingVerdict { .. }
            | Phase::AwaitingRefusal { .. }
            | Phase::Closed(_) => false,
        }
    }

    /// Waits for a handshake or for the first request until then, or for neither; tells the driver of a deadline
    /// that moved earlier.
    pub(crate) fn await_until(&mut self, grace: Option<f64>, step: &mut Step) {
        self.grace_until = grace;
        self.announce_deadline(step);
    }

    /// Tells the driver of a deadline that moved earlier.
    pub(crate) fn announce_deadline(&mut self, step: &mut Step) {
        let deadline = self.deadline();
        if deadline < self.announced {
            self.announced = deadline;
            step.events.push(Event::Deadline(deadline));
        }
    }

    fn client_tls_established(&mut self, now: f64, step: &mut Step) {
        let agreed = self.client_tls();
        if let (Some(account), Some(facts)) = (&mut self.account, agreed) {
            account.handshake(Some(&facts.version));
        }
        self.note_tls(step);
        let first = now + self.settings.limits.first_message_seconds;
        self.await_until((!self.client.spoke).then_some(first), step);
    }

    fn client_tls_failed(&mut self, data: &[u8], words: &str, step: &mut Step) {
        if self.is_handshaking()
            && let Some(account) = &mut self.account
        {
            account.handshake(None);
        }
        let plain = self.is_handshaking() && data.first() == Some(&0x30);
        let detail =
            if plain { "the client speaks plain LDAP where TLS is awaited".to_owned() } else { words.to_owned() };
        self.client_violation(ViolationKind::TlsFailed, detail, step);
    }

    /// The client broke the protocol: the reply that the table gives, then the end.
    pub(crate) fn client_violation(&mut self, kind: ViolationKind, detail: String, step: &mut Step) {
        if self.is_closed() {
            return;
        }
        if let Reply::Notice(code) = kind.reply() {
            let out = &mut step.client.plain;
            write::notice_of_disconnection(out, code, &format!("{kind}: {detail}"));
        }
        step.events.push(Event::Violation(Violation { peer: Peer::Client, kind, detail }));
        self.close(CloseReason::ClientViolation, "", step);
    }

    /// Ends the session: the notice that is owed, Unbind for the upstream, and the last event.
    pub(crate) fn close(&mut self, reason: CloseReason, text: &str, step: &mut Step) {
        if self.is_closed() {
            return;
        }
        let readable = self.phase != Phase::Opaque && !self.is_handshaking() && !self.is_within_response();
        if let (Some(code), true) = (reason.notice(), readable) {
            let out = &mut step.client.plain;
            write::notice_of_disconnection(out, code, text);
        }
        if self.upstream.phase == UpstreamPhase::Ready && self.phase != Phase::Opaque && reason != CloseReason::Unbind {
            let out = &mut step.upstream.plain;
            // Any id will do: nothing answers an Unbind (RFC 4511 4.3).
            write::unbind_request(out, i32::MAX.unsigned_abs());
        }
        self.phase = Phase::Closed(reason);
        self.client.inbox = Inbox::default();
    }

    /// The end of every call: encrypts, pauses or resumes the client, and says the last word.
    pub(crate) fn finish_step(&mut self, step: &mut Step) {
        self.seal_for_client(step);
        if let Some(tls) = &mut self.upstream.tls {
            // A failure here is a used-up key; the server's end of the connection reports the rest.
            let _ = tls.send(&step.upstream.plain, &mut step.upstream.sealed);
            step.upstream.plain.clear();
        }
        if let Phase::Closed(reason) = self.phase {
            if let Some(account) = &mut self.account {
                account.close();
            }
            if let Some(under) = &mut self.under_policy {
                // Here, as not every end comes by `close`.
                under.give_back(self.last_traffic);
            }
            if let Some(tls) = &mut self.client.tls {
                tls.close(&mut step.client.sealed);
            }
            if let Some(tls) = &mut self.upstream.tls {
                tls.close(&mut step.upstream.sealed);
            }
            self.join(step);
            step.events.push(Event::Close(reason));
            return;
        }
        self.join(step);
        let full = self.client.inbox.len() >= self.settings.limits.buffered_bytes && self.is_holding();
        if full != self.client.paused {
            self.client.paused = full;
            step.events.push(if full { Event::PauseClient } else { Event::ResumeClient });
        }
        step.events.append(&mut step.held);
    }

    /// Passes octets of the upstream's on to the client, behind what waits for it already: encrypted where they lie,
    /// since a large result is not worth a copy more.
    #[inline]
    pub(crate) fn pass_to_client(&mut self, octets: &[u8], step: &mut Step) {
        if self.client.tls.is_some() {
            self.seal_for_client(step);
            self.seal(octets, step);
        } else {
            step.client.plain.extend_from_slice(octets);
        }
    }

    /// Encrypts the plaintext that waits for a client with TLS.
    fn seal_for_client(&mut self, step: &mut Step) {
        if self.client.tls.is_some() && !step.client.plain.is_empty() {
            let mut plain = std::mem::take(&mut step.client.plain);
            self.seal(&plain, step);
            plain.clear();
            step.client.plain = plain;
        }
    }

    fn seal(&mut self, plain: &[u8], step: &mut Step) {
        if let Some(tls) = &mut self.client.tls
            && tls.is_established()
            && let Err(error) = tls.send(plain, &mut step.client.sealed)
        {
            self.phase = Phase::Closed(CloseReason::ClientViolation);
            let violation = Violation { peer: Peer::Client, kind: ViolationKind::TlsFailed, detail: error.0 };
            step.events.push(Event::Violation(violation));
        }
    }

    /// Puts everything for each side into one place, with what was deferred before it.
    fn join(&mut self, step: &mut Step) {
        step.client.join();
        step.upstream.join();
        if !step.client.sealed.is_empty() && !self.client.deferred.is_empty() {
            step.client.sealed.prepend(&std::mem::take(&mut self.client.deferred));
        }
    }

    /// Whether requests wait for something else than their own rest.
    fn is_holding(&self) -> bool {
        let is_open = self.phase == Phase::Open && !self.drains;
        !is_open || self.client.waits || self.is_within_response() || self.holds_too_much()
    }

    /// Whether the client has got a part of a response whose rest is still to come.
    pub(crate) fn is_within_response(&self) -> bool {
        self.upstream.passing.is_some_and(|passing| !passing.dropped)
    }

    /// Starts the session's own TLS towards a server.
    pub(crate) fn start_upstream_tls(
        &mut self,
        config: Arc<rustls::ClientConfig>,
        name: ServerName<'static>,
        step: &mut Step,
    ) {
        match UpstreamSideTls::new(config, name, &mut step.upstream.sealed) {
            Ok(tls) => {
                self.upstream.tls = Some(Box::new(tls));
                self.upstream.phase = UpstreamPhase::Handshaking;
            }
            Err(error) => self.fail_upstream_setup(&error.0, step),
        }
    }
}
