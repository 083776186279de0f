//! No secret reaches a record, whatever carries it and however it is spelt, even where filter values are shown.

mod making;

use making::{FORMATS, made, plain_client, record, search, spec};
use ostiary_ldap::message::{ChangeKind, Control};
use ostiary_ldap::oid;
use ostiary_ldap::result::ResultCode;
use ostiary_ldap::write::{self, NewChange};
use ostiary_ledger::audit::{Audit, AuditSpec, ClientFields, End};
use proptest::prelude::*;

/// Attributes whose values are secret: those that always are, and one that the configuration names.
const SECRETS: &[&str] = &[
    "userPassword",
    "2.5.4.35",
    "OID.2.5.4.35",
    "oid.userPassword",
    "unicodePwd",
    "1.2.840.113556.1.4.90",
    "dBCSPwd",
    "sambaNTPassword",
    "1.3.6.1.4.1.7165.2.1.25",
    "krbPrincipalKey",
    "pwdHistory",
    "ms-Mcs-AdmPwd",
    "msLAPS-Password",
    "oathSecret",
    "employeePin",
];

/// A secret attribute in letters of any case, with options or without.
fn secret_attribute() -> impl Strategy<Value = String> {
    let options = prop::sample::select(vec!["", ";binary", ";lang-de;x-a"]);
    (prop::sample::select(SECRETS), any::<u32>(), options).prop_map(|(name, cases, options)| {
        let cased = name.chars().enumerate().map(|(place, letter)| {
            if cases >> (place % 32) & 1 == 0 { letter.to_ascii_lowercase() } else { letter.to_ascii_uppercase() }
        });
        cased.chain(options.chars()).collect()
    })
}

/// A secret that is found again in what is shown, and octets around it that might lead out of where it stands.
fn secret() -> impl Strategy<Value = (String, Vec<u8>)> {
    let around = || prop::collection::vec(prop::sample::select(b"\"\\=*()\x00\xff,+;# a".to_vec()), 0..6);
    ("zq[a-z0-9]{10,20}", around(), around(), any::<bool>()).prop_map(|(core, before, after, is_utf16)| {
        let octets = if is_utf16 {
            // As Active Directory takes passwords: quoted, in UTF-16.
            format!("\"{core}\"").encode_utf16().flat_map(u16::to_le_bytes).collect()
        } else {
            [&before, core.as_bytes(), &after].concat()
        };
        (core, octets)
    })
}

/// Context-specific strings one after another, as filters and password modify have them.
fn elements(tag: u8, parts: &[(u8, &[u8])]) -> Vec<u8> {
    let mut content = Vec::new();
    for (tag, part) in parts {
        content.extend_from_slice(&[*tag, 0x82]);
        content.extend_from_slice(&u16::try_from(part.len()).unwrap().to_be_bytes());
        content.extend_from_slice(part);
    }
    let mut element = vec![tag, 0x82];
    element.extend_from_slice(&u16::try_from(content.len()).unwrap().to_be_bytes());
    element.extend_from_slice(&content);
    element
}

/// Every filter item that can hold a value.
fn filters(attribute: &[u8], value: &[u8]) -> Vec<Vec<u8>> {
    let assertions = [0xa3, 0xa5, 0xa6, 0xa8].map(|tag| elements(tag, &[(4, attribute), (4, value)]));
    let parts = elements(0x30, &[(0x80, value), (0x81, value), (0x82, value)]);
    let mut substrings = vec![4, u8::try_from(attribute.len()).unwrap()];
    substrings.extend_from_slice(attribute);
    substrings.extend_from_slice(&parts);
    let mut whole = vec![0xa4, 0x82];
    whole.extend_from_slice(&u16::try_from(substrings.len()).unwrap().to_be_bytes());
    whole.extend_from_slice(&substrings);
    let mut filters = vec![
        whole,
        elements(0xa9, &[(0x82, attribute), (0x83, value)]),
        elements(0xa9, &[(0x81, b"2.5.13.17"), (0x82, attribute), (0x83, value)]),
        elements(0xa9, &[(0x81, b"2.5.13.17"), (0x83, value)]),
    ];
    filters.extend(assertions);
    let all = filters.concat();
    let mut set = vec![0xa1, 0x82];
    set.extend_from_slice(&u16::try_from(all.len()).unwrap().to_be_bytes());
    set.extend_from_slice(&all);
    filters.push(set);
    filters
}

