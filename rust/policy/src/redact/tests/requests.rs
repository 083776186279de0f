//! Which requests are refused.

use ostiary_ldap::filter::Filter;
use ostiary_ldap::message::{ChangeKind, Control, DerefAliases, Scope};
use ostiary_ldap::oid;
use ostiary_ldap::write::{self, NewChange, NewSearch};

use super::*;

fn search_with(base: &str, filter: &[u8], attributes: &[&[u8]], controls: &[Control<'_>]) -> Vec<u8> {
    let mut message = Vec::new();
    let search = NewSearch {
        base_object: base.as_bytes(),
        scope: Scope::WholeSubtree,
        deref_aliases: DerefAliases::NeverDerefAliases,
        size_limit: 0,
        time_limit: 0,
        types_only: false,
        filter,
        attributes,
    };
    write::search_request(&mut message, 1, &search, controls);
    message
}

fn encoded(filter: &str) -> Vec<u8> {
    Filter::parse(filter, &FilterLimits::default()).unwrap().to_ber()
}

fn search(filter: &str) -> Vec<u8> {
    search_with("dc=corp", &encoded(filter), &[], &[])
}

fn with_control(control_type: &str, value: Option<&[u8]>) -> Vec<u8> {
    let control = Control { control_type: control_type.as_bytes(), criticality: false, value };
    search_with("dc=corp", &encoded("(uid=x)"), &[], &[control])
}

fn sequence(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
}

#[test]
fn filters_that_test_a_hidden_attribute_are_refused_however_it_is_spelt() {
    let redact = hiding(&["userPassword", "sn", "postalAddress"], &[]);
    for (filter, is_refused) in [
        ("(userPassword=a)", true),
        ("(USERPASSWORD=*)", true),
        ("(2.5.4.35>=a)", true),
        ("(OID.2.5.4.35<=a)", true),
        ("(userPassword;x-a=a*)", true),
        ("(surname~=a)", true),
        ("(!(&(uid=a)(|(cn=b)(sn=c))))", true),
        ("(name=a)", true),
        ("(2.5.4.41=a)", true),
        ("(registeredAddress=*)", true),
        ("(userPassword:2.5.13.17:=a)", true),
        ("(:caseIgnoreMatch:=a)", true),
        ("(:dn:caseIgnoreMatch:=a)", true),
        ("(ou:dn:=a)", true),
        ("(anr=a)", true),
        ("(uid=a)", false),
        ("(cn=a)", false),
        ("(cn:caseExactMatch:=a)", false),
        ("(1.3.6.1.4.1.99999.1=a)", false),
        ("(&)", false),
    ] {
        assert_eq!(refused(&redact, &search(filter)), is_refused.then_some(50), "{filter}");
    }
}

#[test]
fn what_no_table_knows_is_refused_where_it_may_be_hidden() {
    let redact = hiding(&["x-secret"], &[]);
    assert_eq!(refused(&redact, &search("(1.3.6.1.4.1.99999.1=a)")), Some(50));
    assert_eq!(refused(&redact, &search("(2.5.4.3=a)")), None);
    assert_eq!(refused(&redact, &search_with("dc=corp", b"\x87\x02x ", &[], &[])), Some(50));
    assert_eq!(refused(&hiding(&[], &["ou=hr"]), &search_with("dc=corp", b"\x87\x02x ", &[], &[])), None);
}

#[test]
fn passwords_alone_leave_ambiguous_name_resolution() {
    assert_eq!(refused(&hiding(&["userPassword", "unicodePwd"], &[]), &search("(anr=smith)")), None);
    assert_eq!(refused(&hiding(&["mail"], &[]), &search("(anr=smith)")), Some(50));
}

#[test]
fn asking_for_and_writing_a_hidden_attribute_pass() {
    let redact = hiding(&["userPassword"], &[]);
    assert_eq!(refused(&redact, &search_with("", &encoded("(uid=a)"), &[b"userPassword", b"*"], &[])), None);
    let (mut add, mut modify) = (Vec::new(), Vec::new());
    write::add_request(&mut add, 1, b"cn=a", [(&b"userPassword"[..], [&b"x"[..]])], &[]);
    let change = NewChange { operation: ChangeKind::Replace, description: b"userPassword", values: &[b"x"] };
    write::modify_request(&mut modify, 1, b"cn=a", &[change], &[]);
    assert_eq!((refused(&redact, &add), refused(&redact, &modify)), (None, None));
}

#[test]
fn compares_on_a_hidden_attribute_are_refused() {
    let redact = hiding(&["sn"], &[]);
    for (attribute, is_refused) in
        [("sn", true), ("surname;lang-de", true), ("2.5.4.4", true), ("name", true), ("s n", true), ("cn", false)]
    {
        let mut message = Vec::new();
        write::compare_request(&mut message, 1, b"cn=a", attribute.as_bytes(), b"x");
        assert_eq!(refused(&redact, &message), is_refused.then_some(50), "{attribute}");
    }
}

#[test]
fn controls_that_tell_of_a_hidden_attribute_are_refused() {
    let redact = hiding(&["sn"], &[]);
    let key = |name: &str| sequence(0x30, &sequence(0x30, &sequence(4, name.as_bytes())));
    let list = |name: &str| sequence(0x30, &sequence(4, name.as_bytes()));
    let items = |filter: &str| sequence(0x30, &encoded(filter));
    let deref =
        |by: &str, shown: &str| sequence(0x30, &sequence(0x30, &[sequence(4, by.as_bytes()), list(shown)].concat()));
    for (control, value, is_refused) in [
        (oid::SORT_REQUEST_OID, key("surname"), true),
        (oid::SORT_REQUEST_OID, key("cn"), false),
        (oid::SORT_REQUEST_OID, b"\x30\x03".to_vec(), true),
        ("1.2.840.113556.1.4.0473", key("sn"), true),
        (oid::ASSERTION_OID, encoded("(name=a)"), true),
        (oid::ASSERTION_OID, encoded("(cn=a)"), false),
        (oid::ASSERTION_OID, b"".to_vec(), true),
        (oid::PRE_READ_OID, list("sn;x-a"), true),
        (oid::POST_READ_OID, list("2.5.4.4"), true),
        (oid::POST_READ_OID, list("*"), false),
        (oid::POST_READ_OID, b"\x31\x00".to_vec(), true),
        (oid::MATCHED_VALUES_OID, items("(sn=a*)"), true),
        (oid::MATCHED_VALUES_OID, items("(cn=a*)"), false),
        (oid::MATCHED_VALUES_OID, b"\x30\x7f".to_vec(), true),
        (
            oid::VIRTUAL_LIST_VIEW_OID,
            b"\x30\x0e\x02\x01\x00\x02\x01\x00\xa0\x06\x02\x01\x01\x02\x01\x00".to_vec(),
            true,
        ),
        ("1.3.6.1.4.1.4203.666.5.16", deref("member", "sn"), true),
        ("1.3.6.1.4.1.4203.666.5.16", deref("name", "uid"), true),
        ("1.3.6.1.4.1.4203.666.5.16", deref("member", "*"), true),
        ("1.3.6.1.4.1.4203.666.5.16", deref("member", "uid"), false),
        ("1.2.840.113556.1.4.1504", list("name"), true),
        ("1.2.840.113556.1.4.1504", list("member"), false),
        ("1.2.840.113556.1.4.1504", b"x".to_vec(), true),
        ("1.3.6.1.4.1.30221.2.5.9", b"anything".to_vec(), true),
        (oid::PAGED_RESULTS_OID, b"anything".to_vec(), false),
    ] {
        assert_eq!(
            refused(&redact, &with_control(control, Some(&value))),
            is_refused.then_some(50),
            "{control} {value:?}"
        );
    }
    assert_eq!(refused(&redact, &with_control(oid::SORT_REQUEST_OID, None)), Some(50));
    // Nothing of attributes is asked where only entries are hidden, but what goes by no name is refused.
    let redact = hiding(&[], &["ou=hr"]);
    assert_eq!(refused(&redact, &with_control(oid::SORT_REQUEST_OID, Some(&key("sn")))), None);
    assert_eq!(refused(&redact, &with_control("1.3.6.1.4.1.4203.666.5.16", Some(&deref("member", "uid")))), Some(50));
}

#[test]
fn a_sorted_list_view_passes_with_keys_that_are_shown() {
    let keys = |name: &str| sequence(0x30, &sequence(0x30, &sequence(4, name.as_bytes())));
    for (name, is_refused) in [("cn", false), ("sn", true)] {
        let keys = keys(name);
        let view: &[u8] = b"\x30\x0e\x02\x01\x00\x02\x01\x00\xa0\x06\x02\x01\x01\x02\x01\x00";
        let controls = [(oid::VIRTUAL_LIST_VIEW_OID, view), (oid::SORT_REQUEST_OID, &keys)]
            .map(|(oid, value)| Control { control_type: oid.as_bytes(), criticality: true, value: Some(value) });
        let message = search_with("dc=corp", &encoded("(uid=x)"), &[], &controls);
        assert_eq!(refused(&hiding(&["sn"], &[]), &message), is_refused.then_some(50), "{name}");
    }
}

#[test]
fn a_hidden_target_is_no_such_object_for_every_operation() {
    let redact = hiding(&[], &["ou=hr,dc=corp"]);
    for (name, expected) in [
        ("ou=hr,dc=corp", Some(32)),
        ("cn=a,OU=h\\72, dc=corp", Some(32)),
        ("cn=a,ou=it,dc=corp", None),
        ("<GUID=ff>", Some(50)),
        ("ou=hr\u{200b},dc=corp", Some(50)),
    ] {
        let mut messages = vec![Vec::new(); 4];
        let dn = name.as_bytes();
        write::compare_request(&mut messages[0], 1, dn, b"cn", b"x");
        write::delete_request(&mut messages[1], 1, dn, &[]);
        write::add_request(&mut messages[2], 1, dn, [(&b"cn"[..], [&b"x"[..]])], &[]);
        write::modify_request(&mut messages[3], 1, dn, &[], &[]);
        messages.push(search_with(name, &encoded("(uid=x)"), &[], &[]));
        let mut rename = Vec::new();
        write::modify_dn_request(&mut rename, 1, dn, b"cn=b", true, None);
        messages.push(rename);
        let identity = sequence(0x30, &sequence(0x80, dn));
        let mut password = Vec::new();
        write::extended_request(&mut password, 1, oid::PASSWORD_MODIFY_OID.as_bytes(), Some(&identity), &[]);
        messages.push(password);
        for message in &messages {
            assert_eq!(refused(&redact, message), expected, "{name}");
        }
        // A hidden account may log in.
        let mut bind = Vec::new();
        write::bind_request(&mut bind, 1, dn, b"secret", &[]);
        assert_eq!(refused(&redact, &bind), None);
    }
    assert_eq!(refused(&redact, &search_with("", &encoded("(uid=x)"), &[], &[])), None);
}

#[test]
fn nothing_is_moved_to_or_out_of_a_hidden_place() {
    let redact = hiding(&[], &["ou=hr,ou=offices,dc=corp"]);
    for (entry, new_rdn, new_superior, expected) in [
        ("cn=a,dc=corp", "cn=b", None, None),
        ("cn=a,dc=corp", "cn=b", Some("OU=HR,ou=offices,dc=corp"), Some(32)),
        ("ou=x,ou=offices,dc=corp", "OU=hr", None, Some(32)),
        ("cn=a,dc=corp", "cn=b", Some("not a name"), Some(50)),
        ("ou=offices,dc=corp", "ou=open", None, Some(50)),
        ("dc=corp", "dc=open", None, Some(50)),
        ("ou=other,dc=corp", "ou=open", None, None),
    ] {
        let mut message = Vec::new();
        let superior = new_superior.map(str::as_bytes);
        write::modify_dn_request(&mut message, 1, entry.as_bytes(), new_rdn.as_bytes(), false, superior);
        assert_eq!(refused(&redact, &message), expected, "{entry} {new_rdn} {new_superior:?}");
    }
}

#[test]
fn entries_that_a_transaction_would_answer_elsewhere_are_not_asked_for() {
    let transaction = Control { control_type: b"1.3.6.1.1.21.2", criticality: true, value: Some(b"1") };
    let post_read = Control { control_type: oid::POST_READ_OID.as_bytes(), criticality: true, value: Some(b"\x30\0") };
    for redact in [hiding(&["sn"], &[]), hiding(&[], &["ou=hr"])] {
        for (controls, expected) in
            [(&[transaction, post_read][..], Some(50)), (&[post_read, transaction], Some(50)), (&[transaction], None)]
        {
            let mut message = Vec::new();
            write::modify_request(&mut message, 1, b"cn=a", &[], controls);
            assert_eq!(refused(&redact, &message), expected);
        }
    }
}
