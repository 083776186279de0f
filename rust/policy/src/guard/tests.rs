//! The guard before a server that counts what reaches it, under a virtual clock.

use core::net::IpAddr;
use std::collections::HashMap;

use ostiary_arena::{Arena, Layout};
use ostiary_ldap::message::{Authentication, BindRequest};
use ostiary_ldap::result::ResultCode;
use serde_json::{Value, json};

use super::*;
use crate::fault::Faults;
use crate::spec::PolicySpec;

const TOOK: f64 = 0.02;

fn compile(spec: Value) -> Result<BindGuard, Vec<(String, String)>> {
    let spec = serde_json::from_value(spec).unwrap();
    let mut faults = Faults::default();
    let guard = BindGuard::compile(&spec, "bind_guard", &mut faults);
    guard.ok_or_else(|| faults.into_vec().into_iter().map(|fault| (fault.path, fault.message)).collect())
}

fn bind<'a>(name: &'a str, password: &'a str) -> BindRequest<'a> {
    let authentication = Authentication::Simple(password.as_bytes());
    BindRequest { version: 3, name: name.as_bytes(), authentication }
}

fn client(address: &str) -> ClientFacts {
    ClientFacts { address: address.parse().ok(), listener: "ldap".into(), tls: false, certificate: None }
}

/// What became of a bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Success,
    Invalid,
    Refused(&'static str),
    Waits,
}
use End::{Invalid, Refused, Success, Waits};

/// A guard with a directory behind it, in which everybody's password is `right` unless it is said.
struct Site {
    guard: BindGuard,
    arena: Arena,
    outcome: Outcome,
    passwords: HashMap<String, String>,
    now: f64,
    reached: u32,
    guesses: u32,
}

impl Site {
    fn new(spec: Value) -> Self {
        let guard = compile(spec).unwrap();
        let arena = Arena::new([9; 16], guard.layout());
        Self {
            guard,
            arena,
            outcome: Outcome::default(),
            passwords: HashMap::new(),
            now: 1_000.0,
            reached: 0,
            guesses: 0,
        }
    }

    fn check(&mut self, address: &str, name: &str, password: &str) -> GuardDecision {
        self.guard.check(&self.arena, &client(address), &bind(name, password), self.now, &mut self.outcome)
    }

    fn answer(&mut self, ticket: GuardTicket, name: &str, password: &str) -> End {
        self.reached += 1;
        let is_right = self.passwords.get(name).map_or("right", String::as_str) == password;
        let code = if is_right { ResultCode::SUCCESS } else { ResultCode::INVALID_CREDENTIALS };
        self.guard.finished(&self.arena, ticket, code, TOOK, self.now);
        if is_right { Success } else { Invalid }
    }

    /// One bind, from its request to its answer.
    fn bind(&mut self, address: &str, name: &str, password: &str) -> End {
        match self.check(address, name, password) {
            GuardDecision::Pass(ticket) => self.answer(ticket, name, password),
            GuardDecision::Wait { .. } => Waits,
            GuardDecision::Refuse { rule } => Refused(BindGuard::rule_name(rule)),
        }
    }

    /// As many different wrong passwords.
    fn fail(&mut self, address: &str, name: &str, times: u32) -> Vec<End> {
        let mut guess = || {
            self.guesses += 1;
            self.bind(address, name, &format!("guess {}", self.guesses))
        };
        (0..times).map(|_| guess()).collect()
    }
}

const HERE: &str = "10.0.0.1";
const THERE: &str = "10.0.0.2";
const APP: &str = "cn=app,dc=x";

#[test]
fn a_wrong_password_sent_a_thousand_times_reaches_the_server_once() {
    let mut site = Site::new(json!({}));
    assert_eq!(site.bind(HERE, APP, "old"), Invalid);
    for _ in 0..999 {
        site.now += 0.01;
        assert_eq!(site.bind(HERE, APP, "old"), Refused("negative_cache"));
        assert_eq!(site.bind(THERE, APP, "right"), Success);
    }
    assert_eq!(site.reached, 1_000);
    assert_eq!(site.bind(HERE, APP, "right"), Success);
}

