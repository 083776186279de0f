//! A session fed by both sides, in any order of calls: both see whole messages, nothing comes after the end, and
//! what is kept is bounded. Under a policy too: whatever hooks say and when, nothing hidden is shown, no search brings
//! more than it may, and what requests took is given back.
//!
//! Input: the listener, the policy, then calls: an octet for the call, an octet for its parameter, octets where it takes some.
#![no_main]

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use ostiary_ldap::frame::Frame;
use ostiary_ldap::message::{
    DerefAliases, FilterLimits, Operation, Request, RequestKind, ResponseHead, ResponseOp, Scope, SearchResultEntry,
};
use ostiary_ldap::oid;
use ostiary_ldap::result::{ExtendedResponse, ResultCode};
use ostiary_ldap::write;
use ostiary_policy::{Asked, ClientFacts, Judgement, Policy, Subject, Walk, Who};
use ostiary_session::tls_config::{MinVersion, server_name, upstream_tls};
use ostiary_session::{
    CloseReason, Event, Limits, ListenerTls, RequireTls, SaslSecurityLayers, Session, Settings, Step, UpstreamTls,
    Verdict,
};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde_json::{Value, json};

const LIMITS: Limits = Limits {
    message_bytes_unauthenticated: 1 << 10,
    message_bytes: 1 << 12,
    filter: FilterLimits { depth: 8, nodes: 64 },
    outstanding_requests: 4,
    buffered_bytes: 1 << 9,
    handshake_seconds: 10.0,
    first_message_seconds: 30.0,
    idle_seconds: 900.0,
};

/// A record with the beginning of a handshake message.
const CLIENT_FRAGMENT: &[u8] = b"\x16\x03\x01\0\x05\x01\0\x10\0\x03";
const SERVER_FRAGMENT: &[u8] = b"\x16\x03\x03\0\x05\x02\0\x10\0\x03";

/// Ids from here on are those of searches that never end.
const ENDLESS: u32 = 100;

/// No certificate: handshakes fail behind the `ClientHello`, and what comes before it is what is played with.
#[derive(Debug)]
struct NoCertificate;

impl ResolvesServerCert for NoCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}

// What a policy has, by the bits of its octet.
const HOOK: u8 = 1;
const SIZE_LIMIT: u8 = 2;
const HIDES_CN: u8 = 4;
const DELAYS: u8 = 8;
const AT_ONCE: u8 = 16;
const GUARDS: u8 = 32;
const LATER_HOOK: u8 = 64;
const HIDES_ENTRY: u8 = 128;

/// How many entries a search may have.
const ENTRIES_MAX: usize = 2;
/// How many requests may be under way at the same time.
const REQUESTS_MAX: usize = 3;

/// A stage for each bit of the policy's octet, in the order in which a request walks them.
fn stages(flags: u8) -> Vec<Value> {
    let hook = json!({ "hook": {
        "operations": ["bind", "search", "compare", "delete", "extended"], "finished": ["bind", "search", "compare"],
    } });
    let rate = |limit: Value| json!({ "rate_limit": { "entries": 64, "limits": [limit] } });
    let hides = |rule: Value| json!({ "redact": { "rules": [rule] } });
    let all = [
        (HOOK, hook.clone()),
        (AT_ONCE, rate(json!({ "name": "at-once", "key": "global", "concurrent": REQUESTS_MAX }))),
        (
            DELAYS,
            rate(json!({
                "name": "rate", "key": "global", "rate": "1/s", "burst": 2, "exceeded": "delay", "delay_seconds": 20.0,
                "operations": ["bind", "search"],
            })),
        ),
        (GUARDS, json!({ "bind_guard": { "entries": 64, "failures": 2, "negative_cache_seconds": 20.0 } })),
        (
            SIZE_LIMIT,
            json!({ "allow_list": { "default": "allow", "rules": [
            { "name": "some", "operations": "search", "size_limit": ENTRIES_MAX, "time_limit": 20 },
        ] } }),
        ),
        (LATER_HOOK, hook),
        (HIDES_CN, hides(json!({ "name": "cn", "attributes": ["cn"] }))),
        (HIDES_ENTRY, hides(json!({ "name": "entry", "hide": "cn=large" }))),
    ];
    let chosen = all.into_iter().filter(|(bit, _)| flags & bit != 0);
    chosen.map(|(bit, rules)| json!({ "plugin": format!("plugin-{bit}"), "rules": rules })).collect()
}

