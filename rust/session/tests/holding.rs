//! Requests behind those that hooks are asked about: they wait, and a client that sends too many is not read.

mod stage;

use std::sync::Arc;

use ostiary_ldap::write;
use ostiary_policy::spec::{HookSpec, PolicySpec, RulesSpec, StageSpec};
use ostiary_policy::{Mode, Policy};
use ostiary_session::{Event, Limits, ListenerTls, Settings, Verdict};
use stage::{LIMITS, Stage, settings};

/// A session whose compares a hook is asked about.
fn asking(limits: Limits) -> Stage {
    let rules = RulesSpec::Hook(HookSpec { operations: vec!["compare".to_owned()], finished: Vec::new() });
    let spec = PolicySpec { stages: vec![StageSpec { plugin: "hook".to_owned(), mode: Mode::Enforce, rules }] };
    let policy = Some(Arc::new(Policy::compile(&spec, [0; 16]).unwrap()));
    let plain = settings(ListenerTls::None, limits);
    Stage::new(&Arc::new(Settings { policy, ..Arc::into_inner(plain).unwrap() }))
}

#[test]
fn a_client_that_sends_more_than_hooks_answer_is_paused() {
    let mut stage = asking(Limits { outstanding_requests: 2, buffered_bytes: 512, ..LIMITS });
    let mut message_id = 0;
    while !stage.paused {
        message_id += 1;
        let mut request = Vec::new();
        write::compare_request(&mut request, message_id, b"dc=x", b"cn", b"a");
        stage.client_says(&request);
        assert!(stage.session.buffered() < 1_024, "{} octets are kept", stage.session.buffered());
    }
    let holds = stage.events.iter().filter(|event| matches!(event, Event::Held { .. })).count();
    assert_eq!(holds, 2);
    // With answers it goes on.
    for hold in 0..message_id {
        stage.call(|session, step| session.resume(hold, Verdict::Refuse { code: 53, text: String::new() }, 0.0, step));
    }
    assert!(!stage.paused);
    assert_eq!(stage.session.buffered(), 0);
}

#[test]
fn what_waits_for_space_is_not_overtaken_by_what_is_answered_later() {
    let mut stage = asking(Limits { buffered_bytes: 512, ..LIMITS });
    let requests = [1, 40, 450].map(|octets| {
        let mut request = Vec::new();
        write::compare_request(&mut request, octets, b"dc=x", b"cn", &vec![b'a'; octets as usize]);
        request
    });
    stage.client_says(&requests.concat());
    // All are kept, which is more than may be: the first has no space upstream before another has left.
    for hold in 0..3 {
        stage.call(|session, step| session.resume(hold, Verdict::Pass, 0.0, step));
    }
    assert!(stage.upstream == requests.concat());
}
