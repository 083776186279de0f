//! Size limits of rules: entries count, also those that are too large to wait for.

mod stage;

use std::sync::Arc;

use ostiary_ldap::message::{ResponseHead, ResponseOp};
use ostiary_policy::rules::Effect;
use ostiary_policy::spec::{OneOrMany, PolicySpec, RulesSpec, StageSpec};
use ostiary_policy::{AllowListSpec, Mode, Policy};
use ostiary_session::{Limits, ListenerTls, Settings};
use stage::{LIMITS, Stage, entry, search, settings};

#[test]
fn entries_that_come_in_parts_count() {
    let rule = ostiary_policy::rules::RuleSpec {
        name: "one".to_owned(),
        effect: Effect::Allow,
        operations: Some(OneOrMany::One("search".to_owned())),
        size_limit: Some(1),
        code: None,
        text: None,
        from: None,
        listener: None,
        tls: None,
        certificate: None,
        identity: None,
        mechanisms: None,
        base: None,
        scope: None,
        filter: None,
        filter_attributes: None,
        attributes: None,
        narrow: false,
        controls: None,
        extended: None,
        time_limit: None,
        mode: Mode::Enforce,
        changes: None,
        aliases: false,
    };
    let rules = RulesSpec::AllowList(AllowListSpec { rules: vec![rule], ..AllowListSpec::default() });
    let spec = PolicySpec { stages: vec![StageSpec { plugin: "list".to_owned(), mode: Mode::Enforce, rules }] };
    let policy = Some(Arc::new(Policy::compile(&spec, [0; 16]).unwrap()));
    let plain = settings(ListenerTls::None, Limits { buffered_bytes: 512, ..LIMITS });
    let mut stage = Stage::new(&Arc::new(Settings { policy, ..Arc::into_inner(plain).unwrap() }));
    let mut request = Vec::new();
    search(&mut request, 1);
    stage.client_says(&request);
    let mut response = Vec::new();
    entry(&mut response, 1, 2_000);
    for _ in 0..2 {
        stage.upstream_says(&response[..600]);
        stage.upstream_says(&response[600..]);
    }
    assert_eq!(stage.client[..response.len()], response);
    let rest = &stage.client[response.len()..];
    let head = ResponseHead::peek(rest).unwrap().unwrap();
    assert_eq!((head.length, head.operation), (rest.len(), ResponseOp::SearchDone));
}