/// Every policy as data; to read one takes longer than to play with it.
static POLICIES: LazyLock<Vec<ostiary_policy::spec::PolicySpec>> = LazyLock::new(|| {
    let spec = |flags| serde_json::from_value(json!({ "stages": stages(flags) })).expect("stages are well formed");
    (0..=u8::MAX).map(spec).collect()
});

fn policy(flags: u8) -> Option<Arc<Policy>> {
    let spec = &POLICIES[usize::from(flags)];
    let compile = || Policy::compile(spec, [7; 16]).unwrap_or_else(|faults| panic!("{faults:?}"));
    (flags != 0).then(|| Arc::new(compile()))
}

fn settings(flags: u8, policy: Option<Arc<Policy>>) -> Arc<Settings> {
    let config = || {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        Arc::new(builder.unwrap().with_no_client_auth().with_cert_resolver(Arc::new(NoCertificate)))
    };
    Arc::new(Settings {
        tls: match flags & 3 {
            0 => ListenerTls::Ldaps(config()),
            1 => ListenerTls::StartTls(config()),
            _ => ListenerTls::None,
        },
        require_tls: if flags & 4 == 0 { RequireTls::Off } else { RequireTls::Bind },
        sasl_security_layers: if flags & 8 == 0 { SaslSecurityLayers::Refuse } else { SaslSecurityLayers::Opaque },
        allow_unauthenticated_bind: flags & 16 != 0,
        allow_ldapv2: flags & 32 != 0,
        allow_sicily: flags & 64 != 0,
        upstream_knows_gateway: flags & 128 != 0,
        upstream: "directory".to_owned(),
        listener: "test".into(),
        generation: 0,
        policy,
        sheet: None,
        limits: LIMITS,
    })
}

/// A request as clients send it; never one that the gateway takes for hostile.
fn request(parameter: u8) -> Vec<u8> {
    let mut out = Vec::new();
    let id = u32::from(parameter & 7) + 1;
    let search = write::NewSearch {
        base_object: b"dc=x",
        scope: Scope::WholeSubtree,
        deref_aliases: DerefAliases::NeverDerefAliases,
        size_limit: 0,
        time_limit: 0,
        types_only: false,
        filter: b"\x87\x01a",
        attributes: &[],
    };
    match parameter >> 3 {
        0 => write::unbind_request(&mut out, id),
        1 | 2 => write::bind_request(&mut out, id, b"cn=a", b"secret", &[]),
        3 => write::bind_request(&mut out, id, b"cn=a", b"", &[]),
        4 => write::bind_request(&mut out, id, b"", b"", &[]),
        5 | 6 => write::sasl_bind_request(&mut out, id, b"GSSAPI", Some(b"x")),
        7..=10 => write::abandon_request(&mut out, id, u32::from(parameter >> 3) - 6),
        11 => write::start_tls_request(&mut out, id),
        12 => write::delete_request(&mut out, id, &[b'x'; 600], &[]),
        13..=15 => write::compare_request(&mut out, id, b"dc=x", b"cn", b"a"),
        16 => {
            // A persistent search.
            let mut plain = Vec::new();
            write::search_request(&mut plain, ENDLESS + id, &search, &[]);
            let controls = b"\xa0\x20\x30\x1e\x04\x172.16.840.1.113730.3.4.3\x04\x03\x30\x01\x00";
            let length = u8::try_from(plain.len() - 2 + controls.len()).unwrap();
            out.extend_from_slice(&[0x30, length]);
            out.extend_from_slice(&plain[2..]);
            out.extend_from_slice(controls);
        }
        _ => write::search_request(&mut out, id, &search, &[]),
    }
    out
}

