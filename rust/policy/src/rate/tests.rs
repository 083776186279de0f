//! Limits under a virtual clock: who shares a bucket with whom, and what happens beyond.

use core::net::IpAddr;
use std::sync::Arc;

use ostiary_arena::{Arena, Layout};
use ostiary_ldap::message::{FilterLimits, Request};
use ostiary_ldap::oid;
use ostiary_ldap::result::ResultCode;
use ostiary_ldap::write;
use serde_json::{Value, json};

use super::{Admission, RateLimit, Tickets};
use crate::asked::Asked;
use crate::decision::{Decision, Note, Outcome};
use crate::facts::ClientFacts;
use crate::fault::Faults;
use crate::spec::PolicySpec;
use crate::who::Who;

fn compile(spec: Value) -> Result<RateLimit, Vec<(String, String)>> {
    let spec = serde_json::from_value(spec).unwrap();
    let mut faults = Faults::default();
    let rules = RateLimit::compile(&spec, "rate_limit", &mut faults);
    let faults: Vec<_> = faults.into_vec().into_iter().map(|fault| (fault.path, fault.message)).collect();
    assert_eq!(rules.is_none(), !faults.is_empty());
    rules.ok_or(faults)
}

/// One limit, with what matters to the test, over two per hour at most.
fn one(mut limit: Value) -> RateLimit {
    let fields = limit.as_object_mut().unwrap();
    fields.entry("name").or_insert(json!("it"));
    fields.entry("key").or_insert(json!("client"));
    if !fields.contains_key("concurrent") {
        fields.entry("rate").or_insert(json!("2/h"));
        fields.entry("burst").or_insert(json!(2));
    }
    compile(json!({ "limits": [limit] })).unwrap()
}

fn client(address: &str, listener: &str) -> ClientFacts {
    ClientFacts { address: address.parse().ok(), listener: listener.into(), tls: false, certificate: None }
}

/// A stage, and what it is asked with.
struct Bench {
    rules: RateLimit,
    arena: Arena,
    outcome: Outcome,
    tickets: Tickets,
}

impl Bench {
    fn new(rules: RateLimit) -> Self {
        let arena = Arena::new([3; 16], rules.layout());
        Self { rules, arena, outcome: Outcome::default(), tickets: Tickets::default() }
    }

    fn ask(&mut self, client: &ClientFacts, who: &str, message: &[u8], now: f64) -> Decision {
        let request = Request::parse(message, &FilterLimits::default()).unwrap();
        let (asked, who) = (Asked::new(&request), Who::from_name(who.as_bytes()));
        self.rules.judge(&self.arena, client, &who, &asked, now, &mut self.outcome, &mut self.tickets)
    }

    fn passes(&mut self, client: &ClientFacts, who: &str, message: &[u8], now: f64) -> bool {
        self.ask(client, who, message, now) == Decision::Pass
    }

    fn admits(&mut self, client: &ClientFacts, now: f64) -> Option<Tickets> {
        match self.rules.admit(&self.arena, client, now, &mut self.outcome) {
            Admission::Admitted(tickets) => Some(tickets),
            Admission::Refused { .. } => None,
        }
    }
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut message = Vec::new();
    write(&mut message);
    message
}

fn bind(name: &str) -> Vec<u8> {
    written(|out| write::bind_request(out, 1, name.as_bytes(), b"secret", &[]))
}

fn delete() -> Vec<u8> {
    written(|out| write::delete_request(out, 1, b"cn=x", &[]))
}

fn compare() -> Vec<u8> {
    written(|out| write::compare_request(out, 1, b"cn=x", b"cn", b"x"))
}

fn extended(name: &str) -> Vec<u8> {
    written(|out| write::extended_request(out, 1, name.as_bytes(), None, &[]))
}

fn busy() -> Decision {
    Decision::Refuse { rule: Some(0), code: ResultCode::BUSY, text: Arc::from("too many requests, try again later") }
}