#[test]
fn a_wrong_password_sent_by_many_connections_at_once_reaches_the_server_five_times() {
    let mut site = Site::new(json!({}));
    let mut tickets = Vec::new();
    let mut waiting = 0;
    for _ in 0..1_000 {
        match site.check(HERE, APP, "old") {
            GuardDecision::Pass(ticket) => tickets.push(ticket),
            GuardDecision::Wait { seconds } => {
                assert!((0.01..=0.25).contains(&seconds));
                waiting += 1;
            }
            GuardDecision::Refuse { rule } => panic!("{rule}"),
        }
    }
    assert_eq!((tickets.len(), waiting), (5, 995));
    assert_eq!(site.bind(THERE, APP, "right"), Success);
    for ticket in tickets {
        assert_eq!(site.answer(ticket, APP, "old"), Invalid);
    }
    for _ in 0..waiting {
        assert!(matches!(site.bind(HERE, APP, "old"), Refused(_)));
    }
}

#[test]
fn a_service_that_binds_on_many_connections_at_once_waits_for_the_first_answer_only() {
    let mut site = Site::new(json!({}));
    let mut tickets: Vec<_> = (0..50)
        .filter_map(|_| match site.check(HERE, APP, "right") {
            GuardDecision::Pass(ticket) => Some(ticket),
            _ => None,
        })
        .collect();
    assert_eq!(tickets.len(), 5);
    assert_eq!(site.bind(HERE, APP, "right"), Waits);
    let first = tickets.pop().unwrap();
    assert_eq!(site.answer(first, APP, "right"), Success);
    let at_once: Vec<_> = (0..100).map(|_| site.check(HERE, APP, "right")).collect();
    assert!(at_once.iter().all(|each| matches!(each, GuardDecision::Pass(_))));
}

#[test]
fn binds_that_are_never_answered_hold_nothing_up_for_long() {
    let mut site = Site::new(json!({}));
    for _ in 0..5 {
        let GuardDecision::Pass(_lost) = site.check(HERE, APP, "right") else { panic!() };
    }
    assert_eq!(site.bind(HERE, APP, "right"), Waits);
    site.now += LEASE_SECONDS + 0.1;
    assert_eq!(site.bind(HERE, APP, "right"), Success);

    let GuardDecision::Pass(ticket) = site.check(THERE, APP, "right") else { panic!() };
    site.guard.unanswered(&site.arena, ticket, site.now);
    assert!((0..5).all(|_| matches!(site.check(THERE, APP, "right"), GuardDecision::Pass(_))));
}

#[test]
fn guesses_lock_their_pair_for_longer_and_longer_and_nobody_else() {
    let mut site = Site::new(json!({ "lockout_seconds_max": 60 }));
    assert_eq!(site.fail(HERE, APP, 5), [Invalid; 5]);
    for lockout in [5.0, 10.0, 20.0, 40.0, 60.0, 60.0] {
        site.now += lockout - 0.1;
        assert_eq!(site.bind(HERE, APP, "right"), Refused("lockout_pair"), "{lockout}");
        assert_eq!(site.bind(THERE, APP, "right"), Success);
        assert_eq!(site.bind(HERE, "cn=other", "right"), Success);
        site.now += 0.2;
        assert_eq!(site.fail(HERE, APP, 2), [Invalid, Refused("lockout_pair")]);
    }
    site.now += 60.1;
    assert_eq!(site.bind(HERE, APP, "right"), Success);
    // The failures before are forgotten.
    assert_eq!(site.fail(HERE, APP, 6)[4..], [Invalid, Refused("lockout_pair")]);
}

#[test]
fn behind_a_lockout_one_guess_at_a_time_reaches_the_server() {
    let mut site = Site::new(json!({}));
    site.fail(HERE, APP, 5);
    site.now += 5.1;
    let GuardDecision::Pass(probe) = site.check(HERE, APP, "one more") else { panic!() };
    assert_eq!(site.bind(HERE, APP, "yet another"), Waits);
    assert_eq!(site.answer(probe, APP, "one more"), Invalid);
    assert_eq!(site.bind(HERE, APP, "yet another"), Refused("lockout_pair"));
}

#[test]
fn failures_are_forgotten_one_after_the_other() {
    let mut site = Site::new(json!({}));
    for _ in 0..100 {
        site.now += 61.0;
        assert_eq!(site.fail(HERE, APP, 1), [Invalid]);
    }
    assert_eq!(site.fail(HERE, APP, 5), [Invalid, Invalid, Invalid, Invalid, Refused("lockout_pair")]);
}

