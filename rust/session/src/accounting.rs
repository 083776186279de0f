//! Where a session tells its account what happens; knows what the account needs to know of the client.

use std::sync::Arc;

use ostiary_ldap::message::{ResponseHead, ResponseOp};
use ostiary_ldap::result::{LdapResult, ResultCode};
use ostiary_ledger::Ended;
use ostiary_ledger::audit::{ClientFields, ConnectionEnd, ConnectionEvent, Decided};
use ostiary_ledger::records::Who;
use ostiary_ledger::sheet::Octets;
use ostiary_policy::{Mode, Verdict};

use crate::account::{Account, Call};
use crate::phase::Phase;
use crate::session::Session;
use crate::step::Step;

/// The code of a response that was not read; no server sends it.
const UNREAD: ResultCode = ResultCode(u32::MAX);

impl Session {
    /// The client may stay: what it does is counted from here on, under the connection's number.
    pub fn enter(&mut self, connection: u64, port: u16, now: f64) {
        let account = |sheet| Box::new(Account::new(sheet, connection, port, now));
        self.account = self.settings.sheet.as_ref().map(account);
    }

    /// The client may not stay; `by` a plugin's rule, if that is why.
    pub fn turn_away(&mut self, connection: u64, port: u16, reason: &str, by: Option<(&str, &str)>, now: f64) {
        let Some(sheet) = &self.settings.sheet else { return };
        sheet.turned_away();
        if let Some(records) = &mut sheet.book.open().records {
            let client = self.with_fields(connection, port, |fields| records.client(fields));
            let decided =
                by.map(|(plugin, rule)| Decided { plugin, rule, verdict: Verdict::Refused, mode: Mode::Enforce });
            let end = ConnectionEnd { reason: Some(reason), decided, ..ConnectionEnd::default() };
            records.connection(sheet.book.wall(now), ConnectionEvent::Refused, &client, &end);
        }
    }

    /// The server that is being set up, for records.
    pub fn note_server(&mut self, server: &Arc<str>) {
        if let Some(account) = &mut self.account {
            account.server = Some(Arc::clone(server));
            account.who = None;
        }
    }

    /// Whether calls are to be settled.
    #[inline]
    pub fn has_account(&self) -> bool {
        self.account.is_some()
    }

    /// The call that began at `began` is over, and its octets are on their way: counts and records what ended in it.
    /// `octets` are those that came.
    #[inline]
    pub fn settle(&mut self, began: f64, over: f64, octets: Octets, step: &Step) {
        let (Some(mut account), Some(sheet)) = (self.account.take(), &self.settings.sheet) else { return };
        let closed = match self.phase {
            Phase::Closed(reason) => Some(reason),
            _ => None,
        };
        if account.wants_client(closed.is_some()) {
            let part = |fields: &ClientFields<'_>| {
                let client = sheet.book.open().records.as_ref()?.client(fields);
                let policy = self.under_policy.as_ref().map(|under| Arc::clone(&under.policy));
                Some(Arc::new(Who { client, server: account.server.clone(), policy }))
            };
            account.who = self.with_fields(account.connection, account.port, part);
        }
        if account.wants_trace() {
            let part = |fields: &ClientFields<'_>| sheet.book.tracing(|records| records.client(fields));
            account.traced = self.with_fields(account.connection, account.port, part);
        }
        let (to_client, to_upstream) = (step.to_client().len(), step.to_upstream().len());
        let octets = Octets { to_client, to_upstream, ..octets };
        let policy = self.under_policy.as_ref().map(|under| &*under.policy);
        account.settle(
            &Call { began, over, octets, closed, policy },
            || self.address.map_or_else(|| "unix".to_owned(), |address| address.to_string()),
            || if self.identity.is_anonymous() { "anonymous".to_owned() } else { self.identity.text() },
        );
        self.account = Some(account);
    }

    /// Calls with what records say of the client as it is now.
    fn with_fields<R>(&self, connection: u64, port: u16, call: impl FnOnce(&ClientFields<'_>) -> R) -> R {
        let upstream = self.settings.upstream.as_str();
        let tls = self.client_tls();
        let certificate = tls.as_ref().and_then(|tls| tls.peer_certificate.as_deref());
        let certificate = certificate.and_then(ostiary_policy::Certificate::from_der);
        let subject = certificate.and_then(|certificate| certificate.subject).map(|subject| subject.to_string());
        let identity = self.identity.text();
        let fields = ClientFields {
            connection,
            address: self.address,
            port,
            listener: &self.settings.listener,
            upstream,
            tls_version: tls.as_ref().map(|tls| &*tls.version),
            tls_cipher: tls.as_ref().map(|tls| &*tls.cipher),
            certificate: subject.as_deref(),
            identity: Some(&identity),
        };
        call(&fields)
    }

    /// A request has come to its end here, without the server's doing.
    pub(crate) fn account_for(&mut self, message_id: u32, ended: Ended) {
        if let Some(account) = &mut self.account {
            account.end(message_id, ended, false);
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
