//! Responses made of choices, as servers write them: lengths in any form, entries, references, results and controls.

use ostiary_ldap::message::ResponseOp;
use ostiary_ldap::oid::{POST_READ_OID, PRE_READ_OID};

use crate::{ATTRIBUTES, Choices, DNS, VALUES};

const URIS: &[&str] = &[
    "ldap://dc1.corp/",
    "ldap://dc1.corp/ou=hr,dc=corp??sub",
    "ldaps://[::1]:636/ou=people,dc=corp",
    "ldap:///cn=a%2cou=h%72,dc=corp",
    "ldap://gateway.example",
    "LDAP://dc2?x",
    "urn:x",
    "",
];

/// An element whose length has a form that the next choice says.
fn element(choices: &mut Choices<'_>, tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("inputs are small").to_be_bytes();
    let needed = length.iter().skip_while(|octet| **octet == 0).count().max(1);
    let form = choices.below(5);
    let mut out = vec![tag];
    if form == 0 && content.len() < 0x80 {
        out.push(length[3]);
    } else {
        let octets = needed.max(form);
        out.push(0x80 | u8::try_from(octets).expect("at most four"));
        out.extend_from_slice(&length[4 - octets..]);
    }
    out.extend_from_slice(content);
    out
}

fn string(choices: &mut Choices<'_>, tag: u8, list: &[&'static str]) -> Vec<u8> {
    let text = choices.text(list);
    element(choices, tag, text)
}

fn attribute(choices: &mut Choices<'_>) -> Vec<u8> {
    let mut content = string(choices, 4, ATTRIBUTES);
    let list = if choices.flag() { URIS } else { VALUES };
    let values = choices.few(|choices| string(choices, 4, list)).concat();
    content.extend(element(choices, 0x31, &values));
    element(choices, 0x30, &content)
}

fn entry(choices: &mut Choices<'_>) -> Vec<u8> {
    let mut body = string(choices, 4, DNS);
    let attributes = [choices.few(attribute), choices.few(attribute)].concat().concat();
    body.extend(element(choices, 0x30, &attributes));
    body
}

fn result(choices: &mut Choices<'_>, operation: ResponseOp) -> Vec<u8> {
    let code = choices.one(&[0, 10, 32, 49, 53]);
    let mut body = vec![0x0a, 1, code];
    body.extend(string(choices, 4, DNS));
    body.extend(string(choices, 4, &["", "see dc1.corp"]));
    if choices.flag() {
        let uris = choices.few(|choices| string(choices, 4, URIS)).concat();
        body.extend(element(choices, 0xa3, &uris));
    }
    if operation == ResponseOp::Extended && choices.flag() {
        body.extend(string(choices, 0x8a, &["1.2.3"]));
        body.extend(string(choices, 0x8b, VALUES));
    }
    body
}

fn control(choices: &mut Choices<'_>) -> Vec<u8> {
    let mut content = string(choices, 4, &[PRE_READ_OID, POST_READ_OID, "1.3.6.1.1.13.01", "1.2.3"]);
    if choices.flag() {
        content.extend([1, 1, 0xff]);
    }
    if choices.octet() & 3 != 3 {
        let body = entry(choices);
        let tag = choices.one(&[0x30, 0x64, 0x31]);
        let value = element(choices, tag, &body);
        content.extend(element(choices, 4, &value));
    }
    element(choices, 0x30, &content)
}

/// A response that mostly follows the grammar.
pub fn response(choices: &mut Choices<'_>, id: u8) -> Vec<u8> {
    let results = [
        ResponseOp::SearchDone,
        ResponseOp::Compare,
        ResponseOp::Modify,
        ResponseOp::Delete,
        ResponseOp::Extended,
        ResponseOp::Bind,
    ];
    let (operation, body) = match choices.below(8) {
        0..=2 => (ResponseOp::SearchEntry, entry(choices)),
        3 => (ResponseOp::SearchReference, choices.few(|choices| string(choices, 4, URIS)).concat()),
        4 => (ResponseOp::Intermediate, choices.octets().to_vec()),
        _ => {
            let operation = choices.one(&results);
            (operation, result(choices, operation))
        }
    };
    let mut content = vec![2, 1, id];
    content.extend(element(choices, operation.tag(), &body));
    if choices.flag() {
        let controls = choices.few(control).concat();
        content.extend(element(choices, 0xa0, &controls));
    }
    element(choices, 0x30, &content)
}
