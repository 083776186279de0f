//! What a client's requests come to, for those who count and record: when each came, when the server had it, how it
//! ended. Knows no word of the wire; where nobody counts there is no account, and nothing of this costs anything.
//!
//! The core has no clock: the driver says by `settle` when a call ended. What began or ended during the call waits for
//! that.

use std::sync::Arc;

use ostiary_ldap::message::{Operation, Request, RequestKind};
use ostiary_ldap::result::ResultCode;
use ostiary_ledger::audit::{ConnectionEnd, ConnectionEvent, End, Part};
use ostiary_ledger::records::{Search, Who, named};
use ostiary_ledger::sheet::{Finished, Octets};
use ostiary_ledger::{Ended, Pages, Places, Sheet};
use ostiary_policy::{Mode, Policy, Told as Decided, Verdict};

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
    pub who: Option<Arc<Who>>,
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

/// One call into the session, when it is over.
pub(crate) struct Call<'a> {
    pub began: f64,
    pub over: f64,
    /// What came and went.
    pub octets: Octets,
    /// Why the session has ended, if it has.
    pub closed: Option<CloseReason>,
    pub policy: Option<&'a Policy>,
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
    /// What it asks, for records.
    told: Told,
    /// What let it pass, by the policy that the client is under; by an earlier one, it stands aside.
    allowed: Option<Decided>,
    /// What few operations have.
    aside: Option<Box<Aside>>,
}

/// What records say of an operation.
#[derive(Debug)]
enum Told {
    /// There are none.
    Nothing,
    /// Ready to be recorded.
    Part(Box<Part>),
    /// A search, whole.
    AsItCame(Box<[u8]>),
}

