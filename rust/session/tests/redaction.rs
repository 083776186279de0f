//! Responses that have to be read whole and cannot be: whatever they are, the client gets one answer of its request's
//! kind.

mod stage;

use std::sync::Arc;

use ostiary_ldap::message::{ResponseHead, ResponseOp};
use ostiary_ldap::result::{LdapResult, ResultCode};
use ostiary_ldap::write;
use ostiary_policy::redact::{RedactRuleSpec, RedactSpec};
use ostiary_policy::spec::{PolicySpec, RulesSpec, StageSpec};
use ostiary_policy::{Mode, Policy};
use ostiary_session::{Limits, ListenerTls, Settings};
use stage::{LIMITS, Stage, settings};

/// A client from whom an attribute is hidden, and who has compared something.
fn compared() -> Stage {
    let rule = RedactRuleSpec {
        name: "secrets".to_owned(),
        from: None,
        listener: None,
        identity: None,
        unless: None,
        attributes: vec!["userPassword".to_owned()],
        hide: None,
        mode: Mode::Enforce,
    };
    let rules = RulesSpec::Redact(RedactSpec { rules: vec![rule], ..RedactSpec::default() });
    let spec = PolicySpec { stages: vec![StageSpec { plugin: "redact".to_owned(), mode: Mode::Enforce, rules }] };
    let policy = Some(Arc::new(Policy::compile(&spec, [0; 16]).unwrap()));
    let limits = Limits { message_bytes: 4_096, buffered_bytes: 512, ..LIMITS };
    let plain = settings(ListenerTls::None, limits);
    let settings = Arc::new(Settings { policy, ..Arc::into_inner(plain).unwrap() });
    let mut stage = Stage::new(&settings);
    stage.client_says(&compare(1));
    stage
}

fn compare(message_id: u32) -> Vec<u8> {
    let mut request = Vec::new();
    write::compare_request(&mut request, message_id, b"dc=x", b"cn", b"a");
    request
}

/// What the client got, which is one result.
fn answer(stage: &Stage) -> (u32, ResponseOp, ResultCode) {
    let head = ResponseHead::peek(&stage.client).unwrap().unwrap();
    assert_eq!(head.length, stage.client.len());
    (head.message_id, head.operation, LdapResult::parse(&stage.client).unwrap().code)
}

#[test]
fn a_result_that_is_too_large_to_read_is_answered_in_its_kind() {
    let mut stage = compared();
    let mut response = Vec::new();
    write::result_response(&mut response, 1, ResponseOp::Compare, ResultCode(6), b"", &"x".repeat(5_000));
    stage.upstream_says(&response[..600]);
    stage.upstream_says(&response[600..]);
    assert_eq!(answer(&stage), (1, ResponseOp::Compare, ResultCode::ADMIN_LIMIT_EXCEEDED));
    // The id is free again, for nothing more is to come of its request.
    stage.client.clear();
    stage.client_says(&compare(1));
    response.clear();
    write::result_response(&mut response, 1, ResponseOp::Compare, ResultCode(6), b"", "");
    stage.upstream_says(&response);
    assert_eq!(answer(&stage), (1, ResponseOp::Compare, ResultCode(6)));
}

#[test]
fn a_result_that_cannot_be_read_leaves_no_request_without_an_answer() {
    let mut stage = compared();
    stage.upstream_says(&[0x30, 5, 2, 1, 1, ResponseOp::Compare.tag(), 0]);
    assert_eq!(answer(&stage), (1, ResponseOp::Compare, ResultCode::UNAVAILABLE));
    assert_eq!(stage.session.outstanding(), 0);
}
