//! Requests made of choices: each kind, with targets, attributes, filters and controls that rules ask about.

use ostiary_ber::{Writer, tag};
use ostiary_ldap::message::{ChangeKind, Control, DerefAliases, Scope};
use ostiary_ldap::oid;
use ostiary_ldap::write;

use crate::{ATTRIBUTES, Choices, DNS, VALUES};

const CONTROLS: &[&str] = &[
    oid::PAGED_RESULTS_OID,
    oid::SORT_REQUEST_OID,
    oid::ASSERTION_OID,
    oid::PRE_READ_OID,
    oid::POST_READ_OID,
    oid::MATCHED_VALUES_OID,
    oid::VIRTUAL_LIST_VIEW_OID,
    oid::MANAGE_DSA_IT_OID,
    oid::PROXIED_AUTHORIZATION_OID,
    "1.3.6.1.1.21.2",
    "1.3.6.1.4.1.4203.666.5.16",
    "1.2.840.113556.1.4.1504",
    "1.3.6.1.4.1.30221.2.5.9",
    "1.3.6.1.1.013.1",
    "1.2.3",
];
const EXTENDED: &[&str] = &[oid::PASSWORD_MODIFY_OID, oid::WHO_AM_I_OID, oid::CANCEL_OID, oid::FAST_BIND_OID, "1.2.3"];
const DEREF_ALIASES: &[DerefAliases] = &[DerefAliases::NeverDerefAliases, DerefAliases::DerefAlways];
const LIMITS: &[u32] = &[0, 1, 2, 1_000, i32::MAX.unsigned_abs()];

fn encoded(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    Writer::append(&mut out, write);
    out
}

fn strings(tag: u8, texts: &[&[u8]]) -> Vec<u8> {
    encoded(|writer| {
        writer.sequence(tag, |list| texts.iter().for_each(|text| list.octet_string(tag::OCTET_STRING, text)))
    })
}

fn filter(choices: &mut Choices<'_>, depth: usize) -> Vec<u8> {
    match choices.below(if depth == 0 { 5 } else { 8 }) {
        0 => strings(0xa3, &[choices.text(ATTRIBUTES), choices.text(VALUES)]),
        1 => encoded(|writer| writer.octet_string(0x87, choices.text(ATTRIBUTES))),
        2 => encoded(|writer| {
            writer.sequence(0xa4, |item| {
                item.octet_string(tag::OCTET_STRING, choices.text(ATTRIBUTES));
                item.sequence(tag::SEQUENCE, |parts| {
                    parts.octet_string(choices.one(&[0x80, 0x81, 0x82]), choices.text(VALUES));
                });
            });
        }),
        3 => encoded(|writer| {
            writer.sequence(0xa9, |item| {
                let has = choices.octet();
                if has & 1 != 0 {
                    item.octet_string(0x81, b"caseIgnoreMatch");
                }
                if has & 2 != 0 || has & 1 == 0 {
                    item.octet_string(0x82, choices.text(ATTRIBUTES));
                }
                item.octet_string(0x83, choices.text(VALUES));
                if has & 4 != 0 {
                    item.raw(b"\x84\x01\xff");
                }
            });
        }),
        4 => strings(choices.one(&[0xa5, 0xa6, 0xa8]), &[choices.text(ATTRIBUTES), choices.text(VALUES)]),
        5 => {
            let member = filter(choices, depth - 1);
            encoded(|writer| writer.sequence(0xa2, |set| set.raw(&member)))
        }
        choice => {
            let members = choices.few(|choices| filter(choices, depth - 1));
            let tag = if choice == 6 { 0xa0 } else { 0xa1 };
            encoded(|writer| writer.sequence(tag, |set| members.iter().for_each(|member| set.raw(member))))
        }
    }
}

fn control_value(choices: &mut Choices<'_>) -> Option<Vec<u8>> {
    Some(match choices.below(8) {
        0 => return None,
        1 => strings(tag::SEQUENCE, &choices.few(|choices| choices.text(ATTRIBUTES))),
        2 => filter(choices, 2),
        3 => {
            let members = choices.few(|choices| filter(choices, 1));
            encoded(|writer| writer.sequence(tag::SEQUENCE, |set| members.iter().for_each(|member| set.raw(member))))
        }
        4 => encoded(|writer| {
            writer.sequence(tag::SEQUENCE, |page| {
                page.integer(i64::from(choices.one(LIMITS)));
                page.octet_string(tag::OCTET_STRING, choices.text(VALUES));
            });
        }),
        5 => {
            let keys = choices.few(|choices| strings(tag::SEQUENCE, &[choices.text(ATTRIBUTES)]));
            encoded(|writer| writer.sequence(tag::SEQUENCE, |list| keys.iter().for_each(|key| list.raw(key))))
        }
        6 => encoded(|writer| {
            writer.sequence(tag::SEQUENCE, |list| {
                list.sequence(tag::SEQUENCE, |spec| {
                    spec.octet_string(tag::OCTET_STRING, choices.text(ATTRIBUTES));
                    spec.raw(&strings(tag::SEQUENCE, &[choices.text(ATTRIBUTES)]));
                });
            });
        }),
        _ => choices.octets().to_vec(),
    })
}

