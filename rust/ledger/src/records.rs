//! The audit of one worker, and searches that ended and wait to be recorded together.
//!
//! Between two searches, the kernel's network code has driven everything else out of the processor's caches: writing a
//! record then costs several times what it costs behind another one. So searches, which are nearly all there is, are
//! kept as they came, and written some at a time. What follows them is written behind them. Their octets are kept in one
//! place: whoever had them can use their memory for what comes next while it is still at hand.

use std::ops::Range;
use std::sync::Arc;

use ostiary_ldap::message::{MessageId, Request, RequestKind};
use ostiary_ldap::result::ResultCode;
use ostiary_policy::{Policy, Told};

use crate::audit::{Audit, AuditSpec, ClientFields, ConnectionEnd, ConnectionEvent, Decided, End, Part};

/// How many searches wait at most: a tenth of a millisecond's work, and as much as is worth having.
const WAITING: usize = 128;

/// How many octets they have at most before they are written, and of what space is kept.
const WAITING_BYTES: usize = 64 << 10;

/// What records say of a client, the server that it is connected to, and who judges it.
#[derive(Debug)]
pub struct Who {
    /// The client.
    pub client: Part,
    /// The server.
    pub server: Option<Arc<str>>,
    /// The policy, which knows its rules by name.
    pub policy: Option<Arc<Policy>>,
}

/// What records say of a decision by this policy.
pub fn named<'a>(policy: &'a Policy, told: &Told) -> Decided<'a> {
    let (plugin, rule) = policy.names(told);
    Decided { plugin, rule, verdict: told.verdict, mode: told.mode }
}

/// A search that has ended.
#[derive(Debug)]
pub struct Search {
    /// Who asked.
    pub who: Arc<Who>,
    /// What let it pass, by the policy of who asked.
    pub allowed: Option<Told>,
    /// Whether it came to the server.
    pub was_sent: bool,
    /// Its message id.
    pub message_id: MessageId,
    /// How it ended; none when nobody waited for it.
    pub code: Option<ResultCode>,
    /// How many entries it had.
    pub entries: u32,
    /// How many octets they had.
    pub bytes: u64,
    /// How long it took.
    pub seconds: f64,
    /// When it ended, seconds since 1970.
    pub wall: f64,
}

/// The audit and what waits for it.
pub struct Records {
    audit: Audit,
    /// What waits, and where its request lies.
    waiting: Vec<(Search, Range<usize>)>,
    requests: Vec<u8>,
}

impl Records {
    /// An audit. The error says what is wrong with it.
    pub fn compile(spec: &AuditSpec) -> Result<Self, String> {
        Ok(Self { audit: Audit::compile(spec)?, waiting: Vec::with_capacity(WAITING), requests: Vec::new() })
    }

    /// What records say of a client.
    pub fn client(&self, fields: &ClientFields<'_>) -> Part {
        self.audit.client(fields)
    }

    /// What records say of a request.
    pub fn request(&mut self, request: &Request<'_>) -> Part {
        self.audit.request(request)
    }

    /// The same of a request of which nothing but its kind was read.
    pub fn unread(&self, kind: RequestKind) -> Part {
        self.audit.unread(kind)
    }

    /// Records a search, at the latest when records are fetched. `request` is the whole message.
    pub fn search(&mut self, search: Search, request: &[u8]) {
        let begin = self.requests.len();
        self.requests.extend_from_slice(request);
        self.waiting.push((search, begin..self.requests.len()));
        if self.waiting.len() >= WAITING || self.requests.len() >= WAITING_BYTES {
            self.catch_up();
        }
    }

    /// Records the end of an operation, if it is not one of those that are left out.
    pub fn finished(&mut self, wall: f64, kind: RequestKind, client: &Part, request: &Part, end: &End<'_>) {
        self.catch_up();
        if self.audit.takes(kind, end.code) {
            self.audit.finished(wall, client, request, end);
        }
    }

    /// Records the end of a search of which there is more to say than of most.
    pub fn told_apart(&mut self, wall: f64, client: &Part, search: &[u8], end: &End<'_>) {
        self.catch_up();
        record(&mut self.audit, wall, client, search, end);
    }

    /// Records what became of a connection.
    pub fn connection(&mut self, wall: f64, event: ConnectionEvent, client: &Part, end: &ConnectionEnd<'_>) {
        self.catch_up();
        self.audit.connection(wall, event, client, end);
    }

    /// All records, how many they are, and how many were lost for want of room.
    pub fn drain(&mut self) -> (Vec<u8>, u64, u64) {
        self.catch_up();
        let (octets, records) = self.audit.drain();
        (octets, records, self.audit.take_lost())
    }

    /// Writes what waits.
    fn catch_up(&mut self) {
        for (search, request) in self.waiting.drain(..) {
            let end = End {
                message_id: search.message_id,
                code: search.code,
                entries: search.entries,
                bytes: search.bytes,
                seconds: search.seconds,
                server: search.who.server.as_deref().filter(|_| search.was_sent),
                decided: search
                    .who
                    .policy
                    .as_deref()
                    .zip(search.allowed.as_ref())
                    .map(|(policy, told)| named(policy, told)),
                identity: None,
            };
            let request = self.requests.get(request).unwrap_or_default();
            record(&mut self.audit, search.wall, &search.who.client, request, &end);
        }
        self.requests.clear();
        self.requests.shrink_to(WAITING_BYTES);
    }
}

