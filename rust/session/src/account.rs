//! What a client's requests come to, for those who count and record: when each came, when the server had it, how it
//! ended. Knows no word of the wire; where nobody counts there is no account, and nothing of this costs anything.
//!
//! The core has no clock: the driver says by `settle` when a call ended. Operations that began or ended during the call
//! wait for that.

use std::sync::Arc;

use ostiary_ldap::message::{Operation, Request, RequestKind, ResponseHead, ResponseOp};
use ostiary_ldap::result::{LdapResult, ResultCode};
use ostiary_ledger::Ended;
use ostiary_ledger::sheet::{Finished, Octets, Sheet};
use ostiary_policy::{Mode, Policy, Told};

use crate::bind::has_credentials;
use crate::session::Session;
use crate::step::Step;

/// The code of a response that was not read; no server sends it.
const UNREAD: ResultCode = ResultCode(u32::MAX);

/// The account of one client.
#[derive(Debug)]
pub(crate) struct Account {
    sheet: Arc<Sheet>,
    /// The connection's number.
    connection: u64,
    /// What came and has not ended, in the order of arrival.
    begun: Vec<Begun>,
    /// What ended during this call.
    ended: Vec<(Begun, Ended, bool)>,
    /// Something was sent upstream during this call.
    has_sent: bool,
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
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Sent {
    Not,
    /// During this call.
    Now,
    At(f64),
}

impl Account {
    pub(crate) fn new(sheet: &Arc<Sheet>, connection: u64) -> Self {
        sheet.connected();
        let sheet = Arc::clone(sheet);
        Self { sheet, connection, begun: Vec::new(), ended: Vec::new(), has_sent: false }
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
        self.begun.push(Begun { message_id, kind: request.kind(), since: now, sent: Sent::Not, entries: 0, bytes: 0 });
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
        let begun = Begun { message_id, kind, since: now, sent: Sent::Not, entries: 0, bytes: 0 };
        self.ended.push((begun, Ended::Answered(code), false));
    }

    /// The client is gone: nothing that has not ended will.
    pub(crate) fn close(&mut self) {
        self.ended.extend(self.begun.drain(..).map(|begun| (begun, Ended::Abandoned, false)));
    }

    /// A handshake is over; its version when it succeeded.
    pub(crate) fn handshake(&self, version: Option<&str>) {
        self.sheet.handshake(version);
    }

    /// A rule decided about a request, or would have.
    pub(crate) fn decide(&mut self, _message_id: u32, policy: &Policy, told: &Told) {
        if let Some(number) = policy.number(told) {
            self.sheet.refused(number, told.mode == Mode::Monitor);
        }
    }

    #[inline]
    fn settle(&mut self, began: f64, over: f64, octets: Octets) {
        self.sheet.octets(octets);
        if self.has_sent {
            self.has_sent = false;
            for begun in self.begun.iter_mut().rev() {
                if begun.sent == Sent::Now {
                    begun.sent = Sent::At(over);
                }
            }
        }
        for (begun, ended, by_server) in self.ended.drain(..) {
            let seconds = over - begun.since;
            let own_seconds = match begun.sent {
                Sent::At(sent) => (sent - begun.since) + (over - began),
                Sent::Not | Sent::Now => seconds,
            };
            self.sheet.finished(&Finished {
                kind: begun.kind,
                ended,
                by_server,
                seconds,
                own_seconds,
                entries: begun.entries,
                connection: self.connection,
                message_id: begun.message_id,
            });
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.sheet.disconnected();
    }
}

impl Session {
    /// The call that began at `began` is over, and its octets are on their way: counts and records what ended in it.
    /// `octets` are those that came.
    #[inline]
    pub fn settle(&mut self, began: f64, over: f64, octets: Octets, step: &Step) {
        if let Some(account) = &mut self.account {
            let (to_client, to_upstream) = (step.to_client().len(), step.to_upstream().len());
            account.settle(began, over, Octets { to_client, to_upstream, ..octets });
        }
    }

    /// The client may stay: its requests are counted from here on, under the connection's number.
    pub fn enter(&mut self, connection: u64) {
        self.account = self.settings.sheet.as_ref().map(|sheet| Box::new(Account::new(sheet, connection)));
    }

    /// Whether calls are to be settled.
    #[inline]
    pub fn has_account(&self) -> bool {
        self.account.is_some()
    }

    /// A request was answered here.
    pub(crate) fn account_for(&mut self, message_id: u32, code: ResultCode) {
        if let Some(account) = &mut self.account {
            account.end(message_id, Ended::Answered(code), false);
        }
    }

    /// Nothing answers a request like this.
    pub(crate) fn account_silence(&mut self, message_id: u32) {
        if let Some(account) = &mut self.account {
            account.end(message_id, Ended::Unanswered, false);
        }
    }

    /// The client does not wait for it any more.
    pub(crate) fn account_abandoned(&mut self, message_id: u32) {
        if let Some(account) = &mut self.account {
            account.end(message_id, Ended::Abandoned, false);
        }
    }

    /// A response passes that is too large to wait for: its result code is not read.
    pub(crate) fn account_large(&mut self, head: &ResponseHead) {
        if let Some(account) = &mut self.account {
            account.respond(head.message_id, u32::from(head.operation == ResponseOp::SearchEntry), head.length);
            if head.operation.is_final() {
                account.end(head.message_id, Ended::Answered(UNREAD), true);
            }
        }
    }

    /// The server's response to it passed.
    #[inline]
    pub(crate) fn account_response(&mut self, message_id: u32, message: &[u8], is_entry: bool, is_final: bool) {
        if let Some(account) = &mut self.account {
            account.respond(message_id, u32::from(is_entry), message.len());
            if is_final {
                let code = LdapResult::parse(message).map_or(UNREAD, |result| result.code);
                account.end(message_id, Ended::Answered(code), true);
            }
        }
    }
}