#[test]
fn the_limit_of_the_documentation_is_a_stage() {
    let policy: PolicySpec =
        serde_json::from_value(json!({ "stages": [{ "plugin": "rate_limit", "rules": { "rate_limit": {
        "limits": [{ "name": "binds-per-client", "operations": ["bind"], "key": ["client"], "rate": "20/s", "burst": 40,
                     "exceeded": "busy" }] } } }] }))
        .unwrap();
    let crate::spec::RulesSpec::RateLimit(spec) = &policy.stages[0].rules else { panic!() };
    let rules = RateLimit::compile(spec, "rate_limit", &mut Faults::default()).unwrap();
    assert_eq!((rules.rule_name(0), rules.rule_name(1)), ("binds-per-client", ""));
    assert_eq!(rules.layout(), Layout { buckets: 65_536, ..Layout::default() });
    let mut bench = Bench::new(rules);
    let (one, other) = (client("10.0.0.1", "ldaps"), client("10.0.0.2", "ldaps"));
    let passed =
        |bench: &mut Bench, client, now| (0..200).filter(|_| bench.passes(client, "", &bind("cn=a"), now)).count();
    assert_eq!(passed(&mut bench, &one, 100.0), 40);
    assert_eq!(passed(&mut bench, &one, 101.0), 20);
    assert_eq!(passed(&mut bench, &other, 101.0), 40);
    assert_eq!(bench.ask(&one, "", &bind("cn=a"), 101.0), busy());
    assert_eq!(bench.ask(&one, "", &delete(), 101.0), Decision::Pass);
}

#[test]
fn clients_share_a_bucket_as_the_key_says() {
    let (first, second) = (("10.1.2.3", "ldap", "cn=a"), ("10.1.2.4", "ldap", "cn=a"));
    for (key, one, other, shared) in [
        (json!("client"), first, second, false),
        (json!("client"), first, ("10.1.2.3", "ldaps", "cn=b"), true),
        (json!("client"), ("2001:db8::1", "ldap", ""), ("2001:db8::2", "ldap", ""), false),
        (json!("client"), ("unix", "ldapi", ""), ("unix", "ldapi", ""), true),
        (json!("client"), ("unix", "ldapi", ""), ("unix", "other", ""), false),
        (json!("network/24"), first, second, true),
        (json!("network/24"), first, ("10.1.3.3", "ldap", ""), false),
        (json!("network/1"), first, ("126.0.0.1", "ldap", ""), true),
        (json!("network/1"), first, ("128.0.0.1", "ldap", ""), false),
        (json!("network/32"), first, second, false),
        (json!("network/24"), ("2001:db8::1", "ldap", ""), ("2001:db8::ffff:2", "ldap", ""), true),
        (json!("network/24"), ("2001:db8::1", "ldap", ""), ("2001:db8:0:1::1", "ldap", ""), false),
        (json!("network/48"), ("2001:db8::1", "ldap", ""), ("2001:db8:0:1::1", "ldap", ""), true),
        (json!("network/48"), first, second, false),
        (json!("network/128"), ("2001:db8::1", "ldap", ""), ("2001:db8::2", "ldap", ""), false),
        (json!("identity"), first, ("192.0.2.1", "ldaps", "CN = A"), true),
        (json!("identity"), first, ("10.1.2.3", "ldap", "cn=b"), false),
        (
            json!("identity"),
            ("10.0.0.1", "ldap", "alice@corp.example"),
            ("10.0.0.2", "ldap", "Alice@CORP.example"),
            true,
        ),
        (json!("identity"), ("10.0.0.1", "ldap", "<GUID=1>"), ("10.0.0.1", "ldap", "<GUID=2>"), true),
        (json!("identity"), ("10.0.0.1", "ldap", ""), ("10.0.0.2", "ldap", ""), true),
        (json!("listener"), first, ("192.0.2.1", "ldap", "cn=b"), true),
        (json!("listener"), first, ("10.1.2.3", "ldaps", "cn=a"), false),
        (json!("global"), first, ("2001:db8::1", "ldaps", ""), true),
        (json!(["client", "identity"]), first, second, false),
        (json!(["client", "identity"]), first, ("10.1.2.3", "ldap", "cn=b"), false),
        (json!(["network/24", "identity", "listener"]), first, second, true),
        (json!(["network/24", "identity", "listener"]), first, ("10.1.2.4", "ldaps", "cn=a"), false),
    ] {
        let mut bench = Bench::new(self::one(json!({ "key": key, "rate": "1/h", "burst": 1 })));
        assert!(bench.passes(&client(one.0, one.1), one.2, &delete(), 1.0));
        assert_eq!(
            !bench.passes(&client(other.0, other.1), other.2, &delete(), 1.0),
            shared,
            "{key} {one:?} {other:?}"
        );
    }
}

