//! Requests under a policy with every kind of stage: nothing panics, what traffic gets is what `explain` says, and
//! whatever a request took is given back.
//!
//! Input: which rules there are, then calls: who asks, what becomes of earlier requests, and a request, made of choices
//! or of any octets.
#![no_main]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use ostiary_fuzz::Choices;
use ostiary_ldap::dn::Dn;
use ostiary_ldap::message::{FilterLimits, Operation, Request};
use ostiary_ldap::result::ResultCode;
use ostiary_ldap::write;
use ostiary_policy::chain::Entry;
use ostiary_policy::{
    Asked, Certificate, ClientFacts, Judgement, Memory, Mode, Policy, Subject, Tickets, Told, Walk, Who,
};
use serde_json::{Value, json};

const LIMITS: FilterLimits = FilterLimits { depth: 8, nodes: 64 };
/// How many requests may be at the server at the same time.
const AT_ONCE: usize = 3;
const OFTEN: usize = 0;
const SELF_EVIDENT: [&str; 3] = ["lists", "limits", "redact"];

/// Every criterion is asked by some rule.
static RULES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let Value::Array(rules) = json!([
        { "name": "tls", "effect": "deny", "tls": false, "operations": ["bind"], "code": "confidentialityRequired" },
        { "name": "login", "from": ["10.0.0.0/8", "2001:db8::/32"], "operations": ["bind", "search"],
          "base": "ou=people,dc=corp", "scope": ["one", "sub"], "filter": "(&(objectClass=person)(uid=?))",
          "attributes": ["uid", "cn", "mail"], "narrow": true, "size_limit": 2, "time_limit": 30 },
        { "name": "reads", "identity": "authenticated", "operations": ["search", "compare"], "base": "dc=corp",
          "filter_attributes": ["cn", "uid", "objectClass", "member"], "attributes": ["*"],
          "controls": ["sort", "pre_read", "matched_values"], "size_limit": 500, "aliases": true },
        { "name": "mechanisms", "operations": ["bind"], "mechanisms": ["simple", "GSSAPI"], "listener": "ldaps" },
        { "name": "certificate", "certificate": [{ "subject": "cn=app,dc=corp" }, { "within": "ou=services,dc=corp" },
          { "san": "app.corp" }], "operations": ["add", "modify", "modify_dn", "delete"] },
        { "name": "own", "identity": [{ "within": "ou=people,dc=corp" }, { "upn_domain": "corp.example" }],
          "operations": ["modify", "extended"], "changes": ["replace", "add"], "attributes": ["mail", "userPassword"],
          "extended": ["password_modify", "1.2.3"], "controls": ["post_read", "assertion"] },
        { "name": "secret", "effect": "deny", "attributes": ["userPassword", "x-secret"], "text": "no" },
        { "name": "hr", "effect": "deny", "base": "ou=hr,dc=corp", "code": 32, "mode": "monitor" },
        { "name": "shape", "effect": "deny", "filter": ["(cn=*)", "(|(uid=?)(mail=?))"], "scope": "sub" },
        { "name": "controlled", "effect": "deny", "controls": ["proxied_authorization", "vlv", "1.2.3"] },
        { "name": "account", "identity": ["CORP\\alice", "alice@corp.example", "anonymous"], "mode": "monitor" },
        { "name": "root", "operations": ["search"], "base": "rootDSE" },
        { "name": "anything", "identity": "any", "operations": ["search", "compare", "add", "delete", "bind"] },
    ]) else {
        panic!("a list")
    };
    rules
});

