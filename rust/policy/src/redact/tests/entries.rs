//! What is shown of entries.

use ostiary_ldap::message::{Control, SearchResultEntry};
use ostiary_ldap::write;

use super::*;

fn entry(dn: &str, names: &[&str]) -> Vec<u8> {
    let mut message = Vec::new();
    let attributes = names.iter().map(|name| (name.as_bytes(), [&b"one"[..], b"two"]));
    write::search_entry(&mut message, 9, dn.as_bytes(), attributes, &[]);
    message
}

fn names(message: &[u8]) -> Vec<String> {
    let entry = SearchResultEntry::parse(message).unwrap();
    entry.attributes.map(|attribute| String::from_utf8(attribute.description.to_vec()).unwrap()).collect()
}

#[test]
fn every_spelling_of_a_hidden_attribute_is_cut() {
    for (hidden, spelling) in [
        ("userPassword", "userPassword"),
        ("userPassword", "USERPASSWORD"),
        ("userPassword", "2.5.4.35"),
        ("userPassword", "OID.2.5.4.35"),
        ("2.5.4.35", "userPassword"),
        ("userPassword", "userPassword;lang-en"),
        ("userPassword", "userPassword;x-a;binary"),
        ("member", "member;range=0-1499"),
        ("member", "2.5.4.31;Range=1500-*"),
        ("userCertificate", "userCertificate;binary"),
        ("sn", "surname"),
        ("surname", "2.5.4.4"),
        ("name", "cn"),
        ("name", "givenName;lang-de"),
        ("NAME", "c-l"),
        ("l", "2.5.4.7.1"),
        ("distinguishedName", "seeAlso"),
        ("postalAddress", "registeredAddress"),
        ("x-secret", "X-Secret"),
        // It may be the hidden one's: no table knows.
        ("x-secret", "1.3.6.1.4.1.99999.1"),
        // What no server sends, and no reader of ours can normalise.
        ("userPassword", "userPassword "),
        ("userPassword", "userPassword;"),
        ("userPassword", "2.5.4.035"),
        ("userPassword", "user\u{200b}Password"),
        ("userPassword", "*"),
    ] {
        let message = entry("cn=a,dc=x", &["description", spelling, "uid"]);
        let shown = shown(&view(&hiding(&[hidden], &[])), &message).unwrap();
        assert_eq!(shown.len() + 4 + spelling.len() + 2 + 10, message.len(), "{hidden} {spelling}");
        assert_eq!(names(&shown), ["description", "uid"], "{hidden} {spelling}");
        assert!(!glance(&view(&hiding(&[hidden], &[])), &message), "{hidden} {spelling}");
    }
}

fn glance(redaction: &Redaction, message: &[u8]) -> bool {
    let head = ResponseHead::peek(message).unwrap().unwrap();
    redaction.surely_shows(&head, message, &mut LastNames::default())
}

#[test]
fn a_glance_is_enough_for_what_servers_mostly_send() {
    let redaction = view(&hiding(&["userPassword", "unicodePwd"], &[]));
    let message = entry("cn=a,dc=x", &["objectClass", "cn", "unixHomeDirectoryOrSo", "x", "MAIL"]);
    assert!(glance(&redaction, &message));
    let mut message = Vec::new();
    write::search_entry(&mut message, 9, b"", [(&b"c"[..], [&[0; 300][..]]), (b"sn", [b""])], &[]);
    assert!(glance(&redaction, &message), "long values, and a short end");
    assert!(glance(&redaction, &[&b"\x30\x0c\x02\x01\x07\x65\x07\x0a\x01\x00\x04\x00\x04\x00"[..]].concat()));
    for other in ["cn;lang-de", "2.5.4.3", "oid.2.5.4.3", "ou;", "x y", &"x".repeat(40)] {
        assert!(!glance(&redaction, &entry("cn=a,dc=x", &["cn", other])), "{other} is looked into");
    }
}

#[test]
fn other_attributes_are_shown_and_their_messages_untouched() {
    for (hidden, spelling) in [
        ("userPassword", "userPasswordHistory"),
        ("cn", "name"),
        ("cn", "sn"),
        ("userPassword", "1.3.6.1.4.1.99999.1"),
        ("x-secret", "2.5.4.3"),
        ("x-secret", "x-secrets"),
    ] {
        let message = entry("cn=a,dc=x", &[spelling]);
        let view = view(&hiding(&[hidden], &[]));
        let head = ResponseHead::peek(&message).unwrap().unwrap();
        assert_eq!(view.response(&head, &message, &mut Vec::new()), Ok(Fate::Untouched), "{hidden} {spelling}");
    }
}