/// What few operations have.
#[derive(Debug, Default)]
struct Aside {
    /// What traces say of it, if it is traced.
    trace: Option<Part>,
    /// What decided about it, or would have, and under which settings, if the session has had others since.
    decided: Option<(Decided, Option<Arc<Settings>>)>,
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
            who: None,
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
        let book = &self.sheet.book;
        let told = match request.kind() {
            _ if !book.has_records() => Told::Nothing,
            // Nearly all there is; what is said of it is written with others.
            RequestKind::Search => Told::AsItCame(request.raw.into()),
            _ => match &mut book.open().records {
                Some(records) => Told::Part(Box::new(records.request(request))),
                None => Told::Nothing,
            },
        };
        let aside = book
            .trace(self.connection, request)
            .map(|trace| Box::new(Aside { trace: Some(trace), ..Aside::default() }));
        self.begun.push(Begun { told, aside, ..Begun::new(message_id, request.kind(), now) });
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
        let told = match &self.sheet.book.open().records {
            Some(records) => Told::Part(Box::new(records.unread(kind))),
            None => Told::Nothing,
        };
        self.ended.push((Begun { told, ..Begun::new(message_id, kind, now) }, Ended::Answered(code), false));
    }

    /// A handshake is over; its version when it succeeded.
    pub(crate) fn handshake(&mut self, version: Option<&str>) {
        self.sheet.handshake(version);
        (self.who, self.traced) = (None, None);
    }

    /// A rule decided about a request, or would have.
    pub(crate) fn decide(&mut self, message_id: u32, policy: &Policy, earlier: Option<&Arc<Settings>>, told: &Decided) {
        let Some(number) = policy.number(told) else { return };
        let is_monitored = told.mode == Mode::Monitor;
        // Numbers of rules are those of the sheet that came with them.
        let sheet = earlier.and_then(|settings| settings.sheet.as_ref()).unwrap_or(&self.sheet);
        sheet.refused(number, is_monitored);
        if let Some(begun) = self.find(message_id) {
            let aside = begun.aside.get_or_insert_default();
            if aside.decided.as_ref().is_none_or(|(before, _)| before.verdict == Verdict::Allowed) || !is_monitored {
                aside.decided = Some((*told, earlier.cloned()));
            }
        }
    }

    /// A rule lets a request pass, or a list does for want of one. Whatever else is decided of it says more.
    #[inline]
    pub(crate) fn allow(&mut self, message_id: u32, allowed: Decided, earlier: Option<&Arc<Settings>>) {
        // Mostly the last that came.
        let Some(begun) = self.begun.iter_mut().rev().find(|begun| begun.message_id == message_id) else { return };
        match earlier {
            None => begun.allowed = Some(allowed),
            Some(earlier) => begun.set_aside(allowed, earlier),
        }
    }

    /// The session has other settings from now on; what was decided so far, was under these.
    pub(crate) fn renew(&mut self, sheet: &Arc<Sheet>, earlier: &Arc<Settings>) {
        for begun in &mut self.begun {
            if let Some((_, settings)) = begun.aside.as_mut().and_then(|aside| aside.decided.as_mut()) {
                settings.get_or_insert_with(|| Arc::clone(earlier));
            }
            if let Some(allowed) = begun.allowed.take() {
                begun.set_aside(allowed, earlier);
            }
        }
        sheet.moved_here();
        self.sheet.disconnected();
        self.sheet = Arc::clone(sheet);
        // They name the listener's upstream.
        (self.who, self.traced) = (None, None);
    }

    /// The client is somebody else from now on. What it asked before, it asked as who it was.
    pub(crate) fn change_identity(&mut self, before: &str) {
        (self.who, self.traced) = (None, None);
        self.places.forget_identity();
        let mut name = None;
        for begun in self.begun.iter_mut().filter(|begun| begun.kind != RequestKind::Bind) {
            let aside = begun.aside.get_or_insert_default();
            if aside.identity.is_none() {
                aside.identity = Some(Arc::clone(name.get_or_insert_with(|| Arc::from(before))));
            }
        }
    }

    /// The client is gone: nothing that has not ended will.
    pub(crate) fn close(&mut self) {
        self.ended.extend(self.begun.drain(..).map(|begun| (begun, Ended::Abandoned, false)));
    }

    /// Whether a record is to be written that needs to say who the client is.
    #[inline]
    pub(crate) fn wants_client(&self, is_closed: bool) -> bool {
        self.who.is_none()
            && self.sheet.book.has_records()
            && (!self.ended.is_empty() || self.stay == Stay::Opens || (is_closed && self.stay == Stay::Open))
    }

    /// Whether an operation that ended is traced.
    #[inline]
    pub(crate) fn wants_trace(&self) -> bool {
        self.traced.is_none()
            && self.ended.iter().any(|(begun, ..)| begun.aside.as_ref().is_some_and(|aside| aside.trace.is_some()))
    }

    /// The call is over. The names of the client and of its identity are asked for only when they are not known.
    #[inline]
    pub(crate) fn settle(&mut self, call: &Call<'_>, client: impl Fn() -> String, identity: impl Fn() -> String) {
        self.sheet.octets(call.octets);
        self.octets = self.octets.saturating_add(call.octets.to_client as u64);
        if self.has_sent {
            self.has_sent = false;
            for begun in self.begun.iter_mut().rev().filter(|begun| begun.sent == Sent::Now) {
                begun.sent = Sent::At(call.over);
            }
        }
        let opens = self.stay == Stay::Opens;
        if self.ended.is_empty() && !opens && call.closed.is_none() {
            return;
        }
        if opens {
            self.stay = Stay::Open;
        }
        let closed = call.closed.filter(|_| self.stay == Stay::Open);
        if closed.is_some() {
            self.stay = Stay::Over;
        }
        let (mut ended, mut places) = (std::mem::take(&mut self.ended), self.places);
        let mut pages = self.sheet.book.open();
        if opens {
            self.record_stay(ConnectionEvent::Opened, call.over, None, &mut pages);
        }
        for (begun, ended, by_server) in ended.drain(..) {
            pages.bump(&mut places, &client, &identity);
            self.finish(begun, ended, by_server, call, &mut pages);
        }
        if let Some(reason) = closed {
            self.record_stay(ConnectionEvent::Closed, call.over, Some(reason.word()), &mut pages);
        }
        drop(pages);
        (self.ended, self.places) = (ended, places);
    }

    /// Counts and records one operation.
    #[inline]
    fn finish(&self, begun: Begun, ended: Ended, by_server: bool, call: &Call<'_>, pages: &mut Pages) {
        let Begun { message_id, kind, since, sent, entries, bytes, told, allowed, aside } = begun;
        let seconds = call.over - since;
        let own_seconds = match sent {
            Sent::At(sent) => (sent - since) + (call.over - call.began),
            Sent::Not | Sent::Now => seconds,
        };
        let (connection, at) = (self.connection, call.over);
        self.sheet.finished(&Finished {
            kind,
            ended,
            by_server,
            seconds,
            own_seconds,
            entries,
            connection,
            message_id,
            at,
        });
        let code = match ended {
            Ended::Answered(code) => Some(code),
            Ended::Abandoned | Ended::Unanswered => None,
        };
        let (wall, was_sent) = (self.sheet.book.wall(call.over), sent != Sent::Not);
        match (told, aside) {
            (Told::Nothing, None) => {}
            (Told::AsItCame(request), None) => {
                if let (Some(who), Some(records)) = (&self.who, &mut pages.records) {
                    let who = Arc::clone(who);
                    let search = Search { who, allowed, was_sent, message_id, code, entries, bytes, seconds, wall };
                    records.search(search, &request);
                }
            }
            (told, aside) => {
                let end = End { message_id, code, entries, bytes, seconds, ..End::default() };
                let mut aside = aside.map(|aside| *aside).unwrap_or_default();
                aside.decided = aside.decided.or(allowed.map(|allowed| (allowed, None)));
                self.finish_apart(told, aside, (kind, wall, was_sent), &end, call, pages);
            }
        }
    }

    /// Records one of which there is more to say than of most.
    fn finish_apart(
        &self,
        told: Told,
        aside: Aside,
        (kind, wall, was_sent): (RequestKind, f64, bool),
        end: &End<'_>,
        call: &Call<'_>,
        pages: &mut Pages,
    ) {
        let Aside { trace, decided, identity } = aside;
        let decided = call.policy.zip(decided.as_ref()).map(|(policy, (told, earlier))| {
            let earlier = earlier.as_ref().and_then(|settings| settings.policy.as_deref());
            named(earlier.unwrap_or(policy), told)
        });
        let server = self.server.as_deref().filter(|_| was_sent);
        let end = End { server, decided, identity: identity.as_deref(), ..*end };
        if let (Some(who), Some(records)) = (&self.who, &mut pages.records) {
            match told {
                Told::Nothing => {}
                Told::Part(request) => records.finished(wall, kind, &who.client, &request, &end),
                Told::AsItCame(request) => records.told_apart(wall, &who.client, &request, &end),
            }
        }
        if let (Some(client), Some(request)) = (&self.traced, &trace) {
            self.sheet.book.tracing(|records| records.finished(wall, client, request, &end));
        }
    }

    fn record_stay(&self, event: ConnectionEvent, now: f64, reason: Option<&str>, pages: &mut Pages) {
        if let (Some(who), Some(records)) = (&self.who, &mut pages.records) {
            let end = ConnectionEnd { reason, bytes: self.octets, seconds: now - self.since, decided: None };
            records.connection(self.sheet.book.wall(now), event, &who.client, &end);
        }
    }
}

impl Begun {
    fn new(message_id: u32, kind: RequestKind, since: f64) -> Self {
        let (told, allowed, aside) = (Told::Nothing, None, None);
        Self { message_id, kind, since, sent: Sent::Not, entries: 0, bytes: 0, told, allowed, aside }
    }

    /// Keeps what let it pass under settings that the session has no more.
    fn set_aside(&mut self, allowed: Decided, earlier: &Arc<Settings>) {
        self.aside.get_or_insert_default().decided.get_or_insert_with(|| (allowed, Some(Arc::clone(earlier))));
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.sheet.disconnected();
    }
}