#[test]
fn a_wrong_password_is_known_wherever_it_comes_from_and_for_its_time() {
    let mut site = Site::new(json!({ "negative_cache_seconds": 60 }));
    assert_eq!(site.bind(HERE, APP, "old"), Invalid);
    assert_eq!(site.bind(THERE, "CN = App , DC=X", "old"), Refused("negative_cache"));
    assert_eq!(site.bind(THERE, APP, "right"), Success);
    assert_eq!(site.bind(THERE, "cn=other", "old"), Invalid);
    site.now += 61.0;
    site.passwords.insert(APP.to_owned(), "old".to_owned());
    assert_eq!(site.bind(HERE, APP, "old"), Success);
    assert_eq!(site.bind(HERE, APP, "right"), Invalid);

    let mut site = Site::new(json!({ "negative_cache_seconds": 0 }));
    assert_eq!([site.bind(HERE, APP, "old"), site.bind(THERE, APP, "old")], [Invalid, Invalid]);
}

#[test]
fn a_password_that_the_server_takes_after_all_is_no_longer_wrong() {
    let mut site = Site::new(json!({}));
    let GuardDecision::Pass(late) = site.check(HERE, APP, "new") else { panic!() };
    assert_eq!(site.bind(THERE, APP, "new"), Invalid);
    assert_eq!(site.bind(HERE, APP, "new"), Refused("negative_cache"));
    site.passwords.insert(APP.to_owned(), "new".to_owned());
    assert_eq!(site.answer(late, APP, "new"), Success);
    assert_eq!([site.bind(HERE, APP, "new"), site.bind(THERE, APP, "new")], [Success, Success]);
}

#[test]
fn a_new_password_of_an_identity_ends_what_was_known_of_it() {
    let mut site = Site::new(json!({}));
    assert_eq!(site.bind(HERE, APP, "new"), Invalid);
    // This one was asked about before the change, and is answered behind it.
    let GuardDecision::Pass(late) = site.check(HERE, APP, "newer") else { panic!() };
    site.passwords.insert(APP.to_owned(), "new".to_owned());
    assert_eq!(site.bind(HERE, APP, "new"), Refused("negative_cache"));
    site.guard.forget(&site.arena, &Who::from_name(b"CN=app, DC=x"));
    assert_eq!(site.bind(HERE, APP, "new"), Success);
    assert_eq!(site.answer(late, APP, "newer"), Invalid);
    site.passwords.insert(APP.to_owned(), "newer".to_owned());
    assert_eq!(site.bind(HERE, APP, "newer"), Success);
}

#[test]
fn a_success_is_no_pardon_for_spraying() {
    let mut site = Site::new(json!({ "client_failures": 10 }));
    for each in 0..10 {
        assert_eq!(site.bind(HERE, &format!("cn=user {each}"), "Summer2026"), Invalid);
        if each < 9 {
            assert_eq!(site.bind(HERE, APP, "right"), Success);
        }
    }
    assert_eq!(site.bind(HERE, APP, "right"), Refused("lockout_client"));
    assert_eq!(site.bind(HERE, "cn=user 10", "Summer2026"), Refused("lockout_client"));
    assert_eq!(site.bind(THERE, "cn=user 3", "right"), Success);
    site.now += 5.1;
    assert_eq!(site.bind(HERE, APP, "right"), Success);
    assert_eq!(site.bind(HERE, "cn=user 10", "Summer2026"), Invalid);
    site.now += 9.9;
    assert_eq!(site.bind(HERE, APP, "right"), Refused("lockout_client"));
}

#[test]
fn a_stranger_locks_nobody_out_unless_it_is_asked_for() {
    let mut site = Site::new(json!({}));
    for each in 0..200 {
        site.fail(&format!("192.0.2.{each}"), APP, 6);
    }
    assert_eq!(site.bind(HERE, APP, "right"), Success);

    let mut site = Site::new(json!({ "identity_failures": 20 }));
    for each in 0..5 {
        site.fail(&format!("192.0.2.{each}"), APP, 4);
    }
    assert_eq!(site.bind(HERE, APP, "right"), Refused("lockout_identity"));
    assert_eq!(site.bind(HERE, "cn=other", "right"), Success);
}

#[test]
fn clients_are_told_apart_as_they_are_given_addresses() {
    for (one, other, shared) in [
        ("10.0.0.1", "10.0.0.2", false),
        ("2001:db8::1", "2001:db8::2:3", true),
        ("2001:db8::1", "2001:db8:0:1::1", false),
        ("unix", "unix", true),
        ("unix", "10.0.0.1", false),
    ] {
        let mut site = Site::new(json!({}));
        site.fail(one, APP, 5);
        assert_eq!(site.bind(other, APP, "right") != Success, shared, "{one} {other}");
    }
}

