//! Requests behind those that hooks are asked about: they wait, and a client that sends too many is not read.

mod stage;

use std::sync::Arc;

use ostiary_ldap::write;
use ostiary_policy::spec::{HookSpec, PolicySpec, RulesSpec, StageSpec};
use ostiary_policy::{Mode, Policy};
use ostiary_session::{Event, Limits, ListenerTls, Settings, Verdict};
use stage::{LIMITS, Stage, settings};

#[test]
fn a_client_that_sends_more_than_hooks_answer_is_paused() {
    let rules = RulesSpec::Hook(HookSpec { operations: vec!["compare".to_owned()], finished: Vec::new() });
    let spec = PolicySpec { stages: vec![StageSpec { plugin: "hook".to_owned(), mode: Mode::Enforce, rules }] };
    let policy = Some(Arc::new(Policy::compile(&spec, [0; 16]).unwrap()));
    let limits = Limits { outstanding_requests: 2, buffered_bytes: 512, ..LIMITS };
    let plain = settings(ListenerTls::None, limits);
    let settings = Arc::new(Settings { policy, ..Arc::into_inner(plain).unwrap() });
    let mut stage = Stage::new(&settings);
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
