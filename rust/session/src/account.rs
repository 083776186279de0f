//! What a client's requests come to, for those who count and record: when each came, when the server had it, how it
//! ended. Knows no word of the wire; where nobody counts there is no account, and nothing of this costs anything.
//!
//! The core has no clock: the driver says by `settle` when a call ended. What began or ended during the call waits for
//! that.

use std::sync::Arc;

use ostiary_ldap::message::{Operation, Request, RequestKind};
use ostiary_ldap::result::ResultCode;
use ostiary_ledger::audit::{ConnectionEnd, ConnectionEvent, End, Part};
use ostiary_ledger::sheet::{Finished, Octets};
use ostiary_ledger::{Ended, Places, Sheet};
use ostiary_policy::{Mode, Policy, Told};

use crate::bind::has_credentials;
use crate::settings::Settings;
use crate::violation::CloseReason;

/// The account of one client.
#[derive(Debug)]
pub(crate) struct Account {
    sheet: Arc<Sheet>,
    /// The connection's number.
    pub connection: u64,
    /// The client's port; 0 on a unix socket.
    pub port: u16,
    /// What records say of the client, until that changes.
    pub client: Option<Part>,
    /// The same for tracing.
    pub traced: Option<Part>,
    /// The server that is asked.
    pub server: Option<Arc<str>>,
    places: Places,
    /// What came and has not ended, in the order of arrival.
    begun: Vec<Begun>,
    /// What ended during this call.
    ended: Vec<(Begun, Ended, bool)>,
    /// Something was sent upstream during this call.
    has_sent: bool,
    /// Its beginning and end, for the record of it.
    stay: Stay,
    since: f64,
    octets: u64,
}

/// Which records of the connection itself are still to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stay {
    Opens,
    Open,
    Over,
}

/// An operation.
#[derive(Debug)]
struct Begun {
    message_id: u32,
    kind: RequestKind,
    since: f64,
    /// When the server had it.
    sent: Sent,
    entries: u32,
    bytes: u64,
    /// What records say of it; none where there are none, or nothing could be read.
    request: Option<Part>,
    /// The same for tracing, if it is traced.
    trace: Option<Part>,
    /// What decided about it, or would have, and under which settings, if the session has had others since.
    decided: Option<(Told, Option<Arc<Settings>>)>,
    /// Who asked, where the client is somebody else by now.
    identity: Option<Arc<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Sent {
    Not,
    /// During this call.
    Now,
    At(f64),
}

impl Account {
    pub(crate) fn new(sheet: &Arc<Sheet>, connection: u64, port: u16, now: f64) -> Self {
        sheet.connected();
        Self {
            sheet: Arc::clone(sheet),
            connection,
            port,
            client: None,
            traced: None,
            server: None,
            places: Places::default(),
            begun: Vec::new(),
            ended: Vec::new(),
            has_sent: false,
            stay: Stay::Opens,
            since: now,
            octets: 0,
        }
    }

    fn find(&mut self, message_id: u32) -> Option<&mut Begun> {
        self.begun.iter_mut().find(|begun| begun.message_id == message_id)
    }

    /// A request is looked at; `again` when that may not be the first time.
    #[inline]
    pub(crate) fn begin(&mut self, request: &Request<'_>, again: bool, has_tls: bool, now: f64) {
        let message_id = request.message_id;
        if again && self.find(message_id).is_some() {
            return;
        }
        if let Operation::Bind(bind) = &request.operation
            && !has_tls
            && has_credentials(bind)
        {
            self.sheet.plaintext_bind();
        }
        let part = self.sheet.book.audit().map(|audit| audit.request(request));
        let trace = self.sheet.book.trace(self.connection, request);
        self.begun.push(Begun { request: part, trace, ..Begun::new(message_id, request.kind(), now) });
    }

    /// It goes upstream.
    #[inline]
    pub(crate) fn send(&mut self, message_id: u32) {
        // Mostly the last that came.
        if let Some(begun) = self.begun.iter_mut().rev().find(|begun| begun.message_id == message_id) {
            begun.sent = Sent::Now;
            self.has_sent = true;
        }
    }

