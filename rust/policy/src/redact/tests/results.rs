//! What is shown of results and their controls.

use ostiary_ldap::message::{Control, ResponseOp};
use ostiary_ldap::oid::{POST_READ_OID, PRE_READ_OID};
use ostiary_ldap::result::{LdapResult, ResultCode};
use ostiary_ldap::write;

use super::*;

fn entry_value(tag: u8, dn: &str, names: &[&str]) -> Vec<u8> {
    let mut message = Vec::new();
    let attributes = names.iter().map(|name| (name.as_bytes(), [&b"v"[..]]));
    write::search_entry(&mut message, 1, dn.as_bytes(), attributes, &[]);
    let mut value = message.split_off(5);
    value[0] = tag;
    value
}

fn done(control_type: &str, value: &[u8]) -> Vec<u8> {
    let other = Control { control_type: b"1.2.3", criticality: true, value: None };
    let control = Control { control_type: control_type.as_bytes(), criticality: false, value: Some(value) };
    let mut message = Vec::new();
    write::search_done(&mut message, 9, ResultCode::SUCCESS, b"", "", &[other, control, other]);
    message
}

#[test]
fn entries_in_read_controls_are_cut_like_entries() {
    let redaction = view(&hiding(&["mail"], &["ou=hr"]));
    for control_type in [PRE_READ_OID, POST_READ_OID, "1.3.6.1.1.13.01"] {
        for tag in [0x64, 0x30] {
            let message = done(control_type, &entry_value(tag, "cn=a", &["cn", "MAIL;x-a", "sn"]));
            let expected = done(control_type, &entry_value(tag, "cn=a", &["cn", "sn"]));
            assert_eq!(shown(&redaction, &message), Some(expected));
            let message = done(control_type, &entry_value(tag, "cn=a", &["cn"]));
            assert_eq!(shown(&redaction, &message).as_ref(), Some(&message));
        }
        let message = done(control_type, &entry_value(0x64, "cn=a,ou=hr", &["cn"]));
        let shown = shown(&redaction, &message).unwrap();
        let head = ResponseHead::peek(&shown).unwrap().unwrap();
        assert_eq!(head.length, shown.len());
        assert_eq!(head.controls(&shown).map(|control| control.control_type).collect::<Vec<_>>(), [b"1.2.3", b"1.2.3"]);
    }
}

#[test]
fn headers_behind_a_cut_are_found_where_they_went() {
    let redaction = view(&hiding(&["mail"], &["dc=hr"]));
    let response = |matched_dn: &[u8], names: &[&str]| {
        let values = [entry_value(0x64, "cn=a", names), entry_value(0x30, "cn=a", names)];
        let controls = [(PRE_READ_OID, &values[0]), (POST_READ_OID, &values[1])].map(|(oid, value)| Control {
            control_type: oid.as_bytes(),
            criticality: false,
            value: Some(value),
        });
        let mut message = Vec::new();
        write::search_done(&mut message, 9, ResultCode::SUCCESS, matched_dn, "text", &controls);
        message
    };
    let message = response(b"cn=a,dc=hr", &["mail", "cn", "mail;x"]);
    let (left, expected) = (shown(&redaction, &message).unwrap(), response(b"", &["cn"]));
    // Two lengths keep an octet more than they need: the message's, and that of all controls.
    assert_eq!(left.len(), expected.len() + 2);
    assert_eq!(left[..3], [0x30, 0x81, expected[1] + 1]);
    assert_eq!(left[3..19], expected[2..18]);
    assert_eq!(left[19..22], [0xa0, 0x81, expected[19]]);
    assert_eq!(left[22..], expected[20..]);
}

#[test]
fn a_read_control_that_holds_no_entry_is_an_error() {
    let redaction = view(&hiding(&["mail"], &[]));
    for value in [&b""[..], b"\x04\x00", b"\x64\x00", b"\x64\x04\x04\x00\x30\x00\x00"] {
        let message = done(POST_READ_OID, value);
        let head = ResponseHead::peek(&message).unwrap().unwrap();
        assert!(redaction.response(&head, &message, &mut Vec::new()).is_err(), "{value:02x?}");
    }
}

#[test]
fn matched_dn_is_emptied_where_it_names_a_hidden_entry() {
    let redaction = view(&hiding(&[], &["ou=hr,dc=corp"]));
    for (matched_dn, expected) in
        [("dc=corp", "dc=corp"), ("OU=hr,DC=corp", ""), ("cn=x,ou=hr,dc=corp", ""), ("not a name", ""), ("", "")]
    {
        for operation in [ResponseOp::SearchDone, ResponseOp::Compare, ResponseOp::Extended] {
            let response = |matched_dn: &str| {
                let mut message = Vec::new();
                let code = ResultCode::NO_SUCH_OBJECT;
                write::result_response(&mut message, 9, operation, code, matched_dn.as_bytes(), "text");
                message
            };
            assert_eq!(shown(&redaction, &response(matched_dn)), Some(response(expected)), "{matched_dn}");
        }
        let mut bind = Vec::new();
        let code = ResultCode::INVALID_CREDENTIALS;
        write::result_response(&mut bind, 9, ResponseOp::Bind, code, matched_dn.as_bytes(), "text");
        assert_eq!(shown(&redaction, &bind), Some(bind));
    }
}

#[test]
fn intermediate_responses_and_short_results_pass() {
    let redaction = view(&hiding(&["mail"], &["ou=hr"]));
    let mut intermediate = Vec::new();
    write::intermediate(&mut intermediate, 9, Some(b"1.3.6.1.4.1.4203.1.9.1.4"), Some(b"cookie"), &[]);
    for message in [&intermediate[..], b"\x30\x08\x02\x01\x01\x65\x03\x0a\x01\x00"] {
        assert_eq!(shown(&redaction, message).as_deref(), Some(message));
    }
    assert_eq!(LdapResult::parse(b"\x30\x08\x02\x01\x01\x65\x03\x0a\x01\x00").unwrap().code, ResultCode::SUCCESS);
}