/// Every request that can carry a secret, each where one may stand.
fn requests(attribute: &[u8], value: &[u8]) -> Vec<Vec<u8>> {
    let control = Control { control_type: b"2.16.840.1.113730.3.4.18", criticality: true, value: Some(value) };
    let changes = [ChangeKind::Add, ChangeKind::Delete, ChangeKind::Replace, ChangeKind::Increment]
        .map(|operation| NewChange { operation, description: attribute, values: &[] });
    let values = [value];
    let changes = changes.map(|change| NewChange { values: &values, ..change });
    let attributes: [(&[u8], [&[u8]; 1]); 2] = [(b"cn", [b"al"]), (attribute, [value])];
    let passwords = elements(0x30, &[(0x80, b"cn=al,dc=x"), (0x81, value), (0x82, value)]);
    let modify = oid::PASSWORD_MODIFY_OID.as_bytes();
    let named = [b"cn=al+".as_slice(), attribute, b"=", value, b",dc=x"].concat();
    let mut messages = vec![
        made(|out| write::bind_request(out, 3, b"cn=al", value, &[control])),
        made(|out| write::sasl_bind_request(out, 3, b"PLAIN", Some(value))),
        made(|out| write::modify_request(out, 3, b"cn=al", &changes, &[control])),
        made(|out| write::add_request(out, 3, b"cn=al", attributes, &[])),
        made(|out| write::compare_request(out, 3, b"cn=al", attribute, value)),
        made(|out| write::extended_request(out, 3, modify, Some(&passwords), &[control])),
        made(|out| write::extended_request(out, 3, modify, Some(value), &[])),
        made(|out| write::extended_request(out, 3, b"1.2.3", Some(value), &[])),
        // A name is no place for a password, but some put one there.
        made(|out| write::bind_request(out, 3, &named, b"x", &[])),
        made(|out| write::delete_request(out, 3, &named, &[])),
        made(|out| write::modify_dn_request(out, 3, b"cn=al", &named, true, Some(&named))),
        search(&named, &filters(b"cn", b"al")[0], &[b"cn"], &[control]),
        search(b"", &filters(b"seeAlso", &named)[1], &[], &[]),
    ];
    messages.extend(filters(attribute, value).iter().map(|filter| search(b"dc=x", filter, &[attribute], &[])));
    // Sicily: a token in the place of a password.
    let mut sicily = messages[0].clone();
    let place = sicily.windows(value.len()).position(|window| window == value).unwrap();
    let tag = sicily[..place].iter().rposition(|octet| *octet == 0x80).unwrap();
    sicily[tag] = 0x8b;
    messages.push(sicily);
    messages
}

/// What is shown, without what stands for zeros and for octets that are no text between the letters of UTF-16.
fn bared(record: &str) -> String {
    ["\\u0000", "\\\\00", "\\\\5c00", "\\\\\\\\00"]
        .iter()
        .fold(record.to_lowercase(), |text, zero| text.replace(zero, ""))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn no_secret_is_in_any_record((core, value) in secret(), attribute in secret_attribute(), values: bool) {
        prop_assert!(value.len() > 9);
        let named = format!("cn=al,{attribute}={core},dc=x");
        for format in FORMATS {
            let secret_attributes = vec!["employeePin".into()];
            let mut audit =
                Audit::compile(&AuditSpec { filter_values: values, secret_attributes, ..spec(format) }).unwrap();
            let client = ClientFields { identity: Some(&named), ..plain_client() };
            let end = End { code: Some(ResultCode::SUCCESS), identity: Some(&named), ..End::default() };
            for message in requests(attribute.as_bytes(), &value) {
                for end in [end, End { identity: None, ..end }] {
                    let record = record(&mut audit, &client, &message, &end);
                    prop_assert!(!bared(&record).contains(&core), "{core}: {record}");
                }
            }
        }
    }
}

#[test]
fn the_same_values_are_seen_where_they_are_no_secret() {
    // Otherwise the property above would hold of a record that shows nothing.
    for format in FORMATS {
        let mut audit = Audit::compile(&AuditSpec { filter_values: true, ..spec(format) }).unwrap();
        let seen = requests(b"description", b"zq0123456789")
            .iter()
            .filter(|message| record(&mut audit, &plain_client(), message, &End::default()).contains("zq0123456789"))
            .count();
        // A compare, four names, a filter on a name, and all filters but the one that names no attribute.
        assert_eq!(seen, 1 + 4 + 1 + 8);
        let utf16: Vec<u8> = "\"zq01\"".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let message = made(|out| write::compare_request(out, 3, b"", b"description", &utf16));
        assert!(bared(&record(&mut audit, &plain_client(), &message, &End::default())).contains("zq01"));
    }
}