    /// A response to it passed, or a part of one.
    #[inline]
    pub(crate) fn respond(&mut self, message_id: u32, entries: u32, octets: usize) {
        if let Some(begun) = self.find(message_id) {
            begun.entries = begun.entries.saturating_add(entries);
            begun.bytes = begun.bytes.saturating_add(octets as u64);
        }
    }

    /// It ended; `by_server` when its answer is the server's.
    #[inline]
    pub(crate) fn end(&mut self, message_id: u32, ended: Ended, by_server: bool) {
        if let Some(place) = self.begun.iter().position(|begun| begun.message_id == message_id) {
            let begun = self.begun.remove(place);
            self.ended.push((begun, ended, by_server));
        }
    }

    /// One that was never begun, as it could not be read, was answered.
    pub(crate) fn end_unread(&mut self, message_id: u32, kind: RequestKind, code: ResultCode, now: f64) {
        self.ended.push((Begun::new(message_id, kind, now), Ended::Answered(code), false));
    }

    /// A handshake is over; its version when it succeeded.
    pub(crate) fn handshake(&mut self, version: Option<&str>) {
        self.sheet.handshake(version);
        (self.client, self.traced) = (None, None);
    }

    /// A rule decided about a request, or would have.
    pub(crate) fn decide(&mut self, message_id: u32, policy: &Policy, earlier: Option<&Arc<Settings>>, told: &Told) {
        let Some(number) = policy.number(told) else { return };
        let is_monitored = told.mode == Mode::Monitor;
        // Numbers of rules are those of the sheet that came with them.
        let sheet = earlier.and_then(|settings| settings.sheet.as_ref()).unwrap_or(&self.sheet);
        sheet.refused(number, is_monitored);
        if let Some(begun) = self.find(message_id)
            && (begun.decided.is_none() || !is_monitored)
        {
            begun.decided = Some((told.clone(), earlier.cloned()));
        }
    }

    /// The session has other settings from now on; what was decided so far, was under these.
    pub(crate) fn renew(&mut self, sheet: &Arc<Sheet>, earlier: &Arc<Settings>) {
        for begun in &mut self.begun {
            if let Some((_, settings)) = &mut begun.decided {
                settings.get_or_insert_with(|| Arc::clone(earlier));
            }
        }
        sheet.moved_here();
        self.sheet.disconnected();
        self.sheet = Arc::clone(sheet);
        // They name the listener's upstream.
        (self.client, self.traced) = (None, None);
    }

    /// The client is somebody else from now on. What it asked before, it asked as who it was.
    pub(crate) fn change_identity(&mut self, before: &str) {
        (self.client, self.traced) = (None, None);
        self.places.forget_identity();
        let mut name = None;
        for begun in self.begun.iter_mut().filter(|begun| begun.kind != RequestKind::Bind && begun.identity.is_none()) {
            begun.identity = Some(Arc::clone(name.get_or_insert_with(|| Arc::from(before))));
        }
    }

    /// The client is gone: nothing that has not ended will.
    pub(crate) fn close(&mut self) {
        self.ended.extend(self.begun.drain(..).map(|begun| (begun, Ended::Abandoned, false)));
    }

    /// Whether a record is to be written that needs to say who the client is.
    #[inline]
    pub(crate) fn wants_client(&self, is_closed: bool) -> bool {
        self.client.is_none()
            && self.sheet.book.has_audit()
            && (!self.ended.is_empty() || self.stay == Stay::Opens || (is_closed && self.stay == Stay::Open))
    }

    /// Whether an operation ended during this call.
    #[inline]
    pub(crate) fn has_ended(&self) -> bool {
        !self.ended.is_empty()
    }

    /// Whether an operation that ended is traced.
    #[inline]
    pub(crate) fn wants_trace(&self) -> bool {
        self.traced.is_none() && self.ended.iter().any(|(begun, ..)| begun.trace.is_some())
    }

