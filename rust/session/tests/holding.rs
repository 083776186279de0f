//! Requests behind those that hooks are asked about: they wait, and a client that sends too many is not read.

mod stage;

use std::sync::Arc;

use ostiary_ldap::message::RequestKind;
use ostiary_ldap::result::ResultCode;
use ostiary_ldap::write;
use ostiary_policy::spec::{HookSpec, PolicySpec, RulesSpec, StageSpec};
use ostiary_policy::{Mode, Policy};
use ostiary_session::{CloseReason, Event, Limits, ListenerTls, Settings, Verdict};
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

/// A compare with a value of so many octets, which are its message id, too.
fn compare(octets: u32) -> Vec<u8> {
    let mut request = Vec::new();
    write::compare_request(&mut request, octets, b"dc=x", b"cn", &vec![b'a'; octets as usize]);
    request
}

#[test]
fn what_waits_for_space_is_not_overtaken_by_what_is_answered_later() {
    for is_at_once in [false, true] {
        let mut stage = asking(Limits { buffered_bytes: 512, ..LIMITS });
        let requests = [1, 40, 450].map(compare);
        stage.client_says(&requests.concat());
        // All are kept, which is more than may be: the first has no space upstream before another has left.
        if is_at_once {
            let verdicts = (0..3).map(|hold| (hold, Verdict::Pass));
            stage.call(|session, step| session.resume_all(verdicts, 0.0, step));
        } else {
            for hold in 0..3 {
                stage.call(|session, step| session.resume(hold, Verdict::Pass, 0.0, step));
            }
        }
        assert!(stage.upstream == requests.concat());
    }
}

#[test]
fn verdicts_that_come_together_are_followed_one_after_the_other_and_none_behind_an_end() {
    let mut stage = asking(LIMITS);
    let requests = [1, 2, 3, 4, 5].map(compare);
    stage.client_says(&requests.concat());
    stage.call(|session, step| session.resume(0, Verdict::Pass, 0.0, step));
    let verdicts = [
        (0, Verdict::Pass),
        (1, Verdict::Refuse { code: 53, text: "no".to_owned() }),
        (2, Verdict::Pass),
        (3, Verdict::Close("gone".to_owned())),
        (4, Verdict::Pass),
    ];
    stage.call(|session, step| session.resume_all(verdicts.into_iter(), 0.0, step));
    assert!(stage.upstream.starts_with(&[requests[0].as_slice(), &requests[2]].concat()));
    assert!(!stage.upstream.windows(requests[4].len()).any(|octets| octets == requests[4]));
    let mut refusal = Vec::new();
    write::refusal(&mut refusal, 2, RequestKind::Compare, ResultCode(53), "no");
    assert!(stage.client.starts_with(&refusal));
    assert!(stage.events.iter().any(|event| matches!(event, Event::Close(CloseReason::Policy))));
}