/// The stages of a policy: which rules its lists have, by a bit for each, and some of its other keys.
fn stages(chosen: u16) -> Value {
    let mut rules = vec![json!({ "name": "probe", "listener": "probe" })];
    rules.extend(RULES.iter().enumerate().filter(|(place, _)| chosen >> place & 1 == 0).map(|(_, rule)| rule.clone()));
    let default = if chosen >> 13 & 1 == 0 { "deny" } else { "allow" };
    let other: Vec<_> = rules.iter().take(1).chain(rules.iter().rev().take(rules.len() - 1)).cloned().collect();
    let mode = if chosen >> 14 & 1 == 0 { "enforce" } else { "monitor" };
    let hidden = if chosen >> 15 == 0 { "ou=hr,dc=corp" } else { "ou=people,dc=corp" };
    json!([
        { "plugin": "in-use", "rules": { "rate_limit": { "entries": 64, "limits": [
            { "name": "everybody", "key": "global", "concurrent": AT_ONCE },
            { "name": "each", "key": ["client", "identity"], "concurrent": 2, "exceeded": "close",
              "from": ["10.0.0.0/8", "2001:db8::/32"] },
        ] } } },
        { "plugin": "asked-first", "rules": { "hook": { "operations": ["search", "bind"], "finished": ["search"] } } },
        { "plugin": "rates", "mode": mode, "rules": { "rate_limit": { "entries": 64, "limits": [
            { "name": "often", "key": "network/24", "rate": "5/s", "burst": 3, "exceeded": "delay",
              "delay_seconds": 2.0, "from": "10.0.0.0/8" },
            { "name": "binds", "key": ["listener", "identity"], "rate": "20/min", "operations": "bind" },
            { "name": "watched", "key": "identity", "concurrent": 1, "mode": "monitor" },
            { "name": "connect", "key": "client", "concurrent": 2, "operations": "connect" },
        ] } } },
        { "plugin": "guard", "mode": mode, "rules": { "bind_guard": { "entries": 64, "failures": 1 + (chosen & 1),
            "client_failures": 8, "identity_failures": 4, "exempt": "2001:db8::/64" } } },
        { "plugin": "limits", "mode": mode, "rules": { "limits": { "substring_length": 2, "presence_only": false,
            "filter_nodes": 12, "attributes": 2, "page_size": 500, "from": ["10.0.0.0/8"] } } },
        { "plugin": "lists", "rules": { "allow_list": { "default": default, "rules": rules } } },
        { "plugin": "redact", "rules": { "redact": { "rules": [
            { "name": "secrets", "attributes": ["userPassword", "x-secret"], "unless": { "listener": "probe" } },
            { "name": "hr", "hide": hidden, "identity": "authenticated" },
            { "name": "names", "attributes": ["name"], "from": "10.0.0.0/16", "mode": "monitor" },
        ], "referrals": "strip" } } },
        { "plugin": "lists", "mode": mode, "rules": { "allow_list": { "default": "deny", "rules": other } } },
        { "plugin": "asked-last", "rules": { "hook": { "operations": ["modify", "delete", "extended"] } } },
    ])
}