    /// Counts the client among those that ask, once for each operation that ended.
    pub(crate) fn bump(&mut self, client: impl Fn() -> String, identity: impl Fn() -> String) {
        for _ in 0..self.ended.len() {
            self.sheet.book.bump(&mut self.places, &client, &identity);
        }
    }

    /// The call that began at `began` is over.
    #[inline]
    pub(crate) fn settle(
        &mut self,
        began: f64,
        over: f64,
        octets: Octets,
        closed: Option<CloseReason>,
        policy: Option<&Policy>,
    ) {
        self.sheet.octets(octets);
        self.octets = self.octets.saturating_add(octets.to_client as u64);
        if self.has_sent {
            self.has_sent = false;
            for begun in self.begun.iter_mut().rev().filter(|begun| begun.sent == Sent::Now) {
                begun.sent = Sent::At(over);
            }
        }
        if self.stay == Stay::Opens {
            self.stay = Stay::Open;
            self.record_stay(ConnectionEvent::Opened, over, None);
        }
        let mut ended = std::mem::take(&mut self.ended);
        for (begun, ended, by_server) in ended.drain(..) {
            self.finish(&begun, ended, by_server, (began, over), policy);
        }
        self.ended = ended;
        if let (Some(reason), Stay::Open) = (closed, self.stay) {
            self.stay = Stay::Over;
            self.record_stay(ConnectionEvent::Closed, over, Some(reason.word()));
        }
    }

    /// Counts and records one operation.
    fn finish(&self, begun: &Begun, ended: Ended, by_server: bool, (start, over): (f64, f64), policy: Option<&Policy>) {
        let seconds = over - begun.since;
        let own_seconds = match begun.sent {
            Sent::At(sent) => (sent - begun.since) + (over - start),
            Sent::Not | Sent::Now => seconds,
        };
        let (connection, message_id, entries) = (self.connection, begun.message_id, begun.entries);
        let kind = begun.kind;
        self.sheet.finished(&Finished {
            kind,
            ended,
            by_server,
            seconds,
            own_seconds,
            entries,
            connection,
            message_id,
            at: over,
        });
        if begun.request.is_none() && begun.trace.is_none() {
            return;
        }
        let code = match ended {
            Ended::Answered(code) => Some(code),
            Ended::Abandoned | Ended::Unanswered => None,
        };
        let decided = policy.zip(begun.decided.as_ref()).map(|(policy, (told, earlier))| {
            let earlier = earlier.as_ref().and_then(|settings| settings.policy.as_deref());
            let (plugin, rule) = earlier.unwrap_or(policy).names(told);
            (plugin, rule, told.mode)
        });
        let server = if begun.sent == Sent::Not { None } else { self.server.as_deref() };
        let (bytes, identity) = (begun.bytes, begun.identity.as_deref());
        let end = End { message_id, code, entries, bytes, seconds, server, decided, identity };
        let book = &self.sheet.book;
        if let (Some(client), Some(request), Some(mut audit)) = (&self.client, &begun.request, book.audit())
            && audit.takes(kind, code)
        {
            audit.finished(book.wall(over), client, request, &end);
        }
        if let (Some(client), Some(request)) = (&self.traced, &begun.trace) {
            book.tracing(|records| records.finished(book.wall(over), client, request, &end));
        }
    }

    fn record_stay(&self, event: ConnectionEvent, now: f64, reason: Option<&str>) {
        if let (Some(client), Some(mut audit)) = (&self.client, self.sheet.book.audit()) {
            let end = ConnectionEnd { reason, bytes: self.octets, seconds: now - self.since, decided: None };
            audit.connection(self.sheet.book.wall(now), event, client, &end);
        }
    }
}

impl Begun {
    fn new(message_id: u32, kind: RequestKind, since: f64) -> Self {
        let (request, trace, decided, identity) = (None, None, None, None);
        Self { message_id, kind, since, sent: Sent::Not, entries: 0, bytes: 0, request, trace, decided, identity }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.sheet.disconnected();
    }
}