/// A response as servers send it.
fn response(parameter: u8) -> Vec<u8> {
    let mut out = Vec::new();
    let id = u32::from(parameter & 7) + 1;
    let result = |out: &mut Vec<u8>, operation, code| {
        write::result_response(out, id, operation, ResultCode(code), b"", "");
    };
    match parameter >> 3 {
        0 => write::notice_of_disconnection(&mut out, ResultCode::UNAVAILABLE, "gone"),
        1 | 2 => result(&mut out, ResponseOp::Bind, 14),
        3..=6 => result(&mut out, ResponseOp::Bind, 0),
        7 => result(&mut out, ResponseOp::Bind, 49),
        8 | 9 => write::start_tls_response(&mut out, id),
        10 => result(&mut out, ResponseOp::Compare, 6),
        11 => {
            let text = "x".repeat(if id > 4 { 2 * LIMITS.message_bytes } else { 0 });
            write::result_response(&mut out, id, ResponseOp::Compare, ResultCode(6), b"cn=large", &text);
        }
        // A result without its fields.
        21 => out.extend_from_slice(&[0x30, 5, 2, 1, parameter & 7 | 1, ResponseOp::Compare.tag(), 0]),
        12 => result(&mut out, ResponseOp::Delete, 0),
        13 => write::extended_response(&mut out, 0, ResultCode::SUCCESS, "", Some(b"1.2.3"), None, &[]),
        14 => {
            let values: [(&[u8], [&[u8]; 1]); 1] = [(b"cn", [&[b'x'; 2_000]])];
            write::search_entry(&mut out, id, b"cn=large", values, &[]);
        }
        15..=20 => {
            let values: [(&[u8], [&[u8]; 1]); 1] = [(b"cn", [b"a"])];
            write::search_entry(&mut out, id, b"cn=a", values, &[]);
        }
        _ => result(&mut out, ResponseOp::SearchDone, 0),
    }
    out
}

/// What one side has been sent, and what of it is not a whole message yet.
#[derive(Default)]
struct Seen {
    rest: Vec<u8>,
    /// TLS or a security layer hides it.
    hidden: bool,
}

impl Seen {
    /// Gives the messages that became whole.
    fn take(&mut self, octets: &[u8]) -> Vec<Vec<u8>> {
        if self.hidden {
            return Vec::new();
        }
        self.rest.extend_from_slice(octets);
        let mut whole = Vec::new();
        while let Some(frame) = Frame::peek(&self.rest).expect("each side gets whole messages") {
            if frame.length > self.rest.len() {
                break;
            }
            whole.push(self.rest.drain(..frame.length).collect());
        }
        whole
    }
}

/// The session with the driver's half of the contract, and what must hold.
struct Stage {
    session: Session,
    step: Step,
    now: f64,
    client: Seen,
    upstream: Seen,
    paused: bool,
    dialling: bool,
    /// A server was reached and is not ready yet.
    setting_up: bool,
    closed: bool,
    /// Final responses that each id may still get.
    owed: BTreeMap<u32, Vec<ResponseOp>>,
    /// Requests that were abandoned: nobody knows whether they are still answered.
    abandoned: Vec<u32>,
    /// Entries that each search has had.
    entries: BTreeMap<u32, usize>,
    policy_flags: u8,
    policy: Option<Arc<Policy>>,
    /// Those that the session had before.
    earlier: Vec<Arc<Policy>>,
    flags: u8,
    /// What hooks were asked and have not answered.
    holds: Vec<(u32, Arc<[u8]>)>,
    /// Why it is over.
    reason: Option<CloseReason>,
    longest: usize,
    /// Octets of unknown meaning came from the client: who is owed what is not known.
    loose: bool,
    half_closed: bool,
    /// What the client sends once it may.
    late: Vec<u8>,
    /// The rest of a response, which comes with the next.
    late_response: Vec<u8>,
}

impl Stage {
    fn new(flags: u8, policy_flags: u8) -> Self {
        let policy = policy(policy_flags);
        Self {
            session: Session::new(settings(flags, policy.clone()), None, 0.0),
            step: Step::default(),
            now: 0.0,
            client: Seen { hidden: flags & 3 == 0, ..Seen::default() },
            upstream: Seen::default(),
            paused: false,
            dialling: false,
            setting_up: false,
            closed: false,
            owed: BTreeMap::new(),
            abandoned: Vec::new(),
            entries: BTreeMap::new(),
            policy_flags,
            policy,
            earlier: Vec::new(),
            flags,
            holds: Vec::new(),
            reason: None,
            longest: 0,
            loose: false,
            half_closed: false,
            late: Vec::new(),
            late_response: Vec::new(),
        }
    }

    /// A request of the client's, and what it is owed for it.
    fn asks(&mut self, parameter: u8) -> Vec<u8> {
        let octets = request(parameter);
        let asked = Request::parse(&octets, &LIMITS.filter).expect("the generator knows the grammar");
        self.entries.remove(&asked.message_id);
        if let Some(response) = asked.kind().response() {
            self.owed.entry(asked.message_id).or_default().push(response);
        }
        if let Operation::Abandon(id) = asked.operation {
            self.abandoned.extend(u32::try_from(id));
        }
        octets
    }