/// Records a search, if it is not one of those that are left out.
fn record(audit: &mut Audit, wall: f64, client: &Part, search: &[u8], end: &End<'_>) {
    if audit.takes(RequestKind::Search, end.code) {
        audit.finished_search(wall, client, search, end);
    }
}

#[cfg(test)]
mod tests {
    use ostiary_ldap::message::{DerefAliases, Scope};
    use ostiary_ldap::write;
    use ostiary_policy::{Mode, Verdict};

    use super::*;
    use crate::audit::{Format, SamplingSpec};

    fn records(share: f64) -> Records {
        let sampling = SamplingSpec { search: share, compare: 1.0 };
        let secret_attributes = Vec::new();
        let (format, buffer_bytes) = (Format::Json, 1 << 20);
        let spec = AuditSpec { format, filter_values: false, secret_attributes, sampling, buffer_bytes, syslog: None };
        Records::compile(&spec).unwrap()
    }

    fn request(message_id: u32) -> Box<[u8]> {
        let search = write::NewSearch {
            base_object: b"dc=example",
            scope: Scope::WholeSubtree,
            deref_aliases: DerefAliases::NeverDerefAliases,
            size_limit: 0,
            time_limit: 0,
            types_only: false,
            filter: b"\xa3\x0a\x04\x03uid\x04\x03abc",
            attributes: &[],
        };
        let mut out = Vec::new();
        write::search_request(&mut out, message_id, &search, &[]);
        out.into()
    }

    fn client(records: &Records) -> Part {
        let (address, tls_version, tls_cipher, certificate, identity) = (None, None, None, None, None);
        let (connection, port, listener, upstream) = (7, 0, "test", "directory");
        records.client(&ClientFields {
            connection,
            address,
            port,
            listener,
            upstream,
            tls_version,
            tls_cipher,
            certificate,
            identity,
        })
    }

    fn search(records: &Records, message_id: u32) -> Search {
        Search {
            who: Arc::new(Who { client: client(records), server: None, policy: None }),
            allowed: None,
            was_sent: true,
            message_id,
            code: Some(ResultCode::SUCCESS),
            entries: 1,
            bytes: 10,
            seconds: 0.5,
            wall: 0.0,
        }
    }

    #[test]
    fn records_come_in_the_order_of_what_happened() {
        let mut records = records(1.0);
        for message_id in 1..=3 {
            let ended = search(&records, message_id);
            records.search(ended, &request(message_id));
        }
        let (kind, octets, who) = (RequestKind::Search, request(4), client(&records));
        let part = records.request(&Request::parse_again(&octets).unwrap());
        records.finished(0.0, kind, &who, &part, &End { message_id: 4, ..End::default() });
        let (octets, count, lost) = records.drain();
        let lines: Vec<_> = std::str::from_utf8(&octets).unwrap().lines().collect();
        assert_eq!((lines.len(), count, lost), (4, 4, 0));
        for (line, message) in lines.iter().zip(1..) {
            assert!(line.contains(&format!("\"message\":{message},")), "{line}");
            assert!(line.contains("\"filter\":\"(uid=?)\""), "{line}");
        }
        assert_eq!(records.drain().1, 0);
    }

    #[test]
    fn a_search_names_what_let_it_pass_by_the_policy_of_who_asked() {
        let policy = |rule: &str| {
            let list = format!(r#"{{"allow_list": {{"rules": [{{"name": "{rule}"}}]}}}}"#);
            let spec = format!(r#"{{"stages": [{{"plugin": "list", "rules": {list}}}]}}"#);
            Some(Arc::new(Policy::compile(&serde_json::from_str(&spec).unwrap(), [1; 16]).unwrap()))
        };
        let allowed = Told { stage: 0, rule: Some(0), verdict: Verdict::Allowed, mode: Mode::Enforce, code: None };
        let mut records = records(1.0);
        // Two clients, one of which is under another policy by now; both wait when they are written.
        for (message_id, rule, allowed) in [(1, "old", Some(allowed)), (2, "new", Some(allowed)), (3, "new", None)] {
            let who = Arc::new(Who { client: client(&records), server: None, policy: policy(rule) });
            let ended = Search { who, allowed, ..search(&records, message_id) };
            records.search(ended, &request(message_id));
        }
        let octets = records.drain().0;
        let ends: Vec<_> =
            std::str::from_utf8(&octets).unwrap().lines().map(|line| line.split_once("0.500000").unwrap().1).collect();
        assert_eq!(
            ends,
            [
                r#","plugin":"list","rule":"old","verdict":"allowed","mode":"enforce"}"#,
                r#","plugin":"list","rule":"new","verdict":"allowed","mode":"enforce"}"#,
                "}",
            ]
        );
    }

    #[test]
    fn few_wait_at_a_time_and_a_share_is_recorded() {
        let mut records = records(0.5);
        for message_id in 1..=1_000 {
            let ended = search(&records, message_id);
            records.search(ended, &request(message_id));
            assert!(records.waiting.len() < WAITING);
        }
        assert_eq!(records.drain().1, 500);
    }
}