#[test]
fn a_bind_counts_for_the_identity_it_asks_for() {
    for (one, other, shared) in [
        ("cn=app,dc=x", "CN=App, DC=X", true),
        ("cn=app,dc=x", "cn=app2,dc=x", false),
        ("alice", "ALICE ", true),
        ("alice", "bob", false),
        ("<GUID=1>", "<GUID=2>", true),
        ("cn=a\u{200b}", "cn=a\u{200b}\u{200b}", true),
    ] {
        let mut bench = Bench::new(self::one(json!({ "key": "identity", "rate": "1/h", "burst": 1 })));
        assert!(bench.passes(&client("10.0.0.1", "ldap"), "cn=somebody", &bind(one), 1.0));
        let refused = !bench.passes(&client("10.0.0.2", "ldap"), "cn=else", &bind(other), 1.0);
        assert_eq!(refused, shared, "{one} {other}");
        assert!(bench.passes(&client("10.0.0.1", "ldap"), "cn=somebody", &delete(), 1.0));
    }
}

#[test]
fn only_the_operations_named_are_counted() {
    let messages = [
        ("bind", bind("cn=a")),
        ("delete", delete()),
        ("compare", compare()),
        ("extended", extended(oid::WHO_AM_I_OID)),
    ];
    for (word, message) in &messages {
        let mut bench = Bench::new(one(json!({ "operations": word, "rate": "1/h", "burst": 1 })));
        let client = client("10.0.0.1", "ldap");
        for (other, message) in messages.iter().filter(|(other, _)| other != word) {
            assert!((0..3).all(|_| bench.passes(&client, "", message, 1.0)), "{word} {other}");
        }
        assert!(bench.passes(&client, "", message, 1.0));
        assert!(!bench.passes(&client, "", message, 1.0));
        assert!(bench.admits(&client, 1.0).is_some());
    }
    let mut bench = Bench::new(one(json!({ "rate": "3/h", "burst": 3 })));
    let passed: Vec<_> =
        messages.iter().map(|(_, message)| bench.passes(&client("10.0.0.1", "ldap"), "", message, 1.0)).collect();
    assert_eq!(passed, [true, true, true, false]);
}

#[test]
fn what_no_rule_judges_is_not_counted() {
    let mut bench = Bench::new(one(json!({ "rate": "1/h", "burst": 1 })));
    let client = client("10.0.0.1", "ldap");
    let unbind = written(|out| write::unbind_request(out, 1));
    let abandon = written(|out| write::abandon_request(out, 2, 1));
    for message in [unbind, abandon, extended(oid::CANCEL_OID), extended(oid::START_TLS_OID)] {
        assert!((0..3).all(|_| bench.passes(&client, "", &message, 1.0)));
    }
    assert!(bench.passes(&client, "", &delete(), 1.0));
}

#[test]
fn beyond_the_limit_happens_what_it_says() {
    let client = client("10.0.0.1", "ldap");
    let after = |exceeded: Value| {
        let mut limit = json!({ "rate": "2/s", "burst": 1 });
        limit.as_object_mut().unwrap().extend(exceeded.as_object().unwrap().clone());
        let mut bench = Bench::new(one(limit));
        let client = client.clone();
        (0..4).map(move |_| bench.ask(&client, "", &delete(), 1.0)).collect::<Vec<_>>()
    };
    assert_eq!(after(json!({})), [Decision::Pass, busy(), busy(), busy()]);
    assert_eq!(after(json!({ "exceeded": "close" }))[1], Decision::Close { rule: 0 });
    let delayed = |seconds| Decision::Delay { rule: 0, seconds };
    let expected = [Decision::Pass, delayed(0.5), delayed(1.0), busy()];
    assert_eq!(after(json!({ "exceeded": "delay", "delay_seconds": 1.2 })), expected);
    assert_eq!(after(json!({ "exceeded": "delay" }))[3], delayed(1.5));
}