    fn feed_client(&mut self, octets: &[u8]) {
        self.late.extend_from_slice(octets);
        if !self.paused {
            let octets = std::mem::take(&mut self.late);
            self.longest = self.longest.max(octets.len());
            self.call(|session, now, step| session.client_data(&octets, now, step));
        }
    }

    fn feed_upstream(&mut self, octets: &[u8]) {
        let mut late = std::mem::take(&mut self.late_response);
        late.extend_from_slice(octets);
        let octets = &late;
        self.longest = self.longest.max(octets.len());
        self.call(|session, now, step| session.upstream_data(octets, now, step));
    }

    fn finds_nobody(&mut self) {
        self.dialling &= self.setting_up;
        self.call(|session, now, step| session.upstream_unreachable(now, step));
    }

    fn call(&mut self, call: impl FnOnce(&mut Session, f64, &mut Step)) {
        self.step.clear();
        call(&mut self.session, self.now, &mut self.step);
        let step = &self.step;
        if self.closed {
            assert!(step.to_client().is_empty() && step.to_upstream().is_empty() && step.events.is_empty());
            return;
        }
        for event in &step.events {
            assert!(!self.closed, "something comes after the end");
            match event {
                Event::Connect => assert!(!std::mem::replace(&mut self.dialling, true)),
                Event::UpstreamReady(_) => (self.dialling, self.setting_up) = (false, false),
                Event::UpstreamFailed(_) => self.setting_up = false,
                Event::PauseClient => assert!(!std::mem::replace(&mut self.paused, true)),
                Event::ResumeClient => assert!(std::mem::replace(&mut self.paused, false)),
                Event::Opaque => (self.client.hidden, self.upstream.hidden) = (true, true),
                Event::Close(reason) => (self.closed, self.reason) = (true, Some(*reason)),
                Event::Held { hold, request, .. } => self.holds.push((*hold, Arc::clone(request))),
                Event::Deadline(at) => assert!(at.is_finite()),
                _ => {}
            }
        }
        let shown = self.client.take(step.to_client());
        let forwarded = self.upstream.take(step.to_upstream());
        let is_lost =
            step.events.iter().any(|event| matches!(event, Event::CloseUpstream(_) | Event::UpstreamFailed(_)));
        for message in shown {
            let head = ResponseHead::peek(&message).expect("clients get responses").expect("whole ones");
            self.may_see(&head, &message);
            if head.message_id != 0 && head.operation.is_final() {
                let owed = self.owed.entry(head.message_id).or_default();
                // Samba refuses whatever it is by an extended response.
                let is_samba = |own| head.operation == ResponseOp::Extended && own != ResponseOp::Bind;
                let exact = owed.iter().position(|own| *own == head.operation);
                let place = exact.or_else(|| owed.iter().position(|own| is_samba(*own)));
                assert!(place.is_some() || self.loose, "an answer too many for {}: {head:?}", head.message_id);
                place.map(|place| owed.remove(place));
                let started = ExtendedResponse::parse(&message).is_ok_and(|response| {
                    response.result.code == ResultCode::SUCCESS && response.name == Some(oid::START_TLS_OID.as_bytes())
                });
                self.client.hidden |= started;
            }
        }
        for message in forwarded {
            Request::parse(&message, &LIMITS.filter).expect("servers get what follows the grammar");
        }
        if is_lost {
            self.upstream.rest.clear();
        }
        assert_eq!(self.closed, self.session.is_closed());
        // Searches that never end wait for nothing, unless for a hook or for their time.
        let endless = if self.policy_flags & (HOOK | LATER_HOOK | DELAYS) == 0 { ENDLESS } else { u32::MAX };
        let owes = self.owed.range(..endless).any(|(_, owed)| !owed.is_empty());
        let over = self.half_closed && !self.dialling && !owes && !self.loose && !self.client.hidden;
        assert!(self.closed || !over, "nothing is left to answer: {:?}", self.session);
        assert!(self.session.outstanding() <= LIMITS.outstanding_requests);
        assert!(!self.session.deadline().is_nan());
        let handshake = if self.client.hidden || self.upstream.hidden || self.setting_up { 1 << 19 } else { 0 };
        // A large request, and the answer to a bind that is as large.
        let most = 2 * (LIMITS.message_bytes + LIMITS.buffered_bytes + self.longest) + handshake;
        assert!(self.session.buffered() <= most, "{} octets are kept", self.session.buffered());
    }