#[test]
fn names_that_cannot_be_normalised_are_one_identity_with_a_password_each() {
    let mut site = Site::new(json!({}));
    site.passwords.insert("<GUID=2>".to_owned(), "hers".to_owned());
    assert_eq!(site.bind(HERE, "<GUID=1>", "hers"), Invalid);
    assert_eq!(site.bind(HERE, "<GUID=2>", "hers"), Success);
    let mut site = Site::new(json!({}));
    for each in 0..5 {
        site.fail(HERE, &format!("<GUID={each}>"), 1);
    }
    assert_eq!(site.bind(HERE, "<GUID=6>", "right"), Refused("lockout_pair"));
    assert_eq!(site.bind(HERE, "alice", "right"), Success);
}

#[test]
fn only_a_name_with_a_password_is_judged() {
    let mut site = Site::new(json!({ "exempt": ["192.0.2.0/24"] }));
    site.fail(HERE, APP, 5);
    let sasl = Authentication::Sasl { mechanism: b"PLAIN", credentials: Some(b"\0a\0b") };
    for (address, name, authentication, judged) in [
        (HERE, APP, Authentication::Simple(b"x"), true),
        (HERE, APP, Authentication::Simple(b""), false),
        (HERE, APP, Authentication::Simple(b"\0\0"), false),
        (HERE, "", Authentication::Simple(b"x"), false),
        (HERE, APP, sasl, false),
        (HERE, APP, Authentication::Sicily { tag: 0x89, value: b"" }, false),
        ("192.0.2.9", APP, Authentication::Simple(b"x"), false),
    ] {
        let bind = BindRequest { version: 3, name: name.as_bytes(), authentication };
        let decision = site.guard.check(&site.arena, &client(address), &bind, site.now, &mut site.outcome);
        assert_eq!(matches!(decision, GuardDecision::Refuse { .. }), judged, "{address} {name} {authentication:?}");
    }
    assert_eq!(site.fail("192.0.2.9", APP, 200), [Invalid; 200]);
}

#[test]
fn other_results_count_for_nothing() {
    for code in [ResultCode::BUSY, ResultCode::UNAVAILABLE, ResultCode::NO_SUCH_OBJECT, ResultCode::REFERRAL] {
        let mut site = Site::new(json!({}));
        for _ in 0..20 {
            let GuardDecision::Pass(ticket) = site.check(HERE, APP, "x") else { panic!() };
            site.guard.finished(&site.arena, ticket, code, TOOK, site.now);
        }
        assert!(site.guard.refusal_delay(&site.arena) < 1e-9);
        site.fail(HERE, APP, 4);
        let GuardDecision::Pass(ticket) = site.check(HERE, APP, "x") else { panic!() };
        site.guard.finished(&site.arena, ticket, code, TOOK, site.now);
        assert_eq!(site.fail(HERE, APP, 2), [Invalid, Refused("lockout_pair")], "{code}");
    }
}

#[test]
fn a_refusal_by_the_gateway_takes_as_long_as_one_by_the_server() {
    let mut site = Site::new(json!({}));
    site.bind(HERE, APP, "x");
    assert!((site.guard.refusal_delay(&site.arena) - TOOK).abs() < 1e-6);
}

#[test]
fn in_monitor_mode_everything_passes_and_is_told() {
    let mut site = Site::new(json!({ "mode": "monitor", "client_failures": 8 }));
    let note = |rule| Note { rule: Some(rule), code: Some(ResultCode::INVALID_CREDENTIALS) };
    assert_eq!(site.bind(HERE, APP, "x"), Invalid);
    assert_eq!(site.outcome.notes, []);
    assert_eq!(site.bind(HERE, APP, "x"), Invalid);
    assert_eq!(core::mem::take(&mut site.outcome.notes), [note(NEGATIVE_CACHE)]);
    site.fail(HERE, APP, 3);
    assert_eq!(site.bind(HERE, APP, "right"), Success);
    assert_eq!(core::mem::take(&mut site.outcome.notes), [note(LOCKOUT_PAIR)]);
    assert_eq!(site.fail(HERE, APP, 5), [Invalid; 5]);
    site.outcome.notes.clear();
    assert!((0..20).all(|_| matches!(site.check(HERE, "cn=other", "y"), GuardDecision::Pass(_))));
    assert_eq!(site.outcome.notes, vec![note(LOCKOUT_CLIENT); 20]);
}

#[test]
fn each_guard_works_without_the_others() {
    let mut site = Site::new(json!({ "failures": 0, "client_failures": 0 }));
    assert_eq!(site.fail(HERE, APP, 200), [Invalid; 200]);
    site.bind(HERE, APP, "x");
    assert_eq!(site.bind(HERE, APP, "x"), Refused("negative_cache"));
    let mut site = Site::new(json!({ "failures": 0, "client_failures": 3, "negative_cache_seconds": 0 }));
    assert_eq!(site.guard.layout(), Layout { failures: 65_536, ..Layout::default() });
    assert_eq!([0; 4].map(|_| site.bind(HERE, APP, "x")), [Invalid, Invalid, Invalid, Refused("lockout_client")]);
}

