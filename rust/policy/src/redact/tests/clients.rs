//! Whom rules apply to, and what is wrong with a specification.

use serde_json::json;

use super::*;
use crate::{Mode, Note};

fn name(text: &str) -> Who {
    Who::from_name(text.as_bytes())
}

#[test]
fn a_rule_applies_unless_it_surely_does_not() {
    let dn = json!("cn=wiki,ou=services,dc=corp");
    let below = json!({ "within": "ou=services,dc=corp" });
    let domain = json!({ "upn_domain": "corp.example" });
    for (identity, who, applies) in [
        (&dn, name("CN=Wiki, OU=Services,DC=corp"), true),
        (&dn, name("cn=other,ou=services,dc=corp"), false),
        (&dn, Who::Anonymous, false),
        // The same person by another kind of name, or by one that only the server knows.
        (&dn, name("wiki@corp.example"), true),
        (&dn, name("CORP\\wiki"), true),
        (&dn, Who::Unnamed, true),
        (&dn, Who::Unreadable, true),
        (&below, name("cn=a,ou=services,dc=corp"), true),
        (&below, name("ou=services,dc=corp"), false),
        (&below, name("cn=a,ou=xservices,dc=corp"), false),
        (&domain, name("A@Corp.Example"), true),
        (&domain, name("a@sub.corp.example"), false),
        (&domain, name("CORP\\a"), true),
        (&json!("anonymous"), Who::Anonymous, true),
        (&json!("anonymous"), Who::Unnamed, false),
        (&json!("authenticated"), Who::Unnamed, true),
        (&json!("authenticated"), Who::Unreadable, true),
        (&json!("authenticated"), Who::Anonymous, false),
        (&json!(["anonymous", "a@b"]), Who::Anonymous, true),
        (&json!("any"), Who::Anonymous, true),
    ] {
        let rule = json!({ "name": "r", "identity": identity, "attributes": ["mail"] });
        let redact = compile(json!({ "rules": [rule] })).unwrap();
        assert_eq!(redact.view(&client("10.0.0.1"), &who).is_some(), applies, "{identity} {who:?}");
    }
}

#[test]
fn an_exception_holds_only_if_it_surely_does() {
    let unless = json!({ "from": "10.1.0.0/16", "identity": ["cn=hr,dc=corp", { "within": "ou=hr,dc=corp" }] });
    let rule = json!({ "name": "r", "attributes": ["mail"], "unless": unless });
    let redact = compile(json!({ "rules": [rule] })).unwrap();
    for (address, who, applies) in [
        ("10.1.0.1", name("cn=hr,dc=corp"), false),
        ("10.1.0.1", name("cn=a,ou=hr,dc=corp"), false),
        ("10.2.0.1", name("cn=hr,dc=corp"), true),
        ("", name("cn=hr,dc=corp"), true),
        ("10.1.0.1", name("hr@corp"), true),
        ("10.1.0.1", Who::Unnamed, true),
        ("10.1.0.1", Who::Unreadable, true),
        ("10.1.0.1", Who::Anonymous, true),
    ] {
        assert_eq!(redact.view(&client(address), &who).is_some(), applies, "{address} {who:?}");
    }
}

#[test]
fn networks_and_listeners_are_asked_both() {
    let rule =
        json!({ "name": "r", "from": ["10.0.0.0/8", "2001:db8::1"], "listener": "ldaps", "attributes": ["mail"] });
    let redact = compile(json!({ "rules": [rule] })).unwrap();
    let mut other = client("10.0.0.1");
    other.listener = "internal".into();
    for (client, applies) in [
        (client("10.9.9.9"), true),
        (client("2001:db8::1"), true),
        (client("2001:db8::2"), false),
        (client("192.0.2.1"), false),
        (client(""), false),
        (other, false),
    ] {
        assert_eq!(redact.view(&client, &Who::Anonymous).is_some(), applies, "{client:?}");
    }
}

#[test]
fn what_several_rules_hide_is_hidden_together() {
    let redact = compile(json!({ "rules": [
        { "name": "all", "attributes": ["mail"] },
        { "name": "near", "from": "10.0.0.0/8", "attributes": ["sn"] },
        { "name": "far", "from": "192.0.2.0/24", "attributes": ["uid"] },
        { "name": "seen", "mode": "monitor", "attributes": ["cn"] },
    ] }))
    .unwrap();
    let cut = |address: &str, who: &Who| {
        let view = redact.view(&client(address), who).unwrap();
        ["mail", "sn", "uid", "cn"].map(|name| view.secrets.cuts(name.as_bytes()))
    };
    assert_eq!(cut("10.0.0.1", &Who::Anonymous), [Some(0), Some(1), None, None]);
    assert_eq!(cut("192.0.2.1", &Who::Unnamed), [Some(0), None, Some(2), None]);
    assert_eq!(cut("198.51.100.1", &Who::Anonymous), [Some(0), None, None, None]);
    let monitored = redact.monitored_view(&client("10.0.0.1"), &Who::Anonymous).unwrap();
    assert_eq!(monitored.secrets.cuts(b"cn"), Some(3));
    assert_eq!(monitored.secrets.cuts(b"mail"), None);
    assert_eq!(redact.rule_name(2), Some("far"));
}