    /// What its policy says of what the client gets.
    fn may_see(&mut self, head: &ResponseHead, message: &[u8]) {
        if head.operation == ResponseOp::SearchEntry {
            let entries = self.entries.entry(head.message_id).or_default();
            *entries += 1;
            assert!(self.policy_flags & SIZE_LIMIT == 0 || *entries <= ENTRIES_MAX, "more entries than are allowed");
            let Ok(mut entry) = SearchResultEntry::parse(message) else { return };
            let hides_cn = self.policy_flags & HIDES_CN != 0;
            assert!(!hides_cn || entry.attributes.all(|each| each.description != b"cn"), "what is hidden is shown");
            assert!(
                self.policy_flags & HIDES_ENTRY == 0 || entry.object_name != b"cn=large",
                "a hidden entry is shown"
            );
        } else if head.operation.is_final() {
            self.entries.remove(&head.message_id);
        }
    }

    /// One of the hooks answers, whichever was asked first.
    fn answers(&mut self, how: u8, which: u8) {
        if self.holds.is_empty() || how == 7 {
            return self.call(|session, now, step| session.resume(u32::from(which), Verdict::Pass, now, step));
        }
        let (hold, request) = self.holds.swap_remove(usize::from(which) % self.holds.len());
        let verdict = match how {
            2 => Verdict::Refuse { code: 53, text: "no".to_owned() },
            3 => Verdict::Replace(request.to_vec()),
            4 => Verdict::Replace(replacement(&request)),
            5 => Verdict::Replace(request[..request.len() / 2].to_vec()),
            6 if which & 64 != 0 => Verdict::Close("go".to_owned()),
            _ => Verdict::Pass,
        };
        self.call(|session, now, step| session.resume(hold, verdict, now, step));
    }

    /// The same settings, and a policy of the same rules with tables of its own.
    fn renew(&mut self) {
        let policy = policy(self.policy_flags);
        let settings = settings(self.flags, policy.clone());
        self.earlier.extend(std::mem::replace(&mut self.policy, policy));
        self.call(|session, now, step| session.renew(settings, None, now, step));
    }

    /// The session is over: as many requests may go on as if it had never been.
    fn gave_everything_back(&self) {
        if self.policy_flags & AT_ONCE != 0 {
            self.policy.iter().chain(&self.earlier).for_each(|policy| self.gave_back_to(policy));
        }
    }

    fn gave_back_to(&self, policy: &Policy) {
        let facts = ClientFacts { address: None, listener: "test".into(), tls: false, certificate: None };
        let standing = policy.standing(&facts, &Who::Anonymous);
        let subject = Subject { facts: &facts, who: &Who::Anonymous, standing: &standing };
        let mut message = Vec::new();
        write::delete_request(&mut message, 1, b"dc=x", &[]);
        let request = Request::parse(&message, &LIMITS.filter).unwrap();
        for _ in 0..REQUESTS_MAX {
            let mut walk = Walk::default();
            while let Judgement::Hold { .. } = policy.judge(&subject, &Asked::new(&request), self.now, &mut walk) {}
            assert!(!walk.tickets.is_empty(), "something was not given back: {:?}", walk.told);
        }
    }
}

/// A request like this one, about something else.
fn replacement(request: &[u8]) -> Vec<u8> {
    let asked = Request::parse(request, &LIMITS.filter).expect("hooks are asked about requests");
    let (mut out, id) = (Vec::new(), asked.message_id);
    match asked.kind() {
        RequestKind::Compare => write::compare_request(&mut out, id, b"dc=other", b"cn", &[b'x'; 600]),
        RequestKind::Bind => write::bind_request(&mut out, id, b"cn=other", b"secret", &[]),
        _ => write::delete_request(&mut out, id, b"dc=other", &[]),
    }
    out
}

/// How a server that was reached is set up.
fn setup(parameter: u8) -> Arc<UpstreamTls> {
    let own = || upstream_tls(&[], false, None, MinVersion::Tls12).unwrap();
    let name = || server_name("localhost").unwrap();
    Arc::new(match parameter & 7 {
        0 => UpstreamTls::StartTls(own(), name()),
        1 => UpstreamTls::Ldaps(own(), name()),
        2 => UpstreamTls::ExternalStartTls,
        _ => UpstreamTls::None,
    })
}