fn compile(stages: &Value) -> Policy {
    let spec = serde_json::from_value(json!({ "stages": stages })).expect("the stages are well formed");
    Policy::compile(&spec, [7; 16]).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// What only the lists of these stages say.
fn lists(stages: &Value) -> Policy {
    let lists: Vec<_> = stages.as_array().unwrap().iter().filter(|stage| stage["plugin"] == "lists").cloned().collect();
    compile(&json!(lists))
}

fn facts(address: &str, listener: &str, tls: bool, subject: Option<&str>) -> ClientFacts {
    let certificate = subject
        .map(|subject| Arc::new(Certificate { subject: Dn::parse(subject).ok(), names: vec!["app.corp".into()] }));
    ClientFacts { address: address.parse().ok(), listener: listener.into(), tls, certificate }
}

static CLIENTS: LazyLock<Vec<(ClientFacts, Who)>> = LazyLock::new(|| {
    let who = |name: &str| Who::from_name(name.as_bytes());
    vec![
        (facts("10.0.0.1", "ldaps", true, None), Who::Anonymous),
        (facts("10.0.0.2", "ldaps", true, None), who("uid=alice,ou=people,dc=corp")),
        (facts("10.1.0.1", "plain", false, None), who("alice@corp.example")),
        (facts("2001:db8::1", "ldaps", true, Some("cn=app,dc=corp")), who("cn=app,ou=services,dc=corp")),
        (facts("2001:db8:0:1::1", "plain", true, Some("no name")), Who::Unreadable),
        (facts("", "unix", false, Some("cn=a,ou=services,dc=corp")), Who::Unnamed),
        (facts("172.16.0.1", "plain", false, None), who("CORP\\alice")),
    ]
});

/// The policy, its time, and what is at the server.
struct Stage {
    policy: Policy,
    lists: Policy,
    now: f64,
    under_way: Vec<Walk>,
    connections: Vec<Tickets>,
    /// Binds that were at the server: by whom, and the request.
    bound: BTreeSet<(usize, Vec<u8>)>,
    /// A guard was told of a wrong password, or may have been.
    failed: bool,
}

thread_local! {
    /// To compile a policy takes longer than all that is asked of it.
    static STAGES: RefCell<Vec<Stage>> = RefCell::new((0..16).map(Stage::new).collect());
}

impl Stage {
    fn new(number: u16) -> Self {
        // The first has all rules; of the others, each lacks some.
        let stages = stages(number.wrapping_mul(0x9e37) & if number & 1 == 0 { 0xe924 } else { 0xffff });
        let (policy, lists) = (compile(&stages), lists(&stages));
        let (under_way, connections, bound) = (Vec::new(), Vec::new(), BTreeSet::new());
        Self { policy, lists, now: 0.0, under_way, connections, bound, failed: false }
    }

    /// Begins anew, so late that every rate and failure is forgotten.
    fn begin(&mut self) {
        self.now += 4_000.0;
        self.connections.clear();
        self.bound.clear();
        self.failed = false;
    }

    /// Lets a request walk to its end, whatever hooks and delays are on its way. The last thing told is given too.
    fn walk(&mut self, client: &(ClientFacts, Who), request: &Request<'_>, memory: &mut Memory) -> (Judgement, Walk) {
        let (facts, who) = client;
        let standing = self.policy.standing(facts, who);
        let subject = Subject { facts, who, standing: &standing };
        memory.prepare(request);
        let mut walk = Walk::default();
        for _ in 0..16 {
            let judgement = self.policy.judge(&subject, &Asked::remembering(request, memory), self.now, &mut walk);
            match judgement {
                Judgement::Hold { .. } => {}
                Judgement::Delay { seconds } => {
                    assert!(seconds.is_finite() && seconds >= 0.0);
                    self.now += seconds;
                }
                Judgement::Refuse { seconds, .. } => {
                    assert!(seconds.is_finite() && seconds >= 0.0);
                    assert!(walk.tickets.is_empty() && walk.guards.is_empty());
                    return (judgement, walk);
                }
                Judgement::Close => {
                    assert!(walk.tickets.is_empty() && walk.guards.is_empty());
                    return (judgement, walk);
                }
                Judgement::Pass => return (judgement, walk),
            }
        }
        // A guard lets it wait for those before it.
        self.policy.give_up(&mut walk, self.now);
        assert!(walk.tickets.is_empty() && walk.guards.is_empty());
        (Judgement::Close, walk)
    }

    fn asks(&mut self, place: usize, message: &[u8], memory: &mut Memory) {
        let Ok(request) = Request::parse(message, &LIMITS) else { return };
        let client = &CLIENTS[place];
        self.lists_agree(client, &request);
        let (judgement, mut walk) = self.walk(client, &request, memory);
        let told = walk.told.iter().rfind(|told| told.mode == Mode::Enforce && told.code.is_some()).cloned();
        match &judgement {
            Judgement::Pass => self.explanation_allows(client, &request, &walk),
            Judgement::Refuse { code, .. } => {
                let told = told.expect("a refusal is told");
                assert_eq!(told.code, Some(*code));
                self.explanation_refuses(client, &request, &told);
            }
            _ => {}
        }
        if judgement == Judgement::Pass {
            if let Operation::Bind(_) = request.operation {
                self.bound.insert((place, message.to_vec()));
            }
            walk.told.clear();
            self.under_way.push(walk);
        }
    }

    /// What lists decide is what they explain.
    fn lists_agree(&self, client: &(ClientFacts, Who), request: &Request<'_>) {
        let (facts, who) = client;
        let standing = self.lists.standing(facts, who);
        let mut walk = Walk::default();
        let subject = Subject { facts, who, standing: &standing };
        let judgement = self.lists.judge(&subject, &Asked::new(request), self.now, &mut walk);
        let told = explained(&self.lists, client, request);
        match judgement {
            Judgement::Pass => {
                assert_eq!(told["verdict"], "allowed", "{told}");
                let allowed = walk.allowed.map(|allowed| self.lists.names(&allowed));
                assert_eq!(told["plugin"].as_str().zip(told["rule"].as_str()), allowed, "{told}");
            }
            Judgement::Refuse { code, text, .. } => {
                assert_eq!((&told["verdict"], &told["code"]), (&json!("refused"), &json!(code.0)), "{told}");
                assert_eq!(told["text"], json!(&*text), "{told}");
            }
            other => panic!("a list says {other:?}"),
        }
    }

    fn explanation_allows(&self, client: &(ClientFacts, Who), request: &Request<'_>, walk: &Walk) {
        let told = explained(&self.policy, client, request);
        assert_eq!(told["verdict"], "allowed", "{told}");
        assert_eq!(told["changes"].is_null(), walk.edit.is_nothing(), "{told}");
        assert!(told["changes"].is_null() || told["changes"]["size_limit"] == json!(walk.edit.size_limit), "{told}");
        assert!(told["changes"].is_null() || told["changes"]["attributes"] == json!(walk.edit.attributes), "{told}");
    }

    fn explanation_refuses(&self, client: &(ClientFacts, Who), request: &Request<'_>, last: &Told) {
        let told = explained(&self.policy, client, request);
        let (plugin, rule) = self.policy.names(last);
        if SELF_EVIDENT.contains(&plugin) {
            assert_eq!(told["verdict"], "refused", "{told}");
            assert_eq!((&told["plugin"], &told["rule"]), (&json!(plugin), &json!(rule)), "{told}");
        }
    }

    /// One of the requests at the server ends.
    fn ends(&mut self, choices: &mut Choices<'_>) {
        if self.under_way.is_empty() {
            return;
        }
        let mut walk = self.under_way.swap_remove(choices.below(self.under_way.len()));
        let how = choices.octet();
        if how & 1 == 0 {
            self.policy.give_up(&mut walk, self.now);
        } else {
            let code =
                [ResultCode::SUCCESS, ResultCode::INVALID_CREDENTIALS, ResultCode(53)][usize::from(how >> 1) % 3];
            self.failed |= code == ResultCode::INVALID_CREDENTIALS && !walk.guards.is_empty();
            self.policy.release(&mut walk.tickets);
            self.policy.bind_finished(&mut walk.guards, Some(code), f64::from(how), self.now);
        }
        assert!(walk.tickets.is_empty() && walk.guards.is_empty());
    }

    fn connects(&mut self, client: &(ClientFacts, Who)) {
        match self.policy.admit(&client.0, self.now) {
            Entry::Admitted(tickets, _) => self.connections.push(tickets),
            Entry::Refused(told) => assert_eq!(self.policy.names(&told).1, "connect"),
        }
    }

    fn lose_connections(&mut self) {
        for mut tickets in std::mem::take(&mut self.connections) {
            self.policy.release(&mut tickets);
        }
    }

    /// Everything has ended: as much may go on as if nothing had ever been.
    fn gave_everything_back(&mut self) {
        let probe = (facts("192.0.2.1", "probe", true, None), Who::Anonymous);
        let mut message = Vec::new();
        write::compare_request(&mut message, 1, b"dc=corp", b"uid", b"a");
        let request = Request::parse(&message, &LIMITS).unwrap();
        let mut taken = Vec::new();
        for _ in 0..AT_ONCE {
            let (judgement, walk) = self.walk(&probe, &request, &mut Memory::default());
            assert_eq!(judgement, Judgement::Pass, "something was not given back: {:?}", walk.told);
            taken.push(walk);
        }
        let (judgement, walk) = self.walk(&probe, &request, &mut Memory::default());
        assert!(matches!(judgement, Judgement::Refuse { code: ResultCode::BUSY, .. }));
        assert_eq!(walk.told.last().map(|told| told.stage), Some(OFTEN));
        for mut walk in taken {
            self.policy.give_up(&mut walk, self.now);
        }
        for _ in 0..2 {
            self.connects(&probe);
        }
        assert_eq!(self.connections.len(), 2);
        self.lose_connections();
        if self.failed {
            return;
        }
        for (place, message) in std::mem::take(&mut self.bound) {
            let (facts, who) = &CLIENTS[place];
            let request = Request::parse(&message, &LIMITS).unwrap();
            let (standing, mut walk) = (self.policy.standing(facts, who), Walk::default());
            let subject = Subject { facts, who, standing: &standing };
            self.now += 3_600.0;
            let at_hook = self.policy.judge(&subject, &Asked::new(&request), self.now, &mut walk);
            assert!(matches!(at_hook, Judgement::Hold { .. }));
            let judgement = self.policy.judge(&subject, &Asked::new(&request), self.now, &mut walk);
            assert!(!matches!(judgement, Judgement::Delay { .. }), "a guard waits for nobody");
            self.policy.give_up(&mut walk, self.now);
        }
    }
}

fn explained(policy: &Policy, client: &(ClientFacts, Who), request: &Request<'_>) -> Value {
    serde_json::from_str(&policy.explain(&client.0, &client.1, request)).expect("explanations are JSON")
}

fn play(stage: &mut Stage, choices: &mut Choices<'_>) {
    let mut memories: Vec<Memory> = CLIENTS.iter().map(|_| Memory::default()).collect();
    let mut calls = 0;
    while !choices.is_empty() && calls < 64 {
        calls += 1;
        let place = choices.below(CLIENTS.len());
        match choices.octet() & 15 {
            0 => stage.now += f64::from(choices.octet()),
            1 | 2 => stage.ends(choices),
            3 => stage.connects(&CLIENTS[place]),
            4 => {
                if let Some(mut tickets) = stage.connections.pop() {
                    stage.policy.release(&mut tickets);
                }
            }
            5 => {
                let octets = choices.octets();
                stage.asks(place, octets, &mut memories[place]);
            }
            _ => {
                let message = ostiary_fuzz::request(choices, 7);
                stage.asks(place, &message, &mut memories[place]);
            }
        }
    }
    while !stage.under_way.is_empty() {
        stage.ends(choices);
    }
    stage.lose_connections();
    stage.gave_everything_back();
}

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices::new(data);
    STAGES.with_borrow_mut(|stages| {
        let stage = &mut stages[choices.below(16)];
        stage.begin();
        play(stage, &mut choices);
    });
});