#[test]
fn a_rule_in_monitor_mode_notes_and_lets_pass() {
    let redact = compile(json!({ "rules": [{ "name": "r", "mode": "monitor", "attributes": ["mail"] }] })).unwrap();
    assert!(redact.view(&client("10.0.0.1"), &Who::Anonymous).is_none());
    let mut message = Vec::new();
    ostiary_ldap::write::compare_request(&mut message, 1, b"cn=a", b"mail", b"x");
    let request = Request::parse(&message, &FilterLimits::default()).unwrap();
    let mut outcome = Outcome::default();
    let decision = redact.judge(&client("10.0.0.1"), &Who::Anonymous, &Asked::new(&request), &mut outcome);
    assert_eq!(decision, Decision::Pass);
    assert_eq!(outcome.notes, [Note { rule: Some(0), code: Some(ostiary_ldap::result::ResultCode(50)) }]);
    assert_eq!(redact.rules[0].mode, Mode::Monitor);
}

#[test]
fn every_fault_is_told_with_its_place() {
    let faults = compile(json!({ "referrals": "rewrite", "rules": [
        { "name": "a", "attributes": ["mail;lang-de", "*", "cn"], "from": ["10.0.0.1/8", "::ffff:10.0.0.0/104"] },
        { "name": "a", "identity": ["", "nobody", { "within": "" }], "hide": ["", "ou=x"], "unless": {} },
        { "name": "", "attributes": ["1.2.3.4"] },
        { "name": "b" },
        { "name": "c", "attributes": ["cn"], "listener": [] },
    ] }))
    .unwrap_err();
    let places: Vec<_> = faults.iter().map(|fault| fault.split(": ").next().unwrap()).collect();
    assert_eq!(
        places,
        [
            "referral_url",
            "rules[0].from[0]",
            "rules[0].from[1]",
            "rules[0].attributes[0]",
            "rules[0].attributes[1]",
            "rules[1].name",
            "rules[1].identity[0]",
            "rules[1].identity[1]",
            "rules[1].identity[2].within",
            "rules[1].unless",
            "rules[1].hide[0]",
            "rules[2].name",
            "rules[2].attributes",
            "rules[3]",
            "rules[4].listener",
        ],
        "{faults:#?}"
    );
}

#[test]
fn unknown_keys_and_words_are_faults() {
    for spec in [
        json!({ "rule": [] }),
        json!({ "rules": [{ "name": "r", "attribute": ["cn"] }] }),
        json!({ "referrals": "drop" }),
        json!({ "rules": [{ "name": "r", "identity": { "within": "dc=x", "upn_domain": "y" } }] }),
    ] {
        assert!(serde_json::from_value::<RedactSpec>(spec.clone()).is_err(), "{spec}");
    }
}

#[test]
fn explanations_say_what_judging_does() {
    let redact = compile(json!({ "rules": [
        { "name": "far", "from": "192.0.2.0/24", "attributes": ["cn"] },
        { "name": "others", "attributes": ["cn"], "unless": { "from": "10.0.0.0/8" } },
        { "name": "named", "identity": "authenticated", "attributes": ["cn"] },
        { "name": "seen", "mode": "monitor", "attributes": ["cn"] },
        { "name": "hidden", "hide": "cn=a" },
        { "name": "late", "attributes": ["cn"] },
    ] }))
    .unwrap();
    let mut message = Vec::new();
    ostiary_ldap::write::compare_request(&mut message, 1, b"CN=a", b"cn", b"x");
    assert_eq!(refused(&redact, &message), Some(32));
    let request = Request::parse(&message, &FilterLimits::default()).unwrap();
    let reports = redact.explain(&client("10.0.0.1"), &Who::Anonymous, &Asked::new(&request));
    let told: Vec<_> = reports.iter().map(|r| (r.rule, r.spared_by, r.refuses.map(|(code, _)| code.0))).collect();
    assert_eq!(
        told,
        [
            ("far", Some("from"), None),
            ("others", Some("unless"), None),
            ("named", Some("identity"), None),
            ("seen", None, Some(50)),
            ("hidden", None, Some(32)),
        ]
    );
}