fuzz_target!(|data: &[u8]| {
    let [flags, policy_flags, calls @ ..] = data else { return };
    let mut calls = calls;
    let mut stage = Stage::new(*flags, *policy_flags);
    while let [call, parameter, rest @ ..] = calls {
        calls = rest;
        let parameter = *parameter;
        match call & 31 {
            0 => {
                let (octets, rest) = calls.split_at(usize::from(parameter).min(calls.len()));
                calls = rest;
                stage.loose = true;
                stage.feed_client(octets);
            }
            1 => {
                let (octets, rest) = calls.split_at(usize::from(parameter).min(calls.len()));
                calls = rest;
                stage.feed_upstream(octets);
            }
            // Where nobody reads, nobody sees that nothing more comes.
            2 if stage.paused => {}
            2 => {
                stage.half_closed = true;
                stage.call(|session, now, step| session.client_eof(now, step));
            }
            3 => stage.call(|session, now, step| session.upstream_eof(now, step)),
            4 => stage.finds_nobody(),
            5 => {
                stage.now += f64::from(parameter) * 5.0;
                stage.call(|session, now, step| session.expire(now, step));
            }
            6 => stage.call(|session, _, step| session.shut_down(step)),
            7 => {
                stage.session.upstream_abandoned();
                stage.setting_up = false;
                stage.upstream.rest.clear();
            }
            8 => stage.call(|session, now, step| session.upstream_tls_established(now, step)),
            9 => stage.call(|session, _, step| session.client_gone(step)),
            10..=12 => {
                let setup = setup(parameter);
                if stage.dialling && !stage.setting_up {
                    stage.setting_up = true;
                    stage.upstream.hidden = matches!(*setup, UpstreamTls::StartTls(..) | UpstreamTls::Ldaps(..));
                }
                stage.call(|session, now, step| session.upstream_connected(&setup, now, step));
            }
            13 => {
                let response = response(parameter);
                let (first, second) = response.split_at((usize::from(call >> 5) * 40).min(response.len()));
                stage.feed_upstream(first);
                stage.late_response.extend_from_slice(second);
            }
            14 => stage.feed_upstream(SERVER_FRAGMENT),
            15..=21 => stage.feed_upstream(&response(parameter)),
            22 => stage.feed_client(CLIENT_FRAGMENT),
            23 => {
                let request = stage.asks(parameter);
                let (first, second) = request.split_at((usize::from(call >> 5) * 5).min(request.len()));
                // What a pause holds back comes with the next octets, never without its beginning.
                stage.late.extend_from_slice(first);
                stage.feed_client(&[]);
                stage.feed_client(second);
            }
            24 | 25 => stage.answers(call >> 5, parameter),
            26 => {
                stage.now += f64::from(parameter) / 16.0;
                stage.call(|session, now, step| session.expire(now, step));
            }
            31 => stage.renew(),
            _ => {
                let request = stage.asks(parameter);
                stage.feed_client(&request);
            }
        }
    }
    // Whatever came before: once the client has said all, hooks have answered and no server is there, all is answered
    // and over.
    let was_open = !stage.closed && !stage.half_closed && stage.late.is_empty();
    stage.call(|session, now, step| session.client_eof(now, step));
    for _ in 0..4_096 {
        stage.call(|session, now, step| session.upstream_eof(now, step));
        stage.finds_nobody();
        if stage.closed {
            break;
        }
        if stage.holds.is_empty() {
            // A time that comes before the session's end is one that a request waits for.
            stage.now = stage.session.deadline().min(stage.now + 100.0);
            stage.call(|session, now, step| session.expire(now, step));
        } else {
            stage.answers(0, 0);
        }
    }
    assert!(stage.closed, "a session that nobody ends: {:?}", stage.session);
    let is_known = was_open && !stage.loose && !stage.client.hidden && stage.reason == Some(CloseReason::ClientClosed);
    let mut owed = stage.owed.range(..ENDLESS).filter(|(id, owed)| !owed.is_empty() && !stage.abandoned.contains(id));
    assert!(!is_known || owed.next().is_none(), "a request without an answer: {:?}", stage.owed);
    stage.gave_everything_back();
});
