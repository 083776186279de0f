//! What is shown of the names of upstream hosts.

use ostiary_ldap::message::{ResponseOp, SearchResultEntry, SearchResultReference};
use ostiary_ldap::result::LdapResult;
use ostiary_ldap::write;
use serde_json::json;

use super::*;

fn redact(referrals: &str, root_dse: &str) -> Redact {
    compile(json!({ "referrals": referrals, "root_dse": root_dse, "referral_url": "ldaps://ldap.example.org" }))
        .unwrap()
}

fn referral(operation: ResponseOp, code: u8, uris: Option<&[&str]>) -> Vec<u8> {
    let mut body = vec![0x0a, 1, code, 4, 4];
    body.extend_from_slice(b"dc=x");
    body.extend_from_slice(b"\x04\x0cref 1: 'dc1'");
    if let Some(uris) = uris {
        let uris: Vec<_> =
            uris.iter().flat_map(|uri| [&[4, u8::try_from(uri.len()).unwrap()], uri.as_bytes()].concat()).collect();
        body.extend_from_slice(&[0xa3, 0x81, u8::try_from(uris.len()).unwrap()]);
        body.extend_from_slice(&uris);
    }
    if operation == ResponseOp::Extended {
        body.extend_from_slice(b"\x8a\x03\x31\x2e\x32");
    }
    let operation = [&[operation.tag(), 0x84, 0, 0, 0, u8::try_from(body.len()).unwrap()], &body[..]].concat();
    [&[0x30, 0x81, u8::try_from(operation.len() + 3).unwrap(), 2, 1, 9], &operation[..], b""].concat()
}

fn result(message: &[u8]) -> (u32, String, Option<Vec<String>>) {
    let result = LdapResult::parse(message).unwrap();
    let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
    assert_eq!(result.matched_dn, b"dc=x");
    let uris = result.referral.map(|uris| uris.map(text).collect());
    (result.code.0, text(result.diagnostic_message), uris)
}

#[test]
fn references_pass_or_are_dropped_or_rewritten() {
    let reference = |uris: &[&str]| {
        let mut message = Vec::new();
        write::search_reference(&mut message, 9, uris.iter().map(|uri| uri.as_bytes()));
        message
    };
    let message = reference(&["ldap://dc1.corp/ou=x,dc=corp??sub", "ldap://dc2.corp:389/ou=x,dc=corp??sub"]);
    assert!(redact("pass", "pass").view(&client(""), &Who::Anonymous).is_none());
    assert_eq!(shown(&view(&redact("pass", "strip")), &message).as_ref(), Some(&message));
    assert_eq!(shown(&view(&redact("strip", "pass")), &message), None);
    let rewritten = shown(&view(&redact("rewrite", "pass")), &message).unwrap();
    assert_eq!(rewritten, reference(&["ldaps://ldap.example.org/ou=x,dc=corp??sub"]));
    assert_eq!(SearchResultReference::parse(&rewritten).unwrap().uris.count(), 1);
    assert_eq!(shown(&view(&redact("rewrite", "pass")), &reference(&["urn:host:dc1"])), None);
    let ours = reference(&["ldaps://ldap.example.org/dc=x"]);
    assert_eq!(shown(&view(&redact("rewrite", "pass")), &ours), Some(ours));
}

#[test]
fn references_to_hidden_entries_are_dropped_whatever_else_is_said() {
    let redact = compile(json!({ "rules": [{ "name": "r", "hide": "ou=hr" }] })).unwrap();
    let mut message = Vec::new();
    write::search_reference(&mut message, 9, [&b"ldap://dc1/cn=a,ou=HR"[..]]);
    assert_eq!(shown(&view(&redact), &message), None);
    let left = result(
        &shown(&view(&redact), &referral(ResponseOp::SearchDone, 10, Some(&["ldap://a/ou=it", "ldap://a/ou=hr"])))
            .unwrap(),
    );
    assert_eq!(left.2, Some(vec!["ldap://a/ou=it".into()]));
}