fn search(choices: &mut Choices<'_>, id: u32, controls: &[Control<'_>], out: &mut Vec<u8>) {
    let (filter, attributes) = (filter(choices, 3), choices.few(|choices| choices.text(ATTRIBUTES)));
    let search = write::NewSearch {
        base_object: choices.text(DNS),
        scope: choices.one(&[Scope::WholeSubtree, Scope::BaseObject, Scope::SingleLevel]),
        deref_aliases: choices.one(DEREF_ALIASES),
        size_limit: choices.one(LIMITS),
        time_limit: choices.one(LIMITS),
        types_only: choices.flag(),
        filter: &filter,
        attributes: &attributes,
    };
    write::search_request(out, id, &search, controls);
}

fn modify(choices: &mut Choices<'_>, id: u32, controls: &[Control<'_>], out: &mut Vec<u8>) {
    let kinds = [ChangeKind::Add, ChangeKind::Delete, ChangeKind::Replace, ChangeKind::Increment];
    let made = choices.few(|choices| (choices.one(&kinds), choices.text(ATTRIBUTES), [choices.text(VALUES)]));
    let changes: Vec<_> = made
        .iter()
        .map(|(operation, description, values)| write::NewChange { operation: *operation, description, values })
        .collect();
    write::modify_request(out, id, choices.text(DNS), &changes, controls);
}

fn extended(choices: &mut Choices<'_>, id: u32, controls: &[Control<'_>], out: &mut Vec<u8>) {
    let name = choices.text(EXTENDED);
    let value = match choices.below(4) {
        0 => None,
        1 => Some(choices.octets().to_vec()),
        has => Some(encoded(|writer| {
            writer.sequence(tag::SEQUENCE, |fields| {
                if has == 2 {
                    fields.octet_string(0x80, choices.text(DNS));
                }
                fields.octet_string(0x82, b"new");
            });
        })),
    };
    write::extended_request(out, id, name, value.as_deref(), controls);
}

/// A request that mostly follows the grammar.
pub fn request(choices: &mut Choices<'_>, id: u32) -> Vec<u8> {
    let made = if choices.flag() {
        choices.few(|choices| (choices.text(CONTROLS), choices.flag(), control_value(choices)))
    } else {
        Vec::new()
    };
    let controls: Vec<_> = made
        .iter()
        .map(|(control_type, criticality, value)| Control {
            control_type,
            criticality: *criticality,
            value: value.as_deref(),
        })
        .collect();
    let mut out = Vec::new();
    match choices.below(12) {
        0 | 1 => {
            let password = choices.text(&["secret", "", "other", "\0"]);
            write::bind_request(&mut out, id, choices.text(DNS), password, &controls);
        }
        2 => {
            let mechanism = choices.text(&["EXTERNAL", "gssapi", "PLAIN", "ANONYMOUS"]);
            write::sasl_bind_request(&mut out, id, mechanism, Some(choices.octets()));
        }
        3 => write::compare_request(&mut out, id, choices.text(DNS), choices.text(ATTRIBUTES), choices.text(VALUES)),
        4 => {
            let added = choices.few(|choices| (choices.text(ATTRIBUTES), [choices.text(VALUES)]));
            write::add_request(&mut out, id, choices.text(DNS), added, &controls);
        }
        5 => modify(choices, id, &controls, &mut out),
        6 => write::delete_request(&mut out, id, choices.text(DNS), &controls),
        7 => {
            let superior = choices.flag().then(|| choices.text(DNS));
            let rdn = choices.text(&["cn=new", "userPassword=x", "cn=a+sn=b", "", "cn=a,dc=corp"]);
            write::modify_dn_request(&mut out, id, choices.text(DNS), rdn, choices.flag(), superior);
        }
        8 => extended(choices, id, &controls, &mut out),
        _ => search(choices, id, &controls, &mut out),
    }
    out
}