#[test]
fn the_longest_delay_counts_and_a_refusal_comes_before_it() {
    let limit = |name: &str, rate: &str, rest: Value| {
        let mut limit = json!({ "name": name, "key": "client", "rate": rate, "burst": 1, "exceeded": "delay" });
        limit.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        limit
    };
    let limits = json!([
        limit("a", "2/s", json!({})),
        limit("b", "1/s", json!({})),
        limit("c", "4/s", json!({})),
        limit("d", "2/h", json!({ "exceeded": "close", "burst": 2 })),
    ]);
    let mut bench = Bench::new(compile(json!({ "limits": limits })).unwrap());
    let mut ask = || bench.ask(&client("10.0.0.1", "ldap"), "", &delete(), 1.0);
    assert_eq!(
        [ask(), ask(), ask()],
        [Decision::Pass, Decision::Delay { rule: 1, seconds: 1.0 }, Decision::Close { rule: 3 }]
    );
}

#[test]
fn what_is_in_use_is_counted_until_it_is_given_back() {
    let mut bench = Bench::new(one(json!({ "concurrent": 2 })));
    let client = client("10.0.0.1", "ldap");
    assert!(bench.passes(&client, "", &delete(), 1.0));
    let mut first = core::mem::take(&mut bench.tickets);
    assert!(bench.passes(&client, "", &delete(), 1.0));
    assert_eq!(bench.ask(&client, "", &delete(), 1e6), busy());
    first.release(&bench.arena);
    assert!(first.is_empty());
    first.release(&bench.arena);
    assert!(bench.passes(&client, "", &delete(), 1.0));
    assert!(!bench.passes(&client, "", &delete(), 1.0));
    assert!(bench.passes(&self::client("10.0.0.2", "ldap"), "", &delete(), 1.0));
}

#[test]
fn a_refusal_by_a_later_limit_keeps_nothing_in_use() {
    let limits = json!([
        { "name": "a", "key": "client", "concurrent": 1 },
        { "name": "b", "key": "global", "rate": "1/s", "burst": 1 },
    ]);
    let mut bench = Bench::new(compile(json!({ "limits": limits })).unwrap());
    let (one, other) = (client("10.0.0.1", "ldap"), client("10.0.0.2", "ldap"));
    assert!(bench.passes(&one, "", &delete(), 1.0));
    assert!(!bench.passes(&other, "", &delete(), 1.0));
    assert_eq!(bench.tickets.0.len(), 1);
    assert!(bench.passes(&other, "", &delete(), 2.0));
    assert!(!bench.passes(&one, "", &delete(), 9.0));
}

#[test]
fn connections_are_limited_by_rate_and_by_number() {
    let limits = json!([
        { "name": "open", "operations": "connect", "key": "client", "concurrent": 2 },
        { "name": "rate", "operations": ["connect"], "key": "network/24", "rate": "3/s", "exceeded": "close" },
    ]);
    let rules = compile(json!({ "limits": limits, "entries": 1_024 })).unwrap();
    assert_eq!(rules.layout(), Layout { buckets: 1_024, counters: 1_024, ..Layout::default() });
    let mut bench = Bench::new(rules);
    let (one, other) = (client("10.0.0.1", "ldap"), client("10.0.0.2", "ldap"));
    let mut first = bench.admits(&one, 1.0).unwrap();
    let _second = bench.admits(&one, 1.0).unwrap();
    assert!(matches!(bench.rules.admit(&bench.arena, &one, 1.0, &mut bench.outcome), Admission::Refused { rule: 0 }));
    let mut third = bench.admits(&other, 1.0).unwrap();
    third.release(&bench.arena);
    assert!(matches!(bench.rules.admit(&bench.arena, &other, 1.0, &mut bench.outcome), Admission::Refused { rule: 1 }));
    assert!(bench.admits(&one, 5.0).is_none());
    first.release(&bench.arena);
    assert!(bench.admits(&one, 5.0).is_some());
    // Connections that the rate refused are not open.
    assert!(bench.admits(&other, 5.0).is_some());
    assert!(bench.passes(&one, "", &delete(), 5.0));
}

#[test]
fn a_limit_applies_to_the_networks_it_names() {
    for (from, address, applies) in [
        (json!("10.0.0.0/8"), "10.9.9.9", true),
        (json!("10.0.0.0/8"), "11.9.9.9", false),
        (json!(["10.0.0.0/8", "2001:db8::/32"]), "2001:db8::1", true),
        (json!("192.0.2.7"), "192.0.2.7", true),
        (json!("192.0.2.7"), "192.0.2.8", false),
        (json!("0.0.0.0/0"), "2001:db8::1", false),
        (json!("0.0.0.0/0"), "unix", false),
    ] {
        let mut bench = Bench::new(one(json!({ "from": from, "rate": "1/h", "burst": 1 })));
        let client = client(address, "ldap");
        assert!(bench.passes(&client, "", &delete(), 1.0));
        assert_eq!(!bench.passes(&client, "", &delete(), 1.0), applies, "{from} {address}");
    }
}