#[test]
fn lengths_keep_the_form_of_active_directory() {
    let long = |tag: u8, content: &[u8]| {
        [&[tag, 0x84][..], &u32::try_from(content.len()).unwrap().to_be_bytes(), content].concat()
    };
    let attribute = |name: &str| long(0x30, &[long(4, name.as_bytes()), long(0x31, &long(4, b"v"))].concat());
    let message = |attributes: &[&str]| {
        let list = long(0x30, &attributes.iter().flat_map(|name| attribute(name)).collect::<Vec<_>>());
        long(0x30, &[&b"\x02\x01\x05"[..], &long(0x64, &[long(4, b"cn=a"), list].concat())].concat())
    };
    let redaction = view(&hiding(&["mail", "sn"], &[]));
    for (attributes, left) in [
        (&["mail"][..], &[][..]),
        (&["cn", "mail", "uid"], &["cn", "uid"]),
        (&["mail", "sn", "cn", "mail", "uid", "sn"], &["cn", "uid"]),
    ] {
        assert_eq!(shown(&redaction, &message(attributes)), Some(message(left)), "{attributes:?}");
    }
}

#[test]
fn lengths_keep_two_octets_where_one_would_do() {
    let mut message = Vec::new();
    let attributes = [(&b"mail"[..], [&[b'x'; 300][..]]), (b"cn", [b"a"])];
    write::search_entry(&mut message, 9, b"cn=a", attributes, &[]);
    let shown = shown(&view(&hiding(&["mail"], &[])), &message).unwrap();
    let expected = b"\x30\x82\x00\x1c\x02\x01\x09\x64\x82\x00\x15\x04\x04cn=a\x30\x82\x00\x0b";
    assert_eq!(shown[..expected.len()], expected[..]);
    assert_eq!(shown.len(), 0x1c + 4);
    assert_eq!(names(&shown), ["cn"]);
}

#[test]
fn hidden_entries_are_dropped_however_they_are_spelt() {
    let redaction = view(&hiding(&[], &["ou=hr,dc=corp"]));
    for (dn, is_shown) in [
        ("ou=hr,dc=corp", false),
        ("cn=a,OU=HR , DC=corp", false),
        ("cn=a,ou=h\\72,dc=corp", false),
        ("cn=a,2.5.4.11=hr,dc=corp", false),
        ("cn=a,ou=#04026872,dc=corp", false),
        ("<GUID=ff>;cn=a,ou=it,dc=corp", false),
        ("cn=a,ou=xhr,dc=corp", true),
        ("cn=hr,dc=corp", true),
        ("dc=corp", true),
        ("", true),
    ] {
        assert_eq!(shown(&redaction, &entry(dn, &["cn", "x y"])).is_some(), is_shown, "{dn}");
    }
}

#[test]
fn the_rule_that_hid_something_is_named() {
    let redact = compile(serde_json::json!({ "rules": [
        { "name": "a", "attributes": ["mail"] },
        { "name": "b", "attributes": ["sn", "mail"], "hide": "ou=hr" },
    ] }))
    .unwrap();
    let fate = |dn: &str, names: &[&str]| {
        let message = entry(dn, names);
        let head = ResponseHead::peek(&message).unwrap().unwrap();
        view(&redact).response(&head, &message, &mut Vec::new())
    };
    assert_eq!(fate("cn=a", &["cn"]), Ok(Fate::Untouched));
    assert_eq!(fate("cn=a", &["cn", "sn", "mail"]), Ok(Fate::Rewritten { rule: Some(1) }));
    assert_eq!(fate("cn=a", &["mail"]), Ok(Fate::Rewritten { rule: Some(0) }));
    assert_eq!(fate("cn=a,ou=hr", &["mail"]), Ok(Fate::Dropped { rule: Some(1) }));
}

#[test]
fn a_malformed_entry_is_an_error_and_nothing_of_it_is_shown() {
    let redaction = view(&hiding(&["mail"], &["ou=hr"]));
    for body in [
        &b""[..],
        b"\x04\x05cn=a",
        b"\x04\x04cn=a",
        b"\x04\x04cn=a\x31\x00",
        b"\x04\x04cn=a\x30\x02\x30\x00",
        b"\x04\x04cn=a\x30\x04\x30\x02\x02\x00",
        b"\x04\x04cn=a\x30\x02\x30\x7f",
        b"\x04\x04cn=a\x30\x00\x04\x00",
    ] {
        let length = u8::try_from(body.len()).unwrap();
        let message = [&[0x30, length + 5, 2, 1, 1, 0x64, length], body].concat();
        let head = ResponseHead::peek(&message).unwrap().unwrap();
        let mut out = Vec::new();
        assert!(redaction.response(&head, &message, &mut out).is_err(), "{body:02x?}");
        assert!(out.is_empty());
    }
}

#[test]
fn other_controls_of_an_entry_keep_their_bytes() {
    let mut message = Vec::new();
    let control = Control { control_type: b"1.3.6.1.4.1.4203.1.9.1.2", criticality: false, value: Some(b"state") };
    let attributes = |names: &'static [&'static str]| names.iter().map(|name| (name.as_bytes(), [&b"v"[..]]));
    write::search_entry(&mut message, 9, b"cn=a", attributes(&["cn", "mail", "sn"]), &[control]);
    let mut expected = Vec::new();
    write::search_entry(&mut expected, 9, b"cn=a", attributes(&["cn", "sn"]), &[control]);
    assert_eq!(shown(&view(&hiding(&["mail"], &[])), &message), Some(expected));
}