#[test]
fn a_referral_without_uris_is_unwilling_to_perform_and_says_nothing() {
    let uris = ["ldap://dc1.corp/dc=x", "ldap://dc2.corp/dc=x"];
    for operation in [ResponseOp::SearchDone, ResponseOp::Modify, ResponseOp::Bind, ResponseOp::Extended] {
        let message = referral(operation, 10, Some(&uris));
        let stripped = shown(&view(&redact("strip", "pass")), &message).unwrap();
        assert_eq!(result(&stripped), (53, String::new(), None), "{operation:?}");
        let rewritten = shown(&view(&redact("rewrite", "pass")), &message).unwrap();
        let expected = vec!["ldaps://ldap.example.org/dc=x".to_owned()];
        assert_eq!(result(&rewritten), (10, String::new(), Some(expected)), "{operation:?}");
        for shown in [&stripped, &rewritten] {
            let head = ResponseHead::peek(shown).unwrap().unwrap();
            assert_eq!((head.operation, head.length), (operation, shown.len()));
            assert_eq!(shown[head.body_offset - 5], 0x84);
            assert_eq!(shown.ends_with(b"\x8a\x03\x31\x2e\x32"), operation == ResponseOp::Extended);
        }
    }
    for mode in ["strip", "rewrite"] {
        let bare = shown(&view(&redact(mode, "pass")), &referral(ResponseOp::SearchDone, 10, None)).unwrap();
        assert_eq!(result(&bare), (53, String::new(), None));
        // URIs beside another code go; what the server says stays.
        let odd = shown(&view(&redact("strip", "pass")), &referral(ResponseOp::SearchDone, 0, Some(&uris))).unwrap();
        assert_eq!(result(&odd), (0, "ref 1: 'dc1'".into(), None));
        let plain = referral(ResponseOp::SearchDone, 32, None);
        assert_eq!(shown(&view(&redact(mode, "pass")), &plain), Some(plain));
    }
}

#[test]
fn host_names_leave_the_root_dse_and_no_other_entry() {
    let attributes: &[(&str, &[&str])] = &[
        ("defaultNamingContext", &["dc=corp"]),
        ("dnsHostName", &["dc1.corp"]),
        ("serverName", &["cn=dc1,cn=servers"]),
        ("dsServiceName", &["cn=ntds settings,cn=dc1"]),
        ("ldapServiceName", &["corp:dc1$@CORP"]),
        ("ALTSERVER", &["ldap://dc2.corp/", "ldap://dc3.corp/"]),
        ("ref", &["ldap://dc2.corp/dc=x"]),
        ("supportedLDAPVersion", &["3"]),
    ];
    let entry = |dn: &str| {
        let mut message = Vec::new();
        let attributes = attributes.iter().map(|(name, values)| (name.as_bytes(), values.iter().map(|v| v.as_bytes())));
        write::search_entry(&mut message, 9, dn.as_bytes(), attributes, &[]);
        message
    };
    let read = |message: &[u8]| {
        let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
        let attributes = SearchResultEntry::parse(message).unwrap().attributes;
        attributes.map(|a| (text(a.description), a.values.map(text).collect::<Vec<_>>().join(" "))).collect::<Vec<_>>()
    };
    let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    for mode in ["strip", "rewrite"] {
        assert_eq!(shown(&view(&redact("pass", mode)), &entry("cn=dc1")), Some(entry("cn=dc1")));
    }
    assert_eq!(shown(&view(&redact("strip", "pass")), &entry("")), Some(entry("")));
    assert_eq!(
        read(&shown(&view(&redact("pass", "strip")), &entry("")).unwrap()),
        [own("defaultNamingContext", "dc=corp"), own("supportedLDAPVersion", "3")]
    );
    assert_eq!(
        read(&shown(&view(&redact("pass", "rewrite")), &entry("")).unwrap()),
        [
            own("defaultNamingContext", "dc=corp"),
            own("dnsHostName", "ldap.example.org"),
            own("ALTSERVER", "ldaps://ldap.example.org/"),
            own("ref", "ldaps://ldap.example.org/dc=x"),
            own("supportedLDAPVersion", "3"),
        ]
    );
}

#[test]
fn types_only_root_dse_stays_without_values() {
    let mut message = Vec::new();
    write::search_entry(&mut message, 9, b"", [(&b"dnsHostName"[..], []), (b"serverName", [])], &[]);
    let mut expected = Vec::new();
    write::search_entry(&mut expected, 9, b"", [(&b"dnsHostName"[..], [])], &[]);
    assert_eq!(shown(&view(&redact("pass", "rewrite")), &message), Some(expected));
}

#[test]
fn hidden_attributes_of_a_root_dse_are_cut_too() {
    let redact = compile(json!({ "root_dse": "strip", "rules": [{ "name": "r", "attributes": ["vendorName"] }] }));
    let mut message = Vec::new();
    let attributes = ["vendorName", "dnsHostName", "namingContexts"].map(|name| (name.as_bytes(), [&b"v"[..]]));
    write::search_entry(&mut message, 9, b"", attributes, &[]);
    let mut expected = Vec::new();
    write::search_entry(&mut expected, 9, b"", [(&b"namingContexts"[..], [&b"v"[..]])], &[]);
    assert_eq!(shown(&view(&redact.unwrap()), &message), Some(expected));
}