#[test]
fn a_limit_in_monitor_mode_only_tells() {
    let note = Note { rule: Some(0), code: Some(ResultCode::BUSY) };
    for limit in [
        json!({ "rate": "1/h", "burst": 1 }),
        json!({ "rate": "1/h", "burst": 1, "exceeded": "close" }),
        json!({ "rate": "1/s", "burst": 1, "exceeded": "delay" }),
        json!({ "concurrent": 1 }),
    ] {
        let mut limit = limit;
        limit["mode"] = json!("monitor");
        let mut bench = Bench::new(one(limit));
        let client = client("10.0.0.1", "ldap");
        assert!(bench.passes(&client, "", &delete(), 1.0));
        assert_eq!(bench.outcome.notes, []);
        assert!(bench.passes(&client, "", &delete(), 1.0));
        assert_eq!(bench.outcome.notes, core::slice::from_ref(&note));
    }
    let mut bench = Bench::new(one(json!({ "operations": "connect", "concurrent": 1, "mode": "monitor" })));
    let client = client("10.0.0.1", "ldap");
    let _open = bench.admits(&client, 1.0).unwrap();
    assert!(bench.admits(&client, 1.0).unwrap().is_empty());
    assert_eq!(bench.outcome.notes, [note]);
}

#[test]
fn a_limit_in_monitor_mode_leaves_the_next_one_in_force() {
    let limits = json!([
        { "name": "a", "key": "client", "rate": "1/h", "burst": 1, "mode": "monitor" },
        { "name": "b", "key": "client", "rate": "2/h", "burst": 2 },
    ]);
    let mut bench = Bench::new(compile(json!({ "limits": limits })).unwrap());
    let client = client("10.0.0.1", "ldap");
    let passed: Vec<_> = (0..3).map(|_| bench.passes(&client, "", &delete(), 1.0)).collect();
    assert_eq!(passed, [true, true, false]);
}

#[test]
fn equally_named_limits_of_two_plugins_share_nothing() {
    let spec = serde_json::from_value(json!({ "limits": [{ "name": "a", "key": "client", "rate": "1/h" }] })).unwrap();
    let compile = |plugin| RateLimit::compile(&spec, plugin, &mut Faults::default()).unwrap();
    let mut bench = Bench::new(compile("one"));
    let client = client("10.0.0.1", "ldap");
    assert!(bench.passes(&client, "", &delete(), 1.0));
    bench.rules = compile("other");
    assert!(bench.passes(&client, "", &delete(), 1.0));
    // The same limit, compiled anew, goes on where it was.
    bench.rules = compile("one");
    assert!(!bench.passes(&client, "", &delete(), 1.0));
}

#[test]
fn a_hundred_thousand_addresses_take_no_more_room_and_free_no_debtor() {
    let mut bench = Bench::new(one(json!({ "rate": "1/h", "burst": 3 })));
    let octets = bench.arena.octets();
    let debtor = client("192.0.2.1", "ldap");
    assert_eq!((0..9).filter(|_| bench.passes(&debtor, "", &delete(), 1.0)).count(), 3);
    for each in 0..100_000_u32 {
        let one = ClientFacts { address: Some(IpAddr::V4((0x0a00_0000 + each).into())), ..debtor.clone() };
        assert!(bench.passes(&one, "", &delete(), 1.0), "{each}");
    }
    assert!(!bench.passes(&debtor, "", &delete(), 1.0));
    assert_eq!(bench.arena.octets(), octets);
    assert!(octets < 2_000_000);
}