#[test]
fn a_hundred_thousand_addresses_and_names_take_no_more_room_and_free_no_guesser() {
    let mut site = Site::new(json!({ "entries": 16_384 }));
    let octets = site.arena.octets();
    site.fail(HERE, APP, 5);
    for _ in 0..4 {
        site.now += 300.0;
        site.fail(HERE, APP, 5);
    }
    assert_eq!(site.bind(HERE, APP, "right"), Refused("lockout_pair"));
    for each in 0..100_000_u32 {
        let from = IpAddr::V4((0x0b00_0000 + each).into()).to_string();
        assert_eq!(site.bind(&from, &format!("cn=user {each}"), "Summer2026"), Invalid);
    }
    assert_eq!(site.bind(HERE, APP, "right"), Refused("lockout_pair"));
    assert_eq!(site.bind(THERE, APP, "right"), Success);
    assert_eq!(site.arena.octets(), octets);
    assert!(octets < 1_000_000, "{octets}");
}

#[test]
fn a_ticket_tells_nothing_of_a_password() {
    let mut site = Site::new(json!({}));
    let GuardDecision::Pass(ticket) = site.check(HERE, APP, "hunter2") else { panic!() };
    assert_eq!(format!("{ticket:?}"), "GuardTicket(true)");
    site.guard.unanswered(&site.arena, ticket, site.now);
}

#[test]
fn guards_of_two_plugins_count_apart() {
    let mut site = Site::new(json!({}));
    site.fail(HERE, APP, 5);
    site.bind(THERE, APP, "x");
    site.guard = BindGuard::compile(&BindGuardSpec::default(), "another", &mut Faults::default()).unwrap();
    assert_eq!([site.bind(HERE, APP, "x"), site.bind(HERE, APP, "right")], [Invalid, Success]);
}

#[test]
fn the_defaults_are_a_stage() {
    let policy: PolicySpec =
        serde_json::from_value(json!({ "stages": [{ "plugin": "bind_guard", "rules": { "bind_guard": {} } }] }))
            .unwrap();
    let crate::spec::RulesSpec::BindGuard(spec) = &policy.stages[0].rules else { panic!() };
    assert!(BindGuard::compile(spec, "bind_guard", &mut Faults::default()).is_some());
    assert!(serde_json::from_value::<BindGuardSpec>(json!({ "failure": 1 })).is_err());
    assert_eq!((BindGuard::rule_name(NEGATIVE_CACHE), BindGuard::rule_name(4)), ("negative_cache", ""));
}

#[test]
fn every_fault_is_told_with_its_key_path() {
    for (spec, path, message) in [
        (json!({ "failures": 10_001 }), "failures", "at most 10000 expected: 10001"),
        (json!({ "client_failures": 10_001 }), "client_failures", "at most 10000 expected: 10001"),
        (json!({ "identity_failures": 10_001 }), "identity_failures", "at most 10000 expected: 10001"),
        (json!({ "window_seconds": 0 }), "window_seconds", "from 1 to 86400 expected: 0"),
        (json!({ "lockout_seconds": 0 }), "lockout_seconds", "from 0.1 to 86400 expected: 0"),
        (json!({ "lockout_seconds_max": 1e9 }), "lockout_seconds_max", "from 0.1 to 86400 expected: 1000000000"),
        (json!({ "lockout_seconds_max": 1 }), "lockout_seconds_max", "not less than lockout_seconds expected: 1"),
        (json!({ "negative_cache_seconds": -1 }), "negative_cache_seconds", "from 0 to 86400 expected: -1"),
        (json!({ "entries": 2 }), "entries", "from 64 to 1048576 expected: 2"),
        (json!({ "exempt": ["10.0.0.0/8", "x"] }), "exempt[1]", "nor an address: x"),
        (json!({ "failures": 0, "client_failures": 0, "negative_cache_seconds": 0 }), "", "nothing is guarded"),
    ] {
        let faults = compile(spec.clone()).unwrap_err();
        assert_eq!(faults.len(), 1, "{spec}: {faults:?}");
        assert_eq!(faults[0].0, path, "{spec}");
        assert!(faults[0].1.contains(message), "{spec}: {}", faults[0].1);
    }
}