#[test]
fn every_fault_is_told_with_its_key_path() {
    let limit = |rest: Value| {
        let mut limit = json!({ "name": "a", "key": "client", "rate": "1/s" });
        limit.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        limit.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        limit
    };
    for (rest, path, message) in [
        (json!({ "name": "" }), "limits[0].name", "a name expected"),
        (json!({ "operations": [] }), "limits[0].operations", "at least one operation"),
        (json!({ "operations": ["bind", "unbind"] }), "limits[0].operations[1]", "connect expected: unbind"),
        (json!({ "operations": ["bind", "connect"] }), "limits[0].operations", "a limit of its own for connect"),
        (json!({ "key": [] }), "limits[0].key", "global expected"),
        (json!({ "key": "address" }), "limits[0].key[0]", "global expected: address"),
        (json!({ "key": "network/0" }), "limits[0].key[0]", "N from 1 to 128"),
        (json!({ "key": "network/129" }), "limits[0].key[0]", "N from 1 to 128"),
        (json!({ "key": ["client", "network/24"] }), "limits[0].key[1]", "not both: network/24"),
        (json!({ "key": ["identity", "identity"] }), "limits[0].key[1]", "written twice: identity"),
        (json!({ "key": ["client", "global"] }), "limits[0].key[1]", "global stands alone"),
        (json!({ "key": "identity", "operations": "connect" }), "limits[0].key", "no identity yet"),
        (json!({ "rate": "20" }), "limits[0].rate", "as 20/s: 20"),
        (json!({ "rate": "0/s" }), "limits[0].rate", "as 20/s: 0/s"),
        (json!({ "rate": "+5/s" }), "limits[0].rate", "as 20/s: +5/s"),
        (json!({ "rate": "20/sec" }), "limits[0].rate", "as 20/s: 20/sec"),
        (json!({ "rate": "9999999/s" }), "limits[0].rate", "as 20/s: 9999999/s"),
        (json!({ "rate": null }), "limits[0]", "rate or concurrent expected"),
        (json!({ "concurrent": 3 }), "limits[0]", "not both"),
        (json!({ "rate": null, "concurrent": 0 }), "limits[0].concurrent", "from 1 to 1000000 expected: 0"),
        (json!({ "rate": null, "concurrent": 3, "burst": 1 }), "limits[0].burst", "only a rate has a burst"),
        (json!({ "burst": 0 }), "limits[0].burst", "from 1 to 1000000 expected: 0"),
        (json!({ "exceeded": "drop" }), "limits[0].exceeded", "busy, delay or close expected: drop"),
        (json!({ "exceeded": "busy", "operations": "connect" }), "limits[0].exceeded", "only be closed"),
        (
            json!({ "rate": null, "concurrent": 3, "exceeded": "delay" }),
            "limits[0].exceeded",
            "write busy or close with concurrent",
        ),
        (json!({ "delay_seconds": 1 }), "limits[0].delay_seconds", "only with exceeded"),
        (json!({ "exceeded": "delay", "delay_seconds": 0 }), "limits[0].delay_seconds", "at most 60 expected: 0"),
        (json!({ "exceeded": "delay", "delay_seconds": 61 }), "limits[0].delay_seconds", "at most 60 expected: 61"),
        (json!({ "from": [] }), "limits[0].from", "at least one network"),
        (json!({ "from": ["10.0.0.0/8", "wiki"] }), "limits[0].from[1]", "nor an address: wiki"),
        (json!({ "from": "10.0.0.1/8" }), "limits[0].from[0]", "write 10.0.0.0/8 instead: 10.0.0.1/8"),
        (json!({ "from": "::ffff:10.0.0.1" }), "limits[0].from[0]", "compared as ipv4"),
    ] {
        let faults = compile(json!({ "limits": [limit(rest.clone())] })).unwrap_err();
        assert_eq!(faults.len(), 1, "{rest}: {faults:?}");
        assert_eq!(faults[0].0, path, "{rest}");
        assert!(faults[0].1.contains(message), "{rest}: {}", faults[0].1);
    }
    let faults = compile(json!({ "limits": [limit(json!({})), limit(json!({}))], "entries": 1 })).unwrap_err();
    assert_eq!(faults.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["entries", "limits[1].name"]);
    assert_eq!(compile(json!({ "limits": [] })).unwrap_err()[0].0, "limits");
}

#[test]
fn a_burst_is_one_second_s_worth_unless_it_is_said() {
    for (rate, burst) in [("20/s", 20), ("100/min", 1), ("600/min", 10), ("5/h", 1)] {
        let rules = compile(json!({ "limits": [{ "name": "a", "key": "global", "rate": rate }] })).unwrap();
        let mut bench = Bench::new(rules);
        let client = client("10.0.0.1", "ldap");
        assert_eq!((0..100).filter(|_| bench.passes(&client, "", &delete(), 1.0)).count(), burst, "{rate}");
    }
}
